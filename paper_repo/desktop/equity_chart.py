"""`EquityChart`: the equity of one session over time with its drawdown below, or several sessions over each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anyio.to_thread
from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtWidgets import QFrame, QLabel, QSizePolicy, QVBoxLayout, QWidget

from paper_repo.desktop.chart_canvas import ChartCanvas
from paper_repo.desktop.curves import Curve
from paper_repo.desktop.following import SessionFollower
from paper_repo.desktop.language import localised, tr
from paper_repo.desktop.live import LiveRepository
from paper_repo.desktop.naming import named
from paper_repo.errors import SessionNotFoundError

MOST_POINTS = 2000
"""How many points of a curve are drawn; its peaks and troughs are among them."""

MOST_MARKS = 1000
"""How many fills of a session are marked, the latest."""

MOST_CURVES = 8
"""How many sessions can be laid over each other and still be told apart."""


class EquityChart(QFrame):
    """The equity of a session over time, its fills as marks on it, and its drawdown below; it follows every change.

    Several sessions are laid over each other by their growth in percent. The wheel zooms, dragging moves, a double
    click or Home shows all of it; with the mouse or the arrow keys a crosshair reads time and value.

    - `shown()`: the chart shows what is stored.

    Args:
        live: where the sessions are.
        parent: the widget that this one belongs to.
    """

    shown: Signal = Signal()

    def __init__(self, live: LiveRepository, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("chart")
        self._live = live
        self._curves: dict[str, Curve] = {}
        self.canvas: ChartCanvas = ChartCanvas(self)
        self.reading: QLabel = named(QLabel(self, textFormat=Qt.TextFormat.RichText), "hint")
        self.reading.setWordWrap(True)
        self.reading.setMinimumHeight(self.fontMetrics().height() + 8)
        self.reading.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.canvas.reading.connect(self.reading.setText)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 6, 8, 6)
        layout.setSpacing(0)
        layout.addWidget(self.reading)
        layout.addWidget(self.canvas, 1)
        self.setFocusProxy(self.canvas)
        self.follower: SessionFollower = SessionFollower(self, live, self._load, self._show, one_by_one=True)
        self.follower.shown.connect(self.shown)
        self.canvas.draw([])

    def show_session(self, session_id: str | None) -> None:
        """Show this session alone, and follow its changes; None to show nothing."""
        self.show_sessions([] if session_id is None else [session_id])

    def show_sessions(self, session_ids: Sequence[str]) -> None:
        """Lay these sessions over each other, the first eight of them, and follow their changes."""
        ids = list(dict.fromkeys(session_ids))[:MOST_CURVES]
        self._curves = {each: self._curves[each] for each in ids if each in self._curves}
        self.follower.follow_all(ids)

    @property
    def curves(self) -> list[Curve]:
        """What is drawn."""
        return [self._curves[each] for each in self.follower.session_ids if each in self._curves]

    def reset_zoom(self) -> None:
        """Show all of it."""
        self.canvas.show_all()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Take the colours of a new palette."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "follower"):
            self._show({})

    async def _load(self, ids: Sequence[str]) -> dict[str, Curve | None]:
        return {each: await self._load_one(each) for each in ids}

    async def _load_one(self, session_id: str) -> Curve | None:
        session = await self._live.session(session_id)
        if session is None:
            return None
        repository = self._live.repository
        try:
            points = await repository.get_equity_curve(session_id, max_points=MOST_POINTS)
            fills = await repository.get_fills(session_id, after=max(session.fill_count - MOST_MARKS, 0))
        except SessionNotFoundError:  # it was deleted
            return None
        return await anyio.to_thread.run_sync(
            Curve.of,
            session_id,
            session.name or session_id,
            float(session.initial_cash + session.opening_worth),
            points,
            fills,
        )

    def _show(self, found: dict[str, Curve | None] | None) -> None:
        known = self._curves | (found or {})
        self._curves = {each: curve for each, curve in known.items() if curve is not None}
        before = self.canvas.drawn_ids
        self.canvas.draw(self.curves)
        if self.canvas.drawn_ids != before:
            self.canvas.show_all()
        self.canvas.setAccessibleDescription(self._in_words())

    def _in_words(self) -> str:
        """What the chart shows, for those who cannot see it."""
        told = []
        for curve in self.curves:
            if curve.equity:
                first, last, low, high = curve.equity[0], curve.equity[-1], min(curve.equity), max(curve.equity)
                amounts = (tr("from"), first, tr("to"), last, tr("lowest"), low, tr("highest"), high)
                told.append(f"{curve.name}: " + " ".join(_word(each) for each in amounts))
        return "; ".join(told) or tr("No equity has been recorded yet")


def _word(each: Any) -> str:
    return each if isinstance(each, str) else localised(f"{each:,.2f}")
