"""Which task a transaction block belongs to, and whether the present one may use it.

A task sees the blocks that were open around it when it was started, because context variables are inherited. That is
how a task started inside a block is recognised; only the task that opened the block may go on inside it. When that task
has ended and the block has not, the next one that uses it takes its place: pytest plugins run what a fixture does
before its `yield`, the test, and the rest of the fixture in a task each.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

from paper_repo.errors import TransactionOwnershipError
from paper_repo.storage.running_task import has_ended, running_task

_blocks: ContextVar[Mapping[int, OpenBlock]] = ContextVar("paper_repo_open_blocks", default=MappingProxyType({}))


class OpenBlock:
    """An `atomic` block of one repository, around the present task or one that it was started from.

    `transaction` is whatever the repository tells it by, and `outer` the block of the same repository around it.
    """

    def __init__(self, repository: object, transaction: Any = None) -> None:
        self.transaction = transaction
        self._repository = repository  # kept, so that no other one gets the same id
        self._owner = weakref.ref(running_task())
        self.outer: OpenBlock | None = _blocks.get().get(id(repository))
        self.ended: bool = False

    def begin(self) -> None:
        """Let the present task, and those that it starts, be inside of it until `end`."""
        _blocks.set({**_blocks.get(), id(self._repository): self})

    def end(self) -> None:
        """Forget it; a task that was started inside and outlives it works normally from now on."""
        self.ended = True
        blocks, key = _blocks.get(), id(self._repository)
        if blocks.get(key) is self:  # else it ends in another task, such as the one that closes a generator
            others = {other: block for other, block in blocks.items() if other != key}
            _blocks.set(others if self.outer is None else {**others, key: self.outer})

    def require_owner(self) -> None:
        """Raise a `TransactionOwnershipError` unless the present task opened it, or the one that did has ended."""
        owner, task = self._owner(), running_task()
        if owner is not task:
            if owner is not None and not has_ended(owner):
                raise TransactionOwnershipError(
                    "this task was started inside an atomic() block of another task, which is still open, and so may "
                    "not use the repository: start it after the block, or do this in the task that opened it "
                    "(asyncio.gather, asyncio.shield and, on Python 3.11, asyncio.wait_for start tasks; "
                    "asyncio.timeout and anyio.fail_after do not)"
                )
            self._owner = weakref.ref(task)


def open_block(repository: object) -> OpenBlock | None:
    """The innermost open block of `repository` that the present task owns, or None.

    Raises:
        TransactionOwnershipError: there is one, and it belongs to another task.
    """
    block = _blocks.get().get(id(repository))
    while block is not None and block.ended:
        block = block.outer
    if block is not None:
        block.require_owner()
    return block
