"""Saves from many tasks at once, whose saves share commits, and prints each one that is acknowledged, at once.

Usage: python saving_async.py PATH DURABILITY. A line is `session version`, or `session,session version` for two that
are saved in one block. Half-way the repository is closed and another one opened; the log grows until SQLite moves it
into the file and begins it anew.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence

from paper_repo import Fill, PaperTradingSession, SQLiteSessionRepository, Strategy

ALONE = 8
"""How many tasks save a session of their own."""
IN_PAIRS = 3
"""How many tasks save two sessions in one block."""
ROUNDS = 6
"""How often each of them saves, before the repository is closed and after it."""
LARGE = "0123456789abcdef" * 4_000
"""Some of it makes SQLite's log grow."""


def names() -> list[str]:
    """What each task saves, as it is printed."""
    return [f"one{number}" for number in range(ALONE)] + [f"left{number},right{number}" for number in range(IN_PAIRS)]


async def work(repository: SQLiteSessionRepository, name: str) -> None:
    """Save again and again, and say so."""
    sessions = [await repository.get_by_id(each) or new_session(each) for each in name.split(",")]
    for _ in range(ROUNDS):
        for session in sessions:
            session.apply_fill(Fill(f"{session.id} {session.version + 1}", "AAPL", "BUY", 1, "100.25"))
            session.mark({"AAPL": 100 + session.version})
            session.state = {"large": LARGE, "version": session.version}
        await (save_alone if len(sessions) == 1 else save_in_block)(repository, sessions)
        os.write(1, f"{name} {sessions[0].version}\n".encode())


async def save_alone(repository: SQLiteSessionRepository, sessions: Sequence[PaperTradingSession]) -> None:
    """One save, which may share a commit with others."""
    await repository.save(sessions[0])


async def save_in_block(repository: SQLiteSessionRepository, sessions: Sequence[PaperTradingSession]) -> None:
    """Several saves that belong together."""
    async with repository.atomic():
        for session in sessions:
            await repository.save(session)


def new_session(session_id: str) -> PaperTradingSession:
    """A session that was never saved."""
    return PaperTradingSession(id=session_id, strategy=Strategy("sma"), initial_cash=10000)


async def main(path: str, durability: str) -> None:
    """Let all tasks work, twice."""
    for _ in range(2):
        async with SQLiteSessionRepository(path, durability=durability) as repository, asyncio.TaskGroup() as group:
            for name in names():
                group.create_task(work(repository, name))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
