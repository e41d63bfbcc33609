"""What a report takes from a session: drawdowns, monthly returns, the curve."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from operator import mul
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper_repo import (
    CorruptRecordError,
    EquityPoint,
    PaperTradingSession,
    SessionNotFoundError,
    SessionRepository,
    Strategy,
    downsample,
    performance,
    trades,
)
from paper_repo.domain.time_weighted import levels
from paper_repo.report import reading
from paper_repo.report.charts import _bounds
from tests.report.examples import demo_session, walk


@pytest.fixture
def repository(path: Path) -> Iterator[SessionRepository]:
    """A repository on a new file."""
    with SessionRepository(path, durability="normal") as repository:
        yield repository


def of_points(*points: tuple[datetime, float]) -> PaperTradingSession:
    """A session that began with 100 and had this equity at these times."""
    session = PaperTradingSession(id="one", strategy=Strategy("s"), initial_cash=100, created_at=points[0][0])
    for at, equity in points:
        session.record_equity(EquityPoint(at, equity, equity))
    return session


def results_of(repository: SessionRepository, session: PaperTradingSession) -> reading.Results:
    """What a report on this session shows."""
    repository.save(session)
    (results,) = reading.read_results(repository, [session.id])
    return results


def test_the_same_as_the_entities_say(repository: SessionRepository) -> None:
    """Figures, trades and curve are those of the library's own functions on what the repository gives."""
    session = demo_session()

    results = results_of(repository, session)

    curve, fills = repository.get_equity_curve(session.id), repository.get_fills(session.id)
    assert results.figures == performance(session, curve, fills)
    assert results.trades == trades(fills)
    assert [(each.at, each.cash, each.equity) for each in results.curve] == [
        (each.at, each.cash, each.equity) for each in downsample(curve, reading.POINTS)
    ]
    assert results.dips[0].depth == pytest.approx(results.figures.max_drawdown)
    assert (results.dips[0].peak_at, results.dips[0].trough_at) == (
        results.figures.drawdown_peak_at,
        results.figures.drawdown_trough_at,
    )


def test_monthly_returns(repository: SessionRepository) -> None:
    """Each month counts from the last point of the one before, the first from the starting cash; a year links them."""
    session = of_points(
        (datetime(2023, 11, 30, tzinfo=UTC), 110),
        (datetime(2023, 12, 1, tzinfo=UTC), 50),
        (datetime(2023, 12, 31, 23, 59, tzinfo=UTC), 121),
        (datetime(2024, 2, 1, tzinfo=UTC), 60.5),
    )

    months = results_of(repository, session).months

    assert {year: {month: round(each, 9) for month, each in of_year.items()} for year, of_year in months.items()} == {
        2023: {0: 0.21, 11: 0.1, 12: 0.1},
        2024: {0: -0.5, 2: -0.5},
    }


def test_drawdowns(repository: SessionRepository) -> None:
    """Each drawdown has its peak, its deepest point and its recovery; the last one may have none."""
    days = [datetime(2024, 1, day, tzinfo=UTC) for day in range(1, 8)]

    dips = results_of(repository, of_points(*zip(days, (90, 100, 120, 60, 90, 120, 114), strict=True))).dips

    assert dips == [
        reading.Dip(days[2], days[3], days[5], -0.5),
        reading.Dip(days[0], days[0], days[1], pytest.approx(-0.1)),
        reading.Dip(days[5], days[6], None, pytest.approx(-0.05)),
    ]


@given(equities=st.lists(st.integers(1, 50), min_size=1, max_size=40))
def test_drawdowns_of_any_curve(equities: list[int]) -> None:
    """No point lies below a peak but in a drawdown, and the deepest is the one that the performance names."""
    start = datetime(2024, 1, 1, tzinfo=UTC)
    session = PaperTradingSession(strategy=Strategy("s"), initial_cash=equities[0], created_at=start)
    points = [EquityPoint(start + timedelta(days=day), 0, each) for day, each in enumerate(equities)]

    seen = reading.Walk()
    assert list(seen.follow(levels(session, points))) == list(levels(session, points))
    dips = seen.dips

    below = {
        point.at
        for place, point in enumerate(points)
        if point.equity < max(each.equity for each in points[: place + 1])
    }
    inside = {
        point.at
        for point in points
        if any(dip.peak_at < point.at and (dip.recovered_at is None or point.at < dip.recovered_at) for dip in dips)
    }
    assert inside == below
    found = performance(session, points, []).max_drawdown
    assert min((dip.depth for dip in dips), default=0) == pytest.approx(found)


@given(
    gaps=st.lists(st.integers(0, 90), min_size=1, max_size=30),
    drawn=st.sets(st.integers(0, 29)),
    equities=st.lists(st.integers(1, 50), min_size=30, max_size=30),
)
def test_what_is_kept_of_any_curve(gaps: list[int], drawn: set[int], equities: list[int]) -> None:
    """The levels that are drawn, at their times, and the last of each month; of one moment the last one counts."""
    days = [datetime(2023, 10, 31, 23, tzinfo=UTC) + timedelta(days=each) for each in accumulate(gaps)]
    session = PaperTradingSession(strategy=Strategy("s"), initial_cash=100, created_at=days[0])
    points = [EquityPoint(at, 0, equity) for at, equity in zip(days, equities, strict=False)]
    passed = list(levels(session, points))

    seen = reading.Walk({point.at for place, point in enumerate(points) if place in drawn})
    assert list(seen.follow(iter(passed))) == passed

    known = {each.at: float(each.level) for each in passed if each.level is not None}
    assert seen.levels == {point.at: known[point.at] for place, point in enumerate(points) if place in drawn}
    closes = {(at.year, at.month): level for at, level in known.items()}
    months = {(year, month) for year, of_year in seen.months().items() for month in of_year if month}
    assert months == set(closes)
    grown = [1 + each[month] for _, each in sorted(seen.months().items()) for month in sorted(each) if month]
    assert [100 * each for each in accumulate(grown, mul)] == pytest.approx(list(closes.values()))


def test_several_share_the_room(repository: SessionRepository) -> None:
    """The more sessions, the fewer points and trades each of them shows."""
    repository.save_many([walk(number, days=700) for number in range(20)])

    results = reading.read_results(repository, [f"walk-{number}" for number in range(20)])

    assert all(len(each.curve) <= reading.POINTS_TOGETHER / 20 for each in results)
    assert all(each.point_count == 700 for each in results)


def test_what_cannot_be_read(repository: SessionRepository, path: Path) -> None:
    """A session that is not there, an amount that was changed, a curve with a gap."""
    repository.save(walk(1))
    with pytest.raises(SessionNotFoundError, match="'nobody'"):
        reading.read_results(repository, ["nobody"])
    repository.close()
    for change, message in (
        ("SET equity = '7' WHERE sequence = 2", "its checksum is wrong"),
        ("SET sequence = 999 WHERE sequence = 2", "a part of its history is missing"),
    ):
        with sqlite3.connect(path) as connection:
            connection.execute(f"UPDATE paper_trading_equity {change}")
        connection.close()
        with (
            SessionRepository(path) as again,
            pytest.raises(CorruptRecordError, match=f"walk-1.*{message}"),
        ):
            reading.read_results(again, ["walk-1"])


@given(
    values=st.lists(st.floats(-1e12, 1e12).filter(lambda each: each == 0 or abs(each) > 1e-9), min_size=1, max_size=5),
    to_zero=st.booleans(),
)
def test_the_picture_holds_every_value(values: list[float], to_zero: bool) -> None:
    """Whatever the values, they lie between the lowest and the highest line, and one line is above the other."""
    values = [-abs(each) for each in values] if to_zero else values

    low, high, steps = _bounds(values, to_zero)

    assert low < high
    assert 1 <= steps <= 10
    assert low <= min(values)
    assert max(values) <= high
    assert not to_zero or high == 0


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(-0.18, 0.14, (-0.2, 0.15, 7)), (980.0, 1240.0, (950.0, 1250.0, 6)), (0.01, 0.02, (0.01, 0.02, 10))],
)
def test_little_of_the_picture_is_empty(low: float, high: float, expected: tuple[float, float, int]) -> None:
    """The lines stand as close as there is room for, at round numbers."""
    assert _bounds([low, high], False) == pytest.approx(expected)
