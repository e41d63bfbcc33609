"""The way back from JSON data to a broker that goes on."""

from __future__ import annotations

import itertools
import json
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from backtrader.order import OrderBase
from backtrader.position import Position
from backtrader.trade import Trade

from paper_repo.engines.backtrader.encoding import decode_order
from paper_repo.engines.backtrader.snapshot import next_reference


def restore(strategy: Any, data: Mapping[str, Any]) -> dict[int, Any]:
    """Give the broker and the strategy's trades what an encoded snapshot says; returns the orders by reference."""
    broker = strategy.broker
    for name, figure in data["figures"].items():
        setattr(broker, name, figure)
    for feed, position in data["positions"]:
        broker.positions[strategy.datas[feed]] = _position(position)
    for feed, amount in data["credits"]:
        broker.d_credit[strategy.datas[feed]] = amount
    broker._cash_addition.extend(data["additions"])
    orders = _orders(strategy, data)
    for feed, identity, values in data["trades"]:
        strategy._trades[strategy.datas[feed]][identity].append(_trade(strategy.datas[feed], values))
    return orders


@contextmanager
def references(data: Mapping[str, Any]) -> Iterator[None]:
    """Let the next order and trade after the block have the references that they would have had.

    Those that are made in the block count for nothing. References that this process has used are not used again.
    """
    kinds = (OrderBase, Trade)
    before = [next_reference(kind) for kind in kinds]
    yield
    for kind, own, stored in zip(kinds, before, data["next_references"], strict=True):
        kind.refbasis = itertools.count(max(own, stored))


def _orders(strategy: Any, data: Mapping[str, Any]) -> dict[int, Any]:
    broker, orders = strategy.broker, dict[int, Any]()
    for each in data["orders"]:
        order = decode_order(json.loads(each), strategy, orders)
        orders[order.ref] = order
    broker.orders.extend(order for order in orders.values() if order.alive())
    for name, references in data["queues"].items():
        getattr(broker, name).extend(orders[reference] for reference in references)
    for leader, references in data["groups"]:
        broker._pchildren[leader] = deque(orders[reference] for reference in references)
    for leader, references in data["members"]:
        broker._ocos[leader] = leader
        broker._ocol[leader] = list(references)
    broker._ocos.update(data["leaders"])
    broker.notifs.extend(decode_order(each, strategy, orders) for each in data["notifications"])
    return orders


def _position(data: Mapping[str, Any]) -> Any:
    position = Position()
    vars(position).update(data["values"])
    if data["at"] is not None:
        position.datetime = datetime.fromisoformat(data["at"])
    return position


def _trade(feed: Any, values: Mapping[str, Any]) -> Any:
    trade = Trade(data=feed)
    vars(trade).update(values)
    return trade
