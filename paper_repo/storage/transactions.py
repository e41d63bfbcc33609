"""Transactions: which connection each has, what it has begun, and whose it is.

A transaction belongs to the block that began it, and a block may be left, or thrown away, in another thread than it was
entered in. Until then the calls of the thread that entered it belong to it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from types import TracebackType
from typing import Any, Protocol

from paper_repo.errors import PaperRepoError
from paper_repo.storage.connections import Connections, Loan
from paper_repo.storage.running_task import TaskGuard
from paper_repo.storage.slots import Hold


class Transaction:
    """One transaction of one connection, or with `depth` 0 a connection for reading only."""

    __slots__ = ("connections", "depth", "guard", "has_begun", "is_committing", "is_over", "is_stored", "is_working",
                 "loan", "needs_commit", "turn", "undo")  # fmt: skip

    def __init__(self, connections: Connections) -> None:
        self.connections: Connections = connections
        self.loan: Loan = Loan()
        self.turn: Hold = Hold()
        self.depth: int = 0
        self.guard: TaskGuard = TaskGuard()
        self.undo: list[Callable[[], None]] = []
        """What gives the caller's objects back as they were, the latest change last; done twice it does no harm."""
        self.is_working: bool = False
        """Whether a call is under way that is done whole or not at all, into which nothing else may come."""
        self.has_begun: bool = True
        """Whether the database knows of it: on a server the first statement may bring the BEGIN along."""
        self.needs_commit: bool = True
        """Whether a COMMIT ends it, rather than the end of what was sent at once."""
        self.is_committing: bool = False
        """Whether the COMMIT was sent, and has not failed."""
        self.is_stored: Callable[[], bool] | None = None
        """Asks the database what became of it, as long as the answer to what was to commit it has not been seen."""
        self.is_over: bool = False


class Block:
    """A transaction, or a part of the open one that can be rolled back by itself: which one, once it has begun.

    Args:
        is_call: whether it is one call of the repository's, and not a block of the caller's.
        is_inner: whether it is a part of the call that is under way.
        begins_late: whether its BEGIN may go out with its first statement, which can be repeated by itself.
    """

    __slots__ = ("begins_late", "depth", "is_call", "is_inner", "start", "transaction", "was_working")

    def __init__(self, is_call: bool = False, is_inner: bool = False, begins_late: bool = False) -> None:
        self.transaction: Transaction | None = None
        self.depth: int = 0
        self.start: int = 0
        self.is_call: bool = is_call
        self.is_inner: bool = is_inner
        self.begins_late: bool = begins_late
        self.was_working: bool = False


class Mine(threading.local):
    """The transaction that the calls of this thread belong to."""

    transaction: Transaction | None = None


class Transactional(Protocol):
    """What transactions are begun and ended on."""

    def begin(self, block: Block) -> None:
        """Begin a transaction or a part of one."""

    def commit(self, block: Block) -> None:
        """Commit it."""

    def roll_back(self, block: Block) -> None:
        """Roll it back, as far as it has begun; does nothing for one that has ended."""


class TransactionBlock(AbstractContextManager[None]):
    """A block whose statements are committed when it is left, or rolled back when an exception leaves it.

    It may be left in any thread. One that is thrown away without being left is rolled back.
    """

    _block: Any = None

    def __init__(self, storage: Transactional, begins_late: bool = False) -> None:
        self._storage = storage
        self._block = Block(begins_late=begins_late)

    def __enter__(self) -> None:
        try:
            try:
                self._storage.begin(self._block)
            except BaseException:
                self._storage.roll_back(self._block)
                raise
        except BaseException:  # Ctrl-C may have interrupted that; what it has done is not done again
            self._storage.roll_back(self._block)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._storage.commit(self._block)
            else:
                self._storage.roll_back(self._block)
        except BaseException:
            self._storage.roll_back(self._block)
            raise

    def __del__(self) -> None:
        transaction = self._block.transaction if self._block is not None else None
        if transaction is not None and not transaction.is_over:
            with suppress(PaperRepoError):
                self._storage.roll_back(self._block)


class ReadingBlock(TransactionBlock):
    """A block in which this thread has one connection for reading, whose reads may all be of one moment."""

    _storage: Any

    def __init__(self, storage: Any, begins_with: str | None) -> None:
        super().__init__(storage)
        self._begins_with = begins_with

    def __enter__(self) -> None:
        try:
            self._storage.begin_reading(self._block, self._begins_with)
        except BaseException:
            self._storage.roll_back(self._block)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._storage.roll_back(self._block)
        except BaseException:
            self._storage.roll_back(self._block)
            raise
