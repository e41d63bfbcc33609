"""`PaperTradingSession`, the aggregate root: one run of one strategy with pretend money.

Longer than other modules, because what a user calls is documented where they look for it; the work is done in `books`
and `order_book`.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from paper_repo.domain import books, corporate_actions, one_line, order_book
from paper_repo.domain.checked import Checked, checked, entity, instance_of, no_such_attribute, require
from paper_repo.domain.holdings import Account, Holdings, OwnAccounts, holdings
from paper_repo.domain.instruments import Instrument
from paper_repo.domain.ledger import CashFlow, LedgerEntry, Split, SymbolChange
from paper_repo.domain.new_fills import NewFills, new_fills
from paper_repo.domain.orders import Order, OrderStatus, OrderType, TimeInForce
from paper_repo.domain.positions import Position
from paper_repo.domain.secrecy import shown
from paper_repo.domain.status import STEPS, SessionStatus, steps_from
from paper_repo.domain.trading import EquityPoint, Fill, Strategy
from paper_repo.domain.values import (
    ZERO,
    Amount,
    amount,
    choice,
    count,
    identifier,
    instant,
    invalid,
    optional_amount,
    optional_instant,
    optional_text,
    text,
    texts,
    utc_now,
)
from paper_repo.domain.waiting import (
    HistoryAttribute,
    HistoryCount,
    NewClosedOrders,
    NewEntries,
    new_closed_orders,
    new_entries,
)
from paper_repo.errors import InvalidTransitionError


class _Cash(Account[Amount | None, Decimal]):
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


def _amounts(value: object, path: str) -> dict[str, Decimal]:
    given: dict[Any, Any] = require(dict, value, path)
    return {identifier(name, path): amount(each, f"{path}.{name}") for name, each in given.items()}


def _balances(value: object, path: str) -> Holdings[Decimal]:
    return Holdings(_amounts(value, path))


def _optional_balances(value: object, path: str) -> Holdings[Decimal] | None:
    return None if value is None else _balances(value, path)


def _account(name: str) -> Any:
    return checked(Account(amount, name), default=ZERO)


class _Tracked:
    """Has a place beside an object's own attributes, where a repository keeps what it must remember of the object."""

    __slots__ = ("_tracking",)

    _tracking: Any


@entity
@one_line.described(one_line.session)
class PaperTradingSession(_Tracked):
    """A paper-trading session: a strategy with its cash, positions, resting orders and latest history.

    Amounts are in `base_currency`, times in UTC. Every assignment is checked and made exact at once: after
    `session.cash = "100.10"` it is a `Decimal`, and `session.cash = float("nan")` raises `InvalidSessionError`. An
    attribute that does not exist is an `AttributeError`; data of your own goes into `state`.

    `apply_fill`, `mark`, `place_order` and `cancel_order` keep the books: `equity` is always exactly
    `initial_cash + realized_pnl + unrealized_pnl - fees_paid`. `apply_cash_flow` adds a deposit or a dividend exactly,
    where `session.cash += x` rounds to the 28 digits of the caller's decimal context, and says that the program keeps
    its own accounts.

    New history waits in `new_fills` and `new_equity_points` until a save is committed. Copies, pickles and the results
    of `dataclasses.replace` have their own containers, in which the same history waits.

    An account that holds more says so, and its equity is exactly `initial_cash + opening_worth + net_deposits +
    realized_pnl + unrealized_pnl + income + currency_pnl - fees_paid + other_value`:

    - `instruments`: by symbol, those that trade in another currency, have a multiplier or are settled by margin.
    - `balances`: what is held of other currencies; `rates`: the last price of one unit of each in the base currency.
    - `opening_positions`, `opening_balances`: what was held when the session began; `opening_worth`: what that was
      worth then.
    - `net_deposits`, `income`: deposits less withdrawals; dividends, interest, funding, taxes and the like
      (`apply_cash_flow`). `currency_pnl`: what changes of `rates` have gained.
    - `other_value`: what else the account is worth, stated by a program that knows more than these books can say.

    Closed orders wait in `new_closed_orders`, cash flows, splits and changes of symbols in `new_ledger_entries`;
    `closed_order_count` and `ledger_count` count those that are stored too.

    A program with accounting of its own assigns `cash` and `positions` directly, and keeps its history with
    `record_fill` and `record_equity`; `keeps_own_accounts` is True from then on, and `check()` does not rebuild its
    books.
    """

    id: Checked[str, str] = checked(identifier, default_factory=lambda: str(uuid.uuid4()))
    name: Checked[str, str] = checked(text, default="")
    strategy: Checked[Strategy, Strategy] = checked(instance_of(Strategy))
    symbols: Checked[Iterable[str], tuple[str, ...]] = checked(texts, default=())
    base_currency: Checked[str, str] = checked(identifier, default="USD")
    status: Checked[SessionStatus | str, SessionStatus] = checked(
        lambda value, path: choice(SessionStatus, value, path), default=SessionStatus.CREATED
    )
    initial_cash: Checked[Amount, Decimal] = checked(Account(amount, "initial_cash"))
    cash: Checked[Amount | None, Decimal] = checked(_Cash(), default=None)  # None: initial_cash
    positions: Checked[dict[str, Position] | None, dict[str, Position]] = checked(  # None: opening_positions
        Account(holdings(Position), "positions"), default=None
    )
    open_orders: Checked[dict[str, Order], dict[str, Order]] = checked(instance_of(dict), default_factory=dict)
    realized_pnl: Checked[Amount, Decimal] = _account("realized_pnl")
    fees_paid: Checked[Amount, Decimal] = _account("fees_paid")
    instruments: Checked[dict[str, Instrument], dict[str, Instrument]] = checked(
        instance_of(dict), default_factory=dict
    )
    balances: Checked[dict[str, Any] | None, dict[str, Decimal]] = checked(  # None: opening_balances
        Account(_optional_balances, "balances"), default=None
    )
    rates: Checked[dict[str, Any], dict[str, Decimal]] = checked(Account(_balances, "rates"), default_factory=dict)
    opening_positions: Checked[dict[str, Position], dict[str, Position]] = checked(
        Account(holdings(Position), "opening_positions"), default_factory=dict
    )
    opening_balances: Checked[dict[str, Any], dict[str, Decimal]] = checked(
        Account(_balances, "opening_balances"), default_factory=dict
    )
    opening_worth: Checked[Amount | None, Decimal] = checked(  # None: worked out
        Account(optional_amount, "opening_worth"), default=None
    )
    net_deposits: Checked[Amount, Decimal] = _account("net_deposits")
    income: Checked[Amount, Decimal] = _account("income")
    currency_pnl: Checked[Amount, Decimal] = _account("currency_pnl")
    other_value: Checked[Amount, Decimal] = checked(amount, default=ZERO)
    state: Checked[dict[str, Any], dict[str, Any]] = checked(instance_of(dict), default_factory=dict)
    metadata: Checked[dict[str, Any], dict[str, Any]] = checked(instance_of(dict), default_factory=dict)
    error: Checked[str | None, str | None] = checked(optional_text, default=None)
    created_at: Checked[datetime, datetime] = checked(instant, default_factory=utc_now)
    started_at: Checked[datetime | None, datetime | None] = checked(optional_instant, default=None)
    stopped_at: Checked[datetime | None, datetime | None] = checked(optional_instant, default=None)
    updated_at: Checked[datetime | None, datetime | None] = checked(optional_instant, default=None)
    version: Checked[int, int] = checked(count, default=0)
    fill_count: Checked[int, int] = checked(HistoryCount("fill_count", "new_fills", NewFills), default=0)
    new_fills: Checked[Iterable[Fill], NewFills] = checked(HistoryAttribute(new_fills, "new_fills"), default=())
    new_equity_points: Checked[Iterable[EquityPoint], list[EquityPoint]] = checked(_points, default=())
    ledger_count: Checked[int, int] = checked(HistoryCount("ledger_count", "new_ledger_entries", NewEntries), default=0)
    new_ledger_entries: Checked[Iterable[LedgerEntry], NewEntries] = checked(
        HistoryAttribute(new_entries, "new_ledger_entries"), default=()
    )
    closed_order_count: Checked[int, int] = checked(
        HistoryCount("closed_order_count", "new_closed_orders", NewClosedOrders), default=0
    )
    new_closed_orders: Checked[Iterable[Order], NewClosedOrders] = checked(
        HistoryAttribute(new_closed_orders, "new_closed_orders"), default=()
    )
    keeps_own_accounts: Checked[bool | None, bool] = checked(OwnAccounts(), default=None)  # the last: see `Account`

    def __post_init__(self) -> None:
        self._tracking = None
        fields = self.__dict__
        self.fill_count = self.new_fills.before
        for name in _CONTAINERS:  # two sessions never share one
            fields[name] = dict(fields[name])
        for name, opening in (("positions", self.opening_positions), ("balances", self.opening_balances)):
            if fields[name] is None:
                fields[name] = Holdings(opening)
        if fields["opening_worth"] is None:
            fields["opening_worth"] = books.opening_worth(self)
        if fields["keeps_own_accounts"] is None:
            fields["keeps_own_accounts"] = not books.are_opening(self)

    if not TYPE_CHECKING:  # who would take it for leave to assign anything

        def __setattr__(self, name: str, value: Any) -> None:
            if name not in self.__dataclass_fields__ and not hasattr(type(self), name):
                raise no_such_attribute(self, name)
            _assign(self, name, value)

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if name != "_tracking"]

    def _repr_html_(self) -> str:
        from paper_repo.domain import html_tables  # on demand: few programs are notebooks

        return html_tables.session(self)

    # A copy is a session by itself: what a repository remembers of this one does not go with it.

    def __copy__(self) -> PaperTradingSession:
        return dataclasses.replace(self)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "keeps_own_accounts": self.keeps_own_accounts}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._tracking = None

    # What it is worth

    @property
    def market_value(self) -> Decimal:
        """What the open positions stand for at their last prices, in the base currency."""
        return books.valuation(self).market_value

    @property
    def unrealized_pnl(self) -> Decimal:
        """The gain from closing every position at its last price, before fees, in the base currency."""
        return books.valuation(self).unrealized_pnl

    @property
    def equity(self) -> Decimal:
        """What the account is worth: cash, balances, positions (settled by margin: their P&L) and `other_value`."""
        return books.figures(self).equity

    @property
    def net_pnl(self) -> Decimal:
        """What the account has gained after fees: realized, unrealized and currency P&L, income and `other_value`."""
        return books.figures(self).net_pnl

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
            *others, last = [f"{step}()" for step in steps_from(self.status)]
            allowed = f"{', '.join(others)} or {last}" if others else last
            raise InvalidTransitionError(
                f"session {self.id!r} is {self.status}: {name}() is not possible now, only {allowed}"
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
        again. The status does not matter: a broker may report a fill after the session was stopped.

        Raises:
            InvalidSessionError: the fill contradicts its order, or another one of its id waits; nothing has changed.
        """
        waiting = self.new_fills.find(require(Fill, fill, "fill"))
        if waiting is not None and waiting in (fill, books.at_rates_of(waiting, fill)):
            return
        if waiting is not None:
            raise invalid(f"new_fills.{fill.id}", _another("fill", waiting, fill))
        booking = books.fill(self, fill)
        order_book.fill(self, booking, fill)
        booking.apply(self)

    def apply_cash_flow(self, flow: CashFlow) -> None:
        """Book a deposit, a dividend, funding or another payment. It becomes part of the history.

        Deposits and withdrawals count in `net_deposits`, fees in `fees_paid`, all else in `income`; another currency
        than the base currency goes into `balances` and counts at its rate. A flow that already waits in
        `new_ledger_entries` is not booked again.

        Raises:
            InvalidSessionError: another entry of its id waits, or its currency has no rate; nothing has changed.
        """
        if self._is_new(require(CashFlow, flow, "flow")):
            books.cash_flow(self, flow).apply(self)

    def apply_split(self, split: Split) -> None:
        """Split the positions in a symbol, and its resting orders; their cost stays. It becomes part of the history.

        A quantity or price that has no exact decimal form is rounded to 28 significant digits.

        Raises:
            InvalidSessionError: another entry of its id waits; nothing has changed.
        """
        if self._is_new(require(Split, split, "split")):
            corporate_actions.split(self, split).apply(self)

    def apply_symbol_change(self, change: SymbolChange) -> None:
        """Give what is held and ordered in a symbol its new name. It becomes part of the history.

        Raises:
            InvalidSessionError: another entry of its id waits, or the new symbol is held or ordered already; nothing
                has changed.
        """
        if self._is_new(require(SymbolChange, change, "change")):
            corporate_actions.symbol_change(self, change).apply(self)

    def _is_new(self, entry: LedgerEntry) -> bool:
        """Whether the entry does not wait already; another one of its id is refused."""
        waiting = self.new_ledger_entries.find(entry.id)
        if waiting is None:
            return True
        if waiting not in (entry, books.at_rates_of(waiting, entry)):
            raise invalid(f"new_ledger_entries.{entry.id}", _another("ledger entry", waiting, entry))
        return False

    def update_rates(self, rates: Mapping[str, Amount]) -> None:
        """Set the last prices of currencies; what that gains or loses counts in `currency_pnl`.

        Args:
            rates: the price of one unit of each currency, in the base currency.
        """
        _require_prices(rates, "rates", "currencies")
        books.update_rates(self, rates).apply(self)

    def mark(
        self, prices: Mapping[str, Amount], at: datetime | None = None, rates: Mapping[str, Amount] | None = None
    ) -> EquityPoint:
        """Set the last prices of positions, and record the value of the session as an equity point.

        Args:
            prices: the last price of each symbol, in the currency of its instrument; symbols without a position are
                ignored. One that differs from a held symbol in upper and lower case only (aapl for AAPL) is refused.
            at: the time of the prices, an aware datetime; now by default.
            rates: the price of one unit of each currency, in the base currency, as for `update_rates`.

        Returns:
            The new equity point, which also becomes part of the history.
        """
        _require_prices(prices, "prices", "symbols")
        if rates is not None:
            _require_prices(rates, "rates", "currencies")
        books.mark(self, prices, rates, _moment(at)).apply(self)
        return self.new_equity_points[-1]

    def place_order(self, order: Order) -> Order:
        """Add a resting order, and return it as it rests.

        An order whose `parent_id` rests is PENDING until that one is FILLED. Fills of it that were booked before and
        wait in `new_fills` count for it: it may be filled at once. A `filled_quantity` that it comes with includes
        them.

        Raises:
            InvalidSessionError: its id rests already or has been closed, it lacks what an order of its type needs
                (such as a limit price), or it contradicts its fills; nothing has changed.
        """
        order_book.place(self, require(Order, order, "order")).apply(self)
        return self.open_orders.get(order.id) or self._closed_order(order.id)

    def cancel_order(self, order_id: str, at: datetime | None = None) -> Order:
        """Close a resting order, and return it CANCELLED. Others of its `oco_group` and its children are cancelled too.

        Args:
            order_id: of the resting order.
            at: when it was closed, an aware datetime; now by default. The other calls take the same argument.

        Raises:
            InvalidSessionError: no resting order has this id.
        """
        order_book.cancel(self, order_id, _moment(at)).apply(self)
        return self._closed_order(order_id)

    def reject_order(self, order_id: str, at: datetime | None = None, reason: str | None = None) -> Order:
        """Close a resting order that the market has refused, and return it REJECTED.

        Args:
            order_id: of the resting order.
            at: when it was closed; now by default.
            reason: kept as "reason" in the order's metadata.

        Raises:
            InvalidSessionError: no resting order has this id.
        """
        order_book.reject(self, order_id, _moment(at), optional_text(reason, "reason")).apply(self)
        return self._closed_order(order_id)

    def expire_orders(self, at: datetime | None = None) -> list[Order]:
        """Close the resting orders that have an `expires_at` at or before `at`, and return them EXPIRED.

        What they cancel in their turn waits with them in `new_closed_orders`.
        """
        booking = order_book.expire(self, _moment(at))
        booking.apply(self)
        return [each for each in booking.closed if each.status is OrderStatus.EXPIRED]

    def amend_order(
        self,
        order_id: str,
        *,
        quantity: Amount | None = None,
        limit_price: Amount | None = None,
        stop_price: Amount | None = None,
        trail_amount: Amount | None = None,
        trail_percent: Amount | None = None,
        type: OrderType | str | None = None,
        time_in_force: TimeInForce | str | None = None,
        expires_at: datetime | None = None,
        status: OrderStatus | str | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> Order:
        """Change a resting order, and return it: `session.amend_order("o-1", limit_price="99.50")`.

        Args:
            order_id: of the resting order. What is None of the following stays as it is.
            quantity: the whole, with what is filled already.
            limit_price: as of `Order`; so are the others.
            stop_price: the present stop of a trailing order, too.
            trail_amount: instead of a `trail_percent`.
            trail_percent: instead of a `trail_amount`.
            type: with the prices that it needs.
            time_in_force: one that does not expire takes `expires_at` away.
            expires_at: for GTD and DAY orders.
            status: OPEN for a PENDING order that has come to the market.
            metadata: instead of that which it has.

        Raises:
            InvalidSessionError: no resting order has this id, or there cannot be such an order; nothing has changed.
        """
        changes = {
            "quantity": quantity,
            "limit_price": limit_price,
            "stop_price": stop_price,
            "trail_amount": trail_amount,
            "trail_percent": trail_percent,
            "type": type,
            "time_in_force": time_in_force,
            "expires_at": expires_at,
            "status": status,
            "metadata": metadata,
        }
        order_book.amend(self, order_id, changes).apply(self)
        return self.open_orders[order_id]

    def _closed_order(self, order_id: str) -> Order:
        closed = self.new_closed_orders.find(order_id)
        assert closed is not None  # it has just been booked
        return closed

    def record_fill(self, fill: Fill) -> None:
        """Add a fill to the history without booking it, for programs with their own accounting."""
        self.new_fills.record(require(Fill, fill, "fill"))
        self.keeps_own_accounts = True

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
            instruments=self.instruments,
            rates=self.rates,
            opening_positions=self.opening_positions,  # worth what they are at the rates of today
            opening_balances=self.opening_balances,
            metadata={**_deep(self.metadata), "parent_id": self.id},
        )


_NO_AMOUNTS = dict.fromkeys(("opening_worth", "net_deposits", "income", "currency_pnl", "other_value"), ZERO)
_PLAIN_CHECKS = {
    each.name: each.metadata["check"]
    for each in dataclasses.fields(PaperTradingSession)
    if not isinstance(each.metadata["check"], Checked)
}
"""All that an assignment to these attributes does is to check the value, by these functions."""
_CONTAINERS = ("open_orders", "instruments", "state", "metadata")


def _require_prices(given: object, name: str, priced: str) -> None:
    if not isinstance(given, Mapping):
        raise invalid(name, f"must be a mapping of {priced} to prices, not {shown(given)}.")


def _another(kind: str, waiting: Fill | LedgerEntry, given: Fill | LedgerEntry) -> str:
    """The message of an id that something else has, with what differs."""
    names = [each.name for each in dataclasses.fields(waiting)]
    differ = ", ".join(name for name in names if getattr(waiting, name) != getattr(given, name, None))
    return (
        f"another {kind} with this id waits to be saved, and differs in {differ or 'its kind'}; give what a broker "
        "repeats the same values, and what is new an id of its own."
    )


def _moment(at: datetime | None) -> datetime:
    return utc_now() if at is None else instant(at, "at")


def _deep(data: Any) -> Any:
    """A copy of JSON data that shares nothing with it."""
    if isinstance(data, dict):
        return {key: _deep(value) for key, value in data.items()}
    return [_deep(value) for value in data] if isinstance(data, list) else data


def stored_session(checked: Mapping[str, Any], given: Mapping[str, Any]) -> PaperTradingSession:
    """A session of fields that were stored, with no history that waits.

    Those of an account that uses more than cash and positions may be left out, and need no check then: most do.

    Args:
        checked: fields whose values are what their checks would make of them.
        given: the others, each of which is checked as ever.
    """
    session = object.__new__(PaperTradingSession)
    fields = session.__dict__
    fields.update(_NO_AMOUNTS)
    fields["instruments"] = {}
    fields["balances"], fields["rates"] = Holdings(), Holdings()
    fields["opening_positions"], fields["opening_balances"] = Holdings(), Holdings()
    fields["new_fills"], fields["new_equity_points"] = NewFills(), []
    fields["new_ledger_entries"], fields["new_closed_orders"] = NewEntries(), NewClosedOrders()
    for name, value in given.items():
        if check := _PLAIN_CHECKS.get(name):
            fields[name] = check(value, name)
        else:
            _assign(session, name, value)
    fields.update(checked)  # `keeps_own_accounts` among them, which an assignment would set
    session._tracking = None
    return session
