"""`FillTable`: the fills of one session, a million of them as readily as ten."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import anyio.to_thread
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QLabel, QVBoxLayout, QWidget

from paper_repo.desktop import texts
from paper_repo.desktop.following import SessionFollower
from paper_repo.desktop.language import tr
from paper_repo.desktop.lazy_rows import PAGE, Column, LazyRows
from paper_repo.desktop.live import LiveRepository
from paper_repo.desktop.page_fetcher import PageFetcher
from paper_repo.desktop.session_parts import side
from paper_repo.desktop.table_view import TableView
from paper_repo.domain import Fill, Side
from paper_repo.domain.values import EXACT


class _Seen(NamedTuple):
    """What was read of a history: its fills have the numbers from `first` to `last`."""

    first: int
    last: int
    pages: dict[int, list[Fill]]


class FillTable(QWidget):
    """The fills of one session in the order in which they were booked, the latest first; a click on Time turns it.

    Only the fills that are seen are read, wherever in the history they stand.

    - `shown()`: the table shows what is stored.

    Args:
        live: where the sessions are.
        parent: the widget that this one belongs to.
    """

    shown: Signal = Signal()

    def __init__(self, live: LiveRepository, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._live = live
        self._first, self._last = 1, 0
        self._beginnings: dict[str, int] = {}
        self._pages: list[int] = [0]
        self.rows: LazyRows = LazyRows(_columns(), self)
        self.view: TableView = TableView(self.rows, "fills", tr("Fills"), self)
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.view.set_order(0, True)
        self.view.order_chosen.connect(self._turn)
        self.empty: QLabel = QLabel(tr("No fills"), self.view.viewport(), alignment=Qt.AlignmentFlag.AlignCenter)
        self.empty.setObjectName("hint")
        self.setFocusProxy(self.view)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.view)
        self.follower: SessionFollower = SessionFollower(self, live, self._load, self._show)
        self.follower.shown.connect(self.shown)
        self._fetcher = PageFetcher(self.rows, live, self._read_seen, self._seen, self)

    def show_session(self, session_id: str | None) -> None:
        """Show the fills of this session, and follow them; None to show nothing."""
        self._forget()
        self.follower.follow(session_id)

    def _turn(self) -> None:
        self._forget()
        self.follower.refresh()

    def _forget(self) -> None:
        self._fetcher.forget()
        self.rows.clear()
        self._first, self._last = 1, 0
        self._pages = [0]

    async def _load(self, session_id: str) -> _Seen | None:
        session = await self._live.session(session_id)
        if session is None:
            return None
        first = await self._beginning(session_id)
        pages = (
            [page for page in self._pages if page * PAGE <= session.fill_count - first] if session.fill_count else []
        )
        return _Seen(
            first,
            session.fill_count,
            {page: await self._read(session_id, page, first, session.fill_count) for page in pages[:5]},
        )

    async def _beginning(self, session_id: str) -> int:
        """The number of the first fill; not 1 where a session was deleted and stored again."""
        core = self._live.core
        if core is None:
            return 1
        if session_id not in self._beginnings:
            history = core.fill_history(session_id)
            found = await anyio.to_thread.run_sync(next, history, None)
            if found is None:
                return 1
            self._beginnings[session_id] = found[0]
        return self._beginnings[session_id]

    async def _read(self, session_id: str, page: int, first: int, last: int) -> list[Fill]:
        latest_first = self.view.order[1]
        end = last - page * PAGE if latest_first else first + (page + 1) * PAGE - 1
        begin = max(end - PAGE + 1, first)
        fills = await self._live.repository.get_fills(session_id, after=begin - 1, limit=min(end, last) - begin + 1)
        return fills[::-1] if latest_first else fills

    def _show(self, seen: _Seen | None) -> None:
        count = 0 if seen is None else seen.last - seen.first + 1
        self.empty.setVisible(not count)
        self.empty.setGeometry(self.view.viewport().rect())
        if seen is None:
            self.rows.clear()
            return
        if seen.last != self._last:
            self._fetcher.forget()
            self.rows.forget(keep=list(seen.pages))
        self._first, self._last = seen.first, seen.last
        self.rows.set_count(count)
        for page, fills in seen.pages.items():
            self.rows.fill(page, fills)
        self._pages = self.view.seen_pages() or [0]

    async def _read_seen(self, page: int) -> list[Fill]:
        session_id = self.follower.session_id
        return [] if session_id is None else await self._read(session_id, page, self._first, self._last)

    def _seen(self) -> list[int]:
        self._pages = self.view.seen_pages()
        return self._pages


def _columns() -> Sequence[Column]:
    def value(fill: Fill) -> Decimal:
        return EXACT.multiply(fill.quantity, fill.price)

    return [
        Column("time", tr("Time"), lambda fill: texts.moment(fill.executed_at), None, False, 24, order="sequence"),
        Column("symbol", tr("Symbol"), lambda fill: fill.symbol, is_number=False, width=7),
        Column("side", tr("Side"), lambda fill: side(fill.side is Side.BUY), is_number=False, width=8),
        Column("quantity", tr("Quantity"), lambda fill: texts.quantity(fill.quantity), width=6),
        Column("price", tr("Price"), lambda fill: texts.money(fill.price), width=9),
        Column("value", tr("Value"), lambda fill: texts.money(value(fill)), width=11),
        Column("fee", tr("Fee"), lambda fill: texts.money(fill.fee), width=6),
        Column("order", tr("Order"), lambda fill: fill.order_id or "", is_number=False, width=12),
        Column("id", tr("Id"), lambda fill: fill.id, is_number=False, width=12, is_hidden=True),
    ]
