"""`AsyncSessionRepository`, the async facade over the synchronous core, and `SQLiteSessionRepository`, on a file.

Reads run on anyio's threads, with connections from the core's pool. Writes and transactions run on the writer's thread.
`interface.py` documents what each method promises.
"""

from __future__ import annotations

import weakref
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import anyio

from paper_repo.core.repository import SessionRepository, internals_of
from paper_repo.core.saves import Save
from paper_repo.domain import PaperTradingSession
from paper_repo.domain.selection import OnDamage, OrderBy, Selection, StatusFilter
from paper_repo.errors import RepositoryClosedError, TransactionError
from paper_repo.facade.block_ownership import OpenBlock, open_block
from paper_repo.facade.delegating import DelegatingRepository
from paper_repo.facade.jobs import Block, Job
from paper_repo.facade.writer import Writer, out_of_threads
from paper_repo.storage.address import Address, is_server
from paper_repo.storage.options import Durability, Journal, Upgrade

if TYPE_CHECKING:
    from paper_repo.watching import AsyncSessionChanges

T = TypeVar("T")

READERS = 8
"""How many reads of one event loop run at once; fewer than the core's pool has connections."""


class AsyncSessionRepository(DelegatingRepository):
    """Saves and loads paper-trading sessions with awaitable calls, on asyncio and trio.

    One object serves any number of tasks and event loops at once. Nothing is opened before the first call. Use it as an
    async context manager, or call `close`.

    Args:
        core: the path or URL of a database, as for `SessionRepository`; or a `SessionRepository`, which stays usable by
            itself and is closed together with this one.
        durability: as for `SessionRepository`; like all other options only with a path or URL.
        busy_timeout: as for `SessionRepository`, in seconds.
        upgrade: as for `SessionRepository`.
        passphrase: as for `SessionRepository`.
        journal: as for `SessionRepository`.
    """

    _core: SessionRepository

    def __init__(
        self,
        core: SessionRepository | Address,
        *,
        durability: Durability = "full",
        busy_timeout: float = 5.0,
        upgrade: Upgrade = "auto",
        passphrase: str | None = None,
        journal: Journal = "wal",
    ) -> None:
        if not isinstance(core, SessionRepository):
            core = SessionRepository(
                core,
                durability=durability,
                busy_timeout=busy_timeout,
                upgrade=upgrade,
                passphrase=passphrase,
                journal=journal,
            )
        elif (durability, busy_timeout, upgrade, passphrase, journal) != ("full", 5.0, "auto", None, "wal"):
            raise TypeError("options go with a path or URL; this SessionRepository has been given its own already")
        self._core = core
        self._sessions = internals_of(core)
        self._writer = Writer(self._sessions, core.busy_timeout)
        self._limiters: weakref.WeakKeyDictionary[Any, anyio.CapacityLimiter] = weakref.WeakKeyDictionary()
        weakref.finalize(self, self._writer.stop).atexit = False

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._core!r})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(
            f"{self!r} cannot be copied or sent to another process: send its address, and open a repository of its "
            "own there"
        )

    @property
    def core(self) -> SessionRepository:
        """The synchronous repository beneath this one, for blocking calls from threads."""
        return self._core

    async def open(self) -> None:
        await self._read(self._core.open)

    async def close(self) -> None:
        if open_block(self) is not None:
            raise TransactionError("the repository cannot be closed inside an atomic() block; leave the block first")
        await self._outcome(self._writer.close, Job(_nothing))
        self._writer.join()  # the threads have nothing left to do

    async def save(self, session: PaperTradingSession) -> None:
        save = Save.capture(session)
        work, block = partial(self._sessions.write, [save]), open_block(self)
        if block is not None:
            await self._do_in_block(block, work)
        else:
            await self._outcome(self._writer.submit, Job(work, keys=[session.id], save=save))

    async def save_many(self, sessions: Iterable[PaperTradingSession]) -> None:
        saves = Save.capture_many(sessions)
        await self._write(partial(self._sessions.write, saves), *(each.session.id for each in saves))

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
        pages = self._sessions.lists.pages(
            Selection.of(
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
        )
        while page := await self._read(lambda: list(next(pages, ()))):
            for session in page:
                yield session

    def atomic(self) -> AbstractAsyncContextManager[None]:
        return _Block(self)

    def watch(
        self, *, after: int | None = None, timeout: float | None = None, poll_interval: float = 0.1
    ) -> AsyncSessionChanges:
        from paper_repo.watching import AsyncSessionChanges  # imported lazily: most programs never watch

        changes = self._core.watch(after=after, timeout=timeout, poll_interval=poll_interval)
        return AsyncSessionChanges(changes, self._run)

    # How work reaches a thread

    async def _run(self, work: Callable[..., T], *args: Any) -> T:
        """The result of `work` on a thread of anyio's, whatever transaction is open."""
        from anyio.to_thread import run_sync  # which is there where an event loop runs, and takes long before

        try:
            return await run_sync(work, *args, limiter=self._limiter())
        except RuntimeError as error:
            if "start new thread" in str(error):
                raise out_of_threads(error) from error
            raise

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
        return await self._outcome(self._writer.submit, Job(work, keys=session_ids))  # type: ignore[no-any-return]

    async def _do_in_block(self, block: OpenBlock, work: Callable[[], T]) -> T:
        submit = partial(self._writer.submit_to_block, block.transaction)
        return await self._outcome(submit, Job(work))  # type: ignore[no-any-return]

    async def _outcome(self, submit: Callable[[Job], None], job: Job) -> Any:
        """What came of `job`. A cancellation takes it out if it waits still; one that was begun is seen through."""
        try:
            submit(job)
            await job.finished.wait()
        except BaseException as error:
            if not job.withdraw() and _may_wait(error):
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
    """Saves and loads paper-trading sessions in an SQLite file with awaitable calls, on asyncio and trio.

    It is `AsyncSessionRepository` for a file only.

    Args:
        path: the path of the file, which the first use creates in an existing folder; or "sqlite:///PATH".
        durability: "full" (the default) or "normal", as for `SessionRepository`, like the options below.
        busy_timeout: how long to wait for another writer before `BusyError`, in seconds.
        upgrade: "auto" (the default) or "never".
        passphrase: opens or creates an encrypted file.
        journal: "wal" (the default) or "rollback".

    Raises:
        ValueError: an argument is not allowed, or `path` is the URL of a server.
    """

    def __init__(
        self,
        path: Address,
        *,
        durability: Durability = "full",
        busy_timeout: float = 5.0,
        upgrade: Upgrade = "auto",
        passphrase: str | None = None,
        journal: Journal = "wal",
    ) -> None:
        if is_server(path):
            raise ValueError("this is the address of a server; use AsyncSessionRepository(address) for it")
        super().__init__(
            path,
            durability=durability,
            busy_timeout=busy_timeout,
            upgrade=upgrade,
            passphrase=passphrase,
            journal=journal,
        )


class _Block(AbstractAsyncContextManager[None]):
    """One `async with repository.atomic()`: what it posts to the writer, and what it waits for.

    An interrupt may come at any step. Whatever has been posted by then, `_abandon` posts the end once more, which does
    nothing for a block that has ended. One comes before the first step of `__aexit__`: then the garbage collector does.
    """

    _open: OpenBlock | None = None

    def __init__(self, repository: AsyncSessionRepository) -> None:
        self._repository = repository
        self._writer = repository._writer
        self._part = object()

    async def __aenter__(self) -> None:
        outer = open_block(self._repository)
        transaction = Block() if outer is None else outer.transaction
        enter = partial(self._writer.enter, self._part)
        entry: Job | None = None
        try:
            self._open = OpenBlock(self._repository, transaction)
            if outer is None:
                entry = Job(enter, begins=transaction)
                await self._repository._outcome(self._writer.submit, entry)
            else:
                entry = Job(enter)
                await self._repository._outcome(partial(self._writer.submit_to_block, transaction), entry)
            self._open.begin()
        except BaseException as error:
            self._forget()
            if entry is not None and not entry.withdraw() and not entry.failed:
                end = self._abandon(heard=_may_wait(error))
                if end is not None and _may_wait(error):
                    await end.finished.wait_uncancelled()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, GeneratorExit):  # it is thrown away, and cannot wait
            self._abandon()
            return
        end: Job | None = None
        try:
            self._forget()
            end = self._post_end(commit=error is None)
            await end.finished.wait()
        except RepositoryClosedError:
            if error is None:
                raise
        except BaseException as interruption:
            if end is not None and _may_wait(interruption):
                await end.finished.wait_uncancelled()
            else:
                self._abandon()
            raise
        else:
            end.outcome()

    def __del__(self) -> None:
        if self._open is not None and not self._open.ended:
            self._abandon()

    def _abandon(self, *, heard: bool = False) -> Job | None:
        """Have it rolled back, unless it has ended; None when it has, with its repository."""
        self._forget()
        try:
            return self._post_end(commit=False, heard=heard)
        except RepositoryClosedError:
            return None

    def _post_end(self, *, commit: bool, heard: bool = True) -> Job:
        end = Job(partial(self._writer.leave, self._part, commit=commit), heard=heard)
        if self._open is not None:
            self._writer.submit_to_block(self._open.transaction, end)
        return end

    def _forget(self) -> None:
        if self._open is not None:
            self._open.end()


def _may_wait(error: BaseException) -> bool:
    """Whether a task that `error` interrupts may wait for something first; one that is thrown away may not."""
    return not isinstance(error, GeneratorExit) and isinstance(error, anyio.get_cancelled_exc_class())


def _nothing() -> None:
    pass
