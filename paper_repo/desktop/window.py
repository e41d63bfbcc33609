"""The window. It shows what is stored, whoever stored it: the desk, or another program."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import anyio.to_thread
from PySide6.QtCore import QItemSelectionModel, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QColor, QPalette
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMainWindow,
    QMessageBox,
    QPushButton,
    QSlider,
    QSpinBox,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from paper_repo.desktop import texts
from paper_repo.desktop.chart import EquityChart
from paper_repo.desktop.desk import RETRY_SECONDS, Desk
from paper_repo.desktop.tables import fills_table, positions_table, sessions_table, view
from paper_repo.desktop.theme import Theme
from paper_repo import (
    IPaperTradingSessionRepository,
    PaperTradingSession,
    RepositoryClosedError,
    SessionStatus,
    SessionSummary,
    StorageError,
    performance,
)
from paper_repo.domain.downsampling import downsample
from paper_repo.domain.status import steps_from

STEPS = {"start": "Start", "pause": "Pause", "resume": "Resume", "stop": "Stop"}
SPEEDS = (1, 2, 5, 10, 20, 50, 100)
"""Days per second, by the position of the slider."""

MESSAGE_MILLISECONDS = 8000


class Window(QMainWindow):
    """All sessions, and everything about the selected one."""

    closed = Signal()
    refreshed = Signal()

    def __init__(self, repository: IPaperTradingSessionRepository, theme: Theme, file: str) -> None:
        super().__init__()
        self._repository = repository
        self._theme = theme
        self._tasks: set[asyncio.Task[Any]] = set()
        self._changed: set[str] = set()
        self._wanted = asyncio.Event()
        self._shown: str | None = None  # the id of the session whose details are shown
        self._to_select: str | None = None
        self.desk = Desk(repository, self.tell)
        self.setWindowTitle(f"Paper trading — {file}")
        self.resize(1280, 800)
        self._build()

    # What it looks like

    def _build(self) -> None:
        self.sessions = sessions_table(self._theme, self.desk.is_trading)
        self.positions = positions_table(self._theme)
        self.fills = fills_table(self._theme)
        self.table = view(self.sessions, "sessions", self)
        self.table.selectionModel().selectionChanged.connect(self._selected)
        self.chart = EquityChart(self._theme, self)
        self.message = QLabel(objectName="message")
        self.message.setWordWrap(True)
        self.message.hide()
        self._silence = QTimer(self, singleShot=True, interval=MESSAGE_MILLISECONDS)
        self._silence.timeout.connect(self.message.hide)
        details = QSplitter(Qt.Orientation.Horizontal)
        details.addWidget(_titled("Equity", self.chart, self._figures()))
        details.addWidget(
            _titled("Open positions", view(self.positions, "positions", self), "Fills", view(self.fills, "fills", self))
        )
        details.setSizes([700, 560])
        whole = QSplitter(Qt.Orientation.Vertical)
        whole.addWidget(self.table)
        whole.addWidget(details)
        whole.setSizes([270, 440])
        middle = QWidget()
        layout = QVBoxLayout(middle)
        layout.setContentsMargins(14, 12, 14, 12)
        layout.setSpacing(10)
        layout.addLayout(self._buttons())
        layout.addWidget(self.message)
        layout.addWidget(whole, 1)
        self.setCentralWidget(middle)
        self._show_buttons()

    def _buttons(self) -> QHBoxLayout:
        layout = QHBoxLayout()
        layout.setSpacing(8)
        self.buttons: dict[str, QPushButton] = {}
        actions: dict[str, tuple[str, Callable[[SessionSummary | None], Coroutine[Any, Any, object]]]] = {
            "new": ("New…", self._new),
            **{step: (title, partial(self._step, step)) for step, title in STEPS.items()},
            "reset": ("Reset", self._reset),
            "delete": ("Delete…", self._delete),
        }
        for name, (title, action) in actions.items():
            button = self.buttons[name] = QPushButton(title, objectName=name)
            button.clicked.connect(lambda _=False, action=action: self.run(action(self.selected)))
            layout.addWidget(button)
        layout.addStretch(1)
        self.speed = QSlider(Qt.Orientation.Horizontal, objectName="speed", minimum=0, maximum=len(SPEEDS) - 1)
        self.speed.setFixedWidth(150)
        self._pace = QLabel()
        self._pace.setMinimumWidth(120)
        self.speed.valueChanged.connect(self._set_speed)
        self.speed.setValue(3)
        for widget in (QLabel("Speed"), self.speed, self._pace):
            layout.addWidget(widget)
        return layout

    def _figures(self) -> QFrame:
        frame = QFrame(objectName="card")
        grid = QGridLayout(frame)
        grid.setContentsMargins(12, 10, 12, 10)
        grid.setHorizontalSpacing(18)
        self.figures: dict[str, QLabel] = {}
        names = ("Net P&L", "Total return", "Max drawdown", "Sharpe ratio", "Sortino ratio", "Closed trades",
                 "Win rate", "Profit factor", "Exposure", "Fees")  # fmt: skip
        for place, name in enumerate(names):
            row, column = divmod(place, 5)
            grid.addWidget(QLabel(name, objectName="figure"), row * 2, column)
            value = self.figures[name] = QLabel("–")
            font = value.font()
            font.setPointSizeF(font.pointSizeF() * 1.15)
            font.setBold(True)
            value.setFont(font)
            grid.addWidget(value, row * 2 + 1, column)
        return frame

    def _set_speed(self, place: int) -> None:
        self.desk.days_per_second = SPEEDS[place]
        self._pace.setText(f"{SPEEDS[place]:>3} day{'s' if place else ''} a second")

    # What it shows

    async def follow(self) -> None:
        """Show what is stored and every change of it, until the repository closes."""
        async with self._repository.watch() as changes:
            self.run(self._keep_fresh())
            self._want(None)
            while True:
                try:
                    async for change in changes:
                        self._want(change.session_id)
                    return
                except StorageError as error:  # the watch goes on where it was
                    self.tell(texts.problem(error), True)
                    await asyncio.sleep(RETRY_SECONDS)

    def _want(self, session_id: str | None) -> None:
        if session_id is not None:
            self._changed.add(session_id)
        self._wanted.set()

    async def _keep_fresh(self) -> None:
        """Many changes at once are one refresh."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            changed, self._changed = self._changed, set()
            try:
                await self._refresh(changed)
            except RepositoryClosedError:
                return
            except StorageError as error:
                self.tell(texts.problem(error), True)
                self._changed |= changed
                self._wanted.set()
                await asyncio.sleep(RETRY_SECONDS)

    async def _refresh(self, changed: set[str]) -> None:
        self._show_sessions(await self._repository.get_summaries(order_by="created_at"))
        if self._shown != self.selected_id or self._shown in changed:
            await self._show_details(self.selected_id)
        self.refreshed.emit()

    def _show_sessions(self, summaries: list[SessionSummary]) -> None:
        selected = self._to_select or self.selected_id
        self.sessions.show(summaries)
        row = self.sessions.row_of(selected)
        if row is None and summaries:
            row = min(self.table.currentIndex().row(), len(summaries) - 1) if selected else 0
            row = max(row, 0)
        if row is not None and (self._to_select or self.selected_id != summaries[row].id):
            index = self.sessions.index(row, 0)
            flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
            self.table.selectionModel().setCurrentIndex(index, flags)
            self.table.scrollTo(index)
        self._to_select = None
        self._show_buttons()

    async def _show_details(self, session_id: str | None) -> None:
        self._shown = session_id
        session = None if session_id is None else await self._repository.get_by_id(session_id)
        if session is None:
            self._clear_details()
            return
        fills = await self._repository.get_fills(session.id)
        curve = await self._repository.get_equity_curve(session.id)
        found = await anyio.to_thread.run_sync(performance, session, curve, fills)
        if self._shown != session.id:
            return  # another one was selected meanwhile
        self.positions.show(list(session.positions.values()))
        self.fills.show(fills[::-1])
        self.chart.show_curve(downsample(curve, 2000), session.initial_cash)
        for name, text, sign in texts.figures(found):
            self._show_figure(name, text, sign)

    def _clear_details(self) -> None:
        self.positions.show([])
        self.fills.show([])
        self.chart.show_curve([], 0)  # type: ignore[arg-type]
        for name in self.figures:
            self._show_figure(name, "–", 0)

    def _show_figure(self, name: str, text: str, sign: float) -> None:
        label = self.figures[name]
        label.setText(text)
        palette = label.palette()
        colour = self._theme.gain if sign > 0 else self._theme.loss if sign < 0 else self._theme.text
        palette.setColor(QPalette.ColorRole.WindowText, QColor(colour))
        label.setPalette(palette)

    def _show_buttons(self) -> None:
        session = self.selected
        steps = set() if session is None else set(steps_from(session.status))
        if session is not None and session.status is SessionStatus.RUNNING and not self.desk.is_trading(session.id):
            steps.add("resume")
        if session is not None and session.status is SessionStatus.CREATED:
            steps.discard("resume")
        if session is not None and session.status in (SessionStatus.STOPPED, SessionStatus.FAILED):
            steps.discard("start")
        for step in STEPS:
            self.buttons[step].setEnabled(step in steps)
        for name in ("reset", "delete"):
            self.buttons[name].setEnabled(session is not None)

    def tell(self, text: str, is_problem: bool) -> None:
        """Show a message for a while; a problem in other colours than a notice."""
        self.message.setText(("⚠  " if is_problem else "ℹ  ") + text)
        self.message.setProperty("kind", "problem" if is_problem else "notice")
        self.message.style().unpolish(self.message)
        self.message.style().polish(self.message)
        self.message.show()
        self._silence.start()

    # What the user does

    @property
    def selected(self) -> SessionSummary | None:
        """The selected session, as it was last read."""
        rows = self.table.selectionModel().selectedRows()
        return self.sessions.rows[rows[0].row()] if rows and rows[0].row() < len(self.sessions.rows) else None

    @property
    def selected_id(self) -> str | None:
        """The selected session's id."""
        session = self.selected
        return None if session is None else session.id

    def run(self, work: Coroutine[Any, Any, object]) -> None:
        """Run `work` beside everything else; what goes wrong in it is told to the user."""
        task = asyncio.get_running_loop().create_task(self._told(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _told(self, work: Coroutine[Any, Any, object]) -> None:
        try:
            await work
        except Exception as error:
            self.tell(texts.problem(error), True)

    def _selected(self) -> None:
        self._show_buttons()
        self._want(None)

    async def _new(self, _: SessionSummary | None) -> None:
        dialog = NewSession(self, f"Crossover {len(self.sessions.rows) + 1}")
        if await _answer(dialog) == QDialog.DialogCode.Accepted:
            session = await self.desk.create(dialog.name.text(), fast=dialog.fast.value(), slow=dialog.slow.value())
            self._to_select = session.id
            self._want(session.id)

    async def _step(self, step: str, session: SessionSummary | None) -> None:
        if session is not None:
            await self.desk.take(step, session.id)
            self._want(session.id)

    async def _reset(self, session: SessionSummary | None) -> None:
        if session is not None:
            new = await self.desk.reset(session.id)
            if new is not None:
                self._to_select = new.id
                self._want(new.id)

    async def _delete(self, session: SessionSummary | None) -> None:
        if session is None:
            return
        question = QMessageBox(
            QMessageBox.Icon.Warning,
            "Delete session",
            f"Delete “{session.name}” with its {session.fill_count:,} fills and its equity curve?",
            QMessageBox.StandardButton.Cancel | QMessageBox.StandardButton.Yes,
            self,
        )
        question.setInformativeText("This cannot be undone.")
        question.setDefaultButton(QMessageBox.StandardButton.Cancel)
        question.button(QMessageBox.StandardButton.Yes).setText("Delete")
        if await _answer(question) == QMessageBox.StandardButton.Yes:
            await self.desk.delete(session.id)

    async def offer_to_resume(self, interrupted: list[PaperTradingSession]) -> None:
        """Ask whether the sessions that were running when the program ended are to go on."""
        names = "\n".join(f"•  {session.name}" for session in interrupted[:10])
        more = f"\nand {len(interrupted) - 10} more" if len(interrupted) > 10 else ""
        count = "One session was" if len(interrupted) == 1 else f"{len(interrupted)} sessions were"
        question = QMessageBox(
            QMessageBox.Icon.Question,
            "Resume",
            f"{count} running when the window was last closed. Resume trading?",
            QMessageBox.StandardButton.No | QMessageBox.StandardButton.Yes,
            self,
        )
        question.setInformativeText(names + more)
        question.button(QMessageBox.StandardButton.Yes).setText("Resume")
        question.button(QMessageBox.StandardButton.No).setText("Not now")
        if await _answer(question) == QMessageBox.StandardButton.Yes:
            await self.resume(interrupted)

    async def resume(self, interrupted: list[PaperTradingSession]) -> None:
        """Let them go on trading here."""
        for session in interrupted:
            await self.desk.take("resume", session.id)
        self._want(None)

    # Its end

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Tell the program to end; it closes the file when everything is stored."""
        event.accept()
        self.closed.emit()

    async def finish(self) -> None:
        """End every task of the window's own."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class NewSession(QDialog):
    """Asks for what a new session needs."""

    def __init__(self, parent: QWidget, name: str) -> None:
        super().__init__(parent)
        self.setWindowTitle("New session")
        self.name = QLineEdit(name, objectName="name")
        self.fast = QSpinBox(objectName="fast", minimum=1, maximum=60, value=5)
        self.slow = QSpinBox(objectName="slow", minimum=2, maximum=200, value=40)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel | QDialogButtonBox.StandardButton.Ok)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        form = QFormLayout(self)
        form.addRow("Name", self.name)
        form.addRow("Fast average (days)", self.fast)
        form.addRow("Slow average (days)", self.slow)
        form.addRow(buttons)


async def _answer(dialog: QDialog) -> int:
    """Show the dialog, let everything else run on, and wait for the answer."""
    answered: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    dialog.finished.connect(lambda result: answered.done() or answered.set_result(result))
    dialog.open()
    try:
        return await answered
    finally:
        dialog.close()
        dialog.deleteLater()


def _titled(*parts: str | QWidget) -> QWidget:
    """Widgets below each other, with headings where there are texts."""
    whole = QWidget()
    layout = QVBoxLayout(whole)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(6)
    for part in parts:
        layout.addWidget(QLabel(part, objectName="heading") if isinstance(part, str) else part)
    return whole
