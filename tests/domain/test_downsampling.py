"""Fewer points of an equity curve with the same peaks and troughs."""

from __future__ import annotations

import csv
import weakref
from datetime import UTC, datetime, timedelta
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper_repo.domain import EquityPoint
from paper_repo.domain.downsampling import downsample, downsample_stream

START = datetime(2024, 1, 2, tzinfo=UTC)


def curve(values):
    """One point a minute."""
    return [EquityPoint(START + timedelta(minutes=number), 0, value) for number, value in enumerate(values)]


def point(seconds, equity):
    """A point so many seconds after the start."""
    return EquityPoint(START + timedelta(seconds=seconds), 0, equity)


def streamed(points, max_points):
    """The points downsampled one by one."""
    return downsample_stream(iter(points), max_points, start=points[0].at, end=points[-1].at)


def columns_of(points, count):
    """The points of each of `count` equally wide columns."""
    start, span = points[0].at, points[-1].at - points[0].at
    columns = [[] for _ in range(count)]
    for each in points:
        columns[min(count - 1, int((each.at - start) / span * count))].append(each)
    return [column for column in columns if column]


def bursts_of(min_size):
    """Curves with uneven intervals between their points."""
    pairs = st.lists(st.tuples(st.integers(0, 10**6), st.integers(-9, 9)), min_size=min_size, max_size=120)
    return pairs.map(lambda pairs: [point(*pair) for pair in sorted(pairs, key=lambda pair: pair[0])])


steady = st.lists(st.integers(-1000, 1000), max_size=120).map(curve)
unordered = st.lists(st.builds(point, st.integers(-50, 50), st.integers(-9, 9)), max_size=120)
curves = st.one_of(steady, bursts_of(0), unordered)
limits = st.integers(4, 60)


def is_part_of(few, all_points):
    """Whether `few` are some of these very points, in their order."""
    rest = iter(all_points)
    return all(any(each is other for other in rest) for each in few)


class TestInvariants:
    """What holds for every curve, in whatever order its times are."""

    @given(points=curves, max_points=limits)
    def test_some_of_the_points_in_order(self, points, max_points):
        """The result is at most `max_points` of the points themselves, in their order."""
        few = downsample(points, max_points)

        assert len(few) <= max_points
        assert is_part_of(few, points)

    @given(points=curves.filter(bool), max_points=limits)
    def test_ends_and_extremes(self, points, max_points):
        """The first, the last, the lowest and the highest point are always kept."""
        few = downsample(points, max_points)

        assert few[0] is points[0]
        assert few[-1] is points[-1]
        assert any(each is min(points, key=lambda point: point.equity) for each in few)
        assert any(each is max(points, key=lambda point: point.equity) for each in few)

    @given(points=curves, max_points=limits)
    def test_few_points(self, points, max_points):
        """A curve of no more than `max_points` points is returned whole, as a new list."""
        points = points[:max_points]

        few = downsample(points, max_points)

        assert few == points
        assert few is not points

    @given(points=curves.filter(bool), max_points=limits)
    def test_stream(self, points, max_points):
        """Points that come one by one give the same result."""
        assert streamed(points, max_points) == downsample(points, max_points)


class TestColumns:
    """What a chart needs."""

    @given(points=bursts_of(30).filter(lambda points: points[0].at < points[-1].at), max_points=st.integers(4, 29))
    def test_every_column(self, points, max_points):
        """Each column of the chart keeps the first, last, lowest and highest equity of all its points."""
        few = downsample(points, max_points)

        all_columns, kept_columns = (columns_of(each, max_points // 4) for each in (points, few))
        for column, kept in zip(all_columns, kept_columns, strict=True):
            assert (kept[0], kept[-1]) == (column[0], column[-1])
            assert min(each.equity for each in kept) == min(each.equity for each in column)
            assert max(each.equity for each in kept) == max(each.equity for each in column)

    def test_spike(self):
        """A peak and a trough of a single point each among ten thousand are kept."""
        values = [1000 + number % 7 for number in range(10_000)]
        values[1_234], values[6_789] = 5000, 1
        points = curve(values)

        few = downsample(points, 400)

        assert points[1_234] in few
        assert points[6_789] in few
        assert len(few) <= 400

    def test_gap(self):
        """Columns are spans of time: a burst of points gets no more of them than its time on the chart."""
        burst = [point(number / 1000, (number + 5) % 10) for number in range(1000)]
        slow = [point(3600 * hour, hour) for hour in range(1, 10)]

        few = downsample(burst + slow, 40)

        assert few[-9:] == slow
        assert len(few) == 4 + 9

    def test_gaps_at_the_ends(self):
        """The columns begin at the first point and end at the last, however far away the others are."""
        middle = [point(900 + number, number % 3) for number in range(8)]
        points = [point(0, 5), *middle[:4], *(point(each, 4) for each in (1090, 1095, 1100)), point(2000, 5)]

        few = downsample(points, 8)

        assert few == streamed(points, 8)
        assert len(few) == 5

    def test_same_moment(self):
        """Points of one and the same time are one column."""
        points = [point(0, value) for value in (5, 7, 1, 9, 3, 6)]

        few = downsample(points, 5)

        assert [each.equity for each in few] == [5, 1, 9, 6]

    def test_equal_extremes(self):
        """Of equally high or low points the first is kept."""
        points = curve([5, 9, 1, 5, 9, 1, 5])

        few = downsample(points, 4)

        assert few == [points[0], points[1], points[2], points[6]]

    def test_prices_of_a_year(self):
        """A year of closing prices at a tenth of its points keeps the year's high and low."""
        with (files("paper_repo") / "demo" / "prices.csv").open(newline="") as lines:
            rows = [row for row in csv.DictReader(lines) if row["symbol"] == "AAPL"]
        points = [EquityPoint(datetime.fromisoformat(row["date"]).replace(tzinfo=UTC), 0, row["close"]) for row in rows]

        few = downsample(points, 25)

        assert len(few) <= 25
        assert {"702.1", "430.47"} <= {str(each.equity) for each in few}


class TestStream:
    """Points that come one by one."""

    def test_outside_of_the_span(self):
        """Points before the start and after the end count to the first and the last column."""
        points = curve([5, 7, 9, 1, 3, 5, 6, 2, 8, 5, 4])

        few = downsample_stream(points, 8, start=points[5].at, end=points[7].at)

        assert [each.equity for each in few] == [5, 9, 1, 5, 6, 2, 8, 4]

    def test_as_many_as_may_be(self):
        """Just as many points as are allowed all come, though one column has most of them."""
        points = [*(point(number, number % 2) for number in range(7)), point(1000, 3)]

        few = streamed(points, 8)

        assert few == points

    def test_memory(self):
        """A stream is never held as a whole: what no column keeps is let go of before the next point comes."""
        alive = weakref.WeakSet()
        held = []

        class Noticed(EquityPoint):
            __slots__ = ("__weakref__",)

        def points():
            for number in range(500):
                each = Noticed(START + timedelta(minutes=number), 0, number)
                alive.add(each)
                yield each
                del each
                held.append(len(alive))

        downsample_stream(points(), 8, start=START, end=START + timedelta(minutes=499))

        assert max(held) <= 2 * 8

    def test_no_points(self):
        """A stream without points gives none."""
        assert downsample_stream(iter(()), 4, start=START, end=START) == []


class TestArguments:
    """What cannot be asked for."""

    @pytest.mark.parametrize("max_points", [3, 0, -1])
    @pytest.mark.parametrize("points", [[], curve([1, 2, 3, 4, 5])])
    def test_too_few(self, points, max_points):
        """Fewer than the four points that are always kept cannot be asked for, of no curve."""
        with pytest.raises(ValueError, match=f"max_points must be 4 or more .* not {max_points}"):
            downsample(points, max_points)

        with pytest.raises(ValueError, match="max_points must be 4 or more"):
            downsample_stream(points, max_points, start=START, end=START)

    def test_no_points(self):
        """A curve without points stays without points."""
        assert downsample([], 4) == []
