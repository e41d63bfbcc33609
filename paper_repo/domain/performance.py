"""The figures by which traders compare runs, each with its definition.

Ratios are computed in decimal arithmetic and returned as floats. Definitions are those of the quantstats library where
it has the figure.
"""

from __future__ import annotations

import decimal
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby, islice
from typing import Any, Literal

from paper_repo.domain import one_line
from paper_repo.domain.history import Booked
from paper_repo.domain.ledger import CashFlow
from paper_repo.domain.session import PaperTradingSession
from paper_repo.domain.time_weighted import Level, by_time, levels, require_by_time
from paper_repo.domain.trade_figures import TradeFigures
from paper_repo.domain.trades import closed_positions, total
from paper_repo.domain.trading import EquityPoint
from paper_repo.domain.values import EXACT, ROUNDED

Resample = Literal["day", "week", "month"]
"""How often returns are taken: from the last point of each UTC day, ISO week or calendar month."""

_PERIODS = {"day": 252.0, "week": 52.0, "month": 12.0}
_PERIOD_OF: dict[str, Callable[[datetime], Any]] = {
    "day": lambda at: at.date(),
    "week": lambda at: at.isocalendar()[:2],
    "month": lambda at: (at.year, at.month),
}

_FEWEST_RETURNS = 3
"""With fewer returns than these there is no ratio: it would say more about chance than about the session."""

_NOISE = Decimal("1E-12")
"""A deviation of returns below this comes from rounding: equal returns of equities kept as floats deviate by 1E-16."""

_SUMS = decimal.Context(
    100,
    decimal.ROUND_HALF_EVEN,
    decimal.MIN_EMIN,
    decimal.MAX_EMAX,
    traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow],
)
"""Wide enough that the squares of equal returns add up without rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
@one_line.described(one_line.performance)
class Performance:
    """The performance of a session. Amounts are in its base currency; a ratio is None where it is undefined.

    Of the books:

    - `net_pnl`: realized and unrealized profit or loss after fees (`session.net_pnl`).
    - `fees`: all fees paid (`session.fees_paid`), those of open positions too.

    Of the equity curve, by time, from what the session began with (`initial_cash + opening_worth`) on; deposits and
    withdrawals are no gain or loss (see `paper_repo.domain.time_weighted`):

    - `total_return`: last level / first level - 1, so 0.05 is a gain of 5 %. A session that began with nothing starts
      when money is first paid in. None without a point, or when it did not start with more than zero.
    - `max_drawdown`: the deepest fall from a peak to a later point, as a fraction of the peak and below zero: -0.2 is a
      loss of 20 %; 0.0 when equity never fell. `drawdown_peak_at` is when equity was last at that peak,
      `drawdown_trough_at` when it first was deepest; both None when it never fell. All None without a point, or
      when it was never above zero.
      Source: Magdon-Ismail and Atiya, "Maximum Drawdown", Risk 17(10), 2004.
    - `sharpe_ratio`: mean / standard deviation (n - 1) of the returns in excess of the risk-free rate, times the square
      root of the periods in a year. That scaling presumes that returns do not depend on those before. The returns are
      those from one daily close to the next, the first of them from what the session began with. None below three
      returns, without a deviation (one below 1E-12 is rounding), or when equity was not above zero at a close before
      the last.
      Source: W. F. Sharpe, "The Sharpe Ratio", Journal of Portfolio Management 21(1), 1994 (ex post).
    - `sortino_ratio`: the same mean over the downside deviation, the root of the mean square of the excess returns with
      those above zero counted as zero, scaled alike. None below three returns, without one below the risk-free rate, or
      when equity was not above zero at a close before the last. Source: Sortino and Price, "Performance Measurement in
      a Downside Risk Framework", Journal of Investing 3(3), 1994, with the risk-free rate as the target.
    - `exposure`: the share of the periods between two points that began with an open position, which shows as an equity
      other than the cash. It is the share of time in the market when points come at even intervals; a position opened
      and closed between two points is not seen, nor are long and short positions worth exactly the same; what is held
      of other currencies counts as a position. None below two points, and where a point has no cash.

    Of the closed trades (`paper_repo.trades`: one for each position, in however many slices it was filled), each
    counted after its fees:

    - `trades`: how many were closed.
    - `win_rate`: winners / (winners + losers); a trade that came out at exactly zero is neither. None without either.
    - `profit_factor`: what the winners gained / what the losers lost. None without a loser.
      Source: the strategy performance report of TradeStation ("Profit Factor").
    - `average_win`, `average_loss` (below zero): of the winners, of the losers, to 28 significant digits; None without
      any.
    """

    net_pnl: Decimal
    fees: Decimal
    total_return: float | None
    max_drawdown: float | None
    drawdown_peak_at: datetime | None
    drawdown_trough_at: datetime | None
    sharpe_ratio: float | None
    sortino_ratio: float | None
    exposure: float | None
    trades: int
    win_rate: float | None
    profit_factor: float | None
    average_win: Decimal | None
    average_loss: Decimal | None

    def _repr_html_(self) -> str:
        from paper_repo.domain import html_tables  # on demand: few programs are notebooks

        return html_tables.performance(self)


def performance(
    session: PaperTradingSession,
    equity_curve: Iterable[EquityPoint],
    history: Iterable[Booked],
    *,
    resample: Resample | None = "day",
    periods_per_year: float | None = None,
    risk_free_rate: float = 0.0,
    in_order: bool = False,
) -> Performance:
    """The performance of a session, as `Performance` defines it.

    Args:
        session: its books give the amounts, and what it began with.
        equity_curve: its points, in any order: they are read by time.
        history: its fills in the order in which they were booked, and among them its cash flows, splits and changes of
            symbols; read once, one by one. Without a cash flow, the fills alone are enough.
        resample: which returns Sharpe and Sortino ratio are of, "day", "week" or "month": from one close to the next
            of these, by UTC, however many points each has. None: from point to point.
        periods_per_year: how many such returns a year has, to scale the ratios to a year; by default 252 trading days,
            52 weeks or 12 months. 365 suits daily closes of a market that never closes. Has to be given with
            `resample=None`.
        risk_free_rate: yearly, compounded, as a fraction: 0.03 is 3 %.
        in_order: the points come by time already; an iterator of any length is then read one by one, in constant
            memory, where it would otherwise be kept in order to sort it.

    Raises:
        ValueError: `resample` is none of these, `periods_per_year` is missing or not above zero, `risk_free_rate` not
            above -1, or the curve is not in the order that was promised.
    """
    _periods_per_year(periods_per_year, resample)
    flows: list[CashFlow] = []
    trades = TradeFigures()
    for slices in closed_positions(_without_cash_flows(history, flows), session):
        trades.add(total(slices, lambda each: each.net_pnl))
    points = require_by_time(equity_curve) if in_order else by_time(equity_curve)
    return performance_of(
        session,
        points,
        trades,
        flows,
        resample=resample,
        periods_per_year=periods_per_year,
        risk_free_rate=risk_free_rate,
    )


def performance_of(
    session: PaperTradingSession,
    points: Iterable[EquityPoint],
    trades: TradeFigures,
    flows: Iterable[CashFlow],
    *,
    resample: Resample | None = "day",
    periods_per_year: float | None = None,
    risk_free_rate: float = 0.0,
    watch_levels: Callable[[Iterable[Level]], Iterator[Level]] = iter,
) -> Performance:
    """What `performance` returns, where the points come by time, and the trades are counted already.

    Args:
        watch_levels: is given the levels of the curve, and gives them on.
    """
    periods = _periods_per_year(periods_per_year, resample)
    exposed = _Exposure(points)
    drawdown, returns = _Drawdown(), _Returns(_rate_per_period(risk_free_rate, periods))
    grown = _Growth(drawdown.follow(watch_levels(levels(session, exposed, flows))))
    returns.add_all(_closes(grown, resample))
    return Performance(
        net_pnl=session.net_pnl,
        fees=session.fees_paid,
        total_return=grown.total_return(),
        max_drawdown=drawdown.depth(),
        drawdown_peak_at=drawdown.peak_at,
        drawdown_trough_at=drawdown.trough_at,
        sharpe_ratio=returns.sharpe_ratio(periods),
        sortino_ratio=returns.sortino_ratio(periods),
        exposure=exposed.share(),
        trades=trades.count,
        win_rate=trades.win_rate(),
        profit_factor=trades.profit_factor(),
        average_win=trades.average_win(),
        average_loss=trades.average_loss(),
    )


def _without_cash_flows(history: Iterable[Booked], flows: list[CashFlow]) -> Iterator[Booked]:
    """The history without its cash flows, which are put into `flows`."""
    for each in history:
        if isinstance(each, CashFlow):
            flows.append(each)
        else:
            yield each


class _Exposure:
    """The points as they pass, and how many of the periods between them began with an open position."""

    def __init__(self, points: Iterable[EquityPoint]) -> None:
        self._points = points
        self._periods = self._exposed = 0
        self._is_known = True

    def __iter__(self) -> Iterator[EquityPoint]:
        before: EquityPoint | None = None
        for point in self._points:
            if before is not None:
                self._periods += 1
                self._exposed += before.equity != before.cash
            self._is_known = self._is_known and point.cash is not None
            yield point
            before = point

    def share(self) -> float | None:
        return self._exposed / self._periods if self._periods and self._is_known else None


class _Growth:
    """The levels as they pass, of which the first and the last are kept."""

    def __init__(self, found: Iterable[Level]) -> None:
        self._found = found
        self._first: Level | None = None
        self._last: Level | None = None

    def __iter__(self) -> Iterator[Level]:
        for level in self._found:
            self._first = self._first or level
            self._last = level
            yield level

    def total_return(self) -> float | None:
        if self._first is None or self._last is None:
            return None
        before, after = self._first.level, self._last.level
        if before is None or before <= 0 or after is None or self._first is self._last:
            return None
        return float(_change(before, after))


class _Drawdown:
    """The deepest fall of the levels that pass."""

    def __init__(self) -> None:
        self._deepest = Decimal(0)
        self._defined = False
        self.peak_at: datetime | None = None
        self.trough_at: datetime | None = None

    def follow(self, found: Iterable[Level]) -> Iterator[Level]:
        peak: tuple[datetime, Decimal] | None = None
        lowest = Decimal(0)
        for each in found:
            yield each
            level = each.level
            if level is None:
                continue
            if peak is None or level >= peak[1]:
                peak, lowest = (each.at, level) if level > 0 else None, level
                self._defined = self._defined or peak is not None
            elif level < lowest:  # what is not as low as since the peak is not as deep, and a quotient takes long
                lowest, depth = level, _change(peak[1], level)
                if depth < self._deepest:
                    self._deepest, self.peak_at, self.trough_at = depth, peak[0], each.at

    def depth(self) -> float | None:
        return float(self._deepest) if self._defined else None


def _closes(found: Iterable[Level], resample: Resample | None) -> Iterator[Level]:
    """The first level, and of those after it the last one of each period."""
    following = iter(found)
    yield from islice(following, 1)
    if resample is None:
        yield from following
        return
    period_of = _PERIOD_OF[resample]
    for _, group in groupby(following, lambda level: period_of(level.at)):
        yield deque(group, maxlen=1)[0]


class _Returns:
    """Sums over the returns in excess of the risk-free rate, from which mean and deviations follow."""

    def __init__(self, risk_free_rate: Decimal) -> None:
        self._risk_free_rate = risk_free_rate
        self._count = 0
        self._defined = True
        self._total = self._squares = self._downside_squares = Decimal(0)

    def add_all(self, closes: Iterable[Level]) -> None:
        before: Level | None = None
        for close in closes:
            if before is not None:
                self._add(before.level, close.level)
            before = close

    def _add(self, before: Decimal | None, after: Decimal | None) -> None:
        if before is None or after is None or before <= 0:
            self._defined = False
            return
        excess = ROUNDED.subtract(_change(before, after), self._risk_free_rate)
        square = _SUMS.multiply(excess, excess)
        self._count += 1
        self._total = _SUMS.add(self._total, excess)
        self._squares = _SUMS.add(self._squares, square)
        if excess < 0:
            self._downside_squares = _SUMS.add(self._downside_squares, square)

    def sharpe_ratio(self, periods_per_year: float) -> float | None:
        if not self._are_enough():
            return None
        square_of_mean = _SUMS.divide(_SUMS.multiply(self._total, self._total), Decimal(self._count))
        variance = _SUMS.divide(_SUMS.subtract(self._squares, square_of_mean), Decimal(self._count - 1))
        return self._yearly_mean_over(variance, periods_per_year)

    def sortino_ratio(self, periods_per_year: float) -> float | None:
        if not self._are_enough():
            return None
        return self._yearly_mean_over(_SUMS.divide(self._downside_squares, Decimal(self._count)), periods_per_year)

    def _are_enough(self) -> bool:
        return self._defined and self._count >= _FEWEST_RETURNS

    def _yearly_mean_over(self, variance: Decimal, periods_per_year: float) -> float | None:
        if variance < _SUMS.multiply(_NOISE, _NOISE):
            return None
        mean = _SUMS.divide(self._total, Decimal(self._count))
        scale = _SUMS.sqrt(_SUMS.divide(Decimal(periods_per_year), variance))
        return float(_SUMS.multiply(mean, scale))


def _periods_per_year(given: float | None, resample: Resample | None) -> float:
    if resample is not None and resample not in _PERIODS:
        raise ValueError(f"resample is 'day', 'week', 'month' or None (from point to point), not {resample!r}")
    if given is None and resample is None:
        raise ValueError("resample=None needs periods_per_year: how many points a year has (252 for one a trading day)")
    periods = _PERIODS[resample or "day"] if given is None else given
    if not (periods > 0 and math.isfinite(periods)):
        raise ValueError(f"periods_per_year must be above zero (252 for trading days), not {periods}")
    return periods


def _rate_per_period(yearly: float, periods_per_year: float) -> Decimal:
    """The rate that compounds to `yearly` in a year."""
    if not (yearly > -1 and math.isfinite(yearly)):
        raise ValueError(f"risk_free_rate must be above -1 (0.03 for 3 % a year), not {yearly}")
    return Decimal(math.expm1(math.log1p(yearly) / periods_per_year))


def _change(before: Decimal, after: Decimal) -> Decimal:
    """From `before` to `after`, as a fraction of `before`."""
    return ROUNDED.divide(EXACT.subtract(after, before), before)
