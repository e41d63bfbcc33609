"""Reading a session's stored history in constant memory, however long it is, and finding what is missing from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any, TypeVar

from paper_repo.core.history_rows import (
    FILL_CHECKSUM,
    POINT_CHECKSUM,
    changed,
    corrupt,
    entry,
    fill,
    order,
    plain_point,
    point,
)
from paper_repo.domain import EquityPoint, Fill, LedgerEntry, Order
from paper_repo.errors import CorruptRecordError, SessionNotFoundError
from paper_repo.storage import queries
from paper_repo.storage.base import Storage
from paper_repo.storage.statements import Statement

T = TypeVar("T")
PAGE = 1000
"""How many rows are read at a time."""
ROWS = 2000
"""How many plain rows are read at a time; turning more of them into columns at once is slower, for want of cache."""
LINES = 5000
"""How many lines of text are read at a time."""
INCOMPLETE = "a part of its history is missing"


def is_stored(storage: Storage, session_id: str) -> bool:
    """Whether there is a session of this id."""
    return storage.fetch_one(storage.statements.select_version, {"id": session_id}) is not None


def require_session(storage: Storage, session_id: str) -> None:
    """Raise a `SessionNotFoundError` where there is no session of this id."""
    if not is_stored(storage, session_id):
        storage.require_sound()
        raise SessionNotFoundError(session_id)


def found(storage: Storage, session_id: str, rows: list[T]) -> list[T]:
    """What was found of a session, which may be nothing, but not of a session that is not there.

    Raises:
        SessionNotFoundError: there is no such session.
    """
    if not rows:
        require_session(storage, session_id)
    return rows


def of_known(storage: Storage, session_id: str, read: Callable[[Storage, str], Iterator[T]]) -> Iterator[T]:
    """What `read` gives, one by one, of a session that is to be there; the error is raised at the first step."""
    is_empty = True
    for each in read(storage, session_id):
        is_empty = False
        yield each
    if is_empty:
        require_session(storage, session_id)


def read_fills(storage: Storage, session_id: str, after: int = 0) -> Iterator[tuple[int, Fill]]:
    """The fills after this place in the history, one by one, each with its own place."""
    for row in fill_rows(storage, session_id, after):
        yield row[1], fill(storage, row)


def fill_rows(storage: Storage, session_id: str, after: int) -> Iterator[tuple[Any, ...]]:
    """The rows of these fills, without a gap; their checksums are not compared here."""
    statements = storage.statements
    fills = statements.tables.fills
    first, last, before = 0, after, None
    while True:
        for row in _rows(storage, fills, session_id, statements.fill_columns, last):
            if first and row[1] != last + 1:
                raise corrupt(session_id, INCOMPLETE)
            first, last = first or row[1], row[1]
            yield row
        stored = storage.fetch_one(statements.select_fill_count, {"id": session_id})
        if stored is None or are_all(storage, session_id, after, (first, last), stored[0]):
            return
        if stored == before:  # nobody has saved it between the two readings
            raise incomplete(session_id, (first, last), stored[0])
        before = stored


def read_points(storage: Storage, session_id: str) -> Iterator[EquityPoint]:
    """The equity points, one by one."""
    for row in point_rows(storage, session_id):
        yield point(storage, row)


def checked_points(storage: Storage, session_id: str) -> Iterator[None]:
    """Read the equity points only to find errors: a point whose checksum is right needs no entity to check it."""
    for row in point_rows(storage, session_id):
        if plain_point(storage, row) is None:
            point(storage, row)
        yield


def point_rows(storage: Storage, session_id: str) -> Iterator[tuple[Any, ...]]:
    """The rows of the equity points, without a gap; their checksums are not compared here."""
    for rows in _point_pages(storage, session_id):
        yield from rows


def _point_pages(storage: Storage, session_id: str) -> Iterator[list[tuple[Any, ...]]]:
    statements, before = storage.statements, 0
    for rows in _pages(storage, statements.tables.equity, session_id, statements.equity_columns, 0):
        for place, row in enumerate(rows, before + 1):
            if row[1] != place:
                raise corrupt(session_id, f"{INCOMPLETE}: equity point {place} is not there")
        before += len(rows)
        yield rows


def unchanged_fills(storage: Storage, session_id: str) -> Iterator[tuple[Any, ...]]:
    """The rows of all fills, each compared with its checksum."""
    checksum, keeps_text = storage.statements.checksum_of_fill, storage.keeps_text
    for row in fill_rows(storage, session_id, 0):
        if keeps_text and checksum(row) != row[FILL_CHECKSUM]:
            raise changed(row[0])
        yield row


def unchanged_points(storage: Storage, session_id: str) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of all equity points, many at a time, each compared with its checksum."""
    checksum = storage.statements.checksum_of_point
    for rows in _point_pages(storage, session_id):
        if storage.keeps_text:
            for row in rows:
                if checksum(row) != row[POINT_CHECKSUM]:
                    raise changed(row[0])
        yield rows


def read_entries(storage: Storage, session_id: str) -> Iterator[tuple[int, LedgerEntry]]:
    """The ledger entries, one by one, each with the number of fills that were booked before it."""
    statements = storage.statements
    rows = _rows(storage, statements.tables.ledger, session_id, statements.ledger_columns, 0)
    for row in _all_of(storage, session_id, rows, 0, "ledger entries"):
        yield entry(storage, row)


def read_orders(storage: Storage, session_id: str, after: int = 0) -> Iterator[Order]:
    """The closed orders after this place, one by one."""
    statements = storage.statements
    rows = _rows(storage, statements.tables.orders, session_id, statements.order_columns, after)
    for row in _all_of(storage, session_id, rows, 1, "closed orders", after):
        yield order(storage, row)


def _all_of(
    storage: Storage, session_id: str, rows: Iterable[tuple[Any, ...]], counted: int, name: str, after: int = 0
) -> Iterator[tuple[Any, ...]]:
    """The rows, if none of them is missing; the session counts them in this column of `select_counts`."""
    last = after
    for last, row in enumerate(rows, after + 1):
        if row[1] != last:
            raise corrupt(session_id, f"{INCOMPLETE}: number {last} of its {name} is not there")
        yield row
    require_count(storage, session_id, last, counted, name)


def require_count(storage: Storage, session_id: str, found: int, counted: int, name: str) -> None:
    """Raise a `CorruptRecordError` where a session counts more of a kind of history than was found."""
    stored = storage.fetch_one(storage.statements.select_counts, {"id": session_id})
    if stored is not None and (stored[counted] or 0) > found:
        raise corrupt(session_id, f"{INCOMPLETE}: it counts {stored[counted]} {name}, and {found} are there")


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


def read_lines(storage: Storage, table: Any, session_id: str, columns: Sequence[str]) -> Iterator[str]:
    """The same rows as texts with many lines, which take half the time; only where rows are kept as text.

    Raises:
        CorruptRecordError: a row is missing between two others.
    """
    storage.require_sound()
    statement, last = queries.joined_page(table, columns, LINES), 0
    while True:
        first, end, count, lines = storage.fetch_rows(statement, {"session_id": session_id, "after": last})[0]
        if not count:
            return
        if end - first != count - 1 or first != last + 1:
            raise corrupt(session_id, INCOMPLETE)
        yield lines
        last = end


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


def _rows(
    storage: Storage, table: Any, session_id: str, columns: tuple[str, ...], after: int
) -> Iterator[tuple[Any, ...]]:
    for rows in _pages(storage, table, session_id, columns, after):
        yield from rows


def _pages(
    storage: Storage, table: Any, session_id: str, columns: tuple[str, ...], after: int
) -> Iterator[list[tuple[Any, ...]]]:
    page = _page(table, columns)
    while True:
        storage.require_sound()
        rows = storage.fetch_rows(page, {"session_id": session_id, "after": after})
        yield rows
        if len(rows) < PAGE:
            return
        after = rows[-1][1]


@cache
def _page(table: Any, columns: tuple[str, ...]) -> Statement:
    """The statement that reads a page of a history: to build it takes longer than to read a short history."""
    return queries.history_page(table, columns, PAGE)
