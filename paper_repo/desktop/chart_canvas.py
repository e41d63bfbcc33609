"""`ChartCanvas`: draws curves, drawdown, marks and a crosshair; it knows nothing of where they come from.

It draws with Qt alone, and little of it in Python: a chart is drawn anew with every save, while other threads of the
program want to run Python code too.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import chain

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QWidget

from paper_repo.desktop import texts, ticks
from paper_repo.desktop.curves import Curve, local
from paper_repo.desktop.language import localised, tr
from paper_repo.desktop.plot import Plot
from paper_repo.desktop.theme import Theme, colours_of

ZOOM = 0.8
"""By how much a key, or a step of the wheel, zooms."""

ROOM = 0.02
"""How much of the width is left empty beside the curves when all of them are shown."""

SHORTEST = 1.0
"""The shortest time that is shown, in seconds."""

_EQUITY_SHARE = 0.78
_GAP = 10
_TICK_HEIGHT, _TICK_WIDTH = 36, 70


class ChartCanvas(QWidget):
    """Equity above, drawdown below, on the same times.

    - `reading(text)`: what the crosshair reads, as rich text; without a crosshair, what the curves are.
    """

    reading: Signal = Signal(str)

    def __init__(self, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Equity chart"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setMinimumSize(220, 140)
        self._curves: list[Curve] = []
        self._place: int | None = None
        self._dragged: float | None = None
        self.seen: tuple[float, float] = (0.0, SHORTEST)
        """The times that are shown: from the one to the other, in seconds since 1970."""

    @property
    def drawn_ids(self) -> list[str]:
        """The ids of the sessions that are drawn."""
        return [curve.session_id for curve in self._curves]

    def draw(self, curves: Sequence[Curve]) -> None:
        """Draw these curves: one by its equity, several by their growth. What comes at a seen end is seen."""
        before, self._curves = self._ends(), list(curves)
        after = self._ends()
        if before is not None and after is not None and before[1] <= self.seen[1] < after[1]:
            was_whole = self.seen[0] <= before[0]
            self.seen = self._whole() if was_whole else (self.seen[0] + after[1] - self.seen[1], after[1])
        self._read(self._place)
        self.update()

    def _ends(self) -> tuple[float, float] | None:
        times = [curve.times for curve in self._curves if curve.times]
        return (min(each[0] for each in times), max(each[-1] for each in times)) if times else None

    def _whole(self) -> tuple[float, float]:
        first, last = self._ends() or (0.0, SHORTEST)
        room = ROOM * max(last - first, SHORTEST)
        return first - room, max(last, first + SHORTEST) + room

    # Zooming and moving

    def show_all(self) -> None:
        """Show the whole of every curve."""
        self.seen = self._whole()
        self.leave()
        self.update()

    def zoom(self, factor: float, around: float | None = None) -> None:
        """Show less for a factor below one, more for one above it; a time stays where it is, by default the middle."""
        first, last = self.seen
        middle = (first + last) / 2 if around is None else around
        if factor * (last - first) >= SHORTEST:
            self.seen = middle + factor * (first - middle), middle + factor * (last - middle)
            self.update()

    def pan(self, share: float) -> None:
        """Move by this share of what is seen: later, or earlier below zero."""
        first, last = self.seen
        self.seen = first + share * (last - first), last + share * (last - first)
        self.update()

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

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Zoom around the mouse."""
        steps = event.angleDelta().y() / 120
        self.zoom(ZOOM**steps, around=self._time(event.position()))
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Begin to move."""
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        if event.button() is Qt.MouseButton.LeftButton:
            self._dragged = self._time(event.position())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """End moving."""
        self._dragged = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Show all of it."""
        self.show_all()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Move the curves, or the crosshair."""
        if self._dragged is None:
            self.read_at(self._time(event.position()))
        else:
            first, last = self.seen
            self.pan((self._dragged - self._time(event.position())) / (last - first))

    def _time(self, at: QPointF) -> float:
        return self._plots()[0].time(at.x())

    # The crosshair

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """The mouse has left the chart."""
        self.leave()

    def leave(self) -> None:
        """Take the crosshair away."""
        self._read(None)

    def read_at(self, seconds: float) -> None:
        """Put the crosshair on the point nearest to this time, in seconds since 1970."""
        self._read(self._curves[0].nearest(seconds) if self._curves else None)

    def _step(self, by: int) -> None:
        if self._curves and self._curves[0].times:
            last = len(self._curves[0].times) - 1
            self._read(last if self._place is None else min(max(self._place + by, 0), last))

    def _read(self, place: int | None) -> None:
        first = self._curves[0] if self._curves else None
        if place is not None and (first is None or place >= len(first.times)):
            place = None
        if place != self._place:
            self._place = place
            self.update()
        self.reading.emit(self._told(self._read_time()))

    def _read_time(self) -> float | None:
        return None if self._place is None else self._curves[0].times[self._place]

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

    # Drawing

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw what is seen."""
        theme = colours_of(self)
        equity, fall = self._plots()
        with QPainter(self) as painter:
            painter.fillRect(self.rect(), QColor(theme.base))
            self._draw_axes(painter, equity, fall, theme)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self._draw_curves(painter, equity, fall, theme)
            self._draw_crosshair(painter, equity, fall, theme)

    @property
    def _is_money(self) -> bool:
        return len(self._curves) == 1

    def _plots(self) -> tuple[Plot, Plot]:
        """The plot of equity and that of drawdown, as large as the widget and what is seen now make them."""
        line = self.fontMetrics().height()
        left = self.fontMetrics().horizontalAdvance("0") * 11
        right, bottom = max(self.width() - 6, left + 20), max(self.height() - line - 8, 60)
        middle = 4 + (bottom - 4) * _EQUITY_SHARE
        seen = [(curve, curve.between(*self.seen)) for curve in self._curves]
        values = chain.from_iterable((each.equity if self._is_money else each.growth)[part] for each, part in seen)
        falls = chain.from_iterable(each.drawdown[part] for each, part in seen)
        areas = (
            QRectF(left, 4, right - left, middle - 4),
            QRectF(left, middle + _GAP, right - left, bottom - middle - _GAP),
        )
        return (
            Plot.around(areas[0], self.seen, list(values)),
            Plot.around(areas[1], self.seen, [0.0, *falls]),
        )

    def _draw_axes(self, painter: QPainter, equity: Plot, fall: Plot, theme: Theme) -> None:
        grid, border = QColor(theme.text), QPen(QColor(theme.line))
        grid.setAlphaF(0.07)
        times = ticks.of_times(*self.seen, most=int(equity.area.width() / _TICK_WIDTH)) if self._ends() else []
        for plot, is_percent in ((equity, not self._is_money), (fall, True)):
            area = plot.area
            numbers = ticks.of_numbers(
                plot.low, plot.high, max(int(area.height() / _TICK_HEIGHT), 2), _percent if is_percent else _money
            )
            numbers = numbers if self._ends() else []
            painter.setPen(grid)
            for time, _ in times:
                painter.drawLine(QPointF(plot.x(time), area.top()), QPointF(plot.x(time), area.bottom()))
            for number, text in numbers:
                y = plot.y(number)
                painter.setPen(grid)
                painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
                painter.setPen(QColor(theme.muted))
                painter.drawText(QRectF(0, y - 10, area.left() - 6, 20), RIGHT, text)
            painter.setPen(border)
            painter.drawLine(area.topLeft(), area.bottomLeft())
            painter.drawLine(area.bottomLeft(), area.bottomRight())
        painter.setPen(QColor(theme.muted))
        for time, text in times:
            painter.drawText(QRectF(fall.x(time) - 50, fall.area.bottom() + 3, 100, 20), TOP, text)

    def _draw_curves(self, painter: QPainter, equity: Plot, fall: Plot, theme: Theme) -> None:
        painter.setClipRect(equity.area)
        if self._is_money:
            self._draw_money(painter, equity, self._curves[0], theme)
        else:
            for curve, colour in zip(self._curves, self._colours(theme), strict=True):
                equity.draw_line(painter, curve, curve.growth, colour)
        painter.setClipRect(fall.area)
        for curve, colour in zip(self._curves, self._colours(theme), strict=True):
            fall.draw_line(painter, curve, curve.drawdown, colour, fill_from=0 if self._is_money else None)
        painter.setClipping(False)

    def _draw_money(self, painter: QPainter, plot: Plot, curve: Curve, theme: Theme) -> None:
        painter.setPen(QPen(QColor(theme.muted), 1, Qt.PenStyle.DashLine))
        painter.drawLine(
            QPointF(plot.area.left(), plot.y(curve.start)), QPointF(plot.area.right(), plot.y(curve.start))
        )
        gained = not curve.equity or curve.equity[-1] >= curve.start
        plot.draw_line(painter, curve, curve.equity, theme.gain if gained else theme.loss, fill_from=curve.start)
        plot.draw_marks(painter, curve, curve.buys, theme.gain, theme.base, up=True)
        plot.draw_marks(painter, curve, curve.sells, theme.loss, theme.base, up=False)

    def _colours(self, theme: Theme) -> list[str]:
        """The colours of the curves; of the drawdown of one that is alone."""
        if self._is_money:
            return [theme.loss]
        return [theme.curves[number % len(theme.curves)] for number in range(len(self._curves))]

    def _draw_crosshair(self, painter: QPainter, equity: Plot, fall: Plot, theme: Theme) -> None:
        seconds = self._read_time()
        if seconds is None or self._place is None or not self.seen[0] <= seconds <= self.seen[1]:
            return
        painter.setPen(QPen(QColor(theme.muted), 1, Qt.PenStyle.DashLine))
        curve, x = self._curves[0], equity.x(seconds)
        y = equity.y((curve.equity if self._is_money else curve.growth)[self._place])
        for plot in (equity, fall):
            painter.drawLine(QPointF(x, plot.area.top()), QPointF(x, plot.area.bottom()))
        painter.drawLine(QPointF(equity.area.left(), y), QPointF(equity.area.right(), y))


RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
TOP = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop


def _money(value: float, digits: int) -> str:
    return localised(f"{value:,.{digits}f}")


def _percent(value: float, digits: int) -> str:
    return _money(value, digits) + " %"
