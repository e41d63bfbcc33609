"""The chart: what its axes are marked with, where its curves stand, and what the mouse and the wheel do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from paper_repo import EquityPoint, Fill
from tests.desktop.driving import PATIENCE  # which skips where there is no Qt

from PySide6.QtCore import QPoint, QPointF, Qt  # isort: skip
from PySide6.QtGui import QWheelEvent  # isort: skip
from PySide6.QtWidgets import QApplication  # isort: skip

from paper_repo.desktop import ticks  # isort: skip
from paper_repo.desktop.chart_canvas import ChartCanvas  # isort: skip
from paper_repo.desktop.curves import Curve  # isort: skip

BEGIN = datetime(2024, 2, 28, 20, 0, tzinfo=UTC)


def curve(*equity: float, session_id: str = "a", fills: tuple[Fill, ...] = ()) -> Curve:
    """A curve with a point an hour."""
    points = [EquityPoint(BEGIN + timedelta(hours=place), value, value) for place, value in enumerate(equity)]
    return Curve.of(session_id, session_id, 100.0, points, fills)


@pytest.fixture
def canvas(qtbot: Any) -> ChartCanvas:
    """A chart with a curve of ten points."""
    canvas = ChartCanvas(None)
    qtbot.addWidget(canvas)
    canvas.resize(600, 300)
    canvas.show()
    canvas.draw([curve(*range(100, 110))])
    canvas.show_all()
    return canvas


def test_a_curve_knows_its_drawdown_and_growth() -> None:
    """The fall is from the highest point before, or from the beginning."""
    drawn = curve(90, 120, 60, 120)

    assert drawn.drawdown == pytest.approx([-10, 0, -50, 0])
    assert drawn.growth == pytest.approx([-10, 20, -40, 20])


@pytest.mark.parametrize("amounts", [("100", "1E+400"), ("100", "-1E+400"), ("1E-400", "1"), ("1E+400", "2E+400")])
def test_amounts_that_no_float_holds_are_drawn(canvas: ChartCanvas, amounts: tuple[str, ...]) -> None:
    """At the edge, with ticks and a mark."""
    points = [EquityPoint(BEGIN + timedelta(hours=place), each, each) for place, each in enumerate(amounts)]
    bought = Fill("f", "A", "BUY", 1, 1, 0, BEGIN + timedelta(minutes=30))

    drawn = Curve.of("a", "a", float(points[0].equity), points, [bought])
    canvas.draw([drawn])
    canvas.show_all()

    assert not canvas.grab().isNull()
    assert all(abs(value) <= 1e300 for value in (*drawn.equity, *drawn.drawdown, *drawn.growth))


def test_a_mark_stands_on_the_line() -> None:
    """Between two points in proportion; beyond the ends at the nearest one."""
    drawn = curve(100, 200)
    first, last = drawn.times

    assert drawn.equity_at((first + last) / 2) == pytest.approx(150)
    assert (drawn.equity_at(first - 1), drawn.equity_at(last + 1)) == (100, 200)
    assert (drawn.nearest(first + 1), drawn.nearest(last - 1), curve().nearest(0)) == (0, 1, None)


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [
        (0, 10, 5, ["0", "2", "4", "6", "8", "10"]),
        (-0.3, 0.31, 4, ["-0.2", "0.0", "0.2"]),
        (1_003_000, 1_097_000, 5, ["1020000", "1040000", "1060000", "1080000"]),
        (1, 1, 5, []),
    ],
)
def test_numbers_are_round(low: float, high: float, most: int, expected: list[str]) -> None:
    """Steps of 1, 2 or 5 times a power of ten, with the digits that they need."""
    found = ticks.of_numbers(low, high, most, lambda value, digits: f"{value:.{digits}f}")

    assert [text for _, text in found] == expected


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (timedelta(seconds=20), ["01:45:05", "01:45:10", "01:45:15", "01:45:20"]),
        (timedelta(hours=2), ["02:00", "02:30", "03:00", "03:30"]),
        (timedelta(days=1), ["06:00", "12:00", "18:00", "Mar"]),
        (timedelta(days=5), ["Mar", "2 Mar", "3 Mar", "4 Mar", "5 Mar"]),
        (timedelta(days=200), ["Mar", "May", "Jul", "Sep"]),
        (timedelta(days=1500), ["2025", "2026", "2027", "2028"]),
    ],
)
def test_times_are_round_in_the_zone_of_the_user(length: timedelta, expected: list[str]) -> None:
    """5:45 before UTC: seconds, minutes, hours, days, months or years, by how much is seen."""
    first = (BEGIN + timedelta(seconds=1)).timestamp()

    found = ticks.of_times(first, first + length.total_seconds(), 5)

    assert [text for _, text in found] == expected
    assert all(first <= time <= first + length.total_seconds() for time, _ in found)


def test_the_wheel_zooms_around_the_mouse(canvas: ChartCanvas) -> None:
    """What is below the mouse stays there."""
    at = QPointF(400, 100)
    before, below = canvas.seen, canvas._time(at)

    event = QWheelEvent(
        at, canvas.mapToGlobal(at), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(canvas, event)

    assert canvas.seen[1] - canvas.seen[0] == pytest.approx(0.8 * (before[1] - before[0]))
    assert canvas._time(at) == pytest.approx(below)


def test_dragging_moves_and_a_double_click_shows_all(qtbot: Any, canvas: ChartCanvas) -> None:
    """The time below the mouse goes with it."""
    whole = canvas.seen
    canvas.zoom(0.5)
    seen = canvas.seen

    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=QPoint(300, 100))
    qtbot.mouseMove(canvas, QPoint(350, 100))
    qtbot.waitUntil(lambda: canvas.seen[0] < seen[0], timeout=PATIENCE)
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=QPoint(350, 100))
    assert canvas.seen[1] - canvas.seen[0] == pytest.approx(seen[1] - seen[0])

    qtbot.mouseDClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(300, 100))
    assert canvas.seen == pytest.approx(whole)


def test_what_comes_at_the_end_is_seen_unless_the_user_is_elsewhere(canvas: ChartCanvas) -> None:
    """A session that trades grows to the right: whole where it was whole, moved where it was zoomed."""
    canvas.draw([curve(*range(100, 130))])
    assert canvas.seen[1] > curve(*range(100, 130)).times[-1]
    assert canvas.seen[0] < BEGIN.timestamp()

    canvas.zoom(0.2)
    elsewhere = canvas.seen
    canvas.draw([curve(*range(100, 140))])
    assert canvas.seen == elsewhere

    canvas.show_all()
    canvas.zoom(0.2, around=canvas.seen[1])
    width = canvas.seen[1] - canvas.seen[0]
    canvas.draw([curve(*range(100, 150))])
    assert canvas.seen[1] == curve(*range(100, 150)).times[-1]
    assert canvas.seen[1] - canvas.seen[0] == pytest.approx(width)


def test_fills_are_marks_on_the_curve(canvas: ChartCanvas) -> None:
    """In the colours of buying and selling, where they were made; none where there is no point."""
    fills = (
        Fill("1", "IBM", "BUY", 1, 10, executed_at=BEGIN + timedelta(hours=2)),
        Fill("2", "IBM", "SELL", 1, 10, executed_at=BEGIN + timedelta(hours=6)),
    )
    drawn = curve(*[100] * 10, fills=fills)
    canvas.draw([drawn])
    picture = canvas.grab().toImage()
    plot = canvas._plots()[0]

    for times, is_buy in ((drawn.buys, True), (drawn.sells, False)):
        colour = picture.pixelColor(round(plot.x(times[0])), round(plot.y(100)))
        assert (colour.green() > colour.red()) is is_buy
    canvas.draw([curve(fills=fills)])
    canvas.grab()


def test_several_curves_have_a_colour_each(canvas: ChartCanvas) -> None:
    """Where each of them stands, its own colour is seen."""
    drawn = [curve(*[100] * 10), curve(*[150] * 10, session_id="b")]
    canvas.draw(drawn)
    canvas.show_all()
    picture, plot = canvas.grab().toImage(), canvas._plots()[0]

    x = round(plot.x(sum(canvas.seen) / 2))
    colours = {picture.pixelColor(x, round(plot.y(each.growth[0]))).name() for each in drawn}
    assert len(colours) == 2
    assert canvas.drawn_ids == ["a", "b"]
