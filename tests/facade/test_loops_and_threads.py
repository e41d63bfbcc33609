"""One file, and one repository, used by two event loops and plain threads at the same time."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
import trio

from paper_repo import BusyError, ConflictError, PaperTradingSession, SQLiteSessionRepository
from paper_repo.facade.repository import READERS
from tests.builders import new_fill, new_session
from tests.facade.cancelling import assert_sound, stored
from tests.facade.watching import PATIENCE, Gate, Watch

Run = Callable[[Callable[[], Awaitable[None]]], None]

ROUNDS = 10
WORKERS = 4


def on_asyncio(main: Callable[[], Awaitable[None]]) -> None:
    """Run `main` on asyncio."""
    anyio.run(main, backend="asyncio")


def on_trio(main: Callable[[], Awaitable[None]]) -> None:
    """Run `main` on trio."""
    anyio.run(main, backend="trio")


class Changes:
    """Loads one session, changes and saves it, in every way there is, and counts what comes of it."""

    def __init__(self, repository: SQLiteSessionRepository, session: PaperTradingSession) -> None:
        self._repository = repository
        self._id = session.id
        self.counts: Counter[str] = Counter()

    async def by_tasks(self, name: str) -> None:
        """Tasks of the running event loop."""
        async with anyio.create_task_group() as group:
            for worker in range(WORKERS):
                group.start_soon(self._by_task, f"{name} {worker}", worker % 2 == 0)

    async def _by_task(self, worker: str, in_block: bool) -> None:
        for round_ in range(ROUNDS):
            try:
                if in_block:
                    async with self._repository.atomic():
                        await self._change(f"{worker} {round_}")
                else:
                    await self._change(f"{worker} {round_}")
                self.counts["saved"] += 1
            except ConflictError:
                self.counts["conflicts"] += 1

    async def _change(self, mark: str) -> None:
        session = await self._repository.get_by_id(self._id)
        assert session is not None
        session.apply_fill(new_fill(1, id=mark))
        await self._repository.save(session)

    def by_thread(self, worker: str, in_block: bool) -> None:
        """A thread with plain calls on the core."""
        core = self._repository.core
        for round_ in range(ROUNDS):
            try:
                if in_block:
                    with core.atomic():
                        self._change_plainly(f"{worker} {round_}")
                else:
                    self._change_plainly(f"{worker} {round_}")
                self.counts["saved"] += 1
            except ConflictError:
                self.counts["conflicts"] += 1

    def _change_plainly(self, mark: str) -> None:
        core = self._repository.core
        session = core.get_by_id(self._id)
        assert session is not None
        session.apply_fill(new_fill(1, id=mark))
        core.save(session)


@pytest.mark.parametrize("shared", [True, False], ids=["one-repository", "three-repositories"])
def test_no_update_is_lost(path: Path, shared: bool) -> None:
    """Every save succeeds or raises a conflict, the version counts the successes, each success is stored once."""
    session = new_session()
    repositories = [SQLiteSessionRepository(path, busy_timeout=PATIENCE) for _ in range(1 if shared else 3)]
    repositories[0].core.save(session)
    first, second, third = [Changes(repositories[0 if shared else index], session) for index in range(3)]

    with ThreadPoolExecutor(WORKERS + 2) as threads:
        running = [
            threads.submit(on_asyncio, lambda: first.by_tasks("asyncio")),
            threads.submit(on_trio, lambda: second.by_tasks("trio")),
            *[threads.submit(third.by_thread, f"thread {worker}", worker % 2 == 0) for worker in range(WORKERS)],
        ]
        for each in running:
            each.result()

    for repository in repositories:
        asyncio.run(repository.close())
    counts = first.counts + second.counts + third.counts
    assert counts.total() == 3 * WORKERS * ROUNDS
    version, fills = stored(path, session.id)
    assert version == 1 + counts["saved"]
    assert len(set(fills)) == len(fills) == counts["saved"]


def test_one_loops_block_keeps_the_other_loops_writers_waiting(path: Path, watch: Watch) -> None:
    """Blocks and saves of two loops take turns, and each loop is woken by itself."""
    repository = SQLiteSessionRepository(path, busy_timeout=PATIENCE)
    mine, other = new_session(), new_session()
    inside, asked = threading.Event(), Gate()

    async def hold_block() -> None:
        async with repository.atomic():
            await repository.save(mine)
            inside.set()
            await asked.reached()
            assert other.version == 0

    async def save_meanwhile() -> None:
        await trio.to_thread.run_sync(inside.wait, PATIENCE)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(repository.save, other)
            await anyio.wait_all_tasks_blocked()
            assert await repository.get_by_id(mine.id) is None
            asked.open()
            await trio.to_thread.run_sync(asked.pass_through)

    with ThreadPoolExecutor() as threads:
        holding = threads.submit(asyncio.run, hold_block())
        trio.run(save_meanwhile)
        holding.result()

    assert (mine.version, other.version) == (1, 1)
    asyncio.run(assert_sound(repository, path, [mine, other]))
    asyncio.run(repository.close())


def test_one_repository_on_one_loop_after_the_other(path: Path) -> None:
    """A repository outlives its event loops: nothing in it belongs to one of them."""
    repository = SQLiteSessionRepository(path)
    sessions = [new_session() for _ in range(6)]

    async def save_and_load(session: PaperTradingSession) -> None:
        async with repository.atomic():
            await repository.save(session)
        assert await repository.get_by_id(session.id) == session

    for index, session in enumerate(sessions):
        (on_trio if index % 2 else on_asyncio)(lambda session=session: save_and_load(session))  # type: ignore[misc]

    assert repository.core.count() == 6
    on_trio(repository.close)


def test_trio_as_a_guest_of_asyncio(path: Path) -> None:
    """A trio task inside of asyncio's loop is woken as trio's, and a task of asyncio's beside it as asyncio's."""

    async def twice(session: PaperTradingSession) -> int:
        async with SQLiteSessionRepository(path) as repository:
            await repository.save(session)
            async with repository.atomic():
                await repository.save(session)
        return session.version

    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[Any] = loop.create_future()
        trio.lowlevel.start_guest_run(
            twice, new_session(), run_sync_soon_threadsafe=loop.call_soon_threadsafe, done_callback=ended.set_result
        )
        return [await twice(new_session()), (await ended).unwrap()]

    assert asyncio.run(main()) == [2, 2]


def test_a_loop_that_ends_while_its_save_is_under_way(path: Path, watch: Watch) -> None:
    """The save is done, nobody is told, and other loops go on."""
    repository = SQLiteSessionRepository(path)
    asyncio.run(repository.open())
    session, other = new_session(), new_session()
    gate = Gate()
    watch.before = lambda sql: sql.startswith("INSERT") and gate.pass_through()

    loop = asyncio.new_event_loop()
    task = loop.create_task(repository.save(session))
    loop.run_until_complete(gate.reached())
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # its complaint is right, and not what is tested
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    gate.open()
    asyncio.run(repository.save(other))

    assert (session.version, other.version) == (1, 1)
    asyncio.run(assert_sound(repository, path, [session, other]))
    asyncio.run(repository.close())


@pytest.mark.parametrize("others_go_on", [False, True])
def test_a_loop_that_stops_just_after_a_save_was_asked_for(path: Path, others_go_on: bool) -> None:
    """The save is done with what another loop asks for, or when its own loop goes on."""
    repository = SQLiteSessionRepository(path)
    session, other = new_session(), new_session()
    loop = asyncio.new_event_loop()
    saving = loop.create_task(repository.save(session))
    loop.call_soon(loop.stop)
    loop.run_forever()

    if others_go_on:
        asyncio.run(repository.save(other))
        assert asyncio.run(repository.exists(session.id))
    loop.run_until_complete(saving)

    loop.close()
    assert session.version == 1
    asyncio.run(repository.close())


def test_waiting_for_a_thread_of_the_same_program(path: Path) -> None:
    """A save that waits longer than the busy timeout for a plain thread's transaction gets a `BusyError`."""
    repository = SQLiteSessionRepository(path, busy_timeout=0.05)
    session = new_session()
    asyncio.run(repository.open())

    with repository.core.atomic(), pytest.raises(BusyError):
        asyncio.run(repository.save(session))

    asyncio.run(repository.save(session))
    asyncio.run(assert_sound(repository, path, [session]))
    asyncio.run(repository.close())


@pytest.mark.anyio
async def test_the_threads_of_the_program_are_left_to_it(path: Path) -> None:
    """Reading, writing and watching go on while all of anyio's own threads are taken."""
    session = new_session()
    taken = anyio.to_thread.current_default_thread_limiter()
    taken.total_tokens, before = 1, taken.total_tokens

    try:
        async with taken, SQLiteSessionRepository(path) as repository:
            with anyio.fail_after(PATIENCE):
                await repository.save(session)
                async with repository.watch(after=0) as changes:
                    change = await anext(changes)
                loaded = await repository.get_by_id(session.id)
    finally:
        taken.total_tokens = before

    assert change.session_id == session.id
    assert loaded == session


@pytest.mark.anyio
async def test_no_more_reads_than_there_are_connections(path: Path, watch: Watch) -> None:
    """What many tasks of a loop read at once waits in the loop, and takes no thread that could only wait, too."""
    async with SQLiteSessionRepository(path) as repository:
        session = new_session()
        await repository.save(session)
        gate, found = Gate(), []
        watch.before = lambda sql: sql.startswith("SELECT") and gate.pass_through()

        async def read() -> None:
            found.append(await repository.get_by_id(session.id))

        async with anyio.create_task_group() as group:
            for _ in range(READERS + 3):
                group.start_soon(read)
            await anyio.wait_all_tasks_blocked()
            reading = repository._limiter().statistics()
            gate.open()

        assert (reading.borrowed_tokens, reading.tasks_waiting) == (READERS, 3)
        assert found == [session] * (READERS + 3)


def test_a_hundred_threads_read_at_once(path: Path) -> None:
    """More readers than there are connections wait for one, and all get an answer."""
    repository = SQLiteSessionRepository(path, busy_timeout=PATIENCE)
    session = new_session()
    repository.core.save(session)

    async def read_often() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(50):
                group.start_soon(read)

    async def read() -> None:
        assert await repository.get_by_id(session.id) == session

    with ThreadPoolExecutor(102) as threads:
        loops = [threads.submit(run, read_often) for run in (on_asyncio, on_trio)]
        found = list(threads.map(repository.core.get_by_id, [session.id] * 100))
        for each in loops:
            each.result()

    assert found == [session] * 100
    asyncio.run(repository.close())
