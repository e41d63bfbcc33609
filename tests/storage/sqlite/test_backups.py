"""Backups of a file that is in use, restoring them, compacting, and checking that all is sound."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
import threading
from contextlib import closing
from pathlib import Path

import pytest

from paper_repo import (
    BusyError,
    CorruptDatabaseError,
    InMemorySessionRepository,
    SessionRepository,
    SQLiteSessionRepository,
    StorageError,
    TransactionError,
)
from paper_repo.maintenance.files import compact, restore_backup
from tests.builders import full_session, moment, new_fill, new_session
from tests.storage.sqlite.damage import content


def filled(path: Path, sessions: int = 3) -> None:
    """Fill a new file with sessions that have a history."""
    with SessionRepository(path) as repository:
        for number in range(sessions):
            session = new_session(id=f"session-{number}")
            for each in range(20):
                session.apply_fill(new_fill(each))
                session.mark({"AAPL": each + 1}, at=moment(each))
            repository.save(session)
        repository.save(full_session())


def mode(path: Path) -> int:
    """The permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def test_a_backup_is_the_database_at_one_moment(path: Path, tmp_path: Path) -> None:
    """The backup holds everything, in one private file, and is itself a repository."""
    filled(path)
    steps: list[tuple[int, int]] = []

    with SessionRepository(path) as repository:
        repository.backup(tmp_path / "copy.db", progress=lambda *step: steps.append(step))
        expected = content(repository)

    assert mode(tmp_path / "copy.db") == 0o600
    assert sorted(each.name for each in tmp_path.iterdir()) == ["copy.db", "sessions.db"]
    assert steps[-1][0] == steps[-1][1] > 0
    with SessionRepository(tmp_path / "copy.db") as copy:
        assert content(copy) == expected
        assert copy.check().ok


def test_others_go_on_writing_during_a_backup(path: Path, tmp_path: Path) -> None:
    """What others save while a backup is being written is not in it, neither whole nor in part."""
    filled(path, 60)

    with SessionRepository(path) as repository, SessionRepository(path) as other:
        before = content(repository)

        def write(done: int, total: int) -> None:
            writer = threading.Thread(target=lambda: other.save(new_session(id=f"meanwhile-{done}")))
            writer.start()
            writer.join()

        repository.backup(tmp_path / "copy.db", progress=write)
        assert repository.count() > len(before)

    with SessionRepository(tmp_path / "copy.db") as copy:
        assert content(copy) == before


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_nothing_is_overwritten_by_a_backup(path: Path, tmp_path: Path, kind: str) -> None:
    """A target that is there already, whatever it is, is refused and not touched."""
    filled(path)
    target = tmp_path / "copy.db"
    {
        "file": lambda: target.write_text("mine"),
        "folder": target.mkdir,
        "link": lambda: target.symlink_to("elsewhere"),
    }[kind]()
    before = target.lstat()

    with SessionRepository(path) as repository, pytest.raises(StorageError, match="choose another name"):
        repository.backup(target)

    assert target.lstat() == before
    assert len(list(tmp_path.iterdir())) == 2


def test_a_file_is_overwritten_only_when_asked_and_by_a_whole_backup(path: Path, tmp_path: Path) -> None:
    """With overwrite=True yesterday's backup stays until today's is whole, and is replaced by it then."""
    filled(path, 1)
    target = tmp_path / "copy.db"

    def fail(done: int, total: int) -> None:
        raise RuntimeError("enough")

    with SessionRepository(path) as repository:
        repository.backup(target, overwrite=True)
        yesterday = target.read_bytes()
        repository.save(new_session(id="today"))
        with pytest.raises(RuntimeError, match="enough"):
            repository.backup(target, overwrite=True, progress=fail)
        assert target.read_bytes() == yesterday
        repository.backup(target, overwrite=True)

    assert mode(target) == 0o600
    assert sorted(each.name for each in tmp_path.iterdir()) == ["copy.db", "sessions.db"]
    with SessionRepository(target) as copy:
        assert copy.exists("today")


def test_a_damaged_database_overwrites_no_backup(path: Path, tmp_path: Path) -> None:
    """The good backup of yesterday is not replaced by one of a file that is damaged today."""
    filled(path)
    with SessionRepository(path) as repository:
        repository.backup(tmp_path / "copy.db")
    break_page(path)
    before = (tmp_path / "copy.db").read_bytes()

    with SessionRepository(path) as repository, pytest.raises(CorruptDatabaseError):
        repository.backup(tmp_path / "copy.db", overwrite=True)

    assert (tmp_path / "copy.db").read_bytes() == before


def test_what_is_in_use_is_not_overwritten(path: Path, tmp_path: Path) -> None:
    """Not the database itself, by whatever name, no database that is open, none with a log beside it, and no folder."""
    filled(path, 1)
    (tmp_path / "folder").mkdir()
    (tmp_path / "same.db").symlink_to(path)
    (tmp_path / "left.db-wal").write_text("left by a crash")

    with SessionRepository(path, journal="rollback") as repository, SessionRepository(tmp_path / "open.db") as other:
        other.save(new_session(id="one"))
        for name, words in {
            "sessions.db": "its own backup",
            "same.db": "its own backup",
            "open.db": "is in use",
            "left.db": "is in use",
            "folder": "only a file",
        }.items():
            with pytest.raises(StorageError, match=words):
                repository.backup(tmp_path / name, overwrite=True)

        assert repository.count() == 2
        assert other.exists("one")


def test_a_backup_needs_a_folder_and_no_transaction(path: Path, tmp_path: Path) -> None:
    """Without its folder a backup is refused, and inside a transaction too, which would not be whole."""
    with SessionRepository(path) as repository:
        with pytest.raises(StorageError, match="does not exist"):
            repository.backup(tmp_path / "missing" / "copy.db")
        with repository.atomic(), pytest.raises(TransactionError):
            repository.backup(tmp_path / "copy.db")


def test_an_error_of_the_progress_leaves_nothing(path: Path, tmp_path: Path) -> None:
    """An exception in the caller's own function ends the backup, and what was written is removed."""
    filled(path)

    def fail(done: int, total: int) -> None:
        raise RuntimeError("enough")

    with SessionRepository(path) as repository, pytest.raises(RuntimeError, match="enough"):
        repository.backup(tmp_path / "copy.db", progress=fail)

    assert [each.name for each in tmp_path.iterdir()] == ["sessions.db"]


KILLED = """
import os, signal, sys
from paper_repo import SessionRepository

def kill(done, total):
    os.kill(os.getpid(), signal.SIGKILL)

with SessionRepository(sys.argv[1]) as repository:
    repository.backup(sys.argv[2], progress=kill)
"""


def test_a_killed_backup_leaves_no_file_of_its_name(path: Path, tmp_path: Path) -> None:
    """After SIGKILL in the middle there is no backup of that name, the database is sound, and the next backup works."""
    filled(path, 40)

    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(path), str(tmp_path / "copy.db")], check=False
    )

    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "copy.db").exists()
    with SessionRepository(path) as repository:
        assert repository.check().ok
        repository.backup(tmp_path / "copy.db")
        assert repository.count() == 41


def test_a_damaged_database_is_not_backed_up(path: Path, tmp_path: Path) -> None:
    """Of a damaged file there is no backup that would replace good ones."""
    filled(path)
    break_page(path)

    with SessionRepository(path) as repository, pytest.raises(CorruptDatabaseError):
        repository.backup(tmp_path / "copy.db")

    assert [each.name for each in tmp_path.iterdir()] == ["sessions.db"]


@pytest.mark.anyio
async def test_backups_of_the_async_repositories(path: Path, tmp_path: Path) -> None:
    """The facade backs up as the core does, and sessions in memory become a file."""
    async with SQLiteSessionRepository(path) as repository, InMemorySessionRepository() as memory:
        for each in (repository, memory):
            await each.save(full_session(id="one"))
            target = tmp_path / f"{type(each).__name__}.db"

            await each.backup(target)

            async with each.atomic():
                with pytest.raises(TransactionError):
                    await each.backup(tmp_path / "other.db")
            with SessionRepository(target) as copy:
                assert copy.get_by_id("one") == await each.get_by_id("one")
                assert copy.get_fills("one") == await each.get_fills("one")
                assert copy.get_equity_curve("one") == await each.get_equity_curve("one")
            with pytest.raises(StorageError, match="there is such a file already"):
                await each.backup(target)
            steps: list[tuple[int, int]] = []
            await each.backup(target, overwrite=True, progress=lambda *step, steps=steps: steps.append(step))
            assert steps[-1][0] == steps[-1][1]
            assert mode(target) == 0o600
            report = await each.check()
            assert (report.sessions, report.fills, report.equity_points, report.ok) == (1, 2, 2, True)


def test_restoring_keeps_what_was_there(path: Path, tmp_path: Path) -> None:
    """A restored backup is the database again, and the file that was there before is kept beside it, private."""
    filled(path)
    with SessionRepository(path) as repository:
        repository.backup(tmp_path / "copy.db")
        expected = content(repository)
        repository.delete_many()
        repository.save(new_session(id="later"))

    kept = restore_backup(tmp_path / "copy.db", path)

    assert kept is not None
    assert mode(kept) == mode(path) == 0o600
    with SessionRepository(path) as repository, SessionRepository(kept) as before:
        assert content(repository) == expected
        assert list(content(before)) == ["later"]


def test_restoring_to_a_new_place_and_over_a_damaged_file(path: Path, tmp_path: Path) -> None:
    """Where there is no file one is made; a damaged one with its -wal is kept aside as it was."""
    filled(path)
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(b"SQLite format 3\0" + bytes(5000))
    Path(f"{damaged}-wal").write_bytes(b"torn")

    assert restore_backup(path, tmp_path / "new.db") is None
    kept = restore_backup(path, damaged)

    assert kept is not None
    assert kept.read_bytes() == b"SQLite format 3\0" + bytes(5000)
    assert Path(f"{kept}-wal").read_bytes() == b"torn"
    for each in (tmp_path / "new.db", damaged):
        with SessionRepository(each) as repository:
            assert repository.count() == 4


def test_a_damaged_backup_is_not_restored(path: Path, tmp_path: Path) -> None:
    """A backup is checked first, to the last record; the database stays as it was."""
    filled(path)
    with SessionRepository(path) as repository:
        repository.backup(tmp_path / "copy.db")
    with closing(sqlite3.connect(tmp_path / "copy.db")) as connection, connection:
        connection.execute("UPDATE paper_trading_fills SET price = '1' WHERE sequence = 7")
    before = path.read_bytes()

    with pytest.raises(CorruptDatabaseError, match="checksum"):
        restore_backup(tmp_path / "copy.db", path)

    assert path.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["copy.db", "sessions.db"]


HOLDING = """
import sys
from paper_repo import SessionRepository

with SessionRepository(sys.argv[1], passphrase=sys.argv[2] or None) as repository:
    print(repository.count(), flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("passphrase", [None, "secret"])
def test_a_file_in_use_is_not_replaced(path: Path, tmp_path: Path, passphrase: str | None) -> None:
    """While another program has the file open, encrypted or not, nothing is restored over it."""
    if passphrase is not None:
        pytest.importorskip("sqlcipher3", reason="the extra 'encryption' is not installed")
    with SessionRepository(path, passphrase=passphrase) as repository:
        repository.save(new_session(id="one"))
        repository.backup(tmp_path / "copy.db")
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(path), passphrase or ""], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()

        with pytest.raises(BusyError, match="another program"):
            restore_backup(tmp_path / "copy.db", path, passphrase=passphrase)

        other.communicate()


def test_compacting_gives_room_back(path: Path) -> None:
    """After sessions were deleted a compacted file is smaller, and holds the same."""
    filled(path, 40)
    with SessionRepository(path) as repository:
        for number in range(40):
            repository.delete(f"session-{number}")
        expected = content(repository)

    before, after = compact(path)

    assert after < before / 2
    with SessionRepository(path) as repository:
        assert content(repository) == expected
        with repository.atomic(), pytest.raises(TransactionError):
            repository.compact()


def test_check_names_what_is_wrong(path: Path) -> None:
    """Every record, every history and what lists show are looked at, and each problem names its session."""
    filled(path)
    changes = {
        "session-0": "UPDATE paper_trading_sessions SET cash = '1' WHERE id = ?",
        "session-1": "DELETE FROM paper_trading_fills WHERE session_id = ? AND sequence = 20",
        "session-2": "UPDATE paper_trading_equity SET cash = '2' WHERE session_id = ? AND sequence = 3",
    }
    with closing(sqlite3.connect(path)) as connection, connection:
        for session_id, change in changes.items():
            connection.execute(change, [session_id])
        connection.execute("PRAGMA foreign_keys = 0")
        connection.execute("INSERT INTO paper_trading_equity VALUES ('nobody', 1, '', '', '', 0)")

    with SessionRepository(path) as repository:
        report = repository.check()

    assert not report.ok
    assert [each.session_id for each in report.problems] == [None, "session-0", "session-1", "session-2"]
    assert "belongs to no session" in str(report.problems[0])
    assert "'session-1'" in str(report.problems[2])
    assert "it counts 20 fills, and numbers 1 to 19 are there" in str(report.problems[2])
    assert report.sessions == 3


def test_check_remarks_on_books_that_do_not_balance(path: Path) -> None:
    """Cash that a program has assigned by itself, and history that was deleted with its session, are no damage."""
    own, again = new_session(id="own"), new_session(id="again")
    own.cash = 5
    again.apply_fill(new_fill(1))
    with SessionRepository(path) as repository:
        repository.save_many([own, again])
        repository.delete("again")
        again.version = 0
        repository.save(again)

        report = repository.check()

    assert report.ok
    assert [each.session_id for each in report.remarks] == ["again", "own"]


def test_check_of_a_damaged_file(path: Path) -> None:
    """The structure of a damaged file is a problem, and so is every session that cannot be read any more."""
    filled(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE paper_trading_sessions SET cash = '1' WHERE id = 'session-0'")
    break_page(path)

    with SessionRepository(path) as repository:
        report = repository.check()

    assert not report.ok
    assert report.problems[0].session_id is None
    assert report.problems[-1].session_id == "session-0"
    assert report.problems[-1].message.startswith("session 'session-0' is stored but cannot be read: ")


def test_check_goes_from_the_oldest_session_on(path: Path) -> None:
    """What is found comes in the order in which lists show the sessions."""
    with SessionRepository(path) as repository:
        for session_id, age in [("b", 2), ("a", 2), ("c", 1)]:
            session = new_session(id=session_id, created_at=moment(age))
            session.cash = 5
            repository.save(session)

        report = repository.check()

        assert [each.session_id for each in report.remarks] == ["c", "a", "b"]
        assert [session.id for session in repository.get_all()] == ["c", "a", "b"]


def break_page(path: Path) -> None:
    """Overwrite a page of an index with zeros, at the end of the file."""
    with closing(sqlite3.connect(path)) as connection:
        sql = "SELECT rootpage FROM sqlite_master WHERE name LIKE '%status%'"
        page = connection.execute(sql).fetchone()[0]
    with path.open("rb+") as file:
        file.seek((page - 1) * 4096)
        file.write(os.urandom(8) + bytes(4088))
