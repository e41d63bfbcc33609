"""A database as a repository uses it: connections for any number of threads, transactions, rows."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from peewee import Query

from paper_repo.domain.values import Progress
from paper_repo.errors import (
    StorageError,
)
from paper_repo.storage.claim_statements import ClaimStatements
from paper_repo.storage.connections import Loan
from paper_repo.storage.statements import Statement, Statements
from paper_repo.storage.tables import Row
from paper_repo.storage.transacting import Transacting
from paper_repo.storage.transactions import Block, ReadingBlock, Transaction

T = TypeVar("T")

UPGRADES = ("auto", "never")
"""What to do about a schema that is older than this library."""

DURABILITY = ("full", "normal")
"""What an acknowledged save survives: a power cut too, or a crash of the program alone."""


class Storage(Transacting):
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

    sends_together: ClassVar[bool] = False
    """Whether each statement costs a round trip, which `change_many` saves."""

    is_encrypted: bool = False
    """Whether what is written to a file of its own is encrypted."""

    durability: str
    """What an acknowledged save survives; see `DURABILITY`."""

    BEGIN_SNAPSHOT = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
    """The statement that begins a transaction whose reads are all of one moment; this is standard SQL's."""

    @property
    @abstractmethod
    def statements(self) -> Statements:
        """The statements for this kind of database."""

    @cached_property
    def claims(self) -> ClaimStatements:
        """The statements about claims."""
        return ClaimStatements(self.statements)

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

    # Reading

    def snapshot(self) -> ReadingBlock:
        """A block whose reads, by this thread, are all of one moment; it keeps nobody from writing."""
        return ReadingBlock(self, self.BEGIN_SNAPSHOT)

    def connection(self) -> ReadingBlock:
        """A block in which this thread has one connection for reading; the one it has already, if it has one."""
        return ReadingBlock(self, None)

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

    def append_together(
        self,
        changes: Sequence[Sequence[tuple[Statement, Row]]],
        is_all: bool = False,
        is_stored: Callable[[], bool] | None = None,
    ) -> list[int]:
        """Change rows, append others to each, and say of each whether it was changed; only where `sends_together`.

        Each of `changes` begins with the statement that changes a row, or no row, which is no error; the others insert
        what is appended to it then. What is there already is an error of them all.

        Args:
            is_all: whether this is all that the transaction is to do. It may be committed with it at once; nothing more
                can be done in it then, and its block must be left.
            is_stored: asks the database whether it was, where an exception such as Ctrl-C has hidden the answer.
        """
        raise NotImplementedError(f"{self.name}: rows are changed one by one here")

    def change_rows(self, statement: Statement, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> int:
        """Run `statement` for many rows in this thread's transaction, and return how many rows were changed in all.

        Args:
            statement: one that takes the values of a whole row, in the order of the columns.
            columns: those of the rows.
        """
        transaction = self._required()
        self._require_alive(transaction)
        with self._translated, closing(transaction.loan.connection.cursor()) as cursor:
            cursor.executemany(statement.sql, rows)
            return int(cursor.rowcount)

    def pages(self, query: Query, size: int) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of a query, `size` at a time, in this thread's block."""
        with closing(self.execute(*query.sql())) as cursor:
            while True:
                with self._translated:
                    rows = cursor.fetchmany(size)
                if not rows:
                    return
                yield rows

    def execute(self, sql: str, params: Sequence[object] = ()) -> Any:
        """The cursor of one statement in this thread's block."""
        return self._run_in(self._required(), sql, params)

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
