"""When a run is saved: a short step at the end of each bar, so that no bar waits for a whole save.

A thread would spare the bars less: what it does in Python keeps the engine from running, for 5 ms at a time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

LONGEST = 0.2
"""The most seconds between two saves, where the caller gives no interval."""
SHARE = 7
"""How many times as long as its last step, the transaction, the next save waits."""
SLOW = 0.02
"""The seconds after which a bar is slow: a save is not spread over slow bars, which would take it too long."""


class Saving:
    """Saves a run step by step.

    Args:
        save: begins a save of what is complete, which is done when its steps are.
        interval: how many seconds may pass between two saves; 0: every bar is saved before the next one begins; None:
            as `SHARE` and `LONGEST` say.
    """

    def __init__(self, save: Callable[[], Iterator[None]], interval: float | None) -> None:
        self._save = save
        self._interval = interval
        self._steps: Iterator[None] | None = None
        self._due: float | None = None
        """When the next save may begin; None: the first bar is not saved yet."""
        self._last_bar: float = time.monotonic()

    def end_bar(self) -> None:
        """Do a step of the save that is under way, or of a new one if it is time."""
        now = time.monotonic()
        if self._due is None or self._interval == 0:
            self.finish()
        elif self._steps is not None or now >= self._due:
            if now - self._last_bar > SLOW:
                self.finish()
            else:
                self._step()
        self._last_bar = time.monotonic()

    def finish(self) -> None:
        """Save everything that is complete before this returns."""
        while self._steps is not None:
            self._step()
        self._step()
        while self._steps is not None:
            self._step()

    def _step(self) -> None:
        steps, self._steps = self._steps or self._save(), None  # an error ends it
        began = time.monotonic()
        is_over = next(steps, _OVER) is _OVER
        now = time.monotonic()
        if not is_over:
            self._steps = steps
        usual = min(SHARE * (now - began), LONGEST)
        self._due = now + (usual if self._interval is None else self._interval)


_OVER = object()
