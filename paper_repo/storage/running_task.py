"""The task of asyncio or trio that runs in this thread.

It is told by the object itself: `id(task)`, which anyio gives, soon belongs to another one.
"""

from __future__ import annotations

import sys
import weakref
from typing import Any

from paper_repo.errors import TransactionOwnershipError


def running_task() -> Any | None:
    """The task that runs in this thread now; None where none does, as in a plain thread."""
    # A loop whose library nobody has imported does not run; importing one takes long.
    for library in (sys.modules.get("asyncio"), sys.modules.get("trio.lowlevel")):
        try:
            task = None if library is None else library.current_task()
        except (RuntimeError, AttributeError):  # no loop of its here, or another thread is importing it just now
            continue
        if task is not None:  # else another kind of loop may run inside of asyncio's, as a guest
            return task
    return None


def has_ended(task: Any) -> bool:
    """Whether this task of asyncio or trio will never go on."""
    if hasattr(task, "done"):
        return bool(task.done())
    return getattr(task.coro, "cr_frame", task) is None


class TaskGuard:
    """The task that began a thread's transaction by plain calls: while it waits for something, others run there."""

    def __init__(self) -> None:
        self._task: weakref.ref[Any] | None = None

    def begun(self) -> None:
        """Remember the running task; in a plain thread there is none."""
        task = running_task()
        self._task = None if task is None else weakref.ref(task)

    def require_same_task(self) -> None:
        """Refuse what another task does, unless the first one has ended.

        Raises:
            TransactionOwnershipError: it would become a part of the transaction and be undone with it, or see what may
                be undone.
        """
        owner = None if self._task is None else self._task()
        if owner is not None and owner is not running_task() and not has_ended(owner):
            raise TransactionOwnershipError(
                "another task has a plain atomic() block of this repository open in this thread, and waits for "
                "something inside of it: `with repository.atomic()` must not be held across an await; use "
                "`async with` on an AsyncSessionRepository, or leave the block first"
            )
