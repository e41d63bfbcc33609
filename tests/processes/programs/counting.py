"""Changes one session again and again, next to others who do the same.

Usage: python counting.py CASE PATH SESSION_ID ROUNDS; see `CASES`. Waits for a line on standard input, then begins;
prints how many saves succeeded, then how many raised a conflict and how many found the file busy.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import trio

from paper_repo import BusyError, ConflictError, Fill, SessionRepository, SQLiteSessionRepository

WORKERS = 4


def mark(worker: str, round_: int) -> Fill:
    """A fill that tells who has added it."""
    return Fill(f"{os.getpid()} {worker} {round_}", "AAPL", "BUY", 1, 100)


def core(path: str, session_id: str, rounds: int) -> Counter[str]:
    """Threads with plain calls: some save what they have loaded, some do both in one transaction."""
    counts: Counter[str] = Counter()
    with SessionRepository(path) as repository:

        def change(worker: int) -> None:
            for round_ in range(rounds):
                try:
                    if worker % 2:
                        with repository.atomic():
                            add(str(worker), round_)
                    else:
                        add(str(worker), round_)
                    counts["saved"] += 1
                except ConflictError:
                    counts["conflicts"] += 1
                except BusyError:
                    counts["busy"] += 1

        def add(worker: str, round_: int) -> None:
            session = repository.get_by_id(session_id)
            assert session is not None
            session.apply_fill(mark(worker, round_))
            repository.save(session)

        with ThreadPoolExecutor(WORKERS) as threads:
            list(threads.map(change, range(WORKERS)))
    return counts


async def facade(path: str, session_id: str, rounds: int, loop: str) -> Counter[str]:
    """Tasks with one async repository, that do the same."""
    counts: Counter[str] = Counter()
    async with SQLiteSessionRepository(path) as repository:

        async def change(worker: int) -> None:
            for round_ in range(rounds):
                try:
                    if worker % 2:
                        async with repository.atomic():
                            await add(f"{loop} {worker}", round_)
                    else:
                        await add(f"{loop} {worker}", round_)
                    counts["saved"] += 1
                except ConflictError:
                    counts["conflicts"] += 1
                except BusyError:
                    counts["busy"] += 1

        async def add(worker: str, round_: int) -> None:
            session = await repository.get_by_id(session_id)
            assert session is not None
            session.apply_fill(mark(worker, round_))
            await repository.save(session)

        if loop == "trio":
            async with trio.open_nursery() as nursery:
                for worker in range(WORKERS):
                    nursery.start_soon(change, worker)
        else:
            await asyncio.gather(*map(change, range(WORKERS)))
    return counts


CASES = {
    "core": core,
    "asyncio": lambda *arguments: asyncio.run(facade(*arguments, "asyncio")),
    "trio": lambda *arguments: trio.run(facade, *arguments, "trio"),
}

if __name__ == "__main__":
    sys.stdin.readline()
    counts = CASES[sys.argv[1]](sys.argv[2], sys.argv[3], int(sys.argv[4]))
    sys.stdout.write(f"{counts['saved']} {counts['conflicts']} {counts['busy']}\n")
