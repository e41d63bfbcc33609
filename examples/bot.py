"""A bot with fifty sessions on asyncio or trio, each traded by a task of its own.

    python examples/bot.py sessions.db [asyncio | trio]

Ctrl-C ends it; started again, it resumes all of them.
"""

from __future__ import annotations

import random
import sys
from collections.abc import AsyncIterator

import anyio
import anyio.lowlevel

from paper_repo import Fill, PaperTradingSession, SQLiteSessionRepository, Strategy

SESSIONS = 50
TICKS = 10


async def ticks(symbol: str, after: int) -> AsyncIterator[tuple[int, float]]:
    """Stands for a subscription to your data feed: the ticks after the one that was traded last."""
    walk = random.Random(symbol)
    for number in range(1, TICKS + 1):
        price = round(walk.uniform(90, 110), 2)
        if number > after:
            await anyio.lowlevel.checkpoint()
            yield number, price


async def trade(repository: SQLiteSessionRepository, session: PaperTradingSession) -> None:
    """Buy what is cheap, and save after every tick. Tasks that save at the same moment share one commit."""
    (symbol,) = session.symbols
    async for number, price in ticks(symbol, after=session.state["tick"]):
        if price < 95:
            session.apply_fill(Fill(f"tick-{number}", symbol, "BUY", quantity=1, price=price))
        session.mark({symbol: price})
        session.state["tick"] = number
        await repository.save(session)


async def begin(repository: SQLiteSessionRepository) -> None:
    """Store the sessions, all or none, the first time."""
    if await repository.count() == 0:
        sessions = [
            PaperTradingSession(
                strategy=Strategy("dip"), symbols=[f"SYM{number}"], initial_cash=10_000, state={"tick": 0}
            )
            for number in range(SESSIONS)
        ]
        for session in sessions:
            session.start()
        await repository.save_many(sessions)


async def main(path: str) -> None:
    """Resume every session that is RUNNING, and trade them side by side."""
    async with SQLiteSessionRepository(path) as repository:
        await begin(repository)
        async with anyio.create_task_group() as tasks:
            for session in await repository.get_active():
                tasks.start_soon(trade, repository, session)
        best = await repository.get_summaries(order_by="net_pnl", descending=True, limit=1)
        print(f"{await repository.count(status='RUNNING')} sessions, the best has gained {best[0].net_pnl}")


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], backend=sys.argv[2] if len(sys.argv) > 2 else "asyncio")
