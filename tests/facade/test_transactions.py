"""Transactions of the facade: what they give back when they fail, what others see of them, whom they keep waiting."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import anyio
import pytest

from paper_repo import (
    BusyError,
    ConflictError,
    EquityPoint,
    Fill,
    InMemorySessionRepository,
    PaperTradingSession,
    SQLiteSessionRepository,
)
from tests.builders import new_fill, new_session
from tests.facade.cancelling import assert_sound, stored
from tests.facade.watching import Gate, Watch, busy_error, nothing, writing_elsewhere

pytestmark = pytest.mark.anyio


Action = Callable[[PaperTradingSession], Awaitable[None]]


class MistakeError(Exception):
    """What goes wrong in a block."""


def with_fills(count: int) -> PaperTradingSession:
    """A session that was never saved, with this many fills and an equity point each."""
    session = new_session()
    for number in range(1, count + 1):
        session.apply_fill(new_fill(number))
        session.mark({"AAPL": number}, new_fill(number).executed_at)
    return session


def restored_by_a_rollback(session: PaperTradingSession) -> tuple[object, object, list[Fill], list[EquityPoint]]:
    """What a rollback gives back to the session."""
    return session.version, session.updated_at, list(session.new_fills), list(session.new_equity_points)


async def test_a_block_that_fails_gives_the_sessions_back(path: Path) -> None:
    """After a rollback each session has the version, the history and the time it had, and saving it again works."""
    async with SQLiteSessionRepository(path) as repository:
        new, known = with_fills(2), with_fills(1)
        await repository.save(known)
        known.apply_fill(new_fill(2))
        before = [restored_by_a_rollback(each) for each in (new, known)]

        async def fail() -> None:
            async with repository.atomic():
                await repository.save_many([new, known])
                known.apply_fill(new_fill(3))
                await repository.save(known)
                assert (new.version, known.version) == (1, 3)
                raise MistakeError

        with pytest.raises(MistakeError):
            await fail()

        before[1][2].append(new_fill(3))
        assert [restored_by_a_rollback(each) for each in (new, known)] == before
        assert stored(path, new.id) == (0, [])
        assert stored(path, known.id) == (1, ["fill-1"])
        await assert_sound(repository, path, [new, known])


async def test_an_inner_block_that_fails_keeps_the_outer_work(path: Path) -> None:
    """What the inner block did is undone, in the file and in the sessions; what was done around it is stored."""
    async with SQLiteSessionRepository(path) as repository:
        first, second, both = with_fills(1), with_fills(1), with_fills(1)

        async with repository.atomic():
            await repository.save(first)
            await repository.save(both)
            both.apply_fill(new_fill(2))
            with suppress(MistakeError):
                async with repository.atomic():
                    await repository.save(second)
                    await repository.save(both)
                    async with repository.atomic():
                        assert await repository.delete(first.id)
                    assert (second.version, both.version) == (1, 2)
                    raise MistakeError
            assert (second.version, both.version) == (0, 1)
            assert await repository.exists(first.id)

        assert [first.version, second.version, both.version] == [1, 0, 1]
        assert [fill.id for fill in both.new_fills] == ["fill-2"]
        await assert_sound(repository, path, [first, second, both])


async def test_a_save_that_fails_inside_a_block_fails_alone(path: Path) -> None:
    """A block that catches the error of one of its saves goes on with everything else."""
    async with SQLiteSessionRepository(path) as repository:
        session, other = with_fills(1), with_fills(1)
        await repository.save(session)
        stale = await repository.get_by_id(session.id)
        assert stale is not None
        await repository.save(session)
        stale.apply_fill(new_fill(7))

        async with repository.atomic():
            with pytest.raises(ConflictError):
                await repository.save_many([other, stale])
            assert (other.version, stale.version) == (0, 1)
            await repository.save(other)

        assert (other.version, stale.version) == (1, 1)
        assert [fill.id for fill in stale.new_fills] == ["fill-7"]
        await assert_sound(repository, path, [session, other])


async def test_reading_inside_and_outside(path: Path) -> None:
    """A block reads what it has written; others read what was there before, without waiting for it."""
    async with SQLiteSessionRepository(path) as repository:
        session, other = with_fills(2), with_fills(1)
        await repository.save(other)
        written, read = anyio.Event(), anyio.Event()

        async def write() -> None:
            async with repository.atomic():
                await repository.save(session)
                await repository.delete(other.id)
                assert await repository.get_by_id(session.id) == session
                assert [each.id for each in await repository.get_all()] == [session.id]
                assert [each.id async for each in repository.iterate()] == [session.id]
                assert len(await repository.get_fills(session.id)) == 2
                assert len(await repository.get_equity_curve(session.id)) == 2
                assert await repository.count() == 1
                written.set()
                await read.wait()

        async with anyio.create_task_group() as group:
            group.start_soon(write)
            await written.wait()
            assert await repository.get_by_id(session.id) is None
            assert [each.id for each in await repository.get_all()] == [other.id]
            read.set()

        assert [each.id for each in await repository.get_all()] == [session.id]


async def test_waiting_for_another_tasks_block_has_an_end(path: Path) -> None:
    """Whoever waits for another task's block longer than the busy timeout gets a `BusyError`, and the block goes on."""
    async with SQLiteSessionRepository(path, busy_timeout=0.05) as repository:
        owners, others = with_fills(1), [with_fills(1), with_fills(1)]
        opened, refused = anyio.Event(), anyio.Event()

        async def own() -> None:
            async with repository.atomic():
                opened.set()
                await refused.wait()
                await repository.save(owners)

        async def save_in_block(session: PaperTradingSession) -> None:
            async with repository.atomic():
                await repository.save(session)

        async def refuse(
            action: Callable[[PaperTradingSession], Awaitable[None]], session: PaperTradingSession
        ) -> None:
            with pytest.raises(BusyError, match="another task's transaction"):
                await action(session)

        async with anyio.create_task_group() as group:
            group.start_soon(own)
            await opened.wait()
            async with anyio.create_task_group() as waiting:
                waiting.start_soon(refuse, repository.save, others[0])
                waiting.start_soon(refuse, save_in_block, others[1])
            refused.set()

        assert [session.version for session in (owners, *others)] == [1, 0, 0]
        await assert_sound(repository, path, [owners, *others])


async def test_waiting_behind_a_block_that_cannot_begin(path: Path, watch: Watch) -> None:
    """Whoever has waited as long as a block for another program that writes is refused with it, for the same reason."""
    async with SQLiteSessionRepository(path, busy_timeout=0.05) as repository:
        await repository.open()
        session = with_fills(1)
        refusals: list[str] = []
        gate, before = Gate(), watch.count("BEGIN")
        watch.before = lambda sql: sql.startswith("BEGIN") and gate.pass_through()

        async def refuse(action: Callable[[], Awaitable[None]]) -> None:
            with pytest.raises(BusyError) as refused:
                await action()
            refusals.append(str(refused.value))

        with writing_elsewhere(path):
            async with anyio.create_task_group() as group:
                group.start_soon(refuse, repository.atomic().__aenter__)
                await gate.reached()
                group.start_soon(refuse, lambda: repository.save(session))
                await anyio.wait_all_tasks_blocked()
                gate.open()

        assert watch.count("BEGIN") == before + 1
        assert len(set(refusals)) == 1
        assert "another task" not in refusals[0]
        assert session.version == 0
        await assert_sound(repository, path, [session])


async def test_blocks_take_turns(path: Path) -> None:
    """Blocks of many tasks are done one after the other, each wholly."""
    async with SQLiteSessionRepository(path) as repository:
        session = with_fills(1)
        await repository.save(session)

        async def change(number: int) -> None:
            async with repository.atomic():
                mine = await repository.get_by_id(session.id)
                assert mine is not None
                await anyio.lowlevel.checkpoint()
                mine.record_fill(new_fill(number))
                await repository.save(mine)

        async with anyio.create_task_group() as group:
            for number in range(2, 22):
                group.start_soon(change, number)

        version, fills = stored(path, session.id)
        assert version == 21
        assert sorted(fills) == sorted(f"fill-{number}" for number in range(1, 22))


async def test_a_save_that_waited_while_a_block_with_the_same_session_failed(path: Path) -> None:
    """A save that was asked for while a block had the session saved stores the history that the rollback gave back."""
    async with SQLiteSessionRepository(path) as repository:
        session = with_fills(2)
        saved, asked = anyio.Event(), anyio.Event()

        async def fail() -> None:
            with suppress(MistakeError):
                async with repository.atomic():
                    await repository.save(session)
                    saved.set()
                    await asked.wait()
                    await anyio.wait_all_tasks_blocked()
                    raise MistakeError

        async with anyio.create_task_group() as group:
            group.start_soon(fail)
            await saved.wait()
            session.apply_fill(new_fill(3))
            session.mark({"AAPL": 3}, new_fill(3).executed_at)
            group.start_soon(repository.save, session)
            asked.set()

        assert (session.version, session.new_fills, session.new_equity_points) == (1, [], [])
        assert stored(path, session.id) == (1, ["fill-1", "fill-2", "fill-3"])
        assert len(await repository.get_equity_curve(session.id)) == 3
        assert await repository.get_by_id(session.id) == session
        await assert_sound(repository, path, [session])


async def test_a_save_that_waited_while_the_commit_of_another_failed(path: Path, watch: Watch) -> None:
    """The same after a COMMIT that failed."""
    async with SQLiteSessionRepository(path) as repository:
        session = with_fills(2)
        gate = Gate()

        def break_commit(sql: str) -> None:
            if sql.startswith("COMMIT"):
                watch.before = nothing
                gate.pass_through()
                raise busy_error()

        async def fail() -> None:
            with pytest.raises(BusyError):
                await repository.save(session)

        watch.before = break_commit
        async with anyio.create_task_group() as group:
            group.start_soon(fail)
            await gate.reached()
            group.start_soon(repository.save, session)
            await anyio.wait_all_tasks_blocked()
            gate.open()

        assert (session.version, session.new_fills, session.new_equity_points) == (1, [], [])
        assert stored(path, session.id) == (1, ["fill-1", "fill-2"])
        await assert_sound(repository, path, [session])


async def test_a_block_whose_commit_fails(path: Path, watch: Watch) -> None:
    """The block raises, nothing of it is stored, the sessions are as they were, and the next block works."""
    async with SQLiteSessionRepository(path) as repository:
        session = with_fills(2)

        def break_commit(sql: str) -> None:
            if sql.startswith("COMMIT"):
                watch.before = nothing
                raise busy_error()

        watch.before = break_commit
        with pytest.raises(BusyError):
            async with repository.atomic():
                await repository.save(session)

        assert (session.version, len(session.new_fills)) == (0, 2)
        assert stored(path, session.id) == (0, [])
        async with repository.atomic():
            await assert_sound_inside(repository, session)
        await assert_sound(repository, path, [session])


async def assert_sound_inside(repository: SQLiteSessionRepository, session: PaperTradingSession) -> None:
    """A save in the open block works."""
    await repository.save(session)
    assert await repository.get_by_id(session.id) == session


async def test_a_block_whose_begin_fails(path: Path, watch: Watch) -> None:
    """A block that cannot begin raises, and the next one works."""
    async with SQLiteSessionRepository(path) as repository:
        session = with_fills(1)

        def break_begin(sql: str) -> None:
            watch.before = nothing
            raise busy_error()

        async def enter() -> None:
            async with repository.atomic():
                raise AssertionError("the block was entered")

        watch.before = break_begin
        with pytest.raises(BusyError):
            await enter()
        async with repository.atomic():
            await repository.save(session)
            watch.before = break_begin
            with pytest.raises(BusyError):
                await enter()

        assert session.version == 1
        await assert_sound(repository, path, [session])


@pytest.mark.parametrize("kind", ["file", "memory"])
async def test_a_block_overtakes_a_save_of_the_same_object(path: Path, kind: str) -> None:
    """A save that waited for a block, in which the same object was saved later, stores nothing older than that."""
    session, entered, asked = new_session(id="shared"), anyio.Event(), anyio.Event()

    async with SQLiteSessionRepository(path) if kind == "file" else InMemorySessionRepository() as repository:

        async def overtake() -> None:
            async with repository.atomic():
                entered.set()
                await asked.wait()
                session.apply_fill(new_fill(2))
                session.name = "later"
                await repository.save(session)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(overtake)
            await entered.wait()
            session.apply_fill(new_fill(1))
            tasks.start_soon(repository.save, session)
            await anyio.wait_all_tasks_blocked()
            asked.set()

        loaded = await repository.get_by_id("shared")
        assert loaded == session
        assert (loaded.name, loaded.version, loaded.fill_count) == ("later", 2, 2)
        assert len(await repository.get_fills("shared")) == 2
        assert (await repository.check()).problems == []
        loaded.apply_fill(new_fill(3))
        await repository.save(loaded)
