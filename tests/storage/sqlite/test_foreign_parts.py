"""Files of ours in which somebody has put something that runs: refused by name, and nothing of it ever runs."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from paper_repo import ForeignDatabaseError, SessionRepository
from paper_repo.core.repository import internals_of
from paper_repo.maintenance.files import compact, restore_backup
from paper_repo.maintenance.salvage.salvage import salvage
from paper_repo.storage import schema
from paper_repo.storage.sqlite import foreign_parts
from paper_repo.storage.sqlite.storage import SQLiteStorage
from tests.builders import full_session, moment, new_fill, new_session
from tests.storage.sqlite.damage import content

FIXTURES = Path(__file__).parents[2] / "fixtures"

FORGED = {
    "the trigger 'evil' on 'paper_trading_fills'": [
        "CREATE TRIGGER evil AFTER INSERT ON paper_trading_fills BEGIN DELETE FROM paper_trading_equity; END"
    ],
    "the trigger 'later' on 'paper_trading_sessions'": [
        "CREATE TRIGGER later BEFORE UPDATE OF cash ON paper_trading_sessions BEGIN SELECT RAISE(IGNORE); END"
    ],
    "the view 'shown'": ["CREATE VIEW shown AS SELECT abs(cash) FROM paper_trading_sessions"],
    "the view 'paper_trading_equity'": [
        "DROP VIEW paper_trading_equity_numeric",
        "ALTER TABLE paper_trading_equity RENAME TO hidden",
        "CREATE VIEW paper_trading_equity AS SELECT * FROM hidden",
    ],
    "the view 'paper_trading_fills_numeric'": [
        "DROP VIEW paper_trading_fills_numeric",
        "CREATE VIEW paper_trading_fills_numeric AS SELECT 0 AS fee",
    ],
    "the table 'paper_trading_sessions'": [
        "ALTER TABLE paper_trading_sessions ADD COLUMN extra TEXT AS (upper(state)) VIRTUAL"
    ],
    "the table 'paper_trading_claims'": ["ALTER TABLE paper_trading_claims ADD COLUMN extra TEXT CHECK (abs(extra))"],
    "the table 'defaults'": ["CREATE TABLE defaults (x DEFAULT (random()))"],
    "the table 'found'": ["CREATE VIRTUAL TABLE found USING rtree(id, low, high)"],
    "the index 'expression' on 'paper_trading_sessions'": [
        "CREATE INDEX expression ON paper_trading_sessions (upper(name))"
    ],
    "the index 'partial' on 'paper_trading_sessions'": [
        "CREATE INDEX partial ON paper_trading_sessions (name) WHERE name > 5"
    ],
}
"""What is named, and what makes it."""


def forge(path: Path, statements: list[str]) -> None:
    """Change the schema of a file as another program does."""
    with closing(sqlite3.connect(path)) as connection:
        for each in statements:
            connection.execute(each)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@pytest.fixture
def filled(path: Path) -> Path:
    """A file with sessions that have a history."""
    traded = new_session(id="traded")
    for number in range(5):
        traded.apply_fill(new_fill(number))
        traded.mark({"AAPL": number}, at=moment(number))
    with SessionRepository(path) as repository:
        repository.save_many([full_session(), traded])
    return path


def save(path: Path) -> None:
    """Save another session."""
    with SessionRepository(path) as repository:
        repository.save(new_session())


def check(path: Path) -> None:
    """Check all that is stored."""
    with SessionRepository(path) as repository:
        repository.check()


def restore_from(path: Path) -> None:
    """Restore it as if it were a backup."""
    restore_backup(path, path.with_name("restored.db"))


def back_up(path: Path) -> None:
    """Make a backup of it."""
    with SessionRepository(path) as repository:
        repository.backup(path.with_name("backup.db"))


USES: list[Callable[[Path], object]] = [save, check, restore_from, back_up, compact]


@pytest.mark.parametrize("use", USES, ids=lambda use: use.__name__)
@pytest.mark.parametrize("named", FORGED)
def test_what_would_run_is_named_and_nothing_is_touched(
    filled: Path, named: str, use: Callable[[Path], object]
) -> None:
    """Whatever the file is opened for, it is refused with what is in it that is not ours, and stays as it is."""
    forge(filled, FORGED[named])
    before = filled.read_bytes()

    with pytest.raises(ForeignDatabaseError, match=f"this file has {named}, which paper_repo does not make"):
        use(filled)

    assert [each.name for each in filled.parent.iterdir()] == [filled.name]
    assert filled.read_bytes() == before


def test_what_lies_in_the_log_is_found(filled: Path, tmp_path: Path) -> None:
    """A trigger that is in SQLite's log beside the file is seen before the log is moved into the file."""
    forged = tmp_path / "forged.db"
    with closing(sqlite3.connect(filled)) as connection:
        connection.execute(FORGED["the trigger 'evil' on 'paper_trading_fills'"][0])
        for ending in ("", "-wal"):
            shutil.copy(f"{filled}{ending}", f"{forged}{ending}")
    before = Path(f"{forged}-wal").read_bytes()

    with pytest.raises(ForeignDatabaseError, match="the trigger 'evil'"):
        save(forged)

    assert Path(f"{forged}-wal").read_bytes() == before


def test_a_journal_beside_it_hides_nothing(filled: Path) -> None:
    """Where one says that the file was empty before, and SQLite does not heed it, the file is looked at, too."""
    forge(filled, FORGED["the trigger 'evil' on 'paper_trading_fills'"])
    before = filled.read_bytes()
    Path(f"{filled}-journal").write_bytes(bytes.fromhex("d9d505f920a163d7") + bytes(600))

    with pytest.raises(ForeignDatabaseError, match="the trigger 'evil'"):
        save(filled)

    assert filled.read_bytes() == before


@pytest.mark.parametrize("version", [1, 2])
def test_an_old_file_is_looked_at_before_its_upgrade(path: Path, version: int) -> None:
    """A trigger does not run for an upgrade either, and there is no backup of such a file."""
    shutil.copy(FIXTURES / f"schema-{version}.db", path)
    forge(path, ["CREATE TRIGGER evil AFTER UPDATE ON paper_trading_sessions BEGIN SELECT 1; END"])
    before = path.read_bytes()

    with pytest.raises(ForeignDatabaseError, match="the trigger 'evil'"):
        save(path)

    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert path.read_bytes() == before


def test_another_version_hides_nothing(filled: Path) -> None:
    """Nor does a version that there never was; one that is only damaged is told as damage, as before."""
    with closing(sqlite3.connect(filled)) as connection:
        connection.execute("PRAGMA user_version = 0")
    with SessionRepository(filled) as repository:
        assert repository.is_damaged
    forge(filled, FORGED["the trigger 'evil' on 'paper_trading_fills'"])

    with pytest.raises(ForeignDatabaseError, match="the trigger 'evil'"):
        save(filled)


def test_the_sessions_are_salvaged_from_it(filled: Path, tmp_path: Path) -> None:
    """Salvage reads them page by page, so that nothing runs, and says why; the new file has nothing else in it."""
    with SessionRepository(filled) as repository:
        expected = content(repository)
    forge(filled, FORGED["the trigger 'evil' on 'paper_trading_fills'"] + FORGED["the view 'shown'"])
    before = filled.read_bytes()

    saved = salvage(filled, tmp_path / "new.db")

    assert saved.lost == []
    assert any("the trigger 'evil' on 'paper_trading_fills'" in each for each in saved.doubtful)
    assert filled.read_bytes() == before
    with SessionRepository(tmp_path / "new.db") as new:
        assert content(new) == expected


def test_tables_and_indexes_of_somebodys_own_may_be_there(filled: Path) -> None:
    """They run nothing, and what `ANALYZE` leaves runs nothing either."""
    forge(
        filled,
        [
            "CREATE TABLE notes (id INTEGER PRIMARY KEY, text VARCHAR(20) DEFAULT 'x', UNIQUE (text))",
            "CREATE INDEX by_name ON paper_trading_sessions (name, id DESC)",
            "ANALYZE",
        ],
    )

    save(filled)

    with SessionRepository(filled) as repository:
        assert repository.count() == 3
        assert repository.check().ok


def test_what_a_migration_makes_is_expected(path: Path, tmp_path: Path) -> None:
    """A view and a trigger that come from a script are ours; the same with another text are not."""
    scripts = tmp_path / "scripts"
    shutil.copytree(schema.MIGRATIONS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    newest = schema.newest_version(scripts)
    view = "CREATE VIEW numeric AS SELECT CAST(cash AS REAL) AS cash FROM paper_trading_sessions"
    (scripts / f"{newest + 1:04}_views.py").write_text(f"def up(migrator, db):\n    db.execute_sql({view!r})\n")
    schema.newest_version.cache_clear()

    def use() -> None:
        storage = SQLiteStorage(path, scripts=scripts)
        try:
            storage.open()
        finally:
            storage.close()

    use()
    use()
    forge(path, ["DROP VIEW numeric", view.replace("cash FROM", "cash, abs(1) FROM")])
    with pytest.raises(ForeignDatabaseError, match="the view 'numeric'"):
        use()
    schema.newest_version.cache_clear()


def test_a_new_file_has_what_is_expected(path: Path) -> None:
    """The list that is made in memory is that of a file, so that whatever a migration adds is ours at once."""
    with SessionRepository(path), closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()

    expected = foreign_parts.expected_parts(schema.newest_version(), schema.MIGRATIONS)
    assert {(kind, name): (table, text) for kind, name, table, text in found} == expected


def test_expressions_of_the_schema_may_not_reach_out(filled: Path) -> None:
    """Every connection tells SQLite to trust no function that a schema calls."""
    with SessionRepository(filled) as repository:
        storage = internals_of(repository).storage
        assert isinstance(storage, SQLiteStorage)
        with storage.connection(), closing(storage.connect_to(str(filled))) as own:
            assert storage.execute("PRAGMA trusted_schema").fetchone() == (0,)
            assert own.execute("PRAGMA trusted_schema").fetchone() == (0,)
        with repository.watch(after=0, timeout=0) as changes:
            assert changes._feed._pragma("trusted_schema") == 0  # type: ignore[union-attr]
