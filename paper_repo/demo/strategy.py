"""A moving-average crossover, long and short, with a protective stop and half of a gain taken early.

When the average of the latest closes rises above the average of more of them, the strategy buys; when it falls below,
it sells short. Everything it must remember lies in `session.state`, as plain JSON data: whoever loads the session can
go on with it.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from paper_repo.demo.broker import execute
from paper_repo.demo.market import TradingDay, symbols
from paper_repo.domain import Fill, Order, OrderType, PaperTradingSession, Side, Strategy

STRATEGY = Strategy(
    "ma-crossover",
    version="1",
    parameters={"fast": 5, "slow": 40, "share_of_equity": "0.20", "stop_at": "0.06", "take_half_at": "0.05"},
)
"""Looked for in the prices that it trades, so that the year shows a bit of everything: an example, not an advice."""

INITIAL_CASH = Decimal(1_000_000)

ENTRY, STOP, GAIN = "entry", "stop", "gain"
"""What an order is for; its id begins with it."""


def new_session(name: str = "Moving-average crossover", **labels: str) -> PaperTradingSession:
    """A session that is ready to trade the demo's symbols; `labels` become its metadata."""
    return PaperTradingSession(
        name=name,
        strategy=STRATEGY,
        symbols=symbols(),
        initial_cash=INITIAL_CASH,
        metadata=dict(labels),
        state={"days": 0, "last_day": None, "orders": 0, "closes": {}, "direction": {}},
    )


def trade_day(session: PaperTradingSession, day: TradingDay) -> None:
    """Everything that `session` does in one day: execute what rests, value what is held, decide for tomorrow."""
    if not session.state["days"]:
        session.mark({}, at=day.opens_at)
    for fill in execute(session, day):
        _protect(session, fill)
    session.mark(day.closes, at=day.closes_at)
    for symbol, close in day.closes.items():
        _decide(session, symbol, close, day.closes_at)
    session.state["days"] += 1
    session.state["last_day"] = day.date.isoformat()


def _decide(session: PaperTradingSession, symbol: str, close: Decimal, at: datetime) -> None:
    """Turn to the other side when the averages have crossed."""
    direction = _direction(session, symbol, close)
    if direction in (0, session.state["direction"].get(symbol)):
        return
    session.state["direction"][symbol] = direction
    _cancel(session, symbol, at, ENTRY, STOP, GAIN)
    wanted = direction * int(session.equity * _parameter(session, "share_of_equity") / close)
    held = session.positions[symbol].quantity if symbol in session.positions else 0
    _place(session, ENTRY, symbol, Decimal(wanted) - held, at)


def _direction(session: PaperTradingSession, symbol: str, close: Decimal) -> int:
    """1 when the fast average is above the slow one, -1 below it; 0 while there are too few closes to say."""
    fast, slow = int(_parameter(session, "fast")), int(_parameter(session, "slow"))
    closes = [*session.state["closes"].get(symbol, []), str(close)][-slow:]
    session.state["closes"][symbol] = closes
    if len(closes) < slow:
        return 0
    prices = [Decimal(each) for each in closes]
    difference = sum(prices[-fast:]) * slow - sum(prices) * fast
    return (difference > 0) - (difference < 0)


def _protect(session: PaperTradingSession, fill: Fill) -> None:
    """Fit the orders that protect a position to what `fill` has left of it."""
    symbol, purpose = fill.symbol, _purpose(fill.order_id)
    position = session.positions.get(symbol)
    _cancel(session, symbol, fill.executed_at, STOP)
    if position is None or purpose == STOP:
        _cancel(session, symbol, fill.executed_at, GAIN)
    if position is None or position.quantity * session.state["direction"][symbol] < 0:
        return  # closed, or on its way to the other side
    entry_price, side = position.average_price, 1 if position.quantity > 0 else -1
    stop_price = entry_price * (1 - side * _parameter(session, "stop_at"))
    _place(session, STOP, symbol, -position.quantity, fill.executed_at, stop_price)
    if purpose == ENTRY and fill.order_id not in session.open_orders:
        gain_price = entry_price * (1 + side * _parameter(session, "take_half_at"))
        _place(session, GAIN, symbol, -Decimal(int(position.quantity / 2)), fill.executed_at, gain_price)


def _place(
    session: PaperTradingSession,
    purpose: str,
    symbol: str,
    quantity: Decimal,
    at: datetime,
    price: Decimal | None = None,
) -> None:
    """Let an order rest that buys `quantity`, or sells it when it is below zero."""
    if not quantity:
        return
    session.state["orders"] += 1
    price = None if price is None else price.quantize(Decimal("0.01"))
    order = Order(
        id=f"{purpose}-{session.state['orders']:04}",
        symbol=symbol,
        side=Side.BUY if quantity > 0 else Side.SELL,
        type={ENTRY: OrderType.MARKET, STOP: OrderType.STOP, GAIN: OrderType.LIMIT}[purpose],
        quantity=abs(quantity),
        limit_price=price if purpose == GAIN else None,
        stop_price=price if purpose == STOP else None,
        created_at=at,
    )
    session.place_order(order)


def _cancel(session: PaperTradingSession, symbol: str, at: datetime, *purposes: str) -> None:
    for order in list(session.open_orders.values()):
        if order.symbol == symbol and _purpose(order.id) in purposes:
            session.cancel_order(order.id, at=at)


def _purpose(order_id: str | None) -> str:
    return (order_id or "").partition("-")[0]


def _parameter(session: PaperTradingSession, name: str) -> Decimal:
    return Decimal(session.strategy.parameters[name])
