"""Storing the whole history of a session at once, as an import or a copy does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import islice
from typing import Any, TypeVar

from paper_repo.core.history import PAGE
from paper_repo.core.history_rows import FILL_CHECKSUM, POINT_CHECKSUM, entry_row, fill_values, order_row, sealing
from paper_repo.core.saves import dump_placed
from paper_repo.domain import EquityPoint, Fill, LedgerEntry, Order, PaperTradingSession
from paper_repo.errors import InvalidSessionError
from paper_repo.serialization import fast
from paper_repo.storage import queries
from paper_repo.storage.base import Storage
from paper_repo.storage.statements import Statement
from paper_repo.storage.tables import Row

T = TypeVar("T")


def write_fills(storage: Storage, session_id: str, fills: Iterable[tuple[int, Fill]], count: int) -> None:
    """Store the whole history of a session whose `fill_count` is `count`, in the open transaction.

    Raises:
        InvalidSessionError: two fills of a symbol have the same id, or their places are not those that `in_order`
            wants.
    """
    insert, columns = storage.statements.insert_fill, storage.statements.fill_columns
    seal = sealing(storage.statements.checksum_of_fill, FILL_CHECKSUM)
    for page in _pages(in_order(fills, session_id, count)):
        rows = [seal(fill_values(session_id, sequence, fast.dump(each))) for sequence, each in page]
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
    seal = sealing(storage.statements.checksum_of_point, POINT_CHECKSUM)
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


@cache
def insert_row(table: Any) -> Statement:
    """The statement that inserts a whole row of this table."""
    return queries.insert_row(table)
