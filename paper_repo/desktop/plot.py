"""`Plot`: one of the two parts of a chart: where its numbers lie on the screen, and how they are drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPolygonF

from paper_repo.desktop.curves import Curve, Numbers

MARGIN = 0.06
"""How much of the height is left empty above and below what is drawn."""

_SHADE = 34
_MARK = 4.5
"""Half of the width of a mark, in pixels."""


@dataclass
class Plot:
    """Numbers from `low` to `high` over the times from `first` to `last`, drawn in `area`."""

    area: QRectF
    first: float
    last: float
    low: float
    high: float

    @classmethod
    def around(cls, area: QRectF, times: tuple[float, float], values: Sequence[float]) -> Plot:
        """A plot in which these values have room."""
        low, high = (min(values), max(values)) if values else (0.0, 1.0)
        margin = MARGIN * (high - low) or max(abs(high) * 0.01, 1.0)
        return cls(area, *times, low - margin, high + margin)

    def x(self, time: float) -> float:
        """Where this time is."""
        return self.area.left() + (time - self.first) / (self.last - self.first) * self.area.width()

    def y(self, value: float) -> float:
        """Where this number is."""
        return self.area.bottom() - (value - self.low) / (self.high - self.low) * self.area.height()

    def time(self, x: float) -> float:
        """The time at this place."""
        return self.first + (x - self.area.left()) / self.area.width() * (self.last - self.first)

    # Drawing

    def draw_line(
        self, painter: QPainter, curve: Curve, values: Numbers, colour: str, fill_from: float | None = None
    ) -> None:
        """Draw the values of a curve, with a shade from the line to `fill_from`."""
        seen = curve.between(self.first, self.last)
        points = [
            QPointF(self.x(time), self.y(value)) for time, value in zip(curve.times[seen], values[seen], strict=True)
        ]
        if not points:
            return
        if fill_from is not None:
            ground = self.y(fill_from)
            shade = QColor(colour)
            shade.setAlpha(_SHADE)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(shade)
            painter.drawPolygon(QPolygonF([QPointF(points[0].x(), ground), *points, QPointF(points[-1].x(), ground)]))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(colour), 1.6))
        painter.drawPolyline(QPolygonF(points))

    def draw_marks(self, painter: QPainter, curve: Curve, times: Numbers, colour: str, border: str, up: bool) -> None:
        """Draw a triangle on the curve at each of these times; of those that would cover each other, one."""
        if not curve.times:
            return
        path = QPainterPath()
        path.setFillRule(Qt.FillRule.WindingFill)  # marks that lie over each other are not holes
        tip, ground = (-_MARK, _MARK) if up else (_MARK, -_MARK)
        for x, time in self._apart(times):
            y = self.y(curve.equity_at(time))
            triangle = [QPointF(x - _MARK, y + ground), QPointF(x + _MARK, y + ground), QPointF(x, y + tip)]
            path.addPolygon(QPolygonF([*triangle, triangle[0]]))
        painter.setPen(QPen(QColor(border), 1))
        painter.setBrush(QColor(colour))
        painter.drawPath(path)

    def _apart(self, times: Numbers) -> Iterator[tuple[float, float]]:
        before = float("-inf")
        for time in times:
            if self.first <= time <= self.last and (x := self.x(time)) >= before + 1:
                before = x
                yield x, time
