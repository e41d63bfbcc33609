"""A session that is copied to a server is the one of a moment, whatever is saved at its source meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from paper_repo import SessionRepository
from paper_repo.maintenance.copy import copy_sessions
from tests.builders import new_fill, new_session


def test_a_save_between_reading_and_comparing_is_not_seen(path: Path, url: str) -> None:
    """What is compared at the target is what was copied, not what the source has become."""
    session = new_session(id="one")
    session.apply_fill(new_fill(1))

    class Disturbed(SessionRepository):
        def restore(self, *args: Any) -> None:
            super().restore(*args)
            session.apply_fill(new_fill(2))
            source.save(session)

    with SessionRepository(path) as source, SessionRepository(path) as reading, Disturbed(url) as target:
        source.save(session)

        assert copy_sessions(reading, target).copied == ["one"]
        assert target.get_fills("one") == [new_fill(1)]
        assert len(source.get_fills("one")) == 2
