"""A database as a repository uses it: connections for any number of threads, transactions, rows."""

from __future__ import annotations

import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from peewee import Query

from paper_repo.domain.values import Progress
from paper_repo.errors import (
    BusyError,
    CorruptDatabaseError,
    PaperRepoError,
    RepositoryClosedError,
    StorageError,
    TransactionError,
)
from paper_repo.storage.claim_statements import ClaimStatements
from paper_repo.storage.errors import Translated
from paper_repo.storage.feed import ChangeFeed
from paper_repo.storage.forking import HeedsForks, heed_forks
from paper_repo.storage.statements import Statement, Statements
from paper_repo.storage.tables import Row

CONNECTIONS = 16
"""How many connections a repository has at most."""

UPGRADES = ("auto", "never")
"""What to do about a schema that is older than this library."""

DURABILITY = ("full", "normal")
"""What an acknowledged save survives: a power cut too, or a crash of the program alone."""

_FORK_PATIENCE = 1.0
"""How long a fork waits for the calls of other threads, in seconds."""


class Storage(HeedsForks, ABC):
    """The rows of one database, for any number of threads.

    A thread has a connection from the pool for as long as one call, or one transaction, of it lasts. So many
    transactions of this process as `writers` says write at a time; the others, and other processes, wait for the
    database's own lock, both for the busy timeout at most.

    Args:
        name: what messages call the database; never a password in it.
        busy_timeout: in seconds.
    """

    keeps_text = False
    """Whether a row comes back as the very text that was written, so that its checksum can be compared."""

    damage: str | None = None
    """What was found to be wrong with the structure of the database when it was opened."""

    writers: ClassVar[int] = 1
    """How many transactions of one process may write at a time."""

    errors_end_transactions: ClassVar[bool] = False
    """Whether an error leaves nothing of a transaction usable but what was marked by a part of it before."""

    durability: str
    """What an acknowledged save survives; see `DURABILITY`."""

    BEGIN_SNAPSHOT = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
    """The statement that begins a transaction whose reads are all of one moment; this is standard SQL's."""

    def __init__(self, name: str, busy_timeout: float) -> None:
        if isinstance(busy_timeout, bool) or not isinstance(busy_timeout, int | float) or not 0 <= busy_timeout < 1e6:
            raise ValueError(f"busy_timeout is a number of seconds from 0, not {busy_timeout!r}")
        self.name = name
        self.identity = object()
        """Stands for this database, and for no other one."""
        self.busy_timeout = float(busy_timeout)
        self._translated = self._errors()
        self._closed = False
        self._when_freed: list[Callable[[], None]] = []
        self._prepare()
        heed_forks(self)

    def _prepare(self) -> None:
        """Everything that belongs to this process alone, so that a forked child starts with its own."""
        self._opened = False
        self._opening = threading.Lock()
        self._writing = threading.Lock() if self.writers == 1 else threading.BoundedSemaphore(self.writers)
        self._using = threading.Lock()
        self._idle = threading.Condition(self._using)
        self._users = 0
        self._held = _Held()
        self._feeds: weakref.WeakSet[ChangeFeed] = weakref.WeakSet()
        self._database = self._pool()

    @abstractmethod
    def _pool(self) -> Any:
        """A new pool of connections, none of them open yet."""

    @abstractmethod
    def _errors(self) -> Translated:
        """A context whose errors of the driver's leave as ours."""

    @abstractmethod
    def _open(self) -> None:
        """Create or recognise the database, and bring its schema to the present version."""

    @property
    @abstractmethod
    def statements(self) -> Statements:
        """The statements for this kind of database."""

    @cached_property
    def claims(self) -> ClaimStatements:
        """The statements about claims."""
        return ClaimStatements(self.statements)

    # Opening and closing

    def open(self) -> None:
        """Do what is done once before the first use."""
        if self._closed:
            raise RepositoryClosedError(f"{self.name}: the repository was closed")
        if self._opened:
            return
        with self._opening:
            if not self._opened:
                try:
                    self._open()
                except BaseException:
                    self._database.close_idle()
                    raise
                self._opened = True

    def require_sound(self) -> None:
        """Raise a `CorruptDatabaseError` where damage was found, which makes every answer and every write doubtful."""
        self.open()
        if self.damage is not None:
            raise CorruptDatabaseError(
                f"{self.name}: the file is damaged; keep a copy of it, save what can be read with `paper-repo salvage`,"
                f" or restore a backup; nothing is written to it (SQLite says: {self.damage})"
            )

    def back_up(self, target: Path, progress: Progress | None, overwrite: bool) -> None:
        """Copy the database as it is at this moment to the file `target`."""
        raise StorageError(f"{self.name}: only SQLite files are backed up so; use the server's own means, or copy")

    def compact(self) -> None:
        """Give back the room that deleted rows have left."""
        raise StorageError(f"{self.name}: only SQLite files are compacted so; use the server's own means")

    def fills_by_id(self, session_id: str) -> int | None:
        """How many fills of the session the index of their ids has; None where the database is trusted to be whole."""
        return None

    def problems(self) -> list[str]:
        """What is wrong with the structure of the database, after a look at all of it."""
        return []

    def rescued_sessions(self) -> tuple[list[tuple[Any, ...]], list[str]] | None:
        """Of a damaged database: every session's row that can be read, and the ids of others; None: it cannot tell."""
        return None

    def close(self) -> None:
        """Wait for the calls that are under way, then close every connection; from any thread."""
        if self._held.connected:
            raise TransactionError(f"{self.name}: cannot be closed inside a transaction; leave the block first")
        with self._idle:
            if self._closed:
                return
            self._closed = True
            self._idle.wait_for(lambda: not self._users, timeout=self.busy_timeout)
            feeds = list(self._feeds)
        for feed in feeds:
            feed.close()
        with self._translated:
            self._database.close_all()

    # Forks

    def before_fork(self) -> None:
        """Wait for the calls of other threads, then close the connections that nobody uses.

        A child that inherits one cannot use the file safely any more, not even by a connection of its own: SQLite takes
        the locks of the inherited one, which the child does not have, for its own
        (https://www.sqlite.org/howtocorrupt.html, 2.6).
        """
        self._opening.acquire()
        pool = self._database
        pool._pool_lock.acquire()
        if not self._held.connected:
            pool._pool_available.wait_for(lambda: not pool._in_use, timeout=_FORK_PATIENCE)
        pool.close_idle()

    def after_fork_in_parent(self) -> None:
        """Let the other threads go on."""
        self._database._pool_lock.release()
        self._opening.release()

    def after_fork_in_child(self) -> None:
        """Leave the connections that were in use to the parent, unused and unclosed, and begin with none."""
        import ctypes  # on demand: it takes a while, and only a forked child needs it

        for each in [each.connection for each in self._database._in_use.values()]:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(each))  # to close it, even at exit, would not be safe either
        self._prepare()

    # Connections

    @contextmanager
    def connection(self) -> Iterator[None]:
        """A connection for this thread, for the length of the block; the one it has already, if it has one."""
        if self._is_connected():
            yield
            return
        self._connect()
        try:
            yield
        finally:
            self._disconnect()

    def _is_connected(self) -> bool:
        return self._held.connected

    def _connect(self) -> None:
        self.open()
        with self._using:
            if self._closed:
                raise RepositoryClosedError(f"{self.name}: the repository was closed")
            self._users += 1
        try:
            with self._translated:
                self._database.connect()
            self._held.connection = self._database.connection()
            self._held.connected = True
        except BaseException:
            self._disconnect()
            raise

    def let_go(self) -> None:
        """Roll back all that this thread has open, and give its connection back."""
        while self.in_transaction():
            self.roll_back()
        if self._is_connected():
            self._disconnect()

    def _disconnect(self) -> None:
        self._held.connected = False
        self._held.connection = None
        try:
            self._database.close()
        finally:
            self._leave()

    def _leave(self) -> None:
        with self._using:
            self._users -= 1
            if self._closed:
                self._idle.notify_all()

    def open_feed(self) -> ChangeFeed:
        """A connection beside the pool that looks for changes; closed with this, if not before."""
        self.open()
        feed = self._feed()
        with self._idle:
            self._feeds.add(feed)
            closed = self._closed
        if closed:
            feed.close()
        return feed

    @abstractmethod
    def _feed(self) -> ChangeFeed:
        """A new connection that looks for changes."""

    # Transactions

    def in_transaction(self) -> bool:
        """Whether this thread has a transaction open."""
        return self._held.depth > 0

    def begin(self) -> None:
        """Begin a write transaction, or a part of the open one that can be rolled back by itself.

        `commit` or `roll_back` must follow, and a `roll_back` each `commit` that fails.
        """
        if self.in_transaction():
            self._begin_part()
        else:
            self._begin_whole()

    def commit(self) -> None:
        """Commit what the innermost `begin` began."""
        if self._held.depth > 1:
            self.execute(f"RELEASE part_{self._held.depth}")
            self._held.depth -= 1
        elif not self._held.depth:
            raise TransactionError(
                f"{self.name}: this transaction belongs to the process that this one was forked from"
            )
        else:
            self._commit_and_end()

    def roll_back(self) -> None:
        """Roll back what the innermost `begin` began."""
        depth = self._held.depth
        if not depth:
            return  # it belongs to the process that this one was forked from
        try:
            # SQLite has rolled back by itself after some errors (a full disk, an interrupt): a second ROLLBACK would
            # fail and hide the cause.
            if not self._is_alive():
                return
            if depth == 1 or not self._roll_back_part(depth):
                self.execute("ROLLBACK")
        finally:
            if depth > 1:
                self._held.depth -= 1
            else:
                self._end()

    def _begin_whole(self) -> None:
        self.require_sound()
        if self._is_connected():
            raise TransactionError(f"{self.name}: nothing can be written inside a block that is for reading only")
        if not self._writing.acquire(timeout=self.busy_timeout):
            raise BusyError(
                f"{self.name}: another transaction of this program was open for longer than the busy timeout "
                f"({self.busy_timeout:g} s); repeat the call"
            )
        try:
            self._connect()
            try:
                with self._translated:
                    self._begin_transaction()
            except BaseException:
                self._disconnect()
                raise
        except BaseException:
            self._writing.release()
            raise
        self._held.depth = 1

    def _commit_and_end(self) -> None:
        try:
            with self._translated:
                self._commit_transaction()
        except PaperRepoError:
            raise
        except BaseException:  # Ctrl-C, before the COMMIT or just after it
            if not self._is_alive():
                self._end()
            raise
        self._end()

    def _begin_transaction(self) -> None:
        self._database.begin()

    def _commit_transaction(self) -> None:
        self._database.commit()

    def _roll_back_part(self, depth: int) -> bool:
        """Roll the innermost part back; False when that is not possible, because Ctrl-C came just after its end."""
        try:
            self.execute(f"ROLLBACK TO part_{depth}")
            self.execute(f"RELEASE part_{depth}")
        except StorageError:
            return False
        return True

    def _begin_part(self) -> None:
        self._require_alive()
        self.execute(f"SAVEPOINT part_{self._held.depth + 1}")
        self._held.depth += 1

    def _end(self) -> None:
        self._held.depth = 0
        try:
            self._disconnect()
        finally:
            self._writing.release()

    def has_lost_transaction(self) -> bool:
        """Whether an error has ended this thread's transaction before its time."""
        return self.in_transaction() and not self._is_alive()

    def _require_alive(self) -> None:
        """Let nothing be written that would be committed at once, because its transaction has ended."""
        if self._is_alive():
            return
        if self._closed:
            raise RepositoryClosedError(f"{self.name}: the repository was closed, and the transaction rolled back")
        raise StorageError(f"{self.name}: an earlier error in this transaction has rolled it back; leave the block")

    def take_turn(self, session_id: str) -> None:
        """Wait until no other transaction of this process has written this session, which is so where only one writes.

        Raises:
            BusyError: the other one has not ended in time.
        """
        assert self.writers == 1

    def are_free(self, session_ids: Iterable[str]) -> bool:
        """Whether no other transaction of this process has written any of these sessions."""
        return self.writers == 1

    def when_freed(self, call: Callable[[], None]) -> None:
        """Have `call` called when a transaction that has written sessions has ended, where several write at a time."""
        self._when_freed.append(call)

    @abstractmethod
    def _is_alive(self) -> bool:
        """Whether the database still has this thread's transaction open."""

    # Reading

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """A block whose reads, by this thread, are all of one moment; it keeps nobody from writing."""
        if self.in_transaction():
            yield
            return
        with self.connection():
            self.execute(self.BEGIN_SNAPSHOT)
            try:
                yield
            finally:
                if self._is_alive():
                    self.execute("ROLLBACK")

    def describe(self) -> Row:
        """Facts about the database, for people."""
        return {"database": self.name}

    # Rows

    def fetch_one(self, statement: Statement, row: Row) -> tuple[Any, ...] | None:
        """The first row that `statement` finds, or None."""
        with self.connection(), self._translated:
            cursor = statement.run(self._run, row)
            found: tuple[Any, ...] | None = cursor.fetchone()
            cursor.close()  # a cursor left half-way would hold its snapshot
            return found

    def fetch_rows(self, statement: Statement, row: Row) -> list[tuple[Any, ...]]:
        """All rows that `statement` finds."""
        with self.connection(), self._translated:
            found: list[tuple[Any, ...]] = statement.run(self._run, row).fetchall()
            return found

    def fetch_all(self, query: Query) -> list[tuple[Any, ...]]:
        """All rows of a query built from the tables."""
        self.require_sound()
        with self.connection(), self._translated:
            found: list[tuple[Any, ...]] = self._run(*query.sql()).fetchall()
            return found

    def change(self, statement: Statement, row: Row) -> int:
        """Run `statement` in this thread's transaction, and say how many rows it changed."""
        self._require_alive()
        with self._translated:
            return int(statement.run(self._run, row).rowcount)

    def change_many(self, changes: Sequence[tuple[Statement, Row]]) -> list[int]:
        """Run these in this thread's transaction, in as few round trips as can be, and say how many rows each changed.

        All are run, also when one of them changes no row. After an error the caller rolls the transaction back.
        """
        return [self.change(statement, row) for statement, row in changes]

    def execute(self, sql: str, params: Sequence[object] = ()) -> Any:
        """The cursor of one statement on this thread's connection."""
        with self._translated:
            return self._run(sql, params)

    def _run(self, sql: str, params: Sequence[object] = ()) -> Any:
        """As `execute`, with the driver's own errors."""
        return self._database.execute_sql(sql, params)


class _Held(threading.local):
    """Which connection this thread has, and how many transactions and parts of them it has open on it."""

    connected = False
    connection: Any = None
    depth = 0
    lost = False


def checked_upgrade(upgrade: object) -> str:
    """`upgrade`, which must be one that there is."""
    if upgrade not in UPGRADES:
        raise ValueError(f"upgrade is one of {', '.join(UPGRADES)}, not {upgrade!r}")
    return str(upgrade)


def checked_durability(durability: object) -> str:
    """`durability`, which must be one that there is."""
    if durability not in DURABILITY:
        raise ValueError(f"durability is 'full' or 'normal', not {durability!r}")
    return str(durability)
