"""Work that is done whole or not at all: in a transaction of its own, or in a part of the open one."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any, TypeVar

from paper_repo.storage.base import Storage
from paper_repo.storage.errors import TurnedBackError
from paper_repo.storage.transactions import Block

T = TypeVar("T")

_LONGEST_PAUSE = 0.1
"""Between two attempts at a transaction, in seconds."""


class AllOrNothing:
    """Runs work in the transactions of one database."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def is_single_statement(self) -> bool:
        """Whether one statement is all or nothing by itself now, and needs no transaction, and no part of one."""
        storage = self._storage
        storage.require_same_task()
        return storage.in_transaction() and not storage.errors_end_transactions and not storage.is_working()

    def alone(self, work: Callable[..., T], *args: Any, begins_late: bool = False) -> T:
        """The result of `work`, done whole or not at all: in a part of the open transaction, or in one of its own.

        One of its own is done again when the database has turned it back because of another one; the caller's objects
        are as before by then.
        """
        pause, give_up = 0.001, 0.0
        while True:
            try:
                return self._in_transaction(Block(is_call=True, begins_late=begins_late), work, *args)
            except TurnedBackError:
                give_up = give_up or time.monotonic() + self._storage.busy_timeout
                if self._storage.in_transaction() or time.monotonic() > give_up:
                    raise
            time.sleep(random.uniform(0, pause))  # the others, which do the same, shall not meet it again
            pause = min(2 * pause, _LONGEST_PAUSE)

    def inside(self, work: Callable[..., T], *args: Any) -> T:
        """The result of `work`, done whole or not at all, as a part of what `alone` does."""
        return self._in_transaction(Block(is_call=True, is_inner=True), work, *args)

    def _in_transaction(self, block: Block, work: Callable[..., T], *args: Any) -> T:
        try:
            try:
                self._storage.begin(block)
                result = work(*args)
                self._storage.commit(block)
                return result
            except BaseException:
                self._storage.roll_back(block)
                raise
        except BaseException:  # Ctrl-C may have interrupted that; what it has done is not done again
            self._storage.roll_back(block)
            raise
