"""A pool of connections. One is lent for a call or a transaction, whichever thread begins and ends that."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from paper_repo.errors import BusyError, RepositoryClosedError
from paper_repo.storage.errors import Translated
from paper_repo.storage.slots import Hold, Slots


class Loan(Hold):
    """One connection that is lent, once `connection` is set; made before it is asked for."""

    __slots__ = ("connection", "cursor")

    def __init__(self) -> None:
        super().__init__()
        self.connection: Any = None
        self.cursor: Any = None
        """What a statement is being read from, which holds a snapshot until it is closed."""


class Connections(ABC):
    """At most `count` connections to one database, made when they are needed and kept for the next loan.

    The same few are lent again and again, as few as are needed at the same time: their caches are warm.

    Args:
        name: what messages call the database.
        count: how many there are at most.
        patience: how long a loan waits for one of them, in seconds.
        translated: makes the driver's errors ours.
    """

    def __init__(self, name: str, count: int, patience: float, translated: Translated) -> None:
        self._name = name
        self._translated = translated
        self._patience = patience
        self._slots = Slots(count)
        self._made: dict[int, Any] = {}
        self._closed = False

    @abstractmethod
    def _connect(self) -> Any:
        """A new connection."""

    @abstractmethod
    def _is_usable(self, connection: Any) -> bool:
        """Whether an idle connection can be lent again."""

    @abstractmethod
    def _reset(self, connection: Any) -> bool:
        """Roll back what was left open; False when the connection cannot be used any more."""

    def lend(self, loan: Loan) -> Any:
        """A connection for `loan`, which must be given to `take_back`, also when this raises.

        Raises:
            BusyError: all of them are lent.
            RepositoryClosedError: they were closed.
        """
        if not self._slots.take(loan, self._patience):
            raise BusyError(
                f"{self._name}: all connections were in use for longer than the busy timeout; repeat the call"
            )
        if self._closed:
            raise RepositoryClosedError(f"{self._name}: the repository was closed")
        connection = self._made.get(loan.place)
        if connection is None or not self._is_usable(connection):
            self._drop(loan.place)
            with self._translated:
                connection = self._made[loan.place] = self._connect()
        loan.connection = connection
        return connection

    def take_back(self, loan: Loan) -> None:
        """End a loan, and roll back what it has left open; does nothing for one that has ended."""
        if not self._slots.has(loan):
            return
        if loan.cursor is not None:
            self._close(loan.cursor)
        if loan.connection is not None and not self._reset(loan.connection):
            self._drop(loan.place)
        self._slots.give_back(loan)

    def is_lent(self, loan: Loan) -> bool:
        """Whether `loan` has a connection."""
        return loan.connection is not None and self._slots.has(loan)

    def in_use(self) -> int:
        """How many are lent."""
        return len(self._slots.holds())

    def close(self, patience: float) -> None:
        """Lend none any more, wait for those that are lent, then close all; also those that are lent still."""
        self._closed = True
        self._slots.wait_until_free(patience)
        for place in list(self._made):
            self._drop(place)

    def close_idle(self) -> None:
        """Close those that nobody uses."""
        holds = []
        try:
            for place in list(self._made):
                holds.append(Hold())
                if self._slots.take_place(holds[-1], place):
                    self._drop(place)
        finally:
            for each in holds:
                self._slots.give_back(each)

    def _drop(self, place: int) -> None:
        connection = self._made.get(place)
        if connection is not None:
            self._close(connection)
            self._made.pop(place, None)

    def _close(self, closable: Any) -> None:
        """Close a connection or a cursor, whatever state it is in."""
        try:
            closable.close()
        except self._errors():
            pass  # it is of no use any more

    @abstractmethod
    def _errors(self) -> tuple[type[Exception], ...]:
        """What closing may raise."""

    # Forks

    FORK_PATIENCE: ClassVar[float] = 1.0
    """How long a fork waits for the calls of other threads, in seconds."""

    def freeze(self, thread: int) -> list[Hold]:
        """Let no thread have a connection until `thaw`, and close those that are idle.

        Waits for the calls of other threads for a moment; not where this thread itself holds a connection.
        """
        if not self._slots.has_thread(thread):
            self._slots.wait_until_free(self.FORK_PATIENCE)
        frozen = self._slots.take_all()
        for each in frozen:
            self._drop(each.place)
        return frozen

    def thaw(self, frozen: list[Hold]) -> None:
        """Let the other threads go on."""
        for each in frozen:
            self._slots.give_back(each)

    def abandon(self) -> bool:
        """Leave what was lent when this process was forked to the parent, neither used nor closed; whether any was.

        To close a connection here, even at exit, would not be safe either.
        """
        import ctypes  # on demand: it takes a while, and only a forked child needs it

        self._closed = True
        lent = [each for each in self._made.values() if each is not None]
        for each in lent:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(each))
        return bool(lent)
