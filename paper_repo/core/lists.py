"""What reads more than one record: lists of sessions, pages of them, counts, and the history of a session."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import cached_property

from paper_repo.core import history_rows
from paper_repo.core.chart_points import chart_points
from paper_repo.core.history import found, require_no_gap
from paper_repo.core.records import SUMMARY_ROW, Records
from paper_repo.domain import EquityPoint, Fill, PaperTradingSession
from paper_repo.domain.downsampling import check_max_points, downsample
from paper_repo.domain.selection import Selection, SessionSummary, check_page
from paper_repo.domain.values import optional_instant
from paper_repo.serialization.fields import instant_text
from paper_repo.serialization.schemas import Data
from paper_repo.storage import queries
from paper_repo.storage.base import Storage
from paper_repo.storage.statements import Statements
from paper_repo.storage.tables import Row

PAGE = 100
"""How many sessions `iterate` reads at a time."""


class Lists:
    """Reads several sessions, and histories, of one database.

    Args:
        storage: the rows.
        records: the sessions in them.
    """

    def __init__(self, storage: Storage, records: Records) -> None:
        self._storage = storage
        self._records = records

    def sessions(self, selection: Selection) -> list[PaperTradingSession]:
        """The sessions of `selection`; a `Loaded` where errors are to be reported."""
        return self._records.listed(selection, self._statements.session_columns, self._records.session, _itself)

    def summaries(self, selection: Selection) -> list[SessionSummary]:
        """What a list shows of the sessions of `selection`; a `Loaded` as above."""
        return self._records.listed(selection, SUMMARY_ROW, self._records.summary, SessionSummary.of)

    def pages(self, selection: Selection) -> Iterator[Iterator[PaperTradingSession]]:
        """The sessions of `selection`, in pages that are read one after the other.

        Of a page, each session is made when it is its turn: where the one before is forgotten by then, its memory and
        the processor's caches are used again, which takes a quarter of the time away.
        """
        tables, columns = self._statements.tables, self._statements.session_columns
        key, identity = columns.index(queries.order_column(selection)), columns.index("id")
        if selection.errors != "raise":
            raise ValueError("iterate has no place to report errors; use get_all or get_summaries with errors='report'")
        selection, left = selection._replace(limit=None), selection.limit
        statement = queries.page(queries.select_sessions(tables, selection, columns))
        place: Row = {}
        while left is None or left > 0:
            size = PAGE if left is None else min(PAGE, left)
            self._storage.require_sound()
            rows = self._storage.fetch_rows(statement, place | {"limit": size})
            yield map(self._records.session, rows)
            if len(rows) < size:
                return
            if not place:  # once: to build the statement of a page takes as long as to run it
                rest = queries.select_sessions(tables, selection._replace(offset=0), columns)
                statement = queries.page_after(tables, selection, rest)
            place = {"key": rows[-1][key], "id": rows[-1][identity]}
            left = None if left is None else left - size

    def count(self, selection: Selection) -> int:
        """How many sessions `selection` has."""
        return int(self._storage.fetch_all(queries.count_sessions(self._statements.tables, selection))[0][0])

    def ids(self) -> list[str]:
        """The ids of all sessions, the oldest first."""
        sessions = self._statements.tables.sessions
        query = sessions.select(sessions.id).order_by(sessions.created_at, sessions.id)
        return [session_id for (session_id,) in self._storage.fetch_all(query)]

    def ids_that_begin_with(self, beginning: str, limit: int | None) -> list[str]:
        """The ids that begin with this text, sorted, at most `limit` of them."""
        sessions = self._statements.tables.sessions
        query = sessions.select(sessions.id).where(sessions.id >= beginning).order_by(sessions.id).limit(limit)
        return [each for (each,) in self._storage.fetch_all(query) if each.startswith(beginning)]

    def counts(self) -> Data:
        """How many sessions and records of their histories there are."""
        tables = self._statements.tables
        counted = {"sessions": tables.sessions, "fills": tables.fills, "equity_points": tables.equity}
        counted |= {"ledger_entries": tables.ledger, "closed_orders": tables.orders}
        return {name: self._storage.fetch_all(queries.count_rows(table))[0][0] for name, table in counted.items()}

    def fills(
        self,
        session_id: str,
        symbol: str | None,
        since: datetime | None,
        until: datetime | None,
        after: int | str | Fill,
        limit: int | None,
    ) -> list[Fill]:
        """A page of the fills of a session; the arguments are those of `get_fills`."""
        check_page(after, limit)
        fills = self._statements.tables.fills
        place = self._records.sequence(session_id, after, symbol)
        query = queries.select_history(
            fills,
            session_id,
            self._statements.fill_columns,
            time=fills.executed_at,
            symbol=symbol,
            since=bound(since, "since"),
            until=bound(until, "until"),
            after=place,
            limit=limit,
        )
        whole = symbol is None and since is None and until is None
        rows = self._records.whole_fills(query, session_id, place, limit) if whole else self._storage.fetch_all(query)
        return found(self._storage, session_id, [history_rows.fill(self._storage, row) for row in rows])

    def equity_points(
        self, session_id: str, since: datetime | None, until: datetime | None, max_points: int | None
    ) -> list[EquityPoint]:
        """The equity points of a session; the arguments are those of `get_equity_curve`."""
        check_max_points(max_points)
        if max_points is not None and since is None and until is None:
            return found(self._storage, session_id, chart_points(self._storage, session_id, max_points))
        equity = self._statements.tables.equity
        columns = self._statements.equity_columns
        query = queries.select_history(
            equity, session_id, columns, time=equity.at, since=bound(since, "since"), until=bound(until, "until")
        )
        rows = self._storage.fetch_all(query)
        if since is None and until is None:
            require_no_gap(rows, session_id, after=0)
        points = found(self._storage, session_id, [history_rows.point(self._storage, row) for row in rows])
        return points if max_points is None else downsample(points, max_points)

    @cached_property
    def _statements(self) -> Statements:
        return self._storage.statements


def bound(moment: datetime | None, name: str) -> str | None:
    """The bound of a window in time as stored text; `name` is that of the argument."""
    moment = optional_instant(moment, name)
    return None if moment is None else instant_text(moment)


def _itself(session: PaperTradingSession) -> PaperTradingSession:
    return session
