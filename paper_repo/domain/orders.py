"""Orders: what rests, and what has become of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from paper_repo.domain.secrecy import shown
from paper_repo.domain.trading import Side
from paper_repo.domain.values import (
    EXACT,
    Amount,
    amount,
    choice,
    identifier,
    instant,
    invalid,
    json_object,
    optional_amount,
    optional_identifier,
    optional_instant,
    optional_positive,
    positive,
    utc_now,
)


class OrderType(StrEnum):
    """The type of an order.

    MARKET, LIMIT, STOP and STOP_LIMIT; TRAILING_STOP and TRAILING_STOP_LIMIT, whose stop follows the price;
    MARKET_IF_TOUCHED and LIMIT_IF_TOUCHED, which wait for a better price; MARKET_ON_OPEN, LIMIT_ON_OPEN,
    MARKET_ON_CLOSE and LIMIT_ON_CLOSE, for the auctions.
    """

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP = "STOP"
    STOP_LIMIT = "STOP_LIMIT"
    TRAILING_STOP = "TRAILING_STOP"
    TRAILING_STOP_LIMIT = "TRAILING_STOP_LIMIT"
    MARKET_IF_TOUCHED = "MARKET_IF_TOUCHED"
    LIMIT_IF_TOUCHED = "LIMIT_IF_TOUCHED"
    MARKET_ON_OPEN = "MARKET_ON_OPEN"
    LIMIT_ON_OPEN = "LIMIT_ON_OPEN"
    MARKET_ON_CLOSE = "MARKET_ON_CLOSE"
    LIMIT_ON_CLOSE = "LIMIT_ON_CLOSE"


class TimeInForce(StrEnum):
    """How long an order rests.

    DAY, GTC (until cancelled), GTD (until `expires_at`), IOC (what can be filled at once), FOK (all or nothing at
    once), OPG (at the opening auction) or CLS (at the closing auction).
    """

    DAY = "DAY"
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTD = "GTD"
    OPG = "OPG"
    CLS = "CLS"


class OrderStatus(StrEnum):
    """The status of an order.

    PENDING (not yet at the market), OPEN and PARTIALLY_FILLED orders rest; FILLED, CANCELLED, REJECTED and EXPIRED ones
    are closed for good.
    """

    PENDING = "PENDING"
    OPEN = "OPEN"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"

    @property
    def is_closed(self) -> bool:
        """Whether an order of this status can no longer be filled."""
        return self in _CLOSED


_CLOSED = frozenset({OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED})


@dataclass(frozen=True, slots=True)
class Order:
    """An order. Prices are in its instrument's currency; `filled_quantity` has traded so far.

    - `status`: OPEN by default. It agrees with `filled_quantity`: OPEN becomes PARTIALLY_FILLED with the first part
      that has traded, and FILLED with the last.
    - `trail_amount` (in the instrument's currency), `trail_percent` (2 is two percent): how far the stop of a trailing
      order stays behind the best price.
    - `expires_at`: when it expires, for GTD and DAY orders.
    - `reduce_only`: it may make a position smaller, and never opens or turns one. `post_only`: it may not take.
    - `parent_id`: of the order that must be filled before this one becomes OPEN. `oco_group`: the first one of a group
      that is filled or closed cancels the others.
    - `closed_at`: when it was closed; None while it rests.
    """

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
    status: OrderStatus = OrderStatus.OPEN
    trail_amount: Decimal | None = None
    trail_percent: Decimal | None = None
    expires_at: datetime | None = None
    reduce_only: bool = False
    post_only: bool = False
    parent_id: str | None = None
    oco_group: str | None = None
    position_id: str | None = None
    closed_at: datetime | None = None
    metadata: dict[str, Any] = field(default_factory=dict, hash=False)

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
            status: OrderStatus | str = ...,
            trail_amount: Amount | None = ...,
            trail_percent: Amount | None = ...,
            expires_at: datetime | None = ...,
            reduce_only: bool = ...,
            post_only: bool = ...,
            parent_id: str | None = ...,
            oco_group: str | None = ...,
            position_id: str | None = ...,
            closed_at: datetime | None = ...,
            metadata: dict[str, Any] = ...,
        ) -> None: ...

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
        _set(self, "status", choice(OrderStatus, self.status, "status"))
        _set(self, "trail_amount", optional_positive(self.trail_amount, "trail_amount"))
        _set(self, "trail_percent", optional_positive(self.trail_percent, "trail_percent"))
        _set(self, "expires_at", optional_instant(self.expires_at, "expires_at"))
        for name in ("reduce_only", "post_only"):
            if type(getattr(self, name)) is not bool:
                raise invalid(name, f"must be True or False, not {shown(getattr(self, name))}.")
        for name in ("parent_id", "oco_group", "position_id"):
            _set(self, name, optional_identifier(getattr(self, name), name))
        _set(self, "closed_at", optional_instant(self.closed_at, "closed_at"))
        json_object(self.metadata, "metadata")

    @property
    def remaining_quantity(self) -> Decimal:
        """The quantity that has not traded yet."""
        return EXACT.subtract(self.quantity, self.filled_quantity)


_set = object.__setattr__
