"""The figures by which traders compare runs, each with its definition.

Ratios are computed in decimal arithmetic and returned as floats, in one pass over the equity curve, so that a curve of
millions of points needs no memory. Definitions are those of the quantstats library where it has the figure.
"""

from __future__ import annotations

import decimal
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import reduce

from paper_repo.domain.round_trips import round_trips
from paper_repo.domain.session import PaperTradingSession
from paper_repo.domain.trading import EquityPoint, Fill
from paper_repo.domain.values import EXACT


def _context(digits: int) -> decimal.Context:
    return decimal.Context(
        digits,
        decimal.ROUND_HALF_EVEN,
        decimal.MIN_EMIN,
        decimal.MAX_EMAX,
        traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow],
    )


_QUOTIENT = _context(28)
_SUMS = _context(100)
"""Wide enough that the squares of equal returns add up without rounding: constant returns deviate by exactly zero."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """The performance of a session. Amounts are in its base currency; a ratio is None where it is undefined.

    Of the books:

    - `net_pnl`: realized and unrealized profit or loss after fees (`session.net_pnl`).
    - `fees`: all fees paid (`session.fees_paid`), those of open positions too.

    Of the equity curve, which is taken as it is; what came before its first point is not in it:

    - `total_return`: last equity / first equity - 1, so 0.05 is a gain of 5 %. None below two points, or when the first
      equity is not above zero.
    - `max_drawdown`: the deepest fall from a peak to a later point, as a fraction of the peak and below zero: -0.2 is a
      loss of 20 %; 0.0 when equity never fell. `drawdown_peak_at` is when equity was last at that peak,
      `drawdown_trough_at` when it first was deepest; both None when it never fell. All None without a point above zero.
      Source: Magdon-Ismail and Atiya, "Maximum Drawdown", Risk 17(10), 2004.
    - `sharpe_ratio`: mean / standard deviation (n - 1) of the returns from point to point in excess of the risk-free
      rate, times the square root of the periods in a year. That scaling presumes that returns do not depend on those
      before. None below two returns, without deviation, or when equity was not above zero before the last point.
      Source: W. F. Sharpe, "The Sharpe Ratio", Journal of Portfolio Management 21(1), 1994 (ex post).
    - `sortino_ratio`: the same mean over the downside deviation, the root of the mean square of the excess returns with
      those above zero counted as zero, scaled alike. None without a return, without one below the risk-free rate, or
      when equity was not above zero before the last point. Source: Sortino and Price, "Performance Measurement in a
      Downside Risk Framework", Journal of Investing 3(3), 1994, with the risk-free rate as the target.
    - `exposure`: the share of the periods between two points that began with an open position, which shows as an equity
      other than the cash. It is the share of time in the market when points come at even intervals; a position opened
      and closed between two points is not seen, nor are long and short positions worth exactly the same. None below two
      points.

    Of the closed trades (`round_trips`), each counted after its fees:

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


def performance(
    session: PaperTradingSession,
    equity_curve: Iterable[EquityPoint],
    fills: Iterable[Fill],
    *,
    periods_per_year: float = 252,
    risk_free_rate: float = 0.0,
) -> Performance:
    """The performance of a session, as `Performance` defines it.

    Args:
        session: its books give the amounts.
        equity_curve: its points, oldest first; read once. A curve that begins with `session.mark({})` before the first
            fill begins with the starting cash, and its total return is then that of the session.
        fills: its fills in the order in which they were booked; read once.
        periods_per_year: how many points a year has, to scale Sharpe and Sortino ratio to a year: 252 for one each
            trading day, 365 for one each calendar day, 52 for one a week.
        risk_free_rate: yearly, compounded, as a fraction: 0.03 is 3 %.

    Raises:
        ValueError: `periods_per_year` is not above zero, or `risk_free_rate` not above -1.
    """
    curve = _Curve(_rate_per_period(risk_free_rate, periods_per_year))
    for point in equity_curve:
        curve.add(point)
    trades = _Trades([trip.net_pnl for trip in round_trips(fills)])
    deepest, returns = curve.deepest, curve.returns
    return Performance(
        net_pnl=session.net_pnl,
        fees=session.fees_paid,
        total_return=curve.total_return(),
        max_drawdown=None if curve.peak is None else float(deepest.depth),
        drawdown_peak_at=deepest.peak_at,
        drawdown_trough_at=deepest.trough_at,
        sharpe_ratio=returns.sharpe_ratio(periods_per_year),
        sortino_ratio=returns.sortino_ratio(periods_per_year),
        exposure=curve.exposure(),
        trades=trades.count,
        win_rate=trades.win_rate(),
        profit_factor=trades.profit_factor(),
        average_win=_average(trades.won, trades.wins),
        average_loss=_average(trades.lost, trades.losses),
    )


@dataclass(frozen=True, slots=True)
class _Drawdown:
    depth: Decimal = Decimal(0)
    peak_at: datetime | None = None
    trough_at: datetime | None = None


class _Curve:
    """What there is to know of an equity curve, gathered point by point."""

    def __init__(self, risk_free_rate: Decimal) -> None:
        self.first: EquityPoint | None = None
        self.last: EquityPoint | None = None
        self.peak: EquityPoint | None = None
        self.deepest = _Drawdown()
        self.returns = _Returns(risk_free_rate)
        self.periods = self.exposed = 0

    def add(self, point: EquityPoint) -> None:
        if self.last is None:
            self.first = point
        else:
            self.periods += 1
            self.exposed += self.last.equity != self.last.cash
            self.returns.add(self.last.equity, point.equity)
        self.last = point
        self._follow_drawdown(point)

    def _follow_drawdown(self, point: EquityPoint) -> None:
        if self.peak is None or point.equity >= self.peak.equity:
            self.peak = point if point.equity > 0 else None
            return
        depth = _change(self.peak.equity, point.equity)
        if depth < self.deepest.depth:
            self.deepest = _Drawdown(depth, self.peak.at, point.at)

    def total_return(self) -> float | None:
        if self.first is None or self.last is None or not self.periods or self.first.equity <= 0:
            return None
        return float(_change(self.first.equity, self.last.equity))

    def exposure(self) -> float | None:
        return self.exposed / self.periods if self.periods else None


class _Returns:
    """Sums over the returns in excess of the risk-free rate, from which mean and deviations follow."""

    def __init__(self, risk_free_rate: Decimal) -> None:
        self.risk_free_rate = risk_free_rate
        self.count = 0
        self.defined = True
        self.total = self.squares = self.downside_squares = Decimal(0)

    def add(self, before: Decimal, after: Decimal) -> None:
        if before <= 0:
            self.defined = False
            return
        excess = _QUOTIENT.subtract(_change(before, after), self.risk_free_rate)
        square = _SUMS.multiply(excess, excess)
        self.count += 1
        self.total = _SUMS.add(self.total, excess)
        self.squares = _SUMS.add(self.squares, square)
        if excess < 0:
            self.downside_squares = _SUMS.add(self.downside_squares, square)

    def sharpe_ratio(self, periods_per_year: float) -> float | None:
        if self.count < 2:
            return None
        square_of_mean = _SUMS.divide(_SUMS.multiply(self.total, self.total), Decimal(self.count))
        variance = _SUMS.divide(_SUMS.subtract(self.squares, square_of_mean), Decimal(self.count - 1))
        return self._yearly_mean_over(variance, periods_per_year)

    def sortino_ratio(self, periods_per_year: float) -> float | None:
        if not self.count:
            return None
        return self._yearly_mean_over(_SUMS.divide(self.downside_squares, Decimal(self.count)), periods_per_year)

    def _yearly_mean_over(self, variance: Decimal, periods_per_year: float) -> float | None:
        if not self.defined or variance <= 0:
            return None
        mean = _SUMS.divide(self.total, Decimal(self.count))
        scale = _SUMS.sqrt(_SUMS.divide(Decimal(periods_per_year), variance))
        return float(_SUMS.multiply(mean, scale))


class _Trades:
    """Winners and losers among the gains of closed trades."""

    def __init__(self, gains: list[Decimal]) -> None:
        self.count = len(gains)
        self.wins = sum(gain > 0 for gain in gains)
        self.losses = sum(gain < 0 for gain in gains)
        self.won = _total(gain for gain in gains if gain > 0)
        self.lost = _total(gain for gain in gains if gain < 0)

    def win_rate(self) -> float | None:
        decided = self.wins + self.losses
        return self.wins / decided if decided else None

    def profit_factor(self) -> float | None:
        return float(_QUOTIENT.divide(self.won, EXACT.minus(self.lost))) if self.losses else None


def _rate_per_period(yearly: float, periods_per_year: float) -> Decimal:
    """The rate that compounds to `yearly` in a year."""
    if not (periods_per_year > 0 and math.isfinite(periods_per_year)):
        raise ValueError(f"periods_per_year must be above zero (252 for trading days), not {periods_per_year}")
    if not (yearly > -1 and math.isfinite(yearly)):
        raise ValueError(f"risk_free_rate must be above -1 (0.03 for 3 % a year), not {yearly}")
    return Decimal(math.expm1(math.log1p(yearly) / periods_per_year))


def _change(before: Decimal, after: Decimal) -> Decimal:
    """From `before` to `after`, as a fraction of `before`."""
    return _QUOTIENT.divide(EXACT.subtract(after, before), before)


def _average(total: Decimal, count: int) -> Decimal | None:
    return _QUOTIENT.divide(total, Decimal(count)) if count else None


def _total(amounts: Iterable[Decimal]) -> Decimal:
    return reduce(EXACT.add, amounts, Decimal(0))
