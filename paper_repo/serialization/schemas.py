"""The serialised form of every entity: entity <-> plain, JSON-ready data.

One marshmallow schema an entity, and no other description of the form anywhere. Amounts are decimal text, times are
ISO 8601 in UTC with microseconds and a fixed width, choices are their names, JSON data stays as it is.

What cannot be serialised, or is no serialised entity, is an `InvalidSessionError` that names the path.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any, TypeAlias, TypeVar, cast

from marshmallow import Schema, ValidationError, fields, post_dump, post_load

from paper_repo.domain import (
    CashFlow,
    CashFlowKind,
    EquityPoint,
    Fill,
    Instrument,
    Order,
    OrderStatus,
    OrderType,
    PaperTradingSession,
    Position,
    SessionStatus,
    Settlement,
    Side,
    Split,
    Strategy,
    SymbolChange,
    TimeInForce,
)
from paper_repo.domain.nesting import DEEPEST, is_too_deep, on_fresh_stack
from paper_repo.domain.positions import ONE
from paper_repo.domain.secrecy import kind_of, shown
from paper_repo.domain.values import UTC, text
from paper_repo.errors import InvalidSessionError

_ErrorMessages: TypeAlias = dict[str, str | list[Any] | dict[Any, Any]]

T = TypeVar("T")
Data = dict[str, Any]
"""Plain data: what `json.dumps` writes and `json.loads` gives back equal."""


class AmountField(fields.Field[Decimal]):
    """An exact decimal, as text."""

    default_error_messages: _ErrorMessages = {"invalid": "{input} is no decimal number as text."}

    def _serialize(self, value: Decimal | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else str(value)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Decimal:
        if not isinstance(value, str):
            raise self.make_error("invalid", input=shown(value))
        try:
            return Decimal(value)
        except InvalidOperation:
            raise self.make_error("invalid", input=shown(value)) from None


class InstantField(fields.Field[datetime]):
    """A moment in UTC, as ISO 8601 text of fixed width, so that text order is time order."""

    default_error_messages: _ErrorMessages = {
        "invalid": "{input} is no time in UTC like '2026-01-31T14:30:00.000000+00:00'."
    }

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else instant_text(value)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        try:
            moment = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            raise self.make_error("invalid", input=shown(value)) from None
        if moment.tzinfo is not UTC or instant_text(moment) != value:
            raise self.make_error("invalid", input=shown(value))
        return moment


class JsonField(fields.Field[Any]):
    """JSON data, which comes back equal or is refused."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return json_copy(value, attr or "")

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, dict):
            raise ValidationError(f"must be a JSON object, not {kind_of(value)}.")
        return value


class FlagField(fields.Field[bool]):
    """True or False, and nothing that only looks like it."""

    default_error_messages: _ErrorMessages = {"invalid": "must be true or false, not {input}."}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if type(value) is not bool:
            raise self.make_error("invalid", input=shown(value))
        return value


class EntityField(fields.Nested):
    """One entity inside another."""

    def _serialize(self, nested_obj: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        try:
            return super()._serialize(nested_obj, attr, obj, **kwargs)  # type: ignore[no-untyped-call]
        except InvalidSessionError as error:
            raise _under(attr, error) from None


class EntitiesField(fields.Dict):
    """Entities by the name that each of them carries itself."""

    def __init__(self, kind: type[Any], schema: type[Schema], key: str, **options: Any) -> None:
        super().__init__(keys=fields.String(), values=fields.Nested(schema), **options)
        self.kind = kind
        self.key = key

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        if wrong := self._wrong(value):
            raise InvalidSessionError({f"{attr}.{name}": messages for name, messages in wrong.items()})
        return super()._serialize(value, attr, obj, **kwargs)  # type: ignore[no-untyped-call]

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        entities = super()._deserialize(value, attr, data, **kwargs)  # type: ignore[no-untyped-call]
        if wrong := self._wrong(entities):
            raise ValidationError(wrong)
        return entities

    def _wrong(self, entities: Mapping[Any, Any]) -> dict[Any, list[str]]:
        """What is wrong with the entities that are of another type, or under another name than their own."""
        wrong = {}
        for name, entity in entities.items():
            if not isinstance(entity, self.kind):
                wrong[name] = [f"must be of type {self.kind.__name__}, not {shown(entity)}."]
            elif getattr(entity, self.key) != name:
                wrong[name] = [f"is kept under another {self.key} than its own, {shown(getattr(entity, self.key))}."]
        return wrong


class AmountsField(fields.Dict):
    """Amounts by the currency that they are in."""

    def __init__(self, **options: Any) -> None:
        super().__init__(keys=fields.String(), values=AmountField(), **options)


NONE: dict[str, Any] = {"load_default": None, "allow_none": False}
"""Of a field that is left out where there is nothing; `null` does not stand for that."""

ZERO = Decimal(0)


class EntitySchema(Schema):
    """A schema whose loaded data becomes an entity.

    Fields that are not `required` are left out where they have their default: few entities use them.
    """

    entity: type[Any]

    @cached_property
    def defaults(self) -> Data:
        """What the fields that may be left out are then, as plain data."""
        optional = {name: field for name, field in self.fields.items() if not field.required}
        values = {name: field.load_default for name, field in optional.items()}
        return {
            name: optional[name]._serialize(value() if callable(value) else value, None, None)
            for name, value in values.items()
        }

    @post_dump
    def leave_out(self, data: Data, **kwargs: Any) -> Data:
        """The data without the optional fields that say nothing."""
        defaults = self.defaults
        return {name: value for name, value in data.items() if name not in defaults or value != defaults[name]}

    @post_load
    def make(self, data: Data, **kwargs: Any) -> Any:
        """The entity with these values, or the entity's own complaint at the right path."""
        try:
            return self.entity(**data)
        except InvalidSessionError as error:
            raise ValidationError(cast("dict[str, Any]", error.messages)) from error


class StrategySchema(EntitySchema):
    """`Strategy`."""

    entity = Strategy
    name: fields.String = fields.String(required=True)
    version: fields.String = fields.String(required=True)
    parameters: JsonField = JsonField(required=True)


class PositionSchema(EntitySchema):
    """`Position`."""

    entity = Position
    symbol: fields.String = fields.String(required=True)
    quantity: AmountField = AmountField(required=True)
    cost_basis: AmountField = AmountField(required=True)
    last_price: AmountField = AmountField(required=True)
    opened_at: InstantField = InstantField(required=True)
    realized_pnl: AmountField = AmountField(required=True)
    currency: fields.String = fields.String(**NONE)
    multiplier: AmountField = AmountField(load_default=ONE)
    settlement: fields.Enum[Settlement] = fields.Enum(Settlement, load_default=Settlement.CASH)
    position_id: fields.String = fields.String(**NONE)
    metadata: JsonField = JsonField(load_default=dict)


class InstrumentSchema(EntitySchema):
    """`Instrument`."""

    entity = Instrument
    symbol: fields.String = fields.String(required=True)
    currency: fields.String = fields.String(required=True, allow_none=True)
    multiplier: AmountField = AmountField(required=True)
    settlement: fields.Enum[Settlement] = fields.Enum(Settlement, required=True)
    asset: fields.String = fields.String(**NONE)
    metadata: JsonField = JsonField(load_default=dict)


class OrderSchema(EntitySchema):
    """`Order`."""

    entity = Order
    id: fields.String = fields.String(required=True)
    symbol: fields.String = fields.String(required=True)
    side: fields.Enum[Side] = fields.Enum(Side, required=True)
    type: fields.Enum[OrderType] = fields.Enum(OrderType, required=True)
    quantity: AmountField = AmountField(required=True)
    filled_quantity: AmountField = AmountField(required=True)
    limit_price: AmountField = AmountField(required=True, allow_none=True)
    stop_price: AmountField = AmountField(required=True, allow_none=True)
    time_in_force: fields.Enum[TimeInForce] = fields.Enum(TimeInForce, required=True)
    created_at: InstantField = InstantField(required=True)
    status: fields.Enum[OrderStatus] = fields.Enum(OrderStatus, load_default=OrderStatus.OPEN)
    trail_amount: AmountField = AmountField(**NONE)
    trail_percent: AmountField = AmountField(**NONE)
    expires_at: InstantField = InstantField(**NONE)
    reduce_only: FlagField = FlagField(load_default=False)
    post_only: FlagField = FlagField(load_default=False)
    parent_id: fields.String = fields.String(**NONE)
    oco_group: fields.String = fields.String(**NONE)
    position_id: fields.String = fields.String(**NONE)
    closed_at: InstantField = InstantField(**NONE)
    metadata: JsonField = JsonField(load_default=dict)

    @post_dump
    def leave_out(self, data: Data, **kwargs: Any) -> Data:
        """As for every entity; that an order is filled in part is told by its quantities."""
        data = super().leave_out(data, **kwargs)
        if data.get("status") == "PARTIALLY_FILLED":
            del data["status"]
        return data


class FillSchema(EntitySchema):
    """`Fill`."""

    entity = Fill
    id: fields.String = fields.String(required=True)
    symbol: fields.String = fields.String(required=True)
    side: fields.Enum[Side] = fields.Enum(Side, required=True)
    quantity: AmountField = AmountField(required=True)
    price: AmountField = AmountField(required=True)
    fee: AmountField = AmountField(required=True)
    executed_at: InstantField = InstantField(required=True)
    order_id: fields.String = fields.String(required=True, allow_none=True)
    fee_currency: fields.String = fields.String(**NONE)
    position_id: fields.String = fields.String(**NONE)
    rate: AmountField = AmountField(**NONE)
    fee_rate: AmountField = AmountField(**NONE)
    corrected_at: InstantField = InstantField(**NONE)
    replaces: fields.String = fields.String(**NONE)
    metadata: JsonField = JsonField(load_default=dict)


class EquityPointSchema(EntitySchema):
    """`EquityPoint`."""

    entity = EquityPoint
    at: InstantField = InstantField(required=True)
    cash: AmountField = AmountField(required=True, allow_none=True)
    equity: AmountField = AmountField(required=True)


class CashFlowSchema(EntitySchema):
    """`CashFlow`."""

    entity = CashFlow
    id: fields.String = fields.String(required=True)
    kind: fields.Enum[CashFlowKind] = fields.Enum(CashFlowKind, required=True)
    amount: AmountField = AmountField(required=True)
    at: InstantField = InstantField(required=True)
    currency: fields.String = fields.String(**NONE)
    symbol: fields.String = fields.String(**NONE)
    rate: AmountField = AmountField(**NONE)
    metadata: JsonField = JsonField(load_default=dict)


class SplitSchema(EntitySchema):
    """`Split`."""

    entity = Split
    id: fields.String = fields.String(required=True)
    symbol: fields.String = fields.String(required=True)
    ratio: AmountField = AmountField(required=True)
    at: InstantField = InstantField(required=True)
    per: AmountField = AmountField(load_default=ONE)
    metadata: JsonField = JsonField(load_default=dict)


class SymbolChangeSchema(EntitySchema):
    """`SymbolChange`."""

    entity = SymbolChange
    id: fields.String = fields.String(required=True)
    symbol: fields.String = fields.String(required=True)
    new_symbol: fields.String = fields.String(required=True)
    at: InstantField = InstantField(required=True)
    metadata: JsonField = JsonField(load_default=dict)


class PaperTradingSessionSchema(EntitySchema):
    """`PaperTradingSession`, without the history that waits to be saved."""

    entity = PaperTradingSession
    id: fields.String = fields.String(required=True)
    name: fields.String = fields.String(required=True)
    strategy: EntityField = EntityField(StrategySchema, required=True)
    symbols: fields.List[Any] = fields.List(fields.String(), required=True)
    base_currency: fields.String = fields.String(required=True)
    status: fields.Enum[SessionStatus] = fields.Enum(SessionStatus, required=True)
    initial_cash: AmountField = AmountField(required=True)
    cash: AmountField = AmountField(required=True)
    positions: EntitiesField = EntitiesField(Position, PositionSchema, key="id", required=True)
    open_orders: EntitiesField = EntitiesField(Order, OrderSchema, key="id", required=True)
    realized_pnl: AmountField = AmountField(required=True)
    fees_paid: AmountField = AmountField(required=True)
    state: JsonField = JsonField(required=True)
    metadata: JsonField = JsonField(required=True)
    error: fields.String = fields.String(required=True, allow_none=True)
    created_at: InstantField = InstantField(required=True)
    started_at: InstantField = InstantField(required=True, allow_none=True)
    stopped_at: InstantField = InstantField(required=True, allow_none=True)
    updated_at: InstantField = InstantField(required=True, allow_none=True)
    version: fields.Integer = fields.Integer(required=True, strict=True)
    fill_count: fields.Integer = fields.Integer(required=True, strict=True)
    instruments: EntitiesField = EntitiesField(Instrument, InstrumentSchema, key="symbol", load_default=dict)
    balances: AmountsField = AmountsField(load_default=dict)
    rates: AmountsField = AmountsField(load_default=dict)
    opening_positions: EntitiesField = EntitiesField(Position, PositionSchema, key="id", load_default=dict)
    opening_balances: AmountsField = AmountsField(load_default=dict)
    opening_worth: AmountField = AmountField(load_default=ZERO)
    net_deposits: AmountField = AmountField(load_default=ZERO)
    income: AmountField = AmountField(load_default=ZERO)
    currency_pnl: AmountField = AmountField(load_default=ZERO)
    other_value: AmountField = AmountField(load_default=ZERO)
    ledger_count: fields.Integer = fields.Integer(strict=True, load_default=0)
    closed_order_count: fields.Integer = fields.Integer(strict=True, load_default=0)
    keeps_own_accounts: FlagField = FlagField(load_default=True)


_SCHEMAS: dict[type[Any], EntitySchema] = {
    schema.entity: schema()
    for schema in (
        StrategySchema,
        PositionSchema,
        OrderSchema,
        FillSchema,
        EquityPointSchema,
        InstrumentSchema,
        CashFlowSchema,
        SplitSchema,
        SymbolChangeSchema,
        PaperTradingSessionSchema,
    )
}


def is_stored(kind: type[Any]) -> bool:
    """Whether entities of type `kind` have a serialised form."""
    return kind in _SCHEMAS


def defaults_of(kind: type[Any]) -> Data:
    """What the optional fields of entities of type `kind` are where they say nothing, as plain data."""
    return _SCHEMAS[kind].defaults


def dump(entity: Any) -> Data:
    """The plain data of `entity`.

    Raises:
        InvalidSessionError: it holds something that would not come back equal; the message names the path.
    """
    schema = next(_SCHEMAS[kind] for kind in type(entity).__mro__ if kind in _SCHEMAS)  # a caller's own kind is one too
    return cast("Data", schema.dump(entity))


def load(kind: type[T], data: Mapping[str, Any]) -> T:
    """The entity of type `kind` that `data` describes.

    Raises:
        InvalidSessionError: `data` does not describe one; the messages name every path that is wrong.
    """
    try:
        return cast("T", _SCHEMAS[kind].load(data))
    except ValidationError as error:
        raise InvalidSessionError(_by_path(error.messages)) from error


def fields_of(kind: type[Any]) -> dict[str, fields.Field[Any]]:
    """The declared fields of the schema for entities of type `kind`, by name."""
    return _SCHEMAS[kind].fields


def instant_text(moment: datetime) -> str:
    """A moment in UTC as text of fixed width."""
    return moment.isoformat("T", "microseconds")


def json_copy(value: Any, path: str) -> Any:
    """JSON data that is equal to `value` and shares nothing with it; what JSON does not give back equal is refused.

    Writing and reading it back is the check: it finds NaN, keys that are no text, tuples and sets by itself, at the
    speed of the json module. Only when it fails does a slow walk look for the place.
    """
    try:
        twin = _there_and_back(value)
    except RecursionError:
        twin = _NOT_EQUAL  # on the caller's stack, which may have little room left
    if twin is not _NOT_EQUAL:
        return twin
    problems = _json_problems(value, path)
    if not problems:
        twin = on_fresh_stack(_there_and_back, value)
        problems = {path: ["does not come back equal from JSON."]} if twin is _NOT_EQUAL else {}
    if problems:
        raise InvalidSessionError(problems)
    return twin


def _there_and_back(value: Any) -> Any:
    """What JSON makes of `value`, or `_NOT_EQUAL`."""
    try:
        written = json.dumps(value, allow_nan=False)
        refuse_lone_surrogates(written, value)
        twin = json.loads(written)
        return _NOT_EQUAL if is_too_deep(written) or twin != value else twin
    except (TypeError, ValueError):
        return _NOT_EQUAL


_NOT_EQUAL = object()


def refuse_lone_surrogates(written: str, value: Any) -> None:
    """Raise a `UnicodeEncodeError` when `value`, of which `written` is the JSON in ASCII, holds text that is none."""
    if "\\ud" in written:  # a surrogate, most likely one of a pair: every character beyond U+FFFF is written as two
        json.dumps(value, ensure_ascii=False).encode()


_TOO_DEEP = f"is nested too deeply, more than {DEEPEST} levels, or holds itself."


def _json_problems(value: Any, path: str) -> dict[str, list[str]]:
    """What is wrong with `value`, by path.

    This does not call itself: in data that holds itself it would end where Python's stack does, and whatever finalizer
    of the program the garbage collector calls there fails.
    """
    problems: dict[str, list[str]] = {}
    waiting = [(0, value, path)]
    while waiting:
        depth, each, place = waiting.pop()
        if depth >= DEEPEST and isinstance(each, dict | list):
            return {path: [_TOO_DEEP]}
        problems.update(_own_problems(each, place))
        waiting += [(depth + 1, *part) for part in reversed(_parts(each, place))]
    return problems


def _parts(value: Any, path: str) -> list[tuple[Any, str]]:
    """What `value` holds, each with its path."""
    if isinstance(value, dict):
        return [(each, f"{path}.{key}") for key, each in value.items() if isinstance(key, str)]
    return [(each, f"{path}[{index}]") for index, each in enumerate(value)] if isinstance(value, list) else []


def _own_problems(value: Any, path: str) -> Iterator[tuple[str, list[str]]]:
    """What is wrong with `value` itself, whatever it holds."""
    if isinstance(value, dict):
        for key in value:
            if isinstance(key, str):
                yield from _surrogates(key, f"{path}.{key!a}")
            else:
                yield f"{path}.{key}", [f"the key {key!r} is no text; JSON has only text keys."]
    elif isinstance(value, str):
        yield from _surrogates(value, path)
    elif isinstance(value, tuple):
        yield path, ["a tuple would come back as a list; use a list."]
    elif isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        yield path, [f"{value} cannot be kept in JSON; use None or text."]
    elif not (value is None or isinstance(value, list | int | float)):
        yield path, [f"a {type(value).__name__} cannot be kept in JSON; store text or a number instead."]
    elif isinstance(value, int) and value.bit_length() > 10_000:
        yield path, ["the number has too many digits; store it as text."]


def _surrogates(value: str, path: str) -> Iterator[tuple[str, list[str]]]:
    try:
        text(value, path)
    except InvalidSessionError as error:
        yield from error.messages.items()


def _under(prefix: str | None, error: InvalidSessionError) -> InvalidSessionError:
    return InvalidSessionError({f"{prefix}.{path}": texts for path, texts in error.messages.items()})


def _by_path(messages: Any, prefix: str = "") -> dict[str, list[str]]:
    """marshmallow's nested messages as one flat mapping; the steps it puts around a dict's values are left out."""
    if isinstance(messages, list):
        return {prefix or "session": [str(each) for each in messages]}
    flat: dict[str, list[str]] = {}
    for key, below in messages.items():
        flat.update(_by_path(below, _below(prefix, key)))
    return flat


def _below(path: str, step: object) -> str:
    if isinstance(step, int):
        return f"{path}[{step}]"
    return path if step == "_schema" or (step == "value" and path) else f"{path}.{step}".strip(".")
