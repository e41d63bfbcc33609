"""Closed trades, as traders count them: one for each position, from its first fill until nothing of it is left.

A trade of which the broker filled the entry in fifty slices and the exit in three is one trade, which won or lost once;
its slices are the round trips of `round_trips`. (TradeStation, QuantConnect's "flat to flat" and others count so.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import reduce
from typing import TYPE_CHECKING

from paper_repo.domain import one_line
from paper_repo.domain.history import Booked
from paper_repo.domain.round_trips import RoundTrip, matches
from paper_repo.domain.trading import Side
from paper_repo.domain.values import EXACT, ROUNDED

if TYPE_CHECKING:
    from paper_repo.domain.session import PaperTradingSession


@dataclass(frozen=True, slots=True)
@one_line.described(one_line.trade)
class Trade:
    """A position that was opened and is closed.

    - `symbol`: under which it was closed.
    - `side`: how it was entered, BUY for a long trade, SELL for a short one.
    - `quantity`: all that was bought into it (short: sold), in however many slices.
    - `entry_price`, `exit_price`: the averages by quantity, to 28 significant digits, in the currency of the
      instrument. Quantity and prices are in the units of after the last split.
    - `entry_at`, `exit_at`: the first slice in, and the last one out.
    - `pnl`: what it gained before fees, below zero for a loss; exact, as `fees` is, and like them in the base currency.
    - `slices`: the round trips it is made of, in the order in which they were closed.
    - `currency`: that of the prices; None: the base currency. `multiplier`: of the instrument.
    - `position_id`: of the position that it was, where its fills name one.
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
    currency: str | None = None
    multiplier: Decimal = Decimal(1)
    position_id: str | None = None

    @property
    def net_pnl(self) -> Decimal:
        """What the trade gained, after fees."""
        return EXACT.subtract(self.pnl, self.fees)

    @property
    def duration(self) -> timedelta:
        """How long the position was open; below zero when the closing fill carries the earlier time."""
        return self.exit_at - self.entry_at


def trades(history: Iterable[Booked], session: PaperTradingSession | None = None) -> list[Trade]:
    """The trades that the fills of `history` make up, in the order in which they were closed.

    A trade begins when a position is opened and ends when nothing of it is left; what is added and taken away in
    between belongs to it, and so does a split. A fill that turns a position ends one trade and begins the next, with
    its quantity and its fee shared between the two. A position that is still open makes no trade.

    Args:
        history: fills, and the splits and changes of symbols among them, in the order in which they were booked; this
            order counts, not the times. A corrected fill does not count, what replaces it stands in its place; cash
            flows are passed over.
        session: whose history it is. Needed where the session has instruments, other currencies, or held positions when
            it began; see `round_trips`.
    """
    return [trade_of(slices) for slices in closed_positions(history, session)]


def closed_positions(
    history: Iterable[Booked], session: PaperTradingSession | None = None
) -> Iterator[list[RoundTrip]]:
    """The round trips of each position that was closed, as soon as it was; those of open ones are in memory."""
    for _, closed in matches(history, session):
        if closed is not None:
            yield closed


def trade_of(slices: Sequence[RoundTrip]) -> Trade:
    """The trade that is made of the round trips of one position."""
    quantity = total(slices, lambda each: each.quantity)
    last = slices[-1]
    return Trade(
        last.symbol,
        slices[0].side,
        quantity,
        _average(slices, quantity, lambda each: each.entry_price),
        _average(slices, quantity, lambda each: each.exit_price),
        slices[0].entry_at,
        last.exit_at,
        total(slices, lambda each: each.pnl),
        total(slices, lambda each: each.fees),
        tuple(slices),
        last.currency,
        last.multiplier,
        last.position_id,
    )


def total(slices: Iterable[RoundTrip], amount: Callable[[RoundTrip], Decimal]) -> Decimal:
    """The exact sum of an amount that each of the round trips has."""
    return reduce(EXACT.add, map(amount, slices), Decimal(0))


def _average(slices: Sequence[RoundTrip], quantity: Decimal, price: Callable[[RoundTrip], Decimal]) -> Decimal:
    if len(slices) == 1:
        return price(slices[0])
    return ROUNDED.divide(total(slices, lambda each: EXACT.multiply(each.quantity, price(each))), quantity)
