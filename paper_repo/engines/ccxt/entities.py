"""Orders, trades, positions and payments of ccxt as ours; of its unified dictionaries, and of its streams."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from paper_repo import (
    CashFlow,
    CashFlowKind,
    Fill,
    Instrument,
    Order,
    OrderStatus,
    OrderType,
    Position,
    Settlement,
    TimeInForce,
)
from paper_repo.engines.broker_data import exact, kept, moment_of_ms, optional_exact, optional_price, text_of

Data = Mapping[str, Any]


def instrument(market: Data) -> Instrument:
    """The instrument of a ccxt market (`exchange.market(symbol)`), for `session.instruments`.

    Amounts of contracts are numbers of contracts, as ccxt gives them; the multiplier is the `contractSize`.

    Raises:
        ValueError: it is an inverse contract, whose profit is not a difference of prices.
    """
    symbol = market["symbol"]
    if not market.get("contract"):
        return Instrument(symbol, currency=market["quote"], asset=market["base"])
    if market.get("inverse"):
        raise ValueError(
            f"{symbol} is an inverse contract: its profit is not a difference of prices. Book the profit of each close "
            'as CashFlow(kind="OTHER") in its coin; see "What cannot be expressed" in the manual.'
        )
    size = market.get("contractSize")
    return Instrument(
        symbol,
        currency=market.get("settle") or market["quote"],
        multiplier=Decimal(1) if size is None else exact(size, f"contractSize of {symbol}"),
        settlement=Settlement.CASH if market.get("option") else Settlement.MARGIN,
        asset=market["base"],
    )


# Trades


def fill(trade: Data) -> Fill:
    """The fill of a ccxt trade of one's own (`fetch_my_trades`, `watch_my_trades`).

    A fee in the currency of the price, in the coin that is bought or in any other stays in that currency; a rebate is
    below zero. In hedge mode the `position_id` is the symbol with the side of the position.

    Raises:
        ValueError: the trade has no id, so that nobody could tell it from its repetition; or its fees are in several
            currencies (`entries` splits those).
    """
    return _fill(trade, _one_fee(trade))


def entries(trade: Data) -> list[Fill | CashFlow]:
    """The fill of a trade, followed by a payment for each fee in another currency than its first."""
    fees = _fees(trade)
    first, *others = fees.items() or [(None, Decimal(0))]
    booked = _fill(trade, first)
    flows = [
        CashFlow(f"{booked.id} fee {currency}", CashFlowKind.FEE, -cost, booked.executed_at, currency, booked.symbol)
        for currency, cost in others
    ]
    return [booked, *flows]


def _fill(trade: Data, fee: tuple[str | None, Decimal]) -> Fill:
    what, symbol = f"trade {trade.get('id')}", trade["symbol"]
    if not trade.get("id"):
        raise ValueError(f"a trade of {symbol} has no id: nothing tells it from its repetition after a reconnect")
    currency, cost = fee
    return Fill(
        id=str(trade["id"]),
        symbol=symbol,
        side=trade["side"].upper(),
        quantity=exact(trade["amount"], f"amount of {what}"),
        price=exact(trade["price"], f"price of {what}"),
        fee=cost,
        executed_at=_time(trade, what),
        order_id=trade.get("order") or None,
        fee_currency=None if currency == settled_in(symbol) else currency,
        position_id=_position_id(symbol, trade.get("info")),
        metadata=kept(maker_or_taker=trade.get("takerOrMaker"), client_order_id=trade.get("clientOrderId")),
    )


def _one_fee(trade: Data) -> tuple[str | None, Decimal]:
    fees = _fees(trade)
    if len(fees) > 1:
        raise ValueError(f"trade {trade.get('id')} has fees in {', '.join(map(str, fees))}: use entries(trade)")
    return next(iter(fees.items()), (None, Decimal(0)))


def _fees(trade: Data) -> dict[str | None, Decimal]:
    """What was paid, by currency; that of the price first."""
    paid: dict[str | None, Decimal] = {}
    for each in trade.get("fees") or [trade.get("fee") or {}]:
        cost = optional_exact(each.get("cost"), f"fee of trade {trade.get('id')}")
        if cost:
            paid[each.get("currency")] = paid.get(each.get("currency"), Decimal(0)) + cost
    return dict(sorted(paid.items(), key=lambda fee: fee[0] != settled_in(trade["symbol"])))


def settled_in(symbol: str) -> str:
    """The currency of the price of a ccxt symbol: USDT of "BTC/USDT", of "BTC/USDT:USDT" and of its futures."""
    return symbol.partition("/")[2].partition("-")[0].partition(":")[0]


def _position_id(symbol: str, info: Any) -> str | None:
    if not isinstance(info, Mapping):
        return None
    side = text_of(info.get("positionSide") or info.get("posSide")).lower()
    return f"{symbol} {side}" if side in ("long", "short") else None


def _time(answer: Data, what: str) -> datetime:
    if answer.get("timestamp") is None:
        raise ValueError(f"{what} has no timestamp")
    return moment_of_ms(answer["timestamp"])


# Orders


def order(answer: Data) -> Order:
    """The order of a ccxt order (`fetch_orders`, `fetch_open_orders`, `watch_orders`), under the exchange's id.

    The `clientOrderId` is in its metadata. A `closed` one with a rest, as after IOC, is CANCELLED; one without a
    status, as some exchanges answer to a new order, is PENDING.

    Raises:
        ValueError: its quantity is not known, as of a market order for an amount of money before it is filled.
    """
    what = f"order {answer.get('id')}"
    filled = optional_exact(answer.get("filled"), f"filled of {what}") or Decimal(0)
    quantity = optional_price(answer.get("amount"), f"amount of {what}") or filled
    if not quantity:
        raise ValueError(f"{what} has no amount: it is for an amount of money; book its trades")
    if answer.get("status") == "closed" and answer.get("filled") is None:
        filled = quantity
    status = _status(answer.get("status"), filled, quantity)
    created = _time(answer, what)
    tif = text_of(answer.get("timeInForce")).upper()
    return Order(
        id=str(answer["id"]),
        symbol=answer["symbol"],
        side=answer["side"].upper(),
        quantity=quantity,
        filled_quantity=filled,
        **_type_and_prices(answer, what),
        time_in_force=_TIMES_IN_FORCE.get(tif, TimeInForce.GTC),
        created_at=created,
        status=status,
        reduce_only=bool(answer.get("reduceOnly")),
        post_only=bool(answer.get("postOnly")) or tif == "PO",
        position_id=_position_id(answer["symbol"], answer.get("info")),
        closed_at=_closed_at(answer, created) if status.is_closed else None,
        metadata=kept(client_order_id=answer.get("clientOrderId"), type=answer.get("type")),
    )


_TIMES_IN_FORCE = {each.value: each for each in TimeInForce}


def _status(status: str | None, filled: Decimal, quantity: Decimal) -> OrderStatus:
    if filled == quantity:
        return OrderStatus.FILLED
    if status not in _STATUSES:
        raise ValueError(f"unknown status of an order: {status!r}")
    return _STATUSES[status]


_STATUSES = {
    None: OrderStatus.PENDING,
    "open": OrderStatus.OPEN,
    "canceling": OrderStatus.OPEN,
    "closed": OrderStatus.CANCELLED,  # with a rest
    "canceled": OrderStatus.CANCELLED,
    "expired": OrderStatus.EXPIRED,
    "rejected": OrderStatus.REJECTED,
}


def _closed_at(answer: Data, created: datetime) -> datetime:
    latest = max((each for each in map(answer.get, _CLOSING_TIMES) if each is not None), default=None)
    return created if latest is None else max(created, moment_of_ms(latest))


_CLOSING_TIMES = ("lastUpdateTimestamp", "lastTradeTimestamp")


def _type_and_prices(answer: Data, what: str) -> dict[str, Any]:
    """The type of an order with the prices that belong to it; exchanges add types of their own to the unified ones."""
    named = text_of(answer.get("type")).lower()
    limit = optional_price(answer.get("price"), f"price of {what}")
    profit = optional_price(answer.get("takeProfitPrice"), f"takeProfitPrice of {what}")
    trigger = optional_price(answer.get("triggerPrice") or answer.get("stopPrice"), f"triggerPrice of {what}")
    stop = profit or trigger or optional_price(answer.get("stopLossPrice"), f"stopLossPrice of {what}")
    by_market = "limit" not in named if "market" in named or "limit" in named else limit is None
    trail = {
        "trail_amount": optional_price(answer.get("trailingAmount"), f"trailingAmount of {what}"),
        "trail_percent": optional_price(answer.get("trailingPercent"), f"trailingPercent of {what}"),
    }
    if any(trail.values()):
        return {"type": OrderType.TRAILING_STOP, "stop_price": stop, **trail}
    if profit is not None or "take_profit" in named or "takeprofit" in named:
        kind = OrderType.MARKET_IF_TOUCHED if by_market else OrderType.LIMIT_IF_TOUCHED
    elif stop is not None:
        kind = OrderType.STOP if by_market else OrderType.STOP_LIMIT
    else:
        kind = OrderType.MARKET if by_market else OrderType.LIMIT
    # The price of a market order is the average of its fills.
    return {"type": kind, "limit_price": None if by_market else limit, "stop_price": stop}


# Positions and payments


def position(answer: Data) -> Position | None:
    """The position of a ccxt position (`fetch_positions`), as for `opening_positions`; None for one that is closed."""
    symbol = answer["symbol"]
    contracts = optional_exact(answer.get("contracts"), f"contracts of {symbol}")
    if not contracts:
        return None
    quantity = -abs(contracts) if answer.get("side") == "short" else contracts
    size = exact(answer.get("contractSize") or 1, f"contractSize of {symbol}")
    entry = exact(answer["entryPrice"], f"entryPrice of {symbol}")
    last = optional_price(answer.get("markPrice") or answer.get("lastPrice"), f"markPrice of {symbol}")
    is_hedged = bool(answer.get("hedged"))
    return Position(
        symbol,
        quantity,
        cost_basis=quantity * entry * size,
        last_price=entry if last is None else last,
        opened_at=_time(answer, f"position in {symbol}"),
        currency=settled_in(symbol),
        multiplier=size,
        settlement=Settlement.MARGIN,
        position_id=f"{symbol} {answer['side']}" if is_hedged else None,
        metadata=kept(leverage=answer.get("leverage"), liquidation_price=answer.get("liquidationPrice")),
    )


def cash_flow(answer: Data) -> CashFlow | None:
    """The payment of a ccxt deposit, withdrawal or funding payment; None for one that has not been carried out.

    Of `fetch_deposits`, `fetch_withdrawals` and `fetch_funding_history`. The fee of a withdrawal is part of it.
    """
    if answer.get("status") not in (None, "ok"):
        return None
    what = f"payment {answer.get('id')}"
    amount = exact(answer["amount"], f"amount of {what}")
    kind = _KINDS.get(text_of(answer.get("type")), CashFlowKind.FUNDING)
    fee = optional_exact((answer.get("fee") or {}).get("cost"), f"fee of {what}") or Decimal(0)
    if kind is CashFlowKind.WITHDRAWAL:
        amount = -abs(amount) - fee
    if not answer.get("id"):
        raise ValueError(f"a payment of {amount} has no id: nothing tells it from its repetition")
    return CashFlow(
        f"{kind.value.lower()} {answer['id']}",
        kind,
        amount,
        _time(answer, what),
        answer.get("currency") or answer.get("code"),
        answer.get("symbol"),
        metadata=kept(txid=answer.get("txid")),
    )


_KINDS = {"deposit": CashFlowKind.DEPOSIT, "withdrawal": CashFlowKind.WITHDRAWAL}
