"""Which of the jobs that wait are done next, and which of them together: first come, first served.

Where several transactions are open at a time, two jobs for the same session are never under way at once and never
overtake each other, and a job for a session that an open block has written waits until the block has ended. A job that
begins a block is done by itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from paper_repo.facade.jobs import Job

TOGETHER = 32
"""How many jobs share a transaction at most where several are open at a time, so that the others get some too."""


class WriteQueue:
    """The jobs that wait, and the sessions of those under way; for one thread at a time.

    Args:
        are_free: whether no open transaction has written any of these sessions; None where one transaction alone is
            open at a time, and so nothing is ever in the way.
    """

    def __init__(self, are_free: Callable[[Iterable[str]], bool] | None = None) -> None:
        self._are_free = are_free
        self._waiting: deque[Job] = deque()
        self._under_way: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, job: Job) -> None:
        """Put `job` at the end."""
        self._waiting.append(job)

    def next_turn(self) -> list[Job]:
        """Take out what is done next: jobs that share a transaction, or one that begins a block."""
        return self._take([], may_begin=True)

    def join(self, turn: list[Job]) -> None:
        """Let what has come since share the transaction of `turn`, too."""
        turn += self._take(turn, may_begin=False)
        if self._are_free is not None:
            turn.sort(key=_first_key)  # in the same order in all programs, which then do not wait crosswise

    def end_turn(self, turn: Iterable[Job], put_back: Iterable[Job] = ()) -> None:
        """Let the sessions of `turn` be written by others again; the jobs to be put back were not done and wait on."""
        if self._are_free is not None:
            self._under_way.difference_update(*(job.keys for job in turn))
        self._waiting.extendleft(reversed(list(put_back)))

    def take_overdue(self, now: float) -> list[Job]:
        """Take out the jobs that have waited too long at this moment of the monotonic clock."""
        overdue = [job for job in self._waiting if job.deadline <= now]
        for job in overdue:
            self._waiting.remove(job)
        return overdue

    def next_deadline(self) -> float | None:
        """When the first of the jobs has waited too long; None: none waits."""
        return min((job.deadline for job in self._waiting), default=None)

    def take_all(self) -> list[Job]:
        """Take out all jobs."""
        jobs = list(self._waiting)
        self._waiting.clear()
        return jobs

    def _take(self, turn: list[Job], may_begin: bool) -> list[Job]:
        taken: list[Job] = []
        passed: list[Job] = []
        busy = set(self._under_way)
        room = TOGETHER - len(turn) if self._are_free is not None else len(self._waiting)
        while self._waiting and len(taken) < room:
            job = self._waiting.popleft()
            if job.withdrawn:
                continue
            if job.begins is not None:
                if taken or not may_begin:
                    passed.append(job)
                else:
                    taken.append(job)
                break
            if self._is_free(job, busy):
                taken.append(job)
            else:
                busy.update(job.keys)
                passed.append(job)
        self._waiting.extendleft(reversed(passed))
        if self._are_free is not None:
            self._under_way.update(*(job.keys for job in taken))
        return taken

    def _is_free(self, job: Job, busy: set[str]) -> bool:
        return self._are_free is None or (busy.isdisjoint(job.keys) and self._are_free(job.keys))


def _first_key(job: Job) -> str:
    return min(job.keys, default="")
