"""What a task asks the writer for: a `Job`, alone or as a part of a `Block`.

A task may be interrupted between any two steps, by Ctrl-C too. So whatever it does to a job is one step of Python's own
that either has happened or has not, and takes no lock.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Iterable
from enum import Enum, auto
from queue import SimpleQueue
from typing import Any

from paper_repo.core.saves import Save
from paper_repo.facade.wakeup import UNHEARD, Wakeup, new_wakeup, wake


class _Fate(Enum):
    TAKEN = auto()
    WITHDRAWN = auto()


class Job:
    """Something to be done on a writer's thread, and what came of it.

    Args:
        work: what is to be done.
        begins: the block that it begins, if it begins one.
        keys: the ids of the sessions that it writes, as far as they are known.
        save: the one save that it is, if it is no more than that.
        heard: whether a task waits for it.
    """

    deadline: float = 0.0
    """Until when it waits for its turn, by the monotonic clock."""

    def __init__(
        self,
        work: Callable[[], Any],
        *,
        begins: Block | None = None,
        keys: Iterable[str] = (),
        save: Save | None = None,
        heard: bool = True,
    ) -> None:
        self.work = work
        self.begins = begins
        # What is no text is no id, and perhaps nothing that a set can hold: `work` tells its caller so.
        self.keys: tuple[str, ...] = tuple(each for each in keys if isinstance(each, str))
        self.save = save
        self.finished: Wakeup = new_wakeup() if heard else UNHEARD
        self.failed: bool = False
        self._decided: dict[str, _Fate] = {}
        self._result: Any = None
        self._error: BaseException | None = None

    def take(self) -> bool:
        """Begin with it, unless it was withdrawn; whether it is to be done."""
        return self._decided.setdefault("fate", _Fate.TAKEN) is _Fate.TAKEN  # in one step: who comes first, decides

    def withdraw(self) -> bool:
        """Take it back, unless it was begun; True when it never will be."""
        return self._decided.setdefault("fate", _Fate.WITHDRAWN) is _Fate.WITHDRAWN

    @property
    def withdrawn(self) -> bool:
        """Whether it was taken back."""
        return self._decided.get("fate") is _Fate.WITHDRAWN

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

    @property
    def error(self) -> BaseException | None:
        """What it has failed with, until somebody was told."""
        return self._error

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


class Block:
    """A transaction block as its owner and its thread share it: what the owner asks for, and how to ring the thread."""

    def __init__(self) -> None:
        self.is_open = False
        self.asked: deque[Job] = deque()
        self.bell: SimpleQueue[Any] = SimpleQueue()


def finish(jobs: Iterable[Job]) -> None:
    """Tell everyone who waits for one of them that it is done."""
    wake(job.finished for job in jobs)


def copied(error: BaseException) -> BaseException:
    """A copy for one of several tasks that get the same error, each with a traceback of its own."""
    try:
        twin = copy.copy(error)
    except Exception:  # not every exception can be copied
        return error
    twin.__cause__ = error.__cause__
    return twin
