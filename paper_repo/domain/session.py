"""`PaperTradingSession`, the aggregate root: one run of one strategy with pretend money."""

from __future__ import annotations

import dataclasses
import decimal
import os
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from paper_repo.domain import accounting
from paper_repo.domain.secrecy import kind_of, shown
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

HISTORY_LOCK = threading.Lock()
"""Held for the moment in which a fill joins a session's history or a save takes it, perhaps in another thread."""

if hasattr(os, "register_at_fork"):  # a child must not inherit it held by a thread that it does not have
    os.register_at_fork(after_in_child=lambda: HISTORY_LOCK.release() if HISTORY_LOCK.locked() else None)


class HistoryTaken(NamedTuple):
    """What saves have taken from a session object since it was made; a save that is under way finds its place by it."""

    fills: int = 0
    points: int = 0
    skipped: int = 0
    """How many of the fills were stored before, and so not counted again."""


@dataclass(kw_only=True)
class PaperTradingSession:
    """A paper-trading session: a strategy with its cash, positions, resting orders and latest history.

    Amounts are in `base_currency`, times in UTC. What is assigned is checked and made exact at once, so that
    `session.cash = "100.10"` gives a `Decimal` and `session.cash = float("nan")` an `InvalidSessionError`.

    `apply_fill`, `mark`, `place_order` and `cancel_order` keep the books: `equity` is always exactly
    `initial_cash + realized_pnl + unrealized_pnl - fees_paid`. A program with accounting of its own (margin, futures)
    assigns `cash` and `positions` directly and keeps its history with `record_fill` and `record_equity`.

    New history waits in `new_fills` and `new_equity_points` until a save is committed.
    """

    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    name: str = ""
    strategy: Strategy
    symbols: tuple[str, ...] = ()
    base_currency: str = "USD"
    status: SessionStatus = SessionStatus.CREATED
    initial_cash: Decimal
    cash: Decimal = None  # type: ignore[assignment]  # None: initial_cash
    positions: dict[str, Position] = field(default_factory=dict)
    open_orders: dict[str, Order] = field(default_factory=dict)
    realized_pnl: Decimal = Decimal(0)
    fees_paid: Decimal = Decimal(0)
    state: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    error: str | None = None
    created_at: datetime = field(default_factory=utc_now)
    started_at: datetime | None = None
    stopped_at: datetime | None = None
    updated_at: datetime | None = None
    version: int = 0
    fill_count: int = 0
    new_fills: list[Fill] = field(default_factory=list, init=False)
    new_equity_points: list[EquityPoint] = field(default_factory=list, init=False)

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            id: str = ...,
            name: str = ...,
            strategy: Strategy,
            symbols: Iterable[str] = ...,
            base_currency: str = ...,
            status: SessionStatus | str = ...,
            initial_cash: Amount,
            cash: Amount | None = ...,
            positions: dict[str, Position] = ...,
            open_orders: dict[str, Order] = ...,
            realized_pnl: Amount = ...,
            fees_paid: Amount = ...,
            state: dict[str, Any] = ...,
            metadata: dict[str, Any] = ...,
            error: str | None = ...,
            created_at: datetime = ...,
            started_at: datetime | None = ...,
            stopped_at: datetime | None = ...,
            updated_at: datetime | None = ...,
            version: int = ...,
            fill_count: int = ...,
        ) -> None: ...

    def __post_init__(self) -> None:
        self._waiting: dict[str, Fill] = {}
        self.history_taken = HistoryTaken()
        self.known_texts: dict[str, Any] = {}  # what serialising it has found out, for the next time
        self.claimed_by: str | None = None  # the worker for which this object was loaded
        self.stored_settled: object = None  # what is stored of the columns that seldom change, and where
        self.saves_asked_for = 0
        self.stored_latest: Any = None  # the latest of these saves that was done, with what it stored

    def __setattr__(self, name: str, value: Any) -> None:
        check = _CHECKS.get(name)
        if check is None:
            object.__setattr__(self, name, value)
        elif name == "cash" and value is None:
            object.__setattr__(self, name, self.initial_cash)
        else:
            object.__setattr__(self, name, check(value, name))

    # What it is worth

    @property
    def market_value(self) -> Decimal:
        """What the open positions are worth at their last prices."""
        return self.totals()[0]

    @property
    def unrealized_pnl(self) -> Decimal:
        """What closing every position at its last price would gain, before fees."""
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
        """Market value and cost basis of all open positions together."""
        value = basis = Decimal(0)
        with decimal.localcontext(EXACT):
            for position in self.positions.values():
                value += position.quantity * position.last_price
                basis += position.cost_basis
        return value, basis

    # Lifecycle

    def start(self, at: datetime | None = None) -> None:
        """Begin trading, or begin again after STOPPED or FAILED.

        Args:
            at: when, as an aware datetime; the present moment by default. (The other steps take the same.)

        Raises:
            InvalidTransitionError: the present status does not allow this step; nothing has changed.
        """
        at = self._step("start", at)
        if self.started_at is None:
            self.started_at = at

    def pause(self, at: datetime | None = None) -> None:
        """Interrupt trading."""
        self._step("pause", at)

    def resume(self, at: datetime | None = None) -> None:
        """Go on trading after PAUSED, STOPPED or FAILED."""
        self._step("resume", at)

    def stop(self, at: datetime | None = None) -> None:
        """End trading."""
        self.stopped_at = self._step("stop", at)

    def fail(self, error: str, at: datetime | None = None) -> None:
        """End trading because of `error`."""
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
        """Book `fill`: its cash, its position, realized P&L, fees and the order it belongs to; and keep it as history.

        The position's last price becomes the fill's. A fill that waits in `new_fills` already is not booked twice.

        Raises:
            InvalidSessionError: the fill contradicts its order, or another one of its id waits; nothing has changed.
        """
        if self._waits_already(fill):
            return
        order = self._order_after(fill)
        position, gain = accounting.after_fill(self.positions.get(fill.symbol), fill)
        cash = amount(EXACT.subtract(self.cash, EXACT.add(accounting.notional(fill), fill.fee)), "cash")
        realized_pnl = amount(EXACT.add(self.realized_pnl, gain), "realized_pnl")
        self.fees_paid = EXACT.add(self.fees_paid, fill.fee)
        self.cash, self.realized_pnl = cash, realized_pnl
        _keep(self.positions, fill.symbol, position)
        if order is not None:
            _keep(self.open_orders, order.id, order if order.remaining_quantity else None)
        self.record_fill(fill)

    def mark(self, prices: Mapping[str, Amount], at: datetime | None = None) -> EquityPoint:
        """Set the last price of every position that `prices` names, and keep what the session is worth now.

        Args:
            prices: the last price by symbol, in the base currency; symbols without a position are passed over.
            at: when, as an aware datetime; the present moment by default.

        Returns:
            The new equity point, which is also history from now on.
        """
        at = utc_now() if at is None else at
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
        """Let `order` rest.

        Raises:
            InvalidSessionError: an order of the same id rests already.
        """
        if order.id in self.open_orders:
            raise invalid(
                f"open_orders.{order.id}", "an order of this id rests already; cancel it first or choose another id."
            )
        self.open_orders[order.id] = order

    def cancel_order(self, order_id: str) -> Order:
        """Take the resting order away, and return it.

        Raises:
            InvalidSessionError: no order of this id rests.
        """
        if order_id not in self.open_orders:
            resting = ", ".join(self.open_orders) or "none"
            raise invalid(f"open_orders.{order_id}", f"no order of this id rests; resting: {resting}.")
        return self.open_orders.pop(order_id)

    def record_fill(self, fill: Fill) -> None:
        """Keep `fill` as history without booking it, for programs with accounting of their own."""
        with HISTORY_LOCK:
            self.new_fills.append(fill)
            self.fill_count += 1
        if len(self._waiting) == len(self.new_fills) - 1:  # else it is made anew when it is asked for
            self._waiting[fill.id] = fill

    def record_equity(self, point: EquityPoint) -> None:
        """Keep `point` as history."""
        self.new_equity_points.append(point)

    def fresh_copy(self, name: str | None = None) -> PaperTradingSession:
        """A new CREATED session with the same strategy, symbols and starting cash: reset beside resume.

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

    def forget_waiting(self) -> None:
        """Look anew at what waits, the next time: a save has taken from `new_fills`, or a rollback has given back."""
        self._waiting = {}

    def _waits_already(self, fill: Fill) -> bool:
        known = self._waiting
        if len(known) != len(self.new_fills) or (known and next(reversed(known.values())) not in self.new_fills[-1:]):
            known = self._waiting = {each.id: each for each in self.new_fills}  # or the caller has changed the list
        waiting = known.get(fill.id)
        if waiting is not None and waiting != fill:
            raise invalid(f"new_fills.{fill.id}", "another fill of this id waits to be saved.")
        return waiting is not None

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


def _instance(kind: type) -> Callable[[object, str], Any]:
    def check(value: object, path: str) -> object:
        if not isinstance(value, kind):
            raise invalid(path, f"must be a {kind.__name__}, not {kind_of(value) if kind is dict else shown(value)}.")
        return value

    return check


_CHECKS: dict[str, Callable[[object, str], Any]] = {
    "id": identifier,
    "name": text,
    "strategy": _instance(Strategy),
    "symbols": texts,
    "base_currency": identifier,
    "status": lambda value, path: choice(SessionStatus, value, path),
    "initial_cash": amount,
    "cash": amount,
    "positions": _instance(dict),
    "open_orders": _instance(dict),
    "realized_pnl": amount,
    "fees_paid": amount,
    "state": _instance(dict),
    "metadata": _instance(dict),
    "error": optional_text,
    "created_at": instant,
    "started_at": optional_instant,
    "stopped_at": optional_instant,
    "updated_at": optional_instant,
    "version": count,
    "fill_count": count,
}


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
