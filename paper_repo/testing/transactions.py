"""What a repository promises about `atomic` blocks."""

from __future__ import annotations

from copy import deepcopy

import pytest

from paper_repo.errors import ConflictError, TransactionError
from paper_repo.interface import IPaperTradingSessionRepository
from paper_repo.testing.cases import cases, require_no_session
from paper_repo.testing.examples import (
    moment,
    new_fill,
    new_point,
    new_session,
    rolled_back,
    traded_session,
)


class TransactionContract:
    """`atomic` blocks."""

    async def test_a_block_stores_everything(self, repository: IPaperTradingSessionRepository) -> None:
        """What was done in a block is stored when it has ended."""
        old, first, second = traded_session(), traded_session(), traded_session()
        await repository.save(old)

        async with repository.atomic():
            await repository.save(first)
            await repository.save_many([second])
            await repository.delete(old.id)

        assert {each.id for each in await repository.get_all()} == {first.id, second.id}
        assert (first.version, second.version) == (1, 1)
        assert len(await repository.get_fills(first.id)) == 2
        await require_no_session(repository, old.id)

    async def test_a_failed_block_stores_nothing(self, repository: IPaperTradingSessionRepository) -> None:
        """When a block fails, everything is as it was before it, deleted sessions and their history too."""
        kept, deleted = traded_session(id="kept"), traded_session(id="deleted")
        await repository.save_many([kept, deleted])
        before = await repository.get_all()

        async with rolled_back(repository):
            kept.name = "changed"
            kept.record_fill(new_fill(3))
            await repository.save(kept)
            await repository.save(traded_session())
            await repository.delete("deleted")
            await repository.delete_many(status="CREATED")

        assert await repository.get_all() == before
        for session_id in ("kept", "deleted"):
            assert len(await repository.get_fills(session_id)) == 2
            assert len(await repository.get_equity_curve(session_id)) == 2

    @cases([ValueError, BaseException])
    async def test_the_error_of_a_block_comes_out(
        self, repository: IPaperTradingSessionRepository, contract_case: type[BaseException]
    ) -> None:
        """The error that a block fails with is the one that its caller gets."""
        error = contract_case("mine")

        async def fail() -> None:
            async with repository.atomic():
                await repository.save(new_session())
                raise error

        with pytest.raises(contract_case, match="mine") as caught:
            await fail()

        assert caught.value is error
        assert await repository.count() == 0

    async def test_an_empty_block_is_allowed(self, repository: IPaperTradingSessionRepository) -> None:
        """A block in which nothing is done does nothing, also as the only thing ever done, and also nested."""
        async with repository.atomic():
            pass
        async with repository.atomic(), repository.atomic():
            pass
        async with rolled_back(repository):
            pass

        assert await repository.count() == 0

    async def test_a_block_sees_its_own_writes(self, repository: IPaperTradingSessionRepository) -> None:
        """Every kind of reading in a block sees what the block has written."""
        await repository.save(traded_session(id="old"))
        new = traded_session(id="new")

        async with repository.atomic():
            await repository.save(new)
            await repository.delete("old")

            assert await repository.get_by_id("new") == new
            assert await repository.get_all() == [new]
            assert await repository.get_active() == [new]
            assert [each.id for each in await repository.get_summaries()] == ["new"]
            assert [each.id async for each in repository.iterate()] == ["new"]
            assert (await repository.exists("new"), await repository.exists("old")) == (True, False)
            assert await repository.count() == 1
            assert len(await repository.get_fills("new")) == 2
            assert len(await repository.get_equity_curve("new")) == 2
            await require_no_session(repository, "old")

    # Blocks in blocks

    async def test_an_inner_rollback_keeps_the_outer_work(self, repository: IPaperTradingSessionRepository) -> None:
        """When a block inside a block fails, what the outer one did before and does after is stored."""
        before, inside, after = traded_session(), traded_session(), traded_session()

        async with repository.atomic():
            await repository.save(before)
            async with rolled_back(repository):
                await repository.save(inside)
                await repository.delete(before.id)
            assert await repository.exists(before.id)
            await repository.save(after)

        assert {each.id for each in await repository.get_all()} == {before.id, after.id}
        assert len(await repository.get_fills(before.id)) == 2
        assert (before.version, inside.version, after.version) == (1, 0, 1)
        assert len(inside.new_fills) == 2

    async def test_an_outer_rollback_takes_the_inner_work(self, repository: IPaperTradingSessionRepository) -> None:
        """When a block fails, what the blocks inside it have done is not stored either."""
        outer, inner = traded_session(), traded_session()

        async with rolled_back(repository):
            await repository.save(outer)
            async with repository.atomic():
                await repository.save(inner)

        assert await repository.count() == 0
        assert (outer.version, inner.version) == (0, 0)
        assert len(inner.new_fills) == 2

    async def test_blocks_nest_deeply(self, repository: IPaperTradingSessionRepository) -> None:
        """At any depth a failed block takes its own work and that of the blocks inside it, and no other."""
        sessions = {name: new_session(id=name) for name in "abcdef"}

        async with repository.atomic():
            await repository.save(sessions["a"])
            async with repository.atomic():
                await repository.save(sessions["b"])
                async with rolled_back(repository):
                    await repository.save(sessions["c"])
                    async with repository.atomic():
                        await repository.save(sessions["d"])
                async with repository.atomic():
                    await repository.save(sessions["e"])
            await repository.save(sessions["f"])

        assert {each.id for each in await repository.get_all()} == set("abef")
        assert {name for name, session in sessions.items() if session.version} == set("abef")

    async def test_an_error_that_is_caught_harms_nothing(self, repository: IPaperTradingSessionRepository) -> None:
        """After a refused save a block goes on: what it has done and does is stored, and nothing of the refused one."""
        await repository.save(traded_session(id="taken"))
        before, after, refused = traded_session(), traded_session(), traded_session(id="taken")

        async with repository.atomic():
            await repository.save(before)
            with pytest.raises(ConflictError):
                await repository.save_many([new_session(id="with it"), refused])
            await repository.save(after)

        assert {each.id for each in await repository.get_all()} == {"taken", before.id, after.id}
        assert (refused.version, len(refused.new_fills)) == (0, 2)

    # The sessions that were saved inside

    async def test_a_rollback_gives_sessions_back_as_they_were(
        self, repository: IPaperTradingSessionRepository
    ) -> None:
        """After a rollback a session saved inside has the version, time and waiting history of before."""
        new, known = traded_session(), traded_session()
        await repository.save(known)
        known.record_fill(new_fill(3))
        known.record_fill(new_fill(1))
        known.record_equity(new_point(3))
        before = deepcopy([new, known])

        async with rolled_back(repository):
            await repository.save(new)
            await repository.save_many([known, new])
            await repository.save(new)

        assert [new, known] == before

    async def test_saving_again_after_a_rollback_works(self, repository: IPaperTradingSessionRepository) -> None:
        """After a rollback a session can be saved again, and its history is stored once and in order."""
        session = traded_session()
        async with rolled_back(repository):
            await repository.save(session)
            session.record_fill(new_fill(3))
            await repository.save(session)

        async with repository.atomic():
            await repository.save(session)

        assert (session.version, session.fill_count, session.new_fills) == (1, 3, [])
        assert [fill.id for fill in await repository.get_fills(session.id)] == ["fill-1", "fill-2", "fill-3"]
        assert await repository.get_by_id(session.id) == session

    async def test_history_recorded_before_a_rollback_stays(self, repository: IPaperTradingSessionRepository) -> None:
        """What was recorded between a save and the rollback waits behind what the rollback has given back."""
        session = new_session()
        session.record_fill(new_fill(1))
        session.record_equity(new_point(1))

        async with rolled_back(repository):
            await repository.save(session)
            session.record_fill(new_fill(2))
            session.record_equity(new_point(2))

        assert session.new_fills == [new_fill(1), new_fill(2)]
        assert session.new_equity_points == [new_point(1), new_point(2)]
        assert session.fill_count == 2

    async def test_an_inner_rollback_gives_back_what_it_saved(self, repository: IPaperTradingSessionRepository) -> None:
        """A session that was saved in a block and again in a failed one inside it has the version of its first save."""
        session = traded_session()

        async with repository.atomic():
            await repository.save(session)
            session.record_fill(new_fill(3))
            async with rolled_back(repository):
                await repository.save(session)
            assert (session.version, session.new_fills) == (1, [new_fill(3)])
            await repository.save(session)

        assert (session.version, session.new_fills) == (2, [])
        assert len(await repository.get_fills(session.id)) == 3

    async def test_closing_inside_a_block_is_refused(self, repository: IPaperTradingSessionRepository) -> None:
        """`close` in a block is an error, and the block goes on."""
        async with repository.atomic():
            await repository.save(new_session(id="before", created_at=moment(0)))
            with pytest.raises(TransactionError):
                await repository.close()
            await repository.save(new_session(id="after", created_at=moment(1)))

        assert [each.id for each in await repository.get_all()] == ["before", "after"]
