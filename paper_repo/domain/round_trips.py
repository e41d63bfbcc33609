"""Round trips, found by matching a session's fills first in, first out; `trades` puts those of a position together.

First in, first out assumes that what was bought first is sold first (in the United States the rule for securities that
are not identified otherwise, IRS Publication 550; internationally IAS 2, paragraph 27). The session itself keeps
average-cost books, which answer what a position has earned so far; matching answers what each part of it has earned.
For a symbol whose position is closed, both come to the same total.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from paper_repo.domain.positions import Position
from paper_repo.domain.trading import Fill, Side
from paper_repo.domain.values import EXACT

_FEE_DIGITS = 28
"""To how many significant digits of a fee its parts are taken; the last part is what remains, whatever its digits."""


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """What one fill opened and a later fill closed. Prices and amounts are in the base currency.

    `side` is how it was entered: BUY for a long trade, SELL for a short one. `fees` is the part of the two fills' fees
    that falls to `quantity`; below zero where rebates outweigh fees.
    """

    symbol: str
    side: Side
    quantity: Decimal
    entry_price: Decimal
    exit_price: Decimal
    entry_at: datetime
    exit_at: datetime
    fees: Decimal

    @property
    def pnl(self) -> Decimal:
        """The gain of the trade before fees; negative for a loss."""
        prices = (self.exit_price, self.entry_price) if self.side is Side.BUY else (self.entry_price, self.exit_price)
        return EXACT.multiply(self.quantity, EXACT.subtract(*prices))

    @property
    def net_pnl(self) -> Decimal:
        """The gain of the trade after fees; negative for a loss."""
        return EXACT.subtract(self.pnl, self.fees)

    @property
    def duration(self) -> timedelta:
        """How long the trade was open; negative if the closing fill has the earlier time."""
        return self.exit_at - self.entry_at


def round_trips(fills: Iterable[Fill], opening_positions: Mapping[str, Position] | None = None) -> list[RoundTrip]:
    """The round trips that `fills` make up, in the order in which they were closed.

    Each symbol is matched on its own, first in, first out. A fill against the open side closes the oldest open fill
    first, then the next; each pair of fills makes one round trip, so a purchase sold in three parts makes three, and a
    sale of three purchases too. What a fill has left when nothing is open any more opens the other side. What is still
    open at the end makes no round trip.

    All amounts are exact. A fill's fee is shared out by quantity: a part is rounded towards zero at the 28th
    significant digit of the fee, and the last part is all that remains, so the parts of a closed fill add up to its fee
    exactly.

    Args:
        fills: in the order in which they were booked, as `get_fills` returns them; this order counts, not the times.
        opening_positions: what was held before the first fill, by symbol as `session.positions` has it. It was entered
            at its average price (`Position.average_price`, to 28 significant digits), without a fee, when it was
            opened.
    """
    return [trip for trip, _ in matches(fills, opening_positions)]


def matches(
    fills: Iterable[Fill], opening_positions: Mapping[str, Position] | None = None
) -> Iterator[tuple[RoundTrip, bool]]:
    """Each round trip, and whether it has closed the last of its position."""
    open_lots: defaultdict[str, deque[_Lot]] = defaultdict(deque)
    for position in (opening_positions or {}).values():
        open_lots[position.symbol].append(_Lot(_entry_of(position)))
    for fill in fills:
        lots, traded = open_lots[fill.symbol], _Lot(fill)
        while traded.quantity and lots and lots[0].fill.side is not fill.side:
            trip = _match(lots[0], traded)
            if not lots[0].quantity:
                lots.popleft()
            yield trip, not lots
        if traded.quantity:
            lots.append(traded)


def _entry_of(position: Position) -> Fill:
    """The fill that would have opened `position` as it is."""
    return Fill(
        "opening",
        position.symbol,
        Side.BUY if position.quantity > 0 else Side.SELL,
        position.quantity.copy_abs(),
        position.average_price,
        executed_at=position.opened_at,
    )


class _Lot:
    """What of a fill is not matched yet: its quantity, and the part of its fee that goes with it."""

    __slots__ = ("_fee", "fill", "quantity")

    def __init__(self, fill: Fill) -> None:
        self.fill = fill
        self.quantity = fill.quantity
        self._fee = fill.fee

    def take(self, quantity: Decimal) -> Decimal:
        """Take `quantity` out of the lot; the fee that goes with it."""
        fee = self._fee if quantity == self.quantity else self._share_of_fee(quantity)
        self.quantity = EXACT.subtract(self.quantity, quantity)
        self._fee = EXACT.subtract(self._fee, fee)
        return fee

    def _share_of_fee(self, quantity: Decimal) -> Decimal:
        unit = _last_place(self.fill.fee)
        units = EXACT.divide_int(EXACT.multiply(self._fee, quantity), EXACT.multiply(self.quantity, unit))
        share = EXACT.multiply(units, unit).normalize(EXACT)
        return EXACT.add(share, EXACT.subtract(self.fill.fee, self.fill.fee))  # this zero brings the fee's places back


def _last_place(fee: Decimal) -> Decimal:
    """One unit of the last place that a part of `fee` may have."""
    return Decimal((0, (1,), fee.adjusted() - _FEE_DIGITS + 1))


def _match(entry: _Lot, exit: _Lot) -> RoundTrip:
    quantity = min(entry.quantity, exit.quantity)
    return RoundTrip(
        entry.fill.symbol,
        entry.fill.side,
        quantity,
        entry.fill.price,
        exit.fill.price,
        entry.fill.executed_at,
        exit.fill.executed_at,
        EXACT.add(entry.take(quantity), exit.take(quantity)),
    )
