"""Lists of rows: queries built by Peewee from the tables and what the caller asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from operator import add
from typing import Any

from peewee import SQL, Expression, Select, Tuple, fn

from paper_repo.domain.selection import Selection
from paper_repo.storage.placeholders import value
from paper_repo.storage.statements import Statement, Statements
from paper_repo.storage.tables import Tables

IDS_AT_A_TIME = 900
"""How many ids one query asks for; older versions of SQLite accept at most 999 values."""

_ORDER_COLUMNS = {"equity": "equity_order", "net_pnl": "net_pnl_order"}


def order_column(selection: Selection) -> str:
    """The column whose text order is the order asked for."""
    return _ORDER_COLUMNS.get(selection.order_by, selection.order_by)


def select_sessions(tables: Tables, selection: Selection, columns: Iterable[str]) -> Any:
    """The sessions that `selection` names, in its order."""
    query = _matching(tables, selection, tables.sessions.select(*_fields(tables.sessions, columns)))
    keys = _keys(tables, selection)
    query = query.order_by(*(key.desc() if selection.descending else key.asc() for key in keys))
    if selection.limit is not None:
        query = query.limit(selection.limit)
    return query.offset(selection.offset) if selection.offset else query


def page(query: Any) -> Statement:
    """The first rows of `query`, as many as `limit` says."""
    return Statement(query.limit(value("limit")))


def page_after(tables: Tables, selection: Selection, query: Any) -> Statement:
    """The first rows of `query` behind the session with the order key `key` and the id `id`."""
    columns, last = Tuple(*_keys(tables, selection)), Tuple(value("key"), value("id"))
    return page(query.where(columns < last if selection.descending else columns > last))


def count_sessions(tables: Tables, selection: Selection) -> Any:
    """How many sessions `selection` names."""
    return _matching(tables, selection, tables.sessions.select(fn.COUNT(tables.sessions.id)))


def count_rows(table: Any) -> Any:
    """How many rows `table` has."""
    return table.select(fn.COUNT(SQL("*")))


def delete_sessions(tables: Tables, selection: Selection) -> Any:
    """Deletes the sessions that `selection` names."""
    return _matching(tables, selection, tables.sessions.delete())


def insert_deletions(statements: Statements, selection: Selection) -> Any:
    """Remembers that the sessions that `selection` names are deleted, which must follow."""
    return statements.insert_deletions(_matching(statements.tables, selection, statements.doomed()))


def select_history(
    table: Any,
    session_id: str,
    columns: Iterable[str],
    *,
    time: Any = None,
    symbol: str | None = None,
    since: str | None = None,
    until: str | None = None,
    after: int = 0,
    limit: int | None = None,
) -> Any:
    """Rows of one session's history in `table`, in its order; `time` is the column that `since` and `until` mean."""
    query = table.select(*_fields(table, columns)).where(table.session == session_id, table.sequence > after)
    if symbol is not None:
        query = query.where(table.symbol == symbol)
    if since is not None:
        query = query.where(time >= since)
    if until is not None:
        query = query.where(time < until)
    return query.order_by(table.sequence).limit(limit)


def history_page(table: Any, columns: Iterable[str], size: int) -> Statement:
    """So many rows of one session's history behind a place in it, for rows of `session_id` and `after`."""
    session_id, after = value("session_id"), value("after")
    query = table.select(*_fields(table, columns)).where(table.session == session_id, table.sequence > after)
    return Statement(query.order_by(table.sequence).limit(size))


def joined_page(table: Any, columns: Sequence[str], size: int) -> Statement:
    """The same rows of an SQLite file as one text: a line for each, with commas between the values, and NULL empty.

    With it come the first and the last place (the first of `columns`) and the number of rows.
    """
    place, *rest = _fields(table, columns)
    after, session_id = value("after"), value("session_id")
    page = table.select(*_fields(table, columns)).where(table.session == session_id, table.sequence > after)
    page = page.order_by(table.sequence).limit(size).alias("page")
    values: list[Any] = [fn.COALESCE(page.c[each.column_name], "") for each in rest]
    line = reduce(lambda line, each: line.concat(",").concat(each), values)
    found = page.c[place.column_name]
    return Statement(Select([page], [fn.MIN(found), fn.MAX(found), fn.COUNT(SQL("*")), fn.GROUP_CONCAT(line, "\n")]))


def insert_row(table: Any) -> Statement:
    """Inserts a whole row, with its values in the order of the table's columns."""
    fields = table._meta.sorted_fields
    return Statement(table.insert({field: value(field.column_name) for field in fields}))


def select_existing(tables: Tables, ids: Sequence[str]) -> Any:
    """Those of these ids that are stored."""
    return tables.sessions.select(tables.sessions.id).where(tables.sessions.id.in_(ids))


def select_sizes(tables: Tables) -> Any:
    """The ids of all sessions, sorted, each with the approximate number of rows in its history."""
    sessions, equity = tables.sessions, tables.equity
    points = equity.select(fn.COALESCE(fn.MAX(equity.sequence), 0)).where(equity.session == sessions.id)
    kept = (sessions.ledger_count, sessions.closed_order_count, points)
    size = reduce(add, (fn.COALESCE(each, 0) for each in kept), sessions.fill_count)
    return sessions.select(sessions.id, size).order_by(sessions.id)


def select_histories(table: Any, ids: Sequence[str]) -> Any:
    """The whole rows of `table` that belong to these sessions, by session and place."""
    return (
        table.select(*table._meta.sorted_fields).where(table.session.in_(ids)).order_by(table.session, table.sequence)
    )


def select_whole(tables: Tables, ids: Sequence[str]) -> Any:
    """The whole rows of these sessions, by id."""
    sessions = tables.sessions
    return sessions.select(*sessions._meta.sorted_fields).where(sessions.id.in_(ids)).order_by(sessions.id)


def in_parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """As many ids at a time as one query can ask for."""
    yield from (ids[start : start + IDS_AT_A_TIME] for start in range(0, len(ids), IDS_AT_A_TIME))


def select_fill_keys(fills: Any, session_id: str, ids: Iterable[str]) -> Any:
    """The symbols and ids of those fills of a session that have one of these ids."""
    return fills.select(fills.symbol, fills.id).where(fills.session == session_id, fills.id.in_(list(ids)))


def select_ids(history: Any, session_id: str, ids: Iterable[str]) -> Any:
    """Those of these ids that closed orders, or ledger entries, of a session have."""
    return history.select(history.id).where(history.session == session_id, history.id.in_(list(ids)))


def _matching(tables: Tables, selection: Selection, query: Any) -> Any:
    for condition in _conditions(tables.sessions, selection):
        query = query.where(condition)
    return query


def _conditions(sessions: Any, selection: Selection) -> Iterable[Expression]:
    if selection.statuses is not None:
        yield sessions.status.in_(sorted(selection.statuses))
    if selection.strategy is not None:
        yield sessions.strategy_name == selection.strategy
    if selection.symbol is not None:
        yield sessions.symbols.contains([selection.symbol])
    if selection.since is not None:
        yield sessions.created_at >= selection.since.isoformat(timespec="microseconds")
    if selection.until is not None:
        yield sessions.created_at < selection.until.isoformat(timespec="microseconds")


def _keys(tables: Tables, selection: Selection) -> tuple[Any, Any]:
    return getattr(tables.sessions, order_column(selection)), tables.sessions.id


def _fields(table: Any, columns: Iterable[str]) -> list[Any]:
    return [table._meta.columns[column] for column in columns]
