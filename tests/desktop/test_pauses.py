"""The window works on while many sessions save: how long it stands still is printed, not judged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import tests.desktop.driving  # noqa: F401  # which skips where there is no Qt
from benchmarks import window_pause
from paper_repo import SessionRepository

SESSIONS, SAVED, SECONDS = 2_000, 50, 2.0


@pytest.fixture
def as_before() -> Iterator[None]:
    """What is measured changes how Python runs threads and looks for garbage; afterwards all is as before."""
    import gc
    import sys

    interval = sys.getswitchinterval()
    yield
    sys.setswitchinterval(interval)
    gc.unfreeze()


@pytest.mark.parametrize("name", window_pause.WAYS)
def test_the_longest_pause_while_fifty_sessions_save_at_every_tick(
    qtbot: object, as_before: None, path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """By another program, or in the window itself: the event loop goes on, and what was saved is in the file."""
    ids = window_pause.fill(path, SESSIONS, SAVED)

    felt = window_pause.WAYS[name](path, ids, SECONDS)

    with capsys.disabled():
        print(f"\n{name}: {felt}")  # noqa: T201
    assert felt.saves > 0
    assert len(felt.delays) > 1
    with SessionRepository(path) as stored:
        assert stored.count() == SESSIONS
        for session_id in ids:
            session = stored.get_by_id(session_id)
            assert len(stored.get_equity_curve(session_id)) == (
                session.state["days"] + 1 if session.state["days"] else 0
            )
