"""What the repository in memory does beyond the contract: among event loops, and with what is thrown away."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable

import anyio
import pytest

from paper_repo import ConflictError, InMemorySessionRepository
from paper_repo.testing.cases import EVERY_CALL
from tests.builders import full_session, new_session


def run_in_threads(*programs: tuple[str, Callable[[], Awaitable[None]]]) -> None:
    """Run each program on an event loop of its kind, in a thread of its own, all at once."""
    errors: list[BaseException] = []

    def run(backend: str, program: Callable[[], Awaitable[None]]) -> None:
        try:
            anyio.run(program, backend=backend)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=each) for each in programs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_event_loops_of_both_kinds_may_share_it() -> None:
    """Tasks of several event loops that load, change and save one session lose no change."""
    repository = InMemorySessionRepository()
    anyio.run(repository.save, new_session(id="counter", state={"count": 0}))

    async def add_ten() -> None:
        for _ in range(10):
            async with repository.atomic():
                session = await repository.get_by_id("counter")
                assert session is not None
                session.state["count"] += 1
                await repository.save(session)

    run_in_threads(("asyncio", add_ten), ("trio", add_ten), ("asyncio", add_ten), ("trio", add_ten))

    counter = anyio.run(repository.get_by_id, "counter")
    assert counter is not None
    assert (counter.state["count"], counter.version) == (40, 41)


@pytest.mark.anyio
async def test_two_of_them_have_nothing_in_common() -> None:
    """Sessions of one are not in the other, and a block of one is none of the other's."""
    one, other = InMemorySessionRepository(), InMemorySessionRepository()
    session = full_session()

    async with anyio.create_task_group() as tasks, one.atomic():
        await one.save(new_session())
        tasks.start_soon(other.save, session)
        async with other.atomic():
            await other.save(new_session())

    assert (await one.count(), await other.count()) == (1, 2)
    assert await other.get_by_id(session.id) == session


@pytest.mark.anyio
async def test_a_block_may_end_before_one_of_another_that_is_inside_it() -> None:
    """Blocks of two of them need not end in the reverse order of their beginning."""
    one, other = InMemorySessionRepository(), InMemorySessionRepository()
    first, second = one.atomic(), other.atomic()
    await first.__aenter__()
    await second.__aenter__()
    await one.save(new_session())
    await other.save(new_session())

    await first.__aexit__(None, None, None)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(one.save, new_session())
    await second.__aexit__(None, None, None)

    assert (await one.count(), await other.count()) == (2, 1)


@pytest.mark.anyio
async def test_a_block_in_a_generator_may_be_ended_by_another_task() -> None:
    """A block in an async generator that another task closes is rolled back, and keeps nobody waiting."""
    repository = InMemorySessionRepository()
    session = full_session()

    async def saved() -> AsyncIterator[None]:
        async with repository.atomic():
            await repository.save(session)
            yield

    async def enter() -> None:
        await anext(generator)

    async def leave() -> None:
        await generator.aclose()

    generator = saved()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(enter)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(leave)

    assert (await repository.count(), session.version, len(session.new_fills)) == (0, 0, 2)
    await repository.save(session)
    assert await repository.get_all() == [session]


def test_a_loop_that_is_closed_early_keeps_nobody_waiting() -> None:
    """Tasks that never went on, in a block and waiting for one, leave nothing behind when they are thrown away."""
    repository = InMemorySessionRepository()

    async def hold(entered: asyncio.Event) -> None:
        async with repository.atomic():
            await repository.save(new_session())
            entered.set()
            await asyncio.Event().wait()

    async def begin() -> list[asyncio.Task[None]]:
        entered = asyncio.Event()
        holding = asyncio.create_task(hold(entered))
        await entered.wait()
        waiting = asyncio.create_task(repository.save(new_session()))
        await anyio.wait_all_tasks_blocked()
        return [holding, waiting]

    loop = asyncio.new_event_loop()
    tasks = loop.run_until_complete(begin())
    assert not any(task.done() for task in tasks)
    loop.close()
    del tasks, loop
    gc.collect()

    async def save() -> int:
        await repository.save(new_session())
        return await repository.count()

    assert anyio.run(save) == 1


@pytest.mark.anyio
async def test_a_turn_that_comes_with_a_cancellation_is_passed_on() -> None:
    """A task that is cancelled at the moment when its turn comes keeps nobody waiting."""
    repository = InMemorySessionRepository()
    scope = anyio.CancelScope()

    begin = anyio.Event()

    async def wait() -> None:
        with scope:
            await begin.wait()
            await repository.save(new_session(id="cancelled"))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)  # before the block, to be none of its own
        async with repository.atomic():
            begin.set()
            await anyio.wait_all_tasks_blocked()
        scope.cancel()

    assert scope.cancelled_caught
    await repository.save(new_session(id="next"))
    assert [session.id for session in await repository.get_all()] == ["next"]


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_turn_that_comes_with_a_native_cancellation_is_passed_on(anyio_backend: str) -> None:
    """The same, cancelled by asyncio's own means."""
    repository = InMemorySessionRepository()
    begin = asyncio.Event()

    async def wait() -> None:
        await begin.wait()
        await repository.save(new_session(id="cancelled"))

    waiting = asyncio.create_task(wait())  # before the block, to be none of its own
    async with repository.atomic():
        begin.set()
        await anyio.wait_all_tasks_blocked()
    waiting.cancel()
    await asyncio.wait([waiting])

    assert waiting.cancelled()
    await repository.save(new_session(id="next"))
    assert [session.id for session in await repository.get_all()] == ["next"]


@pytest.mark.anyio
async def test_what_is_stored_is_not_kept_alive() -> None:
    """When a block has ended, the caller's objects that were saved in it can be thrown away."""
    repository = InMemorySessionRepository()
    session = new_session()
    await repository.save(session)
    alive = weakref.ref(session)

    del session
    gc.collect()

    assert alive() is None


@pytest.mark.anyio
async def test_writers_take_turns_in_the_order_they_came() -> None:
    """Blocks that wait for another one begin in the order in which they were asked for."""
    repository = InMemorySessionRepository()
    begun: list[int] = []

    async def begin(number: int) -> None:
        async with repository.atomic():
            begun.append(number)
            await repository.save(new_session())

    async with anyio.create_task_group() as tasks:
        release = anyio.Event()

        async def hold() -> None:
            async with repository.atomic():
                await release.wait()

        tasks.start_soon(hold)
        await anyio.wait_all_tasks_blocked()
        for number in range(5):
            tasks.start_soon(begin, number)
            await anyio.wait_all_tasks_blocked()
        release.set()

    assert begun == [0, 1, 2, 3, 4]


@pytest.mark.anyio
@pytest.mark.parametrize("name", EVERY_CALL)
async def test_every_call_lets_others_run(name: str) -> None:
    """As on a database, other tasks run during any call, and a task that does nothing else can be cancelled."""
    repository = InMemorySessionRepository()

    with anyio.CancelScope() as scope:
        scope.cancel()
        await EVERY_CALL[name](repository)

    assert scope.cancelled_caught


@pytest.mark.anyio
async def test_a_conflict_names_the_stored_version() -> None:
    """A conflict inside of a block is with what the block itself has saved."""
    repository = InMemorySessionRepository()
    session = new_session()

    async with repository.atomic():
        await repository.save(session)
        await repository.save(session)
        with pytest.raises(ConflictError) as caught:
            await repository.save(new_session(id=session.id, version=1))

    assert (caught.value.expected, caught.value.actual) == (1, 2)
