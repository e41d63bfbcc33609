"""What splits and changes of symbols do to positions, resting orders and instruments."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from typing import TYPE_CHECKING

from paper_repo.domain.booking import Booking
from paper_repo.domain.ledger import Split, SymbolChange
from paper_repo.domain.orders import Order
from paper_repo.domain.positions import Position
from paper_repo.domain.values import EXACT, ROUNDED, amount, invalid

if TYPE_CHECKING:
    from paper_repo.domain.session import PaperTradingSession


def split(session: PaperTradingSession, split: Split) -> Booking:
    """Give every position and resting order of the symbol its new quantity and prices.

    A quantity or a price that has no exact decimal form (one third) is rounded to 28 significant digits; what a
    position has cost stays as it is.
    """
    booking = Booking()
    booking.entry = split
    for key, position in session.positions.items():
        if position.symbol == split.symbol:
            booking.positions[key] = _split(position, split)
    for order_id, order in session.open_orders.items():
        if order.symbol == split.symbol:
            booking.orders[order_id] = _split_order(order, split)
    return booking


def _split(position: Position, split: Split) -> Position:
    return position.after_trade(
        amount(times(position.quantity, split.ratio, split.per), "quantity"),
        position.cost_basis,
        amount(times(position.last_price, split.per, split.ratio), "last_price"),
        position.realized_pnl,
    )


def _split_order(order: Order, split: Split) -> Order:
    def price(value: Decimal | None) -> Decimal | None:
        return None if value is None else times(value, split.per, split.ratio)

    filled = times(order.filled_quantity, split.ratio, split.per)
    rest = times(order.remaining_quantity, split.ratio, split.per)
    return dataclasses.replace(
        order,
        quantity=EXACT.add(filled, rest),  # rounded each by itself: what rests is never rounded away
        filled_quantity=filled,
        limit_price=price(order.limit_price),
        stop_price=price(order.stop_price),
        trail_amount=price(order.trail_amount),
    )


def times(value: Decimal, factor: Decimal, divisor: Decimal) -> Decimal:
    """`value * factor / divisor`: exact where it has a decimal form of 28 digits, else rounded to as many."""
    product = EXACT.multiply(value, factor)
    return product if divisor == 1 else ROUNDED.divide(product, divisor)


def symbol_change(session: PaperTradingSession, change: SymbolChange) -> Booking:
    """Give the positions, the resting orders and the instrument of a symbol its new name."""
    old, new = change.symbol, change.new_symbol
    path = f"new_ledger_entries.{change.id}"
    if new in session.positions or any(each.symbol == new for each in session.positions.values()):
        raise invalid(path, f"there is a position in {new} already; close one of the two first.")
    if any(each.symbol == new for each in session.open_orders.values()):
        raise invalid(path, f"there are orders in {new} already; cancel them first.")
    booking = Booking()
    booking.entry = change
    for key, position in session.positions.items():
        if position.symbol == old:
            renamed = dataclasses.replace(position, symbol=new)
            booking.positions[key] = None
            booking.positions[renamed.id] = renamed
    for order_id, order in session.open_orders.items():
        if order.symbol == old:
            booking.orders[order_id] = dataclasses.replace(order, symbol=new)
    instruments = dict(session.instruments)
    if old in instruments:
        instruments.setdefault(new, dataclasses.replace(instruments[old], symbol=new))  # the old one: for the history
    booking.fields["instruments"] = instruments
    booking.fields["symbols"] = tuple(dict.fromkeys(new if each == old else each for each in session.symbols))
    return booking
