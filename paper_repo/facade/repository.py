"""`AsyncSessionRepository`, the async facade over the synchronous core, and `SQLiteSessionRepository`, on a file.

Reading goes to a thread of anyio's, with a connection from the core's pool. Writing and transactions go to the writer's
one thread. What each method promises stands in `interface.py`.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

import anyio

from paper_repo.core.history import by_key
from paper_repo.core.repository import SessionRepository
from paper_repo.core.saves import Save
from paper_repo.domain import EquityPoint, Fill, PaperTradingSession
from paper_repo.domain.selection import Loaded, OnDamage, Selection, SessionFilters, SessionQuery, SessionSummary
from paper_repo.domain.values import Progress
from paper_repo.errors import RepositoryClosedError, TransactionError
from paper_repo.facade.block_ownership import OpenBlock, open_block
from paper_repo.facade.writer import Block, Job, Writer
from paper_repo.interface import IPaperTradingSessionRepository
from paper_repo.storage.address import Address, is_server

if TYPE_CHECKING:
    from paper_repo.reports import CheckReport
    from paper_repo.watching import AsyncSessionChanges

T = TypeVar("T")

READERS = 8
"""How many reads of one event loop run at once; fewer than the core's pool has connections."""


class AsyncSessionRepository(IPaperTradingSessionRepository):
    """The repository for asyncio and trio, over the synchronous core; any number of event loops may use it at once.

    Args:
        core: the repository that does the work, which stays usable by itself, and is closed with the facade; or the
            address of its database, as for `SessionRepository`.
        options: with an address, what else `SessionRepository` takes.
    """

    def __init__(self, core: SessionRepository | Address, **options: Any) -> None:
        if not isinstance(core, SessionRepository):
            core = SessionRepository(core, **options)
        elif options:
            raise TypeError(f"{', '.join(options)}: only with an address; this core has its options already")
        self._core = core
        self._writer = _writer(core)
        self._limiters: weakref.WeakKeyDictionary[Any, anyio.CapacityLimiter] = weakref.WeakKeyDictionary()
        weakref.finalize(self, self._writer.stop).atexit = False

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._core!r})"

    @property
    def core(self) -> SessionRepository:
        """The synchronous repository underneath, for plain calls from threads."""
        return self._core

    async def open(self) -> None:
        await self._read(self._core.open)

    async def close(self) -> None:
        if open_block(self) is not None:
            raise TransactionError("the repository cannot be closed inside an atomic() block; leave the block first")
        job = Job(_nothing)
        thread = self._writer.close(job)
        await self._outcome(job)
        if thread is not None:
            thread.join()  # which has nothing left to do

    async def save(self, session: PaperTradingSession) -> None:
        await self._write(partial(self._core.write, [Save.capture(session)]), session.id)

    async def save_many(self, sessions: Iterable[PaperTradingSession]) -> None:
        saves = Save.capture_many(sessions)
        await self._write(partial(self._core.write, saves), *(each.session.id for each in saves))

    async def get_by_id(self, session_id: str) -> PaperTradingSession | None:
        return await self._read(self._core.get_by_id, session_id)

    async def get_all(self, **query: Unpack[SessionQuery]) -> Loaded[PaperTradingSession]:
        return await self._read(partial(self._core.get_all, **query))

    async def get_active(self, *, errors: OnDamage = "raise") -> Loaded[PaperTradingSession]:
        return await self._read(partial(self._core.get_active, errors=errors))

    async def get_summaries(self, **query: Unpack[SessionQuery]) -> Loaded[SessionSummary]:
        return await self._read(partial(self._core.get_summaries, **query))

    async def iterate(self, **query: Unpack[SessionQuery]) -> AsyncIterator[PaperTradingSession]:
        pages = self._core.pages(Selection.of(query))
        while page := await self._read(next, pages, None):
            for session in page:
                yield session

    async def exists(self, session_id: str) -> bool:
        return await self._read(self._core.exists, session_id)

    async def count(self, **filters: Unpack[SessionFilters]) -> int:
        return await self._read(partial(self._core.count, **filters))

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
        get_fills = partial(self._core.get_fills, symbol=symbol, since=since, until=until, after=after, limit=limit)
        return await self._read(get_fills, session_id)

    async def get_unrecorded(self, session_id: str, fills: Iterable[Fill]) -> list[Fill]:
        return await self._read(self._core.get_unrecorded, session_id, list(by_key(fills).values()))

    async def get_equity_curve(
        self,
        session_id: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        max_points: int | None = None,
    ) -> list[EquityPoint]:
        get_equity_curve = partial(self._core.get_equity_curve, since=since, until=until, max_points=max_points)
        return await self._read(get_equity_curve, session_id)

    async def delete(self, session_id: str) -> bool:
        return await self._write(partial(self._core.delete, session_id), session_id)

    async def delete_many(self, **filters: Unpack[SessionFilters]) -> int:
        return await self._write(partial(self._core.delete_many, **filters))

    async def claim(self, session_id: str, owner: str, ttl: float) -> PaperTradingSession | None:
        return await self._write(partial(self._core.claim, session_id, owner, ttl), session_id)

    async def renew(self, session_id: str, owner: str, ttl: float) -> None:
        await self._write(partial(self._core.renew, session_id, owner, ttl), session_id)

    async def release(self, session_id: str, owner: str) -> bool:
        return await self._write(partial(self._core.release, session_id, owner), session_id)

    async def claim_active(self, owner: str, ttl: float, limit: int | None = None) -> list[PaperTradingSession]:
        return await self._write(partial(self._core.claim_active, owner, ttl, limit))

    async def backup(
        self, target: str | os.PathLike[str], *, overwrite: bool = False, progress: Progress | None = None
    ) -> None:
        await self._read(partial(self._core.backup, target, overwrite=overwrite, progress=progress))

    async def check(self) -> CheckReport:
        return await self._read(self._core.check)

    def atomic(self) -> AbstractAsyncContextManager[None]:
        return _Block(self)

    def watch(
        self, *, after: int | None = None, timeout: float | None = None, poll_interval: float = 0.1
    ) -> AsyncSessionChanges:
        from paper_repo.watching import AsyncSessionChanges  # which a program that only saves needs not wait for

        changes = self._core.watch(after=after, timeout=timeout, poll_interval=poll_interval)
        return AsyncSessionChanges(changes, self._run)

    # How work reaches a thread

    async def _run(self, work: Callable[..., T], *args: Any) -> T:
        """The result of `work` on a thread of anyio's, whatever transaction is open."""
        from anyio.to_thread import run_sync  # which is there where an event loop runs, and takes long before

        return await run_sync(work, *args, limiter=self._limiter())

    async def _read(self, work: Callable[..., T], *args: Any) -> T:
        """The result of `work`, which only reads: on the writer's thread inside a block, else on one of anyio's."""
        block = open_block(self)
        if block is not None:
            return await self._do_in_block(block, partial(work, *args))
        return await self._run(work, *args)

    async def _write(self, work: Callable[[], T], *session_ids: str) -> T:
        """The result of `work` on the writer's thread: in the open block, or in a transaction with what else waits."""
        block = open_block(self)
        if block is not None:
            return await self._do_in_block(block, work)
        job = self._writer.submit(Job(work, keys=session_ids))
        return await self._outcome(job)  # type: ignore[no-any-return]

    async def _do_in_block(self, block: OpenBlock, work: Callable[[], T]) -> T:
        job = self._writer.submit_to_block(block.transaction, Job(work))
        return await self._outcome(job)  # type: ignore[no-any-return]

    async def _outcome(self, job: Job) -> Any:
        """What came of `job`. A cancellation takes it out if it waits still; one that was begun is seen through."""
        try:
            await job.finished.wait()
        except BaseException as error:
            if not self._writer.withdraw(job) and _may_wait(error):
                await job.finished.wait_uncancelled()
            raise
        return job.outcome()

    def _limiter(self) -> anyio.CapacityLimiter:
        """The limiter for the running event loop: anyio's belong to one each."""
        from anyio.lowlevel import current_token  # which is there where an event loop runs, and takes long before

        loop = current_token().native_token
        limiter = self._limiters.get(loop)
        if limiter is None:
            limiter = self._limiters[loop] = anyio.CapacityLimiter(READERS)
        return limiter


class SQLiteSessionRepository(AsyncSessionRepository):
    """The async repository on an SQLite file; arguments as for `SessionRepository`, which see."""

    def __init__(
        self,
        path: Address,
        *,
        durability: str = "full",
        busy_timeout: float = 5.0,
        upgrade: str = "auto",
        passphrase: str | None = None,
        journal: str = "wal",
    ) -> None:
        if is_server(path):
            raise ValueError("this is the address of a server; for that there is AsyncSessionRepository(address)")
        core = SessionRepository(
            path,
            durability=durability,
            busy_timeout=busy_timeout,
            upgrade=upgrade,
            passphrase=passphrase,
            journal=journal,
        )
        super().__init__(core)


class _Block(AbstractAsyncContextManager[None]):
    """One `async with repository.atomic()`: what it posts to the writer, and what it waits for."""

    def __init__(self, repository: AsyncSessionRepository) -> None:
        self._repository = repository
        self._writer = repository._writer

    async def __aenter__(self) -> None:
        outer = open_block(self._repository)
        self._transaction: Block = Block() if outer is None else outer.transaction
        if outer is None:
            job = self._writer.submit(Job(self._writer.enter, begins=self._transaction))
        else:
            job = self._writer.submit_to_block(self._transaction, Job(self._writer.enter))
        try:
            await self._repository._outcome(job)
        except BaseException as error:
            end = self._writer.give_up(self._transaction, job, heard=_may_wait(error))
            if end is not None and _may_wait(error):
                await end.finished.wait_uncancelled()
            raise
        self._block = OpenBlock(self._repository, self._transaction)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._block.end()
        thrown_away = isinstance(error, GeneratorExit)
        end = self._writer.commit if error is None else self._writer.roll_back
        try:
            job = self._writer.submit_to_block(self._transaction, Job(end, heard=not thrown_away))
        except RepositoryClosedError:
            if error is None:
                raise
            return
        if thrown_away:
            return
        try:
            await job.finished.wait()
        except BaseException as interruption:
            if _may_wait(interruption):
                await job.finished.wait_uncancelled()
            raise
        job.outcome()


def _writer(core: SessionRepository) -> Writer:
    if core._writers == 1:
        return Writer(core, core.busy_timeout)
    from paper_repo.facade.parallel_writer import ParallelWriter  # for servers, which most programs have none of

    return ParallelWriter(core, core.busy_timeout)


def _may_wait(error: BaseException) -> bool:
    """Whether a task that `error` interrupts may wait for something first; one that is thrown away may not."""
    return not isinstance(error, GeneratorExit) and isinstance(error, anyio.get_cancelled_exc_class())


def _nothing() -> None:
    pass
