"""`SessionTable`: all sessions of a database, to sort, filter and choose from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any, cast

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QPoint, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractItemView, QLabel, QVBoxLayout, QWidget

from paper_repo.desktop import texts
from paper_repo.desktop.language import tr
from paper_repo.desktop.lazy_rows import Column, LazyRows
from paper_repo.desktop.live import LiveRepository
from paper_repo.desktop.naming import named
from paper_repo.desktop.session_filter import SessionFilter
from paper_repo.desktop.session_list import SessionList, SessionQuestion
from paper_repo.desktop.table_view import TableView
from paper_repo.domain.selection import OrderBy, SessionSummary

MOST_SELECTED = 1000
"""How many sessions can be selected at once."""


class SessionTable(QWidget):
    """All sessions of a database as a table, with a line above it to filter them; it follows every change.

    Rows are fetched when they are seen, so that 100,000 sessions open as fast as ten. A click on a title sorts by that
    column, in the database; a right click on a title chooses columns, which are remembered.

    - `session_selected(id)`: another session is the current one; None for none.
    - `selection_changed(ids)`: other sessions are selected: a list of ids, the current one first.
    - `menu_wanted(position)`: the user has asked for a menu, at this place of the screen.
    - `refreshed()`: the table shows what is stored.
    - `damaged(errors)`: some of what is stored cannot be read: a list of `CorruptDatabaseError`.

    Args:
        live: where the sessions are.
        status_text: how the status of a session reads; by default ● running and the like.
        parent: the widget that this one belongs to.
    """

    session_selected: Signal = Signal(object)
    selection_changed: Signal = Signal(object)
    menu_wanted: Signal = Signal(QPoint)
    refreshed: Signal = Signal()
    damaged: Signal = Signal(object)

    def __init__(
        self,
        live: LiveRepository,
        *,
        status_text: Callable[[SessionSummary], str] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.rows: LazyRows = LazyRows(_columns(status_text or _status), self)
        self.view: TableView = TableView(self.rows, "sessions", tr("Sessions"), self)
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.filter: SessionFilter = SessionFilter(self)
        self.empty: QLabel = named(QLabel(self.view.viewport(), alignment=Qt.AlignmentFlag.AlignCenter), "hint")
        self.empty.setWordWrap(True)
        self.empty.hide()
        self._list = SessionList(live, self.rows, self)
        self._selected: list[str] = []
        self._to_select: str | None = None
        self._is_restoring = False
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.filter)
        layout.addWidget(self.view, 1)
        self.setFocusProxy(self.view)
        self._connect()
        self.view.set_order(self._column("updated"), True)
        self._ask()

    def _connect(self) -> None:
        self.view.order_chosen.connect(self._ask)
        self.filter.changed.connect(self._ask)
        self.view.selectionModel().selectionChanged.connect(self._on_selection)
        self.view.selectionModel().currentRowChanged.connect(self._on_selection)
        self.view.customContextMenuRequested.connect(self._ask_for_menu)
        self.view.verticalScrollBar().valueChanged.connect(self._note_seen)
        self._list.refreshed.connect(self._on_refreshed)
        self._list.gone.connect(self._on_gone)
        self._list.damaged.connect(self.damaged)
        self.rows.filled.connect(self._restore)
        find = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self)
        find.setContext(Qt.ShortcutContext.WindowShortcut)
        find.activated.connect(lambda: self.filter.text.setFocus(Qt.FocusReason.ShortcutFocusReason))
        leave = QShortcut(QKeySequence(Qt.Key.Key_Escape), self.filter, self._leave_filter)
        leave.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)

    # What is chosen

    @property
    def selected(self) -> SessionSummary | None:
        """The current session as it was last read; None where there is none, or it is not among those fetched."""
        return next(iter(self.selected_summaries()), None)

    @property
    def selected_id(self) -> str | None:
        """The id of the current session; None for none."""
        return self._selected[0] if self._selected else None

    @property
    def selected_ids(self) -> list[str]:
        """The ids of the selected sessions, the current one first; at most a thousand."""
        return list(self._selected)

    def selected_summaries(self) -> list[SessionSummary]:
        """The selected sessions as they were last read, the current one first."""
        fetched = {row.id: row for row in self.rows.rows() if isinstance(row, SessionSummary)}
        return [fetched[each] for each in self._selected if each in fetched]

    def select(self, session_id: str) -> None:
        """Select this session, as soon as it is among those that are shown."""
        self._to_select = session_id
        self._restore()

    @property
    def total(self) -> int | None:
        """How many sessions pass the filters; None until that is known."""
        return self._list.total

    def refresh(self) -> None:
        """Read again what is seen."""
        self._note_seen()
        self._list.refresh()

    # What the user does

    def _ask(self) -> None:
        column, descending = self.view.order
        order_by = cast(OrderBy, self.rows.columns[column].order)
        self._note_seen()
        self._list.ask(SessionQuestion(self.filter.filters(), self.filter.text.text().strip(), order_by, descending))

    def _ask_for_menu(self, at: QPoint) -> None:
        self.menu_wanted.emit(self.view.viewport().mapToGlobal(at))

    def _leave_filter(self) -> None:
        self.filter.text.clear()
        self.view.setFocus()

    def _on_selection(self) -> None:
        if self._is_restoring:
            return
        current = self.view.currentIndex().row()
        numbers = self.view.selected_numbers(MOST_SELECTED)
        numbers.sort(key=lambda number: number != current)
        rows = [self.rows.row(number) for number in numbers]
        self._choose([row.id for row in rows if row is not None])

    def _choose(self, ids: list[str]) -> None:
        before, self._selected = self._selected, ids
        self._list.watched = set(ids)
        if ids != before:
            self.selection_changed.emit(list(ids))
        if ids[:1] != before[:1]:
            self.session_selected.emit(ids[0] if ids else None)

    # What is shown

    def _note_seen(self) -> None:
        self._list.seen_pages = self.view.seen_pages()

    def _on_refreshed(self) -> None:
        self._note_seen()
        fetched = [row for row in self.rows.rows() if isinstance(row, SessionSummary)]
        self.filter.offer_strategies({row.strategy_name for row in fetched})
        if not self._selected and self.rows.row(0) is not None:
            self._go_to(0)
        self._show_emptiness()
        self.refreshed.emit()

    def _on_gone(self, ids: set[str]) -> None:
        place = max(self.view.currentIndex().row(), 0)
        self._choose([each for each in self._selected if each not in ids])
        if not self._selected and self.rows.rowCount():
            self._go_to(min(place, self.rows.rowCount() - 1))

    def _go_to(self, number: int) -> None:
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        self.view.selectionModel().setCurrentIndex(self.rows.index(number, 0), flags)
        self._on_selection()

    def _restore(self) -> None:
        """Let the same sessions be selected, wherever they stand now."""
        if self._to_select is not None and self.rows.places({self._to_select}):
            session_id, self._to_select = self._to_select, None
            self._choose([session_id])
            self._mark([session_id], scroll=True)
        else:
            self._mark(self._selected)

    def _mark(self, ids: list[str], scroll: bool = False) -> None:
        found = self.rows.places(set(ids))
        places = [found[each] for each in ids if each in found]
        if not places or (self.view.currentIndex().row() == places[0] and self._selected_places() == sorted(places)):
            return
        marked = QItemSelection()
        for first, last in _runs(sorted(places)):
            marked.select(self.rows.index(first, 0), self.rows.index(last, len(self.rows.columns) - 1))
        self._is_restoring = True
        try:
            model = self.view.selectionModel()
            model.setCurrentIndex(self.rows.index(places[0], 0), QItemSelectionModel.SelectionFlag.NoUpdate)
            model.select(marked, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        finally:
            self._is_restoring = False
        if scroll:
            self.view.scrollTo(self.rows.index(places[0], 0))

    def _selected_places(self) -> list[int]:
        return self.view.selected_numbers(MOST_SELECTED)

    def _show_emptiness(self) -> None:
        nothing = self.rows.rowCount() == 0
        self.empty.setVisible(nothing)
        if nothing:
            self.empty.setText(
                tr("There are no sessions yet. They appear here as soon as a program saves one.")
                if self.filter.is_clear
                else tr("No session passes the filter. Press Esc in the search to clear it.")
            )
            self.empty.setGeometry(self.view.viewport().rect().adjusted(40, 0, -40, 0))

    def _column(self, name: str) -> int:
        return next(place for place, column in enumerate(self.rows.columns) if column.name == name)


def _runs(places: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The first and the last of places that follow each other without a gap."""
    for _, run in groupby(enumerate(places), lambda each: each[1] - each[0]):
        following = [place for _, place in run]
        yield following[0], following[-1]


def _status(session: SessionSummary) -> str:
    return texts.status(session.status)


def _columns(status_text: Callable[[SessionSummary], str]) -> list[Column]:
    def pnl(session: Any) -> Any:
        return session.net_pnl

    return [
        Column("name", tr("Name"), lambda each: each.name or each.id, is_number=False, width=22, order="name"),
        Column("strategy", tr("Strategy"), lambda each: each.strategy_name, is_number=False, width=15),
        Column("status", tr("Status"), status_text, is_number=False, width=12),
        Column("symbols", tr("Symbols"), lambda each: ", ".join(each.symbols), None, False, 20, is_hidden=True),
        Column("currency", tr("Currency"), lambda each: each.base_currency, None, False, 6, is_hidden=True),
        Column("equity", tr("Equity"), lambda each: texts.money(each.equity), width=13, order="equity"),
        Column("pnl", tr("Net P&L"), lambda each: texts.gain(each.net_pnl), pnl, width=13, order="net_pnl"),
        Column("return", tr("Return"), lambda each: texts.percent(each.total_return), pnl, width=10),
        Column("positions", tr("Positions"), lambda each: texts.whole(each.open_positions), width=8),
        Column("fills", tr("Fills"), lambda each: texts.whole(each.fill_count), width=8),
        Column(
            "created", tr("Created"), lambda each: texts.moment(each.created_at), None, False, 25, True, "created_at"
        ),
        Column(
            "updated", tr("Updated"), lambda each: texts.moment(each.updated_at), None, False, 25, order="updated_at"
        ),
        Column("id", tr("Id"), lambda each: each.id, None, False, 36, is_hidden=True),
    ]
