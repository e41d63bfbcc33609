"""What others do between two steps of this library: a file is looked at again, and what is passed on arrives."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from paper_repo import BusyError, ForeignDatabaseError, SessionRepository, StorageError
from paper_repo.core.repository import internals_of
from paper_repo.storage.sqlite.location import Location
from tests.builders import new_session
from tests.facade.watching import Watch, connect


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """What sees every statement of the repositories that the test opens."""
    watch = Watch()
    watch.install(monkeypatch)
    return watch


def once(beginning: str, action: Callable[[], object]) -> Callable[[str], None]:
    """Does something at the first statement that begins so."""
    waiting = [action]

    def look(sql: str) -> None:
        if waiting and sql.startswith(beginning):
            waiting.pop()()

    return look


def test_every_connection_waits_for_others_as_long_as_it_was_told(path: Path) -> None:
    """Those that read and write, those that watch, and those that look at a file before it is opened."""
    with SessionRepository(path, busy_timeout=12.5) as repository:
        storage: Any = internals_of(repository).storage
        with storage.connection(), closing(storage._recogniser(Location(path)).connect(str(path))) as looking:
            connections = [storage._driver, looking, storage.open_feed()._database.connection()]
            found = [each.execute("PRAGMA busy_timeout").fetchone()[0] for each in connections]

    assert found == [12500] * 3


def test_cells_of_a_page_are_checked_where_they_lie(path: Path) -> None:
    """Every connection has SQLite look at a page's cells when it reads the page."""
    with SessionRepository(path) as repository:
        storage: Any = internals_of(repository).storage
        with storage.connection():
            assert storage._driver.execute("PRAGMA cell_size_check").fetchone() == (1,)


def test_who_cannot_switch_the_journal_at_once_tries_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several that open a new file SQLite refuses all but one, whatever their timeouts."""
    asked: list[str] = []

    class Refusing(sqlite3.Connection):
        def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
            if sql.startswith("PRAGMA journal_mode = "):
                asked.append(sql)
                if len(asked) < 3:
                    error = sqlite3.OperationalError("database is locked")
                    error.sqlite_errorcode = sqlite3.SQLITE_BUSY
                    raise error
            return super().execute(sql, *args)

    monkeypatch.setattr(sqlite3, "connect", partial(connect, factory=Refusing))
    with SessionRepository(path) as repository:
        repository.save(new_session(id="one"))

    assert len(asked) == 3


def test_a_journal_that_others_keep_from_being_switched_is_a_busy_error(path: Path) -> None:
    """The busy timeout is the end of it."""
    with SessionRepository(path, journal="rollback") as repository:
        repository.save(new_session(id="one"))
    with closing(connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM paper_trading_sessions").fetchone()

        with pytest.raises(BusyError):
            SessionRepository(path, busy_timeout=0.05).open()


def test_a_file_that_is_moved_while_the_disk_is_waited_for(path: Path, watch: Watch) -> None:
    """The commit is in the file of another name by then, and is not acknowledged."""
    with SessionRepository(path) as repository:
        repository.save(new_session(id="one"))
        watch.after = once("COMMIT", lambda: path.rename(path.with_name("other.db")))

        with pytest.raises(StorageError, match="moved"):
            repository.save(new_session(id="two"))
        watch.after = lambda sql: None


def test_a_file_that_another_program_fills_meanwhile_is_not_touched(path: Path, watch: Watch) -> None:
    """Whose file it is, is asked again under the lock."""

    def fill() -> None:
        with closing(connect(path)) as other, other:
            other.execute("CREATE TABLE theirs (id INTEGER)")

    watch.before = once("BEGIN IMMEDIATE", fill)
    with pytest.raises(ForeignDatabaseError, match="belongs to another program"):
        SessionRepository(path).open()

    with closing(connect(path)) as looking:
        assert looking.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]


def test_the_log_of_a_damaged_file_is_read(path: Path, tmp_path: Path) -> None:
    """Sessions that are in the -wal alone are there, though nothing more is written."""
    copy = tmp_path / "copy.db"
    with SessionRepository(path) as repository:
        repository.save_many([new_session(id=f"{number}", state={"x": "x" * 3000}) for number in range(9)])
    with SessionRepository(path) as repository:
        repository.save(new_session(id="late"))
        for suffix in ("", "-wal"):
            shutil.copyfile(f"{path}{suffix}", f"{copy}{suffix}")
    with closing(connect(path)) as looking:
        root = "SELECT rootpage FROM sqlite_master WHERE name = 'paper_trading_migrations_name'"
        (page,) = looking.execute(root).fetchone()  # which no save changes
    data = bytearray(copy.read_bytes())
    data[(page - 1) * 4096 : page * 4096] = b"\xa5" * 4096
    copy.write_bytes(data)

    with SessionRepository(copy) as damaged:
        assert damaged.is_damaged
        assert damaged.exists("late")


def test_a_change_that_comes_while_one_looks_is_seen_at_the_next_look(path: Path, watch: Watch) -> None:
    """The file's version is noted before the look: what is committed after that makes the next one look again."""
    with SessionRepository(path) as repository, SessionRepository(path) as another:
        repository.save(new_session(id="one"))
        with repository.watch(after=0) as changes:
            looking = once("SELECT", lambda: another.save(new_session(id="two")))
            watch.after = lambda sql: looking(sql) if "paper_trading_deletions" in sql else None
            assert changes.look()
            watch.after = lambda sql: None
            changes.look()

            found = [changes.take(), changes.take()]

    assert [each and each.session_id for each in found] == ["one", "two"]


def test_a_watch_looks_anew_after_a_fork(path: Path) -> None:
    """Its connection is another one then, and what that says of the file is not compared with what the old one said."""
    with SessionRepository(path) as repository:
        storage: Any = internals_of(repository).storage
        repository.save(new_session(id="one"))
        feed = storage.open_feed()
        position = feed.newest()
        assert feed.look(position, 9) == []
        for _ in range(3):  # whatever number the next connection begins with
            feed.before_fork()
            repository.save(new_session())
            feed.after_fork_in_parent()

            (found,) = feed.look(position, 9)
            position = found[3]
