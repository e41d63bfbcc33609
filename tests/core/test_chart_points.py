"""The points of a chart that the database chooses: those that `downsample` chooses of all points."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paper_repo import CorruptRecordError, EquityPoint, SessionNotFoundError, SessionRepository
from paper_repo.core import chart_points
from paper_repo.domain.downsampling import downsample
from tests import strategies
from tests.builders import moment, new_session

STEPS = st.integers(0, 5_000)
EQUITIES = st.one_of(
    st.integers(-3, 3).map(Decimal),
    st.sampled_from(["0.1", "0.10", "1E+3", "1000", "1E-400", "-1E-400", "1E+400", "-1E+400"]).map(Decimal),
    st.integers(0, 9).map(lambda digit: Decimal(f"1234567890123456789.12345678901234567{digit}")),
    strategies.amounts(),
)


@st.composite
def curves(draw: st.DrawFn) -> list[EquityPoint]:
    """Curves whose times ascend, mostly, and whose equities are equal, or almost, quite often."""
    goes_back = draw(st.booleans())
    seconds, points = 0, []
    for equity in draw(st.lists(EQUITIES, min_size=1, max_size=60)):
        points.append(EquityPoint(moment(0) + timedelta(seconds=seconds), equity, equity))
        seconds += draw(STEPS) - (2_500 if goes_back else 0)
    return points


def stored(path: Path, points: Sequence[EquityPoint]) -> str:
    """The id of a session with these points in a file."""
    session = new_session(id="curve")
    for point in points:
        session.record_equity(point)
    with SessionRepository(path, durability="normal") as repository:
        repository.delete("curve")
        repository.save(session)
    return session.id


@given(points=curves(), max_points=st.integers(4, 70))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_those_that_downsample_chooses(path: Path, points: list[EquityPoint], max_points: int) -> None:
    """Of any curve, whatever its times and values are."""
    session_id = stored(path, points)
    with SessionRepository(path) as repository:
        found = repository.get_equity_curve(session_id, max_points=max_points)

    assert found == downsample(points, max_points)


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_a_column_is_looked_at_in_parts(path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Many points in one column are looked at in parts, of which the first of the lowest and the highest are kept."""
    monkeypatch.setattr(chart_points, "LARGEST_RANGE", size)
    points = [EquityPoint(moment(number), None, number * 7 % 5) for number in range(40)]
    session_id = stored(path, points)
    with SessionRepository(path) as repository:
        assert repository.get_equity_curve(session_id, max_points=8) == downsample(points, 8)


@pytest.mark.parametrize("place", [1, 20, 40])
def test_a_missing_point(path: Path, place: int) -> None:
    """A curve of which a point is missing is refused, also where it would not have been chosen."""
    session_id = stored(path, [EquityPoint(moment(number), None, 5) for number in range(40)])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM paper_trading_equity WHERE sequence = ?", [place])

    with SessionRepository(path) as repository:
        if place == 40:  # which nothing tells: the last points are not counted anywhere
            assert repository.get_equity_curve(session_id, max_points=8)[-1].at == moment(38)
            return
        with pytest.raises(CorruptRecordError, match="a part of its history is missing"):
            repository.get_equity_curve(session_id, max_points=8)


@pytest.mark.parametrize("change", ["equity = '77'", "equity = 'x1'", "equity = '-1E+5x'", "at = 'x'"])
def test_a_changed_point(path: Path, change: str) -> None:
    """A point that is chosen is compared with its checksum, and one that is no point is found in the choosing."""
    session_id = stored(path, [EquityPoint(moment(number), None, 5) for number in range(40)])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"UPDATE paper_trading_equity SET {change} WHERE sequence = 17")

    with SessionRepository(path) as repository, pytest.raises(CorruptRecordError):
        repository.get_equity_curve(session_id, max_points=8)


def test_an_unknown_session(path: Path) -> None:
    """It is an error, as without a maximum; a maximum that is too small is refused all the same."""
    with SessionRepository(path) as repository:
        with pytest.raises(SessionNotFoundError, match="nobody"):
            repository.get_equity_curve("nobody", max_points=8)
        with pytest.raises(ValueError, match="max_points must be 4 or more"):
            repository.get_equity_curve("nobody", max_points=3)
