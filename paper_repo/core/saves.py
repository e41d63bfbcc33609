"""What one save writes, taken from the session when `save` is called and applied to it when the write is done.

A save has three moments, which may lie in different threads:

1. `Snapshot(session)` serialises it in the caller's thread, so that what is stored is what the session was at the call.
   To serialise it in the thread that writes it takes longer, since every amount has to come to another processor first.
2. `pending()` binds it to the session's version and history at the moment of writing: an earlier save of the same
   object that was under way has been applied by then.
3. `apply()` makes the object what was stored, and returns how to undo that, for a transaction that rolls back.
"""

from __future__ import annotations

import decimal
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

from paper_repo.domain import EquityPoint, Fill, PaperTradingSession
from paper_repo.domain.secrecy import shown
from paper_repo.domain.session import HISTORY_LOCK, HistoryTaken
from paper_repo.domain.values import EXACT, utc_now
from paper_repo.errors import InvalidSessionError
from paper_repo.serialization import fast, schemas
from paper_repo.serialization.schemas import Data

Undo = Callable[[], None]


class UndoLog(list[Undo]):
    """How to give back the caller's objects as they were before a transaction, the latest change last."""

    def rewind(self, start: int) -> None:
        """Undo all but the first `start` changes."""
        while len(self) > start:
            self.pop()()


class Overview(NamedTuple):
    """What lists are filtered and sorted by beside a session's own columns."""

    strategy_name: str
    position_count: int
    equity: Decimal
    net_pnl: Decimal


class Settled(NamedTuple):
    """What a database keeps of a session that seldom changes: in which one, at which version, since when, and what.

    The first of the values is the session's id.
    """

    database: object
    version: int
    updated_at: str
    values: tuple[object, ...]

    def is_stored(self, stored: Settled, version: int) -> bool:
        """Whether it is what was `stored` of the session, which is at this version now."""
        return stored.version == version and stored.database is self.database and stored.values == self.values


class Latest(NamedTuple):
    """What a save stores of a session beside its history, and its number among the saves of this object, from 1."""

    number: int
    columns: Data
    overview: Overview

    def behind(self, before: Latest | None) -> Latest:
        """What is to be remembered of this save, which was done behind the one `before`.

        As long as the saves of an object are done one by one as they are asked for, its number is enough. Once one was
        left out, that one may come yet, and needs what a later one has stored.
        """
        last = before or _NONE_YET
        in_turn = self.number == last.number + 1 and not last.columns
        return Latest(self.number, {}, _NO_OVERVIEW) if in_turn else self


_NO_OVERVIEW = Overview("", 0, Decimal(0), Decimal(0))
_NONE_YET = Latest(0, {}, _NO_OVERVIEW)


class Pending(NamedTuple):
    """One save at the moment of writing: the session's columns at its new version, and the history not yet stored."""

    expected_version: int
    columns: Data
    overview: Overview
    fills: list[Data]
    points: list[Data]
    updated_at: datetime | None = None
    settled: Settled | None = None
    seen_at: str | None = None
    """The `updated_at` of the very row that the session was loaded from or stored as; None: it came another way."""
    is_settled: bool = False
    """Whether `settled` is stored already in that row, so that only the other columns need be written."""
    latest: Latest | None = None

    @property
    def first_sequence(self) -> int:
        """Where the first of `fills` stands in the history of the session, from 1."""
        return int(self.columns["fill_count"]) - len(self.fills) + 1


class Snapshot:
    """A session as it was when `save` was called.

    Raises:
        InvalidSessionError: it holds something that cannot be stored; nothing has changed.
    """

    def __init__(self, session: PaperTradingSession) -> None:
        if not isinstance(session, PaperTradingSession):
            raise InvalidSessionError({"session": [f"must be a PaperTradingSession, not {shown(session)}."]})
        self.session = session
        with HISTORY_LOCK:
            fills, points = list(session.new_fills), list(session.new_equity_points)
            self._taken = session.history_taken
            self._stored = session.fill_count - len(fills)
            session.__dict__["saves_asked_for"] = number = session.saves_asked_for + 1
        try:
            self._columns = fast.to_columns(session, session.known_texts)
            self._overview = _overview(session)
            self._fills = _dump_history(Fill, fills, "new_fills")
            self._points = _dump_history(EquityPoint, points, "new_equity_points")
        except InvalidSessionError as error:
            raise InvalidSessionError(error.messages, session.id) from error
        self._latest = Latest(number, self._columns, self._overview)
        if self._stored < 0:
            message = f"counts fewer fills than wait to be saved ({len(fills)}); record_fill() keeps both right."
            raise InvalidSessionError({"fill_count": [message]}, session.id)

    @property
    def has_history(self) -> bool:
        """Whether there are fills or equity points to be written."""
        before, now = self._taken, self.session.history_taken
        come_back = now.fills < before.fills or now.points < before.points
        return bool(self._fills or self._points or come_back)

    def as_it_is(self) -> Pending:
        """What is to be written to store the session under its own version and times, without history."""
        return Pending(0, self._columns, self._overview, [], [])

    def pending(self, settled_of: Callable[[Data], Settled] | None = None) -> Pending:
        """What is to be written, now.

        Args:
            settled_of: what a database keeps of these columns that seldom changes.
        """
        session, before, now = self.session, self._taken, self.session.history_taken
        fills, points, fill_count = self._fills, self._points, self._stored + len(self._fills)
        if now is not before:
            fills = _left(fills, now.fills - before.fills, session.new_fills)
            points = _left(points, now.points - before.points, session.new_equity_points)
            fill_count = self._stored + now.fills - before.fills + len(fills) - (now.skipped - before.skipped)
        latest = self._latest
        if session.stored_latest and session.stored_latest.number > latest.number:
            latest = session.stored_latest  # a block has overtaken this save with a later one of the same object
        version, updated_at = session.version, utc_now()
        changes = {
            "version": version + 1,
            "updated_at": schemas.instant_text(updated_at),
            "fill_count": fill_count,
        }
        columns: Data = latest.columns | changes
        seen: Any = session.stored_settled
        if seen and (seen.version, seen.values[0]) != (version, session.id):
            seen = None
        settled = settled_of(columns) if settled_of else None
        is_settled = bool(seen and settled and settled.is_stored(seen, version))
        seen_at = seen.updated_at if seen else None
        return Pending(
            version, columns, latest.overview, fills, points, updated_at, settled, seen_at, is_settled, latest
        )


def apply(session: PaperTradingSession, written: Pending, skipped: int) -> Undo:
    """Make `session` what was stored of it: its version, its `updated_at`, and no history that waits.

    Args:
        skipped: how many of the fills had been stored before, and were not counted again.

    Returns:
        What gives the session back as it was, for a transaction that rolls back.
    """
    fields = session.__dict__  # these values need none of the checks of an assignment
    stored = {
        "version": written.columns["version"],
        "updated_at": written.updated_at,
        "stored_settled": written.settled,
        "stored_latest": written.latest and written.latest.behind(session.stored_latest),
    }
    undo = partial(fields.update, {name: fields[name] for name in stored})  # which keeps nothing of `written`
    fields.update(stored)
    return _take_history(session, written, skipped, undo) if written.fills or written.points else undo


def _take_history(session: PaperTradingSession, written: Pending, skipped: int, undo_rest: Undo) -> Undo:
    """Let what was stored of the history wait no longer; what is returned undoes that, too."""
    with HISTORY_LOCK:
        fills, points = session.new_fills[: len(written.fills)], session.new_equity_points[: len(written.points)]
        del session.new_fills[: len(fills)], session.new_equity_points[: len(points)]
        session.fill_count -= skipped
        _count_taken(session, len(fills), len(points), skipped)

    def undo() -> None:
        undo_rest()
        with HISTORY_LOCK:
            session.new_fills[:0], session.new_equity_points[:0] = fills, points
            session.fill_count += skipped
            _count_taken(session, -len(fills), -len(points), -skipped)

    return undo


def _overview(session: PaperTradingSession) -> Overview:
    value, basis = session.totals()
    with decimal.localcontext(EXACT):
        gain = session.realized_pnl + (value - basis) - session.fees_paid
        return Overview(session.strategy.name, len(session.positions), session.cash + value, gain)


def _left(history: list[Data], taken: int, waiting: list[Any]) -> list[Data]:
    """What is left of `history` after `taken` of it were stored by saves that were under way when it was serialised.

    Below zero that many came back into `waiting`, because the transaction of such a save was rolled back.
    """
    return history[taken:] if taken >= 0 else [*map(fast.dump, waiting[:-taken]), *history]


def _count_taken(session: PaperTradingSession, fills: int, points: int, skipped: int) -> None:
    taken = session.history_taken
    session.history_taken = HistoryTaken(taken.fills + fills, taken.points + points, taken.skipped + skipped)
    session.forget_waiting()


def _dump_history(kind: type[Any], history: list[Any], path: str) -> list[Data]:
    for index, each in enumerate(history):
        if not isinstance(each, kind):
            raise InvalidSessionError({f"{path}[{index}]": [f"must be a {kind.__name__}, not {shown(each)}."]})
    return [fast.dump(each) for each in history]


def other_fill_stored(fill_id: str, session_id: str) -> InvalidSessionError:
    """The error of a save whose fill has the id of another one that is stored already."""
    message = "another fill of this id is stored already; ids must be unique in a session."
    return InvalidSessionError({f"new_fills.{fill_id}": [message]}, session_id)


def no_such_fill(session_id: str, fill_id: str) -> ValueError:
    """The error of a page that is to begin behind a fill that there is not."""
    return ValueError(f"after={fill_id!r}: session {session_id!r} has no fill of this id")
