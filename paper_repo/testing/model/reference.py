"""What a repository is to do, said with plain dictionaries."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from operator import itemgetter
from typing import Any

from paper_repo import (
    ConflictError,
    EquityPoint,
    Fill,
    InvalidSessionError,
    LedgerEntry,
    Order,
    PaperTradingSession,
    Position,
    SessionNotFoundError,
    Settlement,
)

Plain = dict[str, Any]
"""A stored session: its fields by name, and its history under "fills", "points", "entries" and "orders"."""

FIELDS = [each.name for each in dataclasses.fields(PaperTradingSession)]
SUMMARY = (
    "id", "name", "status", "symbols", "base_currency", "initial_cash", "fill_count", "created_at", "started_at",
    "stopped_at", "updated_at", "version",
)  # fmt: skip


WAITING = ("fills", "points", "entries", "orders")
"""The history that an object takes with it to its next save."""
BEFORE = ("version", "updated_at", "save", "stored_entries", "stored_orders")
"""What a save changes of an object."""


def plain(session: PaperTradingSession) -> Plain:
    """All that a session holds, sharing nothing with it."""
    return copy.deepcopy({name: getattr(session, name) for name in FIELDS})


@dataclass(eq=False)
class Held:
    """A session object in the hands of a program, and what repositories are to have made of it by now."""

    session: PaperTradingSession
    version: int = 0
    updated_at: datetime | None = None
    fill_count: int = 0
    fills: list[Fill] = field(default_factory=list)
    points: list[EquityPoint] = field(default_factory=list)
    entries: list[LedgerEntry] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    stored_entries: int = 0
    stored_orders: int = 0
    save: object = None
    """Stands for the save that it was loaded from, or last stored by."""

    def check(self) -> None:
        """Fail unless the object is what it is to be."""
        session = self.session
        found = session.version, session.updated_at, session.fill_count, session.new_fills, session.new_equity_points
        assert found == (self.version, self.updated_at, self.fill_count, self.fills, self.points)
        assert (session.new_ledger_entries, session.new_closed_orders) == (self.entries, self.orders)
        assert session.ledger_count == self.stored_entries + len(self.entries)
        assert session.closed_order_count == self.stored_orders + len(self.orders)

    def booked(self) -> None:
        """Take for right what a booking has made of the session: what waits, the newest last, is the session's own."""
        session = self.session
        self.fill_count += len(session.new_fills) - len(self.fills)
        self.fills, self.points = list(session.new_fills), list(session.new_equity_points)
        self.entries, self.orders = list(session.new_ledger_entries), list(session.new_closed_orders)


class Model:
    """Stored sessions by id: the committed ones, and those that each open block sees, the innermost last."""

    def __init__(self) -> None:
        self.levels: list[dict[str, Plain]] = [{}]
        self._marks: list[int] = []
        self._done: list[tuple[Held, dict[str, Any], dict[str, list[Any]], int]] = []

    @property
    def store(self) -> dict[str, Plain]:
        """What the owner of the innermost block sees."""
        return self.levels[-1]

    # Transactions

    def begin(self) -> None:
        self.levels.append(dict(self.store))
        self._marks.append(len(self._done))

    def commit(self) -> None:
        self.levels[-2:] = [self.store]
        self._marks.pop()

    def roll_back(self) -> None:
        self.levels.pop()
        mark = self._marks.pop()
        while len(self._done) > mark:
            held, before, history, skipped = self._done.pop()
            vars(held).update(before)
            for name, taken in history.items():
                getattr(held, name)[:0] = taken
            held.fill_count += skipped

    # Writing

    def save_many(self, several: list[Held]) -> None:
        self.begin()
        try:
            for held in sorted(several, key=lambda each: each.session.id):
                self._save(held)
        except BaseException:
            self.roll_back()
            raise
        self.commit()

    def has_lost_track(self, held: Held) -> bool:
        """Whether the stored session has the object's version by chance: it is another one, or of a later life."""
        stored = self.store.get(held.session.id)
        return stored is not None and stored["version"] == held.version and stored["save"] is not held.save

    def delete(self, session_id: str) -> bool:
        return self.store.pop(session_id, None) is not None

    def delete_many(self, **filters: Any) -> int:
        doomed = self._filtered(**filters)
        return sum(self.delete(stored["id"]) for stored in doomed)

    def _save(self, held: Held) -> None:
        session_id, stored = held.session.id, self.store.get(held.session.id)
        if (stored["version"] if stored else 0) != held.version:
            raise ConflictError(session_id, held.version, stored["version"] if stored else None)
        fills = {(fill.symbol, fill.id): fill for fill in stored["fills"]} if stored else {}
        for fill in held.fills:
            if fills.setdefault((fill.symbol, fill.id), fill) != fill:
                raise InvalidSessionError({}, session_id)
        used = {each.id for kind in ("entries", "orders") for each in (stored[kind] if stored else ())}
        if used & {*(each.id for each in (*held.entries, *held.orders)), *held.session.open_orders}:
            raise InvalidSessionError({}, session_id)
        if stored and _is_out_of_step(stored, held):
            raise InvalidSessionError({}, session_id)
        skipped = held.fill_count - len(fills)
        before = {name: getattr(held, name) for name in BEFORE}
        waiting = {name: getattr(held, name) for name in WAITING}
        self._done.append((held, before, waiting, skipped))
        kept = {name: [*stored[name], *new] if stored else new for name, new in waiting.items()}
        kept["fills"] = list(fills.values())
        held.version, held.updated_at, held.save = held.version + 1, held.session.updated_at, object()
        held.fill_count, held.stored_entries, held.stored_orders = len(fills), len(kept["entries"]), len(kept["orders"])
        for name in WAITING:
            setattr(held, name, [])
        done = {"version": held.version, "fill_count": held.fill_count, "new_fills": [], "new_equity_points": []}
        done |= {"ledger_count": held.stored_entries, "closed_order_count": held.stored_orders}
        done |= {"new_ledger_entries": [], "new_closed_orders": []}
        self.store[session_id] = plain(held.session) | done | kept | {"save": held.save}

    # Reading

    def load(self, session: PaperTradingSession) -> Held:
        """`session`, which was loaded just now."""
        stored = self.store[session.id]
        held = Held(session, session.version, session.updated_at, session.fill_count, save=stored["save"])
        held.stored_entries, held.stored_orders = len(stored["entries"]), len(stored["orders"])
        return held

    def get_by_id(self, session_id: str) -> Plain | None:
        return _session(self.store[session_id]) if session_id in self.store else None

    def get_all(self, **query: Any) -> list[Plain]:
        return [_session(stored) for stored in self._listed(**query)]

    def get_active(self) -> list[Plain]:
        return self.get_all(status="RUNNING")

    def get_summaries(self, **query: Any) -> list[Plain]:
        return [
            {name: stored[name] for name in SUMMARY}
            | {"strategy_name": stored["strategy"].name, "open_positions": len(stored["positions"])}
            | {"equity": _equity(stored), "net_pnl": _net_pnl(stored)}
            for stored in self._listed(**query)
        ]

    def exists(self, session_id: str) -> bool:
        return session_id in self.store

    def count(self, **filters: Any) -> int:
        return len(self._filtered(**filters))

    def get_fills(
        self,
        session_id: str,
        symbol: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after: int | str | Fill = 0,
        limit: int | None = None,
    ) -> list[Fill]:
        fills = self._stored(session_id)["fills"]
        start = after if isinstance(after, int) else _place(fills, after, symbol)
        return [
            fill
            for fill in fills[start:]
            if symbol in (None, fill.symbol)
            and (since is None or since <= fill.executed_at)
            and (until is None or fill.executed_at < until)
        ][:limit]

    def get_equity_curve(
        self, session_id: str, since: datetime | None = None, until: datetime | None = None
    ) -> list[EquityPoint]:
        points = self._stored(session_id)["points"]
        return [
            point for point in points if (since is None or since <= point.at) and (until is None or point.at < until)
        ]

    def get_ledger(self, session_id: str) -> list[LedgerEntry]:
        return list(self.store[session_id]["entries"])

    def get_orders(self, session_id: str) -> list[Order]:
        stored = self.store[session_id]
        return [*stored["orders"], *sorted(stored["open_orders"].values(), key=lambda each: (each.created_at, each.id))]

    def _stored(self, session_id: str) -> Plain:
        if session_id not in self.store:
            raise SessionNotFoundError(session_id)
        return self.store[session_id]

    def _listed(
        self,
        *,
        order_by: str = "created_at",
        descending: bool = False,
        limit: int | None = None,
        offset: int = 0,
        **filters: Any,
    ) -> list[Plain]:
        computed = {"equity": _equity, "net_pnl": _net_pnl}
        key: Callable[[Plain], Any] = computed.get(order_by, itemgetter(order_by))
        found = sorted(self._filtered(**filters), key=lambda stored: (key(stored), stored["id"]), reverse=descending)
        return found[offset:][:limit]

    def _filtered(
        self,
        status: Any = None,
        strategy: str | None = None,
        symbol: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[Plain]:
        statuses = [status] if isinstance(status, str) else status
        return [
            stored
            for stored in self.store.values()
            if (statuses is None or stored["status"] in statuses)
            and strategy in (None, stored["strategy"].name)
            and (symbol is None or symbol in stored["symbols"])
            and (since is None or since <= stored["created_at"])
            and (until is None or stored["created_at"] < until)
        ]


def _place(fills: list[Fill], after: str | Fill, symbol: str | None) -> int:
    fill_id, named = (after, symbol) if isinstance(after, str) else (after.id, after.symbol)
    places = {fill.symbol: place for place, fill in enumerate(fills, 1) if fill.id == fill_id}
    if named is not None and named in places:
        return places[named]
    if isinstance(after, Fill) or len(places) != 1:
        raise ValueError(after)
    return next(iter(places.values()))


def _is_out_of_step(stored: Plain, held: Held) -> bool:
    """Whether a fill was booked of an order that is stored as closed, or a new order lacks fills that are stored."""
    session = held.session
    known = {*session.open_orders, *(order.id for order in held.orders)}
    closed = {order.id for order in stored["orders"]} - known
    booked = [fill for fill in held.fills if (fill.symbol, fill.id) in session.new_fills.booked]
    if any(fill.order_id in closed and fill not in stored["fills"] for fill in booked):
        return True
    latest = [fill for fill in stored["fills"] if fill.corrected_at is None][-100:]
    for order_id in [] if session.keeps_own_accounts else session.open_orders.keys() - stored["open_orders"].keys():
        early = [Fraction(fill.quantity) for fill in latest if fill.order_id == order_id]
        new = [fill for fill in held.fills if fill.order_id == order_id and fill not in stored["fills"]]
        now = sum(Fraction(fill.quantity) for fill in new)
        if early and sum(early) + now > Fraction(session.open_orders[order_id].filled_quantity):
            return True
    return False


def _session(stored: Plain) -> Plain:
    return {name: stored[name] for name in FIELDS}


def _equity(stored: Plain) -> Fraction:
    rates = {name: Fraction(rate) for name, rate in stored["rates"].items()}
    balances = (Fraction(amount) * rates[name] for name, amount in stored["balances"].items() if amount)
    margin = (_gain(each) for each in stored["positions"].values() if each.settlement is Settlement.MARGIN)
    worth = (_value(each) for each in stored["positions"].values() if each.settlement is Settlement.CASH)
    return Fraction(stored["cash"]) + sum(worth) + sum(margin) + sum(balances) + Fraction(stored["other_value"])


def _net_pnl(stored: Plain) -> Fraction:
    gains = sum(_gain(each) for each in stored["positions"].values()) - Fraction(stored["fees_paid"])
    return gains + sum(Fraction(stored[name]) for name in ("realized_pnl", "income", "currency_pnl", "other_value"))


def _value(position: Position) -> Fraction:
    return Fraction(position.quantity) * Fraction(position.last_price) * Fraction(position.multiplier)


def _gain(position: Position) -> Fraction:
    return _value(position) - Fraction(position.cost_basis)
