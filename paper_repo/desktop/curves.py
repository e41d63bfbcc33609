"""Equity curves as numbers for a chart: their drawdown, their growth, and where a mark stands on them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

from paper_repo.domain import EquityPoint, Fill, Side
from paper_repo.domain.downsampling import plottable

Numbers = list[float]


@dataclass(frozen=True)
class Curve:
    """One curve, in the order of time.

    - `start`: what it began with.
    - `times`: seconds since 1970; `equity` at each of them.
    - `drawdown`: the fall from the highest point before it, in percent and not above zero; `growth`: the gain since the
      beginning, in percent.
    - `buys`, `sells`: the times of its fills, for marks.
    """

    session_id: str
    name: str
    start: float
    times: Numbers
    equity: Numbers
    drawdown: Numbers
    growth: Numbers
    buys: Numbers
    sells: Numbers

    @classmethod
    def of(
        cls, session_id: str, name: str, start: float, points: Sequence[EquityPoint], fills: Sequence[Fill]
    ) -> Curve:
        """The curve that these points make."""
        by_time = sorted(points, key=lambda each: each.at)
        equity = [plottable(each.equity) for each in by_time]
        peaks = accumulate(equity, max, initial=start)
        next(peaks)
        buys, sells = (
            sorted(each.executed_at.timestamp() for each in fills if each.side is side)
            for side in (Side.BUY, Side.SELL)
        )
        return cls(
            session_id,
            name,
            start,
            [each.at.timestamp() for each in by_time],
            equity,
            [
                plottable(100 * (value / peak - 1)) if peak > 0 else 0.0
                for value, peak in zip(equity, peaks, strict=True)
            ],
            [plottable(100 * (value / start - 1)) if start else 0.0 for value in equity],
            buys,
            sells,
        )

    def equity_at(self, time: float) -> float:
        """The equity at this time, between two points on the line from the one to the other; there must be a point."""
        after = bisect_left(self.times, time)
        if after in (0, len(self.times)):
            return self.equity[min(after, len(self.times) - 1)]
        before = after - 1
        share = (time - self.times[before]) / (self.times[after] - self.times[before])
        return self.equity[before] + share * (self.equity[after] - self.equity[before])

    def nearest(self, time: float) -> int | None:
        """The place of the point that is nearest to this time; None without a point."""
        if not self.times:
            return None
        after = bisect_left(self.times, time)
        before = max(after - 1, 0)
        after = min(after, len(self.times) - 1)
        return before if time - self.times[before] <= self.times[after] - time else after

    def between(self, first: float, last: float) -> slice:
        """The places of the points that are drawn from one time to another: also the next one beyond each end."""
        return slice(max(bisect_left(self.times, first) - 1, 0), bisect_left(self.times, last) + 1)


def local(seconds: float) -> datetime:
    """The time in the user's own zone."""
    return datetime.fromtimestamp(seconds).astimezone()
