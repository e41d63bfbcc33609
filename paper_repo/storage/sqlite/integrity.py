"""What is wrong with an SQLite file, and what can be read of it all the same; nothing here ever writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from paper_repo.storage.schema import HISTORY_TABLE
from paper_repo.storage.statements import Statements

CHECKED_WHOLE = 8 << 20
"""Up to this size in bytes a file is checked from end to end when it is opened, which takes some 4 ms a megabyte."""

CHECKED_IN_PART = 128 << 20
"""Up to this size the sessions and their indexes are, but not the histories."""

FEW_SESSIONS = 1_000
"""Up to this many, sessions are checked whatever the file's size."""

_LARGEST_ROWID = 1 << 40
_ATTEMPTS = 20_000
_ATTEMPTS_AT_A_HISTORY = 2_000

Rows = list[tuple[Any, ...]]


def find_damage(connection: Any, statements: Statements, size: int | None = None) -> str | None:
    """What is wrong with the structure of the file, in words; None when nothing was found.

    Args:
        size: of the file, in bytes, for a check that takes no longer than the opening of a file may; None: check all.
    """
    try:
        for (problem,) in connection.execute(_check(connection, size, statements)).fetchall():
            if problem != "ok":
                return " ".join(str(problem).split())
        return _wrong_tables(connection, statements)
    except _errors(connection) as error:
        return str(error)


def find_problems(connection: Any, statements: Statements) -> list[str]:
    """Everything that is wrong with the structure of the file."""
    try:
        found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check").fetchall() if row[0] != "ok"]
        for table, *_ in connection.execute("PRAGMA foreign_key_check").fetchall():
            found.append(f"a row of {table} belongs to no session")
        wrong = _wrong_tables(connection, statements)
        return [*found, wrong] if wrong else found
    except _errors(connection) as error:
        return [str(error)]


def is_sound(connection: Any, table: Any) -> bool:
    """Whether all rows of this table, and its indexes, can be reached."""
    try:
        found = connection.execute(f"PRAGMA integrity_check({table._meta.table_name})").fetchall()
    except _errors(connection):
        return False
    return bool(found == [("ok",)])


def wrong_version(connection: Any, version: int) -> str | None:
    """What is wrong with the schema version of the file, which its record of migrations tells once more."""
    found = connection.execute(f"SELECT max(name) FROM {HISTORY_TABLE}").fetchone()[0]
    if isinstance(found, str) and found[:4] == f"{version:04}":
        return None
    return f"it says that its schema has version {version}, but its last migration is {found}"


def read_sessions(connection: Any, statements: Statements) -> tuple[Rows, list[str]]:
    """Every session's row that can be read, and the ids of those that indexes know of and that cannot."""
    with _any_text(connection):
        rows = _scan(connection, statements.tables.sessions, statements.session_columns)
        found = {row[statements.session_columns.index("id")] for row in rows}
        known = _indexed_ids(connection)
    return rows, [each for each in known if each not in found]


def read_history(connection: Any, table: Any, columns: Sequence[str], session_id: str, last: int) -> Rows:
    """Every row of one session's history in `table` that can be read, up to place `last`, in order where it can be."""
    name = table._meta.table_name
    sql = (
        f"SELECT {_names(columns)} FROM {name} NOT INDEXED "
        "WHERE session_id = ? AND sequence BETWEEN ? AND ? ORDER BY sequence LIMIT ?"
    )
    with _any_text(connection):
        return list(_in_parts(connection, sql, (session_id,), 1, last, _ATTEMPTS_AT_A_HISTORY))


def last_place(connection: Any, table: Any, session_id: str) -> int:
    """The last place in one session's history in `table`; where it cannot be read, one that it cannot lie behind."""
    sql = f"SELECT max(sequence) FROM {table._meta.table_name} WHERE session_id = ?"
    try:
        found = connection.execute(sql, (session_id,)).fetchone()[0]
    except _errors(connection):
        return _LARGEST_ROWID
    return found if isinstance(found, int) else 0


def _check(connection: Any, size: int | None, statements: Statements) -> str:
    if size is None or size <= CHECKED_WHOLE:
        return "PRAGMA integrity_check(1)"
    sessions = statements.tables.sessions._meta.table_name
    if size <= CHECKED_IN_PART or _last_row(connection, sessions) <= FEW_SESSIONS:
        return f"PRAGMA integrity_check({sessions})"
    return "SELECT 'ok'"


def _last_row(connection: Any, table: str) -> int:
    return connection.execute(f"SELECT max(rowid) FROM {table}").fetchone()[0] or 0


def _wrong_tables(connection: Any, statements: Statements) -> str | None:
    """Which table has other columns than it should, or columns of another type, so that writing would harm it."""
    schema = tuple(connection.execute("SELECT sql FROM sqlite_master WHERE type = 'table'").fetchall())
    if schema in _right_schemas:
        return None
    for name, expected in _columns(statements).items():
        found = [(row[1], _affinity(row[2])) for row in connection.execute(f"PRAGMA table_info({name})").fetchall()]
        if sorted(found) != expected:  # an upgrade adds its columns behind the others
            return f"the table {name} is not as it should be"
    _right_schemas.add(schema)
    return None


_right_schemas: set[tuple[Any, ...]] = set()
"""The texts of the schemas that this process has found to be right; files of one history all have the same."""


@lru_cache(2)
def _columns(statements: Statements) -> dict[str, list[tuple[str, str]]]:
    """The names and types of the columns that each table is to have."""
    columns = {}
    for table in statements.tables.all():
        context = table._meta.database.get_sql_context()
        types = [(each.column_name, _affinity(each.ddl_datatype(context).sql)) for each in table._meta.sorted_fields]
        columns[table._meta.table_name] = sorted(types)
    return columns


def _affinity(declared: str) -> str:
    """Whole numbers have several names, which SQLite takes for the same."""
    return "INTEGER" if "INT" in declared else declared


def _scan(connection: Any, table: Any, columns: Sequence[str]) -> Rows:
    name = table._meta.table_name
    try:
        last = connection.execute(f"SELECT max(rowid) FROM {name}").fetchone()[0] or 0
    except _errors(connection):
        last = _LARGEST_ROWID
    sql = f"SELECT {_names(columns)} FROM {name} NOT INDEXED WHERE rowid BETWEEN ? AND ? ORDER BY rowid LIMIT ?"
    return list(_in_parts(connection, sql, (), 1, last))


def _in_parts(
    connection: Any, sql: str, params: tuple[Any, ...], first: int, last: int, most: int = _ATTEMPTS
) -> Iterator[tuple[Any, ...]]:
    """The rows of places `first` to `last`; where not all of them can be read, those of either half, and so on."""
    waiting, attempts = [(first, last)], 0
    while waiting and attempts < most:
        first, last = waiting.pop()
        attempts += 1
        try:
            # The limit keeps SQLite from looking for a row behind the last one, on a page that may be damaged.
            yield from connection.execute(sql, (*params, first, last, last - first + 1)).fetchall()
        except _errors(connection):
            if first < last:
                middle = (first + last) // 2
                waiting += [(middle + 1, last), (first, middle)]


def _indexed_ids(connection: Any) -> list[str]:
    """The ids of sessions, as far as any of the indexes tells."""
    found: dict[str, None] = {}
    table = "paper_trading_sessions"
    try:
        indexes = [row[1] for row in connection.execute(f"PRAGMA index_list({table})").fetchall()]
    except _errors(connection):
        return []
    for index in indexes:
        try:
            for (session_id,) in connection.execute(f'SELECT id FROM {table} INDEXED BY "{index}"'):
                found[session_id] = None
        except _errors(connection):
            continue
    return [each for each in found if isinstance(each, str)]


@contextmanager
def _any_text(connection: Any) -> Iterator[None]:
    """Let text that is no UTF-8 any more be read; its wrong bytes become surrogates, which no sound text has."""
    before = connection.text_factory
    connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
    try:
        yield
    finally:
        connection.text_factory = before


def _errors(connection: Any) -> tuple[type[Exception], ...]:
    """What reading a damaged file may raise; the second where a message of SQLite's own quotes wrong bytes."""
    return connection.DatabaseError, UnicodeDecodeError


def _names(columns: Sequence[str]) -> str:
    return ", ".join(f'"{each}"' for each in columns)
