"""`python -m benchmarks.ui_pause`: how long a window stands still while 20 sessions trade and save at every tick.

A heartbeat on the event loop measures the pauses, as a user would feel them: without saving, with the async repository,
and with the same saves made on the loop's own thread, as a window without an async repository would make them.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.lowlevel

from paper_repo import PaperTradingSession, SessionRepository, SQLiteSessionRepository
from paper_repo.demo.market import trading_days
from paper_repo.demo.strategy import new_session, trade_day

Save = Callable[[PaperTradingSession], Awaitable[None]]
BEAT_SECONDS = 0.001


@dataclass(frozen=True)
class Pauses:
    """What the heartbeat felt: each beat's delay in seconds, and how many saves there were in which time."""

    delays: list[float]
    saves: int
    seconds: float

    @property
    def longest(self) -> float:
        """The longest delay, in seconds."""
        return max(self.delays)

    def __str__(self) -> str:
        usual = statistics.quantiles(self.delays, n=100, method="inclusive")[-1]
        return (
            f"longest pause {self.longest * 1000:7.1f} ms, 99 of 100 below {usual * 1000:6.1f} ms; "
            f"{self.saves} saves in {self.seconds:.2f} s"
        )


async def felt(sessions: int, days: int, save: Save) -> Pauses:
    """Trade this many sessions at once, each saved after every day, and measure the pauses meanwhile."""
    delays: list[float] = []
    began = time.perf_counter()
    async with anyio.create_task_group() as heart:
        heart.start_soon(_beat, delays)
        async with anyio.create_task_group() as tasks:
            for number in range(sessions):
                tasks.start_soon(_trade, f"No. {number}", days, save)
        heart.cancel_scope.cancel()
    return Pauses(delays, sessions * days, time.perf_counter() - began)


async def _beat(delays: list[float]) -> None:
    while True:
        before = time.perf_counter()
        await anyio.sleep(BEAT_SECONDS)
        delays.append(time.perf_counter() - before - BEAT_SECONDS)


async def _trade(name: str, days: int, save: Save) -> None:
    session = new_session(name)
    session.start()
    for day in trading_days()[:days]:
        trade_day(session, day)
        await save(session)


async def with_facade(path: Path, sessions: int, days: int) -> Pauses:
    """Saved by the async repository, whose thread does the waiting."""
    async with SQLiteSessionRepository(path) as repository:
        return await felt(sessions, days, repository.save)


async def on_ui_thread(path: Path, sessions: int, days: int) -> Pauses:
    """Saved by plain calls on the loop's own thread."""
    with SessionRepository(path) as repository:

        async def save(session: PaperTradingSession) -> None:
            repository.save(session)
            await anyio.lowlevel.checkpoint()

        return await felt(sessions, days, save)


async def without_saving(path: Path, sessions: int, days: int) -> Pauses:
    """What trading itself takes."""

    async def save(session: PaperTradingSession) -> None:
        await anyio.lowlevel.checkpoint()

    return await felt(sessions, days, save)


WAYS = {"not saved": without_saving, "async repository": with_facade, "on the UI thread": on_ui_thread}


def main() -> None:
    """Print the pauses of each way, side by side and in several rounds."""
    parser = argparse.ArgumentParser("python -m benchmarks.ui_pause", description=__doc__)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--days", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    for number in range(1, options.rounds + 1):
        for name, way in WAYS.items():
            with tempfile.TemporaryDirectory() as folder:
                found = anyio.run(way, Path(folder) / "sessions.db", options.sessions, options.days)
            print(f"round {number}  {name:17}  {found}")


if __name__ == "__main__":
    main()
