"""Trades and saves until it is killed, and prints each save that it was told is done.

Usage: python trading.py CASE PATH SEED; see `CASES`. A line is `session version`, or `session,session version`.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys

import trio

from paper_repo import Fill, PaperTradingSession, SessionRepository, SQLiteSessionRepository, Strategy

SYMBOLS = ("AAPL", "MSFT")
TASKS = 8


def new_session(session_id: str) -> PaperTradingSession:
    """A running session that was never saved."""
    session = PaperTradingSession(
        id=session_id, strategy=Strategy("sma"), symbols=SYMBOLS, initial_cash=10000, status="RUNNING"
    )
    assert session.equity == 10000
    return session


def trade(session: PaperTradingSession, dice: random.Random) -> None:
    """One fill and one equity point for each version of the session."""
    symbol, price = dice.choice(SYMBOLS), f"{dice.randrange(5000, 20000)}e-2"
    side, quantity = dice.choice(["BUY", "SELL"]), dice.randint(1, 5)
    session.apply_fill(
        Fill(f"{session.id} {session.fill_count + 1}", symbol, side, quantity, price, "0.35", session.created_at)
    )
    session.mark({symbol: price})


def report(*sessions: PaperTradingSession) -> None:
    """Print that these are saved, at once and in one piece."""
    ids = ",".join(session.id for session in sessions)
    os.write(1, f"{ids} {sessions[0].version}\n".encode())


def core(path: str, dice: random.Random) -> None:
    """One session, by plain calls."""
    repository = SessionRepository(path)
    session = repository.get_by_id("one") or new_session("one")
    while True:
        trade(session, dice)
        repository.save(session)
        report(session)


def core_atomic(path: str, dice: random.Random) -> None:
    """Two sessions that are always saved together, by plain calls."""
    repository = SessionRepository(path)
    pair = [repository.get_by_id(name) or new_session(name) for name in ("left", "right")]
    while True:
        with repository.atomic():
            for session in pair:
                trade(session, dice)
                repository.save(session)
        report(*pair)


async def many_tasks(path: str, dice: random.Random) -> None:
    """A session a task, all of them saving as fast as they can: their saves share commits."""
    repository = SQLiteSessionRepository(path)

    async def task(name: str) -> None:
        session = await repository.get_by_id(name) or new_session(name)
        while True:
            trade(session, dice)
            await repository.save(session)
            report(session)

    async with asyncio.TaskGroup() as group:
        for number in range(TASKS):
            group.create_task(task(f"task {number}"))


async def blocks(path: str, dice: random.Random) -> None:
    """Tasks with a pair of sessions each, that are always saved in one block."""
    repository = SQLiteSessionRepository(path)

    async def task(number: int) -> None:
        names = (f"left {number}", f"right {number}")
        pair = [await repository.get_by_id(name) or new_session(name) for name in names]
        while True:
            async with repository.atomic():
                for session in pair:
                    trade(session, dice)
                    await repository.save(session)
                    await trio.lowlevel.checkpoint()
            report(*pair)

    async with trio.open_nursery() as nursery:
        for number in range(3):
            nursery.start_soon(task, number)


CASES = {
    "core": core,
    "core_atomic": core_atomic,
    "many_tasks": lambda path, dice: asyncio.run(many_tasks(path, dice)),
    "blocks": lambda path, dice: trio.run(blocks, path, dice),
}

if __name__ == "__main__":
    CASES[sys.argv[1]](sys.argv[2], random.Random(sys.argv[3]))
