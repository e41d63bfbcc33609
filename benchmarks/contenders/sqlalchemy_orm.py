"""SQLAlchemy 2 ORM: mapped classes with JSON columns, a unit of work for each save."""

from __future__ import annotations

import os
from typing import Any

import sqlalchemy
from sqlalchemy import JSON, Engine, ForeignKey, event, func, select
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column, sessionmaker

from benchmarks.contenders import plain
from benchmarks.contenders.interface import PLAIN_TABLES, Contender, Durability


class Base(DeclarativeBase):
    """The tables of `plain`."""


def _texts(columns: tuple[str, ...]) -> dict[str, Any]:
    return {name: mapped_column(sqlalchemy.Text) for name in columns}


def _attribute(column: str) -> str:
    """SQLAlchemy keeps the name `metadata` for itself."""
    return "metadata_" if column == "metadata" else column


def _part(name: str, columns: tuple[str, ...]) -> Any:
    owner = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True)
    seq = mapped_column(sqlalchemy.Integer, primary_key=True)
    attributes = {"__tablename__": name, "session_id": owner, "seq": seq, **_texts(columns[2:])}
    return type(name.title(), (Base,), attributes)


Row: Any = type(
    "Row",
    (Base,),
    {
        "__tablename__": "sessions",
        "id": mapped_column(sqlalchemy.Text, primary_key=True),
        **_texts(plain.TEXT_COLUMNS),
        **{_attribute(name): mapped_column(name, JSON) for name in plain.JSON_COLUMNS},
        **{name: mapped_column(sqlalchemy.Integer) for name in plain.COUNT_COLUMNS},
    },
)
FillRow = _part("fills", plain.FILL_COLUMNS)
EquityRow = _part("equity", plain.EQUITY_COLUMNS)


def configure(engine: Engine, durability: Durability) -> None:
    """Pragmas on every connection, and BEGIN IMMEDIATE for units of work that write (SQLAlchemy's own recipe)."""

    @event.listens_for(engine, "connect")
    def connect(connection: Any, record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("journal_mode = WAL", "foreign_keys = ON", f"synchronous = {durability}"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def save(unit: Session, session: plain.PaperTradingSession) -> None:
    """What a unit of work does to save: fetch the row, set its attributes, add what history is new."""
    columns = plain.to_columns(session)
    if session.version:
        row = unit.get(Row, session.id)
        if row is None or row.version != session.version:
            raise RuntimeError(f"{session.id} was changed by someone else")
        for name, value in columns.items():
            setattr(row, _attribute(name), value)
    else:
        unit.add(Row(**{_attribute(name): value for name, value in columns.items()}))
        unit.flush()
    unit.add_all(FillRow(**dict(zip(plain.FILL_COLUMNS, each, strict=True))) for each in plain.new_fills(session))
    if session.new_equity_points:
        last = unit.scalar(select(func.max(EquityRow.seq)).where(EquityRow.session_id == session.id)) or 0
        points = plain.new_equity(session, last)
        unit.add_all(EquityRow(**dict(zip(plain.EQUITY_COLUMNS, each, strict=True))) for each in points)


def load(unit: Session, session_id: str) -> plain.PaperTradingSession:
    """The session with this id."""
    row = vars(unit.get_one(Row, session_id))
    return plain.from_columns({name: row[_attribute(name)] for name in plain.COLUMNS})


class Store:
    """An engine, and a session for each unit of work."""

    def __init__(self, path: str, durability: Durability) -> None:
        new = not os.path.exists(path)
        self._engine = sqlalchemy.create_engine(f"sqlite:///{path}")
        configure(self._engine, durability)
        if new:
            Base.metadata.create_all(self._engine)
        self._reading = sessionmaker(self._engine)
        self._writing = sessionmaker(self._engine.execution_options(writes=True))

    def save(self, session: plain.PaperTradingSession) -> None:
        with self._writing.begin() as unit:
            save(unit, session)
        plain.saved(session)

    def load(self, session_id: str) -> plain.PaperTradingSession:
        with self._reading() as unit:
            return load(unit, session_id)

    def close(self) -> None:
        self._engine.dispose()


CONTENDERS = [Contender("SQLAlchemy 2 ORM", Store, plain, ("sqlalchemy",), PLAIN_TABLES)]
