"""Whose a transaction is: the task's that opened it, on the repository that it was opened on."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest

from paper_repo import PaperTradingSession, SessionRepository, SQLiteSessionRepository, TransactionOwnershipError
from paper_repo.facade import block_ownership
from tests.builders import new_session
from tests.facade.cancelling import assert_sound, stored
from tests.facade.watching import assert_no_transaction_is_open

pytestmark = pytest.mark.anyio

ON_ASYNCIO = pytest.mark.parametrize("anyio_backend", ["asyncio"])

Use = Callable[[SQLiteSessionRepository, PaperTradingSession], Awaitable[object]]


async def enter(repository: SQLiteSessionRepository, session: PaperTradingSession) -> None:
    """Open a block."""
    async with repository.atomic():
        pass


async def iterate(repository: SQLiteSessionRepository, session: PaperTradingSession) -> None:
    """Read the first of all sessions."""
    async for _ in repository.iterate():
        pass


USES: dict[str, Use] = {
    "save": lambda repository, session: repository.save(session),
    "save_many": lambda repository, session: repository.save_many([session]),
    "get_by_id": lambda repository, session: repository.get_by_id(session.id),
    "get_all": lambda repository, session: repository.get_all(),
    "get_active": lambda repository, session: repository.get_active(),
    "get_summaries": lambda repository, session: repository.get_summaries(),
    "get_fills": lambda repository, session: repository.get_fills(session.id),
    "get_equity_curve": lambda repository, session: repository.get_equity_curve(session.id),
    "exists": lambda repository, session: repository.exists(session.id),
    "count": lambda repository, session: repository.count(),
    "delete": lambda repository, session: repository.delete(session.id),
    "delete_many": lambda repository, session: repository.delete_many(),
    "atomic": enter,
    "iterate": iterate,
    "close": lambda repository, session: repository.close(),
}


@asynccontextmanager
async def block_with_a_save(path: Path) -> AsyncIterator[tuple[SQLiteSessionRepository, PaperTradingSession]]:
    """A block in which a session was saved; afterwards that is stored and nothing else is."""
    async with SQLiteSessionRepository(path) as repository:
        session = new_session()
        async with repository.atomic():
            await repository.save(session)
            yield repository, new_session()
        assert [each.id for each in await repository.get_all()] == [session.id]
        await assert_sound(repository, path, [session])


async def refused(use: Use, repository: SQLiteSessionRepository, session: PaperTradingSession) -> None:
    """`use` raises, at once."""
    with pytest.raises(TransactionOwnershipError, match="started inside an atomic"):
        await use(repository, session)


@pytest.mark.parametrize("use", USES.values(), ids=USES)
async def test_a_task_started_inside_the_block_is_refused(path: Path, use: Use) -> None:
    """Whatever a child of the block's owner asks for, it gets an error, and the owner goes on."""
    async with block_with_a_save(path) as (repository, session), anyio.create_task_group() as group:
        group.start_soon(refused, use, repository, session)


@ON_ASYNCIO
async def test_gather_inside_the_block_is_refused(path: Path) -> None:
    """Calls that `asyncio.gather` runs are tasks of their own."""
    async with block_with_a_save(path) as (repository, session):
        results = await asyncio.gather(repository.save(session), repository.get_all(), return_exceptions=True)

        assert [type(result) for result in results] == [TransactionOwnershipError] * 2


@ON_ASYNCIO
async def test_create_task_inside_the_block_is_refused(path: Path) -> None:
    """So are those of `asyncio.create_task` and of a task group."""
    async with block_with_a_save(path) as (repository, session):
        with pytest.raises(TransactionOwnershipError):
            await asyncio.create_task(repository.save(session))
        async with asyncio.TaskGroup() as group:
            task = group.create_task(refused(USES["save"], repository, session))

        assert task.done()


@ON_ASYNCIO
async def test_wait_for_inside_the_block(path: Path) -> None:
    """`asyncio.wait_for` starts a task up to Python 3.11, which is refused; from 3.12 on it does not, and works."""
    async with SQLiteSessionRepository(path) as repository:
        session = new_session()

        async with repository.atomic():
            if sys.version_info >= (3, 12):
                await asyncio.wait_for(repository.save(session), 60)
            else:
                with pytest.raises(TransactionOwnershipError, match="wait_for"):
                    await asyncio.wait_for(repository.save(session), 60)

        assert session.version == (1 if sys.version_info >= (3, 12) else 0)
        await assert_sound(repository, path, [session])


@ON_ASYNCIO
async def test_a_timeout_inside_the_block(path: Path) -> None:
    """`asyncio.timeout` and `anyio.fail_after` start no task, and work."""
    async with SQLiteSessionRepository(path) as repository:
        session, other = new_session(), new_session()

        async with repository.atomic():
            async with asyncio.timeout(60):
                await repository.save(session)
            with anyio.fail_after(60):
                await repository.save(other)

        await assert_sound(repository, path, [session, other])


@ON_ASYNCIO
async def test_a_thread_started_inside_the_block_is_refused(path: Path) -> None:
    """A thread that calls back into the event loop starts a task there (on trio it is the owner who runs the call)."""
    async with block_with_a_save(path) as (repository, session):

        def save_from_thread() -> None:
            anyio.from_thread.run(repository.save, session)

        with pytest.raises(TransactionOwnershipError):
            await anyio.to_thread.run_sync(save_from_thread)


async def test_a_task_that_outlives_the_block_works(path: Path) -> None:
    """When the block has ended, a task that was started inside uses the repository like any other."""
    async with SQLiteSessionRepository(path) as repository:
        session, other, nested = new_session(), new_session(), new_session()
        ended = anyio.Event()

        async def outlive() -> None:
            await refused(USES["save"], repository, other)
            await ended.wait()
            await repository.save(other)
            async with repository.atomic():
                await repository.save(nested)

        async with anyio.create_task_group() as group:
            async with repository.atomic():
                async with repository.atomic():
                    group.start_soon(outlive)
                    await anyio.wait_all_tasks_blocked()
                await repository.save(session)
            ended.set()

        await assert_sound(repository, path, [session, other, nested])


async def test_a_task_started_in_an_inner_block_that_has_ended(path: Path) -> None:
    """It is still inside of the outer one."""
    async with block_with_a_save(path) as (repository, session), anyio.create_task_group() as group:
        ended = anyio.Event()

        async def child() -> None:
            await ended.wait()
            await refused(USES["save"], repository, session)

        async with repository.atomic():
            group.start_soon(child)
        ended.set()


async def test_another_task_is_not_inside(path: Path) -> None:
    """A task that was started before the block neither joins it nor is refused: it waits for its end."""
    async with SQLiteSessionRepository(path) as repository:
        session, other = new_session(), new_session()
        opened = anyio.Event()

        async def save_outside() -> None:
            await opened.wait()
            await repository.save(other)

        async with anyio.create_task_group() as group:
            group.start_soon(save_outside)
            with suppress(ZeroDivisionError):
                async with repository.atomic():
                    await repository.save(session)
                    opened.set()
                    await anyio.wait_all_tasks_blocked()
                    raise ZeroDivisionError

        assert (session.version, other.version) == (0, 1)
        await assert_sound(repository, path, [session, other])


async def test_two_repositories_in_one_task(tmp_path: Path) -> None:
    """Blocks of two repositories inside each other stay apart: each session lands in its file, each ends by itself."""
    a, b = tmp_path / "a.db", tmp_path / "b.db"
    async with SQLiteSessionRepository(a) as first, SQLiteSessionRepository(b) as second:
        in_a, in_b, inner_a, lost_b = (new_session(name=name) for name in ("a", "b", "inner a", "lost b"))

        async with first.atomic():
            await first.save(in_a)
            async with second.atomic():
                await second.save(in_b)
                await first.save(inner_a)
                assert await second.count() == 1
                assert await first.count() == 2
            assert_no_transaction_is_open(b)
            with suppress(ZeroDivisionError):
                async with second.atomic():
                    await second.save(lost_b)
                    async with first.atomic():
                        await first.delete(in_a.id)
                    raise ZeroDivisionError
            assert stored(a, in_a.id)[0] == 0

        assert [session.name for session in await first.get_all()] == ["inner a"]
        assert [session.name for session in await second.get_all()] == ["b"]
        assert lost_b.version == 0
        await assert_sound(first, a, [inner_a])
        await assert_sound(second, b, [in_b])


async def test_blocks_of_two_repositories_that_end_crosswise(tmp_path: Path) -> None:
    """A block that ends before one of another repository that was opened later takes only itself away."""
    a, b = tmp_path / "a.db", tmp_path / "b.db"
    async with SQLiteSessionRepository(a) as first, SQLiteSessionRepository(b) as second:
        in_a, in_b, late_a = new_session(), new_session(), new_session()
        outer, later = first.atomic(), second.atomic()

        await outer.__aenter__()
        await later.__aenter__()
        await first.save(in_a)
        await outer.__aexit__(None, None, None)
        await second.save(in_b)
        await first.save(late_a)
        assert stored(b, in_b.id)[0] == 0
        assert stored(a, late_a.id)[0] == 1
        await later.__aexit__(None, None, None)

        await assert_sound(first, a, [in_a, late_a])
        await assert_sound(second, b, [in_b])


async def test_a_block_that_has_ended_is_forgotten(path: Path) -> None:
    """What a task remembers of a block and of one inside it is gone when they have ended, with an error or without."""
    before = dict(block_ownership._blocks.get())

    async with SQLiteSessionRepository(path) as repository, repository.atomic():
        with suppress(ZeroDivisionError):
            async with repository.atomic():
                raise ZeroDivisionError
        inside = dict(block_ownership._blocks.get())

    assert len(inside) == len(before) + 1
    assert inside[id(repository)].outer is None
    assert block_ownership._blocks.get() == before


async def test_two_repositories_on_one_file(path: Path) -> None:
    """A block of one repository is no block of another one on the same file, which waits and does not join."""
    async with SQLiteSessionRepository(path) as first, SQLiteSessionRepository(path, busy_timeout=0.05) as second:
        session, other = new_session(), new_session()

        async with first.atomic():
            await first.save(session)
            assert await second.get_by_id(session.id) is None
            with pytest.raises(TimeoutError):
                await second.save(other)

        assert (await second.get_by_id(session.id)) == session
        await assert_sound(first, path, [session, other])


async def test_the_core_beside_the_facade(path: Path) -> None:
    """Plain calls on the core from a thread are outside of the facade's block."""
    async with SQLiteSessionRepository(path) as repository:
        session = new_session()
        core: SessionRepository = repository.core

        async with repository.atomic():
            await repository.save(session)
            assert await anyio.to_thread.run_sync(core.get_by_id, session.id) is None

        assert await anyio.to_thread.run_sync(core.get_by_id, session.id) == session
        await assert_sound(repository, path, [session])
