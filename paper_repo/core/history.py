"""A session's stored history, read and written in constant memory, however long it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import islice
from operator import itemgetter
from typing import Any, TypeVar

from paper_repo.core.saves import dump_placed
from paper_repo.domain import CashFlow, EquityPoint, Fill, LedgerEntry, Order, PaperTradingSession, Split, SymbolChange
from paper_repo.errors import CorruptRecordError, InvalidSessionError
from paper_repo.serialization import fast, schemas
from paper_repo.serialization.schemas import Data
from paper_repo.storage import queries
from paper_repo.storage.base import Storage
from paper_repo.storage.checksums import Checksum
from paper_repo.storage.statements import Statement, Statements
from paper_repo.storage.tables import LATER_FILL_COLUMNS, Row

T = TypeVar("T")

PAGE = 1000
"""How many rows are read at a time."""

ROWS = 2000
"""How many plain rows are read at a time; turning more of them into columns at once is slower, for want of cache."""

LINES = 5000
"""How many lines of text are read at a time."""

INCOMPLETE = "a part of its history is missing"


def read_fills(storage: Storage, session_id: str, after: int) -> Iterator[tuple[int, Fill]]:
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
    statements = storage.statements
    equity = statements.tables.equity
    for place, row in enumerate(_rows(storage, equity, session_id, statements.equity_columns, 0), 1):
        if row[1] != place:
            raise corrupt(session_id, f"{INCOMPLETE}: equity point {place} is not there")
        yield row


def unchanged_fills(storage: Storage, session_id: str) -> Iterator[tuple[Any, ...]]:
    """The rows of all fills, each compared with its checksum."""
    return _unchanged(storage, fill_rows(storage, session_id, 0), storage.statements.checksum_of_fill, _FILL_CHECKSUM)


def unchanged_points(storage: Storage, session_id: str) -> Iterator[tuple[Any, ...]]:
    """The rows of all equity points, each compared with its checksum."""
    return _unchanged(storage, point_rows(storage, session_id), storage.statements.checksum_of_point, _POINT_CHECKSUM)


def _unchanged(
    storage: Storage, rows: Iterator[tuple[Any, ...]], checksum: Callable[[Sequence[Any]], int], place: int
) -> Iterator[tuple[Any, ...]]:
    if not storage.keeps_text:
        yield from rows
    for row in rows:
        if checksum(row) != row[place]:
            raise changed(row[0])
        yield row


def read_entries(storage: Storage, session_id: str) -> Iterator[tuple[int, LedgerEntry]]:
    """The ledger entries, one by one, each with the number of fills that were booked before it."""
    statements = storage.statements
    rows = _rows(storage, statements.tables.ledger, session_id, statements.ledger_columns, 0)
    for row in _all_of(storage, session_id, rows, 0, "ledger entries"):
        yield entry(storage, row)


def read_orders(storage: Storage, session_id: str) -> Iterator[Order]:
    """The closed orders, one by one."""
    statements = storage.statements
    rows = _rows(storage, statements.tables.orders, session_id, statements.order_columns, 0)
    for row in _all_of(storage, session_id, rows, 1, "closed orders"):
        yield order(storage, row)


def _all_of(
    storage: Storage, session_id: str, rows: Iterable[tuple[Any, ...]], counted: int, name: str
) -> Iterator[tuple[Any, ...]]:
    """The rows, if none of them is missing; the session counts them in this column of `select_counts`."""
    last = 0
    for last, row in enumerate(rows, 1):
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


def write_fills(storage: Storage, session_id: str, fills: Iterable[tuple[int, Fill]], count: int) -> None:
    """Store the whole history of a session whose `fill_count` is `count`, in the open transaction.

    Raises:
        InvalidSessionError: two fills of a symbol have the same id, or their places are not those that `in_order`
            wants.
    """
    insert, columns = storage.statements.insert_fill, storage.statements.fill_columns
    seal = _sealing(storage.statements.checksum_of_fill, _FILL_CHECKSUM)
    for page in _pages(in_order(fills, session_id, count)):
        rows = [seal(_fill_values(session_id, sequence, fast.dump(each))) for sequence, each in page]
        if storage.change_rows(insert, columns, rows) != len(rows):
            raise _twice(storage, session_id, page)


def _twice(storage: Storage, session_id: str, page: list[tuple[int, Fill]]) -> FillTwiceError:
    """The error of a page with a fill whose id and symbol another one has."""
    left = iter(page)
    for sequence, each in left:
        row = {"session_id": session_id, "id": each.id, "symbol": each.symbol}
        stored = storage.fetch_one(storage.statements.select_fill, row)
        if stored is None or stored[1] != sequence:
            break
    return FillTwiceError(session_id, each, len(list(left)))


class FillTwiceError(InvalidSessionError):
    """A history has two fills of the same id and symbol; `read_since` is how many were read after the second one."""

    def __init__(self, session_id: str, fill: Fill, read_since: int) -> None:
        message = f"comes twice for {fill.symbol}; ids must be unique in a session and symbol."
        super().__init__({f"fills.{fill.id}": [message]}, session_id)
        self.read_since = read_since


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
    """Store all equity points of a session that has none, in the transaction that is open."""
    columns = storage.statements.equity_columns
    insert = insert_row(storage.statements.tables.equity)
    seal = _sealing(storage.statements.checksum_of_point, _POINT_CHECKSUM)
    for page in _pages(enumerate(points, 1)):
        rows = [seal([session_id, place, *fast.dump(each).values(), None]) for place, each in page]
        storage.change_rows(insert, columns, rows)


def write_entries(storage: Storage, session_id: str, entries: Iterable[tuple[int, LedgerEntry]]) -> int:
    """Store ledger entries as `read_entries` gives them, in the transaction that is open, and say how many."""
    count = 0
    for each in entries:
        row = entry_row(storage, session_id, dump_placed(each))
        _append(storage, storage.statements.insert_ledger_entry, row, "ledger_entries")
        count += 1
    return count


def write_orders(storage: Storage, session_id: str, orders: Iterable[Order]) -> int:
    """Store closed orders, in the transaction that is open, and say how many."""
    count = 0
    for each in orders:
        _append(storage, storage.statements.insert_order, order_row(storage, session_id, fast.dump(each)), "orders")
        count += 1
    return count


def require_all(session: PaperTradingSession, counted: str, stored: int) -> None:
    """Raise an `InvalidSessionError` where a session counts another number than was stored of a kind of history."""
    if getattr(session, counted) != stored:
        message = f"counts {getattr(session, counted)}, but its history has {stored}."
        raise InvalidSessionError({counted: [message]}, session.id)


def _append(storage: Storage, statement: Any, row: Row, name: str) -> None:
    if not storage.change(statement, row):
        raise InvalidSessionError({f"{name}.{row['id']}": ["comes twice; ids must be unique."]}, row["session_id"])


def _pages(items: Iterable[T]) -> Iterator[list[T]]:
    """The items, `PAGE` at a time."""
    iterator = iter(items)
    while page := list(islice(iterator, PAGE)):
        yield page


def _sealing(checksum: Callable[[Sequence[Any]], int], place: int) -> Callable[[list[Any]], list[Any]]:
    """A function that puts the checksum of a row at its place in it."""

    def seal(row: list[Any]) -> list[Any]:
        row[place] = checksum(row)
        return row

    return seal


def _fill_values(session_id: str, sequence: int, data: Data) -> list[Any]:
    """The row of a fill without its checksum, in the order of the columns of its table."""
    if len(data) == len(_FILL_NAMES):
        return [session_id, sequence, *data.values(), None, *_NOTHING_LATER]
    row = {"session_id": session_id, "sequence": sequence, "checksum": None, **_NO_MORE, **data}
    if row["metadata"] is not None:
        row["metadata"] = fast.to_json(row["metadata"])
    return [session_id, sequence, *_fill_values_of(row), None, *_fill_later(row)]


@cache
def insert_row(table: Any) -> Statement:
    """The statement that inserts a whole row of this table."""
    return queries.insert_row(table)


def fill_row(storage: Storage, session_id: str, sequence: int, data: Data) -> Row:
    """The row of a fill at this place in the history."""
    row = {"session_id": session_id, "sequence": sequence, **data}
    if len(data) == len(_FILL_NAMES):
        row["checksum"] = storage.statements.fill_checksum.of_plain(row)
        return row
    row = {**_NO_MORE, **row}
    return _sealed(row, storage.statements.fill_checksum)


def insert_fill(statements: Statements, row: Row) -> Statement:
    """The statement that inserts this row of a fill."""
    return statements.insert_fill if "metadata" in row else statements.insert_plain_fill


def point_row(storage: Storage, session_id: str, data: Data) -> Row:
    """The row of an equity point, whose place the database finds."""
    row = {"session_id": session_id, **data}
    row["checksum"] = storage.statements.equity_checksum.of(row)
    return row


def entry_row(storage: Storage, session_id: str, data: Data) -> Row:
    """The row of a ledger entry, whose place the database finds."""
    row = {"session_id": session_id, **_NO_ENTRY, **data}
    if row["kind"] is None:
        row["kind"] = "SPLIT" if row["ratio"] is not None else "SYMBOL_CHANGE"
    return _sealed(row, storage.statements.ledger_checksum)


def order_row(storage: Storage, session_id: str, data: Data) -> Row:
    """The row of a closed order, whose place the database finds."""
    row = {"session_id": session_id, **_NO_ORDER, **data}
    for flag in ("reduce_only", "post_only"):
        row[flag] = row[flag] and int(row[flag])
    return _sealed(row, storage.statements.order_checksum)


def _sealed(row: Row, checksum: Checksum) -> Row:
    if row["metadata"] is not None:
        row["metadata"] = fast.to_json(row["metadata"])
    row["checksum"] = checksum.of(row)
    return row


_NO_MORE: Row = dict.fromkeys(LATER_FILL_COLUMNS)
_NO_ENTRY: Row = dict.fromkeys(
    ("kind", "amount", "currency", "symbol", "rate", "ratio", "per", "new_symbol", "metadata")
)
_NO_ORDER: Row = dict.fromkeys(schemas.defaults_of(Order)) | {"status": "OPEN"}
_ENTRY_KINDS: dict[str, type[Any]] = {"SPLIT": Split, "SYMBOL_CHANGE": SymbolChange}


def entry(storage: Storage, row: Sequence[Any], checked: bool = True) -> tuple[int, LedgerEntry]:
    """The ledger entry that a whole row describes, and the number of fills that were booked before it."""
    stored = dict(zip(storage.statements.ledger_columns, row, strict=True))
    kind = _ENTRY_KINDS.get(stored["kind"], CashFlow)
    found: LedgerEntry = load(kind, _plain(kind, stored), row[0])
    if checked:
        require_unchanged(storage, stored, storage.statements.ledger_checksum, stored["checksum"], row[0])
    return stored["after_fill"], found


def order(storage: Storage, row: Sequence[Any], checked: bool = True) -> Order:
    """The closed order that a whole row describes."""
    stored = dict(zip(storage.statements.order_columns, row, strict=True))
    for flag in ("reduce_only", "post_only"):
        stored[flag] = True if stored[flag] == 1 else stored[flag]
    found = load(Order, _plain(Order, stored), row[0])
    stored |= {flag: stored[flag] and int(stored[flag]) for flag in ("reduce_only", "post_only")}
    if checked:
        require_unchanged(storage, stored, storage.statements.order_checksum, stored["checksum"], row[0])
    return found


def _plain(kind: type[Any], stored: Row) -> Data:
    """The plain data of an entity whose columns are `stored`: what is NULL is left out where it may be."""
    optional = schemas.defaults_of(kind)
    names = schemas.fields_of(kind)
    data = {name: stored[name] for name in names if name not in optional or stored[name] is not None}
    if "metadata" in data:
        try:
            data["metadata"] = fast.from_json(data["metadata"])
        except (TypeError, ValueError) as error:
            raise corrupt(stored["session_id"], f"metadata: {error}") from error
    return data


def fill(storage: Storage, row: Sequence[Any], checked: bool = True) -> Fill:
    """The fill that a whole row describes; not `checked`: whatever its checksum is.

    Raises:
        CorruptRecordError: it does not describe one, or its checksum is wrong; so for `point`.
    """
    if tuple(row[_FILL_CHECKSUM + 1 :]) == _NOTHING_LATER:
        data = dict(zip(_FILL_NAMES, row[FILL_DATA], strict=True))
    else:
        data = _plain(Fill, dict(zip(storage.statements.fill_columns, row, strict=True)))
    found = load(Fill, data, row[0])
    if checked and storage.keeps_text and storage.statements.checksum_of_fill(row) != row[_FILL_CHECKSUM]:
        raise changed(row[0])
    return found


def point(storage: Storage, row: Sequence[Any], checked: bool = True) -> EquityPoint:
    """The equity point that a whole row describes."""
    found = load(EquityPoint, dict(zip(_POINT_NAMES, row[POINT_DATA], strict=True)), row[0])
    if checked and storage.keeps_text and storage.statements.checksum_of_point(row) != row[_POINT_CHECKSUM]:
        raise changed(row[0])
    return found


def plain_fill(storage: Storage, row: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """The data of a fill without rarely used fields, in order; None for others, and where the checksum is wrong."""
    if not storage.keeps_text or row[_FILL_CHECKSUM + 1 :] != _NOTHING_LATER:
        return None
    return row[FILL_DATA] if row[_FILL_CHECKSUM] == storage.statements.checksum_of_fill(row) else None


def plain_point(storage: Storage, row: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """The same for an equity point."""
    is_as_written = storage.keeps_text and row[_POINT_CHECKSUM] == storage.statements.checksum_of_point(row)
    return row[POINT_DATA] if is_as_written else None


_FILL_NAMES = tuple(name for name in schemas.fields_of(Fill) if name not in LATER_FILL_COLUMNS)
_fill_values_of = itemgetter(*_FILL_NAMES)
_fill_later = itemgetter(*LATER_FILL_COLUMNS)
_NOTHING_LATER = (None,) * len(LATER_FILL_COLUMNS)
_POINT_NAMES = tuple(schemas.fields_of(EquityPoint))

# In a whole row the session's id and the place come first, then the data, the checksum, and what came later.
_FILL_CHECKSUM, _POINT_CHECKSUM = 2 + len(_FILL_NAMES), 2 + len(_POINT_NAMES)
FILL_DATA, POINT_DATA = slice(2, _FILL_CHECKSUM), slice(2, _POINT_CHECKSUM)


def require_unchanged(storage: Storage, row: Row, checksum: Checksum, expected: object, session_id: str) -> None:
    """Raise a `CorruptRecordError` where a row is not what was written; only where rows come back as they were."""
    if storage.keeps_text and checksum.of(row) != expected:
        raise changed(session_id)


def changed(session_id: str) -> CorruptRecordError:
    """The error of a row that is not what was written."""
    return corrupt(session_id, "its checksum is wrong: it is damaged, or was changed by another program")


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
    page = _page(table, columns)
    while True:
        storage.require_sound()
        rows = storage.fetch_rows(page, {"session_id": session_id, "after": after})
        yield from rows
        if len(rows) < PAGE:
            return
        after = rows[-1][1]


@cache
def _page(table: Any, columns: tuple[str, ...]) -> Statement:
    """The statement that reads a page of a history: to build it takes longer than to read a short history."""
    return queries.history_page(table, columns, PAGE)
