"""The records of a file in the order of their times, on disk where they are many."""

from __future__ import annotations

import marshal
import sqlite3
from collections.abc import Callable, Iterator
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from paper_repo.domain.ledger import CashFlowKind
from paper_repo.engines.importing.records import SourceFill, SourceFlow

BATCH = 2000
EARLIEST = 1 << 56
"""Microseconds before 1970: more than there are since the year 1."""
REPEATED = -1
"""Of a record that came before with the same id of its source and the same content."""


class SortedRecords:
    """Takes the records of one file, and gives them back sorted by time, each with an id.

    A record without an id of its source gets one of its content. Equal contents are counted, so that two equal rows are
    two fills, and get the same ids at every export. The temporary database lives in memory while it is small.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)  # a private one, which is deleted when it is closed
        for pragma in ("journal_mode = off", "synchronous = off", "locking_mode = exclusive"):
            self._database.execute(f"PRAGMA {pragma}")  # it is thrown away whatever happens
        self._database.execute("CREATE TABLE record (at INTEGER, line INTEGER, key TEXT, data BLOB)")
        self._database.execute("BEGIN")
        self._waiting: list[tuple[int, int, str, bytes]] = []
        self._line = -1
        self._last: int | None = None
        self._highest = -(1 << 62)
        self._is_sorted = True
        self._keys: list[str] | None = None
        self._later = self._earlier = 0
        self.fills: int = 0
        self.flows: int = 0
        self.first: int | None = None
        self.last: int | None = None
        """The times of the earliest and of the latest record."""
        self.fill_times: tuple[int, int] | None = None
        """The same of the fills alone."""

    def close(self) -> None:
        """Delete what was taken."""
        self._database.close()

    def add_fill(self, fill: SourceFill) -> None:
        """Take a fill."""
        self.fills += 1
        earliest, latest = self.fill_times or (fill.at, fill.at)
        self.fill_times = (min(earliest, fill.at), max(latest, fill.at))
        own = fill.id
        if own is None:
            content = f"{fill.at}|{fill.symbol}|{fill.side}|{plain(fill.quantity)}|{plain(fill.price)}|{fill.order_id}"
            key = f"#{fill.symbol}\0{_id_of(fill.at, content)}"
        else:
            key = f"={fill.symbol}\0{own}"
        self._add(fill.at, key, fill)

    def add_flow(self, flow: SourceFlow) -> None:
        """Take a payment."""
        self.flows += 1
        record = (*flow[:2], str(flow.kind), *flow[3:])
        if flow.id is not None:
            self._add(flow.at, f"=$\0{flow.id}", record)
        else:
            content = f"{flow.at}|{flow.kind}|{plain(flow.amount)}|{flow.currency}|{flow.symbol}"
            self._add(flow.at, f"#$\0{_id_of(flow.at, content)}", record)

    def _add(self, at: int, key: str, record: tuple[Any, ...]) -> None:
        line = record[0]
        if at < self._highest:
            self._is_sorted = False
        else:
            self._highest = at
        if line != self._line:
            self._line = line
            if self._last is not None:
                self._later += at > self._last
                self._earlier += at < self._last
            self._last = at
        self.first = at if self.first is None or at < self.first else self.first
        self.last = at if self.last is None or at > self.last else self.last
        self._waiting.append((at, line, key, marshal.dumps(tuple(record))))
        if len(self._waiting) >= BATCH:
            self._flush()

    def _flush(self) -> None:
        self._database.executemany("INSERT INTO record VALUES (?, ?, ?, ?)", self._waiting)
        self._waiting.clear()

    @property
    def is_newest_first(self) -> bool:
        """Whether the file goes back in time."""
        return self._earlier > self._later

    def __iter__(self) -> Iterator[tuple[str, int, SourceFill | SourceFlow]]:
        """Each record with its id, and how many of the same id came before; REPEATED where one was the very same."""
        self._flush()
        repeated = self._repeated()
        direction = "DESC" if self.is_newest_first else "ASC"
        order = "rowid" if self._is_sorted else f"at, line {direction}, rowid"
        for key, data in self._database.execute(f"SELECT key, data FROM record ORDER BY {order}"):
            record = marshal.loads(data)
            before = repeated[key].place_of(key, record) if repeated and key in repeated else 0
            is_flow = key[1] == "$" and key[2] == "\0"
            yield key.partition("\0")[2], before, _flow(record) if is_flow else _made(SourceFill, record)

    def _repeated(self) -> dict[str, _Repeated]:
        """The ids that come more than once."""
        if self._keys is None:  # nothing is added once they are read
            found = self._database.execute("SELECT key FROM record GROUP BY key HAVING count(*) > 1")
            self._keys = [key for (key,) in found]
        return {key: _Repeated() for key in self._keys}


class _Repeated:
    """The records of one id that came so far."""

    __slots__ = ("_contents", "_count")

    def __init__(self) -> None:
        self._count = 0
        self._contents: set[bytes] = set()

    def place_of(self, key: str, record: tuple[Any, ...]) -> int:
        """How many came before this one; REPEATED where its source gave the same id to the same content."""
        if key[0] == "=":  # else the id is that of the content, and equal contents are several
            content = blake2b(marshal.dumps(record[1:]), digest_size=10).digest()
            if content in self._contents:
                return REPEATED
            self._contents.add(content)
        self._count += 1
        return self._count - 1


_made: Callable[[type[SourceFill], tuple[Any, ...]], SourceFill] = tuple.__new__
"""What `SourceFill._make` does, in a third of the time."""


def _flow(record: tuple[Any, ...]) -> SourceFlow:
    flow = SourceFlow._make(record)
    return flow._replace(kind=CashFlowKind(flow.kind))


def plain(amount: str) -> str:
    """The amount without zeros that say nothing: the same for 1.50, 1.5 and 15E-1."""
    if "e" in amount or "E" in amount:
        amount = f"{Decimal(amount):f}" if abs(Decimal(amount).adjusted()) <= 1000 else amount
    return amount.rstrip("0").rstrip(".") if "." in amount else amount


def _id_of(at: int, content: str) -> str:
    """An id of the content. It begins with the time, so that later records are stored after earlier ones."""
    return f"{at + EARLIEST:015x}{blake2b(content.encode('utf-8', 'surrogatepass'), digest_size=6).hexdigest()}"
