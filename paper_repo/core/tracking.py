"""What a repository remembers of a session object between saves, and gives back when a transaction rolls back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from decimal import Decimal
from operator import is_
from typing import Any, NamedTuple, cast

from paper_repo.domain import PaperTradingSession
from paper_repo.domain.new_fills import FillKey
from paper_repo.errors import BusyError
from paper_repo.serialization import fast
from paper_repo.serialization.schemas import Data


class UndoLog(list[Callable[[], None]]):
    """How to give back the caller's objects as they were before a transaction, the latest change last."""

    def rewind(self, start: int) -> None:
        """Undo all but the first `start` changes."""
        while len(self) > start:
            self[-1]()
            self.pop()


class Overview(NamedTuple):
    """What lists are filtered and sorted by beside a session's own columns."""

    strategy_name: str
    position_count: int
    equity: Decimal
    net_pnl: Decimal


class Content(NamedTuple):
    """What a save stores of a session beside its history."""

    columns: Data
    overview: Overview
    resting: tuple[str, ...]
    """The ids of its resting orders."""


class StoredRow(NamedTuple):
    """The very row that a session object was loaded from or stored as: where it is, and what seldom changes in it.

    The first of the values is the session's id.
    """

    database: object
    version: int
    generation: int
    values: tuple[object, ...]
    account: tuple[object, ...] = ()
    """The values that also stay the same in an account with nothing but cash, positions and resting orders."""
    resting: tuple[str, ...] = ()
    """The ids of the orders that rest in it."""

    def is_of(self, session: PaperTradingSession) -> bool:
        """Whether the object still stands for this row; its caller may have changed its id or version."""
        return self.version == session.version and self.values[0] == session.id

    def holds(self, other: StoredRow) -> bool:
        """Whether all that seldom changes is stored in this row as it is in `other`."""
        return self.database is other.database and self.values == other.values


class Taken(NamedTuple):
    """How much history saves have taken from a session object; a save that is under way finds its place by it."""

    fills: int = 0
    points: int = 0
    entries: int = 0
    orders: int = 0


_NOTHING_TAKEN = Taken()


class Counts(NamedTuple):
    """How much history of a session is stored, as the session counts it."""

    fills: int = 0
    entries: int = 0
    orders: int = 0

    @classmethod
    def of(cls, columns: Data) -> Counts:
        """Those in the columns of a session."""
        return cls(columns["fill_count"], columns["ledger_count"] or 0, columns["closed_order_count"] or 0)


class Tracking:
    """What a repository remembers of a session object that it has loaded or saved."""

    __slots__ = ("asked_for", "done", "is_moving", "lock", "newest", "row", "taken", "texts", "worker")

    def __init__(self) -> None:
        self.texts: fast.Known = {}
        """What serialising it has found out, for the next time."""
        self.row: StoredRow | None = None
        self.worker: str | None = None
        """For whom it was claimed."""
        self.asked_for: int = 0
        """How many saves of it were called."""
        self.done: int = 0
        """The number of the latest of these that was done."""
        self.newest: Content | None = None
        """What that one has stored, once a save was left out that may still come."""
        self.taken: Taken = _NOTHING_TAKEN
        self.lock: threading.RLock = threading.RLock()
        """Held while a save takes its history, or looks at it."""
        self.is_moving: bool = False

    @staticmethod
    def of(session: PaperTradingSession) -> Tracking:
        """That of `session`."""
        found = session._tracking
        if found is None:
            found = session._tracking = Tracking()
        return cast("Tracking", found)

    def require_at_rest(self, session_id: str) -> None:
        """Raise a `BusyError` in a signal handler that has interrupted a save of this very object half-way."""
        if self.is_moving:
            raise BusyError(
                f"session {session_id!r}: a save of this object was interrupted half-way by the handler that saves it "
                "now; save it when the handler has returned"
            )


class Before:
    """What a session object was before a save of it was applied; it keeps nothing of what that has written."""

    __slots__ = ("_booked", "_content", "_entries", "_fills", "_known", "_orders", "_points", "_session", "_stored",
                 "_tracking")  # fmt: skip

    def __init__(
        self, session: PaperTradingSession, tracking: Tracking, counts: Taken, booked: Sequence[FillKey]
    ) -> None:
        self._session, self._tracking = session, tracking
        self._content = session.version, session.updated_at
        self._known = tracking.row, tracking.done, tracking.newest, tracking.taken
        entries, orders = session.new_ledger_entries, session.new_closed_orders
        self._stored, self._booked = (session.new_fills.before, entries.before, orders.before), booked
        self._fills, self._points = session.new_fills[: counts.fills], session.new_equity_points[: counts.points]
        self._entries = entries[: counts.entries], entries.places[: counts.entries]
        self._orders = orders[: counts.orders]

    def restore(self) -> None:
        """Give the session back; history that it has got since waits behind what comes back."""
        session, tracking = self._session, self._tracking
        fields = session.__dict__
        fields["version"], fields["updated_at"] = self._content
        tracking.row, tracking.done, tracking.newest, taken = self._known
        if self._fills or self._points or self._entries[0] or self._orders:
            with tracking.lock:
                tracking.is_moving = True
                waiting, entries, orders = session.new_fills, session.new_ledger_entries, session.new_closed_orders
                waiting.before, entries.before, orders.before = self._stored
                now = tracking.taken
                if now.entries != taken.entries:
                    now = now._replace(entries=taken.entries)
                    entries[:0], entries.places[:0], tracking.taken = *self._entries, now
                if now.orders != taken.orders:
                    now = now._replace(orders=taken.orders)
                    orders[:0], tracking.taken = self._orders, now
                _give_back(waiting.booked, self._booked)
                if now.fills != taken.fills:
                    now = now._replace(fills=taken.fills)
                    waiting[:0], tracking.taken = self._fills, now
                waiting.look_anew()
                if now.points != taken.points:
                    session.new_equity_points[:0], tracking.taken = self._points, taken
                tracking.is_moving = False


def _give_back(waiting: list[Any], taken: Sequence[Any]) -> None:
    """Put what was taken from a list before what it holds, unless it is there still: Ctrl-C came before that."""
    there = waiting[: len(taken)]
    if len(there) < len(taken) or not all(map(is_, there, taken)):
        waiting[:0] = taken
