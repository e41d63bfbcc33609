"""`DemoControls`: the demo's strategy, run in the window: new sessions, speed, and what was interrupted is resumed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QWidget

from paper_repo.desktop import texts
from paper_repo.desktop.desk import Desk
from paper_repo.desktop.dialogs import NewSessionDialog, ask
from paper_repo.desktop.language import tr
from paper_repo.desktop.naming import named
from paper_repo.domain import PaperTradingSession, SessionStatus
from paper_repo.domain.selection import SessionSummary
from paper_repo.interface import IPaperTradingSessionRepository

if TYPE_CHECKING:
    from paper_repo.desktop.window import SessionWindow

SPEEDS = (1, 2, 5, 10, 20, 50, 100)
"""Days per second, by the position of the slider."""

MOST_NAMED = 10


class DemoControls(QObject):
    """What a window has besides when it trades the demo's strategy itself.

    Args:
        window: the window.
        resume: whether what was running goes on without a question.
    """

    told: Signal = Signal(str, bool)

    def __init__(self, window: SessionWindow, *, resume: bool = False) -> None:
        super().__init__(window)
        self._window = window
        self._live = window.live
        self._resume_at_once = resume
        self.desk: Desk = Desk(window.live.repository, self.told.emit)
        self.told.connect(lambda text, is_problem: window.message.tell(text, is_problem))
        self.new: QAction = named(QAction(tr("&New session…"), window, shortcut=QKeySequence("Ctrl+N")), "new")
        self.new.triggered.connect(lambda _=False: self._ask_for_new())
        self.reset: QAction = named(QAction(tr("Begin &anew"), window, shortcut=QKeySequence("Ctrl+Shift+A")), "reset")
        self.reset.triggered.connect(lambda _=False: self._reset())
        window.addActions([self.new, self.reset])

    def speed_bar(self, parent: QWidget) -> QWidget:
        """The slider for the speed."""
        bar = QWidget(parent)
        layout = QHBoxLayout(bar)
        layout.setContentsMargins(0, 0, 0, 0)
        self.speed: QSlider = named(QSlider(Qt.Orientation.Horizontal, bar), "speed")
        self.speed.setAccessibleName(tr("Speed, in days a second"))
        self.speed.setFixedWidth(130)
        self.speed.setRange(0, len(SPEEDS) - 1)
        self.speed.setPageStep(1)
        self._pace = QLabel(bar)
        self._pace.setMinimumWidth(self._pace.fontMetrics().horizontalAdvance("000 " + tr("days a second")) + 4)
        self.speed.valueChanged.connect(self._set_speed)
        self.speed.setValue(3)
        for widget in (QLabel(tr("Speed"), bar), self.speed, self._pace):
            layout.addWidget(widget)
        return bar

    def status_text(self, session: SessionSummary) -> str:
        """The status of a session; one that runs may be traded by somebody else."""
        if session.status is SessionStatus.RUNNING and not self.desk.is_trading(session.id):
            return "◐  " + tr("running, not here")
        return texts.status(session.status)

    def take(self, step: str, session_id: str) -> None:
        """Take a step of the life cycle."""
        self._live.ask(lambda _: self.desk.take(step, session_id), lambda _: self._window.table.refresh(), self._failed)

    def _set_speed(self, place: int) -> None:
        self.desk.days_per_second = SPEEDS[place]
        self._pace.setText(f"{SPEEDS[place]} " + (tr("days a second") if place else tr("day a second")))

    def _ask_for_new(self) -> None:
        NewSessionDialog(self._window, tr("Crossover") + f" {(self._window.table.total or 0) + 1}", self._create)

    def _create(self, asked: NewSessionDialog) -> None:
        name, cash, chosen = asked.name.text().strip(), asked.cash, asked.chosen
        parameters = {"fast": asked.fast.value(), "slow": asked.slow.value()}

        async def work(_: IPaperTradingSessionRepository) -> PaperTradingSession:
            session = await self.desk.create(name, cash, chosen, **parameters)
            await self.desk.take("start", session.id)
            return session

        self._live.ask(work, self._select, self._failed)

    def _reset(self) -> None:
        chosen = self._window.table.selected_id
        if chosen is not None:
            self._live.ask(lambda _: self.desk.reset(chosen), self._select, self._failed)

    def _select(self, session: PaperTradingSession | None) -> None:
        if session is not None:
            self._window.table.select(session.id)
            self._window.table.refresh()

    def offer_to_resume(self) -> None:
        """Ask whether the sessions that were running when the window was closed are to go on."""
        self._live.ask(lambda repository: repository.get_active(errors="report"), self._offer, self._failed)

    def _offer(self, active: list[PaperTradingSession]) -> None:
        interrupted = [each for each in active if self.desk.can_resume(each) and not self.desk.is_trading(each.id)]
        if not interrupted:
            return
        if self._resume_at_once:
            self._resume(interrupted)
            return
        names = "\n".join(f"•  {session.name}" for session in interrupted[:MOST_NAMED])
        more = "\n…" if len(interrupted) > MOST_NAMED else ""
        ask(
            self._window,
            tr("Resume"),
            texts.sessions(len(interrupted)) + " " + tr("ran when the window was closed. Resume trading?"),
            names + more,
            (tr("Not now"), tr("Resume")),
            lambda: self._resume(interrupted),
        )

    def _resume(self, interrupted: list[PaperTradingSession]) -> None:
        for session in interrupted:
            self.take("resume", session.id)

    def _failed(self, error: Exception) -> None:
        self._window.tell_error(error)
