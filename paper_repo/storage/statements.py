"""The statements that run at every save and load: built by Peewee from the models once, run many times."""

from __future__ import annotations

from functools import cached_property
from operator import itemgetter
from typing import Any

from peewee import Database, Model, Query, SqliteDatabase, Value, fn

from paper_repo.storage.tables import SETTLED_COLUMNS, SQLITE_COLUMN_TYPES, Row, Tables, make_tables


class Placeholder(str):
    """Stands in a query for the value that the row of a later run has under this name."""


class Statement:
    """One query, as text, and which of a row's values it takes in which order."""

    def __init__(self, query: Query) -> None:
        self.sql, params = query.sql()
        self._constants = {f"constant {place}": each for place, each in enumerate(params) if not _placeholder(each)}
        names = [each if _placeholder(each) else f"constant {place}" for place, each in enumerate(params)]
        self._values = itemgetter(*names) if len(names) > 1 else lambda row: (row[names[0]],)

    def run(self, database: Database, row: Row) -> Any:
        """The cursor of this statement, run with the values of `row`."""
        return database.execute_sql(self.sql, self._values(row | self._constants if self._constants else row))


class Statements:
    """Every statement of the hot paths, for one kind of database."""

    def __init__(self, database: Database) -> None:
        self.tables: Tables = make_tables(database)
        sessions, fills, equity = self.tables.all()
        self.session_columns = _columns(sessions)
        self.fill_columns = _columns(fills)
        self.equity_columns = _columns(equity)

    @cached_property
    def insert_session(self) -> Statement:
        sessions = self.tables.sessions
        return Statement(
            sessions.insert(_values(sessions)).on_conflict(conflict_target=[sessions.id], action="NOTHING")
        )

    @cached_property
    def update_session(self) -> Statement:
        return self._update(self.tables.sessions, [self.tables.sessions.id])

    @cached_property
    def update_ticked(self) -> Statement:
        """Updates what changes from tick to tick, and no index but the one on equity."""
        sessions = self.tables.sessions
        return self._update(sessions, [sessions._meta.columns[name] for name in SETTLED_COLUMNS])

    def _update(self, sessions: Any, without: list[Any]) -> Statement:
        values = {
            field: value for field, value in _values(sessions).items() if all(field is not each for each in without)
        }
        return Statement(
            sessions.update(values).where(sessions.id == _value("id"), sessions.version == _value("expected_version"))
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
    def delete_session(self) -> Statement:
        sessions = self.tables.sessions
        return Statement(sessions.delete().where(sessions.id == _value("id")))

    @cached_property
    def insert_fill(self) -> Statement:
        fills = self.tables.fills
        return Statement(
            fills.insert(_values(fills)).on_conflict(conflict_target=[fills.session, fills.id], action="NOTHING")
        )

    @cached_property
    def select_fill(self) -> Statement:
        fills = self.tables.fills
        query = fills.select(*fills._meta.sorted_fields)
        return Statement(query.where(fills.session == _value("session_id"), fills.id == _value("id")))

    @cached_property
    def insert_equity(self) -> Statement:
        """Adds a point after the last one of its session."""
        equity = self.tables.equity
        last = equity.select(fn.COALESCE(fn.MAX(equity.sequence), 0) + 1).where(equity.session == _value("session_id"))
        return Statement(equity.insert({**_values(equity), equity.sequence: last}))


def sqlite_statements() -> Statements:
    """The statements for SQLite files."""
    global _sqlite
    if _sqlite is None:
        _sqlite = Statements(SqliteDatabase(None, field_types=SQLITE_COLUMN_TYPES))
    return _sqlite


_sqlite: Statements | None = None


def _columns(model: type[Model]) -> tuple[str, ...]:
    return tuple(field.column_name for field in model._meta.sorted_fields)


def _values(model: type[Model]) -> dict[Any, Value]:
    return {field: _value(field.column_name) for field in model._meta.sorted_fields}


def _placeholder(param: object) -> bool:
    return type(param) is Placeholder


def _value(name: str) -> Value:
    return Value(Placeholder(name), converter=False)
