"""A schema that somebody changes while a repository is open: work goes on, or an error says what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest

from paper_repo import BusyError, PaperTradingSession, SessionRepository, StorageError
from paper_repo.watching import SessionChanges
from tests.builders import new_fill, new_session

SAME_VALUES = [
    "ALTER TABLE paper_trading_sessions ALTER COLUMN name TYPE varchar(200)",
    "ALTER TABLE paper_trading_sessions ALTER COLUMN version TYPE int",
    "ALTER TABLE paper_trading_sessions ADD COLUMN mine int NOT NULL DEFAULT 1",
    "ALTER TABLE paper_trading_fills ALTER COLUMN price TYPE numeric(60, 20)",
    "CREATE INDEX mine ON paper_trading_sessions (name)",
]
"""What an administrator may do to the tables, and all values are what they were."""


VIEWS = "paper_trading_sessions_numeric, paper_trading_fills_numeric, paper_trading_equity_numeric"
"""The views that hold on to the columns below; the server lets nobody change these before they are dropped."""


@pytest.fixture
def change(url: str) -> Iterator[Callable[[str], object]]:
    """Runs SQL on the test's database, beside the repository."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP VIEW {VIEWS}")
        yield connection.execute


def use_everything(repository: SessionRepository, session: PaperTradingSession) -> None:
    """Run each of the statements that a program repeats, so that those that are ever prepared are."""
    for _ in range(7):
        session.record_fill(new_fill(session.version))
        repository.save(session)
        with repository.atomic():
            repository.save(session)
        assert repository.get_by_id(session.id) == session
        assert repository.exists(session.id)
        assert not repository.delete("nobody")


def until(changes: SessionChanges, version: int) -> bool:
    """Whether a change to this version is reported."""
    return any(change.version == version for change in changes)


@pytest.mark.parametrize("statement", SAME_VALUES)
def test_a_change_that_keeps_the_values_is_not_noticed(
    url: str, change: Callable[[str], object], statement: str
) -> None:
    """Statements that the server had prepared for the old columns are prepared again."""
    session = new_session()
    with SessionRepository(url) as repository, repository.watch(timeout=5) as changes:
        use_everything(repository, session)
        assert until(changes, session.version)

        change(statement)

        assert repository.get_by_id(session.id) == session
        use_everything(repository, session)
        assert until(changes, session.version)


def test_a_watch_goes_on_after_a_change(url: str, change: Callable[[str], object]) -> None:
    """A watch that has looked often enough to have prepared its statement prepares it again."""
    session = new_session()
    with SessionRepository(url) as repository, repository.watch(timeout=5) as changes:
        for _ in range(8):
            repository.save(session)
            assert until(changes, session.version)

        change("ALTER TABLE paper_trading_sessions ALTER COLUMN version TYPE int")
        change("ALTER TABLE paper_trading_deletions ALTER COLUMN version TYPE int")

        repository.save(session)
        assert until(changes, session.version)


@pytest.mark.parametrize("statement", SAME_VALUES)
def test_a_change_inside_a_block(url: str, change: Callable[[str], object], statement: str) -> None:
    """A block that had not touched the table yet either goes on, or fails whole and may be repeated."""
    session = new_session()
    with SessionRepository(url) as repository:
        use_everything(repository, session)

        def block(meanwhile: Callable[[], None] = lambda: None) -> None:
            with repository.atomic():
                meanwhile()
                session.name = "later"
                repository.save(session)
                assert repository.get_by_id(session.id) == session

        try:
            block(lambda: change(statement))
        except BusyError:  # which says that the call may be repeated
            block()

        assert (session.version, session.name) == (15, "later")
        assert repository.get_by_id(session.id) == session


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE paper_trading_sessions RENAME COLUMN cash TO money",
        "ALTER TABLE paper_trading_sessions DROP COLUMN state",
        "ALTER TABLE paper_trading_sessions ADD COLUMN mine int NOT NULL",
        "ALTER TABLE paper_trading_sessions RENAME TO others",
        "ALTER TABLE paper_trading_fills ADD CHECK (price > 1000000)",
        "DROP TABLE paper_trading_fills CASCADE",
        "DROP TABLE paper_trading_sessions CASCADE",
        "DROP SEQUENCE paper_trading_changes",
        "ALTER TABLE paper_trading_sessions DROP change_number, ADD change_number date",
        "ALTER TABLE paper_trading_sessions DROP CONSTRAINT paper_trading_sessions_pkey CASCADE",
    ],
)
def test_a_change_that_breaks_it_is_told(url: str, change: Callable[[str], object], statement: str) -> None:
    """The error says that somebody has changed the tables, nothing is stored, and the session is as it was."""
    session = new_session()
    session.record_fill(new_fill(1))
    with SessionRepository(url) as repository:
        for number in range(7):
            repository.save(new_session(id=str(number)))
        change(statement.replace("NOT NULL", "NOT NULL DEFAULT 0"))
        if "NOT NULL" in statement:
            change("ALTER TABLE paper_trading_sessions ALTER COLUMN mine DROP DEFAULT")

        for _ in range(2):
            with pytest.raises(StorageError, match=r"somebody has (changed|removed)"):
                repository.save(session)

    assert (session.version, len(session.new_fills)) == (0, 1)


def test_tables_that_were_made_again_are_used(url: str, change: Callable[[str], object]) -> None:
    """A database that was emptied and set up anew under an open repository is used as it is now."""
    session = new_session()
    with SessionRepository(url) as repository:
        use_everything(repository, session)
        change("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        with pytest.raises(StorageError, match="somebody has removed them"):
            repository.count()
        with SessionRepository(url):
            pass

        assert repository.count() == 0
        repository.save(new_session(id="new"))
        assert repository.exists("new")
