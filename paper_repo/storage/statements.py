"""The statements that run at every save and load: built by Peewee from the models once, run many times."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from operator import itemgetter
from typing import Any

from peewee import SQL, Database, Model, Query, Select, SqliteDatabase, Value, fn

from paper_repo.storage.checksums import Checksum
from paper_repo.storage.placeholders import Placeholder
from paper_repo.storage.placeholders import value as _value
from paper_repo.storage.tables import (
    ACCOUNT_COLUMNS,
    LATER_FILL_COLUMNS,
    LATER_SESSION_COLUMNS,
    SETTLED_COLUMNS,
    SQLITE_COLUMN_TYPES,
    SUMMARY_COLUMNS,
    Row,
    Tables,
    make_tables,
)

FEW_IDS = 8
"""How many ids one statement asks for that is made only once."""


class Statement:
    """One query, as text, and which of a row's values it takes in which order."""

    def __init__(self, query: Query) -> None:
        text, params = query.sql()
        self.sql: str = text
        self._constants = {f"constant {place}": each for place, each in enumerate(params) if not _placeholder(each)}
        names = [str(each) if _placeholder(each) else f"constant {place}" for place, each in enumerate(params)]
        # A plain str is found in a row in half the time that a Placeholder takes.
        self._values = itemgetter(*names) if len(names) > 1 else lambda row: tuple(row[name] for name in names)

    def values(self, row: Row) -> Sequence[object]:
        """Its values, as `row` gives them."""
        values: Sequence[object] = self._values(row | self._constants if self._constants else row)
        return values

    def run(self, execute: Callable[[str, Sequence[object]], Any], row: Row) -> Any:
        """The cursor of this statement, as `execute` gives it for its text and the values of `row`."""
        return execute(self.sql, self._values(row | self._constants if self._constants else row))


class Statements:
    """Every statement of the hot paths, for one kind of database."""

    def __init__(self, database: Database) -> None:
        self.tables: Tables = make_tables(database)
        sessions, fills, equity = self.tables.sessions, self.tables.fills, self.tables.equity
        self.session_columns: tuple[str, ...] = _columns(sessions)
        self.fill_columns: tuple[str, ...] = _columns(fills)
        self.equity_columns: tuple[str, ...] = _columns(equity)
        self.ledger_columns: tuple[str, ...] = _columns(self.tables.ledger)
        self.order_columns: tuple[str, ...] = _columns(self.tables.orders)
        self.session_checksum: Checksum = _checksum(self.session_columns, LATER_SESSION_COLUMNS)
        self.summary_checksum: Checksum = Checksum(SUMMARY_COLUMNS)
        self.fill_checksum: Checksum = _checksum(self.fill_columns, LATER_FILL_COLUMNS)
        self.equity_checksum: Checksum = _checksum(self.equity_columns)
        self.ledger_checksum: Checksum = _checksum(self.ledger_columns)
        self.order_checksum: Checksum = _checksum(self.order_columns)
        self.checksum_of_fill: Callable[[Sequence[Any]], int] = self.fill_checksum.among(self.fill_columns)
        """The checksum of a whole row, computed fast: most rows are fills and points."""
        self.checksum_of_point: Callable[[Sequence[Any]], int] = self.equity_checksum.among(self.equity_columns)

    @cached_property
    def insert_session(self) -> Statement:
        sessions = self.tables.sessions
        values = {**_values(sessions), sessions.change_number: self._next_change()}
        return Statement(sessions.insert(values).on_conflict(conflict_target=[sessions.id], action="NOTHING"))

    @cached_property
    def update_session(self) -> Statement:
        return self._update(self.tables.sessions, [self.tables.sessions.id])

    @cached_property
    def update_ticked(self) -> Statement:
        """Updates what changes from tick to tick, and no index but those on equity and on the change number.

        The row must be the very one that was seen: a version comes twice after a rollback or a deletion.
        """
        return self._update_without(SETTLED_COLUMNS + ACCOUNT_COLUMNS)

    @cached_property
    def update_account(self) -> Statement:
        """The same for a row whose account uses more than cash, positions and resting orders."""
        return self._update_without(SETTLED_COLUMNS)

    def _update_without(self, columns: Sequence[str]) -> Statement:
        sessions = self.tables.sessions
        return self._update(sessions, [sessions._meta.columns[name] for name in columns])

    def _update(self, sessions: Any, without: list[Any]) -> Statement:
        values = {
            field: value for field, value in _values(sessions).items() if all(field is not each for each in without)
        }
        values[sessions.change_number] = self._next_change()
        return Statement(
            sessions.update(values).where(
                sessions.id == _value("id"),
                sessions.version == _value("expected_version"),
                sessions.generation == fn.COALESCE(_value("expected_generation"), sessions.generation),
                sessions.fill_count == _value("expected_fill_count"),
                fn.COALESCE(sessions.ledger_count, 0) == _value("expected_ledger_count"),
                fn.COALESCE(sessions.closed_order_count, 0) == _value("expected_order_count"),
            )
        )

    @cached_property
    def select_session(self) -> Statement:
        sessions = self.tables.sessions
        return Statement(sessions.select(*sessions._meta.sorted_fields).where(sessions.id == _value("id")))

    @cached_property
    def select_version(self) -> Statement:
        sessions = self.tables.sessions
        return Statement(sessions.select(sessions.version).where(sessions.id == _value("id")))

    @cached_property
    def select_generation(self) -> Statement:
        sessions = self.tables.sessions
        return Statement(sessions.select(sessions.generation).where(sessions.id == _value("id")))

    @cached_property
    def select_fill_count(self) -> Statement:
        sessions = self.tables.sessions
        return Statement(sessions.select(sessions.fill_count, sessions.version).where(sessions.id == _value("id")))

    @cached_property
    def select_summary(self) -> Statement:
        sessions = self.tables.sessions
        columns = [getattr(sessions, name) for name in (*SUMMARY_COLUMNS, "summary_checksum")]
        return Statement(sessions.select(*columns).where(sessions.id == _value("id")))

    @cached_property
    def delete_session(self) -> Statement:
        """Deletes a session, and gives the version and the change number that it had."""
        sessions = self.tables.sessions
        return Statement(
            sessions.delete().where(sessions.id == _value("id")).returning(sessions.version, sessions.change_number)
        )

    @cached_property
    def insert_deletion(self) -> Statement:
        """Remembers that a session is deleted, which had the number `change_number` until now."""
        deletions = self.tables.deletions
        number = self._next_change(_value("change_number"))
        return Statement(deletions.insert({**_values(deletions), deletions.change_number: number}))

    def doomed(self) -> Any:
        """Selects the sessions that are to be deleted (all, without a condition) for `insert_deletions`."""
        sessions = self.tables.sessions
        number = self._next_change() - SQL("1") + fn.ROW_NUMBER().over(order_by=[sessions.id])
        return sessions.select(number, sessions.id, sessions.version)

    def insert_deletions(self, doomed: Query) -> Any:
        """Remembers that these sessions are deleted, which must follow."""
        deletions = self.tables.deletions
        return deletions.insert_from(doomed, [deletions.change_number, deletions.session_id, deletions.version])

    @cached_property
    def newest_change(self) -> Statement:
        return Statement(Select(columns=[self._next_change() - SQL("1")]))

    @cached_property
    def select_changes(self) -> Statement:
        """Sessions saved and deleted behind the change number `after`, in the order of their last changes."""
        sessions, deletions, after = self.tables.sessions, self.tables.deletions, _value("after")
        saved = sessions.select(sessions.id, sessions.version, SQL("0"), sessions.change_number)
        deleted = deletions.select(deletions.session_id, deletions.version, SQL("1"), deletions.change_number)
        both = saved.where(sessions.change_number > after) + deleted.where(deletions.change_number > after)
        return Statement(both.order_by(SQL("4")).limit(_value("limit")))

    def _next_change(self, *others: Value) -> Any:
        """The number of the next change; one transaction writes at a time, so that nobody else can take it."""
        sessions, deletions = self.tables.sessions, self.tables.deletions
        saved = fn.COALESCE(sessions.select(fn.MAX(sessions.change_number)), SQL("0"))
        deleted = fn.COALESCE(deletions.select(fn.MAX(deletions.change_number)), SQL("0"))
        return fn.MAX(saved, deleted, *others) + SQL("1")

    @cached_property
    def insert_fill(self) -> Statement:
        fills = self.tables.fills
        return Statement(
            fills.insert(_values(fills)).on_conflict(
                conflict_target=[fills.session, fills.id, fills.symbol], action="NOTHING"
            )
        )

    @cached_property
    def insert_plain_fill(self) -> Statement:
        """The same for a fill without values in the columns that were added later."""
        fills = self.tables.fills
        values = {
            field: value for field, value in _values(fills).items() if field.column_name not in LATER_FILL_COLUMNS
        }
        return Statement(
            fills.insert(values).on_conflict(conflict_target=[fills.session, fills.id, fills.symbol], action="NOTHING")
        )

    @cached_property
    def select_fill(self) -> Statement:
        fills = self.tables.fills
        query = fills.select(*fills._meta.sorted_fields)
        return Statement(
            query.where(
                fills.session == _value("session_id"), fills.id == _value("id"), fills.symbol == _value("symbol")
            )
        )

    @cached_property
    def select_latest_orders(self) -> Statement:
        """Order and quantity of the last fills of a session that were not corrected; the newest first."""
        fills = self.tables.fills
        query = fills.select(fills.order_id, fills.quantity)
        of_session = query.where(fills.session == _value("session_id"), fills.corrected_at.is_null())
        return Statement(of_session.order_by(fills.sequence.desc()).limit(_value("limit")))

    @cached_property
    def select_fill_places(self) -> Statement:
        """The symbols and the places of the fills of one id, which several symbols may have."""
        fills = self.tables.fills
        query = fills.select(fills.symbol, fills.sequence)
        query = query.where(fills.session == _value("session_id"), fills.id == _value("id"))
        return Statement(query.order_by(fills.sequence))

    @cached_property
    def insert_equity(self) -> Statement:
        """Adds a point after the last one of its session."""
        equity = self.tables.equity
        last = equity.select(fn.COALESCE(fn.MAX(equity.sequence), 0) + 1).where(equity.session == _value("session_id"))
        return Statement(equity.insert({**_values(equity), equity.sequence: last}))

    @cached_property
    def append_point(self) -> Statement:
        """Adds a point of which `place` says how far after the last one of its session it stands."""
        equity = self.tables.equity
        last = equity.select(fn.COALESCE(fn.MAX(equity.sequence), 0) + _value("place"))
        last = last.where(equity.session == _value("session_id"))
        return Statement(equity.insert({**_values(equity), equity.sequence: last}))

    @cached_property
    def insert_ledger_entry(self) -> Statement:
        """Adds a ledger entry after the last one of its session, unless one of its id is there."""
        return self._append(self.tables.ledger)

    @cached_property
    def insert_order(self) -> Statement:
        """Adds a closed order after the last one of its session, unless one of its id is there."""
        return self._append(self.tables.orders)

    def _append(self, table: Any) -> Statement:
        last = table.select(fn.COALESCE(fn.MAX(table.sequence), 0) + 1).where(table.session == _value("session_id"))
        query = table.insert({**_values(table), table.sequence: last})
        return Statement(query.on_conflict(conflict_target=[table.session, table.id], action="NOTHING"))

    @cached_property
    def select_counts(self) -> Statement:
        """How many ledger entries and closed orders a session has, by its row."""
        sessions = self.tables.sessions
        query = sessions.select(sessions.ledger_count, sessions.closed_order_count, sessions.version)
        return Statement(query.where(sessions.id == _value("id")))

    @cached_property
    def select_few_order_ids(self) -> Statement:
        """Those of the ids "id 0", "id 1" and so on, `FEW_IDS` of them, that closed orders of a session have."""
        orders = self.tables.orders
        ids = [_value(f"id {number}") for number in range(FEW_IDS)]
        return Statement(orders.select(orders.id).where(orders.session == _value("session_id"), orders.id.in_(ids)))

    @cached_property
    def correct_fill(self) -> Statement:
        """Marks a fill, whose place is known, as taken out of the books."""
        fills = self.tables.fills
        query = fills.update({fills.corrected_at: _value("corrected_at"), fills.checksum: _value("checksum")})
        return Statement(query.where(fills.session == _value("session_id"), fills.sequence == _value("sequence")))


def sqlite_statements() -> Statements:
    """The statements for SQLite files."""
    global _sqlite
    if _sqlite is None:
        _sqlite = Statements(SqliteDatabase(None, field_types=SQLITE_COLUMN_TYPES))
    return _sqlite


_sqlite: Statements | None = None


def _columns(model: type[Model]) -> tuple[str, ...]:
    return tuple(field.column_name for field in model._meta.sorted_fields)


_UNCHECKED = ("sequence", "change_number", "generation", "summary_checksum", "checksum")


def _checksum(columns: Iterable[str], later: Sequence[str] = ()) -> Checksum:
    """Over all that the caller of an insert knows; the place in the history is checked by there being no gaps."""
    return Checksum([each for each in columns if each not in (*_UNCHECKED, *later)], later)


def _values(model: type[Model]) -> dict[Any, Value]:
    return {field: _value(field.column_name) for field in model._meta.sorted_fields}


def _placeholder(param: object) -> bool:
    return type(param) is Placeholder
