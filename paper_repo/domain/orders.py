"""Orders: what rests, and what has become of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from paper_repo.domain import one_line
from paper_repo.domain.drafts import draft_of
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
    naming,
    optional_amount,
    positive,
    utc_now,
)
from paper_repo.errors import InvalidSessionError


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


def as_placed(order: Order) -> tuple[datetime, str]:
    """The key that sorts orders as they were placed, those of one moment by their ids: no database keeps more."""
    return order.created_at, order.id


EXPIRING = frozenset({TimeInForce.GTD, TimeInForce.DAY})
"""The orders that may have a time at which they expire."""


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
@one_line.described(one_line.order)
class Order:
    """An order. Prices are in its instrument's currency; `filled_quantity` has traded so far.

    - `status`: OPEN by default. It agrees with `filled_quantity`: a resting order becomes PARTIALLY_FILLED with the
      first part that has traded, and FILLED with the last; no other one is FILLED.
    - `trail_amount` (in the instrument's currency), `trail_percent` (2 is two percent): how far the stop of a trailing
      order stays behind the best price.
    - `expires_at`: when it expires, for GTD and DAY orders; a DAY order without it rests until somebody closes it.
    - `reduce_only`: it may make a position smaller, and never opens or turns one. `post_only`: it may not take.
    - `parent_id`: of the order that must be filled before this one becomes OPEN. `oco_group`: the first one of a group
      that is filled, if only in part, or closed cancels the others.
    - `closed_at`: when it was closed; `created_at` if that is not given. None while it rests.

    What its type needs, as a limit price, is checked when it is placed.
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
        try:
            self._check()
        except InvalidSessionError as error:
            raise naming(error, f"order {shown(self.id)}") from None

    def _check(self) -> None:
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
        for name, check in _SELDOM_GIVEN:
            if getattr(self, name) is not None:
                _set(self, name, check(getattr(self, name), name))
        for name in ("reduce_only", "post_only"):
            if type(getattr(self, name)) is not bool:
                raise invalid(name, f"must be True or False, not {shown(getattr(self, name))}.")
        json_object(self.metadata, "metadata")
        self._settle_status()

    def _settle_status(self) -> None:
        """Make the status agree with the quantities, and `closed_at` with the status."""
        status, filled = choice(OrderStatus, self.status, "status"), self.filled_quantity
        if not status.is_closed and filled:
            status = OrderStatus.PARTIALLY_FILLED if filled < self.quantity else OrderStatus.FILLED
        elif status is OrderStatus.PARTIALLY_FILLED:
            status = OrderStatus.OPEN
        elif status.is_closed and (status is OrderStatus.FILLED) is not (filled == self.quantity):
            raise invalid(
                "status", f"{status} contradicts the {filled} of {self.quantity} that have been filled so far."
            )
        if status.is_closed and self.closed_at is None:
            _set(self, "closed_at", self.created_at)
        if self.closed_at is not None and not status.is_closed:
            raise invalid("closed_at", f"is given, but the order is {status}; close it, or leave the time out.")
        _set(self, "status", status)

    @property
    def remaining_quantity(self) -> Decimal:
        """The quantity that has not traded yet."""
        return EXACT.subtract(self.quantity, self.filled_quantity)


_SELDOM_GIVEN: tuple[tuple[str, Callable[[Any, str], Any]], ...] = (
    ("trail_amount", positive),
    ("trail_percent", positive),
    ("expires_at", instant),
    ("parent_id", identifier),
    ("oco_group", identifier),
    ("position_id", identifier),
    ("closed_at", instant),
)

_set = object.__setattr__


_draft = draft_of(Order)


def require_complete(order: Order) -> None:
    """Require all that an order of its type needs to be executed, and nothing that contradicts it.

    Raises:
        InvalidSessionError: what is missing, or contradicts another field.
    """
    wrong = _missing(order) or _contradiction(order)
    if wrong is not None:
        name, message = wrong
        raise invalid(f"open_orders.{order.id}.{name}", message)


def _missing(order: Order) -> tuple[str, str] | None:
    if order.type in _WITH_LIMIT and order.limit_price is None:
        return "limit_price", f"a {order.type} order needs one."
    if order.type in _WITH_STOP and order.stop_price is None:
        return "stop_price", f"a {order.type} order needs one: the price at which it becomes active."
    if order.type in _TRAILING and (order.trail_amount is None) is (order.trail_percent is None):
        return "trail_amount", f"a {order.type} order needs either a trail_amount or a trail_percent, and not both."
    if order.time_in_force is TimeInForce.GTD and order.expires_at is None:
        return "expires_at", "a GTD order needs one; without a time it is GTC."
    return None


def _contradiction(order: Order) -> tuple[str, str] | None:
    if order.type not in _TRAILING and (order.trail_amount or order.trail_percent):
        name = "trail_amount" if order.trail_amount else "trail_percent"
        return name, f"the stop of a {order.type} order does not trail; make it a TRAILING_STOP, or leave this out."
    if order.expires_at is not None and order.time_in_force not in EXPIRING:
        return "expires_at", f"a {order.time_in_force} order does not expire at a time; make it GTD, or leave this out."
    if order.expires_at is not None and order.expires_at <= order.created_at:
        return "expires_at", f"{order.expires_at} is not after its created_at, {order.created_at}."
    if order.post_only and order.type not in _RESTING_AT_LIMIT:
        return "post_only", f"a {order.type} order always takes; make it a LIMIT order, or leave this out."
    if order.parent_id == order.id:
        return "parent_id", "an order cannot be its own parent."
    return None


_WITH_LIMIT = frozenset(
    {
        OrderType.LIMIT,
        OrderType.STOP_LIMIT,
        OrderType.LIMIT_IF_TOUCHED,
        OrderType.LIMIT_ON_OPEN,
        OrderType.LIMIT_ON_CLOSE,
    }
)
_TRAILING = frozenset({OrderType.TRAILING_STOP, OrderType.TRAILING_STOP_LIMIT})
_WITH_STOP = frozenset({OrderType.STOP, OrderType.STOP_LIMIT, OrderType.MARKET_IF_TOUCHED, OrderType.LIMIT_IF_TOUCHED})
_RESTING_AT_LIMIT = frozenset(
    {OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.LIMIT_IF_TOUCHED, OrderType.TRAILING_STOP_LIMIT}
)


def checked_order(
    id: str,
    symbol: str,
    side: Side,
    type: OrderType,
    quantity: Decimal,
    filled_quantity: Decimal,
    limit_price: Decimal | None,
    stop_price: Decimal | None,
    time_in_force: TimeInForce,
    created_at: datetime,
) -> Order:
    """An open order of which nothing has traded, of values that have been checked already."""
    made = _draft()
    made.id = id
    made.symbol = symbol
    made.side = side
    made.type = type
    made.quantity = quantity
    made.filled_quantity = filled_quantity
    made.limit_price = limit_price
    made.stop_price = stop_price
    made.time_in_force = time_in_force
    made.created_at = created_at
    made.status = OrderStatus.OPEN
    made.trail_amount = made.trail_percent = made.expires_at = None
    made.reduce_only = made.post_only = False
    made.parent_id = made.oco_group = made.position_id = made.closed_at = None
    made.metadata = {}
    made.__class__ = Order
    done: Order = made  # which a call of cast() would say at a cost
    return done
