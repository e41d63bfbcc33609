"""Orders, executions, positions and activities of Alpaca as ours; of its JSON, and of alpaca-py's models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from paper_repo import (
    CashFlow,
    CashFlowKind,
    Fill,
    Order,
    OrderStatus,
    OrderType,
    Position,
    Side,
    TimeInForce,
)
from paper_repo.engines.broker_data import (
    exact,
    kept,
    moment_of_text,
    optional_exact,
    optional_price,
    plain,
    text_of,
)

# Executions


def fill(answer: Any) -> Fill | None:
    """The fill of a trade activity (FILL) or of an update of the stream (`trade_updates`); None for other updates.

    Both give one execution the same id: that of its order, and how much of the order had been filled then. Alpaca
    promises no other name that both of them know.
    """
    data = plain(answer)
    if "order" in data:
        return _of_update(data, plain(data["order"]))
    return _fill(
        order_id=data["order_id"],
        cumulated=data["cum_qty"],
        data=data,
        symbol=data["symbol"],
        side=data["side"],
        at=data["transaction_time"],
        metadata=kept(activity_id=data.get("id")),
    )


def _of_update(data: Mapping[str, Any], order: Mapping[str, Any]) -> Fill | None:
    if text_of(data["event"]) not in ("fill", "partial_fill"):
        return None
    return _fill(
        order_id=order["id"],
        cumulated=order["filled_qty"],
        data=data,
        symbol=order["symbol"],
        side=order["side"],
        at=data["timestamp"],
        metadata=kept(execution_id=data.get("execution_id"), client_order_id=order.get("client_order_id")),
    )


def _fill(
    *,
    order_id: Any,
    cumulated: Any,
    data: Mapping[str, Any],
    symbol: str,
    side: Any,
    at: Any,
    metadata: dict[str, Any],
) -> Fill:
    what = f"execution of order {order_id}"
    return Fill(
        id=f"{text_of(order_id)} {_short(exact(cumulated, f'cumulated quantity of {what}'))}",
        symbol=symbol,
        side=_side(side),
        quantity=exact(data["qty"], f"qty of {what}"),
        price=exact(data["price"], f"price of {what}"),
        executed_at=moment_of_text(at),
        order_id=text_of(order_id),
        metadata=metadata,
    )


def _short(number: Decimal) -> str:
    """The number without trailing zeros: "1.50", 1.5 and "1.5" name one execution."""
    return format(number.normalize(), "f")


def _side(side: Any) -> Side:
    return Side.BUY if text_of(side) == "buy" else Side.SELL  # "sell" and "sell_short"


# Orders


def orders(answer: Any) -> list[Order]:
    """An order with its legs: those of a bracket or OTO have it as parent, those of a bracket or OCO are a group.

    Raises:
        ValueError: as for `order`.
    """
    data = plain(answer)
    parent = order(data)
    kind = text_of(data.get("order_class"))
    group = f"{parent.id} oco" if kind in ("bracket", "oco") else None
    legs = [
        order(leg, parent_id=None if kind == "oco" else parent.id, oco_group=group) for leg in data.get("legs") or ()
    ]
    return [order(data, oco_group=group) if kind == "oco" else parent, *legs]


def order(answer: Any, *, parent_id: str | None = None, oco_group: str | None = None) -> Order:
    """The order of an Alpaca order, without its legs, under Alpaca's id; `client_order_id` is in its metadata.

    Args:
        answer: its JSON, or alpaca-py's `Order`, also that of an update of the stream.
        parent_id: of the order that it is a leg of.
        oco_group: of the legs that cancel each other.

    Raises:
        ValueError: it has no quantity, as an order for an amount of money before it is filled, or several legs alone.
    """
    data = plain(answer)
    order_id = text_of(data["id"])
    what = f"order {order_id}"
    filled = optional_exact(data.get("filled_qty"), f"filled_qty of {what}") or Decimal(0)
    status = text_of(data["status"])
    quantity = optional_price(data.get("qty"), f"qty of {what}") or (filled if status in _CLOSED else Decimal(0))
    if not quantity or not data.get("symbol"):
        raise ValueError(f"{what} has no quantity of one symbol: it is for an amount of money, or of several legs")
    ours = OrderStatus.FILLED if filled == quantity else _STATUSES.get(status, OrderStatus.OPEN)
    created = moment_of_text(data["created_at"])
    return Order(
        id=order_id,
        symbol=data["symbol"],
        side=_side(data["side"]),
        quantity=quantity,
        filled_quantity=filled,
        **_type_and_prices(data, what),
        **_time_in_force(data),
        created_at=created,
        status=ours,
        parent_id=parent_id,
        oco_group=oco_group,
        closed_at=_closed_at(data, created) if ours.is_closed else None,
        metadata=kept(
            client_order_id=data.get("client_order_id"),
            replaces=data.get("replaces"),
            replaced_by=data.get("replaced_by"),
            extended_hours=data.get("extended_hours") or None,
        ),
    )


_STATUSES = {
    "accepted": OrderStatus.PENDING,
    "pending_new": OrderStatus.PENDING,
    "pending_review": OrderStatus.PENDING,
    "held": OrderStatus.PENDING,
    "canceled": OrderStatus.CANCELLED,
    "replaced": OrderStatus.CANCELLED,  # by an order of another id
    "expired": OrderStatus.EXPIRED,
    "rejected": OrderStatus.REJECTED,
}
_CLOSED = frozenset({"filled", "canceled", "replaced", "expired", "rejected"})
_CLOSING_TIMES = ("filled_at", "canceled_at", "expired_at", "replaced_at", "failed_at", "updated_at")


def _closed_at(data: Mapping[str, Any], created: datetime) -> datetime:
    given = next(filter(None, map(data.get, _CLOSING_TIMES)), None)
    return created if given is None else max(created, moment_of_text(given))


def _type_and_prices(data: Mapping[str, Any], what: str) -> dict[str, Any]:
    named = text_of(data.get("type") or data.get("order_type"))
    tif = text_of(data.get("time_in_force"))
    kind = _TYPES.get(named)
    if kind is None:
        raise ValueError(f"unknown type of {what}: {named!r}")
    return {
        "type": _AUCTIONS.get((tif, kind), kind),
        "limit_price": optional_price(data.get("limit_price"), f"limit_price of {what}"),
        "stop_price": optional_price(data.get("stop_price"), f"stop_price of {what}"),
        "trail_amount": optional_price(data.get("trail_price"), f"trail_price of {what}"),
        "trail_percent": optional_price(data.get("trail_percent"), f"trail_percent of {what}"),
    }


_TYPES = {
    "market": OrderType.MARKET,
    "limit": OrderType.LIMIT,
    "stop": OrderType.STOP,
    "stop_limit": OrderType.STOP_LIMIT,
    "trailing_stop": OrderType.TRAILING_STOP,
}
_AUCTIONS = {
    ("opg", OrderType.MARKET): OrderType.MARKET_ON_OPEN,
    ("opg", OrderType.LIMIT): OrderType.LIMIT_ON_OPEN,
    ("cls", OrderType.MARKET): OrderType.MARKET_ON_CLOSE,
    ("cls", OrderType.LIMIT): OrderType.LIMIT_ON_CLOSE,
}


def _time_in_force(data: Mapping[str, Any]) -> dict[str, Any]:
    tif = TimeInForce(text_of(data["time_in_force"]).upper())
    expires = data.get("expires_at")
    is_dated = tif is TimeInForce.DAY and expires is not None
    return {"time_in_force": tif, "expires_at": moment_of_text(expires) if is_dated else None}


# Positions and payments


def position(answer: Any, opened_at: datetime) -> Position:
    """The position of an Alpaca position, as for `opening_positions`; Alpaca does not say when it was opened."""
    data = plain(answer)
    symbol = data["symbol"]
    quantity = exact(data["qty"], f"qty of {symbol}")
    basis = exact(data["cost_basis"], f"cost_basis of {symbol}")
    if text_of(data.get("side")) == "short":
        quantity, basis = -abs(quantity), -abs(basis)
    price = optional_price(data.get("current_price"), f"current_price of {symbol}")
    entry = exact(data["avg_entry_price"], f"avg_entry_price of {symbol}")
    return Position(symbol, quantity, basis, entry if price is None else price, opened_at)


def cash_flow(answer: Any, symbols: Iterable[str] = ()) -> CashFlow | None:
    """The payment of a non-trade activity; None where no money has moved, as for a split, or where it was cancelled.

    A date without a time counts from its beginning, that of a fee from its end, since fees are posted in the evening.

    Args:
        answer: its JSON, or alpaca-py's `NonTradeActivity`.
        symbols: of the session: activities write "BTCUSD" for "BTC/USD".
    """
    data = plain(answer)
    amount = optional_exact(data.get("net_amount"), f"net_amount of activity {data['id']}")
    kind_of = text_of(data["activity_type"])
    if not amount or is_cancelled(data):
        return None
    kind = _KINDS.get(kind_of, CashFlowKind.OTHER)
    if kind_of in _TRANSFERS:
        kind = CashFlowKind.DEPOSIT if amount > 0 else CashFlowKind.WITHDRAWAL
    return CashFlow(
        id=str(data["id"]),
        kind=kind,
        amount=amount,
        at=_posted_at(data, is_fee=kind is CashFlowKind.FEE),
        symbol=_symbol(data, symbols),
        metadata=kept(activity_type=kind_of, description=data.get("description")),
    )


def crypto_fee(answer: Any, symbols: Iterable[str] = ()) -> Fill | None:
    """A fee that was taken in coins (CFEE), as a sale of these coins whose whole proceeds are the fee; else None."""
    data = plain(answer)
    what = f"activity {data['id']}"
    quantity = optional_exact(data.get("qty"), f"qty of {what}")
    if text_of(data["activity_type"]) != "CFEE" or not quantity or is_cancelled(data):
        return None
    price = exact(data["price"], f"price of {what}")
    return Fill(
        id=str(data["id"]),
        symbol=_symbol(data, symbols) or "",
        side=Side.SELL if quantity < 0 else Side.BUY,
        quantity=abs(quantity),
        price=price,
        fee=-quantity * price,
        executed_at=_posted_at(data, is_fee=True),
        metadata=kept(activity_type="CFEE", description=data.get("description")),
    )


def is_cancelled(data: Mapping[str, Any]) -> bool:
    """Whether an activity was taken back."""
    return text_of(data.get("status")) in ("canceled", "rejected")


def _symbol(data: Mapping[str, Any], symbols: Iterable[str]) -> str | None:
    named = data.get("symbol")
    if not named:
        return None
    return next((each for each in symbols if each.replace("/", "") == named), str(named))


def _posted_at(data: Mapping[str, Any], *, is_fee: bool) -> datetime:
    if data.get("created_at"):
        return moment_of_text(data["created_at"])
    given = data["date"]
    day = given if isinstance(given, date) else date.fromisoformat(str(given)[:10])
    return datetime.combine(day, time.max if is_fee else time.min, UTC)


_TRANSFERS = frozenset({"CSD", "CSW", "JNLC", "TRANS", "ACATC"})
_KINDS = {
    "DIV": CashFlowKind.DIVIDEND,
    "DIVCGL": CashFlowKind.DIVIDEND,
    "DIVCGS": CashFlowKind.DIVIDEND,
    "DIVROC": CashFlowKind.DIVIDEND,
    "DIVTXEX": CashFlowKind.DIVIDEND,
    "DIVNRA": CashFlowKind.TAX,
    "DIVWH": CashFlowKind.TAX,
    "WH": CashFlowKind.TAX,
    "INT": CashFlowKind.INTEREST,
    "INTPNL": CashFlowKind.INTEREST,
    "FEE": CashFlowKind.FEE,
    "DIVFEE": CashFlowKind.FEE,
    "PTC": CashFlowKind.FEE,
    "CFEE": CashFlowKind.FEE,
}
