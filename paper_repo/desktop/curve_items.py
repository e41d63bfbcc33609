"""What is drawn of one curve: new points move what is there, which is much less work than drawing anew."""

from __future__ import annotations

from typing import Any

import pyqtgraph
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor

from paper_repo.desktop.curves import Curve, Numbers
from paper_repo.desktop.theme import Theme


class GrowthCurve:
    """One of several curves: its growth in percent, and its drawdown, as lines of one colour.

    Args:
        equity, fall: the plots for the one and the other.
        colour: of the lines.
    """

    def __init__(self, equity: Any, fall: Any, colour: str) -> None:
        self._growth = _line(equity, pen=_pen(colour))
        self._fall = _line(fall, pen=_pen(colour))

    def show(self, curve: Curve) -> None:
        """Show the points of this curve."""
        self._growth.setData(curve.times, curve.growth)
        self._fall.setData(curve.times, curve.drawdown)


class MoneyCurve:
    """A curve that is alone: its equity, above or below what it began with, its fills as marks, and its drawdown.

    Args:
        equity, fall: the plots for the one and the other.
        theme: the colours.
    """

    def __init__(self, equity: Any, fall: Any, theme: Theme) -> None:
        self._theme = theme
        self._colour = ""
        self._start = pyqtgraph.InfiniteLine(angle=0, pen=pyqtgraph.mkPen(theme.muted, style=Qt.PenStyle.DashLine))
        equity.addItem(self._start)
        self._equity = _line(equity, fillLevel=0)
        self._fall = _line(fall, pen=_pen(theme.loss), brush=_shade(theme.loss), fillLevel=0)
        border = pyqtgraph.mkPen(theme.base, width=1)
        self._marks = [
            pyqtgraph.ScatterPlotItem(symbol=symbol, size=9, brush=colour, pen=border)
            for symbol, colour in (("t1", theme.gain), ("t", theme.loss))
        ]
        for marks in self._marks:
            equity.addItem(marks)

    def show(self, curve: Curve) -> None:
        """Show the points and fills of this curve."""
        has_points = len(curve.equity) > 0
        self._start.setVisible(has_points)
        self._start.setValue(curve.start)
        self._equity.setFillLevel(curve.start)
        self._set_colour(self._theme.gain if not has_points or curve.equity[-1] >= curve.start else self._theme.loss)
        self._equity.setData(curve.times, curve.equity)
        self._fall.setData(curve.times, curve.drawdown)
        for marks, times in zip(self._marks, (curve.buys, curve.sells), strict=True):
            _mark(marks, curve, times if has_points else times[:0])

    def _set_colour(self, colour: str) -> None:
        if colour != self._colour:
            self._colour = colour
            self._equity.setPen(_pen(colour))
            self._equity.setBrush(_shade(colour))


def _line(plot: Any, **options: Any) -> Any:
    line = pyqtgraph.PlotCurveItem(antialias=True, **options)
    plot.addItem(line)
    return line


def _pen(colour: str) -> Any:
    return pyqtgraph.mkPen(colour, width=1.6)


def _shade(colour: str) -> QColor:
    shade = QColor(colour)
    shade.setAlpha(34)
    return shade


def _mark(marks: Any, curve: Curve, times: Numbers) -> None:
    """Mark these times on the curve, unless they are marked already: marks take long to draw."""
    marked = marks.data["x"]
    if len(times) != len(marked) or (len(times) and (times[0], times[-1]) != (marked[0], marked[-1])):
        marks.setData(times, curve.at(times, curve.equity))
