"""Many sessions at once, copied as rows: a row whose checksum is right needs no entity to check it again.

Such a row is what this library once wrote from an entity, and another database of the same kind keeps it as it is.
Anything unexpected is left to the code that copies one session at a time, which can tell damage from other causes and
report it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import zip_longest
from typing import Any, NamedTuple

from paper_repo.core.history_writing import insert_row
from paper_repo.storage import queries
from paper_repo.storage.base import Storage
from paper_repo.storage.checksums import Checksum
from paper_repo.storage.statements import Statements
from paper_repo.storage.tables import Row

TOGETHER = 256
"""How many sessions are copied at once: older versions of SQLite allow at most 999 values in a query."""

ROWS_TOGETHER = 20_000
"""How many rows of history they may have in all, so that other writers get their turn; a longer history goes alone."""

PAGE = 1000
"""How many rows are held at a time."""


class UnexpectedRow(Exception):  # noqa: N818
    """A row is not as expected; what is wrong with it is not known yet."""


class _Kind(NamedTuple):
    """One kind of history: its table, the checksum of its rows, and which column of a session counts them."""

    table: Any
    columns: tuple[str, ...]
    checksum: Checksum
    counted: str | None


def batches(storage: Storage) -> Iterator[list[str]]:
    """The ids of all sessions, in the batches in which they are copied."""
    ids: list[str] = []
    rows = 0
    for session_id, size in storage.fetch_all(queries.select_sizes(storage.statements.tables)):
        if ids and (len(ids) == TOGETHER or rows + size > ROWS_TOGETHER):
            yield ids
            ids, rows = [], 0
        ids.append(session_id)
        rows += size
    if ids:
        yield ids


def existing(storage: Storage, ids: Sequence[str]) -> set[str]:
    """Those of these ids that are stored."""
    return {found for (found,) in storage.fetch_all(queries.select_existing(storage.statements.tables, ids))}


def transfer(source: Storage, target: Storage, ids: Sequence[str]) -> None:
    """Write these sessions, which the target does not have, with their histories; within a transaction of the target.

    Raises:
        UnexpectedRow: something at the source is not as expected; the transaction must be rolled back.
    """
    sessions = _sessions(source, ids)
    if not all(target.change_many([(target.statements.insert_session, row) for row in sessions.values()])):
        raise UnexpectedRow
    for kind in _kinds(source.statements):
        for rows in _verified(source, kind, sessions):
            target.change_rows(insert_row(kind.table), kind.columns, rows)


def differing(source: Storage, target: Storage, ids: Sequence[str]) -> set[str]:
    """Those of these sessions whose rows differ between the two; within a block of each."""
    if _are_same(source, target, ids):
        return set()
    if len(ids) == 1:
        return set(ids)
    half = len(ids) // 2
    return differing(source, target, ids[:half]) | differing(source, target, ids[half:])


def _are_same(source: Storage, target: Storage, ids: Sequence[str]) -> bool:
    here, there = ([_without_own(each.statements, row) for row in _whole(each, ids)] for each in (source, target))
    if here != there:
        return False
    return all(
        here == there
        for kind in _kinds(source.statements)
        for here, there in zip_longest(_histories(source, kind, ids), _histories(target, kind, ids))
    )


def _whole(storage: Storage, ids: Sequence[str]) -> list[tuple[Any, ...]]:
    return storage.fetch_all(queries.select_whole(storage.statements.tables, ids))


def _histories(storage: Storage, kind: _Kind, ids: Sequence[str]) -> Iterator[list[tuple[Any, ...]]]:
    return storage.pages(queries.select_histories(kind.table, ids), PAGE)


_OWN = ("change_number", "generation")
"""What belongs to a database and not to the session: the order of its changes, and which save wrote the row."""


def _without_own(statements: Statements, row: tuple[Any, ...]) -> Row:
    return {name: value for name, value in zip(statements.session_columns, row, strict=True) if name not in _OWN}


def _sessions(storage: Storage, ids: Sequence[str]) -> dict[str, Row]:
    """The rows of those of these sessions that are stored, by id."""
    statements, found = storage.statements, dict[str, Row]()
    for values in _whole(storage, ids):
        row = dict(zip(statements.session_columns, values, strict=True))
        whole, shown = statements.session_checksum.of(row), statements.summary_checksum.of(row)
        if (row["checksum"], row["summary_checksum"]) != (whole, shown):
            raise UnexpectedRow
        found[row["id"]] = row
    return found


def _verified(storage: Storage, kind: _Kind, sessions: dict[str, Row]) -> Iterator[list[tuple[Any, ...]]]:
    """All rows of one kind of history of these sessions: every checksum is right, and none of them is missing."""
    checksum, place = kind.checksum.among(kind.columns), kind.columns.index("checksum")
    counts = dict.fromkeys(sessions, 0)
    session_id, last = "", 0
    for rows in _histories(storage, kind, list(sessions)):
        for row in rows:
            if row[0] != session_id:
                session_id, last = row[0], 0
            last += 1
            if row[1] != last or row[place] != checksum(row):
                raise UnexpectedRow
            counts[session_id] = last
        yield rows
    if kind.counted and any((row[kind.counted] or 0) != counts[each] for each, row in sessions.items()):
        raise UnexpectedRow


@cache
def _kinds(statements: Statements) -> tuple[_Kind, ...]:
    tables = statements.tables
    return (
        _Kind(tables.fills, statements.fill_columns, statements.fill_checksum, "fill_count"),
        _Kind(tables.equity, statements.equity_columns, statements.equity_checksum, None),
        _Kind(tables.ledger, statements.ledger_columns, statements.ledger_checksum, "ledger_count"),
        _Kind(tables.orders, statements.order_columns, statements.order_checksum, "closed_order_count"),
    )
