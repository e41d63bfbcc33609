"""Errors of the database at any moment: all or nothing is stored, and everything goes on afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from paper_repo import BusyError, SessionRepository
from tests.builders import new_session
from tests.facade.watching import writing_elsewhere


def test_another_writer_that_does_not_end(path: Path) -> None:
    """Whoever waits longer than the busy timeout for another program gets a `BusyError`, and can repeat the call."""
    with SessionRepository(path, busy_timeout=0.05) as repository:
        session = new_session()

        with writing_elsewhere(path), pytest.raises(BusyError, match=r"sessions\.db: .*repeat"):
            repository.save(session)

        repository.save(session)
        assert repository.get_by_id(session.id) == session
