"""The engine's orders as orders of a session."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from backtrader.order import Order as EngineOrder

from paper_repo import Order, OrderType, Side, TimeInForce
from paper_repo.engines.backtrader.encoding import json_part, moment
from paper_repo.engines.broker_data import without_noise

TYPES = {
    EngineOrder.Market: OrderType.MARKET,
    EngineOrder.Close: OrderType.MARKET_ON_CLOSE,
    EngineOrder.Limit: OrderType.LIMIT,
    EngineOrder.Stop: OrderType.STOP,
    EngineOrder.StopLimit: OrderType.STOP_LIMIT,
    EngineOrder.StopTrail: OrderType.TRAILING_STOP,
    EngineOrder.StopTrailLimit: OrderType.TRAILING_STOP_LIMIT,
    EngineOrder.Historical: OrderType.MARKET,
}
TRAILING = frozenset({EngineOrder.StopTrail, EngineOrder.StopTrailLimit})
WITH_STOP = TRAILING | {EngineOrder.Stop, EngineOrder.StopLimit}
STOP_WITHOUT_DISTANCE = {EngineOrder.StopTrail: OrderType.STOP, EngineOrder.StopTrailLimit: OrderType.STOP_LIMIT}


def translated(order: Any, number: str, symbol: str, parent_id: str | None, oco_group: str | None) -> Order:
    """The order as one that rests, under the id `number`."""
    limit, stop = prices_of(order)
    amount, percent = _trail(order)
    kind = TYPES[order.exectype]
    if amount is None and percent is None:
        kind = STOP_WITHOUT_DISTANCE.get(order.exectype, kind)
    created, expires = moment(order.created.dt), _expiry(order)
    metadata = json_part(order.info)
    if order.tradeid:
        metadata |= json_part({"tradeid": order.tradeid})
    return Order(
        id=number,
        symbol=symbol,
        side=Side.BUY if order.isbuy() else Side.SELL,
        type=kind,
        quantity=without_noise(abs(order.created.size)),
        limit_price=limit,
        stop_price=stop,
        trail_amount=amount,
        trail_percent=percent,
        time_in_force=TimeInForce.GTC if expires is None else TimeInForce.GTD,
        expires_at=None if expires is None else moment(expires),
        created_at=created,
        parent_id=parent_id,
        oco_group=oco_group,
        metadata=metadata,
    )


def prices_of(order: Any) -> tuple[Decimal | None, Decimal | None]:
    """Its limit price and its stop price as they are now; a trailing stop moves."""
    created = order.created
    stop = without_noise(created.price) if order.exectype in WITH_STOP else None
    if order.exectype == EngineOrder.Limit:
        return without_noise(created.price), None
    if order.exectype in (EngineOrder.StopLimit, EngineOrder.StopTrailLimit):
        return without_noise(created.pricelimit), stop
    return None, stop


def _trail(order: Any) -> tuple[Decimal | None, Decimal | None]:
    """How far its stop stays behind, as an amount or in percent; the engine takes the amount where it has both."""
    if order.exectype not in TRAILING:
        return None, None
    if order.trailamount:
        return without_noise(order.trailamount), None
    return None, without_noise(order.trailpercent) * 100 if order.trailpercent else None


def _expiry(order: Any) -> float | None:
    """When it expires by the engine's clock: a market order never does, nor one whose time had come before it."""
    valid = order.valid
    if order.exectype == EngineOrder.Market or not isinstance(valid, int | float) or valid <= order.created.dt:
        return None
    return float(valid)
