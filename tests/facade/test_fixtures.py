"""Blocks that a fixture holds: what stands before its `yield`, the tests and the rest of it run in a task each.

pytest-asyncio does so, with one context for all of them; here it is done by hand, which needs no plugin.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from contextvars import Context, copy_context
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
import trio

from paper_repo import (
    InMemorySessionRepository,
    IPaperTradingSessionRepository,
    SQLiteSessionRepository,
    TransactionOwnershipError,
)
from tests.builders import new_session

pytestmark = pytest.mark.anyio

Work = Callable[[], Awaitable[Any]]


class Tasks:
    """Runs each function in a task of its own, which has ended by then, in one context for all of them."""

    def __init__(self, backend: str) -> None:
        self._backend = backend
        self._context: Context = copy_context()

    async def run(self, work: Work) -> Any:
        """The result of `work`."""
        gc.collect()  # the memory of the task before is free for the next one
        outcome: list[tuple[Any, Exception | None]] = []
        ended = anyio.Event()

        async def wrapped() -> None:
            try:
                outcome.append((await work(), None))
            except Exception as error:
                outcome.append((None, error))
            finally:
                ended.set()

        if self._backend == "trio":
            trio.lowlevel.spawn_system_task(wrapped, context=self._context)
            await ended.wait()
            await anyio.lowlevel.checkpoint()
        else:
            await asyncio.get_running_loop().create_task(wrapped(), context=self._context)
        ((result, error),) = outcome
        if error is not None:
            raise error
        return result


@pytest.fixture
def tasks(anyio_backend_name: str) -> Tasks:
    """What runs tests as a plugin does."""
    return Tasks(anyio_backend_name)


@pytest.fixture(params=["sqlite", "memory"])
async def repository(request: pytest.FixtureRequest, path: Path) -> AsyncIterator[IPaperTradingSessionRepository]:
    """A repository of each kind."""
    kind = InMemorySessionRepository() if request.param == "memory" else SQLiteSessionRepository(path)
    async with kind as repository:
        yield repository


async def transaction(repository: IPaperTradingSessionRepository, *, fails: bool) -> AsyncIterator[None]:
    """A fixture: what the tests do is committed in the end, or rolled back."""
    with suppress(ZeroDivisionError):
        async with repository.atomic():
            yield
            if fails:
                raise ZeroDivisionError


@pytest.mark.parametrize("fails", [True, False], ids=["rolled-back", "committed"])
async def test_a_block_of_a_fixture(repository: IPaperTradingSessionRepository, tasks: Tasks, fails: bool) -> None:
    """All tests use the block whose task has ended, one after the other, and the fixture ends it for all of them."""
    fixture = transaction(repository, fails=fails)
    sessions = [new_session() for _ in range(20)]

    await tasks.run(lambda: anext(fixture))
    for session in sessions:
        await tasks.run(lambda session=session: repository.save(session))
    inside = await tasks.run(repository.count)
    await tasks.run(lambda: anext(fixture, None))

    assert (inside, await repository.count()) == (20, 0 if fails else 20)
    assert {session.version for session in sessions} == {0 if fails else 1}


async def test_a_block_of_a_fixture_belongs_to_one_task_at_a_time(
    repository: IPaperTradingSessionRepository, tasks: Tasks
) -> None:
    """The test that uses it first has taken it over: a task that it starts is refused, whatever was collected."""
    fixture = transaction(repository, fails=False)
    session, other = new_session(), new_session()

    async def test() -> list[object]:
        await repository.save(session)
        refused = []
        for _ in range(20):
            gc.collect()
            try:
                await child_task(lambda: repository.save(other))
            except TransactionOwnershipError as error:
                refused.append(error)
        return refused

    await tasks.run(lambda: anext(fixture))
    refused = await tasks.run(test)
    await tasks.run(lambda: anext(fixture, None))

    assert len(refused) == 20
    assert (session.version, other.version) == (1, 0)


async def child_task(work: Work) -> None:
    """Do `work` in a task that the present one starts."""
    error: list[Exception] = []

    async def wrapped() -> None:
        try:
            await work()
        except Exception as caught:
            error.append(caught)

    async with anyio.create_task_group() as group:
        group.start_soon(wrapped)
    if error:
        raise error[0]
