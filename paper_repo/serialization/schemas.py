"""The serialised form of every entity: entity <-> plain, JSON-ready data.

One marshmallow schema an entity, and no other description of the form anywhere. Amounts are decimal text, times are
ISO 8601 in UTC with microseconds and a fixed width, choices are their names, JSON data stays as it is.

What cannot be serialised, or is no serialised entity, is an `InvalidSessionError` that names the path.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property
from typing import Any, TypeVar, cast

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
from paper_repo.domain.positions import ONE
from paper_repo.errors import InvalidSessionError
from paper_repo.serialization.fields import (
    AmountField,
    AmountsField,
    EntitiesField,
    EntityField,
    FlagField,
    InstantField,
    JsonField,
)

T = TypeVar("T")
Data = dict[str, Any]
"""Plain data: what `json.dumps` writes and `json.loads` gives back equal."""


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
