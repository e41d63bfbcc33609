"""The process that trades. It saves the session after every day, and may be killed at any moment.

It writes one line of JSON to standard output when it begins and one for each day that is stored, and reads a line from
standard input for each: so it is never more than a day ahead of what whoever started it has seen.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import anyio
import anyio.to_thread

from paper_repo.demo.market import trading_days
from paper_repo.demo.strategy import new_session, trade_day
from paper_repo.domain import PaperTradingSession
from paper_repo.facade.repository import AsyncSessionRepository
from paper_repo.interface import IPaperTradingSessionRepository

ADDRESS = "PAPER_REPO_DEMO_DB"
"""The environment variable that holds the address of the database, where it is not to be seen as an argument."""

HIDDEN = "-"
"""The argument in its place."""

SECRET = "PAPER_REPO_DEMO_PASSPHRASE"
"""The environment variable that holds the passphrase of the file, if it has one; it is never an argument."""


def main(arguments: Sequence[str]) -> int:
    """Trade the session of this run to its end, from where it stands; 0 when that is reached, 1 when nobody listens."""
    path, run, *pace = arguments
    return anyio.run(_work, os.environ[ADDRESS] if path == HIDDEN else path, run, float(pace[0]) if pace else None)


async def _work(path: str, run: str, days_per_second: float | None) -> int:
    async with AsyncSessionRepository(path, passphrase=os.environ.get(SECRET)) as repository:
        session = await find_or_start(repository, run)
        _tell(session)
        async with aclosing(trade(repository, session)) as days:
            async for _ in days:
                if days_per_second:
                    await anyio.sleep(1 / days_per_second)
                if not await anyio.to_thread.run_sync(sys.stdin.readline):
                    return 1
                _tell(session)
    return 0


async def find_or_start(repository: IPaperTradingSessionRepository, run: str) -> PaperTradingSession:
    """The session of this run, if one was left RUNNING when its process ended; else a new one."""
    for session in await repository.get_active():
        if session.metadata.get("demo_run") == run:
            return session
    session = new_session(demo_run=run)
    session.start()
    await repository.save(session)
    return session


async def trade(repository: IPaperTradingSessionRepository, session: PaperTradingSession) -> AsyncGenerator[int, None]:
    """Trade every day that `session` has not traded yet, save it after each, and stop it with the last one.

    Yields:
        The number of days traded, each time when they are stored.
    """
    days = trading_days()
    for day in days[session.state["days"] :]:
        trade_day(session, day)
        if day is days[-1]:
            session.stop()
        await repository.save(session)
        yield session.state["days"]


def _tell(session: PaperTradingSession) -> None:
    report = {
        "session_id": session.id,
        "pid": os.getpid(),
        "days": session.state["days"],
        "date": session.state["last_day"],
        "equity": str(session.equity),
        "positions": len(session.positions),
        "orders": len(session.open_orders),
        "fills": session.fill_count,
    }
    print(json.dumps(report), flush=True)
