"""psycopg 3 with SQL by hand: one connection, plain calls."""

from __future__ import annotations

import psycopg
from psycopg.types.string import TextLoader

from benchmarks.contenders import plain
from benchmarks.contenders.interface import PLAIN_TABLES, Contender, Durability
from benchmarks.contenders.server import typed

_PLACES = ["%s"] * len(plain.COLUMNS)
_INSERT = typed.insert("sessions", plain.COLUMNS, _PLACES)
_UPDATE = typed.update(_PLACES[1:], "%s AND version = %s - 1")
_ADD_FILL = typed.insert("fills", plain.FILL_COLUMNS, _PLACES[: len(plain.FILL_COLUMNS)])
_ADD_POINT = typed.insert("equity", plain.EQUITY_COLUMNS, _PLACES[: len(plain.EQUITY_COLUMNS)])
_VERSION = plain.COLUMNS.index("version")


class Store:
    """A connection; a save without history is one statement, one with history a transaction."""

    def __init__(self, path: str, durability: Durability) -> None:
        self._connection = psycopg.connect(path, autocommit=True)
        self._connection.adapters.register_loader("jsonb", TextLoader)
        for statement in typed.CREATE:
            self._connection.execute(statement)  # type: ignore[arg-type]

    def save(self, session: plain.PaperTradingSession) -> None:
        if session.new_fills or session.new_equity_points:
            with self._connection.transaction():
                self._write(session)
                with self._connection.cursor() as cursor:
                    cursor.executemany(_ADD_FILL, typed.fills(session))  # type: ignore[arg-type]
                    ((last,),) = cursor.execute(typed.LAST_POINT + "%s", [session.id])  # type: ignore[arg-type]
                    cursor.executemany(_ADD_POINT, typed.points(session, last))  # type: ignore[arg-type]
        else:
            self._write(session)
        plain.saved(session)

    def _write(self, session: plain.PaperTradingSession) -> None:
        values = typed.values(session)
        values, statement = (
            ([*values[1:], values[0], values[_VERSION]], _UPDATE) if session.version else (values, _INSERT)
        )
        if not self._connection.execute(statement, values).rowcount:  # type: ignore[arg-type]
            raise RuntimeError(f"{session.id} was changed by someone else")

    def load(self, session_id: str) -> plain.PaperTradingSession:
        (row,) = self._connection.execute(typed.SELECT + "%s", [session_id])  # type: ignore[arg-type]
        return typed.loaded(row)

    def close(self) -> None:
        self._connection.close()


CONTENDERS = [Contender("psycopg by hand", Store, plain, ("psycopg",), PLAIN_TABLES)]
