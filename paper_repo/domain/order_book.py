"""The orders of a session: how they are placed, filled, cancelled and closed."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from paper_repo.domain.orders import Order
from paper_repo.domain.trading import Fill
from paper_repo.domain.values import EXACT, invalid

if TYPE_CHECKING:
    from paper_repo.domain.session import PaperTradingSession


def after_fill(session: PaperTradingSession, fill: Fill) -> Order | None:
    """The order of `fill` as it is after it; None where no resting order is its own."""
    order = None if fill.order_id is None else session.open_orders.get(fill.order_id)
    if order is None:
        return None
    if (order.symbol, order.side) != (fill.symbol, fill.side):
        raise invalid(
            f"open_orders.{order.id}",
            f"is to {order.side} {order.symbol}, its fill {fill.id!r} is a {fill.side} of {fill.symbol}.",
        )
    if fill.quantity > order.remaining_quantity:
        raise invalid(
            f"open_orders.{order.id}",
            f"has {order.remaining_quantity} left, less than its fill {fill.id!r} of {fill.quantity}.",
        )
    return dataclasses.replace(order, filled_quantity=EXACT.add(order.filled_quantity, fill.quantity))


def keep(session: PaperTradingSession, order: Order | None, fill: Fill) -> None:
    """Keep an order as `after_fill` gave it, now that its fill is booked."""
    if order is None:
        return
    if order.remaining_quantity:
        session.open_orders[order.id] = order
    else:
        session.open_orders.pop(order.id, None)


def place(session: PaperTradingSession, order: Order) -> None:
    """Add a resting order."""
    if order.id in session.open_orders:
        raise invalid(
            f"open_orders.{order.id}",
            "an order with this id is resting already; cancel it first, or choose another id.",
        )
    session.open_orders[order.id] = order


def cancel(session: PaperTradingSession, order_id: str) -> Order:
    """Remove a resting order, and give it back."""
    if order_id not in session.open_orders:
        resting = ", ".join(session.open_orders) or "none"
        raise invalid(f"open_orders.{order_id}", f"no resting order has this id; resting: {resting}.")
    return session.open_orders.pop(order_id)
