"""What a strategy is made of is nobody's business: no log, message, traceback or command shows it unasked."""

from __future__ import annotations

import logging
import sqlite3
import traceback
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from paper_repo import (
    ConflictError,
    PaperRepoError,
    PaperTradingSession,
    SessionRepository,
    SQLiteSessionRepository,
    Strategy,
)
from paper_repo.core.repository import internals_of
from paper_repo.maintenance.copy import copy_sessions
from paper_repo.maintenance.salvage.salvage import salvage
from tests.builders import new_fill, new_session
from tests.cli.conftest import Run
from tests.cli.conftest import database as database
from tests.cli.conftest import filled as filled
from tests.cli.conftest import run as run

SECRET = "the-alpha-9731"


def secretive(**changes: object) -> PaperTradingSession:
    """A session whose strategy has parameters, and a state, that nobody may see."""
    fields: dict[str, object] = {
        "id": "one",
        "strategy": Strategy("mean", "1", {"alpha": SECRET}),
        "state": {"checkpoint": SECRET},
    }
    return new_session(**(fields | changes))


def use(path: Path, copied: Path) -> None:
    """Save, load and change it in every way."""
    with SessionRepository(path) as repository:
        session = secretive()
        repository.save(session)
        session.record_fill(new_fill(1))
        repository.save_many([session, secretive(id="other")])
        with repository.atomic():
            session.mark({}, at=session.created_at)
            repository.save(session)
        repository.get_by_id("one")
        repository.get_all(strategy="mean", order_by="equity")
        repository.get_summaries()
        list(repository.iterate())
        repository.check()
        repository.backup(copied.with_name("backup.db"))
        with SessionRepository(copied) as other:
            copy_sessions(repository, other)
        repository.delete("other")


def failures(path: Path) -> list[PaperRepoError]:
    """The errors of everything that can go wrong with it."""
    found: list[PaperRepoError] = []

    def fails(call: Callable[[], object]) -> None:
        with pytest.raises(PaperRepoError) as failure:
            call()
        found.append(failure.value)

    with SessionRepository(path, busy_timeout=0) as repository:
        fails(lambda: repository.save(secretive()))
        for wrong in ({"alpha": SECRET, "bad": float("nan")}, {"alpha": SECRET, 1: 2}, {"alpha": [SECRET, {1, 2}]}):
            fails(lambda wrong=wrong: repository.save(secretive(id="x", strategy=Strategy("m", "1", wrong))))  # type: ignore[misc]
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            fails(lambda: repository.save(secretive(id="y")))
            other.execute("ROLLBACK")
            other.execute("UPDATE paper_trading_sessions SET strategy = replace(strategy, '}', ' ')")
            fails(lambda: repository.get_by_id("one"))
            fails(repository.get_all)
            other.execute("UPDATE paper_trading_sessions SET state = CAST(state || x'ff' AS TEXT)")
            fails(lambda: repository.get_by_id("one"))
            fails(lambda: repository.get_all(symbol="AAPL"))
        found += repository.get_all(errors="report").errors
        found += [PaperRepoError(str(each)) for each in repository.check().problems]
    return found


def test_nothing_is_logged(path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With everything logged at the lowest level, Peewee's statements included, no record holds a session's value."""
    caplog.set_level(logging.NOTSET)
    logging.getLogger("peewee").setLevel(logging.DEBUG)

    use(path, tmp_path / "copied.db")

    assert any(each.name == "peewee" for each in caplog.records)
    shown = [f"{each.getMessage()} {each.msg!r} {each.args!r} {each.exc_info!r}" for each in caplog.records]
    assert not [each for each in shown if SECRET in each]
    assert not [each for each in shown if "100.25" in each]


@pytest.mark.anyio
async def test_the_facade_logs_nothing_either(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nor do the async repository, its thread and the event loop."""
    caplog.set_level(logging.NOTSET)

    async with SQLiteSessionRepository(path) as repository:
        await repository.save(secretive())
        async with repository.atomic():
            await repository.save(secretive(id="two"))
        with pytest.raises(ConflictError):
            await repository.save(secretive())
        await repository.get_all()

    assert SECRET not in caplog.text


def test_no_error_shows_it(path: Path, tmp_path: Path) -> None:
    """No message, repr or traceback, of the error or of what caused it, holds it."""
    use(path, tmp_path / "copied.db")

    found = failures(path)

    assert len({type(each) for each in found}) > 4
    for error in found:
        told = "".join(traceback.format_exception(error))
        assert SECRET not in f"{told} {error!r} {error.args!r} {vars(error)!r}", type(error)


def test_no_repository_or_report_shows_it(path: Path, tmp_path: Path) -> None:
    """Neither what a repository, a check, a copy and a salvage say of themselves."""
    use(path, tmp_path / "copied.db")
    with SessionRepository(path) as repository, SessionRepository(tmp_path / "other.db") as other:
        shown = [
            repository,
            internals_of(repository).storage,
            repository.describe(),
            repository.check(),
            copy_sessions(repository, other),
        ]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE paper_trading_sessions SET state = state || ' '")

    shown.append(salvage(path, tmp_path / "salvaged.db"))

    assert SECRET not in repr(shown)


def test_no_command_shows_it_unasked(run: Run, database: Path, tmp_path: Path) -> None:
    """Commands that are not asked for the parameters do not show them, not even when they fail."""
    with SessionRepository(database) as repository:
        repository.save(secretive())
    new, other = str(tmp_path / "new.db"), str(tmp_path / "other.db")
    done = [run(*words) for words in (["list"], ["check"], ["salvage", new], ["salvage", new], ["copy", other])]
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE paper_trading_sessions SET strategy = strategy || ']' WHERE id = 'one'")
    failed = [run(*words) for words in (["show", "one"], ["check"], ["export", "one"])]

    assert [each.exit_code for each in done + failed] == [0, 0, 0, 4, 0, 1, 1, 1]
    assert SECRET not in "".join(each.output for each in done + failed)
