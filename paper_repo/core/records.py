"""Sessions as rows: how a repository writes them, and what it makes of those that it reads."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cached_property, lru_cache
from operator import itemgetter
from typing import Any, TypeVar

from paper_repo.core import history, history_rows
from paper_repo.core.claims import conflict
from paper_repo.core.fill_keys import by_key, place_after
from paper_repo.core.history_rows import changed, corrupt
from paper_repo.core.orders_in_step import StoredRows, has_to_ask, require_in_step, used_orders
from paper_repo.core.saves import Save, other_fill_stored
from paper_repo.core.tracking import Counts, StoredRow, Tracking
from paper_repo.domain import Fill, PaperTradingSession
from paper_repo.domain.history import AnyBooked
from paper_repo.domain.selection import Loaded, Selection, SessionSummary, checked_summary
from paper_repo.domain.status import SessionStatus
from paper_repo.errors import (
    ConflictError,
    CorruptDatabaseError,
    CorruptRecordError,
    DuplicateFillError,
    InvalidSessionError,
)
from paper_repo.serialization import fast, schemas
from paper_repo.serialization.schemas import Data
from paper_repo.storage import queries
from paper_repo.storage.base import Storage
from paper_repo.storage.sort_keys import sort_key
from paper_repo.storage.statements import Statement, Statements
from paper_repo.storage.tables import ACCOUNT_COLUMNS, SETTLED_COLUMNS, SUMMARY_COLUMNS, Row

T = TypeVar("T")

SUMMARY_ROW = (*SUMMARY_COLUMNS, "summary_checksum")
"""The columns of which `Records.summary` makes a summary."""


class Records:
    """The sessions in one database; what writes is called inside of a transaction."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @cached_property
    def _statements(self) -> Statements:
        return self._storage.statements

    # Writing

    def write(self, save: Save, when_rolled_back: Callable[[Callable[[], None]], None]) -> None:
        """Store a session with its new history, and make its object what was stored.

        Args:
            when_rolled_back: is given what gives the object back as it was, before it is changed.
        """
        self.bind(save)
        self.require_in_step(save)  # before anything is written, as nothing may undo that alone
        row = _row(save)
        self._store(row, save)
        skipped = self._write_history(row["id"], save)
        if skipped:
            row["fill_count"] -= skipped
            row["expected_version"], row["expected_generation"] = row["version"], row["generation"]
            _expect(row, Counts.of(save.columns))
            self.seal(row)
            self._storage.change(self._statements.update_session, row)
        when_rolled_back(save.before().restore)
        save.apply(skipped)

    def bind(self, save: Save) -> None:
        """Adjust a save to the present state of its session, once no other transaction of this process writes it."""
        self._storage.take_turn(save.session.id)
        save.bind(self.stored_row)

    def changes(self, save: Save) -> list[tuple[Statement, Row]]:
        """What stores a bound save without entries and orders: its session, if the row is as expected, and history."""
        session_id, statements, first = save.session.id, self._statements, save.first_sequence
        changes = [self.change(save)]
        for index, fill in enumerate(save.fills):
            row = history_rows.fill_row(self._storage, session_id, first + index, fill)
            changes.append((history_rows.insert_fill(statements, row), row))
        for place, point in enumerate(save.points, 1):
            row = history_rows.point_row(self._storage, session_id, point)
            changes.append((statements.append_point, row | {"place": place}))
        return changes

    def change(self, save: Save) -> tuple[Statement, Row]:
        """What stores the row of a bound save, if the stored one is as expected."""
        return self._change(_row(save), save)

    def is_stored(self, save: Save) -> bool:
        """Whether the row of its session is the very one that this bound save writes."""
        found = self._storage.fetch_one(self._statements.select_generation, {"id": save.session.id})
        return found is not None and found[0] == save.generation

    def conflict(self, save: Save) -> ConflictError:
        """The error of a save that has changed no row."""
        return conflict(self._storage, save.session, save.expected_version, self.version(save.session.id))

    def store(self, save: Save) -> None:
        """Store a session as it is, without history."""
        save.bind_as_it_is()
        self._store(_row(save), save)

    def _store(self, row: Row, save: Save) -> None:
        if not self._storage.change(*self._change(row, save)):
            raise self.conflict(save)

    def _change(self, row: Row, save: Save) -> tuple[Statement, Row]:
        row["expected_version"], row["expected_generation"] = save.expected_version, save.expected_generation
        _expect(row, save.expected_counts)
        self.seal(row)
        statements = self._statements
        if not save.expected_version:
            return statements.insert_session, row
        if not save.is_settled:
            return statements.update_session, row
        return statements.update_ticked if save.is_account_settled else statements.update_account, row

    def _write_history(self, session_id: str, save: Save) -> int:
        """Append what is new, and say how many of the fills, which were only recorded, were stored already.

        Raises:
            DuplicateFillError: some of those that are stored already were booked again.
        """
        skipped, again = 0, []
        for index, fill in enumerate(save.fills):
            row = history_rows.fill_row(self._storage, session_id, save.first_sequence + index - skipped, fill)
            if not self._storage.change(history_rows.insert_fill(self._statements, row), row):
                self._require_same(row, fill)
                if save.is_booked_again(index):
                    again.append((fill["symbol"], fill["id"]))
                skipped += 1
        if again:
            raise DuplicateFillError(session_id, again)
        for point in save.points:
            self._storage.change(
                self._statements.insert_equity, history_rows.point_row(self._storage, session_id, point)
            )
        if save.entries:
            self._write_entries(session_id, save, skipped)
        if save.orders:
            self._write_orders(session_id, save)
        return skipped

    def _write_entries(self, session_id: str, save: Save, skipped: int) -> None:
        again = []
        for each in save.entries:
            data = each | {"after_fill": max(0, each["after_fill"] - skipped)} if skipped else each
            row = history_rows.entry_row(self._storage, session_id, data)
            if not self._storage.change(self._statements.insert_ledger_entry, row):
                again.append(each["id"])
        if again:
            raise DuplicateFillError(session_id, (), again)

    def _write_orders(self, session_id: str, save: Save) -> None:
        """Append closed orders, whose ids must never have been closed before."""
        rows = [history_rows.order_row(self._storage, session_id, each) for each in save.orders]
        used = [row["id"] for row in rows if not self._storage.change(self._statements.insert_order, row)]
        if used:
            raise used_orders(used, session_id)

    def require_in_step(self, save: Save) -> None:
        """Refuse a save whose orders and fills contradict what is stored."""
        if not has_to_ask(save):
            return
        try:
            require_in_step(save, StoredRows(self._storage, save.session.id))
        except InvalidSessionError:
            if self.version(save.session.id) != save.expected_version:
                raise self.conflict(save) from None
            raise

    def seal(self, row: Row) -> None:
        """Give a session's row the checksums that fit it."""
        row["summary_checksum"] = self._statements.summary_checksum.of(row)
        row["checksum"] = self._statements.session_checksum.of(row)

    def _require_same(self, row: Row, fill: Data) -> None:
        stored = self._storage.fetch_one(self._statements.select_fill, row)
        session_id = row["session_id"]
        if stored is None or history_rows.fill(self._storage, stored) != schemas.load(Fill, fill):
            raise other_fill_stored(fill["id"], session_id)

    # Reading

    def version(self, session_id: str) -> int | None:
        """The version that is stored of a session, or None."""
        found = self._storage.fetch_one(self._statements.select_version, {"id": session_id})
        try:
            return None if found is None else int(found[0])
        except ValueError as error:
            raise corrupt(session_id, f"version: {error}") from error

    def sequence(self, session_id: str, after: int | str | Fill, symbol: str | None = None) -> int:
        """The place in the history of the fill that `after` names; see `place_after`."""
        if isinstance(after, int):
            return after
        fill_id = after.id if isinstance(after, Fill) else after
        row = {"session_id": session_id, "id": fill_id}
        places = dict(self._storage.fetch_rows(self._statements.select_fill_places, row))
        if not places:
            history.require_session(self._storage, session_id)
        return place_after(session_id, after, symbol, places)

    def unrecorded(self, session_id: str, reported: Iterable[AnyBooked]) -> list[AnyBooked]:
        """Those of these fills and ledger entries that are not stored, each once."""
        new = by_key(reported)
        tables = self._statements.tables
        fill_ids = list(dict.fromkeys(key[1] for key in new if isinstance(key, tuple)))
        for some in queries.in_parts(fill_ids):
            for symbol, fill_id in self._storage.fetch_all(queries.select_fill_keys(tables.fills, session_id, some)):
                new.pop((symbol, fill_id), None)
        for some in queries.in_parts([key for key in new if isinstance(key, str)]):
            for (entry_id,) in self._storage.fetch_all(queries.select_ids(tables.ledger, session_id, some)):
                new.pop(entry_id, None)
        return list(new.values())

    def get(self, session_id: str) -> PaperTradingSession | None:
        """The session of this id, as a new object; None when there is none.

        Raises:
            CorruptRecordError: it is stored, but cannot be read.
        """
        try:
            row = self._storage.fetch_one(self._statements.select_session, {"id": session_id})
        except CorruptDatabaseError as error:
            raise corrupt(session_id, str(error)) from error
        if row is None:
            self._storage.require_sound()
            return None
        session = self.session(row)
        if session.id != session_id:
            raise corrupt(session_id, f"another session, {session.id!r}, stands in its place")
        return session

    def session(self, row: Sequence[Any], checked: bool = True) -> PaperTradingSession:
        """The session that a whole row describes; not `checked`: whatever its checksum is.

        Raises:
            CorruptRecordError: it does not describe one, or its checksum is wrong.
        """
        columns = dict(zip(_SESSION_FIELDS, self._fields_of_session(row), strict=True))
        try:
            session = fast.from_columns(columns)
        except InvalidSessionError as error:
            raise corrupt(columns["id"], str(error)) from error
        if checked:
            checksum, generation = self._seal_of_session(row)
            if self._storage.keeps_text and self._checksum_of_session(row) != checksum:
                raise changed(session.id)
            Tracking.of(session).row = self.stored_row(columns, generation, tuple(session.open_orders))
        return session

    @cached_property
    def _fields_of_session(self) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
        return itemgetter(*map(self._statements.session_columns.index, _SESSION_FIELDS))

    @cached_property
    def _seal_of_session(self) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
        return itemgetter(*map(self._statements.session_columns.index, ("checksum", "generation")))

    @cached_property
    def _checksum_of_session(self) -> Callable[[Sequence[Any]], int]:
        return self._statements.session_checksum.among(self._statements.session_columns)

    def summary(self, row: Sequence[Any]) -> SessionSummary:
        """The summary that the columns `SUMMARY_ROW` describe; raises as `session` does."""
        summary = _summary(row)
        if self._storage.keeps_text and self._checksum_of_summary(row) != row[-1]:
            raise changed(summary.id)
        return summary

    @cached_property
    def _checksum_of_summary(self) -> Callable[[Sequence[Any]], int]:
        return self._statements.summary_checksum.among(SUMMARY_ROW)

    def stored_row(self, columns: Data, generation: int, resting: tuple[str, ...]) -> StoredRow:
        """What stands for the row of these columns, and of these resting orders, in this database."""
        settled, account = _settled_columns(columns), _account_columns(columns)
        return StoredRow(self._storage.identity, columns["version"], generation, settled, account, resting)

    def listed(
        self,
        selection: Selection,
        columns: Sequence[str],
        decode: Callable[[Sequence[Any]], T],
        of_session: Callable[[PaperTradingSession], T],
    ) -> list[T]:
        """What `decode` makes of the rows selected, or `of_session` of the sessions in a file that is damaged."""
        try:
            rows = self._storage.fetch_all(queries.select_sessions(self._statements.tables, selection, columns))
        except CorruptDatabaseError as error:
            return self._rescued(selection, of_session, error)
        if selection.errors == "raise":
            return list(map(decode, rows))
        return _sound(decode, rows)

    def _rescued(
        self, selection: Selection, of_session: Callable[[PaperTradingSession], T], damage: CorruptDatabaseError
    ) -> Loaded[T]:
        """What is sound in a damaged file; otherwise, the error that names the record, if there is one."""
        structural = self._storage.damage is not None
        rescued = None if structural and selection.errors == "raise" else self._storage.rescued_sessions()
        if rescued is None:
            raise damage
        rows, lost = rescued
        found = _sound(self.session, rows)
        found.errors += [corrupt(session_id, "it lies in a damaged part of the file") for session_id in lost]
        if selection.errors == "raise":
            if found.errors:
                raise found.errors[0] from damage
            raise damage
        return Loaded(map(of_session, selection.among(found)), [damage, *found.errors])

    def whole_fills(self, query: Any, session_id: str, after: int, limit: int | None) -> list[tuple[Any, ...]]:
        """The rows of `query`, which begin behind `after`, and end at `limit` or where the session's count says."""
        before = None
        while True:
            rows = self._storage.fetch_all(query)
            history.require_no_gap(rows, session_id)
            first, last = (rows[0][1], rows[-1][1]) if rows else (0, 0)
            if len(rows) == limit and first in (0, after + 1):
                return rows
            stored = self._storage.fetch_one(self._statements.select_fill_count, {"id": session_id})
            if stored is None:
                return rows
            places = first, stored[0] if len(rows) == limit else last
            if history.are_all(self._storage, session_id, after, places, stored[0]):
                return rows
            if stored == before:  # nobody has saved it between the two readings
                raise history.incomplete(session_id, places, stored[0])
            before = stored


_settled_columns = itemgetter(*(name for name in SETTLED_COLUMNS if name in schemas.fields_of(PaperTradingSession)))
_account_columns = itemgetter(*ACCOUNT_COLUMNS)
_SESSION_FIELDS = tuple(schemas.fields_of(PaperTradingSession))


def _expect(row: Row, counts: Counts) -> None:
    """Add to a row how much history is to be stored already."""
    row["expected_fill_count"], row["expected_ledger_count"], row["expected_order_count"] = counts


def _row(save: Save) -> Row:
    equity, net_pnl = save.overview.equity, save.overview.net_pnl
    return save.columns | {
        "generation": save.generation,
        "strategy_name": save.overview.strategy_name,
        "position_count": save.overview.position_count,
        "equity": str(equity),
        "net_pnl": str(net_pnl),
        "equity_order": sort_key(equity),
        "net_pnl_order": sort_key(net_pnl),
    }


_STATUSES = {each.value: each for each in SessionStatus}
"""The members by their texts, which takes a third of the time that a call of the class does."""


def _summary(row: Sequence[Any]) -> SessionSummary:
    # fmt: off
    (session_id, name, strategy, status, symbols, currency, initial_cash, equity, net_pnl, positions, fills,
     created_at, started_at, stopped_at, updated_at, version, _) = row
    # fmt: on
    try:
        return checked_summary(
            session_id,
            name,
            strategy,
            _STATUSES.get(status) or SessionStatus(status),
            _symbols(symbols),
            currency,
            Decimal(initial_cash),
            Decimal(equity),
            Decimal(net_pnl),
            positions,
            fills,
            _moment(created_at),
            _moment(started_at),
            _moment(stopped_at),
            _moment(updated_at),
            version,
        )
    except (TypeError, ValueError, ArithmeticError) as error:
        raise corrupt(row[0], str(error)) from error


@lru_cache(1024)
def _symbols(text: str) -> tuple[str, ...]:
    """Many sessions trade the same symbols."""
    return tuple(json.loads(text))


def _moment(text: str | None) -> Any:
    return None if text is None else datetime.fromisoformat(text)


def _sound(decode: Callable[[Sequence[Any]], T], rows: Iterable[Sequence[Any]]) -> Loaded[T]:
    """What `decode` makes of the rows that it can read, and its errors for the others."""
    found: Loaded[T] = Loaded()
    for row in rows:
        try:
            found.append(decode(row))
        except CorruptRecordError as error:
            found.errors.append(error)
    return found
