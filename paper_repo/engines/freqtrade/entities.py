"""Orders of freqtrade's trades as ours.

freqtrade knows no executions: an order counts in a trade once it is no longer open, with its average price. So does its
fill here.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from paper_repo import CashFlow, CashFlowKind, Fill, Order, OrderStatus, OrderType, Side
from paper_repo.engines.broker_data import exact, kept, optional_price

DUST = Decimal("0.01")
"""The most that is dust, of what a trade has bought."""


def position_id(trade: Any) -> str:
    """Each trade of freqtrade is a position of its own."""
    return f"{trade.pair} {trade.id}"


def fill(trade: Any, order: Any) -> Fill | None:
    """The fill of an order that has been filled, at least in part, and is closed; else None.

    A fee that was taken in the coin is in that coin; every other one is freqtrade's rate of the cost, in the currency
    of the price. Stop, leverage and tags are in the metadata.
    """
    if order.ft_is_open or not order.filled:
        return None
    is_entry = order.ft_order_side == trade.entry_side
    what = f"order {order.order_id}"
    quantity, price = exact(order.filled, f"filled of {what}"), exact(order.safe_price, f"price of {what}")
    rate = exact((trade.fee_open if is_entry else trade.fee_close) or 0, f"fee of trade {trade.id}")
    in_coin = optional_price(order.ft_fee_base, f"fee of {what}")
    if in_coin is None and is_entry and _is_further_entry_for_coins(trade, order):
        in_coin = quantity * rate
    return Fill(
        id=str(order.order_id),
        symbol=trade.pair,
        side=_side(trade, order),
        quantity=quantity,
        price=price,
        fee=quantity * price * rate if in_coin is None else in_coin,
        executed_at=order.order_filled_utc or order.order_date_utc,
        order_id=str(order.order_id),
        fee_currency=None if in_coin is None else trade.pair.partition("/")[0],
        position_id=position_id(trade),
        metadata=kept(
            trade_id=trade.id,
            enter_tag=trade.enter_tag,
            exit_reason=None if is_entry else trade.exit_reason,
            order_tag=order.ft_order_tag,
            stop_loss=trade.stop_loss or None,
            leverage=None if trade.leverage in (None, 1.0) else trade.leverage,
        ),
    )


def dust(trade: Any, held: Decimal) -> Fill | None:
    """What is left of a trade that freqtrade has closed, of which `held` is still held: sold for nothing.

    An exchange sells whole lots, and fees in the coin leave less than one. None where there is more of it than dust.
    """
    if trade.is_open or abs(held) > exact(trade.amount_requested or trade.amount, f"amount of {trade.id}") * DUST:
        return None
    return Fill(
        id=f"{trade.id} dust",
        symbol=trade.pair,
        side=Side.SELL if held > 0 else Side.BUY,
        quantity=abs(held),
        price=0,
        executed_at=trade.close_date_utc,
        position_id=position_id(trade),
        metadata={"trade_id": trade.id, "reason": "left over: less than the exchange sells"},
    )


def funding(trade: Any, order: Any) -> CashFlow | None:
    """The funding that a futures trade was paid (above zero) or has paid until this order; None where there is none."""
    paid = optional_price(order.funding_fee, f"funding of order {order.order_id}")
    if paid is None or order.ft_is_open or not order.filled:
        return None
    at = order.order_filled_utc or order.order_date_utc
    return CashFlow(f"{order.order_id} funding", CashFlowKind.FUNDING, paid, at, symbol=trade.pair)


def order(trade: Any, theirs: Any) -> Order:
    """The order as freqtrade has it now. Its `filled_quantity` is only what its fill counts."""
    what = f"order {theirs.order_id}"
    quantity = exact(theirs.safe_amount, f"amount of {what}")
    booked = fill(trade, theirs)
    filled = Decimal(0) if booked is None else booked.quantity
    quantity = max(quantity, filled)
    status = _status(theirs, filled == quantity)
    created = theirs.order_date_utc
    closed = theirs.order_filled_utc or theirs.order_update_date or created
    return Order(
        id=str(theirs.order_id),
        symbol=trade.pair,
        side=_side(trade, theirs),
        quantity=quantity,
        filled_quantity=filled,
        **_type_and_prices(theirs, what),
        created_at=created,
        status=status,
        position_id=position_id(trade),
        closed_at=max(created, closed.replace(tzinfo=created.tzinfo)) if status.is_closed else None,
        metadata=kept(trade_id=trade.id, type=theirs.order_type, reason=theirs.ft_cancel_reason),
    )


def _is_further_entry_for_coins(trade: Any, order: Any) -> bool:
    """Whether it adds to a trade that pays its fees in the coin: what this one has paid freqtrade finds out later."""
    if trade.fee_open_currency not in (None, trade.pair.partition("/")[0]):
        return False
    return any(each.ft_fee_base and each.order_id != order.order_id for each in trade.orders)


def _side(trade: Any, order: Any) -> Side:
    """Of a stop on the exchange, whose side is "stoploss", too."""
    return Side.BUY if (order.ft_order_side == "buy" or order.side == "buy") else Side.SELL


def _status(theirs: Any, is_filled: bool) -> OrderStatus:
    if theirs.ft_is_open:
        return OrderStatus.OPEN
    if is_filled:
        return OrderStatus.FILLED
    return {"rejected": OrderStatus.REJECTED, "expired": OrderStatus.EXPIRED}.get(
        theirs.status or "", OrderStatus.CANCELLED
    )


def _type_and_prices(theirs: Any, what: str) -> dict[str, Any]:
    stop = optional_price(theirs.stop_price, f"stop of {what}")
    limit = optional_price(theirs.price or theirs.ft_price, f"price of {what}")
    is_limit = "limit" in (theirs.order_type or "limit")
    if stop is not None:
        kind = OrderType.STOP_LIMIT if is_limit and limit is not None else OrderType.STOP
    else:
        kind = OrderType.LIMIT if is_limit and limit is not None else OrderType.MARKET
    return {"type": kind, "stop_price": stop, "limit_price": limit if "LIMIT" in kind else None}
