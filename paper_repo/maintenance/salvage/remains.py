"""The rows that are left of a damaged file: read by SQLite as far as it can, the others from the pages themselves."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from paper_repo.errors import CorruptDatabaseError, ForeignDatabaseError, SchemaVersionError, StorageError
from paper_repo.maintenance.salvage.pages import FoundRows, is_right
from paper_repo.storage.sqlite.storage import SQLiteStorage

Row = Sequence[Any]


def damaged_tables(storage: SQLiteStorage) -> tuple[list[Any], StorageError | None]:
    """The tables of which SQLite cannot reach every row, and the error if the file cannot be opened at all."""
    tables = storage.statements.tables.all()
    try:
        if not storage.problems():
            return [], None
        return [table for table in tables if not storage.has_sound(table)], None
    except (CorruptDatabaseError, ForeignDatabaseError, SchemaVersionError) as error:
        return tables, error


class Remains:
    """What can be read of a file.

    Args:
        storage: the damaged file.
        damaged: the tables that SQLite cannot read whole; only their rows are taken from the pages.
        readable: whether SQLite can open the file at all.
        pages: what was found in the pages.
    """

    def __init__(self, storage: SQLiteStorage, damaged: Collection[Any], *, readable: bool, pages: FoundRows) -> None:
        self._storage = storage
        self._damaged = damaged
        self._readable = readable
        self._pages = pages

    def sessions(self) -> tuple[list[Row], list[Row], list[str]]:
        """The rows of all sessions: read by SQLite, and found in the pages; the ids of those that are lost."""
        statements = self._storage.statements
        rows, lost = self._storage.rescued_sessions() if self._readable else ([], [])
        if statements.tables.sessions not in self._damaged:
            return list(rows), [], lost
        sound = {row[0] for row in rows if is_right(row, statements.session_columns, statements.session_checksum)}
        found = {each: row for each, row in self._pages.sessions.items() if each not in sound}
        known = {*sound, *found, *self._pages.deletions}
        found_in = (self._pages.fills, self._pages.equity, self._pages.entries, self._pages.orders)
        lost += [each for each in chain.from_iterable(found_in) if each not in known]
        return (
            [row for row in rows if row[0] in sound or row[0] not in found],
            list(found.values()),
            [each for each in dict.fromkeys(lost) if each not in found],
        )

    def cut_off(self) -> list[str]:
        """What is missing at the end of the file, in a sentence."""
        missing = self._pages.missing
        return [f"the end of the file: {missing} of its pages, and whatever was on them"] if missing else []

    def fills(self, session_id: str, last: int) -> tuple[list[Row], int]:
        """The rows of a session's fills, of which there are `last`, in order; how many were found in the pages."""
        statements = self._storage.statements
        known = statements.tables.fills, statements.fill_columns, statements.fill_checksum
        found = self._pages.fills.get(session_id, {})
        return self._history(session_id, known, {place: row for place, row in found.items() if place <= last}, last)

    def points(self, session_id: str) -> tuple[list[Row], int]:
        """The same of its equity points, of which nothing tells how many there are."""
        statements = self._storage.statements
        known = statements.tables.equity, statements.equity_columns, statements.equity_checksum
        return self._history(session_id, known, self._pages.equity.get(session_id, {}), 0)

    def entries(self, session_id: str, last: int) -> tuple[list[Row], int]:
        """The same of its ledger entries, of which there are `last`."""
        statements = self._storage.statements
        known = statements.tables.ledger, statements.ledger_columns, statements.ledger_checksum
        found = {place: row for place, row in self._pages.entries.get(session_id, {}).items() if place <= last}
        return self._history(session_id, known, found, last)

    def orders(self, session_id: str, last: int) -> tuple[list[Row], int]:
        """The same of its closed orders, of which there are `last`."""
        statements = self._storage.statements
        known = statements.tables.orders, statements.order_columns, statements.order_checksum
        found = {place: row for place, row in self._pages.orders.get(session_id, {}).items() if place <= last}
        return self._history(session_id, known, found, last)

    def _history(self, session_id: str, known: Any, found: Mapping[int, Row], least: int) -> tuple[list[Row], int]:
        table, columns, checksum = known
        rows = self._storage.rescued_history(table, session_id, least) if self._readable else []
        if table not in self._damaged:
            return list(rows), 0
        sound = {row[1] for row in rows if is_right(row, columns, checksum)}
        added = {place: row for place, row in found.items() if place not in sound}
        kept = [row for row in rows if row[1] in sound or row[1] not in added]
        return sorted([*kept, *added.values()], key=_place), len(added)

    def doubts(self, path: Path) -> list[str]:
        """Why what was found in the pages may be older than what was stored last, in sentences."""
        found = []
        if not self._pages.knows_unused:
            found.append(
                "the list of the file's unused pages is damaged: what was deleted, or an older version of a session, "
                "may be among what is saved"
            )
        journal = Path(f"{path}-journal")
        if journal.exists() and journal.stat().st_size:
            found.append("a program was killed while it wrote: what it had not committed may be among what is saved")
        return found


def _place(row: Row) -> int:
    return row[1] if isinstance(row[1], int) else 0
