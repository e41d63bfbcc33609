"""Fewer points of an equity curve for a chart that looks the same.

The method is M4 (Jugel, Jerzak, Hackenbroich and Markl, "M4: A Visualization-Oriented Time Series Data Aggregation",
Proceedings of the VLDB Endowment 7(10), 2014): the time from the first point to the last is cut into columns of equal
width, and each column keeps four of its points: the first, the last, the lowest and the highest. A line chart that is
as many pixels wide as there are columns draws the same line from these points as from all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import chain, islice

from paper_repo.domain.trading import EquityPoint

_PER_COLUMN = 4
FARTHEST = 1e300
"""Beyond any account, and within what a float can scale."""


def plottable(value: Decimal | float) -> float:
    """The value as a chart can draw it: at the edge where no float holds it, at zero where it is no number."""
    number = float(value)
    return 0.0 if number != number else min(max(number, -FARTHEST), FARTHEST)


def downsample(points: Sequence[EquityPoint], max_points: int) -> list[EquityPoint]:
    """At most `max_points` of the points, in their order, chosen so that a chart keeps its peaks and troughs.

    The first, the last, the lowest and the highest point (by equity; of equal ones the first) are always among them,
    and so are those of every column that a chart of `max_points // 4` pixels draws. When there are no more than
    `max_points`, all are returned. The time it takes grows with the number of points and no faster.

    Args:
        points: an equity curve, oldest first. Times that go back (a clock was set) cost some detail, nothing else.
        max_points: from 4; four times the width of the chart in pixels gives a chart without a visible difference.

    Raises:
        ValueError: `max_points` is below 4.
    """
    columns_in(max_points)
    if len(points) <= max_points:
        return list(points)
    return downsample_stream(points, max_points, start=points[0].at, end=points[-1].at)


def downsample_stream(
    points: Iterable[EquityPoint], max_points: int, *, start: datetime, end: datetime
) -> list[EquityPoint]:
    """What `downsample` returns, for points that come one by one and need never be in memory together.

    Args:
        points: an equity curve, oldest first; read once.
        max_points: from 4; no more points than about twice this are held at a time.
        start: the time of the first point, aware. A point before it counts to the first column.
        end: the time of the last point, aware. A point after it counts to the last column.

    Raises:
        ValueError: `max_points` is below 4.
    """
    count = columns_in(max_points)
    iterator = iter(points)
    head = list(islice(iterator, max_points + 1))
    if len(head) <= max_points:
        return head
    columns: dict[int, _Column] = {}
    for position, key, point in _placed(chain(head, iterator), count, start, end):
        if (column := columns.get(key)) is None:
            columns[key] = _Column(position, point)
        else:
            column.add(position, point)
    return _in_order(columns.values())


class _Column:
    """The four points that a column keeps, each with its position in the curve."""

    __slots__ = ("first", "highest", "last", "lowest")

    def __init__(self, position: int, point: EquityPoint) -> None:
        self.first = self.last = self.lowest = self.highest = (position, point)

    def add(self, position: int, point: EquityPoint) -> None:
        self.last = (position, point)
        if point.equity < self.lowest[1].equity:
            self.lowest = self.last
        elif point.equity > self.highest[1].equity:
            self.highest = self.last


def check_max_points(max_points: int | None) -> None:
    """Raise a `ValueError` unless this is a number of points that a curve can be reduced to, or None for all."""
    if max_points is not None:
        columns_in(max_points)


def columns_in(max_points: int) -> int:
    """How many columns of four points `max_points` allows."""
    if max_points < _PER_COLUMN:
        raise ValueError(f"max_points must be 4 or more (first, last, lowest and highest point), not {max_points}")
    return max_points // _PER_COLUMN


def _placed(
    points: Iterable[EquityPoint], columns: int, start: datetime, end: datetime
) -> Iterator[tuple[int, int, EquityPoint]]:
    """Each point with its position in the curve and the number of its column."""
    for position, point in enumerate(points):
        yield position, place_in_time(point.at, start, end, columns), point


def place_in_time(at: datetime, start: datetime, end: datetime, columns: int) -> int:
    """The number of the column that a time belongs to, from 0."""
    span = end - start
    column = int((at - start) / span * columns) if span else 0
    return min(max(column, 0), columns - 1)


def _in_order(columns: Iterable[_Column]) -> list[EquityPoint]:
    kept = {
        position: point
        for column in columns
        for position, point in (column.first, column.lowest, column.highest, column.last)
    }
    return [kept[position] for position in sorted(kept)]
