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

    def new(self) -> Wakeup:
        """The token with which a block asks for the turn."""
        return new_wakeup()

    async def take(self, me: Wakeup) -> None:
        """Wait for the turn; it is the caller's until `pass_on`."""
        with self._lock:
            if self._owner is None:
                self._owner = me
                return
            self._waiting.append(me)
        try:
            with anyio.fail_after(self._patience):
                await me.wait()
        except TimeoutError as error:
            raise BusyError(
                f"another task's transaction was open for longer than the busy timeout ({self._patience:g} s); "
                "repeat the call, or keep transactions shorter"
            ) from error

    def pass_on(self, me: Wakeup) -> None:
        """Let the next one write if the turn is the caller's; a caller that is still waiting stops waiting.

        Who waits on an event loop that has ended is passed over.
        """
        with self._lock:
            if me in self._waiting:
                self._waiting.remove(me)
            if self._owner is not me:
                return
            self._owner = None
            while self._waiting and self._owner is None:
                self._owner = self._waiting.popleft()
                if not wake([self._owner]):
                    self._owner = None
