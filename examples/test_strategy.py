"""Tests of a strategy, with a fake and with a file.

    pytest examples/test_strategy.py

The fixtures come with paper_repo: pytest finds them by itself.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from paper_repo import ConflictError, Fill, PaperTradingSession, SessionRepository, Strategy
from paper_repo import InMemorySessionRepository as AsyncFake

PRICES = [100, 97, 103, 96, 108]


def run(repository: SessionRepository, prices: list[int]) -> PaperTradingSession:
    """The strategy: buy one below 100, sell all above 105; resumes the session that is RUNNING."""
    session = next(iter(repository.get_active()), None)
    if session is None:
        session = PaperTradingSession(strategy=Strategy("dip"), initial_cash=1000, state={"bar": -1})
        session.start()
    for bar in range(session.state["bar"] + 1, len(prices)):
        price, position = prices[bar], session.positions.get("ACME")
        if price < 100:
            session.apply_fill(Fill(f"bar-{bar}", "ACME", "BUY", quantity=1, price=price))
        elif price > 105 and position is not None:
            session.apply_fill(Fill(f"bar-{bar}", "ACME", "SELL", quantity=position.quantity, price=price))
        session.mark({"ACME": price})
        session.state["bar"] = bar
        repository.save(session)
    return session


def test_it_buys_low_and_sells_high(fake_session_repository: SessionRepository) -> None:
    """Two are bought below 100 and sold at 108."""
    session = run(fake_session_repository, PRICES)

    assert session.positions == {}
    assert session.net_pnl == 2 * 108 - 97 - 96


@pytest.mark.parametrize("bars", range(1, len(PRICES)))
def test_it_resumes_after_any_bar(bars: int, tmp_path: Path) -> None:
    """Stopped after some bars and started again on the same file, it ends as an uninterrupted run."""
    for prices in (PRICES[:bars], PRICES):
        with SessionRepository(tmp_path / "sessions.db") as repository:
            session = run(repository, prices)

    assert session.net_pnl == 2 * 108 - 97 - 96
    assert session.version == len(PRICES)


def test_another_program_was_faster(file_session_repository: SessionRepository) -> None:
    """What was loaded before somebody else has saved cannot be saved over it."""
    stale = run(file_session_repository, PRICES[:2])
    run(file_session_repository, PRICES)

    with pytest.raises(ConflictError):
        file_session_repository.save(stale)


@pytest.mark.anyio
async def test_a_service_that_awaits(async_fake_session_repository: AsyncFake) -> None:
    """The fake to await has the same methods."""
    await async_fake_session_repository.save(PaperTradingSession(strategy=Strategy("dip"), initial_cash=1000))

    assert await async_fake_session_repository.count() == 1
