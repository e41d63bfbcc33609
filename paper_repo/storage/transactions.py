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
from paper_repo.storage.slots import Hold


class Transaction:
    """One transaction of one connection, or with `depth` 0 a connection for reading only."""

    __slots__ = ("connections", "depth", "is_committing", "is_over", "is_working", "loan", "turn", "undo")

    def __init__(self, connections: Connections) -> None:
        self.connections = connections
        self.loan = Loan()
        self.turn = Hold()
        self.depth = 0
        self.undo: list[Callable[[], None]] = []
        """What gives the caller's objects back as they were, the latest change last; done twice it does no harm."""
        self.is_working = False
        """Whether a call is under way that is done whole or not at all, into which nothing else may come."""
        self.is_committing = False
        """Whether the COMMIT was sent, and has not failed."""
        self.is_over = False


class Block:
    """A transaction, or a part of the open one that can be rolled back by itself: which one, once it has begun.

    Args:
        is_call: whether it is one call of the repository's, and not a block of the caller's.
        is_inner: whether it is a part of the call that is under way.
    """

    __slots__ = ("depth", "is_call", "is_inner", "start", "transaction", "was_working")

    def __init__(self, is_call: bool = False, is_inner: bool = False) -> None:
        self.transaction: Transaction | None = None
        self.depth = 0
        self.start = 0
        self.is_call = is_call
        self.is_inner = is_inner
        self.was_working = False


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

    def __init__(self, storage: Transactional, block: Block | None = None) -> None:
        self._storage = storage
        self._block = block or Block()

    def __enter__(self) -> None:
        try:
            self._storage.begin(self._block)
        except BaseException:
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
        transaction = self._block.transaction
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
