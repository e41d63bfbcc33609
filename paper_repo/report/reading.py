"""What a report shows of a session, read once: its figures exactly, its curve as many points as a screen has pixels."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from paper_repo.core import history
from paper_repo.core.chart_points import chart_points
from paper_repo.core.figures import match_trades, read_performance
from paper_repo.core.repository import SessionRepository, internals_of
from paper_repo.domain import CashFlow, EquityPoint, Order, PaperTradingSession
from paper_repo.domain.performance import Performance
from paper_repo.domain.time_weighted import Level, by_time
from paper_repo.domain.trades import Trade
from paper_repo.domain.values import EXACT
from paper_repo.errors import SessionNotFoundError

POINTS, POINTS_TOGETHER, FEWEST_POINTS = 1600, 8000, 240
"""How many points the chart of one session has, those of all sessions together, and those of one at least."""

TRADES, TRADES_TOGETHER = 500, 1000
"""How many of the latest trades are shown of one session, and of all; of cash flows and closed orders likewise."""

DRAWDOWNS = 5
_NEVER, _LATEST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class Dip(NamedTuple):
    """A drawdown: when equity was last at the peak, when it was deepest, and when it was at the peak again, if ever."""

    peak_at: datetime
    trough_at: datetime
    recovered_at: datetime | None
    depth: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """One session in a report."""

    session: PaperTradingSession
    figures: Performance
    curve: list[EquityPoint]
    levels: list[tuple[datetime, float]]
    start: Decimal
    dips: list[Dip]
    months: dict[int, dict[int, float]]
    trades: list[Trade]
    flows: list[CashFlow]
    flow_count: int
    closed_orders: list[Order]
    point_count: int

    @property
    def growth(self) -> list[tuple[datetime, float]]:
        """The points of the curve as fractions of what the session began with, without what was paid in or out."""
        start = float(self.start)
        return [(at, level / start - 1) for at, level in self.levels] if start > 0 else []


def read_results(core: SessionRepository, ids: Sequence[str]) -> list[Results]:
    """The results of these sessions, at one moment.

    Raises:
        SessionNotFoundError: one of them is not there.
    """
    count = len(ids)
    points = min(POINTS, max(FEWEST_POINTS, POINTS_TOGETHER // count))
    latest = max(20, min(TRADES, TRADES_TOGETHER // count))
    with core.reading():
        return [_read(core, session_id, points, latest) for session_id in ids]


def _read(core: SessionRepository, session_id: str, points: int, latest: int) -> Results:
    session = core.get_by_id(session_id)
    if session is None:
        raise SessionNotFoundError(session_id)
    storage = internals_of(core).storage
    figures, latest_trades = match_trades(storage, session, latest)
    curve = list(by_time(chart_points(storage, session_id, points)))
    walk = Walk({point.at for point in curve})
    performance = read_performance(storage, session, trades=figures, watch=walk.count, watch_levels=walk.follow)
    flows = [entry for _, entry in core.ledger_history(session_id) if isinstance(entry, CashFlow)]
    return Results(
        session=session,
        figures=performance,
        curve=curve,
        levels=sorted(walk.levels.items()),
        start=EXACT.add(session.initial_cash, session.opening_worth),
        dips=sorted(walk.dips, key=lambda dip: dip.depth)[:DRAWDOWNS],
        months=walk.months(),
        trades=latest_trades,
        flows=flows[-latest:],
        flow_count=len(flows),
        closed_orders=list(history.read_orders(storage, session_id, max(session.closed_order_count - latest, 0))),
        point_count=walk.point_count,
    )


class Walk:
    """The drawdowns and the monthly returns of a curve, seen as its levels pass.

    Args:
        drawn: the times whose levels are kept, for a chart.
    """

    def __init__(self, drawn: Collection[datetime] = ()) -> None:
        self.dips: list[Dip] = []
        self.levels: dict[datetime, float] = {}
        self._drawn = sorted(drawn)
        self.point_count: int = 0
        self._closes: dict[tuple[int, int], float] = {}
        self._first: float | None = None

    def count(self, points: Iterable[EquityPoint]) -> Iterator[EquityPoint]:
        """The same points, counted."""
        self.point_count = 0
        for point in points:
            self.point_count += 1
            yield point

    def follow(self, found: Iterable[Level]) -> Iterator[Level]:
        """The same levels; from the start again when it is called again.

        What is compared with each level is a time: to take one apart, or to look for it in a set, takes longer.
        """
        self.dips, self.levels, self._closes, self._first = [], {}, {}, None
        dips, kept, closes = self.dips, self.levels, self._closes
        peak, peak_at, trough, trough_at = 0.0, _NEVER, 0.0, _NEVER
        drawn = iter([*self._drawn, _LATEST])
        next_drawn, next_month, month = next(drawn), _NEVER, (0, 0)
        for each in found:
            yield each
            at, level = each
            if level is None:
                continue
            value = float(level)
            if self._first is None:
                self._first, peak, trough, peak_at, trough_at = value, value, value, at, at
            if value >= peak:
                if trough < peak and peak > 0:
                    dips.append(Dip(peak_at, trough_at, at, trough / peak - 1))
                peak, peak_at, trough, trough_at = value, at, value, at
            elif value < trough:
                trough, trough_at = value, at
            if at >= next_month:
                month, next_month = (at.year, at.month), _next_month(at)
            closes[month] = value
            while next_drawn < at:
                next_drawn = next(drawn)
            if next_drawn == at:
                kept[at] = value
        if trough < peak and peak > 0:
            dips.append(Dip(peak_at, trough_at, None, trough / peak - 1))

    def months(self) -> dict[int, dict[int, float]]:
        """The return of each month that has a point, by year; `0` stands for the whole year."""
        months: dict[int, dict[int, float]] = {}
        before = self._first or 0.0
        for (year, month), value in self._closes.items():
            if before > 0:
                of_year = months.setdefault(year, {0: 0.0})
                of_year[month] = value / before - 1
                of_year[0] = (1 + of_year[0]) * (value / before) - 1
            before = value
        return months


def _next_month(at: datetime) -> datetime:
    if (at.year, at.month) == (_LATEST.year, _LATEST.month):
        return _LATEST
    return datetime(at.year + at.month // 12, at.month % 12 + 1, 1, tzinfo=UTC)
