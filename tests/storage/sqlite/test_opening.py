"""Opening a file: how it is created, recognised, or refused and left as it was."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from paper_repo import (
    BusyError,
    ForeignDatabaseError,
    RepositoryClosedError,
    SchemaVersionError,
    SessionRepository,
    SQLiteSessionRepository,
    StorageError,
    TransactionError,
)
from paper_repo.storage.schema import newest_version
from tests.builders import full_session, new_session
from tests.processes.running import unmeasured

UNIX = pytest.mark.skipif(os.name != "posix", reason="file modes, links and signals of this kind are POSIX's")


SAVE_AND_DIE = """
import os, signal, sys
from paper_repo import SessionRepository
from tests.builders import full_session
repository = SessionRepository(sys.argv[1])
repository.save(full_session(id=sys.argv[2]))
os.kill(os.getpid(), signal.SIGKILL)
"""


HALF_A_CHANGE = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 2")
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE paper_trading_sessions SET equity_order = hex(randomblob(900))")
os.kill(os.getpid(), signal.SIGKILL)
"""


def sql(path, *statements):
    """Run these statements on the file with nothing but sqlite3; the rows of the last one."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        rows = [connection.execute(statement).fetchall() for statement in statements]
    return rows[-1] if rows else []


def new_file(path, **changes):
    """A file of ours with one session in it; the session."""
    session = full_session(id="abc-123", **changes)
    with SessionRepository(path) as repository:
        repository.save(session)
    return session


def contents(folder):
    """Every file in the folder but SQLite's shared memory, with its bytes."""
    return {each.name: each.read_bytes() for each in folder.iterdir() if not each.name.endswith("-shm")}


def sessions_with_half_a_change(path):
    """Sessions in a file, by id, that a killed program has half overwritten; what it overwrote is in its journal."""
    sessions = [full_session(id=f"session {number}") for number in range(60)]
    with SessionRepository(path, journal="rollback") as repository:
        repository.save_many(sessions)
    killed(HALF_A_CHANGE, path)
    return {session.id: session for session in sessions}


def mode(path):
    """The permissions of a file."""
    return oct(stat.S_IMODE(path.stat().st_mode))


def killed(program, *arguments):
    """Run a program that kills itself with SIGKILL."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    ended = subprocess.run(command, check=False, timeout=60, env=unmeasured())
    assert ended.returncode == -signal.SIGKILL


class TestNewFile:
    """A file that was not there."""

    def test_constructing_creates_nothing(self, path):
        """The file is created by the first use."""
        SessionRepository(path).close()

        assert not path.exists()

    def test_reading_creates_it_too(self, path):
        """A question to a new database has an answer."""
        with SessionRepository(path) as repository:
            assert repository.get_all() == []

        assert path.is_file()

    @UNIX
    @pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
    def test_only_its_owner_can_read_it(self, path, mask):
        """The file and SQLite's files beside it have mode 0600, whatever the umask is."""
        before = os.umask(mask)
        try:
            with SessionRepository(path) as repository:
                repository.save(new_session())
                modes = {each.name: mode(each) for each in path.parent.iterdir()}
        finally:
            os.umask(before)

        assert modes == {"sessions.db": "0o600", "sessions.db-wal": "0o600", "sessions.db-shm": "0o600"}

    @UNIX
    def test_a_link_to_nothing_creates_its_target(self, path):
        """A link may be made before its file; the file is as private as any other."""
        path.symlink_to(path.parent / "target.db")

        new_file(path)

        assert path.is_symlink()
        assert mode(path.parent / "target.db") == "0o600"

    @pytest.mark.parametrize(("durability", "synchronous"), [("full", 2), ("normal", 1)])
    def test_settings(self, path, durability, synchronous):
        """WAL, the synchronous level of the durability asked for, and foreign keys on every connection."""
        with SessionRepository(path, durability=durability, busy_timeout=2.5) as repository:
            pragmas = repository.describe()["pragmas"]
            with repository.atomic():  # so that another thread has another connection
                other = in_thread(repository.describe)["pragmas"]

        for settings in (pragmas, other):
            assert settings["journal_mode"] == "wal"
            assert settings["synchronous"] == synchronous
            assert settings["foreign_keys"] == 1
            assert settings["busy_timeout"] == 2500

    @pytest.mark.parametrize(("durability", "synchronous"), [("full", 3), ("normal", 2)])
    def test_a_rollback_journal_needs_more_for_the_same_durability(self, path, durability, synchronous):
        """Its deletion is the commit, which SQLite waits for at EXTRA only; at NORMAL it may lose the whole file."""
        with SessionRepository(path, durability=durability, journal="rollback") as repository:
            pragmas = repository.describe()["pragmas"]

        assert (pragmas["journal_mode"], pragmas["synchronous"]) == ("delete", synchronous)

    def test_durability_is_full_by_default(self, path):
        """Whoever asks for nothing loses nothing in a power cut."""
        with SessionRepository(path) as repository:
            assert repository.describe()["pragmas"]["synchronous"] == 2

    def test_it_carries_our_mark(self, path):
        """Application id and schema version stand in the file itself."""
        new_file(path)

        assert sql(path, "PRAGMA application_id") == [(0x50505253,)]
        assert sql(path, "PRAGMA user_version") == [(newest_version(),)]
        assert path.read_bytes()[68:72] == b"PPRS"

    @pytest.mark.parametrize("made", ["touched", "connected", "emptied"])
    def test_an_empty_file_is_a_new_database(self, path, made):
        """An empty file, and an SQLite file without a table, are filled."""
        if made == "touched":
            path.touch()
        elif made == "connected":
            sql(path, "PRAGMA journal_mode=WAL")
        else:
            sql(path, "CREATE TABLE t (a)", "DROP TABLE t")

        session = new_file(path)

        with SessionRepository(path) as repository:
            assert repository.get_by_id("abc-123") == session

    @pytest.mark.parametrize(
        "name",
        [
            "with space.db",
            "a?mode=ro.db",
            "a#fragment",
            "100%41.db",
            "no ending",
            "Ünïcode \N{CHART WITH UPWARDS TREND}.db",
            "'quoted\".db",
            "semi;colon&and=more",
            "back\\slash",
            " ",
            "new\nline",
            "x.db-journal.db",
        ],
    )
    @pytest.mark.parametrize("kind", [str, Path])
    def test_every_name_is_taken_literally(self, tmp_path, name, kind):
        """No character of a path means anything but itself, when it is created and when it is opened again."""
        session = new_file(kind(tmp_path / name))

        with SessionRepository(kind(tmp_path / name)) as repository:
            assert repository.get_by_id("abc-123") == session
        assert [each.name for each in tmp_path.iterdir()] == [name]

    def test_a_relative_path_stays_where_it_was(self, tmp_path, monkeypatch):
        """A program that changes its working folder goes on with the same file, in every thread."""
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        monkeypatch.chdir(tmp_path)
        repository = SessionRepository("sessions.db")
        monkeypatch.chdir(elsewhere)

        with repository:
            repository.save(new_session())
            with repository.atomic():
                count = in_thread(repository.count)

        assert count == 1
        assert list(elsewhere.iterdir()) == []
        assert (tmp_path / "sessions.db").is_file()


class TestExistingFile:
    """A file of ours."""

    def test_what_was_saved_is_there(self, path):
        """A repository opened later finds every field of the session and its history."""
        session = new_file(path)

        with SessionRepository(path) as repository:
            assert repository.get_by_id("abc-123") == session
            assert (len(repository.get_fills("abc-123")), len(repository.get_equity_curve("abc-123"))) == (2, 2)

    def test_opening_changes_nothing(self, path):
        """Opening, reading and closing leave every byte of the file as it was."""
        new_file(path)
        before = contents(path.parent)

        with SessionRepository(path) as repository:
            repository.get_all()

        assert contents(path.parent) == before

    @UNIX
    def test_its_mode_is_the_owners_choice(self, path):
        """A file that its owner has made readable to others stays so."""
        new_file(path)
        path.chmod(0o640)

        with SessionRepository(path) as repository:
            repository.save(new_session())

        assert mode(path) == "0o640"

    @UNIX
    def test_it_may_be_a_link(self, path):
        """A link is followed, and the files beside the database lie beside its target."""
        target = path.parent / "elsewhere"
        target.mkdir()
        session = new_file(target / "real.db")
        path.symlink_to(target / "real.db")

        with SessionRepository(path) as repository:
            loaded = repository.get_by_id("abc-123")
            beside = {each.name for each in path.parent.iterdir()}

        assert loaded == session
        assert beside == {"sessions.db", "elsewhere"}

    def test_another_journal_mode_is_put_right(self, path):
        """A file that another tool took out of WAL mode is put back."""
        session = new_file(path)
        sql(path, "PRAGMA journal_mode=DELETE")

        with SessionRepository(path) as repository:
            assert repository.describe()["pragmas"]["journal_mode"] == "wal"
            assert repository.get_by_id("abc-123") == session

    @UNIX
    def test_what_a_killed_program_left_in_the_log_is_there(self, path):
        """Commits that are only in the write-ahead log when a program is killed are found by the next one."""
        killed(SAVE_AND_DIE, path, "abc-123")
        left = contents(path.parent)

        with SessionRepository(path) as repository:
            assert repository.get_by_id("abc-123").strategy == full_session().strategy
        assert len(left["sessions.db-wal"]) > 0

    def test_opening_it_again_keeps_the_locks_of_those_who_have_it_open(self, path):
        """Another repository of the same program comes and goes, another program too, and no later save is lost.

        A process loses its locks on a file when it closes any descriptor of it that SQLite does not know of; then the
        other program believes to be the last one, and takes the log away.
        """
        visit = (
            "import sys, sqlite3; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT id FROM paper_trading_sessions')"
        )

        with SessionRepository(path) as repository:
            repository.save(new_session(id="before"))
            for _ in range(2):
                with SessionRepository(path) as another:
                    another.get_all()
                subprocess.run([sys.executable, "-c", f"{visit}; c.close()", path], check=True, timeout=60)
                beside = {each.name for each in path.parent.iterdir()}
            repository.save(new_session(id="after"))

        assert beside == {"sessions.db", "sessions.db-wal", "sessions.db-shm"}
        assert sql(path, "SELECT id FROM paper_trading_sessions ORDER BY id") == [("after",), ("before",)]

    def test_locked_for_longer_than_the_timeout_is_busy(self, path):
        """A file that somebody holds exclusively, as a backup tool may, is a `BusyError`, and can be opened later."""
        new_file(path)
        sql(path, "PRAGMA journal_mode=DELETE")
        repository = SessionRepository(path, busy_timeout=0)

        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(BusyError, match=r"sessions\.db: another writer held it"):
                repository.open()
        with repository:
            assert repository.exists("abc-123")


HOT_JOURNAL = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")  # so that pages reach the file before the commit
connection.execute("BEGIN IMMEDIATE")
connection.execute("CREATE TABLE half_done (text)")
connection.executemany("INSERT INTO half_done VALUES (?)", [("x" * 3000,)] * 50)
os.kill(os.getpid(), signal.SIGKILL)
"""


@UNIX
class TestInterruptedProgram:
    """What a program leaves behind that is killed in a change of the file itself, before it is in WAL mode."""

    def test_killed_while_creating(self, path):
        """The half-made file is a new one to the next program."""
        path.touch()
        killed(HOT_JOURNAL, path)
        left = contents(path.parent)

        session = new_file(path)

        assert len(left["sessions.db"]) > 0
        assert len(left["sessions.db-journal"]) > 0
        with SessionRepository(path) as repository:
            assert repository.get_by_id("abc-123") == session
        assert sql(path, "SELECT count(*) FROM sqlite_master WHERE name = 'half_done'") == [(0,)]

    @pytest.mark.parametrize("link", [False, True])
    def test_killed_in_a_change_of_our_file(self, path, link):
        """The change is rolled back, and what was saved before is there."""
        session = new_file(path)
        sql(path, "PRAGMA journal_mode=DELETE")
        killed(HOT_JOURNAL, path)
        opened = path
        if link:
            opened = path.parent / "link.db"
            opened.symlink_to(path)

        with SessionRepository(opened) as repository:
            assert repository.get_by_id("abc-123") == session
        assert sql(path, "SELECT count(*) FROM sqlite_master WHERE name = 'half_done'") == [(0,)]

    @pytest.mark.parametrize("journal", ["rollback", "wal"])
    def test_killed_when_half_of_a_change_was_written(self, path, journal):
        """What would be damage as it lies is not, since the journal beside it has what was there before."""
        sessions = sessions_with_half_a_change(path)
        with closing(sqlite3.connect(f"file:{path}?immutable=1", uri=True)) as connection:
            assert connection.execute("PRAGMA integrity_check(1)").fetchall() != [("ok",)]

        with SessionRepository(path, journal=journal) as repository:
            assert not repository.is_damaged
            assert {session.id: session for session in repository.get_all()} == sessions
            repository.save(new_session())

    def test_killed_in_a_change_of_a_foreign_file(self, path):
        """Another program's half-done change is left for that program to roll back."""
        sql(path, "CREATE TABLE theirs (a)")
        killed(HOT_JOURNAL, path)
        before = contents(path.parent)

        with pytest.raises(ForeignDatabaseError, match="belongs to another program"):
            SessionRepository(path).open()

        assert "sessions.db-journal" in before
        assert contents(path.parent) == before


class TestRefusedFile:
    """A file that is not ours is refused, and not one byte of it changes."""

    FOREIGN = "this database belongs to another program; it was not touched"
    NO_DATABASE = "not an SQLite database"

    @staticmethod
    def refuse(path, error, message):
        """Opening fails this way, however it is opened, and leaves the folder as it was."""
        before = contents(path.parent)
        repository = SessionRepository(path)

        for use in (repository.open, repository.get_all, lambda: repository.save(new_session())):
            with pytest.raises(error, match=message) as refused:
                use()
            assert str(refused.value).startswith(str(path))
        repository.close()

        assert contents(path.parent) == before

    @pytest.mark.parametrize(
        "content",
        [b"x", b"\n", b"date,symbol,close\n2026-01-05,AAPL,100\n", b"\0" * 4096, os.urandom(5000), b"SQLite format 3"],
        ids=["letter", "line", "table", "zeros", "noise", "start"],
    )
    def test_no_database(self, path, content):
        """A text file, or any other that is not an SQLite database, is not overwritten."""
        path.write_bytes(content)

        self.refuse(path, ForeignDatabaseError, self.NO_DATABASE)

    def test_our_file_with_a_damaged_start(self, path):
        """A file whose first bytes are gone is left for a tool that can save something of it."""
        new_file(path)
        damaged = bytearray(path.read_bytes())
        damaged[:16] = b"\0" * 16
        path.write_bytes(damaged)

        self.refuse(path, ForeignDatabaseError, "or its start is damaged")

    @pytest.mark.parametrize(
        "statements",
        [
            ["CREATE TABLE theirs (a)"],
            ["CREATE VIEW theirs AS SELECT 1"],
            ["PRAGMA application_id = 12345"],
            ["PRAGMA application_id = 12345", "CREATE TABLE paper_trading_sessions (id)"],
            ["CREATE TABLE paper_trading_sessions (id)", "PRAGMA user_version = 1"],
            ["PRAGMA journal_mode=WAL", "CREATE TABLE theirs (a)"],
        ],
    )
    def test_another_programs_database(self, path, statements):
        """A database with anything in it, or with another program's mark, is not ours, whatever its tables' names."""
        sql(path, *statements)

        self.refuse(path, ForeignDatabaseError, self.FOREIGN)

    @UNIX
    @pytest.mark.parametrize("shared_memory", [True, False])
    def test_another_programs_log(self, path, shared_memory):
        """A foreign database whose contents are still in its write-ahead log is refused, the log left as it is."""
        program = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode=WAL")
connection.execute("CREATE TABLE theirs (a)")
connection.execute("INSERT INTO theirs VALUES ('only in the log')")
os.kill(os.getpid(), signal.SIGKILL)
"""
        killed(program, path)
        if not shared_memory:
            path.with_name("sessions.db-shm").unlink()

        self.refuse(path, ForeignDatabaseError, self.FOREIGN)

        assert sql(path, "SELECT a FROM theirs") == [("only in the log",)]

    @pytest.mark.parametrize("newer", [1, 1000])
    def test_a_newer_version(self, path, newer):
        """A file from a newer version is refused with both versions and the way out."""
        new_file(path)
        found = newest_version() + newer
        sql(path, f"PRAGMA user_version = {found}")

        self.refuse(
            path,
            SchemaVersionError,
            rf"has version {found}, this paper_repo knows versions up to {newest_version()}; it was not touched: .*"
            "pip install --upgrade",
        )

    @UNIX
    def test_a_newer_version_in_the_log(self, path):
        """A newer version counts also while it is only in the write-ahead log."""
        new_file(path)
        program = f"""
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA user_version = {newest_version() + 1}")
os.kill(os.getpid(), signal.SIGKILL)
"""
        killed(program, path)

        self.refuse(path, SchemaVersionError, "it was not touched")

    def test_the_async_repository_refuses_in_the_same_way(self, path):
        """The facade opens files through the same door."""
        path.write_text("notes")

        async def use():
            async with SQLiteSessionRepository(path):
                pass

        with pytest.raises(ForeignDatabaseError):
            anyio.run(use)
        assert path.read_text() == "notes"


class TestBadPlace:
    """A path at which there can be no file."""

    def test_a_folder(self, tmp_path):
        """A folder is refused with a path that would do."""
        with pytest.raises(
            StorageError, match=r"this is a folder; give the path of a file in it, such as .*sessions\.db"
        ):
            SessionRepository(tmp_path).open()

    def test_a_missing_folder(self, tmp_path):
        """The folder is named, and not created; once it is there the same repository works."""
        repository = SessionRepository(tmp_path / "new" / "sessions.db")

        with pytest.raises(StorageError, match=r"the folder .*new does not exist; create it first"):
            repository.open()
        assert list(tmp_path.iterdir()) == []

        (tmp_path / "new").mkdir()
        with repository:
            assert repository.count() == 0

    def test_a_file_in_place_of_the_folder(self, tmp_path):
        """A file cannot hold another one."""
        (tmp_path / "file").touch()

        with pytest.raises(StorageError, match=r"the folder .*file does not exist"):
            SessionRepository(tmp_path / "file" / "sessions.db").open()

    @UNIX
    def test_a_device_or_a_pipe(self, tmp_path):
        """What is no regular file is refused at once, without waiting for anybody to write into it."""
        os.mkfifo(tmp_path / "pipe")

        for place in (tmp_path / "pipe", Path(os.devnull)):
            with pytest.raises(StorageError, match="this is a device or a pipe, not a file"):
                SessionRepository(place).open()

    @UNIX
    def test_links_in_a_circle(self, tmp_path):
        """Links that lead nowhere are refused with the system's words."""
        (tmp_path / "a").symlink_to(tmp_path / "b")
        (tmp_path / "b").symlink_to(tmp_path / "a")

        with pytest.raises(StorageError, match=r"cannot be reached: .*links"):
            SessionRepository(tmp_path / "a").open()

    @UNIX
    def test_a_link_into_a_missing_folder(self, tmp_path):
        """A link whose target cannot be created is refused, and nothing is created."""
        (tmp_path / "link").symlink_to(tmp_path / "missing" / "sessions.db")

        with pytest.raises(StorageError, match="cannot be created: No such file"):
            SessionRepository(tmp_path / "link").open()

    def test_a_name_that_is_too_long(self, tmp_path):
        """The system's own limit is told in its own words."""
        with pytest.raises(StorageError, match=r"cannot be (reached|created): "):
            SessionRepository(tmp_path / ("x" * 300)).open()


class TestArguments:
    """What makes no sense is refused when the repository is constructed."""

    @pytest.mark.parametrize("repository", [SessionRepository, SQLiteSessionRepository])
    @pytest.mark.parametrize("path", [":memory:", "file::memory:", "file:sessions.db?mode=memory", Path(":memory:")])
    def test_memory_is_pointed_elsewhere(self, repository, path):
        """Whoever wants sessions in memory is told what to use."""
        with pytest.raises(ValueError, match="use InMemorySessionRepository"):
            repository(path)

    @pytest.mark.parametrize("repository", [SessionRepository, SQLiteSessionRepository])
    @pytest.mark.parametrize("path", ["", None, 5, b"sessions.db", "a\0b", ["sessions.db"]])
    def test_what_is_no_path(self, repository, path):
        """Only texts and Paths name files."""
        with pytest.raises(ValueError, match=r"path (is a str or a Path|must name a file), not"):
            repository(path)

    @pytest.mark.parametrize("durability", ["FULL", "off", None, 2, True])
    def test_unknown_durability(self, path, durability):
        """The message lists the two that there are."""
        with pytest.raises(ValueError, match="durability is 'full' or 'normal', not"):
            SessionRepository(path, durability=durability)

    @pytest.mark.parametrize("seconds", [-1, -0.1, True, "5", None, float("nan"), float("inf"), 1e9])
    def test_wrong_timeout(self, path, seconds):
        """A timeout is a number of seconds that one might wait for."""
        with pytest.raises(ValueError, match="busy_timeout is a number of seconds from 0, not"):
            SessionRepository(path, busy_timeout=seconds)

    @pytest.mark.parametrize("seconds", [0, 0.5, 60])
    def test_timeouts(self, path, seconds):
        """Whole numbers and fractions of seconds are kept; without any it is five seconds."""
        assert SessionRepository(path, busy_timeout=seconds).busy_timeout == seconds
        assert SessionRepository(path).busy_timeout == 5

    def test_representation(self, path):
        """A repository shows its file and durability."""
        assert repr(SessionRepository(path, durability="normal")) == (
            f"SessionRepository({str(path)!r}, durability='normal')"
        )


class TestClosing:
    """The end of a repository."""

    def test_closed_is_closed(self, path):
        """After `close`, which may be repeated, every use is a `RepositoryClosedError` that names the file."""
        repository = SessionRepository(path)
        repository.open()
        repository.close()
        repository.close()

        for use in (repository.open, repository.get_all, lambda: repository.save(new_session())):
            with pytest.raises(RepositoryClosedError, match=r"sessions\.db: the repository was closed"):
                use()

    def test_never_opened(self, path):
        """A repository that was closed before its first use creates nothing later either."""
        repository = SessionRepository(path)
        repository.close()

        with pytest.raises(RepositoryClosedError):
            repository.count()
        assert not path.exists()

    def test_nothing_is_left_beside_the_file(self, path):
        """The last one to close moves the log into the file, which then is all there is to back up."""
        new_file(path)

        assert [each.name for each in path.parent.iterdir()] == ["sessions.db"]

    def test_not_inside_a_transaction(self, path):
        """Closing inside a block is refused, and the block goes on."""
        with SessionRepository(path) as repository:
            with repository.atomic():
                with pytest.raises(
                    TransactionError, match="cannot be closed inside a transaction; leave the block first"
                ):
                    repository.close()
                repository.save(new_session())
            assert repository.count() == 1

    def test_it_waits_for_what_is_under_way(self, path):
        """A block that another thread has open is finished before the connections are closed."""
        repository = SessionRepository(path)
        inside, closing_begins = threading.Event(), threading.Event()

        def work():
            with repository.atomic():
                inside.set()
                closing_begins.wait(10)
                repository.save(new_session(id="abc-123"))

        worker = threading.Thread(target=work)
        worker.start()
        inside.wait(10)
        closing_begins.set()
        repository.close()
        worker.join()

        with SessionRepository(path) as again:
            assert again.exists("abc-123")


class TestFirstOpeners:
    """Several that open one new file at the same moment."""

    @pytest.mark.parametrize("round_number", range(5))
    def test_threads(self, path, round_number):
        """Threads with repositories of their own all succeed."""
        barrier = threading.Barrier(8)
        failures = []

        def use(number):
            try:
                repository = SessionRepository(path, busy_timeout=60)  # SQLite lets the waiting in by chance
                barrier.wait(20)
                with repository:
                    repository.save(new_session(id=f"{number}"))
            except Exception as error:
                failures.append(error)

        run_all([threading.Thread(target=use, args=(number,)) for number in range(8)])

        assert failures == []
        with SessionRepository(path) as repository:
            assert repository.count() == 8

    def test_threads_of_one_repository(self, path):
        """Threads that share a repository open it once."""
        barrier = threading.Barrier(8)
        failures = []

        shared = SessionRepository(path, busy_timeout=60)

        def use(number):
            try:
                barrier.wait(20)
                shared.save(new_session(id=f"{number}"))
            except Exception as error:
                failures.append(error)

        run_all([threading.Thread(target=use, args=(number,)) for number in range(8)])

        assert failures == []
        assert shared.count() == 8
        shared.close()

    def test_processes(self, path):
        """Processes that start at one moment all succeed."""
        program = """
import sys
from paper_repo import SessionRepository
from tests.builders import new_session
repository = SessionRepository(sys.argv[1], busy_timeout=60)
print("ready", flush=True)
sys.stdin.readline()
with repository:
    repository.save(new_session(id=sys.argv[2]))
"""
        children = [
            subprocess.Popen(
                [sys.executable, "-c", program, path, str(number)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for number in range(6)
        ]
        for child in children:
            assert child.stdout.readline() == "ready\n"
        for child in children:
            child.stdin.write("go\n")
            child.stdin.flush()
        for child in children:
            child.communicate(timeout=60)

        assert [child.returncode for child in children] == [0] * 6
        with SessionRepository(path) as repository:
            assert repository.count() == 6


@UNIX
class TestPermissions:
    """Files and folders that a user may not read or write."""

    # The superuser may do everything, so that a child process first gives up all capabilities (Linux's capset(2)). It
    # does not become somebody else, who might not reach this program's own files.
    PROGRAM = """
import ctypes, json, os, sys
import paper_repo
from tests.builders import new_session
if os.getuid() == 0:
    header, none = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert ctypes.CDLL(None).capset(header, none) == 0
answer = {}
repository = paper_repo.SessionRepository(sys.argv[1], busy_timeout=1)
for name, use in {
    "read": lambda: [session.id for session in repository.get_all()],
    "save": lambda: repository.save(new_session()),
}.items():
    try:
        answer[name] = use()
    except paper_repo.PaperRepoError as error:
        answer[name] = [type(error).__name__, str(error)]
repository.close()
print(json.dumps(answer))
"""

    @pytest.fixture
    def folder(self):
        """A folder that everybody may reach, and that belongs to whom the child becomes."""
        made = Path(tempfile.mkdtemp(prefix="paper_repo-"))
        made.chmod(0o755)
        yield made
        made.chmod(0o755)
        shutil.rmtree(made)

    @pytest.fixture
    def theirs(self, folder):
        """A file of ours in it."""
        new_file(folder / "sessions.db")
        return folder / "sessions.db"

    def use(self, path):
        """What reading and saving give to somebody with ordinary rights."""
        child = subprocess.run(
            [sys.executable, "-c", self.PROGRAM, path],
            capture_output=True,
            check=True,
            text=True,
            timeout=60,
            env=unmeasured(),
        )
        return json.loads(child.stdout)

    def test_ordinary_rights_are_enough(self, theirs):
        """Somebody with ordinary rights reads and saves."""
        assert self.use(theirs) == {"read": ["abc-123"], "save": None}

    def test_a_read_only_file(self, theirs):
        """A read-only file can be read; a save says that it cannot be written."""
        theirs.chmod(0o400)
        before = theirs.read_bytes()

        answer = self.use(theirs)

        assert answer["read"] == ["abc-123"]
        assert answer["save"][0] == "ReadOnlyError"
        assert "check the permissions of the file and its folder" in answer["save"][1]
        assert theirs.read_bytes() == before

    @pytest.mark.parametrize("file_mode", [0o600, 0o400])
    def test_a_read_only_folder(self, theirs, file_mode):
        """A file in a folder that cannot be written can be read; nothing is created beside it."""
        theirs.chmod(file_mode)
        theirs.parent.chmod(0o555)

        answer = self.use(theirs)

        assert answer["read"] == ["abc-123"]
        assert answer["save"][0] == "ReadOnlyError"
        assert str(theirs) in answer["save"][1]
        assert [each.name for each in theirs.parent.iterdir()] == ["sessions.db"]

    def test_a_read_only_copy_that_is_not_in_wal_mode(self, theirs):
        """A read-only file that another tool took out of WAL mode, as some backups are, can be read."""
        sql(theirs, "PRAGMA journal_mode=DELETE")
        theirs.chmod(0o400)

        answer = self.use(theirs)

        assert answer["read"] == ["abc-123"]
        assert answer["save"][0] == "ReadOnlyError"

    def test_saves_in_the_log_of_a_read_only_folder(self, theirs):
        """What a killed program left in its log is there, although no file can be created beside it."""
        killed(SAVE_AND_DIE, theirs, "in the log")
        theirs.parent.chmod(0o555)

        answer = self.use(theirs)

        assert sorted(answer["read"]) == ["abc-123", "in the log"]

    def test_saves_in_a_log_that_cannot_be_read_are_not_passed_over(self, theirs):
        """Where the log cannot be read without writing, that is an error, not a look at an older state."""
        killed(SAVE_AND_DIE, theirs, "in the log")
        theirs.with_name("sessions.db-shm").unlink()
        theirs.parent.chmod(0o555)

        answer = self.use(theirs)

        assert answer["read"] == answer["save"]
        assert answer["read"][0] in ("StorageError", "ReadOnlyError")
        assert "check the permissions of the file and its folder" in answer["read"][1]

    def test_half_a_change_in_a_read_only_folder_is_not_passed_over(self, theirs):
        """Where the journal cannot be applied, that is an error, not a look at half of a change."""
        theirs.unlink()
        sessions_with_half_a_change(theirs)
        theirs.parent.chmod(0o555)

        answer = self.use(theirs)

        assert answer["read"] == answer["save"]
        assert answer["read"][0] in ("StorageError", "ReadOnlyError")
        assert "check the permissions of the file and its folder" in answer["read"][1]

    def test_a_file_that_cannot_be_read(self, theirs):
        """The message says that permissions are missing."""
        theirs.chmod(0o000)

        answer = self.use(theirs)

        assert answer["read"] == answer["save"]
        assert answer["read"][0] == "StorageError"
        assert "check the permissions of the file and its folder" in answer["read"][1]

    def test_no_file_in_a_read_only_folder(self, folder):
        """A new file cannot be created there; the message says to choose another folder."""
        folder.chmod(0o555)

        answer = self.use(folder / "sessions.db")

        assert answer["read"][0] == "ReadOnlyError"
        assert "cannot be written; choose another one" in answer["read"][1]

    def test_a_folder_that_cannot_be_entered(self, theirs):
        """What lies behind closed doors is an error of ours as well."""
        theirs.parent.chmod(0o000)

        answer = self.use(theirs)

        assert answer["read"][0] == "StorageError"
        assert "cannot be reached: Permission denied" in answer["read"][1]

    def test_an_empty_file_that_is_read_only(self, folder):
        """An empty file that cannot be filled is no database yet."""
        (folder / "sessions.db").touch(mode=0o400)

        answer = self.use(folder / "sessions.db")

        assert answer["read"][0] == "ReadOnlyError"


def in_thread(call):
    """What `call` returns in another thread."""
    results = []
    thread = threading.Thread(target=lambda: results.append(call()))
    thread.start()
    thread.join(30)
    return results[0]


def run_all(threads):
    """Start all threads, and wait for them."""
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
