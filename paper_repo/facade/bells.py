"""How the writer's threads are woken when there is something to do.

A thread that started with the first request would compete with the event loop for Python's lock, while other tasks are
about to ask for something too. So an event loop rings once all of its ready tasks have run, and the threads do together
what these have asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from queue import SimpleQueue
from typing import Any

from paper_repo.facade.jobs import Job

Bell = SimpleQueue[Any]


class Bells:
    """The event loops that are about to ring, and whether one has rung."""

    def __init__(self) -> None:
        self._ringing: set[Any] = set()
        self._rung = False

    def ring_soon(self, job: Job, bells: Iterable[Bell]) -> None:
        """Have the event loop of `job` ring these bells, unless it is about to do so anyway."""
        loop = job.finished.loop
        if loop not in self._ringing:
            try:
                self._ringing.add(loop)  # before a thread can hear the bell and forget that it was about to ring
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
        """Note what came out of a bell: an event loop, or None from somebody else."""
        if loop is not None:
            self._ringing.clear()
            self._rung = True

    def all_is_taken(self) -> None:
        """Forget the rings so far: what they were about is being taken."""
        self._rung = False
