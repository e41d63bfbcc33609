"""The fields of an entity that few accounts use, without marshmallow: instruments, hedged positions, metadata.

`schemas.py` says which they are, in which order, and what they are where nothing is said; what stands here is made from
that. What it is not for it refuses, so that `fast.py` asks marshmallow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from marshmallow import fields

from paper_repo.domain import Fill, Instrument, Order, Position
from paper_repo.serialization import schemas
from paper_repo.serialization.fields import AmountField, FlagField, InstantField, JsonField
from paper_repo.serialization.json_data import json_copy
from paper_repo.serialization.primitives import amount_of, instant_of, instant_text, text_of
from paper_repo.serialization.schemas import Data

T = TypeVar("T")


class _Field(NamedTuple):
    """One field that may be left out."""

    name: str
    write: Callable[[Any], Any]
    default: Any
    """As plain data."""


def seldom(entity: Any) -> Data:
    """The plain data of the optional fields of an entity that say something, in the order of its schema."""
    written = {}
    for name, write, default in _OPTIONAL[type(entity)]:
        value = getattr(entity, name)
        plain = None if value is None else write(value)
        if plain != default:
            written[name] = plain
    if written.get("status") == "PARTIALLY_FILLED":
        del written["status"]  # its quantities tell
    return written


def with_seldom(kind: type[T], data: Mapping[str, Any]) -> T:
    """The entity of type `kind` that `data` describes, which says more than what is required.

    Raises:
        LookupError, TypeError, ValueError: it does not describe one.
    """
    required, readers = _READERS[kind]
    if not required <= data.keys():
        raise LookupError
    return kind(**{name: readers[name](value) for name, value in data.items()})


def seldom_of(kind: type[Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """The optional fields of such an entity that `data` has."""
    required, readers = _READERS[kind]
    return {name: readers[name](value) for name, value in data.items() if name not in required}


def _optional_of(kind: type[Any]) -> list[_Field]:
    defaults = schemas.defaults_of(kind)
    known = schemas.fields_of(kind)
    return [_Field(name, _writer(known[name], name), default) for name, default in defaults.items()]


def _writer(field: fields.Field[Any], name: str) -> Callable[[Any], Any]:
    if isinstance(field, JsonField):
        return lambda value: json_copy(value, name)
    if isinstance(field, fields.Enum):
        return lambda value: value.name
    if isinstance(field, InstantField):
        return instant_text
    if isinstance(field, AmountField):
        return str
    return lambda value: value


def _readers_of(kind: type[Any]) -> tuple[frozenset[str], dict[str, Callable[[Any], Any]]]:
    """The names of the required fields, and how each field is read."""
    known = schemas.fields_of(kind)
    required = frozenset(name for name, field in known.items() if field.required)
    return required, {name: _reader(field) for name, field in known.items()}


def _reader(field: fields.Field[Any]) -> Callable[[Any], Any]:
    read = _reader_of_something(field)
    return (lambda value: None if value is None else read(value)) if field.allow_none else read


def _reader_of_something(field: fields.Field[Any]) -> Callable[[Any], Any]:
    if isinstance(field, fields.Enum):
        kind = field.enum
        return lambda name: kind[name]
    return next(read for kind, read in _BY_FIELD.items() if isinstance(field, kind))


def _json_object(value: Any) -> Any:
    if type(value) is not dict:
        raise TypeError
    return value


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise TypeError
    return value


_BY_FIELD: dict[type[Any], Callable[[Any], Any]] = {
    AmountField: amount_of,
    InstantField: instant_of,
    JsonField: _json_object,
    FlagField: _flag,
    fields.String: text_of,
}

_KINDS: tuple[type[Any], ...] = (Fill, Instrument, Order, Position)
_OPTIONAL = {kind: _optional_of(kind) for kind in _KINDS}
_READERS = {kind: _readers_of(kind) for kind in _KINDS}
