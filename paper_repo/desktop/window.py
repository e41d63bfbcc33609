"""`SessionWindow`: all sessions of a database, and everything about the selected ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QByteArray, QPoint, Qt, Signal
from PySide6.QtGui import QAction, QCloseEvent, QDragEnterEvent, QDropEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QMenu, QPushButton, QSplitter, QTabWidget, QVBoxLayout, QWidget

from paper_repo.desktop import texts
from paper_repo.desktop.backups import Backups
from paper_repo.desktop.comparison_table import ComparisonTable
from paper_repo.desktop.demo_controls import DemoControls
from paper_repo.desktop.equity_chart import EquityChart
from paper_repo.desktop.fill_table import FillTable
from paper_repo.desktop.json_view import JsonView
from paper_repo.desktop.language import tr
from paper_repo.desktop.live import LiveRepository
from paper_repo.desktop.message_bar import MessageBar
from paper_repo.desktop.naming import named
from paper_repo.desktop.performance_panel import PerformancePanel
from paper_repo.desktop.session_actions import SessionActions
from paper_repo.desktop.session_parts import CashFlowTable, OrderTable, PositionTable, TradeTable
from paper_repo.desktop.session_table import SessionTable
from paper_repo.desktop.settings import settings
from paper_repo.desktop.shortcuts import show_shortcuts
from paper_repo.desktop.status_line import StatusLine
from paper_repo.desktop.table_view import TableView
from paper_repo.domain.selection import SessionSummary
from paper_repo.errors import CorruptDatabaseError, CorruptRecordError
from paper_repo.maintenance.salvage.salvage import Salvaged


class SessionView(Protocol):
    """A widget that shows one session: what stands in a tab."""

    def show_session(self, session_id: str | None) -> None:
        """Show this session."""


TABS: dict[str, Callable[[LiveRepository], QWidget]] = {
    "Positions": PositionTable,
    "Orders": OrderTable,
    "Fills": FillTable,
    "Trades": TradeTable,
    "Cash flows": CashFlowTable,
    "Comparison": ComparisonTable,
    "JSON": JsonView,
}
"""The tabs below the sessions: the title of each, and what makes its widget, which is a `SessionView`."""


class SessionWindow(QMainWindow):
    """The window of `paper-repo open`: sessions, chart, figures and tabs, with all that can be done with them.

    - `closed()`: the window is closed, and everything is stored.
    - `place_wanted(place)`: the user wants another file opened; None to be asked for one.
    - `files_dropped(paths)`: files to open or to import; None to be asked for an archive.
    - `recovery_wanted()`: the file is damaged, and the user wants to see what can be read of it.

    Args:
        live: where the sessions are; it is closed with the window.
        place: the file or server as people see it, without a password.
        demo: whether the demo's strategy can be run in it.
        resume: with `demo`, whether what was running goes on without a question.
        recovered: where the file is damaged, what `live` has of it; nothing can be changed then.
    """

    closed: Signal = Signal()
    place_wanted: Signal = Signal(object)
    files_dropped: Signal = Signal(object)
    recovery_wanted: Signal = Signal()

    def __init__(
        self,
        live: LiveRepository,
        place: str,
        *,
        demo: bool = False,
        resume: bool = False,
        recovered: Salvaged | None = None,
    ) -> None:
        super().__init__()
        self.live = live
        self.place = place
        self.is_read_only: bool = recovered is not None
        state = " (" + tr("damaged, read-only") + ")" if recovered is not None else ""
        self.setWindowTitle(f"{Path(place).name if '://' not in place else place}{state} — " + tr("Paper trading"))
        self.setAcceptDrops(True)
        self.resize(1280, 800)
        self.message: MessageBar = MessageBar(self)
        self.demo: DemoControls | None = DemoControls(self, resume=resume) if demo else None
        self.table: SessionTable = SessionTable(live, status_text=self._status_text, parent=self)
        self.chart: EquityChart = EquityChart(live, self)
        self.performance: PerformancePanel = PerformancePanel(live, self)
        self.tabs: QTabWidget = QTabWidget(self)
        self.tabs.setDocumentMode(True)
        self.views: dict[str, QWidget] = {}
        for title, make in TABS.items():
            self.add_tab(title, make(live))
        self.actions_: SessionActions = SessionActions(self)
        self.backups: Backups = Backups(self, place)
        self.status_line: StatusLine = StatusLine(live, place, self)
        self.setStatusBar(self.status_line)
        self._arrange()
        self._fill_menus()
        self._connect()
        self._restore_shape()
        self.table.setFocus()
        if recovered is not None:
            self.message.tell(texts.recovered(recovered), True, (tr("Save as…"), self.backups.now.trigger), stays=True)

    def add_tab(self, title: str, view: QWidget) -> None:
        """Add a tab with a widget that has `show_session`, as the widgets of this package have.

        Args:
            title: in English; translated where there is a translation.
            view: the widget.
        """
        self.views[title] = view
        self.tabs.addTab(view, tr(title))

    # How it is arranged

    def _arrange(self) -> None:
        left = QWidget(self)
        layout = QVBoxLayout(left)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.chart, 1)
        layout.addWidget(self.performance)
        details = named(QSplitter(Qt.Orientation.Horizontal, self), "details")
        details.addWidget(left)
        details.addWidget(self.tabs)
        details.setSizes([680, 580])
        whole = named(QSplitter(Qt.Orientation.Vertical, self), "whole")
        whole.addWidget(self.table)
        whole.addWidget(details)
        whole.setSizes([250, 470])
        for splitter in (details, whole):
            splitter.setChildrenCollapsible(False)
            splitter.setHandleWidth(8)
        self._splitters = (details, whole)
        middle = QWidget(self)
        outer = QVBoxLayout(middle)
        outer.setContentsMargins(12, 8, 12, 6)
        outer.setSpacing(8)
        outer.addLayout(self._bar())
        outer.addWidget(self.message)
        outer.addWidget(whole, 1)
        self.setCentralWidget(middle)

    def _bar(self) -> QHBoxLayout:
        """The buttons: each does what the action of the same name in the menu does."""
        layout = QHBoxLayout()
        layout.setSpacing(8)
        shown = [*self.actions_.steps.values(), self.actions_.report, self.actions_.delete]
        if self.demo is not None:
            shown = [self.demo.new, *self.actions_.steps.values(), self.demo.reset, self.actions_.delete]
        self.buttons: dict[str, QPushButton] = {}
        for action in shown:
            button = self.buttons[action.objectName()] = _button(action, self)
            layout.addWidget(button)
        layout.addStretch(1)
        if self.demo is not None:
            layout.addWidget(self.demo.speed_bar(self))
        return layout

    def _fill_menus(self) -> None:
        bar = self.menuBar()
        file = bar.addMenu(tr("&File"))
        self._add(file, tr("&Open…"), QKeySequence.StandardKey.Open, lambda: self.place_wanted.emit(None))
        self.recent: QMenu = file.addMenu(tr("Open &recent"))
        self._add(file, tr("&Import archive…"), "Ctrl+I", lambda: self.files_dropped.emit(None))
        file.addSeparator()
        self.backups.fill(file)
        file.addSeparator()
        self._add(file, tr("&Close"), QKeySequence.StandardKey.Close, self.close)
        session = bar.addMenu(tr("&Session"))
        if self.demo is not None:
            session.addActions([self.demo.new, self.demo.reset])
            session.addSeparator()
        self.actions_.fill(session)
        view = bar.addMenu(tr("&View"))
        self._add(view, tr("&Search"), None, self.table.filter.text.setFocus)
        self._add(view, tr("&Clear filter"), "Ctrl+L", self.table.filter.clear)
        self._add(view, tr("&Whole curve"), "Ctrl+0", self.chart.reset_zoom)
        self._add(view, tr("Zoom &in"), QKeySequence.StandardKey.ZoomIn, lambda: self.chart.canvas.zoom(0.8))
        self._add(view, tr("Zoom &out"), QKeySequence.StandardKey.ZoomOut, lambda: self.chart.canvas.zoom(1.25))
        self._add_table_menus(view)
        self._add(view, tr("&Refresh"), QKeySequence.StandardKey.Refresh, self.table.refresh)
        help_ = bar.addMenu(tr("&Help"))
        self._add(help_, tr("&Keyboard"), QKeySequence.StandardKey.HelpContents, lambda: show_shortcuts(self))
        for number in range(min(self.tabs.count(), 9)):
            shortcut = QShortcut(QKeySequence(f"Alt+{number + 1}"), self)
            shortcut.activated.connect(lambda number=number: self._go_to_tab(number))

    def _add_table_menus(self, menu: QMenu) -> None:
        """What a click on a title does, for the keyboard, and for the table that has it."""
        for title, fill in ((tr("Sort &by"), TableView.fill_order), (tr("C&olumns"), TableView.fill_columns)):
            part = menu.addMenu(title)
            part.aboutToShow.connect(partial(self._fill_for_table, part, fill))

    def _fill_for_table(self, menu: QMenu, fill: Callable[[TableView, QMenu], None]) -> None:
        menu.clear()
        focused = self.focusWidget()
        fill(focused if isinstance(focused, TableView) else self.table.view, menu)

    def _add(self, menu: QMenu, title: str, keys: object, act: Callable[[], object]) -> QAction:
        action = menu.addAction(title)
        if isinstance(keys, QKeySequence.StandardKey):
            action.setShortcuts(QKeySequence.keyBindings(keys))
        elif isinstance(keys, str):
            action.setShortcut(QKeySequence(keys))
        action.triggered.connect(lambda _=False: act())
        return action

    def _connect(self) -> None:
        self.table.selection_changed.connect(self._show_selection)
        self.table.refreshed.connect(self._show_count)
        self.table.menu_wanted.connect(self._show_menu)
        self.table.damaged.connect(self._tell_damage)
        self.live.failed.connect(partial(self.tell_error, is_retried=True))
        self.live.recovered.connect(lambda: self.message.tell(tr("The database can be read again.")))

    # What it shows

    def _status_text(self, session: SessionSummary) -> str:
        return texts.status(session.status) if self.demo is None else self.demo.status_text(session)

    def _show_selection(self, ids: list[str]) -> None:
        current = ids[0] if ids else None
        self.chart.show_sessions(ids)
        self.performance.show_session(current)
        for view in self.views.values():
            if isinstance(view, ComparisonTable):
                view.show_sessions(ids)
            else:
                view.show_session(current)  # type: ignore[attr-defined]  # a `SessionView`
        self._show_count()

    def _show_count(self) -> None:
        self.status_line.show_count(self.table.total, len(self.table.selected_ids))

    def _show_menu(self, at: QPoint) -> None:
        self.session_menu().popup(at)

    def session_menu(self) -> QMenu:
        """What can be done with the selected sessions."""
        menu = named(QMenu(self), "session-menu")
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.actions_.fill(menu)
        return menu

    def _go_to_tab(self, number: int) -> None:
        self.tabs.setCurrentIndex(number)
        self.tabs.currentWidget().setFocus()

    # What it says

    def tell_error(self, error: Exception, name: str = "", *, is_retried: bool = False) -> None:
        """Say what went wrong in one sentence, and what to do, as `texts.problem` does; the window goes on working."""
        if isinstance(error, CorruptDatabaseError) and not isinstance(error, CorruptRecordError):
            self._stop_writing()
        else:
            self.message.tell(texts.problem(error, name, is_retried=is_retried), is_problem=True)

    def _tell_damage(self, errors: list[Exception]) -> None:
        records = [error for error in errors if isinstance(error, CorruptRecordError)]
        if len(records) < len(errors):
            self._stop_writing()
        else:
            self.message.tell(texts.damaged_sessions(len(records)), is_problem=True, stays=True)

    def _stop_writing(self) -> None:
        """The file itself is damaged: nothing is changed from now on, and the user can see what is left of it."""
        if self.is_read_only:
            return
        self.is_read_only = True
        self.actions_.update_enabled()
        self.message.tell(
            tr("The file is damaged, and nothing more is written to it. See what can be read, or restore a backup."),
            True,
            (tr("Show what can be read"), self.recovery_wanted.emit),
            stays=True,
        )

    # Files

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        """Take files."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """Open a database, import an archive."""
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        event.acceptProposedAction()
        self.files_dropped.emit(paths)

    # Its shape, and its end

    def _restore_shape(self) -> None:
        shape = settings().value("window/geometry")
        if isinstance(shape, QByteArray):
            self.restoreGeometry(shape)
        for splitter in self._splitters:
            state = settings().value(f"window/{splitter.objectName()}")
            if isinstance(state, QByteArray):
                splitter.restoreState(state)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Finish what is being saved, after the window has gone from the screen."""
        if self.live.is_closed:
            return
        settings().setValue("window/geometry", self.saveGeometry())
        for splitter in self._splitters:
            settings().setValue(f"window/{splitter.objectName()}", splitter.saveState())
        event.accept()
        self.hide()
        self.live.close(before=None if self.demo is None else self.demo.desk.close)
        if self.actions_.deleted is not None:
            self.actions_.deleted.close()
        self.closed.emit()


def _button(action: QAction, parent: QWidget) -> QPushButton:
    button = named(QPushButton(action.text().replace("&", ""), parent), action.objectName())
    button.setToolTip(action.shortcut().toString(QKeySequence.SequenceFormat.NativeText))
    button.setEnabled(action.isEnabled())
    button.clicked.connect(lambda _=False: action.trigger())
    action.changed.connect(lambda: button.setEnabled(action.isEnabled()))
    return button
