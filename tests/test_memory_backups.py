"""Backups of the in-memory repository are files as the others make them."""

from __future__ import annotations

from pathlib import Path

import pytest

from paper_repo import InMemorySessionRepository, SessionRepository
from tests.builders import new_fill, new_session

pytestmark = pytest.mark.anyio


async def test_fills_keep_their_places(tmp_path: Path) -> None:
    """Of a session whose earlier fills are stored nowhere, the first one that is has the place that it had."""
    session = new_session(id="one", fill_count=3)
    session.record_fill(new_fill(4))
    async with InMemorySessionRepository() as repository:
        await repository.save(session)
        await repository.backup(tmp_path / "copy.db")

    with SessionRepository(tmp_path / "copy.db") as copy:
        assert list(copy.fill_history("one")) == [(4, new_fill(4))]
        assert copy.get_by_id("one") == session
