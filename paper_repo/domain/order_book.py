"""The orders of a session: how they are placed, filled, amended and closed, and what that does to other orders.

- An order whose parent rests is PENDING; when the parent is FILLED it becomes OPEN, when the parent is closed in any
  other way it is CANCELLED.
- The first order of an `oco_group` that is filled, if only in part, or closed cancels those of the group that rest.

Every function works out a `Booking` and changes nothing itself.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from paper_repo.domain.booking import Booking
from paper_repo.domain.orders import EXPIRING, Order, OrderStatus, TimeInForce, as_placed, require_complete
from paper_repo.domain.positions import Position
from paper_repo.domain.secrecy import shown
from paper_repo.domain.trading import Fill
from paper_repo.domain.values import EXACT, choice, invalid

if TYPE_CHECKING:
    from paper_repo.domain.session import PaperTradingSession


def place(session: PaperTradingSession, order: Order) -> Booking:
    """Add an order, with the fills that came before it."""
    _require_new(session, order)
    require_complete(order)
    order = _behind_parent(session, order)
    early = session.new_fills.booked_for(order.id)
    booking = Booking()
    booking.orders[order.id] = order
    if early:
        filled = _counting(order, early)
        _settle(session, booking, filled, max(each.executed_at for each in early))
    return booking


def _require_new(session: PaperTradingSession, order: Order) -> None:
    path = f"open_orders.{order.id}"
    if order.id in session.open_orders:
        raise invalid(path, "an order with this id is resting already; cancel it first, or choose another id.")
    known = session.new_closed_orders.find(order.id)
    if known is not None:
        raise invalid(path, f"an order with this id is {known.status} already; choose another id.")
    if order.status.is_closed:
        raise invalid(path, f"is {order.status}; closed orders belong in `new_closed_orders`, which is history.")


def _behind_parent(session: PaperTradingSession, order: Order) -> Order:
    """The order, PENDING while its parent rests; a parent that nobody knows is taken for filled before."""
    if order.parent_id is None:
        return order
    if order.parent_id in session.open_orders:
        return dataclasses.replace(order, status=OrderStatus.PENDING)
    parent = session.new_closed_orders.find(order.parent_id)
    if parent is None:
        return order
    if parent.status is not OrderStatus.FILLED:
        raise invalid(f"open_orders.{order.id}", f"its parent {parent.id!r} is {parent.status}, so it can never open.")
    return dataclasses.replace(order, status=OrderStatus.OPEN)


def _counting(order: Order, early: Iterable[Fill]) -> Order:
    """The order with these fills; a `filled_quantity` that it comes with has counted them already, if it is larger."""
    filled = Decimal(0)
    for fill in early:
        _require_same(order, fill)
        filled = EXACT.add(filled, fill.quantity)
    if filled > order.quantity:
        raise invalid(f"open_orders.{order.id}", f"is to trade {order.quantity}, less than its fills of {filled}.")
    return dataclasses.replace(order, filled_quantity=max(filled, order.filled_quantity))


def fill(session: PaperTradingSession, booking: Booking, fill: Fill) -> None:
    """Add to the booking of a fill what it does to its order. An order that is not known yet counts it when placed."""
    order_id = fill.order_id
    if order_id is None:
        return
    order = session.open_orders.get(order_id)
    if order is None:
        _require_not_closed(session.new_closed_orders.find(order_id), fill)
        return
    _require_not_closed(order if order.status.is_closed else None, fill)
    _count(session, booking, order, fill)
    if order.reduce_only:
        _require_reduced(session, booking, order, fill)


def _count(session: PaperTradingSession, booking: Booking, order: Order, fill: Fill) -> None:
    _require_same(order, fill)
    if fill.quantity > order.remaining_quantity:
        raise invalid(
            f"open_orders.{order.id}",
            f"has {order.remaining_quantity} left, less than its fill {fill.id!r} of {fill.quantity}.",
        )
    filled = dataclasses.replace(order, filled_quantity=EXACT.add(order.filled_quantity, fill.quantity))
    _settle(session, booking, filled, fill.executed_at)


def corrected(session: PaperTradingSession, old: Fill, replacement: Fill | None) -> Booking:
    """Let a resting order count the replacement instead of the fill that is taken out of the books.

    An order that is closed stays as it was closed: whether its rest is traded after all is the broker's to say.
    """
    booking = Booking()
    orders = dict(session.open_orders)
    before = orders.get(old.order_id or "")
    if before is not None:
        left = max(EXACT.subtract(before.filled_quantity, old.quantity), Decimal(0))
        orders[before.id] = booking.orders[before.id] = dataclasses.replace(before, filled_quantity=left)
    if replacement is not None and replacement.order_id in orders:
        _count(session, booking, orders[replacement.order_id], replacement)
    return booking


def _require_not_closed(order: Order | None, fill: Fill) -> None:
    if order is not None:
        raise invalid(
            f"new_closed_orders.{order.id}",
            f"has been {order.status} since {order.closed_at}, so fill {fill.id!r} of {fill.quantity} cannot be its "
            "own; if it has really happened, apply it without an order_id.",
        )


def _require_same(order: Order, fill: Fill) -> None:
    path = f"open_orders.{order.id}"
    if (order.symbol, order.side) != (fill.symbol, fill.side):
        raise invalid(
            path, f"is to {order.side} {order.symbol}, its fill {fill.id!r} is a {fill.side} of {fill.symbol}."
        )
    if order.position_id is not None and order.position_id != fill.position_id:
        raise invalid(
            path, f"is for position {order.position_id!r}, its fill {fill.id!r} for {shown(fill.position_id)}."
        )


def _require_reduced(session: PaperTradingSession, booking: Booking, order: Order, fill: Fill) -> None:
    for key, after in booking.positions.items():
        before = session.positions.get(key)
        if before is None or not _is_reduced(before, after):
            held = "nothing is held" if before is None else f"{before.quantity} are held"
            raise invalid(
                f"open_orders.{order.id}",
                f"is reduce_only, but {held} of {key}: its fill {fill.id!r}, a {fill.side} of {fill.quantity}, would "
                "open, enlarge or turn the position.",
            )


def _is_reduced(before: Position, after: Position | None) -> bool:
    if after is None:
        return True
    is_same_side = (before.quantity > 0) == (after.quantity > 0)
    return is_same_side and after.quantity.copy_abs() < before.quantity.copy_abs()


def _settle(session: PaperTradingSession, booking: Booking, order: Order, at: datetime) -> None:
    """Keep an order that has been filled, and cancel the others of its group."""
    if order.remaining_quantity:
        booking.orders[order.id] = order
        cancelled = _rest_of_group(session, booking, order)
        _close(session, booking, cancelled, OrderStatus.CANCELLED, at, spared=order)
    else:
        _close(session, booking, [order], OrderStatus.FILLED, at)


def cancel(session: PaperTradingSession, order_id: str, at: datetime) -> Booking:
    """Close a resting order as CANCELLED."""
    return _closing(session, [_resting(session, order_id)], OrderStatus.CANCELLED, at)


def reject(session: PaperTradingSession, order_id: str, at: datetime, reason: str | None) -> Booking:
    """Close a resting order as REJECTED, with the reason in its metadata."""
    order = _resting(session, order_id)
    if reason is not None:
        order = dataclasses.replace(order, metadata={**order.metadata, "reason": reason})
    return _closing(session, [order], OrderStatus.REJECTED, at)


def expire(session: PaperTradingSession, at: datetime) -> Booking:
    """Close as EXPIRED all resting orders whose time has come."""
    expired = [each for each in session.open_orders.values() if each.expires_at is not None and each.expires_at <= at]
    return _closing(session, expired, OrderStatus.EXPIRED, at)


def amend(session: PaperTradingSession, order_id: str, changes: Mapping[str, Any]) -> Booking:
    """Change a resting order; what it cannot have any more, as an expiry that is GTC now, goes."""
    order = _resting(session, order_id)
    given = {name: value for name, value in changes.items() if value is not None}
    after = dataclasses.replace(order, **(_outdated(given) | given))
    if after.status.is_closed:
        raise invalid(
            f"open_orders.{order_id}",
            f"would be {after.status} with a quantity of {after.quantity}, of which {order.filled_quantity} are filled;"
            " close it by cancel_order or reject_order.",
        )
    require_complete(after)
    booking = Booking()
    booking.orders[order_id] = after
    return booking


def _outdated(given: Mapping[str, Any]) -> dict[str, None]:
    """The fields that others have taken the place of."""
    names = [other for name, other in _INSTEAD.items() if name in given]
    if "time_in_force" in given and choice(TimeInForce, given["time_in_force"], "time_in_force") not in EXPIRING:
        names.append("expires_at")
    return dict.fromkeys(names)


_INSTEAD = {"trail_amount": "trail_percent", "trail_percent": "trail_amount"}


def _resting(session: PaperTradingSession, order_id: str) -> Order:
    if order_id in session.open_orders:
        return session.open_orders[order_id]
    known = session.new_closed_orders.find(order_id)
    if known is not None:
        raise invalid(
            f"open_orders.{order_id}", f"no longer rests: it has been {known.status} since {known.closed_at}."
        )
    resting = ", ".join(session.open_orders) or "none"
    raise invalid(f"open_orders.{order_id}", f"no resting order has this id; resting: {resting}.")


def _closing(session: PaperTradingSession, orders: list[Order], status: OrderStatus, at: datetime) -> Booking:
    booking = Booking()
    _close(session, booking, orders, status, at)
    return booking


def _close(
    session: PaperTradingSession,
    booking: Booking,
    orders: list[Order],
    status: OrderStatus,
    at: datetime,
    spared: Order | None = None,
) -> None:
    """Close these orders, and whatever that cancels in its turn, but not the one that has cancelled them."""
    while orders:
        closed = [_closed(each, status, at) for each in sorted(orders, key=as_placed)]
        for order in closed:
            booking.orders[order.id] = None
            booking.closed.append(order)
        cancelled = _cancelled_by(session, booking, closed)
        orders = [each for each in cancelled if spared is None or each.id != spared.id]
        status = OrderStatus.CANCELLED


def _closed(order: Order, status: OrderStatus, at: datetime) -> Order:
    status = status if order.remaining_quantity else OrderStatus.FILLED
    return dataclasses.replace(order, status=status, closed_at=at)


def _cancelled_by(session: PaperTradingSession, booking: Booking, closed: list[Order]) -> list[Order]:
    """The resting orders that these closed ones cancel; children of filled ones open instead."""
    found: dict[str, Order] = {}
    for order in closed:
        found |= {each.id: each for each in _rest_of_group(session, booking, order)}
    parents = {order.id: order for order in closed}
    for child in list(_still_resting(session, booking)):  # which the loop changes
        parent = parents.get(child.parent_id or "")
        if parent is None:
            continue
        if parent.status is not OrderStatus.FILLED:
            found[child.id] = child
        elif child.status is OrderStatus.PENDING:
            booking.orders[child.id] = dataclasses.replace(child, status=OrderStatus.OPEN)
    return list(found.values())


def _rest_of_group(session: PaperTradingSession, booking: Booking, order: Order) -> list[Order]:
    if order.oco_group is None:
        return []
    resting = _still_resting(session, booking)
    return [each for each in resting if each.oco_group == order.oco_group and each.id != order.id]


def _still_resting(session: PaperTradingSession, booking: Booking) -> Iterable[Order]:
    changed = booking.orders
    yield from (order for order_id, order in session.open_orders.items() if order_id not in changed)
    yield from [order for order in changed.values() if order is not None]
