"""What a report shows of a session, read once: its figures exactly, its curve as many points as a screen has pixels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple, cast

from paper_repo.core import history
from paper_repo.core.repository import SessionRepository, internals_of
from paper_repo.domain import CashFlow, EquityPoint, PaperTradingSession
from paper_repo.domain.downsampling import downsample
from paper_repo.domain.performance import Performance, performance
from paper_repo.domain.time_weighted import Level, by_time, levels
from paper_repo.domain.trades import Trade, trades
from paper_repo.domain.values import EXACT
from paper_repo.errors import SessionNotFoundError

POINTS, POINTS_TOGETHER, FEWEST_POINTS = 1600, 8000, 240
"""How many points the chart of one session has, those of all sessions together, and those of one at least."""

TRADES, TRADES_TOGETHER = 500, 1000
"""How many of the latest trades are shown of one session, and of all."""

DRAWDOWNS = 5
_NEVER = datetime.min.replace(tzinfo=UTC)


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
    start: Decimal
    dips: list[Dip]
    months: dict[int, dict[int, float]]
    trades: list[Trade]
    point_count: int

    def growth(self, equity: Decimal) -> float:
        """How far `equity` is from what the session began with, as a fraction of that."""
        return float(equity / self.start) - 1 if self.start > 0 else 0.0


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
    curve = by_time(cast("Sequence[EquityPoint]", list(_points(core, session_id))))
    booked = list(internals_of(core).accounts.history(session_id))
    dips, months = _walk(levels(session, curve, [each for each in booked if isinstance(each, CashFlow)]))
    return Results(
        session=session,
        figures=performance(session, curve, booked),
        curve=downsample(curve, points),
        start=EXACT.add(session.initial_cash, session.opening_worth),
        dips=sorted(dips, key=lambda dip: dip.depth)[:DRAWDOWNS],
        months=months,
        trades=trades(booked, session)[-latest:],
        point_count=len(curve),
    )


class _Point(NamedTuple):
    """What an `EquityPoint` has, without its checks: a million of them are read in a second or two."""

    at: datetime
    cash: Decimal | None
    equity: Decimal


def _points(core: SessionRepository, session_id: str) -> Iterator[_Point]:
    columns = ("sequence", "at", "cash", "equity")
    place = 0
    storage = internals_of(core).storage
    for rows in history.read_rows(storage, storage.statements.tables.equity, session_id, columns):
        for sequence, at, cash, equity in rows:
            place += 1
            if sequence != place:
                raise history.corrupt(session_id, f"{history.INCOMPLETE}: equity point {place} is not there")
            try:
                yield _Point(datetime.fromisoformat(at), None if cash is None else Decimal(cash), Decimal(equity))
            except (ValueError, ArithmeticError) as error:
                raise history.corrupt(session_id, f"equity point {place}: {error}") from error


def _walk(found: Iterable[Level]) -> tuple[list[Dip], dict[int, dict[int, float]]]:
    """The drawdowns and the monthly returns, in one pass."""
    dips: list[Dip] = []
    closes: dict[tuple[int, int], float] = {}
    first: float | None = None
    peak, peak_at, trough, trough_at = 0.0, _NEVER, 0.0, _NEVER
    for at, level in found:
        if level is None:
            continue
        value = float(level)
        if first is None:
            first, peak, trough, peak_at, trough_at = value, value, value, at, at
        if value >= peak:
            if trough < peak and peak > 0:
                dips.append(Dip(peak_at, trough_at, at, trough / peak - 1))
            peak, peak_at, trough, trough_at = value, at, value, at
        elif value < trough:
            trough, trough_at = value, at
        closes[at.year, at.month] = value
    if trough < peak and peak > 0:
        dips.append(Dip(peak_at, trough_at, None, trough / peak - 1))
    return dips, _monthly(first, closes)


def _monthly(first: float | None, closes: dict[tuple[int, int], float]) -> dict[int, dict[int, float]]:
    """The return of each month that has a point, by year; `0` stands for the whole year."""
    months: dict[int, dict[int, float]] = {}
    before = first or 0.0
    for (year, month), value in closes.items():
        if before > 0:
            of_year = months.setdefault(year, {0: 0.0})
            of_year[month] = value / before - 1
            of_year[0] = (1 + of_year[0]) * (value / before) - 1
        before = value
    return months
