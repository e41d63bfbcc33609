"""`PaperTradingSession`, the aggregate root: one run of one strategy with pretend money."""

from __future__ import annotations

import dataclasses
import decimal
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from paper_repo.domain import accounting
from paper_repo.domain.checked import Checked, checked, entity, instance_of, no_such_attribute, require
from paper_repo.domain.new_fills import FillCount, NewFills, NewFillsAttribute
from paper_repo.domain.secrecy import shown
from paper_repo.domain.status import STEPS, SessionStatus, steps_from
from paper_repo.domain.trading import EquityPoint, Fill, Order, Position, Strategy
from paper_repo.domain.values import (
    EXACT,
    Amount,
    amount,
    choice,
    count,
    identifier,
    instant,
    invalid,
    optional_instant,
    optional_text,
    text,
    texts,
    utc_now,
)
from paper_repo.errors import InvalidSessionError, InvalidTransitionError


class _Cash(Checked[Amount | None, Decimal]):
    """Cash that is what the session starts with, unless something else is given."""

    def __init__(self) -> None:
        super().__init__(amount, "cash")

    def __set__(self, owner: PaperTradingSession, value: Amount | None) -> None:  # type: ignore[override]
        super().__set__(owner, owner.initial_cash if value is None else value)


_assign = object.__setattr__


def _points(value: Iterable[EquityPoint], path: str) -> list[EquityPoint]:
    if not isinstance(value, Iterable):
        raise invalid(path, f"must be a list of equity points, not {shown(value)}.")
    return list(value)


class _Tracked:
    """Has a place beside an object's own attributes, where a repository keeps what it must remember of the object."""

    __slots__ = ("_tracking",)

    _tracking: Any


@entity
class PaperTradingSession(_Tracked):
    """A paper-trading session: a strategy with its cash, positions, resting orders and latest history.

    Amounts are in `base_currency`, times in UTC. Every assignment is checked and made exact at once: after
    `session.cash = "100.10"` it is a `Decimal`, and `session.cash = float("nan")` raises `InvalidSessionError`. An
    attribute that does not exist is an `AttributeError`; data of your own goes into `state`.

    `apply_fill`, `mark`, `place_order` and `cancel_order` keep the books: `equity` is always exactly
    `initial_cash + realized_pnl + unrealized_pnl - fees_paid`. A program with its own accounting (margin, futures)
    assigns `cash` and `positions` directly, and keeps its history with `record_fill` and `record_equity`.

    New history waits in `new_fills` and `new_equity_points` until a save is committed. Copies, pickles and the results
    of `dataclasses.replace` have their own containers, in which the same history waits.
    """

    id: Checked[str, str] = checked(identifier, default_factory=lambda: str(uuid.uuid4()))
    name: Checked[str, str] = checked(text, default="")
    strategy: Checked[Strategy, Strategy] = checked(instance_of(Strategy))
    symbols: Checked[Iterable[str], tuple[str, ...]] = checked(texts, default=())
    base_currency: Checked[str, str] = checked(identifier, default="USD")
    status: Checked[SessionStatus | str, SessionStatus] = checked(
        lambda value, path: choice(SessionStatus, value, path), default=SessionStatus.CREATED
    )
    initial_cash: Checked[Amount, Decimal] = checked(amount)
    cash: Checked[Amount | None, Decimal] = checked(_Cash(), default=None)  # None: initial_cash
    positions: Checked[dict[str, Position], dict[str, Position]] = checked(instance_of(dict), default_factory=dict)
    open_orders: Checked[dict[str, Order], dict[str, Order]] = checked(instance_of(dict), default_factory=dict)
    realized_pnl: Checked[Amount, Decimal] = checked(amount, default=Decimal(0))
    fees_paid: Checked[Amount, Decimal] = checked(amount, default=Decimal(0))
    state: Checked[dict[str, Any], dict[str, Any]] = checked(instance_of(dict), default_factory=dict)
    metadata: Checked[dict[str, Any], dict[str, Any]] = checked(instance_of(dict), default_factory=dict)
    error: Checked[str | None, str | None] = checked(optional_text, default=None)
    created_at: Checked[datetime, datetime] = checked(instant, default_factory=utc_now)
    started_at: Checked[datetime | None, datetime | None] = checked(optional_instant, default=None)
    stopped_at: Checked[datetime | None, datetime | None] = checked(optional_instant, default=None)
    updated_at: Checked[datetime | None, datetime | None] = checked(optional_instant, default=None)
    version: Checked[int, int] = checked(count, default=0)
    fill_count: Checked[int, int] = checked(FillCount(), default=0)
    new_fills: Checked[Iterable[Fill], NewFills] = checked(NewFillsAttribute(), default=())
    new_equity_points: Checked[Iterable[EquityPoint], list[EquityPoint]] = checked(_points, default=())

    def __post_init__(self) -> None:
        self._tracking = None
        self.fill_count = self.new_fills.before
        for name in ("positions", "open_orders", "state", "metadata"):  # two sessions never share one
            self.__dict__[name] = dict(self.__dict__[name])

    if not TYPE_CHECKING:  # who would take it for leave to assign anything

        def __setattr__(self, name: str, value: Any) -> None:
            if name not in self.__dataclass_fields__ and not hasattr(type(self), name):
                raise no_such_attribute(self, name)
            _assign(self, name, value)

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if name != "_tracking"]

    # A copy is a session by itself: what a repository remembers of this one does not go with it.

    def __copy__(self) -> PaperTradingSession:
        return dataclasses.replace(self)

    def __getstate__(self) -> dict[str, Any]:
        return dict(self.__dict__)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._tracking = None

    # What it is worth

    @property
    def market_value(self) -> Decimal:
        """The value of the open positions at their last prices."""
        return self.totals()[0]

    @property
    def unrealized_pnl(self) -> Decimal:
        """The gain from closing every position at its last price, before fees."""
        return EXACT.subtract(*self.totals())

    @property
    def equity(self) -> Decimal:
        """Cash and the market value of all open positions."""
        return EXACT.add(self.cash, self.market_value)

    @property
    def net_pnl(self) -> Decimal:
        """Realized and unrealized profit or loss, after fees."""
        return EXACT.subtract(EXACT.add(self.realized_pnl, self.unrealized_pnl), self.fees_paid)

    def totals(self) -> tuple[Decimal, Decimal]:
        """The market value and the cost basis of all open positions together."""
        value = basis = Decimal(0)
        with decimal.localcontext(EXACT):
            for position in self.positions.values():
                value += position.quantity * position.last_price
                basis += position.cost_basis
        return value, basis

    # Lifecycle

    def start(self, at: datetime | None = None) -> None:
        """Start trading, or start again after STOPPED or FAILED.

        Args:
            at: the time of the step, an aware datetime; now by default. The other steps take the same argument.

        Raises:
            InvalidTransitionError: the present status does not allow this step; nothing has changed.
        """
        at = self._step("start", at)
        if self.started_at is None:
            self.started_at = at

    def pause(self, at: datetime | None = None) -> None:
        """Interrupt trading. A paused session is not among `get_active()`."""
        self._step("pause", at)

    def resume(self, at: datetime | None = None) -> None:
        """Continue trading after PAUSED, STOPPED or FAILED."""
        self._step("resume", at)

    def stop(self, at: datetime | None = None) -> None:
        """Stop trading."""
        self.stopped_at = self._step("stop", at)

    def fail(self, error: str, at: datetime | None = None) -> None:
        """Stop trading because of an error, which is kept as text in `error`."""
        error = text(str(error), "error")
        self.stopped_at = self._step("fail", at)
        self.error = error

    def _step(self, name: str, at: datetime | None) -> datetime:
        sources, target = STEPS[name]
        if self.status not in sources:
            allowed = " or ".join(f"{step}()" for step in steps_from(self.status))
            raise InvalidTransitionError(
                f"session {self.id!r} is {self.status}, which {name}() cannot follow; possible now: {allowed}"
            )
        at = utc_now() if at is None else instant(at, "at")
        self.status = target
        if target is SessionStatus.RUNNING:
            self.stopped_at = self.error = None
        return at

    # Trading

    def apply_fill(self, fill: Fill) -> None:
        """Book a fill: cash, position, realized P&L, fees and the order it belongs to. It becomes part of the history.

        The fill's price becomes the last price of the position. A fill that already waits in `new_fills` is not booked
        again.

        Raises:
            InvalidSessionError: the fill contradicts its order, or another one of its id waits; nothing has changed.
        """
        waiting = self.new_fills.find(require(Fill, fill, "fill"))
        if waiting == fill:
            return
        if waiting is not None:
            raise invalid(f"new_fills.{fill.id}", "another fill of this id waits to be saved.")
        order = self._order_after(fill)
        position, gain = accounting.after_fill(self.positions.get(fill.symbol), fill)
        cash = amount(EXACT.subtract(self.cash, EXACT.add(accounting.notional(fill), fill.fee)), "cash")
        realized_pnl = amount(EXACT.add(self.realized_pnl, gain), "realized_pnl")
        self.fees_paid = EXACT.add(self.fees_paid, fill.fee)
        self.cash, self.realized_pnl = cash, realized_pnl
        _keep(self.positions, fill.symbol, position)
        if order is not None:
            _keep(self.open_orders, order.id, order if order.remaining_quantity else None)
        self.new_fills.book(fill)

    def mark(self, prices: Mapping[str, Amount], at: datetime | None = None) -> EquityPoint:
        """Set the last prices of positions, and record the value of the session as an equity point.

        Args:
            prices: the last price of each symbol, in the base currency; symbols without a position are ignored.
            at: the time of the prices, an aware datetime; now by default.

        Returns:
            The new equity point, which also becomes part of the history.
        """
        at = utc_now() if at is None else at
        if not isinstance(prices, Mapping):
            raise invalid("prices", f"must be a mapping of symbols to prices, not {shown(prices)}.")
        marked = {
            symbol: self.positions[symbol].marked(price) for symbol, price in prices.items() if symbol in self.positions
        }
        before = dict(self.positions)
        self.positions.update(marked)
        try:
            point = EquityPoint(at, self.cash, self.equity)
        except InvalidSessionError:
            self.positions.update(before)
            raise
        self.record_equity(point)
        return point

    def place_order(self, order: Order) -> None:
        """Add a resting order.

        Raises:
            InvalidSessionError: an order with this id is resting already.
        """
        if require(Order, order, "order").id in self.open_orders:
            raise invalid(
                f"open_orders.{order.id}",
                "an order with this id is resting already; cancel it first, or choose another id.",
            )
        self.open_orders[order.id] = order

    def cancel_order(self, order_id: str) -> Order:
        """Remove a resting order, and return it.

        Raises:
            InvalidSessionError: no resting order has this id.
        """
        if order_id not in self.open_orders:
            resting = ", ".join(self.open_orders) or "none"
            raise invalid(f"open_orders.{order_id}", f"no resting order has this id; resting: {resting}.")
        return self.open_orders.pop(order_id)

    def record_fill(self, fill: Fill) -> None:
        """Add a fill to the history without booking it, for programs with their own accounting."""
        self.new_fills.record(require(Fill, fill, "fill"))

    def record_equity(self, point: EquityPoint) -> None:
        """Add an equity point to the history."""
        self.new_equity_points.append(require(EquityPoint, point, "point"))

    def fresh_copy(self, name: str | None = None) -> PaperTradingSession:
        """A new CREATED session with the same strategy, symbols and starting cash: a reset that keeps this session.

        Its metadata is that of this session, with this session's id as `parent_id`.

        Args:
            name: for the new session; this session's name by default.
        """
        return PaperTradingSession(
            name=self.name if name is None else name,
            strategy=dataclasses.replace(self.strategy, parameters=_deep(self.strategy.parameters)),
            symbols=self.symbols,
            base_currency=self.base_currency,
            initial_cash=self.initial_cash,
            metadata={**_deep(self.metadata), "parent_id": self.id},
        )

    def _order_after(self, fill: Fill) -> Order | None:
        order = None if fill.order_id is None else self.open_orders.get(fill.order_id)
        if order is None:
            return None
        if (order.symbol, order.side) != (fill.symbol, fill.side):
            raise invalid(
                f"open_orders.{order.id}",
                f"is to {order.side} {order.symbol}, its fill {fill.id!r} is a {fill.side} of {fill.symbol}.",
            )
        if fill.quantity > order.remaining_quantity:
            raise invalid(
                f"open_orders.{order.id}",
                f"has {order.remaining_quantity} left, less than its fill {fill.id!r} of {fill.quantity}.",
            )
        return dataclasses.replace(order, filled_quantity=EXACT.add(order.filled_quantity, fill.quantity))


def _keep(held: dict[str, Any], key: str, value: object) -> None:
    """Put `value` under `key`, or take the key away when there is none left."""
    if value is None:
        held.pop(key, None)
    else:
        held[key] = value


def _deep(data: Any) -> Any:
    """A copy of JSON data that shares nothing with it."""
    if isinstance(data, dict):
        return {key: _deep(value) for key, value in data.items()}
    return [_deep(value) for value in data] if isinstance(data, list) else data
