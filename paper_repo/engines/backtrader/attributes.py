"""The strategy's own attributes: those that are kept with every bar, and those that a resumed run would miss."""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import backtrader as bt
from backtrader.order import OrderBase

from paper_repo.engines.backtrader.encoding import decode_order, encode_order, frozen_order, json_copy

ORDER = "__order__"
RESTS = "rests"
OF_THE_ENGINE = frozenset(
    {
        "_alnames",
        "_dlens",
        "_lineiterators",
        "_minperiod",
        "_minperiods",
        "_minperstatus",
        "_opstage",
        "_orders",
        "_orderspending",
        "_trades",
        "_tradespending",
        "indobscsv",
    }
)
"""What the engine itself changes in a strategy; all else that changes is the strategy's own."""

UNCHANGING = (bool, int, float, complex, str, bytes, tuple, frozenset, type(None))
HARMLESS = (types.FunctionType, types.MethodType, types.ModuleType, type, bt.LineRoot, bt.Analyzer, bt.Cerebro)
"""What has no state of its own, or one that the feeds bring back."""


class KeptOrder(NamedTuple):
    """A copy of an order that a strategy has; `rests`: it is the broker's own, and not what the strategy was told."""

    order: Any
    rests: bool


class Attributes:
    """The attributes of a strategy that is about to run."""

    def __init__(self, strategy: Any, kept: Iterable[str]) -> None:
        self.strategy: Any = strategy
        self.kept: tuple[str, ...] = tuple(kept)
        missing = [name for name in self.kept if not hasattr(strategy, name)]
        if missing:
            raise ValueError(
                f"keep= names {', '.join(missing)}, which {type(strategy).__name__} does not have when it starts: set "
                "it in its __init__."
            )
        self._before = {name: _copy(value) for name, value in vars(strategy).items()}

    def take(self, alive: Iterable[Any]) -> dict[str, Any]:
        """The kept ones now, sharing nothing with the strategy that changes; `alive` are the orders of the broker."""
        resting = {id(order) for order in alive}
        return {name: self._taken(name, getattr(self.strategy, name), resting) for name in self.kept}

    def _taken(self, name: str, value: Any, resting: set[int]) -> Any:
        try:
            return _map(value, lambda order: KeptOrder(frozen_order(order), id(order) in resting))
        except TypeError as error:
            raise TypeError(
                f"{type(self.strategy).__name__}.{name} cannot be kept: {error}. What keep= names must be an order or "
                "JSON data: numbers, texts, True, False, None, lists, and dicts with texts as keys."
            ) from None

    def put_back(self, kept: Mapping[str, Any], orders: Mapping[int, Any]) -> None:
        """Give the strategy what was kept; `orders` are the broker's by reference."""

        def decode(data: dict[str, Any]) -> Any:
            own = orders.get(data[ORDER]["values"]["ref"]) if data[RESTS] else None
            return own or decode_order(data[ORDER], self.strategy, orders)

        for name, value in kept.items():
            if name in self.kept:
                setattr(self.strategy, name, _decoded(value, decode))

    def left_out(self) -> list[str]:
        """The attributes that have changed since the start, or may have, and are not kept."""
        return [
            name
            for name, value in vars(self.strategy).items()
            if name not in self.kept and name not in OF_THE_ENGINE and self._may_have_changed(name, value)
        ]

    def _may_have_changed(self, name: str, value: Any) -> bool:
        if isinstance(value, HARMLESS):
            return False
        if name not in self._before:
            return value is not None
        before = self._before[name]
        if isinstance(value, UNCHANGING):
            return value is not before and bool(value != before)
        if type(value) in (list, dict, set):
            return bool(value != before)
        return value is not before or not type(value).__module__.startswith("backtrader")


def encode(kept: Mapping[str, Any], feeds: dict[int, int]) -> dict[str, Any]:
    """What was taken, as JSON data."""

    def encoded(kept: KeptOrder) -> dict[str, Any]:
        return {ORDER: encode_order(kept.order, feeds), RESTS: kept.rests}

    return {name: _map(value, encoded) for name, value in kept.items()}


def _copy(value: Any) -> Any:
    return value.copy() if type(value) in (list, dict, set) else value


def _map(value: Any, of_order: Any) -> Any:
    """JSON data with each order in it replaced by what `of_order` makes of it."""
    if isinstance(value, OrderBase | KeptOrder):
        return of_order(value)
    if type(value) is list:
        return [_map(each, of_order) for each in value]
    if type(value) is dict and all(type(name) is str for name in value):
        return {name: _map(each, of_order) for name, each in value.items()}
    return json_copy(value)


def _decoded(value: Any, decode: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {ORDER, RESTS}:
            return decode(value)
        return {name: _decoded(each, decode) for name, each in value.items()}
    return [_decoded(each, decode) for each in value] if isinstance(value, list) else value
