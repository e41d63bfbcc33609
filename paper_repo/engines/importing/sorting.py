"""The records of a file in the order of their times, on disk where they are many."""

from __future__ import annotations

import marshal
import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from paper_repo.domain.ledger import CashFlowKind
from paper_repo.engines.importing.records import SourceFill, SourceFlow

BATCH = 2000
REPEATED = -1
"""Of a record that came before with the same id of its source and the same content."""


class SortedRecords:
    """Takes the records of one file, and gives them back sorted by time, each with an id.

    A record without an id of its source gets one of its content. Equal contents are counted, so that two equal rows are
    two fills, and get the same ids at every export. The temporary database lives in memory while it is small.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)  # a private one, which is deleted when it is closed
        self._database.execute("CREATE TABLE record (at INTEGER, line INTEGER, key TEXT, data BLOB)")
        self._database.execute("BEGIN")
        self._waiting: list[tuple[int, int, str, bytes]] = []
        self._line = -1
        self._last: int | None = None
        self._highest = -(1 << 62)
        self._is_sorted = True
        self._later = self._earlier = 0
        self.fills = self.flows = 0
        self.first: int | None = None
        self.last: int | None = None

    def close(self) -> None:
        """Delete what was taken."""
        self._database.close()

    def add_fill(self, fill: SourceFill) -> None:
        """Take a fill."""
        self.fills += 1
        self.first = fill.at if self.first is None or fill.at < self.first else self.first
        self.last = fill.at if self.last is None or fill.at > self.last else self.last
        own = fill.id
        if own is None:
            content = f"{fill.at}|{fill.symbol}|{fill.side}|{plain(fill.quantity)}|{plain(fill.price)}|{fill.order_id}"
            key = f"#{fill.symbol}\0{_hash(content)}"
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
            content = _hash(f"{flow.at}|{flow.kind}|{plain(flow.amount)}|{flow.currency}|{flow.symbol}")
            self._add(flow.at, f"#$\0{content}", record)

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
            record, before = marshal.loads(data), 0
            if repeated and (contents := repeated.get(key)) is not None:
                before = len(contents) if key[0] == "#" or record[1:] not in contents else REPEATED
                if before != REPEATED:
                    contents.append(record[1:])
            yield key.partition("\0")[2], before, _record(key, record)

    def _repeated(self) -> dict[str, list[tuple[Any, ...]]]:
        """The ids that come more than once."""
        found = self._database.execute("SELECT key FROM record GROUP BY key HAVING count(*) > 1")
        return {key: [] for (key,) in found}


def _record(key: str, record: tuple[Any, ...]) -> SourceFill | SourceFlow:
    if key[1] != "$" or key[2] != "\0":
        return SourceFill._make(record)
    flow = SourceFlow._make(record)
    return flow._replace(kind=CashFlowKind(flow.kind))


def plain(amount: str) -> str:
    """The amount without zeros that say nothing: the same for 1.50, 1.5 and 15E-1."""
    if "e" in amount or "E" in amount:
        amount = f"{Decimal(amount):f}" if abs(Decimal(amount).adjusted()) <= 1000 else amount
    return amount.rstrip("0").rstrip(".") if "." in amount else amount


def _hash(content: str) -> str:
    return blake2b(content.encode("utf-8", "surrogatepass"), digest_size=10).hexdigest()
