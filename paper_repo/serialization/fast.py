"""The schemas at the speed of hand-written code: functions built once from their declared fields.

`schemas.py` stays the only description of the serialised form; what is built here gives the same text and the same
entities, several times faster (a property test holds the two equal). Whatever a built function was not built for, and
every error, goes through marshmallow itself, so that the messages are the same.

Each kind of field has a piece of Python source for either direction (`_JSON`, `_COLUMN`, `_READ`). JSON is text; a
column is what a database keeps: text, a whole number, None, and JSON text for everything that has parts.
"""

from __future__ import annotations

import decimal
import json
import marshal
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from json.encoder import encode_basestring_ascii
from operator import is_
from typing import Any, TypeVar, cast

from marshmallow import fields

from paper_repo.domain import PaperTradingSession
from paper_repo.domain.nesting import STORED_DEEPEST, is_too_deep, on_fresh_stack
from paper_repo.errors import InvalidSessionError
from paper_repo.serialization import schemas
from paper_repo.serialization.schemas import (
    AmountField,
    Data,
    EntitiesField,
    EntityField,
    EntitySchema,
    InstantField,
    JsonField,
)

T = TypeVar("T")
B = TypeVar("B", bound=Callable[..., Any])
Known = dict[str, Any]
"""By field, what was last written of a session, and the JSON text that it gave."""


def _built_once(build: B) -> B:
    """`functools.cache`, for functions of a class, which its type does not take to be hashable."""
    return cast("B", cache(build))


def to_columns(session: PaperTradingSession, known: Known | None = None) -> Data:
    """The session as columns.

    Args:
        known: what was found out the last time; the texts of what has not changed are taken from there, and the new
            ones are kept in it.

    Raises:
        InvalidSessionError: the session holds something that would not come back equal; the message names the path.
    """
    try:
        columns: Data = _writer(PaperTradingSession)(session, {} if known is None else known)
        return columns
    except Exception:
        data = schemas.dump(session)
        return {name: _written(value) if isinstance(value, dict | list) else value for name, value in data.items()}


def _written(value: Any) -> str:
    try:
        return to_json(value)
    except RecursionError:  # on the caller's stack, which may have little room left
        return on_fresh_stack(to_json, value)


def from_columns(columns: Mapping[str, Any]) -> PaperTradingSession:
    """The session that was written as `columns`.

    Raises:
        InvalidSessionError: they do not describe one; the messages name every path that is wrong.
    """
    try:
        session: PaperTradingSession = _reader(PaperTradingSession, True)(columns)
        return session
    except Exception:
        return schemas.load(PaperTradingSession, _plain(columns))


def dump(entity: Any) -> Data:
    """The plain data of a fill or an equity point, as `schemas.dump` gives it."""
    try:
        data: Data = _writer(type(entity))(entity, {})
        return data
    except Exception:
        return schemas.dump(entity)


def load(kind: type[T], data: Mapping[str, Any]) -> T:
    """The entity of type `kind` that `data` describes, as `schemas.load` gives it.

    Raises:
        InvalidSessionError: `data` does not describe one; the messages name every path that is wrong.
    """
    try:
        entity: T = _reader(kind, False)(data)
        return entity
    except Exception:
        return schemas.load(kind, data)


to_json = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False).encode
"""JSON text without spaces; data that holds itself would fill Python's stack before it is refused."""

_to_json_once = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
"""The same, somewhat slower, which refuses data that holds itself at once."""


def from_json(text: str) -> Any:
    """What `to_json` has written as `text`."""
    if is_too_deep(text, STORED_DEEPEST):
        raise ValueError(f"it is nested deeper than {STORED_DEEPEST} levels")
    try:
        value, end = _scan(text)
    except RecursionError:  # on the caller's stack, which may have little room left
        value, end = on_fresh_stack(_scan, text)
    if end != len(text):
        raise ValueError(f"there is more behind position {end}")
    return value


_scan = json.JSONDecoder().raw_decode


def _plain(columns: Mapping[str, Any]) -> Data:
    """Columns as plain data; text that is no JSON stays text, for marshmallow to complain about."""
    data = dict(columns)
    for name, field in schemas.PaperTradingSessionSchema().fields.items():
        if _has_parts(field) and isinstance(data.get(name), str):
            try:
                data[name] = from_json(data[name])
            except (ValueError, RecursionError) as error:
                raise InvalidSessionError({name: [f"is no JSON: {error}."]}) from error
    return data


def _has_parts(field: fields.Field[Any]) -> bool:
    return isinstance(field, JsonField | EntityField | EntitiesField | fields.List)


# Writing: entity -> JSON text, or columns

_JSON: dict[type[fields.Field[Any]], str] = {
    fields.String: "{{quote({value})}}",
    AmountField: '"{{{value}!s}}"',
    InstantField: '"{{instant({value})}}"',
    fields.Enum: '"{{{value}._name_}}"',
    JsonField: "{{encode_{name}({value}, known)}}",
}
"""What stands in an f-string for a field of an entity in JSON."""

_COLUMN: dict[type[fields.Field[Any]], str] = {
    fields.String: "{value}",
    AmountField: "str({value})",
    InstantField: "instant({value})",
    fields.Enum: "{value}._name_",
    fields.Integer: "{value}",
    JsonField: "encode_{name}({value}, known)",
    fields.List: "encode_{name}({value}, known)",
    EntityField: "encode_{name}({value}, known)",
    EntitiesField: "encode_{name}({value}, known)",
}
"""The expression for a field as a column."""


def _object_text(kind: type) -> str:
    """The inside of an f-string that gives the JSON text of `entity`, of type `kind`."""
    members = []
    for name, field in schemas.fields_of(kind).items():
        text = _JSON[type(field)].format(value=f"entity.{name}", name=name)
        if field.allow_none:
            text = f"{{optional_{name}(entity.{name})}}"
        members.append(f"{json.dumps(name)}:{text}")
    return f"{{{{{','.join(members)}}}}}"


@_built_once
def _encoder(kind: type) -> Callable[[Any, Known], str]:
    """A function that gives the JSON text of an entity of type `kind`."""
    return _built("def built(entity, known):", [f"return f'{_object_text(kind)}'"], kind)


@_built_once
def _writer(kind: type) -> Callable[[Any, Known], Data]:
    """A function that gives an entity of type `kind` as columns."""
    members = []
    for name, field in schemas.fields_of(kind).items():
        value = _COLUMN[type(field)].format(value=f"entity.{name}", name=name)
        members.append(f"{name!r}: {f'None if entity.{name} is None else {value}' if field.allow_none else value}")
    return _built("def built(entity, known):", [f"return {{{', '.join(members)}}}"], kind)


def _many_encoder(field: EntitiesField, name: str) -> Callable[[Mapping[str, Any], Known], str]:
    """A function that gives the JSON text of frozen entities by name.

    Where most of them are the same objects from one time to the next, it keeps their texts and writes only the others
    again. Where they are not, keeping (and freeing) them would cost more than writing, so that only a few are kept, to
    notice when that changes. Times, which are the same in the next object of a name, and slow to write, are kept.
    """
    text = f"f'{{quote(each)}}:{_object_text(field.kind)}'"
    is_right = f"type(entity) is kind and entity.{field.key} == each"
    times = [each for each, part in schemas.fields_of(field.kind).items() if isinstance(part, InstantField)]
    for each in times:
        text = text.replace(f"instant(entity.{each})", _KEPT_TIME.format(each))
    find_times = [f"{each}_texts = times(known, {f'{name}.{each}'!r}, entities)" for each in times]
    source = f"""
    names, held = list(entities), list(entities.values())
    before, old, kept = known.get({name!r}, nothing)
    few = slice(None, None, 1 + len(held) // 4)
    compared = held if kept else held[few]
    same = before == names and 2 * sum(map(is_, compared, old)) >= len(compared)
    if same and kept:
        texts = [
            as_before if entity is one_before else {text} if {is_right} else refuse()
            for each, entity, one_before, as_before in zip(names, held, old, kept)
        ]
    else:
        texts = [{text} if {is_right} else refuse() for each, entity in zip(names, held)]
    known[{name!r}] = (names, held, texts) if same else (names, held[few], ())
    return '{{' + ','.join(texts) + '}}'"""
    return _built("def built(entities, known):", [*find_times, source], field.kind)


_KEPT_TIME = (
    "(kept if (kept := {0}_texts.get(each, never))[0] == entity.{0} else new_time({0}_texts, each, entity.{0}))[1]"
)
"""The expression for a time of an entity; to compare one takes a tenth of what it takes to write it."""

_Times = dict[str, tuple[datetime | None, str]]
"""By the name of its entity, a time and its text."""


def _times(known: Known, name: str, entities: Mapping[str, Any]) -> _Times:
    """The times that were written of these entities the last time, and perhaps of a few that are gone."""
    times: _Times = known.setdefault(name, {})
    if len(times) > 2 * len(entities) + 8:
        times.clear()
    return times


def _new_time(times: _Times, name: str, moment: datetime) -> tuple[datetime | None, str]:
    times[name] = written = moment, instant_text(moment)
    return written


def _json_encoder(name: str) -> Callable[[Any, Known], str]:
    """A function that gives the JSON text of the data of one field, and writes it only when it has changed.

    What `marshal` makes of JSON data tells any two apart, 1 from 1.0 and True too, in a fraction of the time.
    """

    def encode_json(value: Any, known: Known) -> str:
        kept: tuple[bytes, str] | None = known.get(name)
        try:
            mark = marshal.dumps(value, _MARSHAL_BY_VALUE)
        except ValueError:  # marshal does not know it
            mark = None
        if kept and kept[0] == mark:
            return kept[1]
        text = to_json(value) if mark is not None else _to_json_once(value)
        if is_too_deep(text):
            raise TypeError
        schemas.refuse_lone_surrogates(text, value)
        twin = _scan(text)[0]
        if mark is not None and marshal.dumps(twin, _MARSHAL_BY_VALUE) == mark:
            known[name] = mark, text
        elif twin != value:
            raise TypeError
        return text

    return encode_json


def _texts_encoder(name: str) -> Callable[[tuple[str, ...], Known], str]:
    """A function that gives the JSON text of a tuple of texts, and writes it only for another object."""

    def encode_texts(value: tuple[str, ...], known: Known) -> str:
        kept: tuple[object, str] | None = known.get(name)
        if kept is None or kept[0] is not value:
            kept = known[name] = value, to_json(list(value))
        return kept[1]

    return encode_texts


_MARSHAL_BY_VALUE = 2
"""The last version of marshal's format that depends on nothing but the values (3 and later: on shared objects)."""


# Reading: plain data, or columns -> entity

_READ: dict[type[fields.Field[Any]], str] = {
    fields.String: "text({value})",
    AmountField: "(amount(it) if type(it := {value}) is str else refuse())",
    InstantField: "instant({value})",
    fields.Enum: "choice_{name}[{value}]",
    fields.Integer: "whole({value})",
    JsonField: "json_object({value})",
    fields.List: "texts({value})",
    EntityField: "read_{name}({value})",
    EntitiesField: "read_{name}({value})",
}


@_built_once
def _reader(kind: type, columns: bool) -> Callable[[Mapping[str, Any]], Any]:
    """A function that makes an entity of type `kind` from plain data, or from columns.

    It sets the fields without the entity's own checks, having made the same ones itself; what else the entity requires
    of itself (`_REQUIRES`) it asks at the end.
    """
    declared = schemas.fields_of(kind)
    lines = [f"if len(data) != {len(declared)}: raise TypeError", "entity = new(kind)"]
    if not _slotted(kind):
        lines.append("fields = entity.__dict__")
    for name, field in declared.items():
        value = f"data[{name!r}]"
        if columns and _has_parts(field):
            value = f"loads({value})"
        source = _READ[type(field)].format(value=value, name=name)
        if field.allow_none:
            source = f"None if data[{name!r}] is None else {source}"
        local = f"{name}_"  # a field may be called `type`, which the source needs as it is
        lines.append(f"{local} = {source}")
        if isinstance(field, AmountField):
            lines.append(f"if {local} is not None and not {local}.is_finite(): raise ValueError")
        lines.append(f"set_{name}(entity, {local})" if _slotted(kind) else f"fields[{name!r}] = {local}")
    return _built("def built(data):", [*lines, *_REQUIRES.get(kind.__name__, ()), "return entity"], kind)


_REQUIRES: dict[str, Sequence[str]] = {
    "Position": ("if not (quantity_ and symbol_): raise ValueError",),
    "Fill": ("if not (id_ and symbol_ and quantity_ > 0): raise ValueError",),
    "Order": ("if not (id_ and symbol_ and 0 <= filled_quantity_ <= quantity_ != 0): raise ValueError",),
    "PaperTradingSession": (
        "if not (id_ and base_currency_ and version_ >= 0 <= fill_count_): raise ValueError",
        "fields['new_fills'], fields['new_equity_points'] = [], []",
        "entity.__post_init__()",
    ),
}


def _many_reader(field: EntitiesField) -> Callable[[Any], dict[str, Any]]:
    read, key = _reader(field.kind, False), field.key

    def read_many(data: Any) -> dict[str, Any]:
        entities = {name: read(each) for name, each in data.items()}
        for name, entity in entities.items():
            if getattr(entity, key) != name:
                raise ValueError
        return entities

    return read_many


def _optional_amount(value: Any) -> str:
    return "null" if value is None else f'"{value!s}"'


def _optional_text(value: str | None) -> str:
    return "null" if value is None else encode_basestring_ascii(value)


_amount = decimal.Context(
    prec=500, Emin=-500, Emax=500, traps=[decimal.InvalidOperation, decimal.Inexact, decimal.Rounded, decimal.Subnormal]
).create_decimal
"""Reads an amount of ordinary size at once, and raises for any other; NaN and infinities come through."""


def _refuse() -> Any:
    raise TypeError


@lru_cache(4096)
def _instant(value: Any) -> datetime:
    moment = datetime.fromisoformat(value)
    if len(value) != 32 or value[26:] != "+00:00" or value[19] != "." or value[10] != "T" or value[5] == "W":
        raise ValueError
    return moment


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError
    if not value.isascii():
        value.encode()
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if type(value) is not list or not all(map(_text, value)):
        raise TypeError
    return tuple(value)


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise TypeError
    return value


def _json_object(value: Any) -> Data:
    if type(value) is not dict:
        raise TypeError
    return value


# Building


def _slotted(kind: type) -> bool:
    return "__slots__" in kind.__dict__


def _built(head: str, lines: Sequence[str], kind: type) -> Callable[..., Any]:
    """The function of this source, with all that it may use."""
    scope: dict[str, Any] = {
        "quote": encode_basestring_ascii,
        "loads": from_json,
        "new": object.__new__,
        "is_": is_,
        "nothing": (None, (), ()),
        "times": _times,
        "never": (None, ""),
        "new_time": _new_time,
        "kind": kind,
        "amount": _amount,
        "refuse": _refuse,
        "text": _text,
        "texts": _texts,
        "whole": _whole,
        "json_object": _json_object,
        "instant": _instant if "data" in head else instant_text,
    }
    for name, field in schemas.fields_of(kind).items():
        scope |= _parts(name, field)
        if _slotted(kind):
            scope[f"set_{name}"] = kind.__dict__[name].__set__
    exec("\n    ".join([head, *lines]), scope)
    built: Callable[..., Any] = scope["built"]
    return built


def _parts(name: str, field: fields.Field[Any]) -> Data:
    """What the source for `field` uses beside what all use."""
    if isinstance(field, AmountField | fields.String):
        return {f"optional_{name}": _optional_amount if isinstance(field, AmountField) else _optional_text}
    if isinstance(field, fields.Enum):
        return {f"choice_{name}": field.enum.__members__}
    if isinstance(field, JsonField):
        return {f"encode_{name}": _json_encoder(name)}
    if isinstance(field, fields.List):
        return {f"encode_{name}": _texts_encoder(name)}
    if isinstance(field, EntitiesField):
        return {f"encode_{name}": _many_encoder(field, name), f"read_{name}": _many_reader(field)}
    if isinstance(field, EntityField):
        kind = cast("EntitySchema", field.schema).entity
        return {f"encode_{name}": _encoder(kind), f"read_{name}": _reader(kind, False)}
    return {}


instant_text = lru_cache(4096)(schemas.instant_text)
"""Most times of a session are the same at every save, and writing one is slow."""
