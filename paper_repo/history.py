"""A session's stored history, read and written in constant memory, however long it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from paper_repo import compiled
from paper_repo.domain import EquityPoint, Fill
from paper_repo.errors import CorruptRecordError, InvalidSessionError
from paper_repo.schemas import Data
from paper_repo.storage import queries
from paper_repo.storage.database import Storage

T = TypeVar("T")

PAGE = 1000
"""How many rows are read at a time."""


def read_fills(storage: Storage, session_id: str, after: int = 0) -> Iterator[tuple[int, Fill]]:
    """The fills behind this place in the history, one by one, each with its own place."""
    statements = storage.statements
    fills = statements.tables.fills
    for row in _rows(storage, fills, fills.executed_at, session_id, statements.fill_columns[1:], after):
        yield row.pop("sequence"), load(Fill, row, session_id)


def read_points(storage: Storage, session_id: str) -> Iterator[EquityPoint]:
    """The equity points, one by one."""
    statements = storage.statements
    equity = statements.tables.equity
    for row in _rows(storage, equity, equity.at, session_id, statements.equity_columns[1:], 0):
        del row["sequence"]
        yield load(EquityPoint, row, session_id)


def write_fills(storage: Storage, session_id: str, fills: Iterable[tuple[int, Fill]]) -> None:
    """Store the whole history of a session that has none yet, in the transaction that is open.

    Raises:
        InvalidSessionError: two fills have the same id, or the places do not ascend from 1.
    """
    last = 0
    for sequence, fill in fills:
        row = {"session_id": session_id, "sequence": sequence, **compiled.dump(fill)}
        if sequence <= last:
            message = f"stands at place {sequence} of the history, behind place {last}."
            raise InvalidSessionError({f"fills.{fill.id}": [message]}, session_id)
        if not storage.change(storage.statements.insert_fill, row):
            message = "comes twice; ids must be unique in a session."
            raise InvalidSessionError({f"fills.{fill.id}": [message]}, session_id)
        last = sequence


def write_points(storage: Storage, session_id: str, points: Iterable[EquityPoint]) -> None:
    """Store equity points behind those that are there, in the transaction that is open."""
    for point in points:
        storage.change(storage.statements.insert_equity, {"session_id": session_id, **compiled.dump(point)})


def load(kind: type[T], data: Data, session_id: str) -> T:
    """The entity that a row of this session describes.

    Raises:
        CorruptRecordError: it does not describe one.
    """
    try:
        return compiled.load(kind, data)
    except InvalidSessionError as error:
        raise corrupt(session_id, str(error)) from error


def corrupt(session_id: str, problem: str) -> CorruptRecordError:
    """The error of a session that is stored and cannot be read."""
    return CorruptRecordError(f"session {session_id!r} is stored but cannot be read: {problem}", session_id)


def _rows(
    storage: Storage, table: Any, time: Any, session_id: str, columns: tuple[str, ...], after: int
) -> Iterator[dict[str, Any]]:
    while True:
        query = queries.select_history(table, time, session_id, columns, after=after, limit=PAGE)
        rows = storage.fetch_all(query)
        for row in rows:
            yield dict(zip(columns, row, strict=True))
        if len(rows) < PAGE:
            return
        after = rows[-1][0]
