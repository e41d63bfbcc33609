"""Random programs of many tasks whose transactions write side by side, on several connections.

The seed stands in the test's name. `PAPER_REPO_TEST_SEED=<seed>` replays one (as far as the threads' timing is not to
blame), `PAPER_REPO_TEST_ROUNDS=100` runs a hundred times as many.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import anyio
import psycopg
import pytest
import trio

from paper_repo import AsyncSessionRepository, BusyError, ConflictError
from tests.facade.exploring import Explorer, assert_as_told, prepare
from tests.facade.seeds import seeds
from tests.postgres.watching import assert_nobody_works, stored

REFUSALS = (BusyError, ConflictError)
"""Blocks go on at the same time here: one that has read what another one then changes is refused."""

PATIENCE = 1
"""The busy timeout, in seconds, which alone ends a wait in a circle through two programs."""

LONG = 30
"""Where there is one program only: nothing ends by it, on however slow a machine."""


def assert_consistent(url: str, explorers: list[Explorer]) -> None:
    """No transaction is open, nothing waits, and stored is exactly what the session objects say."""
    with psycopg.connect(url, autocommit=True) as connection:
        assert_nobody_works(connection)
        assert_as_told(explorers, stored(connection))


@pytest.mark.parametrize("seed", seeds(2))
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_on_one_event_loop(emptied_url: str, backend: str, seed: int) -> None:
    """Whatever many tasks of one loop do to each other: the database holds what they were told."""
    repository = AsyncSessionRepository(emptied_url, busy_timeout=LONG)
    explorer = Explorer(repository, backend, seed, REFUSALS, alone=True)

    async def explore() -> None:
        await prepare(repository)
        await explorer.run()

    anyio.run(explore, backend=backend)

    assert_consistent(emptied_url, [explorer])
    anyio.run(repository.close, backend=backend)


@pytest.mark.parametrize("seed", seeds(2))
@pytest.mark.parametrize("shared", [True, False], ids=["one-repository", "two-repositories"])
def test_on_two_event_loops(emptied_url: str, shared: bool, seed: int) -> None:
    """The same with asyncio in one thread and trio in another, through one repository or through one each."""
    mine = AsyncSessionRepository(emptied_url, busy_timeout=PATIENCE)
    other = mine if shared else AsyncSessionRepository(emptied_url, busy_timeout=PATIENCE)
    asyncio.run(prepare(mine))
    explorers = [Explorer(mine, "asyncio", seed, REFUSALS), Explorer(other, "trio", seed, REFUSALS)]

    with ThreadPoolExecutor() as threads:
        on_trio = threads.submit(trio.run, explorers[1].run)
        asyncio.run(explorers[0].run())
        on_trio.result()

    assert_consistent(emptied_url, explorers)
    asyncio.run(mine.close())
    trio.run(other.close)
