"""What those by hand share: tables whose columns have PostgreSQL's own types, and the values for them."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.contenders import plain

_TYPES = (
    dict.fromkeys(plain.AMOUNT_COLUMNS, "numeric")
    | dict.fromkeys(plain.TIME_COLUMNS, "timestamptz")
    | dict.fromkeys(plain.JSON_COLUMNS, "jsonb")
    | dict.fromkeys(plain.COUNT_COLUMNS, "int")
)
_PART = "session_id text REFERENCES sessions (id) ON DELETE CASCADE, seq int, {}, PRIMARY KEY (session_id, seq)"
_FILLS = (
    "id text, symbol text, side text, quantity numeric, price numeric, fee numeric, executed_at timestamptz, "
    "order_id text"
)
_SESSION = ", ".join([f"{name} {_TYPES.get(name, 'text')}" for name in plain.COLUMNS[1:]])
_EQUITY = "at timestamptz, cash numeric, equity numeric"
CREATE = (
    f"CREATE TABLE sessions (id text PRIMARY KEY, {_SESSION})",
    f"CREATE TABLE fills ({_PART.format(_FILLS)})",
    f"CREATE TABLE equity ({_PART.format(_EQUITY)})",
)
SELECT = f"SELECT {', '.join(plain.COLUMNS)} FROM sessions WHERE id = "
LAST_POINT = "SELECT coalesce(max(seq), 0) FROM equity WHERE session_id = "


def insert(table: str, columns: tuple[str, ...], places: list[str]) -> str:
    """The statement that inserts a row."""
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(places)})"


def update(places: list[str], expected: str) -> str:
    """The statement that updates a session whose version is the expected one; its id comes first."""
    sets = ", ".join(f"{name} = {place}" for name, place in zip(plain.COLUMNS[1:], places, strict=True))
    return f"UPDATE sessions SET {sets} WHERE id = {expected}"


def values(session: plain.PaperTradingSession) -> list[Any]:
    """The row that the next save leaves behind, in the order of `plain.COLUMNS`."""
    columns = plain.to_columns(session)
    for name in (*plain.AMOUNT_COLUMNS, *plain.TIME_COLUMNS):
        columns[name] = getattr(session, name)
    for name in plain.JSON_COLUMNS:
        columns[name] = json.dumps(columns[name])
    return [columns[name] for name in plain.COLUMNS]


def loaded(row: Any) -> plain.PaperTradingSession:
    """The session of a row in this order, its JSON columns as text."""
    columns = dict(zip(plain.COLUMNS, row, strict=True))
    times = {name: columns.pop(name) for name in plain.TIME_COLUMNS}
    for name in plain.JSON_COLUMNS:
        columns[name] = json.loads(columns[name])
    session = plain.from_columns(columns | {"created_at": _ANY_TIME} | dict.fromkeys(plain.TIME_COLUMNS[1:]))
    for name, moment in times.items():
        setattr(session, name, moment)
    return session


_ANY_TIME = "2000-01-01T00:00:00+00:00"


def fills(session: plain.PaperTradingSession) -> list[tuple[Any, ...]]:
    """Rows for the fills that wait."""
    first = session.fill_count - len(session.new_fills) + 1
    return [
        (
            session.id,
            seq,
            fill.id,
            fill.symbol,
            fill.side,
            fill.quantity,
            fill.price,
            fill.fee,
            fill.executed_at,
            fill.order_id,
        )
        for seq, fill in enumerate(session.new_fills, first)
    ]


def points(session: plain.PaperTradingSession, stored: int) -> list[tuple[Any, ...]]:
    """Rows for the points that wait; `stored`: the last number given so far."""
    return [
        (session.id, seq, each.at, each.cash, each.equity)
        for seq, each in enumerate(session.new_equity_points, stored + 1)
    ]
