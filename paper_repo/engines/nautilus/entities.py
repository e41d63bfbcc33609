"""Instruments, orders and fills of nautilus_trader as ours."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from nautilus_trader.model.enums import (
    ContingencyType,
    OrderSide,
    TrailingOffsetType,
    order_status_to_str,
    order_type_to_str,
    time_in_force_to_str,
)

from paper_repo import Fill, Instrument, Order, OrderStatus, OrderType, Settlement, Side, TimeInForce
from paper_repo.engines.broker_data import EPOCH, kept


def moment(nanoseconds: int) -> datetime:
    """The time of a number of nanoseconds since 1970 (UTC), to the microsecond."""
    return EPOCH + timedelta(microseconds=nanoseconds // 1000)


def instrument(theirs: Any, *, is_margin_account: bool) -> Instrument:
    """The instrument of one of the engine's. An account of type MARGIN pays for nothing but the profit.

    Raises:
        ValueError: it is inverse or quanto, so that its profit is not a difference of prices in one currency.
    """
    symbol = theirs.id.value
    if theirs.is_inverse or getattr(theirs, "is_quanto", False):
        raise ValueError(
            f"{symbol} is an inverse or quanto contract, whose profit is not a difference of prices; see "
            '"What cannot be expressed" in the manual'
        )
    base = theirs.get_base_currency()
    return Instrument(
        symbol,
        currency=theirs.quote_currency.code,
        multiplier=theirs.multiplier.as_decimal(),
        settlement=Settlement.MARGIN if is_margin_account else Settlement.CASH,
        asset=None if base is None else base.code,
    )


def fill(event: Any, currency: str) -> Fill:
    """The fill of an OrderFilled event.

    Args:
        event: as the engine publishes it; its position is the engine's own, in netting and in hedging mode.
        currency: of the instrument's price.
    """
    commission = event.commission
    paid_in = currency if commission is None else commission.currency.code
    return Fill(
        id=event.trade_id.value,
        symbol=event.instrument_id.value,
        side=_side(event.order_side),
        quantity=event.last_qty.as_decimal(),
        price=event.last_px.as_decimal(),
        fee=Decimal(0) if commission is None else commission.as_decimal(),
        executed_at=moment(event.ts_event),
        order_id=event.client_order_id.value,
        fee_currency=None if paid_in == currency else paid_in,
        position_id=None if event.position_id is None else event.position_id.value,
        metadata=kept(
            strategy_id=event.strategy_id.value,
            venue_order_id=None if event.venue_order_id is None else event.venue_order_id.value,
            liquidity=event.liquidity_side.name if hasattr(event.liquidity_side, "name") else None,
        ),
    )


def order(theirs: Any) -> Order:
    """The order as it is in the engine's cache. Its `filled_quantity` is the engine's, too."""
    quantity, filled = theirs.quantity.as_decimal(), theirs.filled_qty.as_decimal()
    status = OrderStatus.FILLED if filled == quantity else _STATUSES[order_status_to_str(theirs.status)]
    created = moment(theirs.ts_init)
    contingency = theirs.contingency_type
    linked = [each.value for each in theirs.linked_order_ids or ()]
    parent = theirs.parent_order_id
    return Order(
        id=theirs.client_order_id.value,
        symbol=theirs.instrument_id.value,
        side=_side(theirs.side),
        quantity=quantity,
        filled_quantity=filled,
        **_type_and_prices(theirs),
        **_time_in_force(theirs),
        created_at=created,
        status=status,
        reduce_only=False,  # the engine reduces such an order itself; what it has filled has happened
        post_only=bool(getattr(theirs, "is_post_only", False)),
        parent_id=None if parent is None else parent.value,
        oco_group=_group(theirs, linked) if contingency == ContingencyType.OCO else None,
        closed_at=max(created, moment(theirs.ts_last)) if status.is_closed else None,
        metadata=kept(
            strategy_id=theirs.strategy_id.value,
            type=order_type_to_str(theirs.order_type),
            reduce_only=theirs.is_reduce_only or None,
            linked_orders=" ".join(linked),
            tags=" ".join(theirs.tags or ()),
        ),
    )


def _side(side: Any) -> Side:
    return Side.BUY if side == OrderSide.BUY else Side.SELL


def _group(theirs: Any, linked: list[str]) -> str:
    return " ".join(sorted({theirs.client_order_id.value, *linked}))


_STATUSES = {
    "INITIALIZED": OrderStatus.PENDING,
    "EMULATED": OrderStatus.PENDING,
    "RELEASED": OrderStatus.PENDING,
    "SUBMITTED": OrderStatus.PENDING,
    "ACCEPTED": OrderStatus.OPEN,
    "TRIGGERED": OrderStatus.OPEN,
    "PENDING_UPDATE": OrderStatus.OPEN,
    "PENDING_CANCEL": OrderStatus.OPEN,
    "PARTIALLY_FILLED": OrderStatus.OPEN,
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELLED,
    "EXPIRED": OrderStatus.EXPIRED,
    "REJECTED": OrderStatus.REJECTED,
    "DENIED": OrderStatus.REJECTED,
}
_TYPES = {
    "MARKET": OrderType.MARKET,
    "LIMIT": OrderType.LIMIT,
    "STOP_MARKET": OrderType.STOP,
    "STOP_LIMIT": OrderType.STOP_LIMIT,
    "MARKET_TO_LIMIT": OrderType.MARKET,
    "MARKET_IF_TOUCHED": OrderType.MARKET_IF_TOUCHED,
    "LIMIT_IF_TOUCHED": OrderType.LIMIT_IF_TOUCHED,
    "TRAILING_STOP_MARKET": OrderType.TRAILING_STOP,
    "TRAILING_STOP_LIMIT": OrderType.TRAILING_STOP,  # its limit follows, too, and is not known before
}


def _type_and_prices(theirs: Any) -> dict[str, Any]:
    kind = _TYPES[order_type_to_str(theirs.order_type)]
    prices = {
        "limit_price": _decimal(getattr(theirs, "price", None)),
        "stop_price": _decimal(getattr(theirs, "trigger_price", None)),
    }
    if kind is not OrderType.TRAILING_STOP:
        return {"type": kind, **prices}
    offset = Decimal(str(theirs.trailing_offset))
    if theirs.trailing_offset_type == TrailingOffsetType.BASIS_POINTS:
        return {"type": kind, "stop_price": prices["stop_price"], "trail_percent": offset / 100}
    return {"type": kind, "stop_price": prices["stop_price"], "trail_amount": offset}


def _decimal(price: Any) -> Decimal | None:
    return None if price is None else price.as_decimal()


def _time_in_force(theirs: Any) -> dict[str, Any]:
    named = time_in_force_to_str(theirs.time_in_force)
    tif = {"AT_THE_OPEN": TimeInForce.OPG, "AT_THE_CLOSE": TimeInForce.CLS}.get(named) or TimeInForce(named)
    expires = getattr(theirs, "expire_time_ns", 0)
    if tif is TimeInForce.GTD:
        return {"time_in_force": tif, "expires_at": moment(expires)} if expires else {"time_in_force": TimeInForce.GTC}
    return {"time_in_force": tif}
