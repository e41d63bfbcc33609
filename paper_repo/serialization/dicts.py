"""Entities as plain dictionaries, for programs that make JSON of their own: web services, logs, messages."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, TypeVar

from paper_repo.domain import Fill, Instrument, Order, PaperTradingSession, Position
from paper_repo.domain.comparison import Comparison, MatchedFill
from paper_repo.domain.secrecy import shown
from paper_repo.domain.selection import SessionSummary
from paper_repo.domain.trades import Trade
from paper_repo.domain.values import invalid
from paper_repo.serialization import fast, schemas
from paper_repo.serialization.fields import instant_text
from paper_repo.serialization.schemas import Data

T = TypeVar("T")

COMPUTED: dict[type[Any], tuple[str, ...]] = {
    PaperTradingSession: ("equity", "market_value", "unrealized_pnl", "net_pnl"),
    SessionSummary: ("total_return",),
    Position: ("id", "average_price", "market_value", "unrealized_pnl", "worth"),
    Order: ("status", "remaining_quantity"),
    Fill: ("signed_quantity",),
    Trade: ("net_pnl", "duration"),
    Comparison: ("agrees", "slippage", "first_divergence", "first_difference_of_price"),
    MatchedFill: ("slippage", "delay"),
}
"""What is computed from the fields of an entity, by its type."""

PARTS: dict[str, type[Any]] = {
    "instruments": Instrument,
    "positions": Position,
    "opening_positions": Position,
    "open_orders": Order,
}
"""The fields of a session that hold entities by their names."""


def to_dict(entity: Any, computed: bool = False) -> dict[str, Any]:
    """The fields of an entity as plain data, which `json.dumps` writes: `to_dict(session)`.

    Every field is there: amounts as exact decimal text, times as ISO 8601 text in UTC, choices as their names,
    positions and orders as dictionaries of their own, and None for what is missing.

    Args:
        entity: a session, position, order, fill, equity point, cash flow, split, change of a symbol, instrument or
            strategy; also a summary, trade, round trip, performance or comparison. A session comes without its
            histories (`export_archive` writes those too).
        computed: add what follows from the fields, under the names of the properties: a session's equity, market
            value and P&L, a position's average price, an order's remaining quantity, a trade's duration in seconds...

    Raises:
        InvalidSessionError: it is nothing of the kind, or holds something that is not JSON data.
    """
    kind = type(entity)
    if schema := _schema_of(kind):
        found = schemas.defaults_of(schema) | fast.dump(entity)
        data = {name: found[name] for name in schemas.fields_of(schema)}
        if schema is PaperTradingSession:
            data |= {
                part: {name: to_dict(each, computed) for name, each in getattr(entity, part).items()} for part in PARTS
            }
    elif _is_record(kind):
        data = {field.name: _plain(getattr(entity, field.name), computed) for field in fields(entity)}
    else:
        raise invalid("entity", f"must be an entity of paper_repo, not a {kind.__name__}.")
    return data | _computed(entity) if computed else data


def from_dict(kind: type[T], data: Mapping[str, Any]) -> T:
    """The entity that `to_dict` has made `data` from: `from_dict(Fill, data)`.

    Args:
        kind: the class of the entity: one that a repository stores, so no summary, trade, round trip, performance or
            comparison.
        data: its fields; what `computed=True` has added is ignored.

    Returns:
        An entity that is equal to the first one. A session has its version, so that saving it is checked against what
        is stored; it is without the histories that waited to be saved.

    Raises:
        InvalidSessionError: the data is none of such an entity; the message names each field that is wrong.
    """
    if not _schema_of(kind):
        name = getattr(kind, "__name__", shown(kind))
        raise invalid("kind", f"must be that of an entity that is stored, not {name}.")
    if not isinstance(data, Mapping):
        raise invalid("data", f"must be a dict, not a {type(data).__name__}.")
    return schemas.load(kind, _stored(kind, data))


def _stored(kind: type[Any], data: Mapping[str, Any]) -> Data:
    """What is stored of `data`: without what was computed, and without None where that is the usual value."""
    known, usual = schemas.fields_of(kind), schemas.defaults_of(kind)
    added = {name for name in COMPUTED.get(kind, ()) if name not in known}
    found = {
        name: value
        for name, value in data.items()
        if name not in added and not (value is None and name in usual and usual[name] is None)
    }
    if kind is PaperTradingSession:
        for part in PARTS.keys() & found.keys():
            found[part] = _stored_part(PARTS[part], found[part])
    return found


def _stored_part(kind: type[Any], part: Any) -> Any:
    if not isinstance(part, Mapping):
        return part  # of which the error will tell
    return {name: _stored(kind, each) if isinstance(each, Mapping) else each for name, each in part.items()}


def _schema_of(kind: Any) -> type[Any] | None:
    return next((each for each in getattr(kind, "__mro__", ()) if schemas.is_stored(each)), None)


def _is_record(kind: type[Any]) -> bool:
    return is_dataclass(kind) and kind.__module__.startswith("paper_repo.domain.")


def _computed(entity: Any) -> Data:
    names = next((names for kind, names in COMPUTED.items() if isinstance(entity, kind)), ())
    return {name: _plain(getattr(entity, name), True) for name in names}


def _plain(value: Any, computed: bool) -> Any:
    """What `json.dumps` writes of it."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        return value if math.isfinite(value) else None  # which JSON does not have
    if isinstance(value, tuple):
        return [_plain(each, computed) for each in value]
    return to_dict(value, computed) if is_dataclass(value) and not isinstance(value, type) else value
