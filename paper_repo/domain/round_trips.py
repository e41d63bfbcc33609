"""Round trips, found by matching a session's fills first in, first out; `trades` puts those of a position together.

First in, first out assumes that what was bought first is sold first (in the United States the rule for securities that
are not identified otherwise, IRS Publication 550; internationally IAS 2, paragraph 27). The session itself keeps
average-cost books, which answer what a position has earned so far; matching answers what each part of it has earned.
For a symbol whose position is closed, both come to the same total (in another currency: at the same rate).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, cast

from paper_repo.domain import one_line
from paper_repo.domain.drafts import draft_of
from paper_repo.domain.history import Booked, in_force
from paper_repo.domain.ledger import Split, SymbolChange
from paper_repo.domain.lots import Holding, Lot, lot_of, opening_holdings, price_after, quantity_after
from paper_repo.domain.trading import Fill, Side
from paper_repo.domain.values import EXACT

if TYPE_CHECKING:
    from paper_repo.domain.session import PaperTradingSession


@dataclass(frozen=True, slots=True)
@one_line.described(one_line.trade)
class RoundTrip:
    """What one fill opened and a later fill closed.

    - `side`: how it was entered, BUY for a long trade, SELL for a short one.
    - `entry_price`, `exit_price`: in the currency of the instrument; after a split, the entry as if it had been bought
      after it.
    - `pnl`: the gain before fees in the session's base currency, at the rate of the exit; negative for a loss.
    - `fees`: the part of the two fills' fees that falls to `quantity`, in the base currency; below zero where rebates
      outweigh fees.
    - `currency`: that of the prices; None: the base currency. `multiplier`: of the instrument.
    - `position_id`: of the position it belongs to, where the fills name one.
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
    currency: str | None = None
    multiplier: Decimal = Decimal(1)
    position_id: str | None = None

    @property
    def net_pnl(self) -> Decimal:
        """The gain of the trade after fees; negative for a loss."""
        return EXACT.subtract(self.pnl, self.fees)

    @property
    def duration(self) -> timedelta:
        """How long the trade was open; negative if the closing fill has the earlier time."""
        return self.exit_at - self.entry_at


_draft = draft_of(RoundTrip)


def round_trips(history: Iterable[Booked], session: PaperTradingSession | None = None) -> list[RoundTrip]:
    """The round trips that the fills of `history` make up, in the order in which they were closed.

    Each position is matched on its own, first in, first out. A fill against the open side closes the oldest open fill
    first, then the next; each pair of fills makes one round trip, so a purchase sold in three parts makes three, and a
    sale of three purchases too. What a fill has left when nothing is open any more opens the other side. What is still
    open at the end makes no round trip.

    Gains and fees are exact. A fill's fee is shared out by quantity: a part is rounded towards zero at the 28th
    significant digit of the fee, and the last part is all that remains, so the parts of a closed fill add up to its fee
    exactly. The cost of what was split, or held when the session began, is shared out in the same way.

    Args:
        history: fills, and the splits and changes of symbols among them, in the order in which they were booked; this
            order counts, not the times. A corrected fill does not count, what replaces it stands in its place; cash
            flows are passed over.
        session: whose history it is. Needed where the session has instruments, other currencies, or held positions when
            it began; these were entered at their cost, without a fee, when they were opened.
    """
    return [trip for trip, _ in matches(history, session)]


def matches(
    history: Iterable[Booked], session: PaperTradingSession | None = None
) -> Iterator[tuple[RoundTrip, list[RoundTrip] | None]]:
    """Each round trip; with all of its position's, if it has closed the last of it."""
    open_holdings: dict[str, Holding[RoundTrip]] = opening_holdings(session)
    for each in in_force(history):
        if isinstance(each, Fill):
            yield from _match_fill(open_holdings, each, session)
        elif isinstance(each, Split):
            for holding in open_holdings.values():
                if holding.symbol == each.symbol:
                    holding.split(each)
                    holding.slices = [_after_split(trip, each) for trip in holding.slices]
        elif isinstance(each, SymbolChange):
            open_holdings = dict(_renamed(open_holdings, each))


def _match_fill(
    open_holdings: dict[str, Holding[RoundTrip]], fill: Fill, session: PaperTradingSession | None
) -> Iterator[tuple[RoundTrip, list[RoundTrip] | None]]:
    key = fill.position_id or fill.symbol
    holding = open_holdings.get(key)
    if holding is None:
        holding = open_holdings[key] = Holding.of(fill, session)
    lots, traded = holding.lots, lot_of(fill, holding, session)
    while traded.quantity and lots and lots[0].side is not traded.side:
        trip = _match(holding, lots[0], traded)
        if not lots[0].quantity:
            lots.popleft()
        holding.slices.append(trip)
        if lots:
            yield trip, None
        else:
            closed, holding.slices = holding.slices, []
            yield trip, closed
    if traded.quantity:
        lots.append(traded)
    elif not lots:
        del open_holdings[key]


def _match(holding: Holding[RoundTrip], entry: Lot, exit: Lot) -> RoundTrip:
    quantity = min(entry.quantity, exit.quantity)
    paid, entry_fee = entry.take(quantity)
    received, exit_fee = exit.take(quantity)
    gain = EXACT.subtract(received, paid) if entry.side is Side.BUY else EXACT.subtract(paid, received)
    trip = _draft()  # a frozen one takes as long as all the rest
    trip.symbol = holding.symbol
    trip.side = entry.side
    trip.quantity = quantity
    trip.entry_price = entry.price
    trip.exit_price = exit.price
    trip.entry_at = entry.at
    trip.exit_at = exit.at
    trip.pnl = gain if exit.rate == 1 else EXACT.multiply(gain, exit.rate)
    trip.fees = EXACT.add(entry_fee, exit_fee)
    trip.currency = holding.currency
    trip.multiplier = holding.multiplier
    trip.position_id = holding.position_id
    trip.__class__ = RoundTrip
    return cast("RoundTrip", trip)


def _after_split(trip: RoundTrip, split: Split) -> RoundTrip:
    """The round trip in the units of after the split, so that it adds up with those that come."""
    return dataclasses.replace(
        trip,
        quantity=quantity_after(split, trip.quantity),
        entry_price=price_after(split, trip.entry_price),
        exit_price=price_after(split, trip.exit_price),
    )


def _renamed(
    open_holdings: dict[str, Holding[RoundTrip]], change: SymbolChange
) -> Iterator[tuple[str, Holding[RoundTrip]]]:
    for key, holding in open_holdings.items():
        if holding.symbol == change.symbol:
            holding.symbol = change.new_symbol
        yield (key if holding.position_id else holding.symbol), holding
