"""The transactions of one process on a database: begun, committed, rolled back, and ended whatever interrupts them."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

from paper_repo.errors import (
    BusyError,
    PaperRepoError,
    RepositoryClosedError,
    StorageError,
    TransactionError,
)
from paper_repo.storage.opening import Opening
from paper_repo.storage.transactions import Block, Transaction, TransactionBlock


class Transacting(Opening):
    """A database with transactions that belong to threads.

    So many transactions of this process as `writers` says write at a time; the others, and other processes, wait for
    the database's own lock, both for the busy timeout at most.
    """

    errors_end_transactions: ClassVar[bool] = False
    """Whether an error leaves nothing of a transaction usable but what was marked by a part of it before."""

    BEGIN = "BEGIN"
    """The statement that begins a transaction that writes."""

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

    def atomic(self, *, begins_late: bool = False) -> TransactionBlock:
        """A block in a transaction, or in a part of the open one that can be rolled back by itself; see `Block`."""
        return TransactionBlock(self, begins_late)

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
            self._begin_transaction(transaction, block.begins_late)
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

    def _begin_transaction(self, transaction: Transaction, late: bool) -> None:
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
                    self._roll_back_whole(transaction)
        transaction.depth = min(transaction.depth, block.depth - 1)
        transaction.is_working = block.was_working

    def _roll_back_whole(self, transaction: Transaction) -> None:
        self._run_in(transaction, "ROLLBACK")

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
