"""What a repository promises when several change one session, or several sessions are saved at once."""

from __future__ import annotations

from copy import deepcopy

import anyio
import anyio.lowlevel
import pytest

from paper_repo.domain import PaperTradingSession
from paper_repo.errors import ConflictError
from paper_repo.interface import IPaperTradingSessionRepository
from paper_repo.testing.cases import require_no_session
from paper_repo.testing.examples import (
    LONG,
    block_of_another_task,
    new_fill,
    new_point,
    new_session,
    traded_session,
    unusual_session,
)


class ConflictContract:
    """Conflicts, and saves at the same time."""

    async def test_a_stale_session_is_refused(self, repository: IPaperTradingSessionRepository) -> None:
        """A session that somebody else has changed since it was loaded is not saved, and nothing of it is stored."""
        await repository.save(traded_session(id="shared"))
        mine, theirs = await repository.get_by_id("shared"), await repository.get_by_id("shared")
        assert mine is not None
        assert theirs is not None
        theirs.name = "theirs"
        await repository.save(theirs)
        mine.name = "mine"
        mine.record_fill(new_fill(3))
        mine.record_equity(new_point(3))

        with pytest.raises(ConflictError) as caught:
            await repository.save(mine)

        assert (caught.value.session_id, caught.value.expected, caught.value.actual) == ("shared", 1, 2)
        assert await repository.get_by_id("shared") == theirs
        assert len(await repository.get_fills("shared")) == 2
        assert len(await repository.get_equity_curve("shared")) == 2

    async def test_a_deleted_session_is_not_resurrected(self, repository: IPaperTradingSessionRepository) -> None:
        """A session that was deleted since it was loaded is not saved again."""
        session = traded_session()
        await repository.save(session)
        await repository.delete(session.id)
        session.record_fill(new_fill(3))

        with pytest.raises(ConflictError) as caught:
            await repository.save(session)

        assert (caught.value.session_id, caught.value.expected, caught.value.actual) == (session.id, 1, None)
        await require_no_session(repository, session.id)

    async def test_a_session_of_a_deleted_one_is_not_saved_over_its_successor(
        self, repository: IPaperTradingSessionRepository
    ) -> None:
        """Another session under the id of a deleted one, at the same version, is not overwritten by the old object."""
        old = new_session(id="again")
        await repository.save(old)
        await repository.delete("again")
        successor = new_session(id="again", name="the successor")
        await repository.save(successor)

        with pytest.raises(ConflictError) as caught:
            await repository.save(old)

        assert (caught.value.expected, caught.value.actual) == (1, 1)
        assert await repository.get_by_id("again") == successor

    async def test_what_was_loaded_in_a_block_that_rolled_back_is_not_saved(
        self, repository: IPaperTradingSessionRepository
    ) -> None:
        """An object loaded inside a block that rolled back does not overwrite what was saved at its version since."""
        session = new_session(id="shared")
        await repository.save(session)
        with pytest.raises(RuntimeError, match="given up"):  # noqa: PT012  # the block is what fails
            async with repository.atomic():
                session.name = "never stored"
                await repository.save(session)
                loaded = await repository.get_by_id("shared")
                raise RuntimeError("given up")
        session.name = "stored"
        await repository.save(session)
        assert loaded is not None

        with pytest.raises(ConflictError) as caught:
            await repository.save(loaded)

        assert (caught.value.expected, caught.value.actual) == (2, 2)
        assert await repository.get_by_id("shared") == session

    async def test_a_taken_id_is_refused(self, repository: IPaperTradingSessionRepository) -> None:
        """A new session under an id that is taken is not saved, and the stored one stays."""
        stored = traded_session(id="taken")
        await repository.save(stored)

        with pytest.raises(ConflictError) as caught:
            await repository.save(unusual_session(id="taken"))

        assert (caught.value.session_id, caught.value.expected, caught.value.actual) == ("taken", 0, 1)
        assert await repository.get_by_id("taken") == stored
        assert len(await repository.get_fills("taken")) == 2

    async def test_a_version_ahead_of_the_stored_one_is_refused(
        self, repository: IPaperTradingSessionRepository
    ) -> None:
        """A session whose version is higher than the stored one is not saved either."""
        stored = new_session()
        await repository.save(stored)

        with pytest.raises(ConflictError) as caught:
            await repository.save(new_session(id=stored.id, version=7))

        assert (caught.value.expected, caught.value.actual) == (7, 1)
        assert await repository.get_by_id(stored.id) == stored

    async def test_a_refused_session_is_as_it_was(self, repository: IPaperTradingSessionRepository) -> None:
        """A save that fails leaves the session as it was, with the history that waits, and the same objects in it."""
        await repository.save(new_session(id="taken"))
        session = unusual_session(id="taken")
        before, fills, state = deepcopy(session), list(session.new_fills), session.state

        with pytest.raises(ConflictError):
            await repository.save(session)

        assert session == before
        assert all(one is other for one, other in zip(session.new_fills, fills, strict=True))
        assert session.state is state

    async def test_a_refused_session_can_be_saved_again(self, repository: IPaperTradingSessionRepository) -> None:
        """A session whose save failed can be saved when the cause is gone, and its history is stored once."""
        await repository.save(new_session(id="taken"))
        session = traded_session(id="taken")
        with pytest.raises(ConflictError):
            await repository.save(session)
        await repository.delete("taken")

        await repository.save(session)

        assert (session.version, session.new_fills) == (1, [])
        assert [fill.id for fill in await repository.get_fills("taken")] == ["fill-1", "fill-2"]
        assert len(await repository.get_equity_curve("taken")) == 2

    async def test_no_update_is_lost(self, repository: IPaperTradingSessionRepository) -> None:
        """Tasks that load, change and save one session lose no change: each save succeeds or is a conflict."""
        await repository.save(new_session(id="counter", state={"count": 0}))

        async def add_three() -> None:
            done = 0
            while done < 3:
                session = await repository.get_by_id("counter")
                assert session is not None
                session.state["count"] += 1
                await anyio.lowlevel.checkpoint()
                try:
                    await repository.save(session)
                except ConflictError:
                    continue
                done += 1

        with anyio.fail_after(LONG):
            async with anyio.create_task_group() as tasks:
                for _ in range(8):
                    tasks.start_soon(add_three)

        counter = await repository.get_by_id("counter")
        assert counter is not None
        assert (counter.state["count"], counter.version) == (24, 25)

    async def test_two_tasks_may_save_one_object(self, repository: IPaperTradingSessionRepository) -> None:
        """Two tasks may save the same object at once: both saves succeed, and its history is stored once."""
        session = traded_session()

        async with anyio.create_task_group() as tasks:
            for _ in range(2):
                tasks.start_soon(repository.save, session)

        assert (session.version, session.new_fills, session.fill_count) == (2, [], 2)
        assert await repository.get_by_id(session.id) == session
        assert len(await repository.get_fills(session.id)) == 2
        assert len(await repository.get_equity_curve(session.id)) == 2

    async def test_one_failure_among_many_saves_harms_no_other(
        self, repository: IPaperTradingSessionRepository
    ) -> None:
        """Of many tasks that save at once only the one fails whose session is refused."""
        await repository.save(new_session(id="taken"))
        sessions = [traded_session() for _ in range(20)]
        refused = new_session(id="taken")
        conflicts: list[str] = []

        async def save(session: PaperTradingSession) -> None:
            try:
                await repository.save(session)
            except ConflictError as error:
                conflicts.append(error.session_id)

        async with anyio.create_task_group() as tasks:
            for session in [*sessions[:10], refused, *sessions[10:]]:
                tasks.start_soon(save, session)

        assert conflicts == ["taken"]
        assert refused.version == 0
        assert {session.version for session in sessions} == {1}
        assert await repository.count() == 21

    async def test_what_is_stored_is_what_the_session_was_at_the_call(
        self, repository: IPaperTradingSessionRepository
    ) -> None:
        """A change that is made while a save waits is not part of it; it stays, for the next save."""
        session = traded_session(name="at the call")

        async with anyio.create_task_group() as tasks, block_of_another_task(repository, new_session()):
            tasks.start_soon(repository.save, session)
            await anyio.wait_all_tasks_blocked()
            session.name = "later"
            session.record_fill(new_fill(3))

        assert (session.name, session.version, session.fill_count) == ("later", 1, 3)
        assert [fill.id for fill in session.new_fills] == ["fill-3"]
        loaded = await repository.get_by_id(session.id)
        assert loaded is not None
        assert (loaded.name, loaded.fill_count) == ("at the call", 2)
        await repository.save(session)
        assert [fill.id for fill in await repository.get_fills(session.id)] == ["fill-1", "fill-2", "fill-3"]
