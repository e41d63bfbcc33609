"""`ThreadedRepository`: a synchronous repository behind the async interface, so that one contract serves both."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, AbstractContextManager, suppress
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Any, Unpack

import anyio

from paper_repo.domain import EquityPoint, Fill, PaperTradingSession
from paper_repo.domain.selection import Loaded, OnDamage, SessionFilters, SessionQuery, SessionSummary
from paper_repo.domain.values import Progress
from paper_repo.facade.block_ownership import OpenBlock, open_block
from paper_repo.facade.wakeup import new_wakeup, wake
from paper_repo.interface import IPaperTradingSessionRepository
from paper_repo.reports import CheckReport
from paper_repo.watching import AsyncSessionChanges


class ThreadedRepository(IPaperTradingSessionRepository):
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

    async def get_by_id(self, session_id: str) -> PaperTradingSession | None:
        found: PaperTradingSession | None = await self._call(self._core.get_by_id, session_id)
        return found

    async def get_all(self, **query: Unpack[SessionQuery]) -> Loaded[PaperTradingSession]:
        found: Loaded[PaperTradingSession] = await self._call(self._core.get_all, **query)
        return found

    async def get_active(self, *, errors: OnDamage = "raise") -> Loaded[PaperTradingSession]:
        found: Loaded[PaperTradingSession] = await self._call(self._core.get_active, errors=errors)
        return found

    async def get_summaries(self, **query: Unpack[SessionQuery]) -> Loaded[SessionSummary]:
        found: Loaded[SessionSummary] = await self._call(self._core.get_summaries, **query)
        return found

    async def iterate(self, **query: Unpack[SessionQuery]) -> AsyncIterator[PaperTradingSession]:
        sessions = self._core.iterate(**query)
        while (session := await self._call(next, sessions, None)) is not None:
            yield session

    async def backup(
        self, target: str | os.PathLike[str], *, overwrite: bool = False, progress: Progress | None = None
    ) -> None:
        await self._call(self._core.backup, target, overwrite=overwrite, progress=progress)

    async def check(self) -> CheckReport:
        report: CheckReport = await self._call(self._core.check)
        return report

    async def exists(self, session_id: str) -> bool:
        found: bool = await self._call(self._core.exists, session_id)
        return found

    async def count(self, **filters: Unpack[SessionFilters]) -> int:
        number: int = await self._call(self._core.count, **filters)
        return number

    async def get_fills(
        self,
        session_id: str,
        *,
        symbol: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after: int | str | Fill = 0,
        limit: int | None = None,
    ) -> list[Fill]:
        which = {"symbol": symbol, "since": since, "until": until, "after": after, "limit": limit}
        found: list[Fill] = await self._call(self._core.get_fills, session_id, **which)
        return found

    async def get_unrecorded(self, session_id: str, fills: Iterable[Fill]) -> list[Fill]:
        found: list[Fill] = await self._call(self._core.get_unrecorded, session_id, fills)
        return found

    async def get_equity_curve(
        self,
        session_id: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        max_points: int | None = None,
    ) -> list[EquityPoint]:
        which = {"since": since, "until": until, "max_points": max_points}
        found: list[EquityPoint] = await self._call(self._core.get_equity_curve, session_id, **which)
        return found

    async def delete(self, session_id: str) -> bool:
        found: bool = await self._call(self._core.delete, session_id)
        return found

    async def delete_many(self, **filters: Unpack[SessionFilters]) -> int:
        number: int = await self._call(self._core.delete_many, **filters)
        return number

    async def claim(self, session_id: str, owner: str, ttl: float) -> PaperTradingSession | None:
        found: PaperTradingSession | None = await self._call(self._core.claim, session_id, owner, ttl)
        return found

    async def renew(self, session_id: str, owner: str, ttl: float) -> None:
        await self._call(self._core.renew, session_id, owner, ttl)

    async def release(self, session_id: str, owner: str) -> bool:
        found: bool = await self._call(self._core.release, session_id, owner)
        return found

    async def claim_active(self, owner: str, ttl: float, limit: int | None = None) -> list[PaperTradingSession]:
        found: list[PaperTradingSession] = await self._call(self._core.claim_active, owner, ttl, limit)
        return found

    def atomic(self) -> AbstractAsyncContextManager[None]:
        return _Block(self)

    def watch(
        self, *, after: int | None = None, timeout: float | None = None, poll_interval: float = 0.1
    ) -> AsyncSessionChanges:
        changes = self._core.watch(after=after, timeout=timeout, poll_interval=poll_interval)
        return AsyncSessionChanges(changes, self._call)

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
