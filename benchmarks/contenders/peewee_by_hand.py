"""Peewee as its manual shows it: models with JSONField, queries built at every call."""

from __future__ import annotations

import os
from typing import Any

import peewee

from benchmarks.contenders import plain
from benchmarks.contenders.interface import PLAIN_TABLES, Contender, Durability


class Base(peewee.Model):
    """The tables of `plain`; every query names the database it runs on, since several files are open at once."""

    class Meta:
        database = peewee.SqliteDatabase(None)


def _texts(columns: tuple[str, ...]) -> dict[str, Any]:
    return {name: peewee.TextField(null=True) for name in columns}


def _part(name: str, columns: tuple[str, ...]) -> Any:
    session = peewee.ForeignKeyField(Row, on_delete="CASCADE", index=False)
    meta = type("Meta", (), {"table_name": name, "primary_key": peewee.CompositeKey("session", "seq")})
    fields = {"session": session, "seq": peewee.IntegerField(), **_texts(columns[2:])}
    return type(name.title(), (Base,), {"Meta": meta, **fields})


Row: Any = type(
    "Row",
    (Base,),
    {
        "Meta": type("Meta", (), {"table_name": "sessions"}),
        "id": peewee.TextField(primary_key=True),
        **_texts(plain.TEXT_COLUMNS),
        **{name: peewee.JSONField() for name in plain.JSON_COLUMNS},
        **{name: peewee.IntegerField() for name in plain.COUNT_COLUMNS},
    },
)
FillRow = _part("fills", plain.FILL_COLUMNS)
EquityRow = _part("equity", plain.EQUITY_COLUMNS)
MODELS = [Row, FillRow, EquityRow]


def pragmas(durability: Durability) -> dict[str, Any]:
    """What each connection is set to."""
    return {"journal_mode": "wal", "foreign_keys": 1, "synchronous": durability}


def save(db: Any, session: plain.PaperTradingSession) -> None:
    """One transaction: the row, and what history is new."""
    columns = plain.to_columns(session)
    changes = {
        name: value for name, value in columns.items() if name != "id"
    }  # SQLite visits all children of a set key
    with db.atomic("IMMEDIATE"):
        if not session.version:
            Row.insert(columns).execute(db)
        elif not Row.update(changes).where((Row.id == session.id) & (Row.version == session.version)).execute(db):
            raise RuntimeError(f"{session.id} was changed by someone else")
        if session.new_fills:
            FillRow.insert_many(plain.new_fills(session), fields=FillRow._meta.sorted_fields).execute(db)
        if session.new_equity_points:
            last = EquityRow.select(peewee.fn.MAX(EquityRow.seq)).where(EquityRow.session == session.id).scalar(db) or 0
            points = plain.new_equity(session, last)
            EquityRow.insert_many(points, fields=EquityRow._meta.sorted_fields).execute(db)
    plain.saved(session)


def load(db: Any, session_id: str) -> plain.PaperTradingSession:
    """The session with this id."""
    return plain.from_columns(Row.select().where(Row.id == session_id).get(db).__data__)


class Store:
    """One connection."""

    def __init__(self, path: str, durability: Durability) -> None:
        new = not os.path.exists(path)
        self._db = peewee.SqliteDatabase(path, pragmas=pragmas(durability))
        if new:
            with self._db.bind_ctx(MODELS):
                self._db.create_tables(MODELS)

    def save(self, session: plain.PaperTradingSession) -> None:
        save(self._db, session)

    def load(self, session_id: str) -> plain.PaperTradingSession:
        return load(self._db, session_id)

    def close(self) -> None:
        self._db.close()


CONTENDERS = [Contender("Peewee by hand", Store, plain, ("peewee",), PLAIN_TABLES)]
