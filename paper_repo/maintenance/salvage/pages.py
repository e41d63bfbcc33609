"""Rows read from the pages of a damaged SQLite file, without SQLite, where their tables cannot be reached any more.

The format is that of https://www.sqlite.org/fileformat2.html. A page says by itself what it is, a record how many
columns it has; a row counts only when its checksum is right.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from paper_repo.maintenance.salvage.wal import committed_pages
from paper_repo.storage.checksums import Checksum
from paper_repo.storage.statements import Statements
from paper_repo.storage.tables import LATER_FILL_COLUMNS, LATER_SESSION_COLUMNS

Record = tuple[Any, ...]

_INDEX_INTERIOR, _INDEX_LEAF, _TABLE_LEAF = 2, 10, 13
"""The kinds of pages with rows; the first two are those of tables without rowids."""

_HEADER = 100
"""How many bytes of the first page tell about the whole file."""

_USUAL_SIZE = 4096

_DISPUTED: Record = ()
"""Stands at a place in a history for which there are two different rows."""

_MALFORMED = (ValueError, IndexError, struct.error, OSError)
"""What reading a damaged page may raise; the last where the disk refuses to read it."""


@dataclass(slots=True)
class FoundRows:
    """The rows that the pages hold, the newest of each, by session id; those of histories by their place.

    `knows_unused` is False when the list of unused pages is damaged, so that what was deleted may be among the rows;
    so many pages as `missing` says are cut off at the end of the file.
    """

    sessions: dict[str, Record] = field(default_factory=dict)
    fills: dict[str, dict[int, Record]] = field(default_factory=dict)
    equity: dict[str, dict[int, Record]] = field(default_factory=dict)
    entries: dict[str, dict[int, Record]] = field(default_factory=dict)
    orders: dict[str, dict[int, Record]] = field(default_factory=dict)
    deletions: dict[str, int] = field(default_factory=dict)
    knows_unused: bool = True
    missing: int = 0


def find_rows(path: Path, statements: Statements) -> FoundRows:
    """All rows of the file, with what is committed in its -wal.

    The file must not be open in this process: reading it takes away the locks that SQLite has on it.
    """
    found = FoundRows()
    with path.open("rb") as file:
        for size, log in _sizes(file, path):
            pages = _Pages(file, size, log)
            found = _Rows(statements).of(pages)
            if found.sessions:
                break
    return found


class _Pages:
    """The pages of a file, with those in its log in front of them."""

    def __init__(self, file: BinaryIO, size: int, log: dict[int, bytes]) -> None:
        self._file = file
        self._size = size
        self._log = log
        header = self.read(1)[:_HEADER]
        has_header = header.startswith(b"SQLite format 3\0") and len(header) == _HEADER
        self.usable = size - (header[20] if has_header else 0)
        self.count = max([file.seek(0, 2) // size, *log])
        self.missing = max(0, struct.unpack(">I", header[28:32])[0] - self.count) if has_header else 0
        self._free_list = struct.unpack(">II", header[32:40]) if has_header else None

    def read(self, number: int) -> bytes:
        if number in self._log:
            return self._log[number]
        self._file.seek((number - 1) * self._size)
        return self._file.read(self._size)

    def unused(self) -> tuple[set[int], bool]:
        """The pages on the list of unused ones, and whether all of that list could be read."""
        if self._free_list is None:
            return set(), False
        (trunk, expected), found = self._free_list, set[int]()
        try:
            while trunk and trunk not in found and trunk <= self.count:
                found.add(trunk)
                page = self.read(trunk)
                trunk, count = struct.unpack_from(">II", page)
                found.update(struct.unpack_from(f">{count}I", page, 8))
        except _MALFORMED:
            return found, False
        return found, not trunk and len(found) == expected

    def records(self, number: int) -> Iterator[tuple[int, Record]]:
        """Every record on this page that can be decoded, with its rowid where it has one."""
        try:
            page = self.read(number)
            start = _HEADER if number == 1 else 0
            kind = page[start]
            if kind not in (_INDEX_INTERIOR, _INDEX_LEAF, _TABLE_LEAF):
                return
            (count,) = struct.unpack_from(">H", page, start + 3)
            first = start + (12 if kind == _INDEX_INTERIOR else 8)
            places = struct.unpack_from(f">{count}H", page, first)
        except _MALFORMED:
            return
        for place in places:
            try:
                rowid, payload = self._cell(page, place, kind)
                yield rowid, _decode(payload)
            except _MALFORMED:
                continue

    def _cell(self, page: bytes, place: int, kind: int) -> tuple[int, bytes]:
        """The rowid of a cell, or 0, and its payload."""
        if kind == _INDEX_INTERIOR:
            place += 4  # the page to its left
        length, place = _varint(page, place)
        rowid = 0
        if kind == _TABLE_LEAF:
            rowid, place = _varint(page, place)
        here = self._here(length, kind)
        payload = page[place : place + here]
        if length > here:
            (following,) = struct.unpack_from(">I", page, place + here)
            payload += self._overflow(following, length - here)
        return rowid, payload

    def _here(self, length: int, kind: int) -> int:
        """How much of a payload of this length stands in the cell itself."""
        most = self.usable - 35 if kind == _TABLE_LEAF else (self.usable - 12) * 64 // 255 - 23
        if length <= most:
            return length
        least = (self.usable - 12) * 32 // 255 - 23
        here = least + (length - least) % (self.usable - 4)
        return here if here <= most else least

    def _overflow(self, number: int, length: int) -> bytes:
        """So much of a payload, from the chain of pages that begins with this one."""
        if length > self.count * self.usable:
            raise ValueError("longer than the file")
        parts = []
        while length > 0:
            if not 0 < number <= self.count:
                raise ValueError("no such page")
            page = self.read(number)
            parts.append(page[4 : min(self.usable, 4 + length)])
            length -= self.usable - 4
            (number,) = struct.unpack_from(">I", page)
        return b"".join(parts)


class _Rows:
    """Recognises rows by the number of their columns and their checksum."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements
        self._found = FoundRows()

    def of(self, pages: _Pages) -> FoundRows:
        unused, self._found.knows_unused = pages.unused()
        self._found.missing = pages.missing
        for number in range(1, pages.count + 1):
            if number not in unused:
                for rowid, record in pages.records(number):
                    self._take(rowid, record)
        self._forget_deleted()
        found = self._found
        kinds = (found.fills, found.equity, found.entries, found.orders)
        for history in chain.from_iterable(each.values() for each in kinds):
            for place in [each for each, record in history.items() if record == _DISPUTED]:
                del history[place]
        return self._found

    def _take(self, rowid: int, record: Record) -> None:
        known = self._statements
        missing = len(known.session_columns) - len(record)
        later = len(LATER_SESSION_COLUMNS)
        if later <= missing <= later + 2:  # of a schema before rows had generations, or changes had numbers
            record += (0,) * (missing - later) + (None,) * later
        elif len(record) == len(known.fill_columns) - len(LATER_FILL_COLUMNS):
            record += (None,) * len(LATER_FILL_COLUMNS)
        if len(record) == len(known.session_columns):
            if is_right(record, known.session_columns, known.session_checksum):
                self._take_session(record)
        elif len(record) == len(known.fill_columns):
            if is_right(record, known.fill_columns, known.fill_checksum):
                _take_place(self._found.fills, record)
        elif len(record) == len(known.equity_columns):
            if is_right(record, known.equity_columns, known.equity_checksum):
                _take_place(self._found.equity, record)
        elif len(record) == len(known.ledger_columns):
            if is_right(record, known.ledger_columns, known.ledger_checksum):
                _take_place(self._found.entries, record)
        elif len(record) == len(known.order_columns):
            if is_right(record, known.order_columns, known.order_checksum):
                _take_place(self._found.orders, record)
        elif len(record) == 3 and [type(each) for each in record] == [type(None), str, int]:
            self._found.deletions[record[1]] = max(rowid, self._found.deletions.get(record[1], 0))

    def _take_session(self, record: Record) -> None:
        before = self._found.sessions.get(record[0])
        if before is None or self._age(before) < self._age(record):
            self._found.sessions[record[0]] = record

    def _age(self, record: Record) -> tuple[int, int]:
        row = dict(zip(self._statements.session_columns, record, strict=True))
        change = row["change_number"]
        return (change if isinstance(change, int) else 0, row["version"])

    def _forget_deleted(self) -> None:
        for session_id, number in self._found.deletions.items():
            record = self._found.sessions.get(session_id)
            if record is not None and self._age(record) < (number, 0):
                del self._found.sessions[session_id]


def _take_place(found: dict[str, dict[int, Record]], record: Record) -> None:
    """Keep a row of a history; of two different ones at one place neither, since either may have been deleted."""
    session_id, place = record[:2]
    if isinstance(place, int) and place > 0:
        rows = found.setdefault(session_id, {})
        rows[place] = record if rows.get(place, record) == record else _DISPUTED


def is_right(record: Sequence[Any], columns: tuple[str, ...], checksum: Checksum) -> bool:
    """Whether a row is what was written."""
    stored = dict(zip(columns, record, strict=True))
    return isinstance(record[0], str) and checksum.of(stored) == stored["checksum"]


def _decode(payload: bytes) -> Record:
    """The values of a record."""
    end, place = _varint(payload, 0)
    start, values = end, []
    while place < end:
        kind, place = _varint(payload, place)
        value, start = _value(payload, kind, start)
        values.append(value)
    if start != len(payload):
        raise ValueError("a record of another length")
    return tuple(values)


def _value(payload: bytes, kind: int, start: int) -> tuple[Any, int]:
    """A value of this serial type, and where the next one begins."""
    if kind >= 12:
        end = start + (kind - 12) // 2
        data = payload[start:end]
        return (data.decode() if kind % 2 else data), end
    if kind in (0, 8, 9):
        return {0: None, 8: 0, 9: 1}[kind], start
    end = start + (0, 1, 2, 3, 4, 6, 8, 8)[kind]
    if kind == 7:
        return struct.unpack(">d", payload[start:end])[0], end
    return int.from_bytes(payload[start:end], "big", signed=True), end


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """A whole number of one to nine bytes, without a sign, and where the next one begins."""
    number = 0
    for each in range(8):
        byte = data[place + each]
        number = number << 7 | byte & 0x7F
        if byte < 0x80:
            return number, place + each + 1
    return number << 8 | data[place + 8], place + 9


def _sizes(file: BinaryIO, path: Path) -> Iterator[tuple[int, dict[int, bytes]]]:
    """The sizes that pages may have, each with the pages in the log: what the file says, what its log says, the usual.

    Each of them once.
    """
    file.seek(16)
    told = int.from_bytes(file.read(2), "big")
    size_of_log, log = committed_pages(Path(f"{path}-wal"))
    for size in dict.fromkeys([size_of_log, 65536 if told == 1 else told, _USUAL_SIZE]):
        if 512 <= size <= 65536 and not size & (size - 1):
            yield size, log if size == size_of_log else {}
