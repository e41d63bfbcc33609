"""The immutable parts of a session that are no book of its own: its strategy, its fills and equity points."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from paper_repo.domain import one_line
from paper_repo.domain.drafts import draft_of
from paper_repo.domain.secrecy import kind_of, shown
from paper_repo.domain.values import (
    EXACT,
    Amount,
    amount,
    choice,
    identifier,
    instant,
    invalid,
    json_object,
    naming,
    optional_amount,
    optional_text,
    positive,
    text,
    utc_now,
)
from paper_repo.errors import InvalidSessionError


class Side(StrEnum):
    """The side of an order or fill: BUY or SELL."""

    BUY = "BUY"
    SELL = "SELL"


@dataclass(frozen=True, slots=True)
@one_line.described(one_line.strategy)
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
@one_line.described(one_line.fill)
class Fill:
    """One execution; a rebate is a negative fee.

    - `price`: in the currency of its instrument, which is the session's base currency unless `session.instruments` says
      another one.
    - `fee`: in `fee_currency`; None: in the currency of the price. A fee in the asset that is traded, as BTC of
      "BTC/USDT", is paid out of the position.
    - `position_id`: which of several positions in the symbol it belongs to (hedge mode).
    - `rate`, `fee_rate`: the price of one unit of the instrument's and of the fee's currency in the base currency at
      that time. A session that books the fill uses the rates that it knows, and notes them here; given, they become the
      session's rates. None where the currency is the base currency.
    - `corrected_at`: when `correct_fill` took it out of the books; `replaces`: the id of the fill that it stands for.
    """

    id: str
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal = Decimal(0)
    executed_at: datetime = field(default_factory=utc_now)
    order_id: str | None = None
    fee_currency: str | None = None
    position_id: str | None = None
    rate: Decimal | None = None
    fee_rate: Decimal | None = None
    corrected_at: datetime | None = None
    replaces: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict, hash=False)

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
            fee_currency: str | None = ...,
            position_id: str | None = ...,
            rate: Amount | None = ...,
            fee_rate: Amount | None = ...,
            corrected_at: datetime | None = ...,
            replaces: str | None = ...,
            metadata: dict[str, Any] = ...,
        ) -> None: ...

    def __post_init__(self) -> None:
        try:
            _set(self, "id", identifier(self.id, "id"))
            _set(self, "symbol", identifier(self.symbol, "symbol"))
            _set(self, "side", choice(Side, self.side, "side"))
            _set(self, "quantity", positive(self.quantity, "quantity"))
            _set(self, "price", amount(self.price, "price"))
            _set(self, "fee", amount(self.fee, "fee"))
            _set(self, "executed_at", instant(self.executed_at, "executed_at"))
            _set(self, "order_id", optional_text(self.order_id, "order_id"))
            for name, check in _SELDOM_GIVEN:
                if getattr(self, name) is not None:
                    _set(self, name, check(getattr(self, name), name))
            json_object(self.metadata, "metadata")
        except InvalidSessionError as error:
            raise naming(error, f"fill {shown(self.id)}") from None

    @property
    def signed_quantity(self) -> Decimal:
        """The quantity; negative for a sale."""
        return self.quantity if self.side is Side.BUY else EXACT.minus(self.quantity)


_draft = draft_of(Fill)

_SELDOM_GIVEN: tuple[tuple[str, Callable[[Any, str], Any]], ...] = (
    ("fee_currency", identifier),
    ("position_id", identifier),
    ("rate", positive),
    ("fee_rate", positive),
    ("corrected_at", instant),
    ("replaces", identifier),
)


def _metadata(value: dict[str, Any], path: str) -> dict[str, Any]:
    json_object(value, path)
    return value


_SELDOM_CHECKS = dict(_SELDOM_GIVEN) | {"metadata": _metadata}


@dataclass(frozen=True, slots=True)
@one_line.described(one_line.point)
class EquityPoint:
    """The value of a session at one moment: its equity, and its cash.

    `cash` is the cash in the base currency; None where an engine knows the equity alone.
    """

    at: datetime
    cash: Decimal | None
    equity: Decimal

    if TYPE_CHECKING:

        def __init__(self, at: datetime, cash: Amount | None, equity: Amount) -> None: ...

    def __post_init__(self) -> None:
        _set(self, "at", instant(self.at, "at"))
        _set(self, "cash", optional_amount(self.cash, "cash"))
        _set(self, "equity", amount(self.equity, "equity"))


_set = object.__setattr__


def checked_fill(
    id: str,
    symbol: str,
    side: Side,
    quantity: Decimal,
    price: Decimal,
    fee: Decimal,
    executed_at: datetime,
    order_id: str | None,
    more: Mapping[str, Any] | None = None,
) -> Fill:
    """A fill of values that have been checked already: reading a history would take half as long again.

    Args:
        more: the fields that few fills have, which are checked as ever.
    """
    made = _draft()
    made.id = id
    made.symbol = symbol
    made.side = side
    made.quantity = quantity
    made.price = price
    made.fee = fee
    made.executed_at = executed_at
    made.order_id = order_id
    made.fee_currency = made.position_id = made.rate = made.fee_rate = None
    made.corrected_at = made.replaces = None
    made.metadata = {}
    if more:
        for name, value in more.items():
            if value is not None:
                setattr(made, name, _SELDOM_CHECKS[name](value, name))
    made.__class__ = Fill
    done: Fill = made  # which a call of cast() would say at a cost
    return done


def checked_point(at: datetime, cash: Decimal | None, equity: Decimal) -> EquityPoint:
    """A point of values that have been checked already."""
    point = object.__new__(EquityPoint)
    _set(point, "at", at)
    _set(point, "cash", cash)
    _set(point, "equity", equity)
    return point
