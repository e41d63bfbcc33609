"""Open positions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from paper_repo.domain import one_line
from paper_repo.domain.drafts import draft_of
from paper_repo.domain.instruments import Settlement
from paper_repo.domain.values import (
    EXACT,
    ROUNDED,
    Amount,
    amount,
    choice,
    identifier,
    instant,
    invalid,
    json_object,
    optional_identifier,
    positive,
)

ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
@one_line.described(one_line.position)
class Position:
    """An open position: long if its quantity is above zero, short if it is below.

    `cost_basis` is the amount paid for what is held (`quantity * price * multiplier`), negative for a short position.
    It is kept instead of the average price because sums are exact and averages are not.

    What it is of is copied from the `Instrument` when it is opened: `currency` (None: the session's base currency) is
    that of its prices, cost basis, value and profit. `position_id` tells several positions in one symbol apart.
    """

    symbol: str
    quantity: Decimal
    cost_basis: Decimal
    last_price: Decimal
    opened_at: datetime
    realized_pnl: Decimal = Decimal(0)
    currency: str | None = None
    multiplier: Decimal = ONE
    settlement: Settlement = Settlement.CASH
    position_id: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict, hash=False)

    if TYPE_CHECKING:

        def __init__(
            self,
            symbol: str,
            quantity: Amount,
            cost_basis: Amount,
            last_price: Amount,
            opened_at: datetime,
            realized_pnl: Amount = ...,
            currency: str | None = ...,
            multiplier: Amount = ...,
            settlement: Settlement | str = ...,
            position_id: str | None = ...,
            metadata: dict[str, Any] = ...,
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
        _set(self, "currency", optional_identifier(self.currency, "currency"))
        _set(self, "multiplier", positive(self.multiplier, "multiplier"))
        _set(self, "settlement", choice(Settlement, self.settlement, "settlement"))
        _set(self, "position_id", optional_identifier(self.position_id, "position_id"))
        json_object(self.metadata, "metadata")

    @classmethod
    def open(cls, symbol: str, quantity: Amount, price: Amount, at: datetime) -> Position:
        """A new position of `quantity` (negative for a short one), bought or sold at `price`."""
        quantity, price = amount(quantity, "quantity"), amount(price, "price")
        return cls(symbol, quantity, EXACT.multiply(quantity, price), price, at)

    @property
    def id(self) -> str:
        """The key of the position in `session.positions`: its `position_id`, or its symbol where it has none."""
        return self.position_id or self.symbol

    @property
    def average_price(self) -> Decimal:
        """The average price paid for one unit, to 28 significant digits."""
        return ROUNDED.divide(self.cost_basis, EXACT.multiply(self.quantity, self.multiplier))

    @property
    def market_value(self) -> Decimal:
        """What the position stands for at its last price (its notional value), in its currency; negative for a short
        one."""
        value = EXACT.multiply(self.quantity, self.last_price)
        return value if self.multiplier == 1 else EXACT.multiply(value, self.multiplier)

    @property
    def unrealized_pnl(self) -> Decimal:
        """The gain from closing the position at its last price, before fees, in its currency."""
        return EXACT.subtract(self.market_value, self.cost_basis)

    @property
    def worth(self) -> Decimal:
        """What it adds to the account, in its currency: its market value; settled by MARGIN, its unrealized P&L."""
        return self.market_value if self.settlement is Settlement.CASH else self.unrealized_pnl

    def marked(self, price: Amount) -> Position:
        """The same position with another last price."""
        return checked_position(
            self.symbol,
            self.quantity,
            self.cost_basis,
            amount(price, "last_price"),
            self.opened_at,
            self.realized_pnl,
            self.currency,
            self.multiplier,
            self.settlement,
            self.position_id,
            self.metadata,
        )

    def after_trade(
        self, quantity: Decimal, cost_basis: Decimal, last_price: Decimal, realized_pnl: Decimal
    ) -> Position:
        """The same position with other amounts, which have been checked already."""
        return checked_position(
            self.symbol,
            quantity,
            cost_basis,
            last_price,
            self.opened_at,
            realized_pnl,
            self.currency,
            self.multiplier,
            self.settlement,
            self.position_id,
            self.metadata,
        )


_draft = draft_of(Position)
_set = object.__setattr__


def checked_position(
    symbol: str,
    quantity: Decimal,
    cost_basis: Decimal,
    last_price: Decimal,
    opened_at: datetime,
    realized_pnl: Decimal,
    currency: str | None,
    multiplier: Decimal,
    settlement: Settlement,
    position_id: str | None,
    metadata: dict[str, Any],
) -> Position:
    """A position of values that have been checked already, which takes longer than all else."""
    made = _draft()
    made.symbol = symbol
    made.quantity = quantity
    made.cost_basis = cost_basis
    made.last_price = last_price
    made.opened_at = opened_at
    made.realized_pnl = realized_pnl
    made.currency = currency
    made.multiplier = multiplier
    made.settlement = settlement
    made.position_id = position_id
    made.metadata = metadata
    made.__class__ = Position
    done: Position = made  # which a call of cast() would say at a cost
    return done
