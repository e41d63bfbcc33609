"""The equity chart."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pyqtgraph
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QWidget

from paper_repo.desktop.theme import Theme
from paper_repo import EquityPoint


class _MoneyAxis(pyqtgraph.AxisItem):
    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:  # noqa: N802
        return [f"{value:,.0f}" for value in values]


class EquityChart(pyqtgraph.PlotWidget):
    """Equity over time, above and below the cash that the session began with."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        axes = {"left": _MoneyAxis("left"), "bottom": pyqtgraph.DateAxisItem("bottom", utcOffset=0)}
        super().__init__(parent, background=theme.base, axisItems=axes)
        self.setObjectName("chart")
        self.setAccessibleName("equity chart")
        self.setMouseEnabled(x=False, y=False)
        self.hideButtons()
        self.setMenuEnabled(False)
        self.showGrid(x=False, y=True, alpha=0.15)
        for name in axes:
            self.getAxis(name).setTextPen(theme.muted)
            self.getAxis(name).setPen(theme.line)
        self.getAxis("left").setWidth(84)
        self._theme = theme
        self._start = pyqtgraph.InfiniteLine(angle=0, pen=pyqtgraph.mkPen(theme.muted, style=Qt.PenStyle.DashLine))
        self._line = pyqtgraph.PlotDataItem(antialias=True)
        self.addItem(self._start)
        self.addItem(self._line)
        self.show_curve([], Decimal(0))

    def show_curve(self, points: Sequence[EquityPoint], initial_cash: Decimal) -> None:
        """Draw the curve; green above the initial cash, red below it, by where it stands now."""
        start = float(initial_cash)
        equity = [float(point.equity) for point in points]
        gained = not equity or equity[-1] >= start
        colour = QColor(self._theme.gain if gained else self._theme.loss)
        shade = QColor(colour)
        shade.setAlpha(36)
        self._start.setPos(start)
        self._start.setVisible(bool(points))
        self._line.setPen(pyqtgraph.mkPen(colour, width=2))
        self._line.setFillLevel(start)
        self._line.setBrush(shade)
        self._line.setData([point.at.timestamp() for point in points], equity)
        self.autoRange(padding=0.04)

    @property
    def drawn(self) -> list[float]:
        """The equity of the points that are drawn."""
        values = self._line.getData()[1]
        return [] if values is None else [float(value) for value in values]
