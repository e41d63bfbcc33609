"""The daily prices that the demo trades: AAPL, GOOG, IBM and MSFT from March 2012 to March 2013."""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache
from importlib.resources import files

OPENING, CLOSING = time(14, 30, tzinfo=UTC), time(21, 0, tzinfo=UTC)
"""New York's hours in winter; the data has days only, and these are used for all of them."""


@dataclass(frozen=True, slots=True)
class Bar:
    """What one symbol did in one day; prices in US dollars, volume in shares."""

    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int


@dataclass(frozen=True, slots=True)
class TradingDay:
    """One day of the market."""

    date: date
    bars: dict[str, Bar]

    @property
    def opens_at(self) -> datetime:
        """When trading begins, in UTC."""
        return datetime.combine(self.date, OPENING)

    @property
    def closes_at(self) -> datetime:
        """When trading ends, in UTC."""
        return datetime.combine(self.date, CLOSING)

    @property
    def closes(self) -> dict[str, Decimal]:
        """The closing price of every symbol."""
        return {symbol: bar.close for symbol, bar in self.bars.items()}


@cache
def trading_days() -> tuple[TradingDay, ...]:
    """Every day of the data, the oldest first."""
    bars: defaultdict[date, dict[str, Bar]] = defaultdict(dict)
    with files(__package__).joinpath("prices.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            opened, high, low, close = (Decimal(row[name]) for name in ("open", "high", "low", "close"))
            bars[date.fromisoformat(row["date"])][row["symbol"]] = Bar(opened, high, low, close, int(row["volume"]))
    return tuple(TradingDay(day, dict(sorted(bars[day].items()))) for day in sorted(bars))


def symbols() -> tuple[str, ...]:
    """What is traded."""
    return tuple(trading_days()[0].bars)
