"""What one of the writer's threads owns: the bell that wakes it, and the transaction that is open in it.

A transaction block has its thread to itself from BEGIN to its end. Blocks inside of it are savepoints of its
transaction; each is known by an object of its owner, by which the end of a block finds what it has begun.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from queue import SimpleQueue
from typing import Any

from paper_repo.facade.jobs import Block
from paper_repo.storage.base import Storage

Part = object
"""What a block, or a block inside of it, is known by."""


class Worker:
    """One of the threads."""

    def __init__(self) -> None:
        self.bell: SimpleQueue[Any] = SimpleQueue()
        self.block: Block | None = None
        """The block that the thread is in."""
        self.open: list[tuple[Part, AbstractContextManager[None]]] = []
        """What is open in the database, the innermost part last."""

    def enter(self, storage: Storage, part: Part) -> None:
        """Open a transaction, or a savepoint in the open one."""
        block = storage.atomic()
        block.__enter__()
        self.open.append((part, block))

    def leave(self, part: Part, *, commit: bool) -> None:
        """Commit what `enter` has opened, or roll it back; nothing, if that has been done.

        Blocks that are still open inside of it were abandoned, and are rolled back.
        """
        if all(each is not part for each, _ in self.open):
            return
        while self.open[-1][0] is not part:
            self._roll_back()
        if commit:
            self.open.pop()[1].__exit__(None, None, None)
        else:
            self._roll_back()

    def roll_back_all(self) -> None:
        """Roll back everything that is open, whatever errors come."""
        while self.open:
            attempt(self._roll_back)

    def _roll_back(self) -> None:
        """Roll back the innermost open part."""
        with suppress(_RollBack):
            self.open.pop()[1].__exit__(_RollBack, _RollBack(), None)


class _RollBack(Exception):  # noqa: N818
    """What a block is left with when its owner wants it rolled back."""


def attempt(work: Callable[[], object]) -> BaseException | None:
    """What `work` has raised, or None."""
    try:
        work()
    except BaseException as error:
        return error
    return None
