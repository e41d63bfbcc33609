"""Closed trades, as traders count them: one for each position, from its first fill until nothing of it is left.

A trade of which the broker filled the entry in fifty slices and the exit in three is one trade, which won or lost once;
its slices are the round trips of `round_trips`. (TradeStation, QuantConnect's "flat to flat" and others count so.)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import reduce

from paper_repo.domain.positions import Position
from paper_repo.domain.round_trips import RoundTrip, matches
from paper_repo.domain.trading import Fill, Side
from paper_repo.domain.values import EXACT, ROUNDED


@dataclass(frozen=True, slots=True)
class Trade:
    """A position that was opened and is closed. Prices and amounts are in the base currency.

    - `side`: how it was entered, BUY for a long trade, SELL for a short one.
    - `quantity`: all that was bought into it (short: sold), in however many slices.
    - `entry_price`, `exit_price`: the averages by quantity, to 28 significant digits.
    - `entry_at`, `exit_at`: the first slice in, and the last one out.
    - `pnl`: what it gained before fees, below zero for a loss; exact, as `fees` is.
    - `slices`: the round trips it is made of, in the order in which they were closed.
    """

    symbol: str
    side: Side
    quantity: Decimal
    entry_price: Decimal
    exit_price: Decimal
    entry_at: datetime
    exit_at: datetime
    pnl: Decimal
    fees: Decimal
    slices: tuple[RoundTrip, ...] = field(repr=False)

    @property
    def net_pnl(self) -> Decimal:
        """What the trade gained, after fees."""
        return EXACT.subtract(self.pnl, self.fees)

    @property
    def duration(self) -> timedelta:
        """How long the position was open; below zero when the closing fill carries the earlier time."""
        return self.exit_at - self.entry_at


def trades(fills: Iterable[Fill], opening_positions: Mapping[str, Position] | None = None) -> list[Trade]:
    """The trades that `fills` make up, in the order in which they were closed.

    A trade begins when a symbol's position is opened and ends when nothing of it is left; what is added and taken away
    in between belongs to it. A fill that turns a position ends one trade and begins the next, with its quantity and its
    fee shared between the two. A position that is still open makes no trade.

    Args:
        fills: in the order in which they were booked, as `get_fills` returns them; this order counts, not the times.
        opening_positions: what was held before the first fill, by symbol; see `round_trips`.
    """
    return [_trade(slices) for slices in closed_positions(fills, opening_positions)]


def closed_positions(
    fills: Iterable[Fill], opening_positions: Mapping[str, Position] | None = None
) -> Iterator[list[RoundTrip]]:
    """The round trips of each position that was closed, as soon as it was; those of one at a time are in memory."""
    unfinished: defaultdict[str, list[RoundTrip]] = defaultdict(list)
    for trip, closed in matches(fills, opening_positions):
        unfinished[trip.symbol].append(trip)
        if closed:
            yield unfinished.pop(trip.symbol)


def _trade(slices: Sequence[RoundTrip]) -> Trade:
    quantity = total(slices, lambda each: each.quantity)
    return Trade(
        slices[0].symbol,
        slices[0].side,
        quantity,
        _average(slices, quantity, lambda each: each.entry_price),
        _average(slices, quantity, lambda each: each.exit_price),
        slices[0].entry_at,
        slices[-1].exit_at,
        total(slices, lambda each: each.pnl),
        total(slices, lambda each: each.fees),
        tuple(slices),
    )


def total(slices: Iterable[RoundTrip], amount: Callable[[RoundTrip], Decimal]) -> Decimal:
    """The exact sum of an amount that each of the round trips has."""
    return reduce(EXACT.add, map(amount, slices), Decimal(0))


def _average(slices: Sequence[RoundTrip], quantity: Decimal, price: Callable[[RoundTrip], Decimal]) -> Decimal:
    if len(slices) == 1:
        return price(slices[0])
    return ROUNDED.divide(total(slices, lambda each: EXACT.multiply(each.quantity, price(each))), quantity)
