"""What one save writes, taken from the session when `save` is called and applied to it when the write is done.

A save has three moments, which may lie in different threads:

1. `Save.capture(session)` serialises it in the caller's thread, so that what is stored is what the session was at the
   call. Serialising it in the thread that writes takes longer, since every amount has to come to another processor.
2. `bind()` fits it to the session's version and history at the moment of writing: an earlier save of the same object
   that was under way has been applied by then.
3. `apply()` makes the object what was stored; `Before.restore` undoes that, for a transaction that rolls back.

What is remembered of a session object from one save to the next is its `Tracking`.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Generator, Iterable
from datetime import datetime
from operator import lt
from typing import Any

from paper_repo.core.tracking import Before, Content, Counts, Overview, StoredRow, Taken, Tracking
from paper_repo.domain import (
    CashFlow,
    EquityPoint,
    Fill,
    LedgerEntry,
    Order,
    PaperTradingSession,
    Split,
    SymbolChange,
    books,
)
from paper_repo.domain.new_fills import FillKey
from paper_repo.domain.secrecy import shown
from paper_repo.domain.values import utc_now
from paper_repo.errors import InvalidSessionError
from paper_repo.serialization import fast, schemas
from paper_repo.serialization.fields import instant_text
from paper_repo.serialization.schemas import Data


class Save:
    """One save of a session, as it was when it was called.

    Before it is bound, only `session` and `has_history` can be used.
    """

    expected_version: int
    expected_counts: Counts
    """What is to be stored already."""
    expected_generation: int | None
    """That of the row that the session was loaded from or stored as; None: it came another way."""
    generation: int
    """That of the row when it is written."""
    columns: Data
    """The session at its new version."""
    overview: Overview
    fills: list[Data]
    points: list[Data]
    entries: list[Data]
    """Ledger entries, each with its place among the fills, `after_fill`."""
    orders: list[Data]
    """Closed orders."""
    open_orders: tuple[str, ...]
    """The ids of the orders that rest and that the row has not, where the session has any history."""
    filled_orders: tuple[str, ...]
    """The ids of orders, closed before if at all, that fills which were booked belong to."""
    booked: list[FillKey]
    """Which of the fills have changed cash and positions."""
    updated_at: datetime | None
    row: StoredRow | None
    """What the row will be."""
    is_settled: bool
    """Whether all that seldom changes is stored in the row already, so that only the other columns need be written."""
    is_account_settled: bool
    """Whether the same is true of the columns that most accounts do not use."""

    def __init__(self, session: PaperTradingSession) -> None:
        self.session = session
        self._tracking = tracking = Tracking.of(session)
        with tracking.lock:
            tracking.require_at_rest(session.id)
            waiting = session.new_fills
            booked, fills, points = list(waiting.booked), list(waiting), list(session.new_equity_points)
            new_entries = session.new_ledger_entries
            entries = new_entries.placed(session.fill_count) if new_entries else []
            orders, resting = list(session.new_closed_orders), tuple(session.open_orders)
            self._taken = tracking.taken
            tracking.asked_for = self._number = tracking.asked_for + 1
        self._history, self._booked = (fills, points, entries, orders), booked
        self._content = Content(fast.to_columns(session, tracking.texts), _overview(session), resting)

    @classmethod
    def capture(cls, session: PaperTradingSession) -> Save:
        """The save of a session.

        Raises:
            InvalidSessionError: it holds something that cannot be stored; nothing has changed.
        """
        if not isinstance(session, PaperTradingSession):
            hint = "; save_many() takes several" if isinstance(session, list | tuple | set) else ""
            raise InvalidSessionError({"session": [f"must be a PaperTradingSession, not {shown(session)}{hint}."]})
        try:
            save = cls(session)
            fills, points, entries, orders = save._history
            save._keep(
                _dump_history(Fill, fills, "new_fills"),
                _dump_history(EquityPoint, points, "new_equity_points"),
                [dump_placed(each) for each in entries],
                _dump_history(Order, orders, "new_closed_orders"),
            )
        except InvalidSessionError as error:
            raise InvalidSessionError(error.messages, session.id) from error
        return save

    @classmethod
    def capture_in_steps(cls, session: PaperTradingSession, size: int) -> Generator[None, None, Save]:
        """The same with at most `size` entities of the history in a step; nothing may change the session meanwhile."""
        fast.remember_state(session, Tracking.of(session).texts)
        yield
        try:
            save = cls(session)
            yield
            fills, points, entries, orders = save._history
            save._keep(
                (yield from _dump_in_steps(Fill, fills, "new_fills", size)),
                (yield from _dump_in_steps(EquityPoint, points, "new_equity_points", size)),
                [dump_placed(each) for each in entries],
                (yield from _dump_in_steps(Order, orders, "new_closed_orders", size)),
            )
        except InvalidSessionError as error:
            raise InvalidSessionError(error.messages, session.id) from error
        return save

    def _keep(self, fills: list[Data], points: list[Data], entries: list[Data], orders: list[Data]) -> None:
        """Keep the history as it was serialised."""
        self._fills, self._points, self._entries, self._orders = fills, points, entries, orders
        booked = self._booked
        self.booked = booked if len(booked) in (0, len(fills)) else _booked_of(booked, fills)
        del self._history, self._booked

    @classmethod
    def capture_many(cls, sessions: Iterable[PaperTradingSession]) -> list[Save]:
        """The saves of several sessions; raises as `capture` does."""
        if not isinstance(sessions, Iterable):
            raise InvalidSessionError(
                {"sessions": [f"must be several sessions, not {shown(sessions)}; save() takes one."]}
            )
        return [cls.capture(each) for each in sessions]

    @property
    def has_history(self) -> bool:
        """Whether there are fills or equity points to be written."""
        before, now = self._taken, self._tracking.taken
        come_back = any(map(lt, now, before))
        return bool(self._fills or self._points or self._entries or self._orders or come_back)

    def bind_as_it_is(self) -> None:
        """Make it store the session under its own version and times, without history."""
        self.expected_version, self.expected_counts = 0, Counts()
        self.expected_generation, self.row = None, None
        self.is_settled = self.is_account_settled = False
        seen = self._tracking.row  # a copy is the same row as the original
        self.generation = seen.generation if seen else new_generation()
        self.columns, self.overview, _ = self._content
        self.fills, self.points, self.updated_at = [], [], self.session.updated_at
        self.entries, self.orders, self.open_orders, self.filled_orders = [], [], (), ()

    def bind(self, row_of: Callable[[Data, int, tuple[str, ...]], StoredRow]) -> None:
        """Fit it to what the session is now.

        Args:
            row_of: what stands for the row of these columns, this generation and these resting orders in a database.
        """
        session, tracking, before = self.session, self._tracking, self._taken
        with tracking.lock:
            now, counts = (
                tracking.taken,
                Counts(session.new_fills.before, session.new_ledger_entries.before, session.new_closed_orders.before),
            )
            self.fills, self.points, self.entries, self.orders = self._fills, self._points, self._entries, self._orders
            if now is not before:
                self.fills = _left(self._fills, now.fills - before.fills, session.new_fills)
                self.points = _left(self._points, now.points - before.points, session.new_equity_points)
                waiting = session.new_ledger_entries.placed(session.fill_count)
                self.entries = _left(self._entries, now.entries - before.entries, waiting, dump_placed)
                self.orders = _left(self._orders, now.orders - before.orders, session.new_closed_orders)
                self.booked = _booked_of(session.new_fills.booked, self.fills)
        overtaken = tracking.done > self._number  # a block has overtaken it with a later save of the same object
        content = tracking.newest if overtaken and tracking.newest else self._content
        self.expected_version, self.expected_counts, self.updated_at = session.version, counts, utc_now()
        self.columns, self.overview, resting = content
        self.columns = self.columns | {
            "version": session.version + 1,
            "updated_at": instant_text(self.updated_at),
            "fill_count": counts.fills + len(self.fills),
        }
        if self.entries or self.orders or self.columns["ledger_count"] or self.columns["closed_order_count"]:
            self.columns["ledger_count"] = counts.entries + len(self.entries) or None
            self.columns["closed_order_count"] = counts.orders + len(self.orders) or None
        seen = tracking.row if tracking.row and tracking.row.is_of(session) else None
        known = seen.resting if seen else ()
        self.open_orders = ()
        if resting != known and (self.columns["closed_order_count"] or counts.fills):
            self.open_orders = tuple(each for each in resting if each not in known)
        self.filled_orders = self._filled_elsewhere(resting) if counts.orders and self.booked else ()
        self.generation = new_generation()
        self.row = row_of(self.columns, self.generation, resting)
        self.is_settled = bool(seen and seen.holds(self.row))
        self.is_account_settled = bool(seen and seen.account == self.row.account)
        self.expected_generation = seen.generation if seen else None

    def _filled_elsewhere(self, resting: tuple[str, ...]) -> tuple[str, ...]:
        """The orders of booked fills that neither rest nor are closed by this save."""
        known = {None, *resting, *(order["id"] for order in self.orders)}
        booked = set(self.booked)
        ids = (fill["order_id"] for fill in self.fills if (fill["symbol"], fill["id"]) in booked)
        return tuple(dict.fromkeys(each for each in ids if each not in known))

    @property
    def first_sequence(self) -> int:
        """Where the first of `fills` stands in the history of the session, from 1."""
        return int(self.columns["fill_count"]) - len(self.fills) + 1

    def is_booked_again(self, index: int) -> bool:
        """Whether the fill at this place, which is stored already, has changed cash and positions once more."""
        if not self.booked:
            return False
        keys = [(fill["symbol"], fill["id"]) for fill in self.fills[: index + 1]]
        came_before = keys.count(keys[-1]) > 1  # then that one is what is stored, unless it was stored before, too
        return self.booked.count(keys[-1]) > came_before

    def before(self) -> Before:
        """What the session is until `apply`, for a transaction that rolls back."""
        counts = Taken(len(self.fills), len(self.points), len(self.entries), len(self.orders))
        return Before(self.session, self._tracking, counts, self.booked)

    def apply(self, skipped: int) -> None:
        """Make the session what was stored of it: its version, its `updated_at`, and no history that waits.

        Args:
            skipped: how many of the fills had been stored before, and were not counted again.
        """
        fields, tracking = self.session.__dict__, self._tracking
        if self.fills or self.points or self.entries or self.orders:
            self._take_history(skipped)
        in_turn = self._number == tracking.done + 1 and tracking.newest is None
        if not in_turn and self._number >= tracking.done:
            tracking.newest = self._content
        tracking.done = max(tracking.done, self._number)
        tracking.row = self.row
        # These values need none of the checks of an assignment.
        fields["updated_at"], fields["version"] = self.updated_at, self.columns["version"]

    def _take_history(self, skipped: int) -> None:
        tracking, waiting, points = self._tracking, self.session.new_fills, self.session.new_equity_points
        with tracking.lock:
            tracking.is_moving = True
            _take_out(waiting.booked, self.booked)
            waiting.before += len(self.fills) - skipped
            taken = tracking.taken
            # Each list is shortened in one step with its count, by which `Before` knows what to give back.
            taken = taken._replace(fills=taken.fills + len(self.fills))
            waiting[: len(self.fills)], tracking.taken = (), taken
            waiting.look_anew()
            taken = taken._replace(points=taken.points + len(self.points))
            points[: len(self.points)], tracking.taken = (), taken
            if self.entries or self.orders:
                self._take_account(taken)
            if not waiting:
                waiting.booked.clear()  # of fills that were taken away by hand
            tracking.is_moving = False

    def _take_account(self, taken: Taken) -> None:
        tracking, entries, orders = self._tracking, self.session.new_ledger_entries, self.session.new_closed_orders
        count = len(self.entries)
        taken = taken._replace(entries=taken.entries + count)
        entries[:count], entries.places[:count], tracking.taken = (), (), taken
        entries.before += count
        taken = taken._replace(orders=taken.orders + len(self.orders))
        orders[: len(self.orders)], tracking.taken = (), taken
        orders.before += len(self.orders)


def _take_out(booked: list[FillKey], taken: list[FillKey]) -> None:
    if booked[: len(taken)] == taken:
        del booked[: len(taken)]
    else:
        booked[:] = _without(booked, taken)


def _without(booked: list[FillKey], taken: list[FillKey]) -> list[FillKey]:
    left = Counter(taken)
    return [key for key in booked if not left[key] or left.subtract([key])]


def _booked_of(booked: Iterable[FillKey], fills: list[Data]) -> list[FillKey]:
    """The keys of those of `fills` that were booked."""
    left = Counter(booked)
    keys = [(fill["symbol"], fill["id"]) for fill in fills]
    return [key for key in keys if left[key] and not left.subtract([key])]


def new_generation() -> int:
    """A number for a row that no other save of it has had; not from `random`, which programs make repeat itself."""
    return int.from_bytes(os.urandom(6))


def _overview(session: PaperTradingSession) -> Overview:
    equity, net_pnl = books.figures(session)
    return Overview(session.strategy.name, len(session.positions), equity, net_pnl)


def dump_placed(placed: tuple[int, LedgerEntry]) -> Data:
    """The plain data of a ledger entry, with its place among the fills."""
    after_fill, entry = placed
    if not isinstance(entry, CashFlow | Split | SymbolChange):
        raise InvalidSessionError(
            {"new_ledger_entries": [f"must be CashFlows, Splits and SymbolChanges, not {shown(entry)}."]}
        )
    return {**schemas.dump(entry), "after_fill": after_fill}


def _left(history: list[Data], taken: int, waiting: list[Any], dump: Callable[[Any], Data] = fast.dump) -> list[Data]:
    """What is left of `history` after `taken` of it were stored by saves that were under way when it was serialised.

    Below zero that many came back into `waiting`, because the transaction of such a save was rolled back.
    """
    return history[taken:] if taken >= 0 else [*map(dump, waiting[:-taken]), *history]


def _dump_history(kind: type[Any], history: list[Any], path: str, start: int = 0) -> list[Data]:
    for index, each in enumerate(history, start):
        if not isinstance(each, kind):
            raise InvalidSessionError({f"{path}[{index}]": [f"must be a {kind.__name__}, not {shown(each)}."]})
    return [fast.dump(each) for each in history]


def _dump_in_steps(kind: type[Any], history: list[Any], path: str, size: int) -> Generator[None, None, list[Data]]:
    found: list[Data] = []
    for start in range(0, len(history), size):
        found += _dump_history(kind, history[start : start + size], path, start)
        yield
    return found


def other_fill_stored(fill_id: str, session_id: str) -> InvalidSessionError:
    """The error of a save whose fill has the id of another one that is stored already."""
    message = (
        "another fill of this id and symbol is stored already, and differs; if it is the same execution, do not book "
        "it again (made anew, it needs the same executed_at); if not, give it an id of its own."
    )
    return InvalidSessionError({f"new_fills.{fill_id}": [message]}, session_id)
