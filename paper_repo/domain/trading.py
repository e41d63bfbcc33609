"""The immutable parts of a session: its strategy, positions, orders, fills and equity points."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from paper_repo.domain.secrecy import kind_of
from paper_repo.domain.values import (
    EXACT,
    ROUNDED,
    Amount,
    amount,
    choice,
    identifier,
    instant,
    invalid,
    naming_its_id,
    optional_amount,
    optional_text,
    positive,
    text,
    utc_now,
)


class Side(StrEnum):
    """The side of an order or fill: BUY or SELL."""

    BUY = "BUY"
    SELL = "SELL"


class OrderType(StrEnum):
    """The type of an order: MARKET, LIMIT, STOP or STOP_LIMIT."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP = "STOP"
    STOP_LIMIT = "STOP_LIMIT"


class TimeInForce(StrEnum):
    """How long an order rests: DAY, GTC (until cancelled), IOC (what can be filled at once) or FOK (all or nothing)."""

    DAY = "DAY"
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


@dataclass(frozen=True, slots=True)
class Strategy:
    """The strategy of a session: its name, version and parameters (any JSON data)."""

    name: str
    version: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _set(self, "name", text(self.name, "name"))
        _set(self, "version", text(self.version, "version"))
        if not isinstance(self.parameters, dict):
            raise invalid("parameters", f"must be a dict, not {kind_of(self.parameters)}.")


@dataclass(frozen=True, slots=True)
class Position:
    """An open position: long if its quantity is above zero, short if it is below.

    `cost_basis` is the amount paid for what is held, negative for a short position. It is kept instead of the average
    price because sums are exact and averages are not.
    """

    symbol: str
    quantity: Decimal
    cost_basis: Decimal
    last_price: Decimal
    opened_at: datetime
    realized_pnl: Decimal = Decimal(0)

    if TYPE_CHECKING:

        def __init__(
            self,
            symbol: str,
            quantity: Amount,
            cost_basis: Amount,
            last_price: Amount,
            opened_at: datetime,
            realized_pnl: Amount = ...,
        ) -> None: ...

    def __post_init__(self) -> None:
        _set(self, "symbol", identifier(self.symbol, "symbol"))
        _set(self, "quantity", amount(self.quantity, "quantity"))
        if not self.quantity:
            raise invalid("quantity", "an open position holds something; leave a closed one out.")
        _set(self, "cost_basis", amount(self.cost_basis, "cost_basis"))
        _set(self, "last_price", amount(self.last_price, "last_price"))
        _set(self, "opened_at", instant(self.opened_at, "opened_at"))
        _set(self, "realized_pnl", amount(self.realized_pnl, "realized_pnl"))

    @classmethod
    def open(cls, symbol: str, quantity: Amount, price: Amount, at: datetime) -> Position:
        """A new position of `quantity` (negative for a short one), bought or sold at `price`."""
        quantity, price = amount(quantity, "quantity"), amount(price, "price")
        return cls(symbol, quantity, EXACT.multiply(quantity, price), price, at)

    @classmethod
    def of_checked(
        cls,
        symbol: str,
        quantity: Decimal,
        cost_basis: Decimal,
        last_price: Decimal,
        opened_at: datetime,
        realized_pnl: Decimal,
    ) -> Position:
        """A position of values that have been checked already, which takes longer than all else."""
        position = object.__new__(cls)
        _set(position, "symbol", symbol)
        _set(position, "quantity", quantity)
        _set(position, "cost_basis", cost_basis)
        _set(position, "last_price", last_price)
        _set(position, "opened_at", opened_at)
        _set(position, "realized_pnl", realized_pnl)
        return position

    @property
    def average_price(self) -> Decimal:
        """The average cost of one unit, to 28 significant digits."""
        return ROUNDED.divide(self.cost_basis, self.quantity)

    @property
    def market_value(self) -> Decimal:
        """The value of the position at its last price; negative for a short one."""
        return EXACT.multiply(self.quantity, self.last_price)

    @property
    def unrealized_pnl(self) -> Decimal:
        """The gain from closing the position at its last price, before fees."""
        return EXACT.subtract(self.market_value, self.cost_basis)

    def marked(self, price: Amount) -> Position:
        """The same position with another last price."""
        price = amount(price, "last_price")
        return Position.of_checked(
            self.symbol, self.quantity, self.cost_basis, price, self.opened_at, self.realized_pnl
        )


@dataclass(frozen=True, slots=True)
class Order:
    """A resting order. Prices are in the session's base currency; `filled_quantity` has traded so far."""

    id: str
    symbol: str
    side: Side
    type: OrderType
    quantity: Decimal
    filled_quantity: Decimal = Decimal(0)
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    created_at: datetime = field(default_factory=utc_now)

    if TYPE_CHECKING:

        def __init__(
            self,
            id: str,
            symbol: str,
            side: Side | str,
            type: OrderType | str,
            quantity: Amount,
            filled_quantity: Amount = ...,
            limit_price: Amount | None = ...,
            stop_price: Amount | None = ...,
            time_in_force: TimeInForce | str = ...,
            created_at: datetime = ...,
        ) -> None: ...

    @naming_its_id("order")
    def __post_init__(self) -> None:
        _set(self, "id", identifier(self.id, "id"))
        _set(self, "symbol", identifier(self.symbol, "symbol"))
        _set(self, "side", choice(Side, self.side, "side"))
        _set(self, "type", choice(OrderType, self.type, "type"))
        _set(self, "quantity", positive(self.quantity, "quantity"))
        _set(self, "filled_quantity", amount(self.filled_quantity, "filled_quantity"))
        if not 0 <= self.filled_quantity <= self.quantity:
            raise invalid(
                "filled_quantity", f"{self.filled_quantity} is not within 0 and the quantity {self.quantity}."
            )
        _set(self, "limit_price", optional_amount(self.limit_price, "limit_price"))
        _set(self, "stop_price", optional_amount(self.stop_price, "stop_price"))
        _set(self, "time_in_force", choice(TimeInForce, self.time_in_force, "time_in_force"))
        _set(self, "created_at", instant(self.created_at, "created_at"))

    @property
    def remaining_quantity(self) -> Decimal:
        """The quantity that has not traded yet."""
        return EXACT.subtract(self.quantity, self.filled_quantity)


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution. `price` and `fee` are in the session's base currency; a rebate is a negative fee."""

    id: str
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal = Decimal(0)
    executed_at: datetime = field(default_factory=utc_now)
    order_id: str | None = None

    if TYPE_CHECKING:

        def __init__(
            self,
            id: str,
            symbol: str,
            side: Side | str,
            quantity: Amount,
            price: Amount,
            fee: Amount = ...,
            executed_at: datetime = ...,
            order_id: str | None = ...,
        ) -> None: ...

    @naming_its_id("fill")
    def __post_init__(self) -> None:
        _set(self, "id", identifier(self.id, "id"))
        _set(self, "symbol", identifier(self.symbol, "symbol"))
        _set(self, "side", choice(Side, self.side, "side"))
        _set(self, "quantity", positive(self.quantity, "quantity"))
        _set(self, "price", amount(self.price, "price"))
        _set(self, "fee", amount(self.fee, "fee"))
        _set(self, "executed_at", instant(self.executed_at, "executed_at"))
        _set(self, "order_id", optional_text(self.order_id, "order_id"))

    @classmethod
    def of_checked(
        cls,
        id: str,
        symbol: str,
        side: Side,
        quantity: Decimal,
        price: Decimal,
        fee: Decimal,
        executed_at: datetime,
        order_id: str | None,
    ) -> Fill:
        """A fill of values that have been checked already: reading a long history would take half as long again."""
        fill = object.__new__(cls)
        _set(fill, "id", id)
        _set(fill, "symbol", symbol)
        _set(fill, "side", side)
        _set(fill, "quantity", quantity)
        _set(fill, "price", price)
        _set(fill, "fee", fee)
        _set(fill, "executed_at", executed_at)
        _set(fill, "order_id", order_id)
        return fill

    @property
    def signed_quantity(self) -> Decimal:
        """The quantity; negative for a sale."""
        return self.quantity if self.side is Side.BUY else EXACT.minus(self.quantity)


@dataclass(frozen=True, slots=True)
class EquityPoint:
    """The value of a session at one moment: its cash, and its equity (cash plus the market value of its positions)."""

    at: datetime
    cash: Decimal
    equity: Decimal

    if TYPE_CHECKING:

        def __init__(self, at: datetime, cash: Amount, equity: Amount) -> None: ...

    def __post_init__(self) -> None:
        _set(self, "at", instant(self.at, "at"))
        _set(self, "cash", amount(self.cash, "cash"))
        _set(self, "equity", amount(self.equity, "equity"))


_set = object.__setattr__
