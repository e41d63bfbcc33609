"""What every test of a window gets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from paper_repo import PaperTradingSession, SessionRepository, Strategy
from paper_repo.demo.market import trading_days
from paper_repo.demo.strategy import new_session, trade_day


@pytest.fixture
def desktop(qtbot: Any, path: Path, tmp_path: Path) -> Iterator[Any]:
    """The program and its user, with settings of their own."""
    from tests.desktop.driving import Desktop, use_own_settings

    use_own_settings(tmp_path / "settings")
    desktop = Desktop(qtbot, path)
    yield desktop
    desktop.close()


@pytest.fixture
def stored(path: Path) -> Iterator[SessionRepository]:
    """What is in the file, seen by somebody else than the window."""
    with SessionRepository(path) as repository:
        yield repository


def traded(name: str, days: int = 60, **parameters: Any) -> PaperTradingSession:
    """A session of the demo's strategy after a number of days, paused."""
    session = new_session(name)
    session.strategy.parameters.update(parameters)
    session.start()
    for day in trading_days()[:days]:
        trade_day(session, day)
    session.pause()
    return session


def plain(number: int, **fields: Any) -> PaperTradingSession:
    """A session with nothing in it."""
    return PaperTradingSession(
        id=f"{number:06}", name=f"No. {number:06}", strategy=Strategy("hold"), initial_cash=1000, **fields
    )
