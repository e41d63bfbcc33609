"""The one worker thread that owns the writing connection of an async repository, and its first-in-first-out queue.

Everything a task asks of it is a `Job`. Saves that wait together share one transaction and one COMMIT ("group commit"),
each in a savepoint of its own. A transaction block has the thread to itself from its BEGIN to its end; what other tasks
ask for waits behind it, for the busy timeout at most.

The beginning and the end of a block are put into the queue by plain calls that no cancellation can interrupt: this is
what keeps a cancelled task from leaving a transaction open.
"""

from __future__ import annotations

import copy
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress
from enum import Enum, auto
from typing import Any

from paper_repo.core.repository import SessionRepository
from paper_repo.errors import BusyError, RepositoryClosedError
from paper_repo.facade.wakeup import UNHEARD, Wakeup, new_wakeup, wake
from paper_repo.storage.forking import HeedsForks, heed_forks


class _State(Enum):
    WAITING = auto()
    TAKEN = auto()
    DONE = auto()
    WITHDRAWN = auto()


class Job:
    """Something to be done on the writer's thread, and what came of it.

    Args:
        work: what is to be done.
        begins: the block that it begins, if it begins one.
        keys: the ids of the sessions that it writes, as far as they are known.
        heard: whether a task waits for it.
    """

    def __init__(
        self,
        work: Callable[[], Any],
        *,
        begins: Block | None = None,
        keys: Iterable[str] = (),
        heard: bool = True,
    ) -> None:
        self.work = work
        self.begins = begins
        self.keys = tuple(keys)
        self.deadline = 0.0
        self.state = _State.WAITING
        self.finished = new_wakeup() if heard else UNHEARD
        self.failed = False
        self._result: Any = None
        self._error: BaseException | None = None

    def do(self) -> None:
        """Do the work, and keep what came of it."""
        try:
            self._result = self.work()
        except BaseException as error:
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """Let this be what came of it, unless it has failed already."""
        if not self.failed:
            self.failed, self._error = True, error

    def require_success(self) -> None:
        """Raise what it has failed with, and keep that."""
        if self._error is not None:
            raise self._error

    def forget(self, kind: type[BaseException]) -> bool:
        """Forget an error of this kind, so that the job can be done again; whether it had one."""
        if not isinstance(self._error, kind):
            return False
        self.failed, self._error = False, None
        return True

    def outcome(self) -> Any:
        """The result, or the error raised."""
        if self._error is not None:
            try:
                raise self._error
            finally:
                self._error = None  # an exception that is kept here would keep its frames, and they this job
        return self._result


class Block(deque[Job]):
    """A transaction block: what its owner asks for, and what tells it from other blocks."""

    is_open = False


class _Mine(threading.local):
    """What one thread has open: the block, and the transaction of it with the savepoints in that."""

    def __init__(self) -> None:
        self.block: Block | None = None
        self.open: list[AbstractContextManager[None]] = []


class Writer(HeedsForks):
    """The thread and its queue.

    Args:
        core: the repository whose writes it does.
        patience: how long a job may wait for its turn, in seconds.
    """

    def __init__(self, core: SessionRepository, patience: float) -> None:
        self._core = core
        self._patience = patience
        self._prepare()
        heed_forks(self)

    def _prepare(self) -> None:
        self._changed = threading.Condition()
        self._queue: deque[Job] = deque()
        self._mine = _Mine()
        self._last: list[Job] = []
        self._closing_by: float | None = None
        self._thread: threading.Thread | None = None
        self._notifying: set[Any] = set()
        """The event loops that are going to notify the thread."""
        self._called = False
        """Whether one of them has, and something of what it was about may wait still."""

    def after_fork_in_child(self) -> None:
        """Begin anew: a forked child has neither the thread nor what its queue held."""
        self._prepare()

    # From any thread

    def submit(self, job: Job) -> Job:
        """Put `job` at the end of the queue."""
        with self._changed:
            if self._closing_by is not None:
                raise RepositoryClosedError("the repository was closed")
            self._notify_soon(job.finished)
            job.deadline = time.monotonic() + self._patience
            self._queue.append(job)
        return job

    def submit_to_block(self, block: Block, job: Job) -> Job:
        """Put `job` at the end of what `block` does."""
        with self._changed:
            if not block.is_open:
                raise RepositoryClosedError("the repository was closed, and the transaction rolled back")
            block.append(job)
            self._changed.notify_all()
        return job

    def give_up(self, block: Block, entry: Job, *, heard: bool) -> Job | None:
        """Roll back what `entry` enters, `block` or a savepoint in it; None when it has not and never will."""

        def undo() -> None:
            if not entry.failed:
                self.roll_back()

        if self.withdraw(entry):
            return None
        with suppress(RepositoryClosedError):
            return self.submit_to_block(block, Job(undo, heard=heard))
        return None

    def withdraw(self, job: Job) -> bool:
        """Take `job` out if it has not been begun; True when it never will be."""
        with self._changed:
            if job.state is _State.WAITING:
                job.state = _State.WITHDRAWN
            return job.state is _State.WITHDRAWN

    def close(self, last: Job) -> threading.Thread | None:
        """Do what waits, close the core, and end the thread, which is returned; `last` is done just before its end.

        An open block is waited for like by any other job, then rolled back.
        """
        with self._changed:
            if self._closing_by is None:
                self._notify()
                self._closing_by = time.monotonic() + self._patience
            if self._thread is None:
                self._finish([last])
            else:
                self._last.append(last)
            return self._thread

    def stop(self) -> None:
        """End the thread when nothing waits any more, and leave the core open; for when nobody is left to use it."""
        with self._changed:
            self._closing_by = time.monotonic()
            self._changed.notify()

    def _notify(self) -> None:
        self._start()
        self._changed.notify()

    def _notify_soon(self, asking: Wakeup) -> None:
        """Notify the thread when all tasks that can go on now have had their turn; it does together what they ask for.

        Else it would begin with what the first of them asks for, and every statement of it would take Python's lock
        from the others in the middle of theirs.
        """
        self._start()
        if asking.loop not in self._notifying:
            self._notifying.add(asking.loop)
            asking.when_ready_tasks_have_run(self._notify_now)

    def _notify_now(self) -> None:
        with self._changed:
            self._notifying.clear()
            self._called = True
            self._changed.notify()

    def _start(self) -> None:
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="paper_repo writer", daemon=True)
            thread.start()
            self._thread = thread

    # On the writer's thread: blocks

    def enter(self) -> None:
        """Open a transaction, or a savepoint in the open one."""
        block = self._core.atomic()
        block.__enter__()
        self._mine.open.append(block)

    def commit(self) -> None:
        """Commit the innermost open block."""
        self._mine.open.pop().__exit__(None, None, None)

    def roll_back(self) -> None:
        """Roll the innermost open block back."""
        with suppress(_RollBack):
            self._mine.open.pop().__exit__(_RollBack, _RollBack(), None)

    # On the writer's thread: the loop

    def _run(self) -> None:
        while self._serve():
            while self._mine.open:
                self._serve_owner()
        self._end()

    def _serve(self) -> bool:
        """Do what waits up to the next block, or begin that; False when there will be no more."""
        head = self._next()
        if head is not None and head.begins is not None:
            self._begin(head, head.begins)
        elif head is not None:
            self._serve_together()
        return head is not None

    def _next(self) -> Job | None:
        """The first job that waits, without taking it; None when there will be no more."""
        with self._changed:
            while True:
                while self._queue and self._queue[0].state is not _State.WAITING:
                    self._queue.popleft()
                if self._queue and (self._called or self._closing_by is not None):
                    return self._queue[0]
                if not self._queue:
                    self._called = False
                    if self._closing_by is not None:
                        return None
                self._changed.wait()

    def _serve_together(self) -> None:
        """Do all that waits up to the next block, in one transaction."""
        jobs: list[Job] = []
        try:
            with self._core.atomic():
                # Taken only now: while BEGIN waited for another process, each of them could be cancelled.
                jobs = self._take_together()
                for job in jobs:
                    job.do()
                    if job.failed and self._core.has_lost_transaction():
                        job.require_success()  # its error has ended the transaction for all of them
        except BaseException as error:
            jobs = jobs or self._take_overdue() or self._take_first()
            for job in jobs:
                job.fail(_own(error))
        self._finish(jobs)

    def _begin(self, begin: Job, block: Block) -> None:
        self._enter_for_owner(begin, block)
        refusal = begin._error
        with self._changed:
            self._queue.popleft()
        if begin.state is _State.TAKEN:
            self._finish([begin])
        if refusal is not None:
            self._refuse_overdue(refusal)

    def _enter_for_owner(self, begin: Job, block: Block) -> None:
        """Begin a block, unless its owner has gone by then."""
        begin.do()
        with self._changed:
            withdrawn = not _taken([begin])
            if self._mine.open and not withdrawn:
                self._own_block(block)
        if self._mine.open and withdrawn:
            _attempt(self.roll_back)

    def _serve_owner(self) -> None:
        job = self._next_of_owner()
        if job is None:
            while self._mine.open:
                _attempt(self.roll_back)
        else:
            job.do()
        if not self._mine.open:
            with self._changed:
                abandoned = self._disown_block()
            for each in abandoned:
                each.fail(RepositoryClosedError("the repository was closed, and the transaction rolled back"))
            self._finish(abandoned)
        if job is not None:
            self._finish([job])

    def _own_block(self, block: Block) -> None:
        self._mine.block, block.is_open = block, True

    def _disown_block(self) -> list[Job]:
        """Take nothing more for the block that has ended, and give back what it was still asked for."""
        block, self._mine.block = self._mine.block, None
        if block is None:
            return []
        block.is_open = False
        return list(block)

    def _next_of_owner(self) -> Job | None:
        """What the owner asks for next; None when it has no more time, because the repository closes."""
        while True:
            self._refuse_overdue()
            with self._changed:
                while self._mine.block:
                    job = self._mine.block.popleft()
                    if job.state is _State.WAITING:
                        job.state = _State.TAKEN
                        return job
                if self._closing_by is not None and time.monotonic() >= self._closing_by:
                    return None
                self._changed.wait(self._until_next_deadline())

    def _refuse_overdue(self, refusal: BaseException | None = None) -> None:
        """Let those who have waited too long fail with `refusal`; by default it is a block that was in their way."""
        overdue = self._take_overdue()
        for job in overdue:
            job.fail(
                _own(refusal)
                if refusal is not None
                else BusyError(
                    f"another task's transaction was open for longer than the busy timeout ({self._patience:g} s); "
                    "repeat the call, or keep transactions shorter"
                )
            )
        self._finish(overdue)

    def _end(self) -> None:
        """Close the core and report it to everyone who waits for that."""
        closing = _attempt(self._core.close) if self._last else None
        with self._changed:
            self._thread = None
            for job in self._last:
                if closing is not None:
                    job.fail(_own(closing))
            self._finish(self._last)

    # On the writer's thread: the queue

    def _take_together(self) -> list[Job]:
        with self._changed:
            jobs = []
            while self._queue and self._queue[0].begins is None:
                jobs.append(self._queue.popleft())
            self._called = bool(self._queue)  # what comes now is a turn of its own
            return _taken(jobs)

    def _take_first(self) -> list[Job]:
        with self._changed:
            return _taken([self._queue.popleft()] if self._queue else [])

    def _take_overdue(self) -> list[Job]:
        now = time.monotonic()
        with self._changed:
            overdue = [job for job in self._queue if job.deadline <= now]
            for job in overdue:
                self._queue.remove(job)
            return _taken(overdue)

    def _until_next_deadline(self) -> float | None:
        """How long until somebody's patience ends, in seconds; None: nobody waits."""
        deadlines = [job.deadline for job in self._queue]
        if self._closing_by is not None:
            deadlines.append(self._closing_by)
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None

    def _finish(self, jobs: Iterable[Job]) -> None:
        jobs = list(jobs)
        for job in jobs:
            job.state = _State.DONE
        wake(job.finished for job in jobs)


class _RollBack(Exception):  # noqa: N818
    """What a block is left with when its owner wants it rolled back."""


def _taken(jobs: list[Job]) -> list[Job]:
    """Those of `jobs` that nobody has withdrawn."""
    waiting = [job for job in jobs if job.state is _State.WAITING]
    for job in waiting:
        job.state = _State.TAKEN
    return waiting


def _own(error: BaseException) -> BaseException:
    """A copy for one of several tasks that get the same error, each with a traceback of its own."""
    try:
        twin = copy.copy(error)
    except Exception:  # not every exception can be copied
        return error
    twin.__cause__ = error.__cause__
    return twin


def _attempt(work: Callable[[], object]) -> BaseException | None:
    try:
        work()
    except BaseException as error:
        return error
    return None
