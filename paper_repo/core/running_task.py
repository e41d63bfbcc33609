"""The task of asyncio or trio that runs in this thread.

It is told by the object itself: `id(task)`, which anyio gives, soon belongs to another one.
"""

from __future__ import annotations

import sys
from typing import Any


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
