"""The worker threads that do the writing of an async repository, each with a connection while it writes.

An SQLite file has one writer at a time, and so one thread; a server has several. What waits together shares one
transaction and one COMMIT (`group_commit`). A transaction block has its thread to itself from its BEGIN to its end
(`worker`); what other tasks ask for waits until then, for the busy timeout at most.

The beginning and the end of a block are posted by plain calls that no cancellation can interrupt, and no lock is taken
for it that an interrupt could leave locked: this is what keeps a task from leaving a transaction open.
"""

from __future__ import annotations

import _thread
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from queue import Empty

from paper_repo.core.sessions import Sessions
from paper_repo.errors import BusyError, RepositoryClosedError, StorageError
from paper_repo.facade.bells import Bells
from paper_repo.facade.group_commit import GroupCommit
from paper_repo.facade.jobs import Block, Job, copied, finish
from paper_repo.facade.worker import Part, Worker, attempt
from paper_repo.facade.write_queue import WriteQueue
from paper_repo.storage.forking import HeedsForks, heed_forks

THREADS = 4
"""How many threads a repository has at most where several transactions can be open at a time."""


class Writer(HeedsForks):
    """The threads and what they have to do.

    Args:
        sessions: the sessions that they write.
        patience: how long a job may wait for its turn, in seconds.
    """

    def __init__(self, sessions: Sessions, patience: float) -> None:
        self._storage = storage = sessions.storage
        self._group_commit = GroupCommit(sessions)
        self._patience = patience
        self._most = min(THREADS, storage.writers)
        self._prepare()
        heed_forks(self)
        if self._most > 1:
            storage.when_freed(self._ring)

    def _prepare(self) -> None:
        self._lock = threading.RLock()  # for what the threads have in common
        self._queue = WriteQueue(self._storage.are_free if self._most > 1 else None)
        self._threads: list[Worker] = []
        self._idle = 0
        self._started: list[threading.Thread] = []
        self._here = threading.local()
        self._arrived: deque[Job] = deque()
        """What was asked for and is not in the queue yet."""
        self._bells = Bells()
        self._last: deque[Job] = deque()
        self._closing_by: float | None = None
        self._ended = self._closed = False

    def after_fork_in_child(self) -> None:
        """Begin anew: a forked child has neither the threads nor what they were to do."""
        self._prepare()

    # From any thread, by steps that leave nothing locked and nobody waiting, wherever an interrupt comes

    def submit(self, job: Job) -> None:
        """Ask for `job`, behind all that was asked for before."""
        if self._closing_by is not None:
            raise RepositoryClosedError("the repository was closed")
        job.deadline = time.monotonic() + self._patience
        self._arrived.append(job)
        if len(self._threads) < self._most and not self._idle:
            self._start_thread()
        self._bells.ring_soon(job, [thread.bell for thread in tuple(self._threads)])
        if self._ended and job.withdraw():
            raise RepositoryClosedError("the repository was closed")

    def submit_to_block(self, block: Block, job: Job) -> None:
        """Ask for `job` in `block`, behind all that was asked for in it before."""
        if not block.is_open:
            raise RepositoryClosedError("the repository was closed, and the transaction rolled back")
        block.asked.append(job)
        block.bell.put(None)
        if not block.is_open and job.withdraw():  # it has ended just now
            raise RepositoryClosedError("the repository was closed, and the transaction rolled back")

    def close(self, last: Job) -> None:
        """Do what waits, close the core, and end the threads; `last` is done just before their end.

        An open block is waited for like by any other job, then rolled back.
        """
        self._last.append(last)
        if self._closing_by is None:
            self._closing_by = time.monotonic() + self._patience
        if not self._threads and not self._ended:
            self._start_thread()
        self._ring()
        if self._closed:
            self._finish_last(None)

    def join(self) -> None:
        """Wait until the threads have ended."""
        for thread in self._started:
            thread.join()

    def stop(self) -> None:
        """End the threads when nothing waits any more, and leave the core open; for when nobody is left to use it."""
        self._closing_by = time.monotonic()
        self._ring()

    def _ring(self) -> None:
        for thread in tuple(self._threads):
            thread.bell.put(None)

    def _start_thread(self) -> None:
        """Start a thread more, unless there are enough or one has nothing to do."""
        with self._lock:
            if self._ended or self._idle or len(self._threads) == self._most:
                return
            thread = Worker()
            try:
                self._threads.append(thread)  # else it ends at once
                _thread.start_new_thread(self._start, (thread,))
            except BaseException as error:
                self._forget(thread)
                if not isinstance(error, RuntimeError):
                    raise
                if not self._threads:
                    raise out_of_threads(error) from error

    def _start(self, thread: Worker) -> None:
        """Start the thread proper; in a thread on the way there, since `Thread.start` must not be interrupted."""
        try:
            threading.Thread(target=self._run, args=(thread,), name="paper_repo writer", daemon=True).start()
        except RuntimeError as error:
            self._forget(thread)
            with self._lock:
                left = [] if self._threads else [*_drained(self._arrived), *_drained(self._last)]
            self._refuse(left, out_of_threads(error))

    def _forget(self, thread: Worker) -> None:
        with self._lock:
            self._threads = [each for each in self._threads if each is not thread]

    # On a writer's thread: blocks

    def enter(self, part: Part) -> None:
        """Open a transaction, or a savepoint in the open one."""
        self._mine.enter(self._storage, part)

    def leave(self, part: Part, *, commit: bool) -> None:
        """Commit what `enter` has opened, or roll it back; nothing, if that has been done."""
        self._mine.leave(part, commit=commit)

    @property
    def _mine(self) -> Worker:
        mine: Worker = self._here.thread
        return mine

    # On a writer's thread: its turns

    def _run(self, thread: Worker) -> None:
        self._here.thread = thread
        with self._lock:
            if thread not in self._threads:
                return  # whoever started it was interrupted
            self._started.append(threading.current_thread())
        while self._serve():
            while thread.open:
                self._serve_owner()
        self._end()

    def _serve(self) -> bool:
        """Do what comes next; False when there will be no more."""
        turn = self._next_turn()
        if turn and turn[0].begins is not None:
            self._begin(turn[0], turn[0].begins)
        elif turn:
            self._do_together(turn)
        return bool(turn)

    def _next_turn(self) -> list[Job]:
        """What to do next, as soon as there is something; nothing when there will be no more."""
        while True:
            with self._lock:
                turn = self._take_turn()
                if turn or self._is_over():
                    break
                self._idle += 1
            if self._queue:
                self._refuse_overdue()
            self._wait_for_bell()
            with self._lock:
                self._idle -= 1
        self._share()
        return turn

    def _share(self) -> None:
        """Let another thread look at what this one has left in the queue."""
        if self._most > 1 and self._queue:
            self._start_thread()
            self._ring()

    def _take_turn(self) -> list[Job]:
        if self._bells.have_rung(self._mine.bell) or self._closing_by is not None:
            self._gather()
        return self._queue.next_turn()

    def _gather(self) -> None:
        self._bells.all_is_taken()
        while self._arrived:  # only the threads take from it, one at a time
            self._queue.add(self._arrived.popleft())

    def _is_over(self) -> bool:
        return self._closing_by is not None and not self._queue and not self._arrived

    def _do_together(self, turn: list[Job]) -> None:
        """Do all of them in one transaction, and what has come since."""

        def take() -> list[Job]:
            with self._lock:
                self._gather()
                self._queue.join(turn)
            return [job for job in turn if job.take()]

        try:
            jobs = self._group_commit.do(take)
        except BaseException as error:
            self._refuse_begin(turn, error)
        else:
            self._end_turn(turn)
            finish(jobs)

    def _refuse_begin(self, turn: list[Job], error: BaseException) -> None:
        """Tell those whose time is over that no transaction could be begun, or the first of all; the others wait on."""
        now = time.monotonic()
        refused = [job for job in turn if job.deadline <= now] or turn[:1]
        self._end_turn(turn, put_back=[job for job in turn if job not in refused])
        self._refuse(refused, error)

    def _end_turn(self, turn: list[Job], put_back: list[Job] | None = None) -> None:
        with self._lock:
            self._queue.end_turn(turn, put_back or ())
            others_wait = self._queue or self._closing_by is not None
        if others_wait and len(self._threads) > 1:
            self._ring()

    # On a writer's thread: a block

    def _begin(self, begin: Job, block: Block) -> None:
        """Begin a block, unless its owner has gone by then."""
        begin.do()
        refusal, thread = begin.error, self._mine
        if thread.open:
            block.bell, block.is_open, thread.block = thread.bell, True, block
        if begin.take():
            finish([begin])
        else:
            self._roll_back_all()
        if refusal is not None:
            self._refuse_overdue(refusal)

    def _serve_owner(self) -> None:
        """Do what the owner of the block asks for next."""
        job = self._next_of_owner()
        if job is None:
            self._roll_back_all()
        else:
            job.do()
        self._disown_if_ended()
        if job is not None:
            finish([job])

    def _next_of_owner(self) -> Job | None:
        """What the owner asks for next; None when it has no more time, because the repository closes."""
        while True:
            self._refuse_overdue()
            while self._mine.block and self._mine.block.asked:
                job = self._mine.block.asked.popleft()
                if job.take():
                    return job
            if self._closing_by is not None and time.monotonic() >= self._closing_by:
                return None
            self._wait_for_bell()

    def _roll_back_all(self) -> None:
        self._mine.roll_back_all()
        self._disown_if_ended()

    def _disown_if_ended(self) -> None:
        """Take nothing more for a block that has ended, and refuse what it was still asked for."""
        block = self._mine.block
        if block is None or self._mine.open:
            return
        block.is_open, self._mine.block = False, None
        abandoned = [job for job in _drained(block.asked) if job.take()]
        for job in abandoned:
            job.fail(RepositoryClosedError("the repository was closed, and the transaction rolled back"))
        finish(abandoned)
        self._end_turn([])  # others may have waited for what the block had written

    # On a writer's thread: waiting, and the end

    def _wait_for_bell(self) -> None:
        """Wait until somebody rings, or somebody else's patience is at its end."""
        try:
            self._bells.hear(self._mine.bell.get(timeout=self._until_next_deadline()))
        except Empty:
            pass

    def _until_next_deadline(self) -> float | None:
        """How long until somebody's patience ends, in seconds; None: nobody waits."""
        if not self._queue and self._closing_by is None:
            return None
        with self._lock:
            deadline = self._queue.next_deadline()
        if self._closing_by is not None and self._mine.block is not None:
            deadline = self._closing_by if deadline is None else min(deadline, self._closing_by)
        return None if deadline is None else max(0.0, deadline - time.monotonic())

    def _refuse_overdue(self, refusal: BaseException | None = None) -> None:
        """Let those who have waited too long fail with `refusal`; by default it is a block that was in their way."""
        with self._lock:
            gathered = self._bells.have_rung(self._mine.bell)
            if gathered:
                self._gather()
            overdue = self._queue.take_overdue(time.monotonic())
        if gathered:
            self._share()
        if overdue:
            self._refuse(
                overdue,
                refusal
                or BusyError(
                    f"another task's transaction was open for longer than the busy timeout ({self._patience:g} s); "
                    "repeat the call, or keep transactions shorter"
                ),
            )

    def _refuse(self, jobs: list[Job], error: BaseException) -> None:
        refused = [job for job in jobs if job.take()]
        for job in refused:
            job.fail(copied(error))
        finish(refused)

    def _end(self) -> None:
        """Leave; the last one closes the core and reports it to everyone who waits for that."""
        with self._lock:
            self._threads.remove(self._mine)
            if self._threads:
                return
            self._ended = True
            late = [*self._queue.take_all(), *_drained(self._arrived)]
        self._refuse(late, RepositoryClosedError("the repository was closed"))
        error = attempt(self._storage.close) if self._last else None
        self._closed = True
        self._finish_last(error)

    def _finish_last(self, error: BaseException | None) -> None:
        for job in _drained(self._last):
            if error is not None:
                job.fail(copied(error))
            finish([job])


def out_of_threads(error: RuntimeError) -> StorageError:
    """What to raise instead of Python's own error when no thread can be started."""
    return StorageError(
        f"no thread could be started ({error}): this process or its user has as many as the system allows; "
        "end some, or raise the limit (ulimit -u, TasksMax, pids.max), and repeat the call"
    )


def _drained(jobs: deque[Job]) -> Iterator[Job]:
    """The jobs, each taken out by itself, so that two threads that do this get different ones."""
    with suppress(IndexError):
        while True:
            yield jobs.popleft()
