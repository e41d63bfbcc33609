"""A database as a repository uses it: connections for any number of threads, transactions, rows."""

from __future__ import annotations

import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, TypeVar

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
from paper_repo.storage.connections import Connections, Loan
from paper_repo.storage.errors import Translated
from paper_repo.storage.feed import ChangeFeed
from paper_repo.storage.forking import HeedsForks, heed_forks
from paper_repo.storage.slots import Slots
from paper_repo.storage.statements import Statement, Statements
from paper_repo.storage.tables import Row
from paper_repo.storage.transactions import Block, Mine, ReadingBlock, Transaction, TransactionBlock

T = TypeVar("T")

CONNECTIONS = 16
"""How many connections a repository has at most."""

UPGRADES = ("auto", "never")
"""What to do about a schema that is older than this library."""

DURABILITY = ("full", "normal")
"""What an acknowledged save survives: a power cut too, or a crash of the program alone."""


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

    BEGIN = "BEGIN"
    """The statement that begins a transaction that writes."""

    BEGIN_SNAPSHOT = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
    """The statement that begins a transaction whose reads are all of one moment; this is standard SQL's."""

    def __init__(self, name: str, busy_timeout: float) -> None:
        if isinstance(busy_timeout, bool) or not isinstance(busy_timeout, int | float) or not 0 <= busy_timeout < 1e6:
            raise ValueError(f"busy_timeout is a number of seconds from 0, not {busy_timeout!r}")
        self.name = name
        self.identity: object = object()
        """Stands for this database, and for no other one."""
        self.busy_timeout: float = float(busy_timeout)
        self._translated = self._errors()
        self._closed = False
        self._is_opening = False
        self._when_freed: list[Callable[[], None]] = []
        self._prepare()
        heed_forks(self)

    def _prepare(self) -> None:
        """Everything that belongs to this process alone, so that a forked child starts with its own."""
        self._opened = False
        self._opening = threading.RLock()
        self._writing = Slots(self.writers)
        self._mine = Mine()
        self._feeds: weakref.WeakSet[ChangeFeed] = weakref.WeakSet()
        self._connections = self._pool()

    @abstractmethod
    def _pool(self) -> Connections:
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
        if self._opened and not self._closed:
            return
        if self._closed:
            raise RepositoryClosedError(f"{self.name}: the repository was closed")
        with self._opening:
            if self._is_opening:
                raise TransactionError(
                    f"{self.name}: it is being opened by the call that a signal handler has interrupted; "
                    "repeat this later"
                )
            if not self._opened:
                try:
                    self._is_opening = True
                    self._open()
                    self._opened = True
                finally:
                    self._is_opening = False
                    if not self._opened:
                        self._connections.close_idle()

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
        if self._transaction() is not None:
            raise TransactionError(f"{self.name}: cannot be closed inside a transaction; leave the block first")
        self._closed = True
        with self._translated:
            self._connections.close(self.busy_timeout)
        for feed in list(self._feeds):
            feed.close()

    # Forks

    def before_fork(self) -> None:
        """Wait for the calls of other threads, then close the connections that nobody uses.

        A child that inherits one cannot use the file safely any more, not even by a connection of its own: SQLite takes
        the locks of the inherited one, which the child does not have, for its own
        (https://www.sqlite.org/howtocorrupt.html, 2.6).
        """
        self._opening.acquire()
        self._frozen = self._connections.freeze(threading.get_ident())

    def after_fork_in_parent(self) -> None:
        """Let the other threads go on."""
        self._connections.thaw(self._frozen)
        self._opening.release()

    def after_fork_in_child(self) -> None:
        """Leave the connections that were in use to the parent, unused and unclosed, and begin with none."""
        self._has_inherited = self._connections.abandon()
        self._prepare()

    # Changes

    def open_feed(self) -> ChangeFeed:
        """A connection beside the pool that looks for changes; closed with this, if not before."""
        self.open()
        feed = self._feed()
        self._feeds.add(feed)
        if self._closed:
            feed.close()
        return feed

    @abstractmethod
    def _feed(self) -> ChangeFeed:
        """A new connection that looks for changes."""

    # Transactions

    def _transaction(self) -> Transaction | None:
        """What the calls of this thread belong to, if it has a block open."""
        found = self._mine.transaction
        return None if found is None or found.is_over else found

    def in_transaction(self) -> bool:
        """Whether this thread has a transaction open."""
        found = self._mine.transaction
        return found is not None and not found.is_over and found.depth > 0

    def is_working(self) -> bool:
        """Whether a call is under way in this thread's transaction, which a signal handler must not add to."""
        found = self._transaction()
        return found is not None and found.is_working

    def require_same_task(self) -> None:
        """Refuse what another task of this thread would add to the transaction that a task has open here.

        Raises:
            TransactionOwnershipError: it would be undone with what it has nothing to do with.
        """
        transaction = self._mine.transaction
        if transaction is not None and not transaction.is_over:
            transaction.guard.require_same_task()

    def atomic(self) -> TransactionBlock:
        """A block in a transaction, or in a part of the open one that can be rolled back by itself."""
        return TransactionBlock(self)

    def begin(self, block: Block) -> None:
        """Begin a write transaction, or a part of the open one that can be rolled back by itself.

        `commit` must follow, or `roll_back`, which is also called when this or `commit` has raised, wherever it was.
        """
        transaction = self._transaction()
        if transaction is None or not transaction.depth:
            self._begin_whole(block, transaction)
        else:
            transaction.guard.require_same_task()
            self._begin_part(block, transaction)

    def commit(self, block: Block) -> None:
        """Commit what `block` has begun."""
        transaction = block.transaction
        if transaction is None or transaction.is_over:
            raise TransactionError(f"{self.name}: this block has ended already")
        if transaction.connections is not self._connections:
            raise TransactionError(
                f"{self.name}: this transaction belongs to the process that this one was forked from"
            )
        transaction.is_working = True  # a signal handler that saves now would come too late
        if block.depth > 1:
            self._run_in(transaction, f"RELEASE part_{block.depth}")
            transaction.depth = block.depth - 1
            transaction.is_working = block.was_working
        else:
            self._commit_whole(transaction)
            self._end(transaction)
        block.transaction = None

    def roll_back(self, block: Block) -> None:
        """Roll back what `block` has begun, as far as it has; does nothing when it has ended."""
        transaction = block.transaction
        if transaction is None or transaction.connections is not self._connections:
            return  # not begun, or of the process that this one was forked from
        if not transaction.is_over and not self._is_committed(transaction):
            if block.depth > 1:
                self._roll_back_part(block, transaction)
                block.transaction = None
                return
            self._undo(transaction, 0)
        self._end(transaction)
        block.transaction = None

    def let_go(self) -> None:
        """Roll back all that this thread has open."""
        transaction = self._transaction()
        if transaction is not None and transaction.connections is self._connections:
            self._undo(transaction, 0)
            self._end(transaction)

    @property
    def undo(self) -> list[Callable[[], None]]:
        """What gives the caller's objects back when this thread's transaction, or a part of it, is rolled back.

        Whoever changes an object appends to it before. What is appended is called before the next transaction can
        begin, the latest first, and may be called twice, where an exception has interrupted it.
        """
        return self._required().undo

    def _begin_whole(self, block: Block, reading: Transaction | None) -> None:
        if not self._opened or self.damage is not None or self._closed:
            self.require_sound()
        if reading is not None:
            raise TransactionError(f"{self.name}: nothing can be written inside a block that is for reading only")
        transaction = Transaction(self._connections)
        transaction.guard.begun()
        transaction.is_working = block.is_call
        block.depth = 1
        block.transaction = transaction
        if not self._writing.take(transaction.turn, 0.0):
            self._wait_to_write(transaction)
        self._connections.lend(transaction.loan)
        with self._translated:
            self._begin_transaction(transaction)
        transaction.depth = 1
        self._mine.transaction = transaction

    def _wait_to_write(self, transaction: Transaction) -> None:
        if self.writers == 1 and self._writing.has_thread(transaction.turn.thread):
            raise self._in_the_middle()  # of beginning or ending another transaction: this is a signal handler
        if not self._writing.take(transaction.turn, self.busy_timeout):
            raise BusyError(
                f"{self.name}: another transaction of this program was open for longer than the busy timeout "
                f"({self.busy_timeout:g} s); repeat the call"
            )

    def _in_the_middle(self) -> TransactionError:
        return TransactionError(
            f"{self.name}: this thread is in the middle of another call that writes; a signal handler or a finaliser "
            "that has interrupted it cannot write as well: let it set a flag, or hand the session to another thread"
        )

    def _on_the_same_connection(self) -> TransactionError:
        return TransactionError(
            f"{self.name}: this thread is in the middle of another call of the same transaction; a signal handler or "
            "a finaliser that has interrupted it cannot use the transaction as well: let it set a flag, or ask another "
            "thread"
        )

    def _begin_part(self, block: Block, transaction: Transaction) -> None:
        if transaction.is_working and not block.is_inner:
            raise self._in_the_middle()
        self._require_alive(transaction)
        block.start = len(transaction.undo)
        block.was_working = transaction.is_working
        # One that was begun, and is not known of because of an exception, does no harm: nothing was written in it.
        self._run_in(transaction, f"SAVEPOINT part_{transaction.depth + 1}")
        block.depth = transaction.depth + 1
        block.transaction = transaction
        transaction.depth = block.depth
        transaction.is_working = block.is_call or block.was_working

    def _commit_whole(self, transaction: Transaction) -> None:
        transaction.is_committing = True
        try:
            self._commit_transaction(transaction)
        except PaperRepoError:
            transaction.is_committing = False
            raise

    def _is_committed(self, transaction: Transaction) -> bool:
        """Whether an exception such as Ctrl-C has come after the COMMIT."""
        return transaction.is_committing and not self._is_open(transaction)

    def _begin_transaction(self, transaction: Transaction) -> None:
        self._run_in(transaction, self.BEGIN)

    def _commit_transaction(self, transaction: Transaction) -> None:
        self._run_in(transaction, "COMMIT")

    def _roll_back_part(self, block: Block, transaction: Transaction) -> None:
        """Roll a part back; all of the transaction where that is not possible, since an error has ended it.

        SQLite has rolled back by itself after some errors (a full disk, an interrupt): another statement would fail and
        hide the cause.
        """
        self._undo(transaction, block.start)
        if self._is_open(transaction):
            try:
                self._run_in(transaction, f"ROLLBACK TO part_{block.depth}")
                self._run_in(transaction, f"RELEASE part_{block.depth}")
            except StorageError:
                self._undo(transaction, 0)
                if self._is_open(transaction):
                    self._run_in(transaction, "ROLLBACK")
        transaction.depth = min(transaction.depth, block.depth - 1)
        transaction.is_working = block.was_working

    def _undo(self, transaction: Transaction, start: int) -> None:
        """Give the caller's objects back, before the next writer can begin, who may have the same ones."""
        while len(transaction.undo) > start:
            transaction.undo[-1]()
            transaction.undo.pop()

    def _end(self, transaction: Transaction) -> None:
        """Let others write; what was not committed is rolled back. Does nothing where it has been done."""
        transaction.turn.thread = threading.get_ident()  # which may not be the one that has begun it
        transaction.is_over = True
        try:
            self._connections.take_back(transaction.loan)
        finally:
            self._writing.give_back(transaction.turn)
        transaction.undo.clear()

    def _is_open(self, transaction: Transaction) -> bool:
        """Whether the database still has the transaction open."""
        return self._connections.is_lent(transaction.loan) and self._is_alive(transaction.loan.connection)

    def has_lost_transaction(self) -> bool:
        """Whether an error has ended this thread's transaction before its time."""
        transaction = self._transaction()
        return transaction is not None and transaction.depth > 0 and not self._is_open(transaction)

    def _require_alive(self, transaction: Transaction) -> None:
        """Let nothing be written that would be committed at once, because its transaction has ended."""
        if self._is_alive(transaction.loan.connection):
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
    def _is_alive(self, connection: Any) -> bool:
        """Whether the database still has a transaction of this connection open."""

    # Reading

    def snapshot(self) -> ReadingBlock:
        """A block whose reads, by this thread, are all of one moment; it keeps nobody from writing."""
        return ReadingBlock(self, self.BEGIN_SNAPSHOT)

    def connection(self) -> ReadingBlock:
        """A block in which this thread has one connection for reading; the one it has already, if it has one."""
        return ReadingBlock(self, None)

    @contextmanager
    def _while_opening(self) -> Iterator[Any]:
        """A connection for what is done before the first use."""
        loan = Loan()
        try:
            with self._translated:
                yield self._connections.lend(loan)
        finally:
            self._connections.take_back(loan)

    def begin_reading(self, block: Block, begins_with: str | None) -> None:
        """Give this thread a connection until `roll_back`, and begin a snapshot with this statement."""
        if self._transaction() is not None:
            return
        self.open()
        transaction = Transaction(self._connections)
        block.transaction = transaction
        self._connections.lend(transaction.loan)
        if begins_with is not None:
            self._run_in(transaction, begins_with)
        self._mine.transaction = transaction

    def describe(self) -> Row:
        """Facts about the database, for people."""
        return {"database": self.name}

    # Rows

    def fetch_one(self, statement: Statement, row: Row) -> tuple[Any, ...] | None:
        """The first row that `statement` finds, or None."""
        found: tuple[Any, ...] | None = self._read(_first, statement.sql, statement.values(row))
        return found

    def fetch_rows(self, statement: Statement, row: Row) -> list[tuple[Any, ...]]:
        """All rows that `statement` finds."""
        found: list[tuple[Any, ...]] = self._read(_all, statement.sql, statement.values(row))
        return found

    def fetch_all(self, query: Query) -> list[tuple[Any, ...]]:
        """All rows of a query built from the tables."""
        self.require_sound()
        found: list[tuple[Any, ...]] = self._read(_all, *query.sql())
        return found

    def change(self, statement: Statement, row: Row) -> int:
        """Run `statement` in this thread's transaction, and say how many rows it changed."""
        transaction = self._required()
        self._require_alive(transaction)
        return int(self._run_in(transaction, statement.sql, statement.values(row)).rowcount)

    def change_many(self, changes: Sequence[tuple[Statement, Row]]) -> list[int]:
        """Run these in this thread's transaction, in as few round trips as can be, and say how many rows each changed.

        All are run, also when one of them changes no row. After an error the caller rolls the transaction back.
        """
        return [self.change(statement, row) for statement, row in changes]

    def execute(self, sql: str, params: Sequence[object] = ()) -> Any:
        """The cursor of one statement in this thread's block."""
        return self._run_in(self._required(), sql, params)

    def _required(self) -> Transaction:
        transaction = self._transaction()
        if transaction is None:
            raise TransactionError(f"{self.name}: this thread has no transaction open")
        return transaction

    def _run_in(self, transaction: Transaction, sql: str, params: Sequence[object] = ()) -> Any:
        try:
            return transaction.loan.connection.cursor().execute(sql, params)
        except Exception as error:
            self._translated.require_other(error)  # a `with` would take as long as the rest of this
            raise

    def _read(self, fetch: Callable[[Any], T], sql: str, params: Sequence[object]) -> T:
        """What `fetch` makes of the cursor of one statement, on this thread's connection or on one for this alone."""
        transaction = self._mine.transaction
        if transaction is not None and not transaction.is_over:
            transaction.guard.require_same_task()  # another one would see what may be rolled back
            with self._translated:  # fetching reads on, and finds damage
                return fetch(self._run_in(transaction, sql, params))
        loan = Loan()
        try:
            try:
                if not self._opened or self._closed:
                    self.open()
                connection = self._connections.lend(loan)
                with self._translated:
                    loan.cursor = cursor = connection.cursor()
                    found = fetch(cursor.execute(sql, params))
                self._connections.take_back(loan)
                return found
            except BaseException:
                self._connections.take_back(loan)
                raise
        except BaseException:  # Ctrl-C may have interrupted that; what it has done is not done again
            self._connections.take_back(loan)
            raise


def _first(cursor: Any) -> Any:
    found = cursor.fetchone()
    cursor.close()  # a cursor left half-way would hold its snapshot
    return found


def _all(cursor: Any) -> Any:
    return cursor.fetchall()


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
