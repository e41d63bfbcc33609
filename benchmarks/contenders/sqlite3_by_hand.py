"""The standard library alone: sqlite3, json and dataclasses. Everything is measured in multiples of this."""

from __future__ import annotations

import os
import sqlite3

from benchmarks.contenders import plain
from benchmarks.contenders.interface import PLAIN_TABLES, Contender, Durability

_LIST = ", ".join
INSERT = f"INSERT INTO sessions ({_LIST(plain.COLUMNS)}) VALUES ({_LIST(':' + name for name in plain.COLUMNS)})"
UPDATE = (
    f"UPDATE sessions SET {_LIST(f'{name} = :{name}' for name in plain.COLUMNS[1:])}"
    " WHERE id = :id AND version = :version - 1"
)
SELECT = f"SELECT {_LIST(plain.COLUMNS)} FROM sessions WHERE id = ?"
ADD_FILL = f"INSERT INTO fills ({_LIST(plain.FILL_COLUMNS)}) VALUES ({_LIST('?' for _ in plain.FILL_COLUMNS)})"
LAST_POINT = "SELECT coalesce(max(seq), 0) FROM equity WHERE session_id = ?"
ADD_POINT = f"INSERT INTO equity ({_LIST(plain.EQUITY_COLUMNS)}) VALUES ({_LIST('?' for _ in plain.EQUITY_COLUMNS)})"
CREATE = f"""
CREATE TABLE sessions (
    id TEXT PRIMARY KEY, {_LIST(f"{name} TEXT" for name in (*plain.TEXT_COLUMNS, *plain.JSON_COLUMNS))},
    {_LIST(f"{name} INTEGER NOT NULL" for name in plain.COUNT_COLUMNS)}
);
CREATE TABLE fills (
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE, seq INTEGER NOT NULL,
    {_LIST(f"{name} TEXT" for name in plain.FILL_COLUMNS[2:])}, PRIMARY KEY (session_id, seq)
);
CREATE TABLE equity (
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE, seq INTEGER NOT NULL,
    {_LIST(f"{name} TEXT" for name in plain.EQUITY_COLUMNS[2:])}, PRIMARY KEY (session_id, seq)
);
"""


class Store:
    """One connection; a save is BEGIN IMMEDIATE, one UPDATE, what history is new, COMMIT."""

    def __init__(self, path: str, durability: Durability) -> None:
        new = not os.path.exists(path)
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.execute(f"PRAGMA synchronous = {durability}")
        if new:
            self._db.executescript(CREATE)

    def save(self, session: plain.PaperTradingSession) -> None:
        values = plain.to_values(session)
        self._db.execute("BEGIN IMMEDIATE")
        try:
            if not self._db.execute(UPDATE if session.version else INSERT, values).rowcount:
                raise RuntimeError(f"{session.id} was changed by someone else")
            if session.new_fills:
                self._db.executemany(ADD_FILL, plain.new_fills(session))
            if session.new_equity_points:
                (last,) = self._db.execute(LAST_POINT, (session.id,)).fetchone()
                self._db.executemany(ADD_POINT, plain.new_equity(session, last))
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        plain.saved(session)

    def load(self, session_id: str) -> plain.PaperTradingSession:
        return plain.from_values(self._db.execute(SELECT, (session_id,)).fetchone())

    def close(self) -> None:
        self._db.close()


CONTENDERS = [Contender("sqlite3 by hand", Store, plain, packages=(), tables=PLAIN_TABLES)]
