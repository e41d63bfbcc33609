"""Equity curves as numbers for a chart: their drawdown, their growth, and where a mark stands on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from paper_repo.domain import EquityPoint, Fill, Side

Numbers: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """One curve: seconds since 1970, and the equity at each of them; what it began with, and its fills as marks."""

    session_id: str
    name: str
    start: float
    times: Numbers
    equity: Numbers
    buys: Numbers
    sells: Numbers

    @classmethod
    def of(
        cls, session_id: str, name: str, start: float, points: Sequence[EquityPoint], fills: Sequence[Fill]
    ) -> Curve:
        """The curve that these points make, by time."""
        times = np.array([each.at.timestamp() for each in points], dtype=float)
        equity = np.array([float(each.equity) for each in points], dtype=float)
        by_time = np.argsort(times, kind="stable")
        buys, sells = (
            np.array([each.executed_at.timestamp() for each in fills if each.side is side], dtype=float)
            for side in (Side.BUY, Side.SELL)
        )
        return cls(session_id, name, start, times[by_time], equity[by_time], buys, sells)

    @property
    def drawdown(self) -> Numbers:
        """At each point, the fall from the highest point before it, in percent and not above zero."""
        if not len(self.equity):
            return self.equity
        peaks = np.maximum(np.maximum.accumulate(self.equity), self.start)
        return np.where(peaks > 0, 100 * (self.equity / np.where(peaks > 0, peaks, 1) - 1), 0.0)

    @property
    def growth(self) -> Numbers:
        """At each point, the gain since the beginning in percent."""
        return 100 * (self.equity / self.start - 1) if self.start else np.zeros_like(self.equity)

    def at(self, times: Numbers, values: Numbers) -> Numbers:
        """Where marks of these times stand on the curve of these values."""
        return np.interp(times, self.times, values) if len(values) else np.zeros_like(times)

    def nearest(self, time: float) -> int | None:
        """The place of the point that is nearest to this time; None without a point."""
        if not len(self.times):
            return None
        after = int(np.searchsorted(self.times, time))
        before = max(after - 1, 0)
        after = min(after, len(self.times) - 1)
        return before if time - self.times[before] <= self.times[after] - time else after


def local(seconds: float) -> datetime:
    """The time in the user's own zone."""
    return datetime.fromtimestamp(seconds).astimezone()
