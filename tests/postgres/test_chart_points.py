"""The points of a chart that PostgreSQL chooses."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paper_repo import EquityPoint, SessionRepository
from paper_repo.domain.downsampling import downsample
from tests.builders import new_session
from tests.core.test_chart_points import curves


@given(points=curves(), max_points=st.integers(4, 40))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_those_that_downsample_chooses(emptied_url: str, points: list[EquityPoint], max_points: int) -> None:
    """Of any curve they are those that `downsample` chooses of all points."""
    session = new_session(id="curve")
    for point in points:
        session.record_equity(point)
    with SessionRepository(emptied_url) as repository:
        repository.delete("curve")
        repository.save(session)

        assert repository.get_equity_curve("curve", max_points=max_points) == downsample(points, max_points)
