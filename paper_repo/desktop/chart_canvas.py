"""`ChartCanvas`: draws curves, drawdown, marks and a crosshair; it knows nothing of where they come from."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any, TypeAlias

import numpy as np
import pyqtgraph
from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from paper_repo.desktop import texts
from paper_repo.desktop.curve_items import GrowthCurve, MoneyCurve
from paper_repo.desktop.curves import Curve, local
from paper_repo.desktop.language import localised, tr
from paper_repo.desktop.theme import Theme, colours_of

AXIS_WIDTH = 84
_Looks: TypeAlias = tuple[Theme, tuple[str, ...]]
"""The theme, and the ids of the sessions."""

ZOOM = 0.8
"""By how much a key zooms."""

ROOM = 0.05
"""How much of the chart is left empty for what comes next, where a curve has grown beyond its end."""


class ChartCanvas(QWidget):
    """Equity above, drawdown below, on the same times.

    - `reading(text)`: what the crosshair reads, as rich text; without a crosshair, what the curves are.
    """

    reading: Signal = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Equity chart"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._curves: list[Curve] = []
        self._items: Sequence[MoneyCurve | GrowthCurve] = []
        self._drawn: _Looks | None = None
        self._place: int | None = None
        self._figures = pyqtgraph.GraphicsLayoutWidget()
        self._figures.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._figures)
        self.equity: Any = self._figures.addPlot(0, 0, axisItems={"left": _Axis("left"), "bottom": _TimeAxis("bottom")})
        self.fall: Any = self._figures.addPlot(
            1, 0, axisItems={"left": _PercentAxis("left"), "bottom": _TimeAxis("bottom")}
        )
        self._figures.ci.layout.setRowStretchFactor(0, 4)
        self._figures.ci.layout.setRowStretchFactor(1, 1)
        self._figures.ci.layout.setSpacing(4)
        self._figures.ci.layout.setContentsMargins(0, 0, 0, 0)
        self.fall.setXLink(self.equity)
        self.equity.getAxis("bottom").setStyle(showValues=False)
        for plot in (self.equity, self.fall):
            plot.setMenuEnabled(False)
            plot.hideButtons()
            plot.setMouseEnabled(x=True, y=False)
            plot.getViewBox().setAutoVisible(y=True)
            plot.enableAutoRange(y=True)
            plot.getAxis("left").setWidth(AXIS_WIDTH)
        self._lines = [pyqtgraph.InfiniteLine(angle=90, movable=False) for _ in (self.equity, self.fall)]
        self._moved = pyqtgraph.SignalProxy(
            self._figures.scene().sigMouseMoved, rateLimit=60, slot=lambda given: self._mouse_moved(given[0])
        )
        self._figures.viewport().installEventFilter(self)
        self._figures.scene().sigMouseClicked.connect(self._clicked)

    @property
    def drawn_ids(self) -> list[str]:
        """The ids of the sessions that are drawn."""
        return [curve.session_id for curve in self._curves]

    # Drawing

    def draw(self, curves: Sequence[Curve]) -> None:
        """Draw these curves: one by its equity, several by their growth."""
        ended = self._end()
        self._curves = list(curves)
        looks = self._looks()
        if looks != self._drawn:
            self._drawn = looks
            self._build(looks)
        for curve, items in zip(self._curves, self._items, strict=True):
            items.show(curve)
        self._follow(ended)
        self._read(self._place)

    def _looks(self) -> _Looks:
        """What says how the curves look: as long as it stays, new points need no new items."""
        return colours_of(self), tuple(curve.session_id for curve in self._curves)

    def _build(self, looks: _Looks) -> None:
        theme, ids = looks
        self._figures.setBackground(theme.base)
        for plot, line in zip((self.equity, self.fall), self._lines, strict=True):
            plot.clear()
            for name in ("left", "bottom"):
                plot.getAxis(name).setTextPen(theme.muted)
                plot.getAxis(name).setPen(theme.line)
            plot.showGrid(x=True, y=True, alpha=0.12)
            line.setPen(pyqtgraph.mkPen(theme.muted, style=Qt.PenStyle.DashLine))
            plot.addItem(line, ignoreBounds=True)
        self.equity.getAxis("left").is_percent = len(ids) != 1
        if len(ids) == 1:
            self._items = [MoneyCurve(self.equity, self.fall, theme)]
        else:
            colours = (theme.curves[number % len(theme.curves)] for number in range(len(ids)))
            self._items = [GrowthCurve(self.equity, self.fall, colour) for colour in colours]

    # Following what is added at the end

    def _end(self) -> float | None:
        """The time of the last point, where it is seen; None where the user has gone elsewhere."""
        last = max((curve.times[-1] for curve in self._curves if len(curve.times)), default=None)
        first_seen, last_seen = self.equity.viewRange()[0]
        return last if last is not None and first_seen <= last <= last_seen else None

    def _follow(self, ended: float | None) -> None:
        """Let what has come since be seen, with some room for what comes next: new axes take long to draw."""
        times = [curve.times for curve in self._curves if len(curve.times)]
        last = max((each[-1] for each in times), default=None)
        first_seen, last_seen = self.equity.viewRange()[0]
        if ended is None or last is None or last <= last_seen:
            return
        room = ROOM * (last_seen - first_seen)
        if first_seen > min(each[0] for each in times):
            first_seen += last + room - last_seen
        self.equity.setXRange(first_seen, last + room, padding=0)

    # Zooming and moving

    def show_all(self) -> None:
        """Show the whole of every curve."""
        times = [curve.times for curve in self._curves if len(curve.times)]
        if times:
            first, last = min(each[0] for each in times), max(each[-1] for each in times)
            self.equity.setXRange(first, max(last, first + 1), padding=0.02)
        for plot in (self.equity, self.fall):
            plot.enableAutoRange(y=True)
        self.leave()

    def zoom(self, factor: float) -> None:
        """Show less around the middle for a factor below one, more for one above it."""
        self.equity.getViewBox().scaleBy(x=factor)

    def pan(self, share: float) -> None:
        """Move by this share of what is seen: later, or earlier below zero."""
        (first, last), _ = self.equity.viewRange()
        self.equity.setXRange(first + share * (last - first), last + share * (last - first), padding=0)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Left and Right move the crosshair from point to point, with Ctrl the chart; + and - zoom; Home shows all."""
        key, moves = event.key(), {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        if key in moves and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.pan(0.2 * moves[Qt.Key(key)])
        elif key in moves:
            self._step(moves[Qt.Key(key)])
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom(ZOOM)
        elif key == Qt.Key.Key_Minus:
            self.zoom(1 / ZOOM)
        elif key == Qt.Key.Key_Home:
            self.show_all()
        elif key == Qt.Key.Key_Escape:
            self.leave()
        else:
            super().keyPressEvent(event)

    # The crosshair

    def eventFilter(self, watched: Any, event: QEvent) -> bool:  # noqa: N802
        """Take the crosshair away when the mouse leaves."""
        if event.type() == QEvent.Type.Leave:
            self.leave()
        return False

    def leave(self) -> None:
        """Read nothing any more."""
        self._read(None)

    def read_at(self, seconds: float) -> None:
        """Put the crosshair on the point nearest to this time, in seconds since 1970."""
        self._read(self._curves[0].nearest(seconds) if self._curves else None)

    def _step(self, by: int) -> None:
        if self._curves and len(self._curves[0].times):
            last = len(self._curves[0].times) - 1
            self._read(last if self._place is None else min(max(self._place + by, 0), last))

    def _mouse_moved(self, at: QPointF) -> None:
        if self._figures.sceneBoundingRect().contains(at) if hasattr(self._figures, "sceneBoundingRect") else True:
            self.read_at(self.equity.getViewBox().mapSceneToView(at).x())

    def _clicked(self, event: Any) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        if event.double():
            self.show_all()

    def _read(self, place: int | None) -> None:
        first = self._curves[0] if self._curves else None
        if place is not None and (first is None or place >= len(first.times)):
            place = None
        self._place = place
        for line in self._lines:
            line.setVisible(place is not None)
            if place is not None and first is not None:
                line.setPos(first.times[place])
        seconds = None if place is None or first is None else float(first.times[place])
        self.reading.emit(self._told(seconds))

    def _told(self, seconds: float | None) -> str:
        theme, several = colours_of(self), len(self._curves) > 1
        parts = [] if seconds is None else [f"<b>{texts.moment(local(seconds))}</b>"]
        for number, curve in enumerate(self._curves):
            place = len(curve.times) - 1 if seconds is None else curve.nearest(seconds)
            if place is None or place < 0:
                continue
            colour = theme.curves[number % len(theme.curves)] if several else theme.text
            name = escape(curve.name).replace(" ", "&nbsp;") if several else tr("Equity")
            value = f"{curve.growth[place]:+,.2f}" if several else f"{curve.equity[place]:,.2f}"
            fall = f"{tr('drawdown')} {localised(f'{curve.drawdown[place]:.2f}')} %"
            dot = f"<span style='color:{colour}'>●</span>&nbsp;" if several else ""
            unit = "&nbsp;%" if several else ""
            parts.append(f"{dot}{name}&nbsp;<b>{localised(value)}{unit}</b>" + ("" if several else f" &nbsp; {fall}"))
        return " &nbsp; ".join(parts) or tr("No equity has been recorded yet")


class _Axis(pyqtgraph.AxisItem):  # type: ignore[misc]  # pyqtgraph tells no types
    """Money, or the percent of growth."""

    is_percent = False

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:  # noqa: N802
        digits = 0 if spacing >= 1 else min(int(-np.floor(np.log10(spacing))), 8)
        return [localised(f"{value:,.{digits}f}") + (" %" if self.is_percent else "") for value in values]


class _PercentAxis(_Axis):
    is_percent = True


class _TimeAxis(pyqtgraph.DateAxisItem):  # type: ignore[misc]
    """Times in the user's own zone."""
