"""Arrow tables of what is stored on PostgreSQL."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings

from paper_repo import PaperTradingSession, SessionRepository
from tests import strategies
from tests.frames import require_equal, require_equal_sessions


@given(session=strategies.sessions(strategies.texts(without="\0")))
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_equal_to_the_entities(emptied_url: str, session: PaperTradingSession) -> None:
    """Of any session, every frame says what the entities say, as floats and exactly."""
    with SessionRepository(emptied_url) as repository:
        repository.delete(session.id)
        repository.save(session)

        require_equal(repository, session)
        require_equal_sessions(repository)
