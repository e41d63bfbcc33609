"""`PerformancePanel`: the figures by which traders compare sessions, of one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QVBoxLayout, QWidget

from paper_repo.desktop import texts
from paper_repo.desktop.following import SessionFollower
from paper_repo.desktop.language import tr
from paper_repo.desktop.live import LiveRepository
from paper_repo.desktop.naming import named
from paper_repo.desktop.theme import colours_of
from paper_repo.domain.performance import Performance
from paper_repo.errors import SessionNotFoundError

COLUMNS = 5


class PerformancePanel(QWidget):
    """P&L, return, drawdown, ratios and trades of one session, defined as in `paper_repo.Performance`.

    - `shown()`: the panel shows what is stored.

    Args:
        live: where the sessions are.
        parent: the widget that this one belongs to.
    """

    shown: Signal = Signal()

    def __init__(self, live: LiveRepository, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._live = live
        self._signs: dict[str, float] = {}
        self.figures: dict[str, QLabel] = {}
        frame = named(QFrame(self), "card")
        self._grid = QGridLayout(frame)
        self._grid.setContentsMargins(12, 10, 12, 10)
        self._grid.setHorizontalSpacing(18)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(frame)
        for place, name in enumerate(_names()):
            self._add(place, name)
        self.follower: SessionFollower = SessionFollower(self, live, self._load, self._show)
        self.follower.shown.connect(self.shown)

    def show_session(self, session_id: str | None) -> None:
        """Show the figures of this session, and follow its changes; None to show nothing."""
        self.follower.follow(session_id)

    def changeEvent(self, event: Any) -> None:  # noqa: N802
        """Take the colours of a new palette."""
        super().changeEvent(event)
        if event.type() == event.Type.PaletteChange:
            for name in self._signs:
                self._colour(name)

    def _add(self, place: int, name: str) -> None:
        row, column = divmod(place, COLUMNS)
        self._grid.addWidget(named(QLabel(name), "figure"), row * 2, column)
        value = self.figures[name] = QLabel(texts.NONE)
        value.setAccessibleName(name)
        value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        font = value.font()
        font.setPointSizeF(font.pointSizeF() * 1.15)
        font.setBold(True)
        value.setFont(font)
        self._grid.addWidget(value, row * 2 + 1, column)

    async def _load(self, session_ids: Sequence[str]) -> Performance | None:
        (session_id,) = session_ids
        try:
            return await self._live.repository.get_performance(session_id)
        except SessionNotFoundError:
            return None

    def _show(self, found: Performance | None) -> None:
        told = [(name, texts.NONE, 0.0) for name in self.figures] if found is None else texts.figures(found)
        for name, text, sign in told:
            self.figures[name].setText(text)
            self.figures[name].setAccessibleDescription(text)
            self._signs[name] = sign
            self._colour(name)

    def _colour(self, name: str) -> None:
        label, sign, theme = self.figures[name], self._signs[name], colours_of(self)
        palette = label.palette()
        colour = theme.gain if sign > 0 else theme.loss if sign < 0 else theme.text
        if palette.color(QPalette.ColorRole.WindowText) != QColor(colour):
            palette.setColor(QPalette.ColorRole.WindowText, QColor(colour))
            label.setPalette(palette)


def _names() -> tuple[str, ...]:
    return (tr("Net P&L"), tr("Total return"), tr("Max drawdown"), tr("Sharpe ratio"), tr("Sortino ratio"),
            tr("Closed trades"), tr("Win rate"), tr("Profit factor"), tr("Exposure"), tr("Fees"))  # fmt: skip
