"""What a repository promises about `atomic` blocks and other tasks."""

from __future__ import annotations

from copy import deepcopy

import anyio
import anyio.lowlevel
import pytest

from paper_repo.domain import PaperTradingSession
from paper_repo.errors import BusyError, ConflictError, TransactionOwnershipError
from paper_repo.interface import IPaperTradingSessionRepository
from paper_repo.testing.cases import EVERY_CALL, cases
from paper_repo.testing.examples import LONG, block_of_another_task, new_fill, new_point, new_session, traded_session


class SharingContract:
    """Blocks among other tasks."""

    # What others see

    @cases(["committed", "rolled back"])
    async def test_others_see_nothing_of_an_open_block(
        self, repository: IPaperTradingSessionRepository, contract_case: str
    ) -> None:
        """Other tasks read at once what was there before the block, and its changes only when it is committed."""
        session = traded_session(id="shared", name="before")
        await repository.save(session)
        session.name = "after"
        session.record_fill(new_fill(3))
        session.record_equity(new_point(3))

        with anyio.fail_after(LONG):
            async with block_of_another_task(repository, session, fails=contract_case == "rolled back"):
                assert [each.name for each in await repository.get_all()] == ["before"]
                assert [each.name for each in await repository.get_active()] == ["before"]
                assert [each.name for each in await repository.get_summaries()] == ["before"]
                assert [each.name async for each in repository.iterate()] == ["before"]
                loaded = await repository.get_by_id("shared")
                assert await repository.exists("shared")
                assert await repository.count() == 1
                assert len(await repository.get_fills("shared")) == 2
                assert len(await repository.get_equity_curve("shared")) == 2

        assert loaded is not None
        assert (loaded.name, loaded.version) == ("before", 1)
        (seen,) = await repository.get_all()
        expected = {"committed": ("after", 2, 3), "rolled back": ("before", 1, 2)}
        assert (seen.name, seen.version, seen.fill_count) == expected[contract_case]

    async def test_nobody_sees_half_of_a_block(self, repository: IPaperTradingSessionRepository) -> None:
        """Who reads while blocks come and go sees the outcome of whole ones: sessions changed together agree."""
        pair = [new_session(id="a", name="0"), new_session(id="b", name="0")]
        await repository.save_many(pair)
        done = anyio.Event()

        async def change() -> None:
            for number in range(1, 21):
                async with repository.atomic():
                    for session in pair:
                        session.name = str(number)
                        await repository.save(session)
            done.set()

        with anyio.fail_after(LONG):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(change)
                looks = 0
                while not done.is_set():
                    assert len({session.name for session in await repository.get_all()}) == 1
                    assert len({each.version for each in await repository.get_summaries()}) == 1
                    looks += 1
                    for _ in range(looks % 4):  # not every implementation lets others run; never in step with `change`
                        await anyio.lowlevel.checkpoint()

        assert [session.name for session in await repository.get_all()] == ["20", "20"]

    # Whose block it is

    async def test_a_task_started_inside_may_not_use_the_repository(
        self, repository: IPaperTradingSessionRepository
    ) -> None:
        """A task that was started in a block gets an error for everything it tries; the block goes on and is stored."""
        await repository.save(new_session(id="kept", name="kept"))
        session = new_session(id="mine")
        outcomes: dict[str, object] = {}

        async def try_everything() -> None:
            for name, call in EVERY_CALL.items():
                try:
                    outcomes[name] = await call(repository)
                except TransactionOwnershipError:
                    outcomes[name] = TransactionOwnershipError

        with anyio.fail_after(LONG):
            async with repository.atomic():
                await repository.save(session)
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(try_everything)
                session.name = "still mine"
                await repository.save(session)

        assert outcomes == dict.fromkeys(EVERY_CALL, TransactionOwnershipError)
        assert {each.id: each.name for each in await repository.get_all()} == {"kept": "kept", "mine": "still mine"}

    async def test_a_task_may_outlive_the_block_it_was_started_in(
        self, repository: IPaperTradingSessionRepository
    ) -> None:
        """A task that was started in a block works as any other when the block has ended."""
        ended = anyio.Event()
        early, late = new_session(id="early"), new_session(id="late")

        async def work() -> None:
            await ended.wait()
            async with repository.atomic():
                await repository.save(late)
                assert await repository.get_by_id("early") == early

        async with anyio.create_task_group() as tasks:
            async with repository.atomic(), repository.atomic():
                await repository.save(early)
                tasks.start_soon(work)
            ended.set()

        assert await repository.count() == 2

    async def test_a_task_started_before_the_block_is_none_of_its_own(
        self, repository: IPaperTradingSessionRepository
    ) -> None:
        """What another task saves while a block is open is stored, also when the block fails."""
        mine, theirs = new_session(id="mine"), new_session(id="theirs")

        async with anyio.create_task_group() as tasks, block_of_another_task(repository, theirs, fails=True):
            tasks.start_soon(repository.save, mine)
            await anyio.wait_all_tasks_blocked()

        assert [each.id for each in await repository.get_all()] == ["mine"]
        assert (mine.version, theirs.version) == (1, 0)

    async def test_blocks_of_several_tasks_do_not_mix(self, repository: IPaperTradingSessionRepository) -> None:
        """Tasks that move cash between two sessions, each in a block, lose none of it and make none."""
        await repository.save_many([new_session(id="a", cash=100), new_session(id="b", cash=100)])

        async def move(amount: int) -> None:
            done = False
            while not done:
                await anyio.lowlevel.checkpoint()
                try:
                    async with repository.atomic():
                        source, target = await repository.get_by_id("a"), await repository.get_by_id("b")
                        assert source is not None
                        assert target is not None
                        source.cash -= amount
                        await repository.save(source)
                        target.cash += amount
                        await repository.save(target)
                    done = True
                except ConflictError:
                    continue

        with anyio.fail_after(LONG):
            async with anyio.create_task_group() as tasks:
                for amount in range(10):
                    tasks.start_soon(move, amount)

        sessions = await repository.get_all(order_by="name")
        assert {each.id: (int(each.cash), each.version) for each in sessions} == {"a": (55, 11), "b": (145, 11)}

    # Waiting

    async def test_a_writer_waits_for_a_block(self, repository: IPaperTradingSessionRepository) -> None:
        """Who saves the session that another task's block has changed gets the outcome of that block: a conflict."""
        await repository.save(new_session(id="shared"))
        mine, theirs = await repository.get_by_id("shared"), await repository.get_by_id("shared")
        assert mine is not None
        assert theirs is not None
        conflicts: list[int | None] = []

        async def save() -> None:
            with pytest.raises(ConflictError) as caught:
                await repository.save(mine)
            conflicts.append(caught.value.actual)

        async with anyio.create_task_group() as tasks, block_of_another_task(repository, theirs):
            tasks.start_soon(save)
            await anyio.wait_all_tasks_blocked()

        assert conflicts == [2]

    @pytest.mark.parametrize("busy_timeout", [0.3])
    @cases(["save", "block"])
    async def test_waiting_for_a_writer_is_bounded(
        self, repository: IPaperTradingSessionRepository, busy_timeout: float, contract_case: str
    ) -> None:
        """Who waits for another task's block longer than the busy timeout gets a `BusyError`, and may try again."""
        await repository.save(traded_session(id="shared"))
        mine, theirs = await repository.get_by_id("shared"), await repository.get_by_id("shared")
        assert mine is not None
        assert theirs is not None
        mine.record_fill(new_fill(3))
        before = deepcopy(mine)

        async def save(session: PaperTradingSession) -> None:
            if contract_case == "block":
                async with repository.atomic():
                    await repository.save(session)
            else:
                await repository.save(session)

        with anyio.fail_after(LONG):
            async with block_of_another_task(repository, theirs, fails=True):
                with pytest.raises(BusyError):
                    await save(mine)
                assert mine == before

        await save(mine)
        assert (mine.version, len(await repository.get_fills("shared"))) == (2, 3)
