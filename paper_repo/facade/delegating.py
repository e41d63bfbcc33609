"""`DelegatingRepository`: the async interface, by calls of a synchronous repository somewhere else."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from paper_repo.core.fill_keys import by_key
from paper_repo.domain import CashFlow, CashFlowKind, EquityPoint, Fill, LedgerEntry, Order, PaperTradingSession
from paper_repo.domain.history import AnyBooked
from paper_repo.domain.selection import Loaded, OnDamage, OrderBy, SessionSummary, StatusFilter, WhichOrders
from paper_repo.domain.values import Progress
from paper_repo.interface import IPaperTradingSessionRepository

if TYPE_CHECKING:
    from paper_repo.domain.performance import Performance, Resample
    from paper_repo.domain.trades import Trade
    from paper_repo.reports import CheckReport

T = TypeVar("T")


class DelegatingRepository(IPaperTradingSessionRepository):
    """The methods of the interface that pass their arguments on to the method of the same name of a `core`.

    A subclass says where the call runs, in `_read` and `_write`, and does itself what takes more than one call.
    """

    _core: Any
    """`SessionRepository`, or an object with the same methods."""

    @abstractmethod
    async def _read(self, work: Callable[..., T], *args: Any) -> T:
        """The result of `work`, which only reads."""

    @abstractmethod
    async def _write(self, work: Callable[[], T], *session_ids: str) -> T:
        """The result of `work`, which writes these sessions, or any when none is named."""

    async def get_by_id(self, session_id: str) -> PaperTradingSession | None:
        return await self._read(self._core.get_by_id, session_id)

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
        return await self._read(
            partial(
                self._core.get_all,
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

    @overload
    async def get_active(self, *, errors: Literal["report"]) -> Loaded[PaperTradingSession]: ...

    @overload
    async def get_active(self, *, errors: OnDamage = "raise") -> list[PaperTradingSession]: ...

    async def get_active(self, *, errors: OnDamage = "raise") -> list[PaperTradingSession]:
        return await self._read(partial(self._core.get_active, errors=errors))

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
        return await self._read(
            partial(
                self._core.get_summaries,
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

    async def exists(self, session_id: str) -> bool:
        return await self._read(self._core.exists, session_id)

    async def count(
        self,
        *,
        status: StatusFilter = None,
        strategy: str | None = None,
        symbol: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> int:
        return await self._read(
            partial(self._core.count, status=status, strategy=strategy, symbol=symbol, since=since, until=until)
        )

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

    async def get_unrecorded(self, session_id: str, reported: Iterable[AnyBooked]) -> list[AnyBooked]:
        return await self._read(self._core.get_unrecorded, session_id, list(by_key(reported).values()))

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

    async def get_ledger(
        self, session_id: str, *, since: datetime | None = None, until: datetime | None = None
    ) -> list[LedgerEntry]:
        return await self._read(partial(self._core.get_ledger, since=since, until=until), session_id)

    async def get_cash_flows(
        self,
        session_id: str,
        *,
        kind: CashFlowKind | str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[CashFlow]:
        return await self._read(partial(self._core.get_cash_flows, kind=kind, since=since, until=until), session_id)

    async def get_orders(
        self,
        session_id: str,
        *,
        which: WhichOrders = "all",
        symbol: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[Order]:
        get_orders = partial(self._core.get_orders, which=which, symbol=symbol, since=since, until=until)
        return await self._read(get_orders, session_id)

    async def get_trades(self, session_id: str) -> list[Trade]:
        return await self._read(self._core.get_trades, session_id)

    async def get_performance(
        self,
        session_id: str,
        *,
        resample: Resample | None = "day",
        periods_per_year: float | None = None,
        risk_free_rate: float = 0.0,
    ) -> Performance:
        get_performance = partial(
            self._core.get_performance,
            resample=resample,
            periods_per_year=periods_per_year,
            risk_free_rate=risk_free_rate,
        )
        return await self._read(get_performance, session_id)

    async def get_as_of(self, session_id: str, at: datetime) -> PaperTradingSession:
        return await self._read(self._core.get_as_of, session_id, at)

    async def correct_fill(
        self, session_id: str, fill_id: str, replacement: Fill | None = None, *, symbol: str | None = None
    ) -> PaperTradingSession:
        return await self._write(
            partial(self._core.correct_fill, session_id, fill_id, replacement, symbol=symbol), session_id
        )

    async def delete(self, session_id: str) -> bool:
        return await self._write(partial(self._core.delete, session_id), session_id)

    async def delete_many(
        self,
        *,
        status: StatusFilter = None,
        strategy: str | None = None,
        symbol: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> int:
        return await self._write(
            partial(self._core.delete_many, status=status, strategy=strategy, symbol=symbol, since=since, until=until)
        )

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
