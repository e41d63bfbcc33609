"""`InMemorySessionRepository`: the same promises without a file, for unit tests.

The module is long because it has every method of the interface, with the types of all arguments.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NoReturn, TypeVar, overload

import anyio
import anyio.lowlevel
import anyio.to_thread

from paper_repo.core import corrections
from paper_repo.core.fill_keys import by_key
from paper_repo.core.saves import Save
from paper_repo.core.tracking import Tracking, UndoLog
from paper_repo.domain import (
    CashFlow,
    CashFlowKind,
    EquityPoint,
    Fill,
    LedgerEntry,
    Order,
    PaperTradingSession,
)
from paper_repo.domain.changes import SessionChange
from paper_repo.domain.claims import check_claim
from paper_repo.domain.downsampling import check_max_points, downsample
from paper_repo.domain.history import AnyBooked
from paper_repo.domain.ledger import cash_flows
from paper_repo.domain.performance import Performance, Resample, performance
from paper_repo.domain.replay import as_of
from paper_repo.domain.selection import (
    Loaded,
    OnDamage,
    OrderBy,
    Selection,
    SessionSummary,
    StatusFilter,
    WhichOrders,
    check_page,
    check_which,
    is_chosen,
    resting,
)
from paper_repo.domain.status import SessionStatus
from paper_repo.domain.trades import Trade, trades
from paper_repo.domain.values import Progress, optional_instant, text
from paper_repo.errors import (
    ClaimLostError,
    ConflictError,
    RepositoryClosedError,
    SessionNotFoundError,
    TransactionError,
)
from paper_repo.facade.block_ownership import OpenBlock, open_block
from paper_repo.interface import IPaperTradingSessionRepository
from paper_repo.memory.records import Record, Store, new_fills, place_in, require_unused, stored_row
from paper_repo.memory.turns import Turn
from paper_repo.reports import CheckReport, check_history, check_session
from paper_repo.watching import AsyncSessionChanges, SessionChanges

T = TypeVar("T")


class InMemorySessionRepository(IPaperTradingSessionRepository):
    """Keeps paper-trading sessions in memory, with the versions, transactions and errors of a database. For unit tests.

    Args:
        busy_timeout: how long to wait for another task's transaction before `BusyError`, in seconds.
    """

    def __init__(self, *, busy_timeout: float = 5.0) -> None:
        self._turn = Turn(busy_timeout)
        self._committed: Store = {}
        self._working: list[Store] = []  # of the open block and the savepoints in it
        self._undo = UndoLog()
        self._changes: dict[str, SessionChange] = {}  # the last one of each session, in the order of their positions
        self._newest = 0
        self._closed = threading.Event()

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise stays_here(self)

    async def open(self) -> None:
        self._require_open()

    async def close(self) -> None:
        if self._is_inside():
            raise TransactionError("the repository cannot be closed inside an atomic() block; leave the block first")
        self._closed.set()

    async def save(self, session: PaperTradingSession) -> None:
        await self.save_many([session])

    async def save_many(self, sessions: Iterable[PaperTradingSession]) -> None:
        saves = Save.capture_many(sessions)
        async with self.atomic():
            for save in sorted(saves, key=lambda each: each.session.id):  # as on a database
                self._write(save)

    async def get_by_id(self, session_id: str) -> PaperTradingSession | None:
        record = await self._stored(session_id)
        return None if record is None else record.load()

    @overload
    async def get_all(
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
        errors: Literal["report"],
    ) -> Loaded[PaperTradingSession]: ...

    @overload
    async def get_all(
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
    ) -> list[PaperTradingSession]: ...

    async def get_all(
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
    ) -> list[PaperTradingSession]:
        selection = Selection.of(
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
        store = await self._visible()
        found = selection.among(record.session for record in store.values())
        return _listed((store[session.id].load() for session in found), errors)

    @overload
    async def get_active(self, *, errors: Literal["report"]) -> Loaded[PaperTradingSession]: ...

    @overload
    async def get_active(self, *, errors: OnDamage = "raise") -> list[PaperTradingSession]: ...

    async def get_active(self, *, errors: OnDamage = "raise") -> list[PaperTradingSession]:
        return await self.get_all(status=SessionStatus.RUNNING, errors=errors)

    @overload
    async def get_summaries(
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
        errors: Literal["report"],
    ) -> Loaded[SessionSummary]: ...

    @overload
    async def get_summaries(
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
    ) -> list[SessionSummary]: ...

    async def get_summaries(
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
    ) -> list[SessionSummary]:
        found = await self.get_all(
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
        return _listed(map(SessionSummary.of, found), errors)

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
        for session in await self.get_all(
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
        ):
            yield session

    async def exists(self, session_id: str) -> bool:
        return await self._stored(session_id) is not None

    async def count(
        self,
        *,
        status: StatusFilter = None,
        strategy: str | None = None,
        symbol: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> int:
        selection = Selection.of(status=status, strategy=strategy, symbol=symbol, since=since, until=until)
        return sum(selection.matches(record.session) for record in (await self._visible()).values())

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
        check_page(after, limit)
        fills = (await self._record(session_id)).fills
        start = after if isinstance(after, int) else place_in(session_id, fills, after, symbol)
        since, until = optional_instant(since, "since"), optional_instant(until, "until")
        return [
            fill for fill in fills[start:] if symbol in (None, fill.symbol) and _within(fill.executed_at, since, until)
        ][:limit]

    async def get_unrecorded(self, session_id: str, reported: Iterable[AnyBooked]) -> list[AnyBooked]:
        new = by_key(reported)
        record = await self._stored(session_id)
        for key in () if record is None else by_key(record.history()):
            new.pop(key, None)
        return list(new.values())

    async def get_equity_curve(
        self,
        session_id: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        max_points: int | None = None,
    ) -> list[EquityPoint]:
        check_max_points(max_points)
        since, until = optional_instant(since, "since"), optional_instant(until, "until")
        record = await self._record(session_id)
        points = [point for point in record.points if _within(point.at, since, until)]
        return points if max_points is None else downsample(points, max_points)

    async def get_ledger(
        self, session_id: str, *, since: datetime | None = None, until: datetime | None = None
    ) -> list[LedgerEntry]:
        since, until = optional_instant(since, "since"), optional_instant(until, "until")
        record = await self._record(session_id)
        return [each for _, each in record.entries if _within(each.at, since, until)]

    async def get_cash_flows(
        self,
        session_id: str,
        *,
        kind: CashFlowKind | str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[CashFlow]:
        return cash_flows(await self.get_ledger(session_id, since=since, until=until), kind)

    async def get_orders(
        self,
        session_id: str,
        *,
        which: WhichOrders = "all",
        symbol: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[Order]:
        check_which(which)
        since, until = optional_instant(since, "since"), optional_instant(until, "until")
        record = await self._record(session_id)
        closed = () if which == "open" else record.orders
        found = closed if which == "closed" else (*closed, *resting(record.load()))
        return [each for each in found if is_chosen(each, symbol, since, until)]

    async def get_trades(self, session_id: str) -> list[Trade]:
        record = await self._record(session_id)
        return trades(record.history(), record.load())

    async def get_performance(
        self,
        session_id: str,
        *,
        resample: Resample | None = "day",
        periods_per_year: float | None = None,
        risk_free_rate: float = 0.0,
    ) -> Performance:
        record = await self._record(session_id)
        return performance(
            record.load(),
            record.points,
            record.history(),
            resample=resample,
            periods_per_year=periods_per_year,
            risk_free_rate=risk_free_rate,
        )

    async def get_as_of(self, session_id: str, at: datetime) -> PaperTradingSession:
        record = await self._record(session_id)
        return as_of(record.load(), record.history(), at)

    async def correct_fill(
        self, session_id: str, fill_id: str, replacement: Fill | None = None, *, symbol: str | None = None
    ) -> PaperTradingSession:
        async with self.atomic():
            record = await self._record(session_id)
            old = corrections.corrected(record.fills, fill_id, symbol)
            fills = [old if (each.id, each.symbol) == (old.id, old.symbol) else each for each in record.fills]
            new = corrections.replacing(replacement, old, fills)
            session = record.load()
            corrections.rebuild(session, fills, record.entries, old, new)
            self._working[-1][session_id] = replace(record, fills=tuple(fills))
            self._write(Save.capture(session))
        return session

    async def _stored(self, session_id: str) -> Record | None:
        return (await self._visible()).get(text(session_id, "session_id"))

    async def _record(self, session_id: str) -> Record:
        record = await self._stored(session_id)
        if record is None:
            raise SessionNotFoundError(session_id)
        return record

    async def delete(self, session_id: str) -> bool:
        text(session_id, "session_id")
        async with self.atomic():
            return self._working[-1].pop(session_id, None) is not None

    async def delete_many(
        self,
        *,
        status: StatusFilter = None,
        strategy: str | None = None,
        symbol: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> int:
        selection = Selection.of(status=status, strategy=strategy, symbol=symbol, since=since, until=until)
        async with self.atomic():
            doomed = [record.session.id for record in self._working[-1].values() if selection.matches(record.session)]
            for session_id in doomed:
                del self._working[-1][session_id]
            return len(doomed)

    async def claim(self, session_id: str, owner: str, ttl: float) -> PaperTradingSession | None:
        check_claim(owner, ttl)
        text(session_id, "session_id")
        async with self.atomic():
            if session_id not in self._working[-1]:
                raise SessionNotFoundError(session_id)
            return self._claim(session_id, owner, ttl)

    async def renew(self, session_id: str, owner: str, ttl: float) -> None:
        check_claim(owner, ttl)
        text(session_id, "session_id")
        async with self.atomic():
            record = self._working[-1].get(session_id)
            if record is None or record.owner != owner:
                raise ClaimLostError(session_id, owner, None if record is None else record.owner)
            self._working[-1][session_id] = replace(record, expires=time.monotonic() + ttl)

    async def release(self, session_id: str, owner: str) -> bool:
        text(session_id, "session_id")
        async with self.atomic():
            record = self._working[-1].get(session_id)
            if record is None or record.owner != owner:
                return False
            self._working[-1][session_id] = replace(record, owner=None)
            return True

    async def claim_active(self, owner: str, ttl: float, limit: int | None = None) -> list[PaperTradingSession]:
        check_claim(owner, ttl, limit)
        async with self.atomic():
            active = Selection.of(status=SessionStatus.RUNNING).among(
                record.session for record in self._working[-1].values() if record.is_free()
            )
            return [each for session in active[:limit] if (each := self._claim(session.id, owner, ttl))]

    def _claim(self, session_id: str, owner: str, ttl: float) -> PaperTradingSession | None:
        record = self._working[-1][session_id]
        if record.owner != owner and not record.is_free():
            return None
        record = record.claimed(owner, time.monotonic() + ttl)
        self._working[-1][session_id] = record
        session = record.load()
        Tracking.of(session).worker = owner
        return session

    async def backup(
        self, target: str | os.PathLike[str], *, overwrite: bool = False, progress: Progress | None = None
    ) -> None:
        if self._is_inside():
            raise TransactionError("cannot be backed up inside an atomic() block; leave the block first")
        from paper_repo.maintenance.copy import write_backup  # a database, which nothing else here needs

        records = list((await self._visible()).values())
        await self._work(write_backup, _counted(records, progress), Path(target), overwrite)

    async def check(self) -> CheckReport:
        report = CheckReport()
        for record in (await self._visible()).values():
            first = record.session.fill_count - len(record.fills) + 1
            check_session(report, record.session, SessionSummary.of(record.session))
            check_history(report, record.session, enumerate(record.fills, first), record.entries, record.points)
        return report

    def atomic(self) -> AbstractAsyncContextManager[None]:
        return Block(self)

    def watch(
        self, *, after: int | None = None, timeout: float | None = None, poll_interval: float = 0.1
    ) -> AsyncSessionChanges:
        return AsyncSessionChanges(SessionChanges(self._open_feed, after, timeout, poll_interval), _at_once)

    # What a repository without tasks does in another way: paper_repo.sync_memory

    def _is_inside(self) -> bool:
        """Whether the present task has a block of this repository open."""
        return open_block(self) is not None

    def _open_block(self) -> OpenBlock:
        return OpenBlock(self)

    def _open_feed(self) -> _Feed:
        return _Feed(self)

    async def _pause(self) -> None:
        await anyio.lowlevel.checkpoint()

    async def _work(self, work: Callable[..., None], *args: Any) -> None:
        await anyio.to_thread.run_sync(work, *args)

    # Between the sessions of a caller and the stored ones

    def _require_open(self) -> None:
        if self._closed.is_set():
            raise RepositoryClosedError("the repository was closed")

    async def _visible(self) -> Store:
        """What the present task sees: its own open block's sessions, or the committed ones."""
        self._require_open()
        inside = self._is_inside()
        await self._pause()
        return self._working[-1] if inside else self._committed

    def _write(self, save: Save) -> None:
        store = self._working[-1]
        save.bind(stored_row)
        session_id, expected = save.columns["id"], save.expected_version
        record = store.get(session_id)
        actual = record.session.version if record else 0
        if actual != expected or (record and not record.is_seen_by(save)):
            worker = Tracking.of(save.session).worker
            if record is not None and worker not in (None, record.owner):
                raise ClaimLostError(session_id, worker, record.owner, expected, actual)
            raise ConflictError(session_id, expected, actual or None)
        fills = new_fills(record, save)
        skipped = len(save.fills) - len(fills)
        save.columns["fill_count"] -= skipped
        require_unused(record, save)
        store[session_id] = Record.after(record, save, fills)
        self._undo.append(save.before().restore)
        save.apply(skipped)

    async def _enter(self, block: Block) -> None:
        self._require_open()
        if not self._is_inside():
            await self._turn.take(block.turn)
        block.depth, block.undo_from, block.is_kept = len(self._working), len(self._undo), False
        self._working.append(dict(self._working[-1] if self._working else self._committed))

    def _leave(self, block: Block, commit: bool) -> None:
        """End the block; does nothing the second time, and the rest where an exception has interrupted the first."""
        if block.depth is not None:
            if commit:
                self._keep(block, block.depth)
            if not block.is_kept:
                self._undo.rewind(block.undo_from)
            elif block.depth == 0:
                self._undo.clear()
            del self._working[block.depth :]
            block.depth = None  # it has ended, and the turn is still its own
        if block.turn is not None:
            self._turn.pass_on(block.turn)

    def _keep(self, block: Block, depth: int) -> None:
        """Make what the block has done a part of the outer one, or of what everybody sees, in one step."""
        store = self._working[depth]
        if depth:
            self._working[depth - 1], block.is_kept = store, True
        else:
            changes, newest = self._changed(store)
            self._committed, self._changes, self._newest, block.is_kept = store, changes, newest, True

    def _changed(self, after: Store) -> tuple[dict[str, SessionChange], int]:
        """The changes when `after` takes the place of the committed sessions, and the position of the newest one."""
        before, changes, newest = self._committed, dict(self._changes), self._newest
        deleted = [(session_id, before[session_id], True) for session_id in before.keys() - after.keys()]
        saved = [(each, record, False) for each, record in after.items() if record is not before.get(each)]
        for session_id, record, gone in deleted + saved:
            newest += 1
            changes.pop(session_id, None)
            changes[session_id] = SessionChange(session_id, record.session.version, gone, newest)
        return changes, newest


class _Feed:
    """Looks for changes in a repository; from any thread, as a commit puts a new mapping in place of the old one."""

    def __init__(self, repository: InMemorySessionRepository) -> None:
        self._repository = repository
        repository._require_open()

    def newest(self) -> int:
        return self._repository._newest

    def look(self, after: int, limit: int) -> list[tuple[str, int, bool, int]]:
        self._repository._require_open()
        changes = [change for change in self._repository._changes.values() if change.position > after]
        return [(each.session_id, each.version, each.deleted, each.position) for each in changes[:limit]]

    def wait(self, seconds: float) -> None:
        self._repository._closed.wait(seconds)

    def close(self) -> None:
        pass


async def _at_once(work: Callable[[], T]) -> T:
    await anyio.lowlevel.checkpoint()
    return work()


class Block(AbstractAsyncContextManager[None]):
    """One `async with repository.atomic()`."""

    def __init__(self, repository: InMemorySessionRepository) -> None:
        self._repository = repository
        self._open: OpenBlock | None = None
        self.turn: Any = None
        self.depth: int | None = None
        self.undo_from = 0
        self.is_kept = False

    async def __aenter__(self) -> None:
        try:
            await self._repository._pause()
            self.turn = self._repository._turn.new()
            await self._repository._enter(self)
            self._open = self._repository._open_block()
            self._open.begin()
        except BaseException:
            self.end(commit=False)
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end(commit=error is None)

    def end(self, commit: bool) -> None:
        """End it, once; what an exception such as Ctrl-C has interrupted is rolled back if it was not committed."""
        try:
            if self._open is not None:
                self._open.end()
            self._repository._leave(self, commit)
        except BaseException:
            if self._open is not None:
                self._open.end()
            self._repository._leave(self, commit=False)
            raise


def stays_here(repository: object) -> TypeError:
    """The error of a repository in memory that is to be copied or pickled."""
    return TypeError(
        f"{type(repository).__name__} cannot be copied or sent to another process: it is in the memory of this one; "
        "to share sessions, use a file"
    )


def _counted(records: Sequence[Record], progress: Progress | None) -> Iterator[tuple[Any, ...]]:
    """The sessions of the records with their histories, and the places of the fills in it."""
    for done, record in enumerate(records, 1):
        session = record.load()
        fills = enumerate(record.fills, session.fill_count - len(record.fills) + 1)
        yield session, fills, record.points, record.entries, record.orders
        if progress is not None:
            progress(done, len(records))


def _within(moment: datetime, since: datetime | None, until: datetime | None) -> bool:
    return (since is None or moment >= since) and (until is None or moment < until)


def _listed(found: Iterable[T], errors: OnDamage) -> list[T]:
    """The list that was asked for; nothing here is ever damaged."""
    return Loaded(found) if errors == "report" else list(found)
