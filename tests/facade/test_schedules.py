"""Random programs of many tasks on one file, each task in the way of the others.

The seed stands in the test's name. `PAPER_REPO_TEST_SEED=<seed>` replays one (as far as the threads' timing is not to
blame), `PAPER_REPO_TEST_ROUNDS=100` runs a hundred times as many.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import anyio
import pytest
import trio

from paper_repo import SQLiteSessionRepository
from tests.facade.cancelling import stored
from tests.facade.exploring import SESSIONS, SHARED, Explorer, assert_as_told, prepare
from tests.facade.seeds import seeds
from tests.facade.watching import assert_no_transaction_is_open, connect


def assert_consistent(path: Path, explorers: list[Explorer]) -> None:
    """No transaction is open, the file is sound, and holds exactly what the session objects say is stored."""
    assert_no_transaction_is_open(path)
    with closing(connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert_as_told(explorers, {session_id: stored(path, session_id) for session_id in SESSIONS + SHARED})


@pytest.mark.parametrize("seed", seeds(6))
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_on_one_event_loop(path: Path, backend: str, seed: int) -> None:
    """Whatever many tasks of one loop do to each other: the file holds what they were told."""
    repository = SQLiteSessionRepository(path)
    explorer = Explorer(repository, backend, seed, alone=True)

    async def explore() -> None:
        async with repository:
            await prepare(repository)
            await explorer.run()

    anyio.run(explore, backend=backend)

    assert_consistent(path, [explorer])


@pytest.mark.parametrize("seed", seeds(6))
@pytest.mark.parametrize("shared", [True, False], ids=["one-repository", "two-repositories"])
def test_on_two_event_loops(path: Path, shared: bool, seed: int) -> None:
    """The same with asyncio in one thread and trio in another, through one repository or through one each."""
    mine = SQLiteSessionRepository(path)
    other = mine if shared else SQLiteSessionRepository(path)
    asyncio.run(prepare(mine))
    explorers = [Explorer(mine, "asyncio", seed), Explorer(other, "trio", seed)]

    with ThreadPoolExecutor() as threads:
        on_trio = threads.submit(trio.run, explorers[1].run)
        asyncio.run(explorers[0].run())
        on_trio.result()

    asyncio.run(mine.close())
    trio.run(other.close)
    assert_consistent(path, explorers)
