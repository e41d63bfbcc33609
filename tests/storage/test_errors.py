"""A driver's error becomes one of ours: as a table, and each for real."""

from __future__ import annotations

import copy
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing

import peewee
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paper_repo import (
    BusyError,
    CorruptDatabaseError,
    CorruptRecordError,
    DiskFullError,
    EquityPoint,
    PaperRepoError,
    ReadOnlyError,
    RepositoryClosedError,
    SessionRepository,
    StorageError,
)
from paper_repo.storage.errors import driver_error
from paper_repo.storage.opening import CONNECTIONS
from paper_repo.storage.sqlite.errors import BY_SQLITE_CODE, translated
from tests.builders import START, full_session, moment, new_fill, new_session
from tests.facade.watching import Watch
from tests.processes.running import unmeasured

TABLE = [
    (sqlite3.SQLITE_PERM, ReadOnlyError, "check the permissions of the file and its folder"),
    (sqlite3.SQLITE_BUSY, BusyError, "repeat the call"),
    (sqlite3.SQLITE_BUSY_SNAPSHOT, BusyError, "repeat the call"),
    (sqlite3.SQLITE_LOCKED, BusyError, "repeat the call"),
    (sqlite3.SQLITE_PROTOCOL, BusyError, "repeat the call"),
    (sqlite3.SQLITE_READONLY, ReadOnlyError, "check the permissions of the file and its folder"),
    (sqlite3.SQLITE_READONLY_DIRECTORY, ReadOnlyError, "check the permissions of the file and its folder"),
    (sqlite3.SQLITE_INTERRUPT, StorageError, "nothing of it is stored"),
    (sqlite3.SQLITE_IOERR, StorageError, "check the disk"),
    (sqlite3.SQLITE_IOERR_WRITE, StorageError, "takes others now"),
    (sqlite3.SQLITE_IOERR_DELETE, ReadOnlyError, "check the permissions of the file and its folder"),
    (sqlite3.SQLITE_IOERR_SHMSIZE, DiskFullError, "even to read"),
    (sqlite3.SQLITE_READONLY_DBMOVED, StorageError, "removed, renamed or moved"),
    (sqlite3.SQLITE_FORMAT, CorruptDatabaseError, "restore a backup"),
    (sqlite3.SQLITE_IOERR_FSYNC, StorageError, "check the disk"),
    (sqlite3.SQLITE_CORRUPT, CorruptDatabaseError, "restore a backup"),
    (sqlite3.SQLITE_CORRUPT_INDEX, CorruptDatabaseError, "restore a backup"),
    (sqlite3.SQLITE_FULL, DiskFullError, "make room and repeat it"),
    (sqlite3.SQLITE_CANTOPEN, StorageError, "check the permissions of the file and its folder"),
    (sqlite3.SQLITE_NOTADB, CorruptDatabaseError, "not an SQLite database, or its first page is damaged"),
    (sqlite3.SQLITE_CONSTRAINT, StorageError, "the driver's words"),
    (None, StorageError, "the driver's words"),
]


def from_driver(code):
    """An error as the driver raises it with this code."""
    error = sqlite3.OperationalError("the driver's words")
    if code is not None:
        error.sqlite_errorcode = code
    return error


def in_peewee(error):
    """The error as Peewee raises it."""
    try:
        with peewee.__exception_wrapper__:
            raise error
    except peewee.PeeweeException as wrapped:
        return wrapped


def left_by(error):
    """What leaves a translating block when `error` is raised in it."""
    with pytest.raises(PaperRepoError) as left, translated("sessions.db"):
        raise error
    return left.value


class TestTable:
    """Which of our errors stands for which of the driver's."""

    @pytest.mark.parametrize(("code", "kind", "advice"), TABLE)
    @pytest.mark.parametrize("wrap", [in_peewee, lambda error: error], ids=["peewee", "driver"])
    def test_codes(self, code, kind, advice, wrap):
        """Each code gives its kind of error: the message names the database, says what to do and what SQLite said."""
        error = wrap(from_driver(code))

        ours = left_by(error)

        assert type(ours) is kind
        assert str(ours).startswith("sessions.db: ")
        assert advice in str(ours)
        assert "the driver's words" in str(ours)
        assert ours.__cause__ is error

    def test_every_code_that_is_known_is_tested(self):
        """The table of the tests has every code of the table of the package."""
        assert set(BY_SQLITE_CODE) <= {code for code, _, _ in TABLE}

    @pytest.mark.parametrize(
        "error",
        [
            UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
            sqlite3.OperationalError("Could not decode to UTF-8 column 'name' with text 'x'"),
            in_peewee(sqlite3.OperationalError("user-defined function raised exception")),
        ],
    )
    def test_unreadable_text_is_damage(self, error):
        """Text that is no Unicode, or no JSON where it must be, is damage of the file."""
        ours = left_by(error)

        assert type(ours) is CorruptDatabaseError
        assert "restore a backup (a text in it cannot be read)" in str(ours)
        assert ours.__cause__ is error

    def test_a_closed_connection_is_a_closed_repository(self):
        """A connection that `close` has taken away says so."""
        error = sqlite3.ProgrammingError("Cannot operate on a closed database.")

        assert type(left_by(error)) is RepositoryClosedError

    @pytest.mark.parametrize(
        "error", [ValueError("theirs"), KeyError("theirs"), KeyboardInterrupt(), BusyError("ours")]
    )
    def test_other_errors_pass(self, error):
        """What is no driver's error leaves as it is."""
        with pytest.raises(type(error)) as left, translated("sessions.db"):
            raise error

        assert left.value is error

    def test_the_drivers_error_inside_peewees(self):
        """Peewee keeps the error that it wraps; one of Peewee's own has none."""
        inner, own = from_driver(5), peewee.OperationalError("Connection already opened.")

        assert driver_error(in_peewee(inner)) is inner
        assert driver_error(own) is own
        assert driver_error(inner) is inner


@pytest.fixture
def repository(path):
    """A repository that waits for nobody, with one session in it."""
    with SessionRepository(path, busy_timeout=0) as opened:
        opened.save(full_session(id="abc-123", status="RUNNING"))
        yield opened


def fails(use, kind, path, words=""):
    """`use` fails with this kind of error, which names the file and has a driver's error as its cause."""
    with pytest.raises(kind) as refused:
        use()
    assert type(refused.value) is kind
    assert str(refused.value).startswith(f"{path}: ")
    assert words in str(refused.value)
    assert isinstance(refused.value.__cause__, peewee.PeeweeException | sqlite3.Error)


def fails_to_save(repository, session, kind, path, words=""):
    """Saving fails in this way, and leaves the object and the file as they were."""
    before = copy.deepcopy(session)
    fails(lambda: repository.save(session), kind, path, words)
    assert session == before


class TestForReal:
    """Each error as SQLite itself raises it."""

    def test_another_writer(self, repository, path):
        """While another connection writes, saving is busy and reading is not; afterwards the same save works."""
        session = repository.get_by_id("abc-123")
        session.record_fill(new_fill(9))

        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            fails_to_save(repository, session, BusyError, path, "another writer held it for longer")
            assert repository.count() == 1
            other.execute("ROLLBACK")
        repository.save(session)

        assert (session.version, len(repository.get_fills("abc-123"))) == (2, 3)

    def test_another_transaction_of_the_program(self, repository, path):
        """While another thread has a block open, saving is busy, by a message of our own."""
        with repository.atomic():
            failure = in_thread(lambda: repository.save(new_session()))

        assert type(failure) is BusyError
        assert str(failure) == (
            f"{path}: another transaction of this program was open for longer than the busy timeout "
            "(0 s); repeat the call"
        )

    def test_no_connection_left(self, path):
        """When all connections are in use for longer than the timeout, one more caller is told so."""
        with SessionRepository(path, busy_timeout=0.05) as repository:
            repository.open()
            all_in, done = threading.Barrier(CONNECTIONS + 1), threading.Event()

            def read():
                with repository.reading():
                    repository.count()
                    all_in.wait(30)
                    done.wait(30)

            readers = [threading.Thread(target=read) for _ in range(CONNECTIONS)]
            for reader in readers:
                reader.start()
            all_in.wait(30)
            with pytest.raises(BusyError, match=f"{path}: all connections were in use"):
                repository.count()
            done.set()
            for reader in readers:
                reader.join()

            assert repository.count() == 0

    def test_no_room(self, path, monkeypatch):
        """A full disk stops a save and nothing else: what was there stays, and with room again the same save works."""
        watch = Watch()
        watch.install(monkeypatch)
        with SessionRepository(path) as repository:
            repository.save(full_session(id="abc-123"))
            session = new_session(state={"bars": ["x" * 1000] * 1000})
            session.record_fill(new_fill(1))
            limit = {"pages": 40}
            watch.before = lambda sql: (
                watch.connection.execute(f"PRAGMA max_page_count={limit['pages']}") if sql.startswith("BEGIN") else None
            )

            fails_to_save(repository, session, DiskFullError, path, "nothing of this write is stored")
            left = [each.id for each in repository.get_all()]
            limit["pages"] = 1_000_000
            repository.save(session)

            assert left == ["abc-123"]
            assert repository.get_by_id(session.id) == session

    def test_no_room_inside_a_block(self, path, monkeypatch):
        """A full disk in a block rolls back all of it, and every object is as it was."""
        watch = Watch()
        watch.install(monkeypatch)
        with SessionRepository(path) as repository:
            small, large = new_session(), new_session(state={"bars": ["x" * 1000] * 1000})
            small.record_fill(new_fill(1))
            before = copy.deepcopy([small, large])
            repository.open()
            watch.before = lambda sql: (
                watch.connection.execute("PRAGMA max_page_count=40") if sql.startswith("BEGIN") else None
            )

            with pytest.raises(DiskFullError):
                save_in_one_block(repository, small, large)

            assert [small, large] == before
            assert repository.count() == 0

    def test_an_interrupt(self, repository, path, monkeypatch):
        """A statement that is interrupted is not done."""
        watch = Watch()
        watch.install(monkeypatch)
        with SessionRepository(path) as interrupted:
            session = interrupted.get_by_id("abc-123")
            watch.before = lambda sql: watch.connection.set_progress_handler(lambda: sql.startswith("UPDATE"), 1)

            fails_to_save(interrupted, session, StorageError, path, "the call was interrupted")
            watch.before = lambda sql: watch.connection.set_progress_handler(None, 1)
            interrupted.save(session)

        assert session.version == 2

    def test_a_locked_table(self, tmp_path):
        """A table that the same connection is reading cannot be dropped."""
        with closing(sqlite3.connect(tmp_path / "any.db")) as connection:
            connection.executescript("CREATE TABLE t (a); INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)")
            reading = connection.execute("SELECT a FROM t")
            reading.fetchone()
            with pytest.raises(BusyError, match="another connection holds the table"), translated("any.db"):
                connection.execute("DROP TABLE t")
            reading.close()

    def test_a_read_only_connection(self, repository, path):
        """A connection that may not write says so."""
        uri = f"file:{path}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as connection, pytest.raises(ReadOnlyError), translated("any.db"):
            connection.execute("DELETE FROM paper_trading_sessions")

    def test_a_folder_that_is_gone(self, path):
        """When the file's folder is taken away under an open repository, new connections say so."""
        folder = path.parent / "gone"
        folder.mkdir()
        repository = SessionRepository(folder / "sessions.db")
        repository.open()

        with repository.reading():
            shutil.rmtree(folder)
            failure = in_thread(repository.count)
        repository.close()

        assert type(failure) is StorageError
        assert "removed, renamed or moved, or its folder has" in str(failure)

    def test_damaged_pages(self, path):
        """A file with overwritten pages says so when a call comes to them, also far behind the first row."""
        with SessionRepository(path) as repository:
            session = full_session(id="abc-123")
            for number in range(3, 2000):
                session.record_fill(new_fill(number))
            repository.save(session)
        content = bytearray(path.read_bytes())
        middle = len(content) // 2 // 4096 * 4096
        content[middle : middle + 40 * 4096] = b"\xa5" * (40 * 4096)
        path.write_bytes(content)

        with SessionRepository(path) as repository:
            assert repository.get_by_id("abc-123").fill_count == 1999
            with pytest.raises(CorruptDatabaseError, match="the file is damaged; keep a copy"):
                repository.get_fills("abc-123")

    def test_a_damaged_schema(self, path):
        """A file whose list of tables is damaged cannot be used at all, and says so in our words."""
        with SessionRepository(path):
            pass
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA writable_schema = 1")
            connection.execute("UPDATE sqlite_master SET sql = CAST(X'ff80' AS TEXT) WHERE type = 'table'")
            connection.commit()

        repository = SessionRepository(path)
        with pytest.raises(CorruptDatabaseError, match=r"sessions\.db: the file is damaged"):
            repository.get_all()
        repository.close()

    def test_text_that_is_no_unicode(self, repository, path):
        """A stored text that another tool has damaged is damage, not an error of decoding."""
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("UPDATE paper_trading_sessions SET name = CAST(X'ff80' AS TEXT)")
            connection.commit()

        for read in (lambda: repository.get_by_id("abc-123"), repository.get_all):
            with pytest.raises(CorruptRecordError, match="'abc-123'"):
                read()

    @pytest.mark.parametrize(
        "statement",
        ["DROP TABLE paper_trading_equity", "ALTER TABLE paper_trading_equity RENAME COLUMN cash TO money"],
    )
    def test_tables_that_are_not_ours(self, repository, path, statement):
        """Tables and columns that another program has taken away are damage, and the others can be read."""
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(statement)

        fails(lambda: repository.get_equity_curve("abc-123"), CorruptDatabaseError, path, "its tables are not ours")
        assert repository.get_by_id("abc-123").id == "abc-123"

    def test_a_filter_that_meets_no_unicode(self, repository, path):
        """Looking for a symbol in a list that cannot be read is damage as well."""
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("UPDATE paper_trading_sessions SET symbols = CAST(X'5bff5d' AS TEXT)")
            connection.commit()

        with pytest.raises(CorruptRecordError, match="'abc-123'"):
            repository.get_all(symbol="AAPL")

    def test_closed_during_a_block(self, path):
        """A block whose repository is closed by an impatient other thread ends with `RepositoryClosedError`."""
        repository = SessionRepository(path, busy_timeout=0)
        inside, closed = threading.Event(), threading.Event()

        def work():
            with repository.atomic():
                repository.save(new_session(id="abc-123"))
                inside.set()
                closed.wait(30)
                repository.save(new_session())

        failures = []
        worker = threading.Thread(target=lambda: failures.append(failure_of(work)))
        worker.start()
        inside.wait(30)
        repository.close()
        closed.set()
        worker.join()

        assert [type(each) for each in failures] == [RepositoryClosedError]
        with SessionRepository(path) as again:
            assert again.count() == 0

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="the limit on file sizes is POSIX's")
    def test_a_file_that_cannot_grow(self, path):
        """Where the system refuses to let the file grow, the save fails whole, and a smaller one works."""
        program = """
import json, resource, signal, sys
from paper_repo import SessionRepository, StorageError
from tests.builders import new_session
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with SessionRepository(sys.argv[1]) as repository:
    repository.save(new_session(id="before"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
    large = new_session(state={"bars": ["x" * 1000] * 1000})
    try:
        repository.save(large)
    except StorageError as error:
        answer = [type(error).__name__, str(error), large.version, [each.id for each in repository.get_all()]]
    repository.save(new_session(id="after"))
    print(json.dumps(answer))
"""
        child = subprocess.run(
            [sys.executable, "-c", program, path],
            capture_output=True,
            check=True,
            text=True,
            timeout=60,
            env=unmeasured(),
        )
        kind, message, version, ids = json.loads(child.stdout)

        assert kind == "DiskFullError"
        assert "the limit of file sizes leaves no room" in message
        assert "sessions.db: " in message
        assert (version, ids) == (0, ["before"])
        with SessionRepository(path) as repository:
            assert {each.id for each in repository.get_all()} == {"before", "after"}


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """The bytes of a file with several sessions and histories."""
    path = tmp_path_factory.mktemp("sound") / "sessions.db"
    with SessionRepository(path) as repository:
        for number in range(4):
            session = full_session(id=f"session-{number}", status="RUNNING" if number % 2 else "STOPPED")
            for place in range(3, 30):
                session.record_fill(new_fill(place))
                session.record_equity(EquityPoint(moment(place), 1, 2))
            repository.save(session)
    return path.read_bytes()


class TestDamage:
    """Whatever bytes are damaged, only errors of ours leave."""

    @settings(max_examples=60, deadline=None)
    @given(seed=st.integers(0, 2**32), damages=st.integers(1, 50), cut=st.booleans())
    def test_only_our_errors_leave(self, sound, tmp_path_factory, seed, damages, cut):
        """Every call on a damaged file works, or fails with an error of ours; a failed save leaves its object alone."""
        path = tmp_path_factory.mktemp("damaged") / "sessions.db"
        path.write_bytes(damaged(sound, random.Random(seed), damages, cut))
        repository = SessionRepository(path, durability="normal", busy_timeout=0.1)

        try:
            for call in self.calls(repository):
                failure = failure_of(call)
                assert failure is None or isinstance(failure, PaperRepoError)
        finally:
            repository.close()
            shutil.rmtree(path.parent)

    @staticmethod
    def calls(repository):
        """All kinds of reading and writing."""
        yield repository.open
        for number in range(4):
            for read in (repository.get_by_id, repository.exists, repository.get_fills, repository.get_equity_curve):
                yield lambda read=read, number=number: read(f"session-{number}")
        yield repository.get_all
        yield repository.get_active
        yield repository.get_summaries
        yield lambda: repository.get_all(order_by="equity", symbol="AAPL")
        yield lambda: list(repository.iterate(order_by="name"))
        yield lambda: repository.count(status="RUNNING")
        yield repository.describe

        def change():
            session = repository.get_by_id("session-1")
            if session is not None:
                session.record_fill(new_fill(99))
                session.record_fill(new_fill(5))
                session.record_equity(EquityPoint(START, 1, 1))
                before = copy.deepcopy(session)
                failure = failure_of(lambda: repository.save(session))
                assert failure is None or session == before
                if failure is not None:
                    raise failure

        yield change
        yield lambda: repository.save(new_session())
        yield lambda: repository.delete_many(status="STOPPED")
        yield lambda: repository.delete("session-3")


def save_in_one_block(repository, *sessions):
    """Save these sessions one after the other in a block."""
    with repository.atomic():
        for session in sessions:
            repository.save(session)


def damaged(content, chance, damages, cut):
    """The bytes with some of them changed, many where pages describe themselves, and perhaps cut short."""
    content = bytearray(content)
    for _ in range(damages):
        place = chance.randrange(len(content))
        if chance.random() < 0.5:
            place = place // 4096 * 4096 + chance.randrange(120)
        content[min(place, len(content) - 1)] = chance.randrange(256)
    return content[: chance.randrange(len(content))] if cut else content


def failure_of(call):
    """The exception that `call` raises, or None."""
    try:
        call()
    except Exception as error:
        return error
    return None


def in_thread(call):
    """The exception that `call` raises in another thread, or None."""
    results = []
    thread = threading.Thread(target=lambda: results.append(failure_of(call)))
    thread.start()
    thread.join(30)
    return results[0]
