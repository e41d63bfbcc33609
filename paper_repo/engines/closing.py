"""An order that rests in a session, closed as a broker or an engine has closed it."""

from __future__ import annotations

from paper_repo import Order, OrderStatus, PaperTradingSession, TimeInForce


def close_like(session: PaperTradingSession, resting: Order, closed: Order, reason: str | None) -> list[Order]:
    """Close a resting order as its `closed` counterpart has been, and return what that has closed.

    One that is FILLED is left alone: its fills close it. A session expires an order by the order's own time, so one
    that expired at another, or had none, is given it first; others whose time has come by then expire with it.
    """
    at = closed.closed_at
    if closed.status is OrderStatus.FILLED:
        return []
    if closed.status is OrderStatus.REJECTED:
        return [session.reject_order(resting.id, at, reason)]
    if closed.status is OrderStatus.EXPIRED and at is not None and at > resting.created_at:
        tif = resting.time_in_force if resting.time_in_force is TimeInForce.DAY else TimeInForce.GTD
        session.amend_order(resting.id, time_in_force=tif, expires_at=at)
        return session.expire_orders(at)
    return [session.cancel_order(resting.id, at)]
