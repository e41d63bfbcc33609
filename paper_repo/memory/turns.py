"""Whose turn it is to write to an in-memory repository."""

from __future__ import annotations

import threading
from collections import deque

import anyio

from paper_repo.errors import BusyError
from paper_repo.facade.wakeup import Wakeup, new_wakeup, wake


class Turn:
    """Whose turn it is to write: first come, first served, among the tasks of all event loops."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._lock = threading.RLock()  # whatever its owner does, a waiting coroutine may be thrown away meanwhile
        self._waiting: deque[Wakeup] = deque()
        self._owner: Wakeup | None = None

    async def take(self) -> None:
        """Wait for the turn; it is the caller's until `pass_on`."""
        me = new_wakeup()
        with self._lock:
            if self._owner is None:
                self._owner = me
                return
            self._waiting.append(me)
        try:
            with anyio.fail_after(self._patience):
                await me.wait()
        except BaseException as error:
            self._give_up(me)
            if isinstance(error, TimeoutError):
                raise BusyError(
                    f"another task's transaction was open for longer than the busy timeout ({self._patience:g} s); "
                    "repeat the call, or keep transactions shorter"
                ) from error
            raise

    def pass_on(self) -> None:
        """Let the next one write; who waits on an event loop that has ended is passed over."""
        with self._lock:
            self._owner = None
            while self._waiting and self._owner is None:
                self._owner = self._waiting.popleft()
                if not wake([self._owner]):
                    self._owner = None

    def _give_up(self, waiter: Wakeup) -> None:
        with self._lock:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            elif self._owner is waiter:
                self.pass_on()  # the turn had come already
