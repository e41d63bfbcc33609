"""A few places, each held by one at a time: connections that are lent, transactions that may write.

A signal handler or a finaliser may run between any two steps of what is done here, in the same thread, and may raise
an exception or use the same places. So nothing here is guarded by a lock: a place is taken by one atomic step, and
whoever asks makes its `Hold` before, with which it can give back what it has, wherever it was interrupted.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue

_LOOK_AGAIN = 0.05
"""After how many seconds whoever waits looks again, in case that whoever should have told it was interrupted."""


class Waiters:
    """Threads that wait for a condition, and are told when to look again."""

    def __init__(self) -> None:
        self._waiting: deque[SimpleQueue[None]] = deque()

    def wait(self, is_done: Callable[[], bool], patience: float) -> bool:
        """Wait until `is_done()`; False when it was not for all of `patience` seconds."""
        deadline = time.monotonic() + patience
        told: SimpleQueue[None] = SimpleQueue()
        try:
            self._waiting.append(told)
            while not is_done():
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                try:
                    told.get(timeout=min(left, _LOOK_AGAIN))
                except Empty:
                    continue
            return True
        finally:
            if told in self._waiting:
                self._waiting.remove(told)
            self.tell_next()

    def tell_next(self) -> None:
        """Let the thread that has waited longest look again."""
        self._tell(1)

    def tell_all(self) -> None:
        """Let everybody look again."""
        self._tell(None)

    def _tell(self, count: int | None) -> None:
        for told in list(self._waiting)[:count]:
            told.put(None)


class Hold:
    """What one place is held by; made before the place is asked for."""

    __slots__ = ("place", "thread")

    def __init__(self) -> None:
        self.place: int = -1
        self.thread: int = threading.get_ident()


class Slots:
    """At most `count` places that are held at the same time."""

    def __init__(self, count: int) -> None:
        self._places = range(count)
        self._holds: dict[int, Hold] = {}
        self._waiters = Waiters()

    def take(self, hold: Hold, patience: float) -> bool:
        """Let `hold` have the first free place; False when there was none for `patience` seconds."""
        return self._seize(hold) or (patience > 0 and self._waiters.wait(lambda: self._seize(hold), patience))

    def give_back(self, hold: Hold) -> None:
        """Free the place that `hold` has; does nothing when it has none, or has given it back already."""
        if self._holds.get(hold.place) is hold:
            del self._holds[hold.place]
        self._waiters.tell_next()

    def has(self, hold: Hold) -> bool:
        """Whether `hold` has a place."""
        return self._holds.get(hold.place) is hold

    def has_thread(self, thread: int) -> bool:
        """Whether a hold that was made in this thread has a place."""
        return any(each.thread == thread for each in self.holds())

    def holds(self) -> list[Hold]:
        """Everybody that has a place."""
        return list(self._holds.values())

    def wait_until_free(self, patience: float) -> bool:
        """Wait until no place is held; False when one was for all of `patience` seconds."""
        return not self._holds or self._waiters.wait(lambda: not self._holds, patience)

    def take_place(self, hold: Hold, place: int) -> bool:
        """Let `hold` have this place, if it is free."""
        hold.place = place
        return self._holds.setdefault(place, hold) is hold

    def take_all(self) -> list[Hold]:
        """Take every place that is free."""
        holds = [Hold() for _ in self._places]
        return [hold for place, hold in zip(self._places, holds, strict=True) if self.take_place(hold, place)]

    def _seize(self, hold: Hold) -> bool:
        for place in self._places:
            hold.place = place  # before it is taken: an exception may come just after that
            if self._holds.setdefault(place, hold) is hold:
                return True
        return False
