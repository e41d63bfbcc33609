"""`SyncInMemorySessionRepository`: the in-memory repository with blocking calls, for unit tests.

The logic is that of `InMemorySessionRepository`. Its coroutines wait for nothing once a block is opened with a lock
instead of a task's turn, so each runs to its end in the caller's thread, without an event loop. The methods are made
from the names of the interface, with the signatures and docstrings of `SessionRepository`.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, NoReturn

from paper_repo.core.repository import SessionRepository
from paper_repo.domain import PaperTradingSession
from paper_repo.errors import BusyError
from paper_repo.facade.block_ownership import OpenBlock
from paper_repo.interface import IPaperTradingSessionRepository
from paper_repo.memory.repository import Block, InMemorySessionRepository, stays_here
from paper_repo.storage.running_task import TaskGuard
from paper_repo.storage.slots import Hold, Slots
from paper_repo.watching import SessionChanges

ITSELF = {"atomic", "iterate", "watch"}
"""The methods that are no coroutines, and so are written out below."""


class SyncInMemorySessionRepository(SessionRepository):
    """Keeps paper-trading sessions in memory, with the versions, transactions and errors of a database. For unit tests.

    It has the methods of `SessionRepository` and takes its place in a program that is tested, from any number of
    threads. Whatever needs a database, such as `copy_sessions` and `paper_repo.frames`, refuses it: use a file in a
    temporary folder there.

    Args:
        busy_timeout: how long to wait for another thread's transaction before `BusyError`, in seconds.
    """

    def __init__(self, *, busy_timeout: float = 5.0) -> None:
        self._memory = _Memory(busy_timeout)

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(
            f"a {type(self).__name__} has no {name!r}, which belongs to a database: use SessionRepository on a file in "
            "a temporary folder"
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise stays_here(self)

    def iterate(self, **filters: Any) -> Iterator[PaperTradingSession]:
        yield from self.get_all(**filters)

    def atomic(self) -> AbstractContextManager[None]:
        return _SyncBlock(self._memory)

    def watch(
        self, *, after: int | None = None, timeout: float | None = None, poll_interval: float = 0.1
    ) -> SessionChanges:
        return SessionChanges(self._memory._open_feed, after, timeout, poll_interval)


class _Memory(InMemorySessionRepository):
    """The in-memory repository whose coroutines never wait for an event loop: threads take turns by a lock."""

    def __init__(self, busy_timeout: float) -> None:
        super().__init__(busy_timeout=busy_timeout)
        self._begun = _Begun()
        self._turn: _ThreadTurn = _ThreadTurn(busy_timeout)  # type: ignore[assignment]

    def _is_inside(self) -> bool:
        return self._turn.is_mine()

    def _open_block(self) -> OpenBlock:
        return _NO_BLOCK

    def atomic(self) -> Block:
        block = Block(self)
        self._begun.blocks.append(block)
        return block

    def finish(self, work: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """What the coroutine `work` returns, which waits for nothing.

        After an exception no block is open that it has begun: one such as Ctrl-C may come before its `__aexit__` does.
        """
        blocks = self._begun.blocks
        start = len(blocks)
        try:
            work(*args, **options).send(None)
        except StopIteration as finished:
            return finished.value
        except BaseException:
            for block in reversed(blocks[start:]):
                block.end(commit=False)
            raise
        finally:
            del blocks[start:]
        raise AssertionError(f"{work} waits for an event loop")

    async def _pause(self) -> None:
        pass

    async def _work(self, work: Callable[..., None], *args: Any) -> None:
        work(*args)


class _Begun(threading.local):
    """The blocks that the calls which are under way in this thread have begun."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []


class _ThreadTurn:
    """Whose turn it is to write, among threads; a block may be left in another thread than it was entered in."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._turn = Slots(1)
        self._task = TaskGuard()

    def is_mine(self) -> bool:
        """Whether it is that of the present thread; a task that meets another one's block there is refused."""
        mine = self._turn.has_thread(threading.get_ident())
        if mine:
            self._task.require_same_task()
        return mine

    def new(self) -> Hold:
        """The token with which a block asks for the turn."""
        return Hold()

    async def take(self, me: Hold) -> None:
        """Wait for the turn; it is the caller's until `pass_on`."""
        me.thread = threading.get_ident()
        if not self._turn.take(me, self._patience):
            raise BusyError(
                f"another thread's transaction was open for longer than the busy timeout ({self._patience:g} s); "
                "repeat the call, or keep transactions shorter"
            )
        self._task.begun()

    def pass_on(self, me: Hold) -> None:
        """Let the next one write, if the turn is the caller's."""
        self._turn.give_back(me)


class _NoBlock(OpenBlock):
    """A thread's turn tells whose block it is."""

    def __init__(self) -> None:
        pass

    def begin(self) -> None:
        pass

    def end(self) -> None:
        pass


_NO_BLOCK = _NoBlock()


class _SyncBlock(AbstractContextManager[None]):
    """One `with repository.atomic()`; one that is thrown away before it was left is rolled back."""

    def __init__(self, memory: _Memory) -> None:
        self._memory = memory
        self._block = Block(memory)

    def __enter__(self) -> None:
        try:
            self._memory.finish(self._block.__aenter__)
        except BaseException:  # such as Ctrl-C, just after it was entered
            self._block.end(commit=False)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._block.end(commit=error is None)

    def __del__(self) -> None:
        if "_block" in vars(self):  # else it was interrupted when it was made
            self._block.end(commit=False)


def _blocking(name: str) -> Callable[..., Any]:
    """The method of this name, as `SessionRepository` describes it."""

    @functools.wraps(getattr(SessionRepository, name))
    def method(self: SyncInMemorySessionRepository, *args: Any, **kwargs: Any) -> Any:
        return self._memory.finish(getattr(self._memory, name), *args, **kwargs)

    return method


for _name in IPaperTradingSessionRepository.__abstractmethods__ - ITSELF:
    setattr(SyncInMemorySessionRepository, _name, _blocking(_name))
for _name in ITSELF:
    functools.update_wrapper(vars(SyncInMemorySessionRepository)[_name], getattr(SessionRepository, _name))
