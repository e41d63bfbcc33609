"""How the writer's threads hear that there is something to do.

A thread that began as soon as the first task asks for something would take Python's lock from the others in the middle
of theirs, at every statement. So an event loop rings when all of its tasks that can go on have had their turn, and the
threads do together what these have asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from queue import SimpleQueue
from typing import Any

from paper_repo.facade.jobs import Job

Bell = SimpleQueue[Any]


class Bells:
    """The event loops that are going to ring, and whether one of them has."""

    def __init__(self) -> None:
        self._ringing: set[Any] = set()
        self._rung = False

    def ring_soon(self, job: Job, bells: Iterable[Bell]) -> None:
        """Have these rung by the loop of `job`, unless it is going to do that anyway."""
        loop = job.finished.loop
        if loop not in self._ringing:
            try:
                self._ringing.add(loop)  # before a thread can hear the bell, and forget that it was going to ring
                for bell in bells:
                    job.finished.when_ready_tasks_have_run(partial(bell.put, loop))
            except BaseException:
                self._ringing.discard(loop)
                raise

    def have_rung(self, bell: Bell) -> bool:
        """Whether an event loop has rung, as `bell` or another one tells, since `all_is_taken`."""
        while not bell.empty():
            self.hear(bell.get_nowait())
        return self._rung

    def hear(self, loop: Any) -> None:
        """Take note of what came out of a bell: an event loop, or None from somebody else."""
        if loop is not None:
            self._ringing.clear()
            self._rung = True

    def all_is_taken(self) -> None:
        """What the loops have rung about is about to be put into the queue."""
        self._rung = False
