"""One stored session with its history, as the in-memory repository keeps it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from paper_repo.core.fill_keys import place_after
from paper_repo.core.orders_in_step import LATEST_FILLS, has_to_ask, require_in_step, used_orders
from paper_repo.core.saves import Save, new_generation, other_fill_stored
from paper_repo.core.tracking import Counts, StoredRow, Tracking
from paper_repo.domain import CashFlow, EquityPoint, Fill, LedgerEntry, Order, PaperTradingSession, Split, SymbolChange
from paper_repo.domain.history import Booked, booking_order
from paper_repo.domain.new_fills import FillKey, fill_key
from paper_repo.errors import DuplicateFillError
from paper_repo.serialization import fast, schemas
from paper_repo.serialization.schemas import Data


@dataclass(frozen=True)
class Record:
    """One stored session: loading decodes its columns; its entity, which nobody else gets, is what filters see."""

    columns: Data
    session: PaperTradingSession
    fills: tuple[Fill, ...]
    points: tuple[EquityPoint, ...]
    entries: tuple[tuple[int, LedgerEntry], ...]
    orders: tuple[Order, ...]
    generation: int
    owner: str | None = None
    expires: float = 0.0

    @classmethod
    def after(cls, before: Record | None, save: Save, fills: list[Fill]) -> Record:
        points = [fast.load(EquityPoint, point) for point in save.points]
        entries = [_entry(data, len(save.fills) - len(fills)) for data in save.entries]
        orders = [fast.load(Order, order) for order in save.orders]
        return cls(
            save.columns,
            fast.from_columns(save.columns),
            (before.fills if before else ()) + tuple(fills),
            (before.points if before else ()) + tuple(points),
            (before.entries if before else ()) + tuple(entries),
            (before.orders if before else ()) + tuple(orders),
            save.generation,
            before.owner if before else None,
            before.expires if before else 0.0,
        )

    def is_seen_by(self, save: Save) -> bool:
        """Whether this is what the session of `save` was loaded from or stored as."""
        return save.expected_generation in (None, self.generation) and save.expected_counts == Counts.of(self.columns)

    def history(self) -> Iterator[Booked]:
        """Its fills and ledger entries, as one history."""
        return booking_order(self.fills, self.entries)

    def closed_orders(self, ids: Sequence[str]) -> Iterable[str]:
        """Those of these ids that closed orders have."""
        return {order.id for order in self.orders}.intersection(ids)

    def has_fill(self, fill: Data) -> bool:
        """Whether there is a fill of this id and symbol."""
        return any((each.id, each.symbol) == (fill["id"], fill["symbol"]) for each in self.fills)

    def corrected_order(self, symbol: str, fill_id: str) -> str | None:
        """The order of this fill if it was corrected; None if not, if it has no order, or there is no such fill."""
        corrected = (each for each in self.fills if each.corrected_at is not None)
        return next((each.order_id for each in corrected if (each.id, each.symbol) == (fill_id, symbol)), None)

    def latest_fills(self) -> Iterable[tuple[Any, ...]]:
        """The orders and quantities of the last `LATEST_FILLS` fills that were not corrected."""
        latest = [each for each in self.fills if each.corrected_at is None][-LATEST_FILLS:]
        return ((each.order_id, each.quantity) for each in latest)

    def is_free(self) -> bool:
        """Whether no worker has it, or one whose time has run out."""
        return self.owner is None or self.expires <= time.monotonic()

    def claimed(self, owner: str, expires: float) -> Record:
        """The same for this worker, and newer, so that what others have of it cannot be saved."""
        columns = self.columns | {"version": self.columns["version"] + 1}
        session, generation = fast.from_columns(columns), new_generation()
        return replace(self, columns=columns, session=session, generation=generation, owner=owner, expires=expires)

    def load(self) -> PaperTradingSession:
        session = fast.from_columns(self.columns)
        Tracking.of(session).row = stored_row(self.columns, self.generation, tuple(session.open_orders))
        return session


Store = dict[str, Record]


def stored_row(columns: Data, generation: int, resting: tuple[str, ...]) -> StoredRow:
    """Which row these columns are, so that a session is not taken for a later one of the same version."""
    return StoredRow(None, columns["version"], generation, (columns["id"],), resting=resting)


def new_fills(record: Record | None, save: Save) -> list[Fill]:
    """The fills of `save` that are not stored yet."""
    stored = {fill_key(fill): fill for fill in record.fills} if record and save.fills else {}
    new: dict[FillKey, Fill] = {}
    again: list[FillKey] = []
    for index, fill in enumerate(fast.load(Fill, data) for data in save.fills):
        key = fill_key(fill)
        known = stored.get(key) or new.get(key)
        if known is None:
            new[key] = fill
        elif known != fill:
            raise other_fill_stored(fill.id, save.columns["id"])
        elif save.is_booked_again(index):
            again.append(key)
    if again:
        raise DuplicateFillError(save.columns["id"], again)
    return list(new.values())


def _entry(data: Data, skipped: int) -> tuple[int, LedgerEntry]:
    kind: type[LedgerEntry] = CashFlow if "kind" in data else Split if "ratio" in data else SymbolChange
    plain = {name: value for name, value in data.items() if name != "after_fill"}
    entry: LedgerEntry = schemas.load(kind, plain)
    return max(0, data["after_fill"] - skipped), entry


def require_unused(record: Record | None, save: Save) -> None:
    """Refuse ledger entries that are stored already, and orders of ids that were used."""
    stored = {entry.id for _, entry in record.entries} if record and save.entries else set()
    again = [data["id"] for data in save.entries if data["id"] in stored]
    if again:
        raise DuplicateFillError(save.columns["id"], (), again)
    if record and has_to_ask(save):
        require_in_step(save, record)
    closed = set(record.closed_orders([data["id"] for data in save.orders])) if record else ()
    if closed:
        raise used_orders(sorted(closed), save.columns["id"])


def place_in(session_id: str, fills: Sequence[Fill], after: str | Fill, symbol: str | None) -> int:
    """How many of the fills are those up to this one."""
    fill_id = after.id if isinstance(after, Fill) else after
    places = {fill.symbol: place for place, fill in enumerate(fills, 1) if fill.id == fill_id}
    return place_after(session_id, after, symbol, places)
