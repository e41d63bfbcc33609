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
from paper_repo.memory import InMemorySessionRepository
from paper_repo.storage.running_task import TaskGuard
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
        self._memory.__reduce_ex__(protocol)

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
        self._turn: _ThreadTurn = _ThreadTurn(busy_timeout)  # type: ignore[assignment]

    def _is_inside(self) -> bool:
        return self._turn.is_mine()

    def _open_block(self) -> OpenBlock:
        return _NO_BLOCK

    async def _pause(self) -> None:
        pass

    async def _work(self, work: Callable[..., None], *args: Any) -> None:
        work(*args)


class _ThreadTurn:
    """Whose turn it is to write, among threads."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._lock = threading.Lock()  # may be released by another thread: a block may be left in one
        self._owner: int | None = None
        self._task = TaskGuard()

    def is_mine(self) -> bool:
        """Whether it is that of the present thread; a task that meets another one's block there is refused."""
        mine = self._owner == threading.get_ident()
        if mine:
            self._task.require_same_task()
        return mine

    async def take(self) -> None:
        if not self._lock.acquire(timeout=self._patience):
            raise BusyError(
                f"another thread's transaction was open for longer than the busy timeout ({self._patience:g} s); "
                "repeat the call, or keep transactions shorter"
            )
        self._task.begun()
        self._owner = threading.get_ident()

    def pass_on(self) -> None:
        self._owner = None
        self._lock.release()


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
    """One `with repository.atomic()`."""

    def __init__(self, memory: _Memory) -> None:
        self._block = memory.atomic()

    def __enter__(self) -> None:
        _finish(self._block.__aenter__())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _finish(self._block.__aexit__(kind, error, traceback))


def _finish(coroutine: Any) -> Any:
    """What a coroutine returns that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as finished:
        return finished.value
    coroutine.close()
    raise AssertionError(f"{coroutine!r} waits for an event loop")


def _blocking(name: str) -> Callable[..., Any]:
    """The method of this name, as `SessionRepository` describes it."""

    @functools.wraps(getattr(SessionRepository, name))
    def method(self: SyncInMemorySessionRepository, *args: Any, **kwargs: Any) -> Any:
        return _finish(getattr(self._memory, name)(*args, **kwargs))

    return method


for _name in IPaperTradingSessionRepository.__abstractmethods__ - ITSELF:
    setattr(SyncInMemorySessionRepository, _name, _blocking(_name))
for _name in ITSELF:
    functools.update_wrapper(vars(SyncInMemorySessionRepository)[_name], getattr(SessionRepository, _name))
