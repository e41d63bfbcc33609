"""What a repository promises when a task is cancelled."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from copy import deepcopy
from typing import Any

import anyio
import anyio.lowlevel

from paper_repo.domain import PaperTradingSession
from paper_repo.interface import IPaperTradingSessionRepository
from paper_repo.testing.cases import EVERY_CALL, cases
from paper_repo.testing.examples import block_of_another_task, new_fill, new_session, traded_session

Program = Callable[[Callable[[], None]], Awaitable[None]]
_STEPS = 8


class Interruption:
    """Runs a program in which something is cancelled when it comes to a chosen step.

    Args:
        at: at which of its steps, from 0.
        how: "scope": the cancel scope around it; "task": its task, by asyncio's own `Task.cancel`; "task, twice": and
            again while it still deals with the first. trio's own cancellation is that of scopes.
    """

    def __init__(self, at: int, how: str) -> None:
        self._at = at
        self._how = how
        self._cancel: Callable[[], object]
        self.steps: int = 0
        self.completed: bool = False

    async def run(self, program: Program) -> None:
        """Run `program`, which calls what it is given at every step, up to the cancellation."""
        if self._how == "scope":
            with anyio.CancelScope() as scope:
                self._cancel = scope.cancel
                await self._run(program)
        else:
            task = asyncio.ensure_future(self._run(program))
            self._cancel = task.cancel
            await asyncio.wait([task])
            if not task.cancelled():
                task.result()

    async def _run(self, program: Program) -> None:
        await program(self._step)
        self.completed = True

    def _step(self) -> None:
        if self.steps == self._at:
            self._cancel()
            if self._how == "task, twice":
                asyncio.get_running_loop().call_soon(self._cancel)
        self.steps += 1


def ways_to_cancel(backend_name: str) -> list[str]:
    """How a task can be cancelled on this backend; see `Interruption`."""
    return ["task", "task, twice", "scope"] if backend_name == "asyncio" else ["scope"]


class CancellationContract:
    """Cancelled tasks."""

    @cases(range(_STEPS))
    async def test_a_cancelled_block_leaves_nothing(
        self, repository: IPaperTradingSessionRepository, anyio_backend_name: str, contract_case: int
    ) -> None:
        """A block whose task is cancelled at any step, in any way, is rolled back; the next one works at once."""
        kept = traded_session(id="kept")
        await repository.save(kept)

        for how in ways_to_cancel(anyio_backend_name):
            first, second = traded_session(), traded_session()
            before = deepcopy([first, second])

            interruption = Interruption(contract_case, how)
            await interruption.run(_block_of_many_steps(repository, first, second))

            assert (interruption.steps > contract_case, interruption.completed) == (True, False), how
            assert [each.id for each in await repository.get_all()] == ["kept"], how
            assert len(await repository.get_fills("kept")) == 2, how
            assert [first, second] == before, how
            async with repository.atomic():
                await repository.save_many([first, second])
            assert await repository.count() == 3, how
            await repository.delete(first.id)
            await repository.delete(second.id)

    async def test_a_block_cancelled_at_its_end_is_stored_or_not(
        self, repository: IPaperTradingSessionRepository, anyio_backend_name: str
    ) -> None:
        """Cancelled while it ends, a block is stored whole or not at all, and the sessions' versions tell which."""
        for how in ways_to_cancel(anyio_backend_name):
            first, second = traded_session(), traded_session()

            async def end(
                step: Callable[[], None], both: tuple[PaperTradingSession, PaperTradingSession] = (first, second)
            ) -> None:
                async with repository.atomic():
                    await repository.save_many(both)
                    step()
                await anyio.lowlevel.checkpoint()

            interruption = Interruption(0, how)
            await interruption.run(end)

            assert not interruption.completed, how
            assert await _both_tell_what_is_stored(repository, first, second), how
            await repository.save_many([first, second])
            assert len(await repository.get_fills(first.id)) == 2, how

    async def test_a_cancelled_save_is_stored_or_not(
        self, repository: IPaperTradingSessionRepository, anyio_backend_name: str
    ) -> None:
        """A save that is cancelled is stored or not, and the session's version tells which; the next save works."""
        for how in ways_to_cancel(anyio_backend_name):
            first, second = traded_session(), traded_session()

            async def save(
                step: Callable[[], None], both: tuple[PaperTradingSession, PaperTradingSession] = (first, second)
            ) -> None:
                step()
                await repository.save_many(both)
                await anyio.lowlevel.checkpoint()

            interruption = Interruption(0, how)
            await interruption.run(save)

            assert not interruption.completed, how
            assert await _both_tell_what_is_stored(repository, first, second), how
            await repository.save_many([first, second])
            assert len(await repository.get_fills(first.id)) == 2, how

    async def test_a_block_cancelled_while_it_waits_is_never_stored(
        self, repository: IPaperTradingSessionRepository, anyio_backend_name: str
    ) -> None:
        """A task that is cancelled while its block waits for another one stores nothing, and keeps nobody waiting."""
        for how in ways_to_cancel(anyio_backend_name):
            after, stored = traded_session(), traded_session()
            await repository.save(stored)
            waiting, theirs = await repository.get_by_id(stored.id), await repository.get_by_id(stored.id)
            assert waiting is not None
            assert theirs is not None
            waiting.record_fill(new_fill(3))
            interruption = Interruption(0, how)
            give_up: list[Callable[[], None]] = []

            async def wait(
                step: Callable[[], None],
                session: PaperTradingSession = waiting,
                give_up: list[Callable[[], None]] = give_up,
            ) -> None:
                give_up.append(step)
                async with repository.atomic():
                    await repository.save(session)

            async with anyio.create_task_group() as tasks, block_of_another_task(repository, theirs):
                tasks.start_soon(interruption.run, wait)
                await anyio.wait_all_tasks_blocked()
                give_up[0]()

            assert not interruption.completed, how
            assert (theirs.version, waiting.version, len(waiting.new_fills)) == (2, 1, 1), how
            assert len(await repository.get_fills(stored.id)) == 2, how
            await repository.save_many([after, theirs])

    async def test_a_save_cancelled_while_it_waits_is_stored_or_not(
        self, repository: IPaperTradingSessionRepository, anyio_backend_name: str
    ) -> None:
        """A save that is cancelled while it waits for another task's block is stored or not, and the version tells."""
        for how in ways_to_cancel(anyio_backend_name):
            first, second, theirs = traded_session(), traded_session(), traded_session()
            interruption = Interruption(0, how)
            give_up: list[Callable[[], None]] = []

            async def wait(
                step: Callable[[], None],
                both: tuple[PaperTradingSession, PaperTradingSession] = (first, second),
                give_up: list[Callable[[], None]] = give_up,
            ) -> None:
                give_up.append(step)
                await repository.save_many(both)
                await anyio.lowlevel.checkpoint()

            async with anyio.create_task_group() as tasks, block_of_another_task(repository, theirs):
                tasks.start_soon(interruption.run, wait)
                await anyio.wait_all_tasks_blocked()
                give_up[0]()

            # Where several write at once it may not have waited at all.
            assert theirs.version == 1, how
            assert await _both_tell_what_is_stored(repository, first, second), how
            await repository.save_many([first, second])
            assert len(await repository.get_fills(second.id)) == 2, how

    @cases(["alone", "in a block"])
    async def test_after_a_cancelled_call_everything_works(
        self, repository: IPaperTradingSessionRepository, anyio_backend_name: str, contract_case: str
    ) -> None:
        """Whichever call is cancelled, the next calls work, of this task and of others."""
        for name, how in itertools.product(EVERY_CALL, ways_to_cancel(anyio_backend_name)):
            interruption = Interruption(0, how)
            await interruption.run(_use(repository, name, contract_case == "in a block"))

            assert not interruption.completed, (name, how)
            session = new_session()
            await repository.save(session)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(repository.delete, session.id)
            assert await repository.get_by_id(session.id) is None, (name, how)

    async def test_a_block_that_runs_out_of_time_leaves_nothing(
        self, repository: IPaperTradingSessionRepository
    ) -> None:
        """A block whose time is up is rolled back, and its caller sees the timeout."""
        session = traded_session()
        before = deepcopy(session)

        with anyio.move_on_after(0.001) as scope:
            async with repository.atomic():
                await repository.save(session)
                await anyio.sleep_forever()

        assert scope.cancelled_caught
        assert session == before
        assert await repository.count() == 0
        await repository.save(session)
        assert session.version == 1


def _block_of_many_steps(repository: IPaperTradingSessionRepository, first: Any, second: Any) -> Program:
    async def program(step: Callable[[], None]) -> None:
        step()
        async with repository.atomic():
            step()
            await repository.save(first)
            step()
            async with repository.atomic():
                step()
                await repository.save(second)
                step()
            step()
            await repository.delete("kept")
            step()
            await repository.count()
            step()
            await anyio.lowlevel.checkpoint()

    return program


def _use(repository: IPaperTradingSessionRepository, call: str, in_block: bool) -> Program:
    async def program(step: Callable[[], None]) -> None:
        async with repository.atomic() if in_block else nullcontext():
            step()
            await EVERY_CALL[call](repository)
            await anyio.lowlevel.checkpoint()

    return program


async def _both_tell_what_is_stored(
    repository: IPaperTradingSessionRepository, first: PaperTradingSession, second: PaperTradingSession
) -> bool:
    """Whether both sessions were stored and know it, or neither was."""
    stored = [await repository.exists(each.id) for each in (first, second)]
    known = [(each.version, len(each.new_fills)) == (1, 0) for each in (first, second)]
    fresh = [(each.version, len(each.new_fills)) == (0, 2) for each in (first, second)]
    return (all(stored) and all(known)) or (not any(stored) and all(fresh))
