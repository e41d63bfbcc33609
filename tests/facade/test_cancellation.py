"""A save or a transaction that is cancelled, at every step and in every way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import pytest

from paper_repo import PaperTradingSession, SQLiteSessionRepository
from tests.builders import new_fill, new_session
from tests.facade.cancelling import IN_EVERY_WAY, ByScope, Way, assert_sound, some_steps, stored
from tests.facade.watching import PATIENCE, Gate, Watch, nothing, writing_elsewhere

pytestmark = pytest.mark.anyio

Sessions = list[PaperTradingSession]
Program = Callable[[SQLiteSessionRepository, Sessions], Awaitable[object]]


def two_sessions() -> Sessions:
    """Two sessions that were never saved, with a fill each."""
    sessions = [new_session(), new_session()]
    for session in sessions:
        session.apply_fill(new_fill(1))
    return sessions


async def save(repository: SQLiteSessionRepository, sessions: Sessions) -> None:
    """One save."""
    await repository.save(sessions[0])


async def save_many(repository: SQLiteSessionRepository, sessions: Sessions) -> None:
    """One save of two sessions."""
    await repository.save_many(sessions)


async def block(repository: SQLiteSessionRepository, sessions: Sessions) -> None:
    """Two saves in a block."""
    async with repository.atomic():
        await repository.save(sessions[0])
        await repository.save(sessions[1])


async def nested(repository: SQLiteSessionRepository, sessions: Sessions) -> None:
    """A save in a block in a block, after another one outside of it."""
    async with repository.atomic():
        await repository.save(sessions[0])
        async with repository.atomic():
            await repository.save(sessions[1])


async def failing(repository: SQLiteSessionRepository, sessions: Sessions) -> None:
    """A block that rolls back by itself, after a part of it that does."""
    with suppress(ZeroDivisionError):
        async with repository.atomic():
            await repository.save(sessions[0])
            with suppress(ZeroDivisionError):
                async with repository.atomic():
                    await repository.save(sessions[1])
                    raise ZeroDivisionError
            raise ZeroDivisionError


PROGRAMS: list[Program] = [save, save_many, block, nested, failing]


@IN_EVERY_WAY
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
async def test_cancelled_at_any_statement(path: Path, watch: Watch, way: type[Way], program: Program) -> None:
    """Whichever statement runs when the cancellation comes: all or nothing is stored, and the objects tell which."""
    async with SQLiteSessionRepository(path) as repository:
        statements = await statements_of(repository, watch, program)

        for number in range(len(statements)):
            for side in ("before", "after"):
                sessions = two_sessions()
                gate = Gate()
                setattr(watch, side, at_statement(number, gate))
                async with anyio.create_task_group() as group:
                    cancelled = way()
                    cancelled.start(group, lambda sessions=sessions: program(repository, sessions))
                    await gate.reached()
                    cancelled.cancel()
                    await some_steps()
                    begun = not cancelled.ended.is_set()
                    gate.open()
                    await cancelled.ended.wait()
                setattr(watch, side, nothing)

                assert cancelled.error is None
                assert cancelled.cancelled
                begins = statements[number].startswith("BEGIN")
                assert begun is not begins  # what only waits for its turn is given up at once
                versions = {stored(path, session.id)[0] for session in sessions}
                if program in (save, save_many):
                    assert (1 in versions) is begun
                else:
                    assert (1 in versions) is statements[number].startswith("COMMIT")
                if program is not save:
                    assert len(versions) == 1
                await assert_sound(repository, path, sessions)


@IN_EVERY_WAY
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
async def test_cancelled_after_any_number_of_steps(path: Path, way: type[Way], program: Program) -> None:
    """However many steps the event loop has done when the cancellation comes, the objects agree with the file."""
    async with SQLiteSessionRepository(path) as repository:
        for steps in (*range(1, 20), 25, 30, 40, 60, 90, 140):
            sessions = two_sessions()
            async with anyio.create_task_group() as group:
                cancelled = way()
                cancelled.start(group, lambda sessions=sessions: program(repository, sessions))
                await some_steps(steps + 1)
                cancelled.cancel()
                await cancelled.ended.wait()

            assert cancelled.error is None
            versions = {stored(path, session.id)[0] for session in sessions}
            if not cancelled.cancelled and program is not failing:
                assert 1 in versions
            if program is not save:
                assert len(versions) == 1
            await assert_sound(repository, path, sessions)


@IN_EVERY_WAY
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
async def test_cancelled_while_another_program_writes(
    path: Path, watch: Watch, way: type[Way], program: Program
) -> None:
    """Whoever is cancelled while its BEGIN waits for another program is let go at once, and nothing of it is done."""
    async with SQLiteSessionRepository(path, busy_timeout=PATIENCE) as repository:
        sessions = two_sessions()
        begins = Gate()
        watch.before = lambda sql: sql.startswith("BEGIN") and begins.pass_through()
        begins.open()
        seen = len(watch.seen)

        with writing_elsewhere(path):
            async with anyio.create_task_group() as group:
                cancelled = way()
                cancelled.start(group, lambda: program(repository, sessions))
                await begins.reached()
                cancelled.cancel()
                await cancelled.ended.wait()
        await repository.delete("somebody whose turn comes after the cancelled one's")

        assert cancelled.cancelled
        assert {sql.split()[0] for sql in watch.seen[seen:]} <= {
            "BEGIN",
            "COMMIT",
            "ROLLBACK",
            "SAVEPOINT",
            "DELETE",
            "RELEASE",
        }
        assert [session.version for session in sessions] == [0, 0]
        await assert_sound(repository, path, sessions)


@IN_EVERY_WAY
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
async def test_cancelled_while_another_task_has_a_block_open(path: Path, way: type[Way], program: Program) -> None:
    """Whoever is cancelled while it waits for another task's block is let go at once, and the block goes on."""
    async with SQLiteSessionRepository(path) as repository:
        sessions, owners = two_sessions(), two_sessions()

        opened, may_end = anyio.Event(), anyio.Event()

        async def owner() -> None:
            async with repository.atomic():
                await repository.save(owners[0])
                opened.set()
                await may_end.wait()
                await repository.save(owners[1])

        async with anyio.create_task_group() as group:
            group.start_soon(owner)
            await opened.wait()
            cancelled = way()
            cancelled.start(group, lambda: program(repository, sessions))
            await some_steps()
            cancelled.cancel()
            await cancelled.ended.wait()
            may_end.set()

        assert cancelled.cancelled
        assert [session.version for session in sessions] == [0, 0]
        assert [session.version for session in owners] == [1, 1]
        await assert_sound(repository, path, sessions + owners)


@pytest.mark.parametrize("anyio_backend", ["trio"])
@pytest.mark.parametrize("verb", ["INSERT", "COMMIT"])
async def test_seeing_a_statement_through_costs_nothing(path: Path, watch: Watch, verb: str) -> None:
    """A cancelled task that waits for what was begun sleeps, and does not ask again and again."""
    async with SQLiteSessionRepository(path) as repository:
        sessions = two_sessions()
        gate = Gate()
        watch.before = lambda sql: sql.startswith(verb) and gate.pass_through()

        async with anyio.create_task_group() as group:
            cancelled = ByScope()
            cancelled.start(group, lambda: block(repository, sessions))
            await gate.reached()
            cancelled.cancel()
            with anyio.fail_after(PATIENCE):
                await anyio.wait_all_tasks_blocked()
            gate.open()

        assert cancelled.cancelled


@IN_EVERY_WAY
async def test_cancelled_while_the_block_does_something_else(path: Path, way: type[Way]) -> None:
    """A block whose task is cancelled while it waits for something else is rolled back."""
    async with SQLiteSessionRepository(path) as repository:
        sessions = two_sessions()
        waits = anyio.Event()

        async def program() -> None:
            async with repository.atomic():
                await repository.save(sessions[0])
                async with repository.atomic():
                    await repository.save(sessions[1])
                    waits.set()
                    await anyio.sleep_forever()

        async with anyio.create_task_group() as group:
            cancelled = way()
            cancelled.start(group, program)
            await waits.wait()
            cancelled.cancel()
            await cancelled.ended.wait()

        assert cancelled.cancelled
        assert [session.version for session in sessions] == [0, 0]
        await assert_sound(repository, path, sessions)


async def test_a_save_that_was_given_up_inside_a_block(path: Path, watch: Watch) -> None:
    """A block that gives up one of its saves goes on, and the session's version tells whether it was stored."""
    async with SQLiteSessionRepository(path) as repository:
        for side in ("before", "after"):
            sessions = two_sessions()
            gate = Gate()
            async with repository.atomic():
                await repository.save(sessions[0])
                setattr(watch, side, at_statement(0, gate))
                async with anyio.create_task_group() as group:
                    scope = anyio.CancelScope()
                    with scope:
                        group.start_soon(cancel_at, gate, scope)
                        await repository.save(sessions[1])
                setattr(watch, side, nothing)

            assert scope.cancelled_caught
            assert sessions[0].version == 1
            await assert_sound(repository, path, sessions)


async def test_reading_that_was_given_up(path: Path, watch: Watch) -> None:
    """More reads can be given up than there are connections, and reading still works."""
    async with SQLiteSessionRepository(path) as repository:
        session = two_sessions()[0]
        await repository.save(session)

        for _ in range(20):
            gate = Gate()
            watch.before = at_statement(0, gate)
            async with anyio.create_task_group() as group:
                scope = anyio.CancelScope()
                with scope:
                    group.start_soon(cancel_at, gate, scope)
                    await repository.get_by_id(session.id)
            watch.before = nothing

        assert await repository.get_by_id(session.id) == session


async def cancel_at(gate: Gate, scope: anyio.CancelScope) -> None:
    """Cancel `scope` when somebody has come to the gate, then open it."""
    await gate.reached()
    scope.cancel()
    await some_steps()
    gate.open()


async def statements_of(repository: SQLiteSessionRepository, watch: Watch, program: Program) -> list[str]:
    """The statements that `program` runs."""
    start = len(watch.seen)
    await program(repository, two_sessions())
    return watch.seen[start:]


def at_statement(number: int, gate: Gate) -> Callable[[str], Any]:
    """A hook that holds the statement of this number, from 0, at the gate."""
    passed = iter(range(number + 1))
    left = number

    def hook(sql: str) -> None:
        nonlocal left
        if next(passed, None) is not None:
            left -= 1
            if left < 0:
                gate.pass_through()

    return hook
