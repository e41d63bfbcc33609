"""A booking: all that one event changes in a session, worked out first, then made true as a whole or not at all."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from paper_repo.domain.ledger import LedgerEntry
from paper_repo.domain.orders import Order
from paper_repo.domain.positions import Position
from paper_repo.domain.trading import EquityPoint, Fill

if TYPE_CHECKING:
    from paper_repo.domain.session import PaperTradingSession


class Booking:
    """What changes: amounts by their name, and by key what becomes of positions, balances and resting orders.

    None takes a position, a balance or an order away. What is appended to the history comes with it.
    """

    __slots__ = ("balances", "closed", "entry", "fields", "fill", "marked_at", "orders", "positions")

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self.positions: dict[str, Position | None] = {}
        self.balances: dict[str, Decimal | None] = {}
        self.orders: dict[str, Order | None] = {}
        self.closed: list[Order] = []
        self.fill: Fill | None = None
        self.entry: LedgerEntry | None = None
        self.marked_at: datetime | None = None
        """When to record what the session is worth then, as an equity point."""

    def apply(self, session: PaperTradingSession) -> None:
        """Make it true. An exception at any moment, as Ctrl-C raises one, leaves the session as it was."""
        before = _Before(session, self)
        try:
            self.change_amounts(session)
            self._append(session)
        except BaseException:
            before.restore(session)
            raise

    def change_amounts(self, session: PaperTradingSession) -> None:
        """Make it true but for its history; an exception leaves a session that is of no use any more."""
        fields = session.__dict__
        fields.update(self.fields)
        for key, position in self.positions.items():
            fields["positions"].keep(key, position)
        for currency, balance in self.balances.items():
            fields["balances"].keep(currency, balance)
        for order_id, order in self.orders.items():
            if order is None:
                session.open_orders.pop(order_id, None)
            else:
                session.open_orders[order_id] = order

    def _append(self, session: PaperTradingSession) -> None:
        if self.marked_at is not None:
            session.record_equity(EquityPoint(self.marked_at, session.cash, session.equity))
        for order in self.closed:
            session.new_closed_orders.add(order)
        if self.entry is not None:
            session.new_ledger_entries.book(self.entry, session.fill_count)
        if self.fill is not None:
            session.new_fills.book(self.fill)


class _Before:
    """What a session holds of all that a booking changes."""

    __slots__ = ("_dicts", "_fields", "_lengths")

    def __init__(self, session: PaperTradingSession, booking: Booking) -> None:
        fields = session.__dict__
        self._fields = {name: fields[name] for name in booking.fields}
        self._dicts = []
        if booking.positions:
            self._dicts.append((fields["positions"], dict(fields["positions"])))
        if booking.balances:
            self._dicts.append((fields["balances"], dict(fields["balances"])))
        if booking.orders:
            self._dicts.append((fields["open_orders"], dict(fields["open_orders"])))
        self._lengths = [len(each) for each in _histories(session)]

    def restore(self, session: PaperTradingSession) -> None:
        session.__dict__.update(self._fields)
        for held, items in self._dicts:
            dict.clear(held)
            dict.update(held, items)
        for history, length in zip(_histories(session), self._lengths, strict=True):
            del history[length:]


def _histories(session: PaperTradingSession) -> tuple[list[Any], ...]:
    fields = session.__dict__
    fills, entries = fields["new_fills"], fields["new_ledger_entries"]
    points, closed = fields["new_equity_points"], fields["new_closed_orders"]
    return fills, fills.booked, entries, entries.places, points, closed
