"""The engine's orders, positions and trades as JSON data, and JSON data as orders.

All of them are objects of plain values, which are stored by name, whatever the engine's version calls them.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from math import isfinite
from numbers import Integral, Real
from typing import Any

import backtrader as bt
from backtrader.order import BuyOrder, Order, OrderData, OrderExecutionBit, SellOrder


def moment(day: float) -> datetime:
    """The time of one of the engine's numbers, which count days; those without a zone are taken as UTC."""
    found: datetime = bt.num2date(day)
    return found.replace(tzinfo=UTC)


def frozen(thing: Any) -> Any:
    """A shallow copy, in a fifth of the time that `copy.copy` takes: some are made on every bar."""
    copy = object.__new__(type(thing))
    vars(copy).update(vars(thing))
    return copy


def frozen_order(order: Any) -> Any:
    """A copy of an order that later bars do not change."""
    copy = frozen(order)
    copy.created, copy.executed = frozen(order.created), frozen(order.executed)
    copy.info = json_part(order.info) if order.info else {}
    return copy


def plain_values(thing: Any) -> dict[str, Any]:
    """The numbers, texts and truths that an object of the engine holds, by name."""
    values = {name: _plain(value) for name, value in vars(thing).items()}
    return {name: value for name, value in values.items() if value is not NotImplemented}


def _plain(value: Any) -> Any:
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, Integral):  # one of numpy's
        return int(value)
    return float(value) if isinstance(value, Real) and not isinstance(value, Decimal) else NotImplemented


def encode_order(order: Any, feeds: Mapping[int, int]) -> dict[str, Any]:
    """A frozen order as JSON data; `feeds` are the numbers of the feeds by their `id`.

    What the strategy has added to the order, `info`, is kept where it is JSON data.
    """
    done = order.executed
    parameters = {name: _plain(value) for name, value in order.p._getkwargs().items()}
    return {
        "buy": order.isbuy(),
        "feed": feeds[id(order.data)],
        "parent": None if order.parent is None else order.parent.ref,
        # A parameter that was a date is None once the order has been restored: what is None is left out.
        "parameters": {name: each for name, each in parameters.items() if each not in (None, NotImplemented)},
        "values": plain_values(order),
        "created": _said(order.created),
        # Later bits may have been added to the list, which the copy shares; p2 counts those of its time.
        "executed": _said(done),
        "bits": [plain_values(bit) for bit in list(done.exbits)[: done.p2]],
        "info": order.info,
    }


def _said(part: Any) -> dict[str, Any]:
    """The values of a part of an order that a new one does not have."""
    return {
        name: value
        for name, value in plain_values(part).items()
        if name not in _NEW or value != _NEW[name] or type(value) is not type(_NEW[name])
    }


_NEW = plain_values(OrderData())


def order_text(data: Mapping[str, Any]) -> str:
    """An encoded order as JSON text, the same for the same order whatever it was made from."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"))


def decode_order(data: Mapping[str, Any], owner: Any, orders: Mapping[int, Any]) -> Any:
    """The order of this JSON data; `orders` are those that it may have as its parent, by reference."""
    kind = BuyOrder if data["buy"] else SellOrder
    parent = orders.get(data["parent"])
    # A simulated order asks the feed for nothing; its parameters are given afterwards, before anything reads them.
    order = kind(
        owner=owner, data=owner.datas[data["feed"]], size=0, exectype=Order.Market, parent=parent, simulated=True
    )
    for name, value in data["parameters"].items():
        setattr(order.p, name, value)
    vars(order).update(data["values"])
    order.created, order.executed = OrderData(), OrderData()
    vars(order.created).update(data["created"])
    vars(order.executed).update(data["executed"])
    order.executed.exbits = deque(_bit(each) for each in data["bits"])
    order.addinfo(**data["info"])
    if data["bits"]:
        order.addcomminfo(owner.broker.getcommissioninfo(order.data))
    return order


def _bit(values: Mapping[str, Any]) -> Any:
    bit = OrderExecutionBit()
    vars(bit).update(values)
    return bit


def json_copy(value: Any) -> Any:
    """The same JSON data, sharing nothing with it.

    Raises:
        TypeError: it is something else, such as a tuple or a set, which JSON would give back as another.
    """
    if value is None or type(value) in (bool, int, str) or (type(value) is float and isfinite(value)):
        return value
    if type(value) is list:
        return [json_copy(each) for each in value]
    if type(value) is dict and all(type(name) is str for name in value):
        return {name: json_copy(each) for name, each in value.items()}
    raise TypeError(f"{value!r} is a {type(value).__name__}")


def json_part(values: Mapping[str, Any]) -> dict[str, Any]:
    """What of these values is JSON data."""
    found = {}
    for name, value in values.items():
        with suppress(TypeError):
            found[name] = json_copy(value)
    return found
