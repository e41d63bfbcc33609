"""What an account has booked: its ledger, its closed orders, the figures that follow from them, and corrections."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from paper_repo.core import history, history_rows
from paper_repo.core.lists import bound
from paper_repo.core.records import Records
from paper_repo.core.saves import Save
from paper_repo.domain import Fill, LedgerEntry, Order, PaperTradingSession
from paper_repo.domain.history import Booked, booking_order
from paper_repo.domain.selection import WhichOrders, check_which, is_chosen, resting
from paper_repo.domain.values import optional_instant
from paper_repo.errors import SessionNotFoundError
from paper_repo.serialization import fast
from paper_repo.storage import queries
from paper_repo.storage.base import Storage

if TYPE_CHECKING:
    from paper_repo.domain.performance import Performance
    from paper_repo.domain.trades import Trade


class Accounts:
    """The accounts of the sessions in one database.

    Args:
        storage: the rows.
        records: the sessions in them.
        write: stores one session, in the transaction that is open.
    """

    def __init__(self, storage: Storage, records: Records, write: Callable[[Save], None]) -> None:
        self._storage = storage
        self._records = records
        self._write = write

    def ledger(self, session_id: str, since: datetime | None, until: datetime | None) -> list[LedgerEntry]:
        """The ledger entries of a session; the arguments are those of `get_ledger`."""
        since_text, until_text = bound(since, "since"), bound(until, "until")
        if since is None and until is None:
            entries = [each for _, each in history.read_entries(self._storage, session_id)]
            return history.found(self._storage, session_id, entries)
        statements = self._storage.statements
        table, columns = statements.tables.ledger, statements.ledger_columns
        query = queries.select_history(table, session_id, columns, time=table.at, since=since_text, until=until_text)
        rows = self._storage.fetch_all(query)
        return history.found(self._storage, session_id, [history_rows.entry(self._storage, row)[1] for row in rows])

    def orders(
        self, session_id: str, which: WhichOrders, symbol: str | None, since: datetime | None, until: datetime | None
    ) -> list[Order]:
        """The orders of a session; the arguments are those of `get_orders`."""
        check_which(which)
        since, until = optional_instant(since, "since"), optional_instant(until, "until")
        with self._storage.snapshot():
            closed = [] if which == "open" else self._closed_orders(session_id, symbol, since, until)
            if which == "closed":
                return history.found(self._storage, session_id, closed)
            return closed + [each for each in resting(self._found(session_id)) if is_chosen(each, symbol, since, until)]

    def _closed_orders(
        self, session_id: str, symbol: str | None, since: datetime | None, until: datetime | None
    ) -> list[Order]:
        since_text, until_text = bound(since, "since"), bound(until, "until")
        if symbol is None and since is None and until is None:
            return list(history.read_orders(self._storage, session_id))
        statements = self._storage.statements
        table, columns = statements.tables.orders, statements.order_columns
        query = queries.select_history(
            table, session_id, columns, time=table.closed_at, symbol=symbol, since=since_text, until=until_text
        )
        return [history_rows.order(self._storage, row) for row in self._storage.fetch_all(query)]

    def history(self, session_id: str) -> Iterator[Booked]:
        """The fills and ledger entries of a session, as one history."""
        fills = (fill for _, fill in history.read_fills(self._storage, session_id, 0))
        return booking_order(fills, history.read_entries(self._storage, session_id))

    def trades(self, session_id: str) -> list[Trade]:
        """The closed trades of a session."""
        with self._storage.snapshot():
            return list(self.each_trade(session_id))

    def each_trade(self, session_id: str) -> Iterator[Trade]:
        """The same one by one; what is kept in memory is what is open."""
        from paper_repo.domain.trades import closed_positions, trade_of  # which most programs do not need

        session = self._found(session_id)
        yield from map(trade_of, closed_positions(self.history(session_id), session))

    def performance(self, session_id: str, **options: Any) -> Performance:
        """The performance of a session; the options are those of `get_performance`."""
        from paper_repo.core.figures import read_performance  # which most programs do not need

        with self._storage.snapshot():
            return read_performance(self._storage, self._found(session_id), **options)

    def as_of(self, session_id: str, at: datetime) -> PaperTradingSession:
        """The books of a session as they were at a time."""
        from paper_repo.domain.replay import as_of  # which most programs do not need

        with self._storage.snapshot():
            session = self._found(session_id)
            return as_of(session, self.history(session_id), at)

    def correct(
        self, session_id: str, fill_id: str, replacement: Fill | None, symbol: str | None
    ) -> PaperTradingSession:
        """Take a fill out of the books of a session; the arguments are those of `correct_fill`."""
        from paper_repo.core import corrections  # which most programs do not need

        with self._storage.atomic():
            session = self._found(session_id)
            places = dict(history.read_fills(self._storage, session_id, 0))
            fills = list(places.values())
            old = corrections.corrected(fills, fill_id, symbol)
            index = next(at for at, each in enumerate(fills) if (each.id, each.symbol) == (old.id, old.symbol))
            fills[index] = old
            new = corrections.replacing(replacement, old, fills)
            corrections.rebuild(session, fills, history.read_entries(self._storage, session_id), old, new)
            row = history_rows.fill_row(self._storage, session_id, list(places)[index], fast.dump(old))
            self._storage.change(self._storage.statements.correct_fill, row)
            self._write(Save.capture(session))
        return session

    def _found(self, session_id: str) -> PaperTradingSession:
        session = self._records.get(session_id)
        if session is None:
            raise SessionNotFoundError(session_id)
        return session
