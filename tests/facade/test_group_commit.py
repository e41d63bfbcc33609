"""Saves that wait together: they share one COMMIT, and nothing else."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from paper_repo import (
    BusyError,
    ConflictError,
    InvalidSessionError,
    PaperTradingSession,
    SQLiteSessionRepository,
    StorageError,
)
from tests.builders import new_fill, new_session
from tests.facade.cancelling import assert_sound, stored
from tests.facade.watching import PATIENCE, Gate, Watch, busy_error, interrupt, nothing, writing_elsewhere

pytestmark = pytest.mark.anyio

Action = Callable[[], Awaitable[object]]


async def outcomes(*actions: Action) -> list[object]:
    """What each of the actions gave or raised, all of them begun at once, in the order given."""
    results: list[object] = [None] * len(actions)

    async def run(index: int, action: Action) -> None:
        try:
            results[index] = await action()
        except Exception as error:
            results[index] = error

    async with anyio.create_task_group() as group:
        for index, action in enumerate(actions):
            group.start_soon(run, index, action)
    return results


async def together(watch: Watch, *actions: Action, before: Callable[[str], object] = nothing) -> list[object]:
    """As `outcomes`; the writer does not begin before all of them wait; `before` sees each of its statements."""
    gate = Gate()

    def at_begin(sql: str) -> None:
        if sql.startswith("BEGIN"):
            gate.pass_through()
        before(sql)

    async def open_gate() -> None:
        await gate.reached()
        await anyio.wait_all_tasks_blocked()
        gate.open()

    watch.before = at_begin
    *results, _ = await outcomes(*actions, open_gate)
    watch.before = nothing
    return results


def saving(repository: SQLiteSessionRepository, session: PaperTradingSession) -> Action:
    """What saves `session`."""
    return lambda: repository.save(session)


async def test_saves_that_wait_together_share_one_commit(path: Path, watch: Watch) -> None:
    """A hundred saves that wait for the writer need one COMMIT."""
    async with SQLiteSessionRepository(path) as repository:
        sessions = [new_session() for _ in range(100)]
        before = watch.count("COMMIT")

        results = await together(watch, *[saving(repository, session) for session in sessions])

        assert watch.count("COMMIT") == before + 1
        assert results == [None] * 100
        assert await repository.count() == 100
        assert {session.version for session in sessions} == {1}


async def test_a_hundred_tasks_that_save_at_once(path: Path, watch: Watch) -> None:
    """A hundred tasks that save at once need far fewer COMMITs than saves, without anybody holding the writer up."""
    async with SQLiteSessionRepository(path) as repository:
        sessions = [new_session() for _ in range(100)]
        before = watch.count("COMMIT")

        results = await outcomes(*[saving(repository, session) for session in sessions])

        assert watch.count("COMMIT") - before <= 25
        assert results == [None] * 100
        assert await repository.count() == 100


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_what_tasks_ask_for_in_one_turn_of_the_loop_is_done_together(path: Path, watch: Watch) -> None:
    """On asyncio the writer begins when all tasks that can go on have had their turn: one COMMIT is enough."""
    async with SQLiteSessionRepository(path) as repository:
        sessions = [new_session() for _ in range(100)]
        for _ in range(3):
            before = watch.count("COMMIT")

            await asyncio.gather(*map(repository.save, sessions))

            assert watch.count("COMMIT") == before + 1


async def test_saves_and_a_block_that_are_asked_for_in_one_turn(path: Path) -> None:
    """Nothing more needs to be asked for that the block begins, and the save behind it is done."""
    async with SQLiteSessionRepository(path, busy_timeout=PATIENCE) as repository:
        first, inside, last = new_session(), new_session(), new_session()

        async def block() -> None:
            async with repository.atomic():
                await repository.save(inside)

        with anyio.fail_after(PATIENCE):
            await outcomes(saving(repository, first), block, saving(repository, last))

        assert await repository.count() == 3


async def test_a_bad_save_fails_alone(path: Path, watch: Watch) -> None:
    """A conflict and a fill that contradicts a stored one fail by themselves; the saves around them are stored."""
    async with SQLiteSessionRepository(path) as repository:
        changed, contradicted = new_session(), new_session()
        contradicted.apply_fill(new_fill(1))
        await repository.save_many([changed, contradicted])
        stale = await repository.get_by_id(changed.id)
        assert stale is not None
        await repository.save(changed)
        contradicted.record_fill(new_fill(1, price="1.23"))
        contradicted.record_fill(new_fill(2))
        good = [new_session() for _ in range(98)]
        before = watch.count("COMMIT")

        sessions = [*good[:40], stale, *good[40:70], contradicted, *good[70:]]
        results = await together(watch, *[saving(repository, session) for session in sessions])

        assert watch.count("COMMIT") == before + 1
        conflict, contradiction = results.pop(40), results.pop(70)
        assert isinstance(conflict, ConflictError)
        assert (conflict.expected, conflict.actual) == (1, 2)
        assert isinstance(contradiction, InvalidSessionError)
        assert results == [None] * 98
        assert {session.version for session in good} == {1}
        assert stale.version == 1
        assert contradicted.version == 1
        assert len(contradicted.new_fills) == 2
        assert stored(path, contradicted.id) == (1, ["fill-1"])
        contradicted.new_fills.pop(0)
        await assert_sound(repository, path, [*good[:2], contradicted])


async def test_a_wrong_id_is_its_callers_own_error(path: Path, watch: Watch) -> None:
    """A session where its id belongs, which no set can hold, fails none of the saves that share the transaction."""
    async with SQLiteSessionRepository(path) as repository:
        sessions: list[Any] = [new_session() for _ in range(20)]
        actions = [saving(repository, session) for session in sessions]

        *results, refused = await together(watch, *actions, lambda: repository.delete(sessions[0]))

        assert isinstance(refused, InvalidSessionError)
        assert results == [None] * 20


async def test_a_commit_that_fails_fails_all_of_them(path: Path, watch: Watch) -> None:
    """When the shared COMMIT fails, every save of it raises, nothing is stored and every session is as it was."""
    async with SQLiteSessionRepository(path) as repository:
        sessions = [new_session() for _ in range(5)]
        for session in sessions:
            session.apply_fill(new_fill(1))
        await repository.save_many(sessions[:2])
        for session in sessions[:2]:
            session.apply_fill(new_fill(2))

        def break_commit(sql: str) -> None:
            if sql.startswith("COMMIT"):
                raise busy_error()

        results = await together(watch, *[saving(repository, session) for session in sessions], before=break_commit)

        assert [type(result) for result in results] == [BusyError] * 5
        assert len({id(result) for result in results}) == 5
        assert all(isinstance(result, BusyError) and result.__cause__ is not None for result in results)
        assert [session.version for session in sessions] == [1, 1, 0, 0, 0]
        assert [len(session.new_fills) for session in sessions] == [1] * 5
        await assert_sound(repository, path, sessions)


async def test_a_begin_that_fails(path: Path, watch: Watch) -> None:
    """When BEGIN fails the save that waits is told at once, not tried again behind its caller's back."""
    async with SQLiteSessionRepository(path) as repository:
        session = new_session()
        await repository.open()
        failures = iter([sqlite3.OperationalError("disk I/O error")])

        def fail_once(sql: str) -> None:
            if sql.startswith("BEGIN") and (failure := next(failures, None)) is not None:
                raise failure

        watch.before = fail_once
        with pytest.raises(StorageError, match="disk I/O error"):
            await repository.save(session)

        await repository.save(session)
        await assert_sound(repository, path, [session])


async def test_a_begin_that_fails_when_nobody_waits_any_more(path: Path, watch: Watch) -> None:
    """A save that is given up while BEGIN waits for another program harms none that comes later."""
    async with SQLiteSessionRepository(path, busy_timeout=0.05) as repository:
        given_up, session = new_session(), new_session()
        await repository.open()
        gate = Gate()
        watch.before = lambda sql: sql.startswith("BEGIN") and gate.pass_through()

        with writing_elsewhere(path):
            async with anyio.create_task_group() as group:
                group.start_soon(repository.save, given_up)
                await gate.reached()
                group.cancel_scope.cancel()
            gate.open()
            with pytest.raises(BusyError):
                await repository.save(session)

        await repository.save(session)
        assert given_up.version == 0
        await assert_sound(repository, path, [session])


async def test_a_begin_that_fails_when_nobody_waits_at_all(path: Path, watch: Watch) -> None:
    """A BEGIN that waited for another program in vain, for a save that was given up, keeps nobody from closing."""
    async with SQLiteSessionRepository(path, busy_timeout=0.05) as repository:
        session = new_session()
        await repository.open()
        gate = Gate()
        watch.before = lambda sql: sql.startswith("BEGIN") and gate.pass_through()

        with writing_elsewhere(path):
            async with anyio.create_task_group() as group:
                group.start_soon(repository.save, session)
                await gate.reached()
                group.cancel_scope.cancel()
            gate.open()
            await repository.close()

        assert (session.version, stored(path, session.id)[0]) == (0, 0)


async def test_an_error_that_ends_the_transaction_fails_all_of_them(path: Path, watch: Watch) -> None:
    """When SQLite rolls back by itself in one of the saves, none of them is reported as saved, before or after it."""
    async with SQLiteSessionRepository(path) as repository:
        sessions = [new_session(name=str(number)) for number in range(5)]
        await repository.save_many(sessions)
        updates = iter(range(3))

        def break_third(sql: str) -> None:
            if sql.startswith("UPDATE") and next(updates, None) == 2:
                interrupt(watch.connection)

        results = await together(watch, *[saving(repository, session) for session in sessions], before=break_third)

        assert [type(result) for result in results] == [StorageError] * 5
        assert all("interrupted" in str(result) for result in results)
        assert [session.version for session in sessions] == [1] * 5
        assert [stored(path, session.id)[0] for session in sessions] == [1] * 5
        await assert_sound(repository, path, sessions)


async def test_the_same_session_saved_by_two_tasks(path: Path, watch: Watch) -> None:
    """Both saves succeed, the version counts both, and no fill is stored twice or lost."""
    async with SQLiteSessionRepository(path) as repository:
        session = new_session()
        for number in range(1, 4):
            session.apply_fill(new_fill(number))

        results = await together(watch, saving(repository, session), saving(repository, session))

        assert results == [None, None]
        assert session.version == 2
        assert not session.new_fills
        assert stored(path, session.id) == (2, ["fill-1", "fill-2", "fill-3"])
        await assert_sound(repository, path, [session])


async def test_many_tasks_save_one_session_while_it_trades(path: Path) -> None:
    """Whatever is recorded and saved at the same time, no fill and no equity point is lost or stored twice."""
    async with SQLiteSessionRepository(path) as repository:
        session = new_session()
        numbers = iter(range(1, 1000))

        async def trade_and_save() -> None:
            for _ in range(10):
                for _ in range(3):
                    number = next(numbers)
                    session.apply_fill(new_fill(number))
                    session.mark({"AAPL": number}, new_fill(number).executed_at)
                await repository.save(session)

        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(trade_and_save)
        await repository.save(session)

        version, fills = stored(path, session.id)
        assert version == session.version == 101
        assert sorted(fills) == sorted(f"fill-{number}" for number in range(1, 301))
        assert len(await repository.get_equity_curve(session.id)) == 300
        assert await repository.get_by_id(session.id) == session
        await assert_sound(repository, path, [session])


async def test_what_is_changed_while_a_save_waits_belongs_to_the_next_one(path: Path, watch: Watch) -> None:
    """A save stores the session as it was at the call, with its history; later changes wait for the next save."""
    async with SQLiteSessionRepository(path) as repository:
        session = new_session()
        session.apply_fill(new_fill(1))
        session.mark({"AAPL": "101"}, new_fill(1).executed_at)
        gate = Gate()
        watch.before = lambda sql: sql.startswith("BEGIN") and gate.pass_through()

        async with anyio.create_task_group() as group:
            group.start_soon(repository.save, session)
            await gate.reached()
            session.apply_fill(new_fill(2))
            session.mark({"AAPL": "102"}, new_fill(2).executed_at)
            session.name = "changed since"
            gate.open()
        watch.before = nothing

        loaded = await repository.get_by_id(session.id)
        assert loaded is not None
        assert (loaded.name, loaded.fill_count, loaded.positions["AAPL"].quantity) == ("crossover", 1, 1)
        assert [fill.id for fill in session.new_fills] == ["fill-2"]
        assert len(session.new_equity_points) == 1
        assert len(await repository.get_equity_curve(session.id)) == 1
        await repository.save(session)
        assert await repository.get_by_id(session.id) == session
        assert stored(path, session.id) == (2, ["fill-1", "fill-2"])
        assert len(await repository.get_equity_curve(session.id)) == 2


async def test_deleting_shares_the_commit_too(path: Path, watch: Watch) -> None:
    """Saves and deletions that wait together are done in one transaction."""
    async with SQLiteSessionRepository(path) as repository:
        first, second = new_session(), new_session()
        await repository.save(first)
        before = watch.count("COMMIT")

        results = await together(
            watch,
            lambda: repository.delete(first.id),
            saving(repository, second),
            lambda: repository.delete("nobody"),
        )

        assert watch.count("COMMIT") == before + 1
        assert results == [True, None, False]
        assert [session.id for session in await repository.get_all()] == [second.id]
