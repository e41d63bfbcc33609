"""`ThreadedRepository`: a synchronous repository behind the async interface, so that one contract serves both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, AbstractContextManager, suppress
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Any, TypeVar, cast

import anyio

from paper_repo.domain import PaperTradingSession
from paper_repo.domain.selection import OnDamage, OrderBy, StatusFilter
from paper_repo.facade.block_ownership import OpenBlock, open_block
from paper_repo.facade.delegating import DelegatingRepository
from paper_repo.facade.wakeup import new_wakeup, wake
from paper_repo.watching import AsyncSessionChanges

T = TypeVar("T")


class ThreadedRepository(DelegatingRepository):
    """Runs the calls of `core` in threads: each by itself, an `atomic` block from its begin to its end in one.

    It is made for tests, and takes its time. For a program there is `AsyncSessionRepository`.

    Args:
        core: an object with the methods of `SessionRepository`: those of the interface without `async`, and `atomic`
            as a plain context manager that belongs to the thread that enters it.
    """

    def __init__(self, core: Any) -> None:
        self._core = core

    async def open(self) -> None:
        await self._call(self._core.open)

    async def close(self) -> None:
        await self._call(self._core.close)

    async def save(self, session: PaperTradingSession) -> None:
        await self._call(self._core.save, session)

    async def save_many(self, sessions: Iterable[PaperTradingSession]) -> None:
        await self._call(self._core.save_many, sessions)

    async def iterate(
        self,
        *,
        status: StatusFilter = None,
        strategy: str | None = None,
        symbol: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        order_by: OrderBy = "created_at",
        descending: bool = False,
        limit: int | None = None,
        offset: int = 0,
        errors: OnDamage = "raise",
    ) -> AsyncIterator[PaperTradingSession]:
        sessions = self._core.iterate(
            status=status,
            strategy=strategy,
            symbol=symbol,
            since=since,
            until=until,
            order_by=order_by,
            descending=descending,
            limit=limit,
            offset=offset,
            errors=errors,
        )
        while (session := await self._call(next, sessions, None)) is not None:
            yield session

    def atomic(self) -> AbstractAsyncContextManager[None]:
        return _Block(self)

    def watch(
        self, *, after: int | None = None, timeout: float | None = None, poll_interval: float = 0.1
    ) -> AsyncSessionChanges:
        changes = self._core.watch(after=after, timeout=timeout, poll_interval=poll_interval)
        return AsyncSessionChanges(changes, self._call)

    async def _read(self, work: Callable[..., T], *args: Any) -> T:
        return cast(T, await self._call(work, *args))

    async def _write(self, work: Callable[[], T], *session_ids: str) -> T:
        return cast(T, await self._call(work))

    async def _call(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """What `method` returns: from the thread of the present task's block, or from one for this call alone."""
        block = open_block(self)
        if block is not None:
            return await block.transaction.begin(partial(method, *args, **kwargs)).result()
        thread = _Thread()
        call = thread.begin(partial(method, *args, **kwargs))
        thread.end()
        return await call.result()


class _Block(AbstractAsyncContextManager[None]):
    """One `async with repository.atomic()`."""

    def __init__(self, repository: ThreadedRepository) -> None:
        self._repository = repository
        self._block: AbstractContextManager[None] = repository._core.atomic()

    async def __aenter__(self) -> None:
        outer = open_block(self._repository)
        self._nested = outer is not None
        self._thread: _Thread = _Thread() if outer is None else outer.transaction
        entering = self._thread.begin(self._block.__enter__)
        try:
            await entering.result()
        except BaseException:
            if entering.succeeded:  # only the wait was cancelled
                await self._end(self._roll_back).seen_through()
            else:
                self._end_thread()
            raise
        self._open = OpenBlock(self._repository, self._thread)
        self._open.begin()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._open.end()
        await self._end(self._commit if error is None else self._roll_back).result()

    def _end(self, how: Callable[[], None]) -> _Call:
        """Begin to end the block; no cancellation can come between."""
        ending = self._thread.begin(how)
        self._end_thread()
        return ending

    def _end_thread(self) -> None:
        if not self._nested:
            self._thread.end()

    def _commit(self) -> None:
        self._block.__exit__(None, None, None)

    def _roll_back(self) -> None:
        with suppress(_RollBack):
            self._block.__exit__(_RollBack, _RollBack(), None)


class _Thread:
    """A thread that does one call after another."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="paper_repo.testing")

    def begin(self, work: Callable[[], Any]) -> _Call:
        """Have `work` done after what was asked for before."""
        return _Call(self._executor.submit(work))

    def end(self) -> None:
        """Let the thread end when it has done everything."""
        self._executor.shutdown(wait=False)


class _Call:
    """Something that a thread does for a task."""

    def __init__(self, future: Future[Any]) -> None:
        self._future = future
        self._finished = new_wakeup()
        future.add_done_callback(lambda _: wake([self._finished]))

    @property
    def succeeded(self) -> bool:
        """Whether it was done without an error."""
        return self._future.exception() is None

    async def result(self) -> Any:
        """What came of it. It is always waited for: a cancelled task does not leave it running behind its back."""
        try:
            await self._finished.wait()
        except anyio.get_cancelled_exc_class():
            await self._finished.wait_uncancelled()
            raise
        return self._future.result()

    async def seen_through(self) -> None:
        """Wait until it is done, whatever comes of it and whatever is cancelled."""
        await self._finished.wait_uncancelled()


class _RollBack(Exception):  # noqa: N818
    """What a block is left with when it is to be rolled back."""
