"""An event loop, which may be that of a window, works on while many sessions save."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.ui_pause import with_facade
from paper_repo import SessionRepository

SESSIONS, DAYS = 20, 30


@pytest.mark.anyio
async def test_the_longest_pause_while_twenty_sessions_save_at_every_tick(
    path: Path, capsys: pytest.CaptureFixture[str], anyio_backend_name: str
) -> None:
    """The loop goes on between the saves, all of which are in the file; the longest pause is printed, not judged."""
    pauses = await with_facade(path, SESSIONS, DAYS)

    with capsys.disabled():
        print(f"\n{anyio_backend_name}: {pauses}")  # noqa: T201
    with SessionRepository(path) as stored:
        assert [session.version for session in stored.iterate()] == [DAYS] * SESSIONS
    assert len(pauses.delays) > 1
