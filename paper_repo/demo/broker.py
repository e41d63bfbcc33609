"""A paper broker: executes the orders that rest in a session against one day's prices.

A market order trades at the open. A stop trades once its price is touched, at that price or at a worse open; a limit
order at its price or at a better open. Of each symbol at most a small part of the day's volume trades, so that a large
order is filled in parts, over days.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from paper_repo.demo.market import Bar, TradingDay
from paper_repo.domain import Fill, Order, OrderType, PaperTradingSession, Side

SHARE_OF_VOLUME = Decimal("0.0001")
"""How much of a day's volume one order may take."""

FEE_PER_SHARE, LEAST_FEE = Decimal("0.005"), Decimal("1.00")


def execute(session: PaperTradingSession, day: TradingDay) -> Iterator[Fill]:
    """Fill what can be filled of the orders that rest when the day begins; each fill after it has been booked.

    The caller may place and cancel orders between two fills: a cancelled one is not executed any more, a new one waits
    for the next day.
    """
    for order_id in list(session.open_orders):
        order = session.open_orders.get(order_id)
        if order is None or order.symbol not in day.bars:
            continue
        bar = day.bars[order.symbol]
        price, most = _price(order, bar), Decimal(int(bar.volume * SHARE_OF_VOLUME))
        if price is not None and most:
            fill = _fill(session, order, min(order.remaining_quantity, most), price, day)
            session.apply_fill(fill)
            yield fill


def _price(order: Order, bar: Bar) -> Decimal | None:
    """What the order trades at, or None when it does not trade today."""
    buys = order.side is Side.BUY
    if order.type is OrderType.STOP and order.stop_price is not None:
        touched = bar.high >= order.stop_price if buys else bar.low <= order.stop_price
        worse = max if buys else min
        return worse(bar.open, order.stop_price) if touched else None
    if order.type is OrderType.LIMIT and order.limit_price is not None:
        touched = bar.low <= order.limit_price if buys else bar.high >= order.limit_price
        better = min if buys else max
        return better(bar.open, order.limit_price) if touched else None
    return bar.open


def _fill(session: PaperTradingSession, order: Order, quantity: Decimal, price: Decimal, day: TradingDay) -> Fill:
    return Fill(
        id=f"fill-{session.fill_count + 1:06}",
        symbol=order.symbol,
        side=order.side,
        quantity=quantity,
        price=price,
        fee=max(LEAST_FEE, quantity * FEE_PER_SHARE),
        executed_at=day.opens_at,
        order_id=order.id,
    )
