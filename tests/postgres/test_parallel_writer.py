"""The facade on a server, whose threads write side by side: what they do at once, and what they keep in order."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
import psycopg
import pytest

from paper_repo import AsyncSessionRepository, BusyError, PaperTradingSession
from paper_repo.facade.write_queue import TOGETHER
from paper_repo.facade.writer import THREADS
from paper_repo.storage.postgres import round_trips
from tests.builders import new_fill, new_session
from tests.conftest import WRITER
from tests.facade.test_abandoned import run_half_way, run_into_ctrl_c, save_while_collecting
from tests.facade.watching import PATIENCE, Gate, nothing
from tests.postgres.watching import Watch, assert_nobody_works, stored

pytestmark = pytest.mark.anyio


@pytest.fixture
def server(emptied_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection beside those of the repository, which have all ended their transactions afterwards."""
    with psycopg.connect(emptied_url, autocommit=True) as connection:
        yield connection
        assert_nobody_works(connection)


@pytest.fixture
async def repository(
    watch: Watch, server: psycopg.Connection[Any], emptied_url: str
) -> AsyncIterator[AsyncSessionRepository]:
    """An open repository, none of whose writing threads has begun."""
    async with AsyncSessionRepository(emptied_url, busy_timeout=PATIENCE) as repository:
        yield repository


def writers() -> list[threading.Thread]:
    """The writer's threads that run."""
    return [thread for thread in threading.enumerate() if thread.name == WRITER]


class Meeting:
    """Where so many tasks wait for each other."""

    def __init__(self, count: int) -> None:
        self._left = count
        self._all_there = anyio.Event()

    async def wait(self) -> None:
        """Wait until all of them are here."""
        self._left -= 1
        if not self._left:
            self._all_there.set()
        await self._all_there.wait()


async def test_as_many_blocks_as_threads_are_open_at_once(repository: AsyncSessionRepository) -> None:
    """Blocks with different sessions do not wait for each other, nor does a save that none of them has to do with."""
    sessions, other = [new_session() for _ in range(THREADS - 1)], new_session()
    inside, saved = Meeting(THREADS), Meeting(THREADS)

    async def own(session: PaperTradingSession) -> None:
        async with repository.atomic():
            await repository.save(session)
            await inside.wait()
            await saved.wait()

    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as group:
            for session in sessions:
                group.start_soon(own, session)
            await inside.wait()
            await repository.save(other)
            versions = [each.version for each in await repository.get_all()]
            await saved.wait()

    assert versions == [1]
    assert [session.version for session in (*sessions, other)] == [1] * THREADS
    assert await repository.count() == THREADS


async def test_one_after_the_other_needs_one_thread(repository: AsyncSessionRepository) -> None:
    """A thread that has nothing to do takes what comes next, and no other one is begun for it."""
    session = new_session()

    for _ in range(5):
        await repository.save(session)
        while not repository._writer._idle:  # the save is reported a moment before
            await anyio.lowlevel.checkpoint()

    (thread,) = writers()
    assert session.version == 5
    assert thread.daemon, "a program that ends without closing would wait for it"


async def test_threads_are_begun_as_they_are_needed(repository: AsyncSessionRepository) -> None:
    """Blocks that are asked for at once are open at once, in threads that have nothing to do and new ones."""

    async def own(everybody: Meeting) -> None:
        async with repository.atomic():
            await everybody.wait()
            await repository.save(new_session())

    async def open_at_once(count: int) -> int:
        everybody = Meeting(count)
        async with anyio.create_task_group() as group:
            for _ in range(count):
                group.start_soon(own, everybody)
        while repository._writer._idle < len(writers()):
            await anyio.lowlevel.checkpoint()
        return len(writers())

    with anyio.fail_after(PATIENCE):
        threads = [await open_at_once(count) for count in (2, 1, THREADS)]

    assert 2 <= threads[0] <= threads[1] <= threads[2] == THREADS


async def test_more_blocks_than_threads_take_turns(repository: AsyncSessionRepository) -> None:
    """However many tasks open a block at once, all of them get one."""
    sessions = [new_session() for _ in range(3 * THREADS)]

    async def own(session: PaperTradingSession) -> None:
        async with repository.atomic():
            await repository.save(session)
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as group:
        for session in sessions:
            group.start_soon(own, session)

    assert [session.version for session in sessions] == [1] * len(sessions)
    assert len(writers()) <= THREADS


async def test_when_every_thread_has_a_block_open(server: psycopg.Connection[Any], emptied_url: str) -> None:
    """Who waits for a thread longer than the busy timeout gets a `BusyError`, and the blocks go on."""
    sessions, others = [new_session() for _ in range(THREADS)], [new_session(), new_session()]
    inside, refused = Meeting(THREADS + 1), anyio.Event()

    async with AsyncSessionRepository(emptied_url, busy_timeout=0.1) as repository:

        async def own(session: PaperTradingSession) -> None:
            async with repository.atomic():
                await inside.wait()
                await refused.wait()
                await repository.save(session)

        async def refuse(session: PaperTradingSession) -> None:
            with pytest.raises(BusyError, match="another task's transaction"):
                await repository.save(session)

        async with anyio.create_task_group() as group:
            for session in sessions:
                group.start_soon(own, session)
            await inside.wait()
            async with anyio.create_task_group() as waiting:
                for other in others:
                    waiting.start_soon(refuse, other)
            refused.set()

        assert [session.version for session in (*sessions, *others)] == [1] * THREADS + [0, 0]
        await repository.save(others[0])


async def test_what_waits_for_a_block_with_the_same_session(repository: AsyncSessionRepository) -> None:
    """It waits until the block has ended, in its order; what has nothing to do with that session goes on."""
    shared, other = new_session(id="shared"), new_session(id="other")
    saved, asked, order = anyio.Event(), anyio.Event(), []

    async def own() -> None:
        async with repository.atomic():
            await repository.save(shared)
            saved.set()
            await asked.wait()
            order.append("block")

    async def save(name: str) -> None:
        shared.name = name
        await repository.save(shared)
        order.append(name)

    async with anyio.create_task_group() as group:
        group.start_soon(own)
        await saved.wait()
        group.start_soon(save, "second")
        await anyio.wait_all_tasks_blocked()
        group.start_soon(save, "third")
        await anyio.wait_all_tasks_blocked()
        await repository.save(other)
        asked.set()

    loaded = await repository.get_by_id("shared")
    assert (order[0], set(order[1:])) == ("block", {"second", "third"})
    assert loaded is not None
    assert (loaded.name, loaded.version, other.version) == ("third", 3, 1)


@pytest.mark.parametrize("verb", ["BEGIN", "INSERT"])
async def test_saves_of_one_session_do_not_overtake_each_other(
    repository: AsyncSessionRepository,
    watch: Watch,
    server: psycopg.Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
    verb: str,
) -> None:
    """While one save of a session is under way the next one waits, though there are threads that have nothing to do."""
    session, other = new_session(id="shared"), new_session(id="other")
    gate = Gate()
    if verb == "BEGIN":
        monkeypatch.setattr(round_trips, "_FRESH", 0.0)  # then every transaction is begun by itself

    def hold(sql: str) -> None:
        if sql.startswith(verb):
            watch.before = nothing
            gate.pass_through()

    watch.before = hold
    async with anyio.create_task_group() as group:
        group.start_soon(repository.save, session)
        await gate.reached()
        session.record_fill(new_fill(1))
        group.start_soon(repository.save, session)
        await anyio.wait_all_tasks_blocked()
        await repository.save(other)
        meanwhile = stored(server)
        gate.open()

    assert meanwhile == {"other": (1, [])}
    assert stored(server) == {"other": (1, []), "shared": (2, ["fill-1"])}


async def test_what_waits_together_shares_a_commit(
    repository: AsyncSessionRepository, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread takes what waits, up to a limit, into one transaction; the rest is left to the others."""
    monkeypatch.setattr(round_trips, "_FRESH", 0.0)  # then every transaction is seen by its COMMIT
    first, sessions = new_session(), [new_session() for _ in range(2 * TOGETHER + 1)]
    gate = Gate()
    await repository.save(first)
    owners = [new_session() for _ in range(THREADS - 1)]
    inside, may_end = Meeting(THREADS), anyio.Event()

    async def own(session: PaperTradingSession) -> None:
        async with repository.atomic():
            await repository.save(session)
            await inside.wait()
            await may_end.wait()

    async with anyio.create_task_group() as group:
        for owner in owners:
            group.start_soon(own, owner)
        await inside.wait()
        watch.before = lambda sql: sql.startswith("UPDATE") and gate.pass_through()
        async with anyio.create_task_group() as saving:
            saving.start_soon(repository.save, first)  # keeps the last thread busy
            await gate.reached()
            for session in sessions:
                saving.start_soon(repository.save, session)
            await anyio.wait_all_tasks_blocked()
            before = watch.seen.count("COMMIT")
            gate.open()
        commits = watch.seen.count("COMMIT") - before
        may_end.set()

    assert commits == 4  # that of the first, two whole ones, and one for the last
    assert {session.version for session in sessions} == {1}


async def test_waiting_for_a_plain_thread_has_an_end(server: psycopg.Connection[Any], emptied_url: str) -> None:
    """A save of what a thread's open transaction has written gets a `BusyError`, however idle the facade is."""
    session = new_session(id="shared")
    held, may_end = anyio.Event(), threading.Event()

    async with AsyncSessionRepository(emptied_url, busy_timeout=0.1) as repository:
        await repository.save(session)
        theirs = await repository.get_by_id("shared")
        assert theirs is not None

        def hold() -> None:
            with repository.core.atomic():
                repository.core.save(theirs)
                anyio.from_thread.run_sync(held.set)
                assert may_end.wait(PATIENCE)

        async with anyio.create_task_group() as group:
            group.start_soon(anyio.to_thread.run_sync, hold)
            await held.wait()
            with pytest.raises(BusyError):
                await repository.save(session)
            may_end.set()

    assert (session.version, theirs.version) == (1, 2)


async def test_closing_waits_for_every_thread(repository: AsyncSessionRepository, watch: Watch) -> None:
    """A thread that has nothing to do ends at once; what another one is about to store is stored all the same."""
    held, other = new_session(id="held"), new_session(id="other")
    gate = Gate()

    def hold(sql: str) -> None:
        if sql.startswith("INSERT"):
            watch.before = nothing
            gate.pass_through()

    watch.before = hold
    async with anyio.create_task_group() as group:
        group.start_soon(repository.save, held)
        await gate.reached()
        await repository.save(other)
        group.start_soon(repository.close)
        while len(writers()) > 1:
            await anyio.lowlevel.checkpoint()
        gate.open()

    assert (held.version, other.version) == (1, 1)
    assert not writers()


@pytest.mark.parametrize("side", ["before", "after"])
def test_a_loop_that_is_closed_while_a_block_begins(
    server: psycopg.Connection[Any], emptied_url: str, watch: Watch, side: str
) -> None:
    """A block that had begun by the time its coroutine was gone does not stay open."""
    repository = AsyncSessionRepository(emptied_url)
    session = new_session()
    asyncio.run(repository.open())
    gate = Gate()
    setattr(watch, side, lambda sql: sql.startswith("BEGIN") and gate.pass_through())

    async def program() -> None:
        async with repository.atomic():
            pass

    run_half_way(program, gate.reached)
    gate.open()

    asyncio.run(save_while_collecting(repository, session))
    assert session.version == 1
    assert_nobody_works(server)
    asyncio.run(repository.close())


def test_ctrl_c_while_a_block_begins(server: psycopg.Connection[Any], emptied_url: str, watch: Watch) -> None:
    """A block whose task is interrupted while the server is asked to begin it does not stay open."""
    repository = AsyncSessionRepository(emptied_url)
    session = new_session()
    asyncio.run(repository.open())
    gate = Gate()
    watch.before = lambda sql: sql.startswith("BEGIN") and gate.pass_through()

    async def program() -> None:
        async with repository.atomic():
            raise AssertionError("the block was entered")

    run_into_ctrl_c(program, gate.reached)
    gate.open()

    asyncio.run(repository.save(session))
    assert session.version == 1
    assert_nobody_works(server)
    asyncio.run(repository.close())
