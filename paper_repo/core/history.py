"""A session's stored history, read and written in constant memory, however long it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from paper_repo.domain import EquityPoint, Fill
from paper_repo.errors import CorruptRecordError, InvalidSessionError
from paper_repo.serialization import fast
from paper_repo.serialization.schemas import Data
from paper_repo.storage import queries
from paper_repo.storage.base import Storage
from paper_repo.storage.checksums import Checksum
from paper_repo.storage.tables import Row

T = TypeVar("T")

PAGE = 1000
"""How many rows are read at a time."""

ROWS = 2000
"""How many plain rows are read at a time; turning more of them into columns at once is slower, for want of cache."""


INCOMPLETE = "a part of its history is missing"


def read_fills(storage: Storage, session_id: str, after: int) -> Iterator[tuple[int, Fill]]:
    """The fills after this place in the history, one by one, each with its own place."""
    statements = storage.statements
    fills = statements.tables.fills
    first, last, before = 0, after, None
    while True:
        for row in _rows(storage, fills, session_id, statements.fill_columns, last):
            if first and row[1] != last + 1:
                raise corrupt(session_id, INCOMPLETE)
            first, last = first or row[1], row[1]
            yield last, fill(storage, row)
        stored = storage.fetch_one(statements.select_fill_count, {"id": session_id})
        if stored is None or are_all(storage, session_id, after, (first, last), stored[0]):
            return
        if stored == before:  # nobody has saved it between the two readings
            raise incomplete(session_id, (first, last), stored[0])
        before = stored


def read_points(storage: Storage, session_id: str) -> Iterator[EquityPoint]:
    """The equity points, one by one."""
    statements = storage.statements
    equity = statements.tables.equity
    for place, row in enumerate(_rows(storage, equity, session_id, statements.equity_columns, 0), 1):
        if row[1] != place:
            raise corrupt(session_id, f"{INCOMPLETE}: equity point {place} is not there")
        yield point(storage, row)


def read_rows(storage: Storage, table: Any, session_id: str, columns: Sequence[str]) -> Iterator[list[tuple[Any, ...]]]:
    """The plain rows of a history, whose first column is to be their place, many at a time; no checksum is compared.

    Raises:
        CorruptRecordError: a row is missing between two others.
    """
    storage.require_sound()
    statement, last = queries.history_page(table, columns, ROWS), 0
    while rows := storage.fetch_rows(statement, {"session_id": session_id, "after": last}):
        if rows[-1][0] - rows[0][0] != len(rows) - 1 or (last and rows[0][0] != last + 1):
            raise corrupt(session_id, INCOMPLETE)
        yield rows
        last = rows[-1][0]


def write_fills(storage: Storage, session_id: str, fills: Iterable[tuple[int, Fill]], count: int) -> None:
    """Store the whole history of a session whose `fill_count` is `count`, in the open transaction.

    Raises:
        InvalidSessionError: two fills of a symbol have the same id, or their places are not those that `in_order`
            wants.
    """
    for sequence, each in in_order(fills, session_id, count):
        row = fill_row(storage, session_id, sequence, fast.dump(each))
        if not storage.change(storage.statements.insert_fill, row):
            message = f"comes twice for {each.symbol}; ids must be unique in a session and symbol."
            raise InvalidSessionError({f"fills.{each.id}": [message]}, session_id)


def in_order(fills: Iterable[tuple[int, Fill]], session_id: str, count: int) -> Iterator[tuple[int, Fill]]:
    """The fills, each at the place after the one before, up to the last one, whose place is the session's `fill_count`.

    They may begin after 1: a session that was deleted and stored again continues to count.

    Raises:
        InvalidSessionError: there is a gap, or the last one is not at place `count`.
    """
    last = 0
    for sequence, each in fills:
        if sequence < 1 or (last and sequence != last + 1):
            message = f"stands at place {sequence} of the history, after place {last}; no place may be left out."
            raise InvalidSessionError({f"fills.{each.id}": [message]}, session_id)
        last = sequence
        yield sequence, each
    if last and last != count:
        message = f"counts {count} fills, but the last one of the history stands at place {last}."
        raise InvalidSessionError({"fill_count": [message]}, session_id)


def write_points(storage: Storage, session_id: str, points: Iterable[EquityPoint]) -> None:
    """Store equity points behind those that are there, in the transaction that is open."""
    for each in points:
        storage.change(storage.statements.insert_equity, point_row(storage, session_id, fast.dump(each)))


def fill_row(storage: Storage, session_id: str, sequence: int, data: Data) -> Row:
    """The row of a fill at this place in the history."""
    row = {"session_id": session_id, "sequence": sequence, **data}
    row["checksum"] = storage.statements.fill_checksum.of(row)
    return row


def point_row(storage: Storage, session_id: str, data: Data) -> Row:
    """The row of an equity point, whose place the database finds."""
    row = {"session_id": session_id, **data}
    row["checksum"] = storage.statements.equity_checksum.of(row)
    return row


def fill(storage: Storage, row: Sequence[Any], checked: bool = True) -> Fill:
    """The fill that a whole row describes; not `checked`: whatever its checksum is.

    Raises:
        CorruptRecordError: it does not describe one, or its checksum is wrong; so for `point`.
    """
    checksum = storage.statements.fill_checksum if checked else None
    return _entity(storage, Fill, storage.statements.fill_columns, row, checksum)


def point(storage: Storage, row: Sequence[Any], checked: bool = True) -> EquityPoint:
    """The equity point that a whole row describes."""
    checksum = storage.statements.equity_checksum if checked else None
    return _entity(storage, EquityPoint, storage.statements.equity_columns, row, checksum)


def require_unchanged(storage: Storage, row: Row, checksum: Checksum, expected: object, session_id: str) -> None:
    """Raise a `CorruptRecordError` where a row is not what was written; only where rows come back as they were."""
    if storage.keeps_text and checksum.of(row) != expected:
        raise corrupt(session_id, "its checksum is wrong: it is damaged, or was changed by another program")


def require_no_gap(rows: Sequence[Sequence[Any]], session_id: str, after: int | None = None) -> None:
    """Raise a `CorruptRecordError` where a place in the history is missing, at the beginning too if that is known."""
    if not rows:
        return
    first = rows[0][1] if after is None else after + 1
    if [row[1] for row in rows] != list(range(first, first + len(rows))):
        raise corrupt(session_id, INCOMPLETE)


def are_all(storage: Storage, session_id: str, after: int, places: tuple[int, int], count: int) -> bool:
    """Whether the fills at these places, the first and the last, are all behind `after` of a session that has `count`.

    Args:
        places: the first is 0 where there are none.
    """
    first, last = places
    if first and last != count:
        return False
    if first == after + 1 or count <= after:
        return True
    # A session that was deleted and is stored again counts on, and has no fills from before.
    return storage.fills_by_id(session_id) in (None, count - (first or count + 1) + 1)


def incomplete(session_id: str, places: tuple[int, int], count: int) -> CorruptRecordError:
    """The error of a session whose fills at other places than these cannot be found."""
    found = f"numbers {places[0]} to {places[1]} are there" if places[0] else "none is there"
    return corrupt(session_id, f"{INCOMPLETE}: it counts {count} fills, and {found}")


def load(kind: type[T], data: Data, session_id: str) -> T:
    """The entity that a row of this session describes.

    Raises:
        CorruptRecordError: it does not describe one.
    """
    try:
        return fast.load(kind, data)
    except InvalidSessionError as error:
        raise corrupt(session_id, str(error)) from error


def corrupt(session_id: str, problem: str) -> CorruptRecordError:
    """The error of a session that is stored and cannot be read."""
    return CorruptRecordError(f"session {session_id!r} is stored but cannot be read: {problem}", session_id)


def _rows(
    storage: Storage, table: Any, session_id: str, columns: tuple[str, ...], after: int
) -> Iterator[tuple[Any, ...]]:
    while True:
        query = queries.select_history(table, session_id, columns, after=after, limit=PAGE)
        rows = storage.fetch_all(query)
        yield from rows
        if len(rows) < PAGE:
            return
        after = rows[-1][1]


def _entity(
    storage: Storage, kind: type[T], columns: Sequence[str], row: Sequence[Any], checksum: Checksum | None
) -> T:
    stored = dict(zip(columns, row, strict=True))
    entity = load(kind, {name: stored[name] for name in columns[2:-1]}, row[0])
    if checksum is not None:
        require_unchanged(storage, stored, checksum, stored["checksum"], row[0])
    return entity
