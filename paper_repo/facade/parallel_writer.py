"""Several writer's threads with one queue, for databases on which several transactions write at the same time.

What one thread alone sees to by doing one thing after the other, this sees to by what it takes from the queue: two jobs
for the same session are never under way at once, and never overtake each other; a job for a session that an open block
has written waits until the block has ended. Everything else runs side by side.
"""

from __future__ import annotations

import threading
import time

from paper_repo.core.repository import SessionRepository
from paper_repo.facade.wakeup import Wakeup
from paper_repo.facade.writer import Job, Writer, _own, _State
from paper_repo.storage.errors import TurnedBackError

THREADS = 4
"""How many writer's threads a repository has at most; each has a connection while it writes."""

TOGETHER = 32
"""How many jobs share a transaction at most, so that the other threads get some too."""


class ParallelWriter(Writer):
    """The threads and their queue; to whoever uses it the same as the one thread of `Writer`.

    Args:
        core: the repository whose writes it does.
        patience: how long a job may wait for its turn, in seconds.
    """

    def __init__(self, core: SessionRepository, patience: float) -> None:
        super().__init__(core, patience)
        core._when_freed(self._look_again)

    def _prepare(self) -> None:
        super()._prepare()
        self._lanes: list[threading.Thread] = []
        self._idle = 0
        self._ended = 0
        self._under_way: set[str] = set()  # the ids of sessions

    # From any thread

    def _notify(self) -> None:
        if not self._idle and len(self._lanes) < THREADS:
            lane = threading.Thread(target=self._run, name="paper_repo writer", daemon=True)
            lane.start()
            self._lanes.append(lane)
            self._thread = _Together(self._lanes)
        self._changed.notify_all()  # some of them wait for the owner of their block, and not for this

    def _notify_soon(self, asking: Wakeup) -> None:
        self._notify()  # a thread more, if none is idle

    def _look_again(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def stop(self) -> None:
        super().stop()
        self._look_again()

    # On a writer's thread

    def _serve(self) -> bool:
        jobs = self._wait_for_jobs()
        if not jobs:
            return False
        try:
            if jobs[0].begins is not None:
                self._enter_for_owner(jobs[0], jobs[0].begins)
            else:
                self._do_together(jobs)
        finally:
            with self._changed:
                self._under_way.difference_update(*(job.keys for job in jobs))
                self._changed.notify_all()
        self._finish(jobs)
        return True

    def _do_together(self, jobs: list[Job]) -> None:
        """Do all of them in one transaction, and each by itself that another transaction has turned back."""
        try:
            with self._core.atomic():
                for job in jobs:
                    job.do()
                    if self._core.has_lost_transaction():
                        job.require_success()
        except BaseException as error:
            for job in jobs:
                job.fail(_own(error))
        for job in jobs:
            if job.forget(TurnedBackError):
                job.do()

    # On a writer's thread: the queue

    def _wait_for_jobs(self) -> list[Job]:
        """The next jobs that can be done together, or one that begins a block; none when there will be no more."""
        while True:
            self._refuse_overdue()
            with self._changed:
                jobs = self._take_what_is_free()
                if jobs and self._queue:
                    self._notify()  # of those that were asked at once some may have had something to do already
                if jobs or (self._closing_by is not None and not self._queue):
                    return jobs
                self._idle += 1
                self._changed.wait(self._until_somebody_gives_up())
                self._idle -= 1

    def _take_what_is_free(self) -> list[Job]:
        jobs: list[Job] = []
        busy = set(self._under_way)
        for job in list(self._queue):
            if job.state is not _State.WAITING:
                self._queue.remove(job)
            elif job.begins is not None:
                if not jobs:
                    jobs = [job]
                break
            elif not busy.isdisjoint(job.keys) or not self._core._are_free(job.keys):
                busy.update(job.keys)
            elif len(jobs) < TOGETHER:
                jobs.append(job)
        for job in jobs:
            self._queue.remove(job)
            self._under_way.update(job.keys)
            if job.begins is None:  # else its owner may go while BEGIN waits for the server
                job.state = _State.TAKEN
        return sorted(jobs, key=_first_key)

    def _until_somebody_gives_up(self) -> float | None:
        deadlines = [job.deadline for job in self._queue]
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None

    def _end(self) -> None:
        with self._changed:
            self._ended += 1
            if self._ended < len(self._lanes):
                return
        super()._end()


class _Together(threading.Thread):
    """Several threads, to be waited for like one."""

    def __init__(self, threads: list[threading.Thread]) -> None:
        super().__init__()
        self._threads = threads

    def join(self, timeout: float | None = None) -> None:
        for thread in list(self._threads):
            thread.join(timeout)


def _first_key(job: Job) -> str:
    return min(job.keys, default="")
