"""What a repository promises to those who watch it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress

import anyio
import pytest
from anyio.abc import TaskStatus

from paper_repo.domain.changes import SessionChange
from paper_repo.errors import RepositoryClosedError
from paper_repo.interface import IPaperTradingSessionRepository
from paper_repo.testing.examples import new_session

PATIENCE = 30
"""How long a change may take that comes for certain, in seconds."""


class WatchingContract:
    """Watching for changes."""

    async def test_a_save_is_reported(self, repository: IPaperTradingSessionRepository) -> None:
        """A session that is saved after the watch began is reported with its version."""
        await repository.save(new_session())

        async with repository.watch(timeout=PATIENCE) as changes:
            await repository.save(new_session(id="saved"))
            change = await anext(changes)

        assert (change.session_id, change.version, change.deleted) == ("saved", 1, False)

    async def test_a_deletion_is_reported(self, repository: IPaperTradingSessionRepository) -> None:
        """A session that is deleted is reported with the last version it had."""
        session = new_session(id="deleted")
        await repository.save(new_session())
        await repository.save(session)
        await repository.save(session)

        async with repository.watch(timeout=PATIENCE) as changes:
            await repository.delete("deleted")
            change = await anext(changes)

        assert (change.session_id, change.version, change.deleted) == ("deleted", 2, True)

    async def test_deleting_many_reports_each(self, repository: IPaperTradingSessionRepository) -> None:
        """`delete_many` reports the sessions that it deleted, and no others."""
        await repository.save_many([new_session(id=name, name=name) for name in ("a", "b")])
        await repository.save(new_session(id="kept", status="RUNNING"))

        async with repository.watch(timeout=PATIENCE) as changes:
            await repository.delete_many(status="CREATED")
            await repository.save(new_session(id="end"))
            seen = await _until(changes, "end")

        assert sorted((each.session_id, each.deleted) for each in seen[:-1]) == [("a", True), ("b", True)]

    async def test_deleting_nothing_reports_nothing(self, repository: IPaperTradingSessionRepository) -> None:
        """Neither a deletion of what is not there nor a save that is refused is a change."""
        session = new_session(id="taken")
        await repository.save(session)

        async with repository.watch(timeout=PATIENCE) as changes:
            await repository.delete("nobody")
            with suppress(Exception):
                await repository.save(new_session(id="taken"))
            await repository.save(new_session(id="end"))
            seen = await _until(changes, "end")

        assert [each.session_id for each in seen] == ["end"]

    async def test_several_saves_of_one_session_end_with_the_last(
        self, repository: IPaperTradingSessionRepository
    ) -> None:
        """Of several saves of a session the last is reported for certain, and versions only grow."""
        session = new_session(id="busy")

        async with repository.watch(timeout=PATIENCE) as changes:
            for _ in range(5):
                await repository.save(session)
            await repository.save(new_session(id="end"))
            seen = await _until(changes, "end")

        versions = [each.version for each in seen if each.session_id == "busy"]
        assert versions == sorted(set(versions))
        assert versions[-1] == 5

    async def test_a_session_under_the_id_of_a_deleted_one(self, repository: IPaperTradingSessionRepository) -> None:
        """What is reported last of an id that was deleted and taken again is that it is there."""
        await repository.save(new_session(id="again"))

        async with repository.watch(timeout=PATIENCE) as changes:
            await repository.delete("again")
            await repository.save(new_session(id="again"))
            await repository.save(new_session(id="end"))
            seen = await _until(changes, "end")

        last = [each for each in seen if each.session_id == "again"][-1]
        assert (last.version, last.deleted) == (1, False)

    async def test_positions_grow(self, repository: IPaperTradingSessionRepository) -> None:
        """Every change stands behind the one before it."""
        await repository.save_many([new_session() for _ in range(5)])
        await repository.delete_many(strategy="sma")
        await repository.save_many([new_session() for _ in range(5)])

        positions = [each.position async for each in repository.watch(after=0, timeout=0)]

        assert len(positions) >= 10
        assert positions == sorted(set(positions))

    async def test_a_watch_from_a_position_reports_what_came_since(
        self, repository: IPaperTradingSessionRepository
    ) -> None:
        """A watch after a change's position reports everything that came after it, and not the change itself."""
        await repository.save(new_session(id="before"))
        async with repository.watch(after=0, timeout=PATIENCE) as changes:
            seen = await anext(changes)
            assert changes.position == seen.position
        await repository.save(new_session(id="one"))
        await repository.save(new_session(id="two"))
        await repository.delete("one")

        found = [(each.session_id, each.deleted) async for each in repository.watch(after=seen.position, timeout=0)]

        assert found == [("two", False), ("one", True)]

    async def test_a_watch_from_the_beginning_reports_every_session(
        self, repository: IPaperTradingSessionRepository
    ) -> None:
        """`after=0` reports every session there is, in the order of their last saves."""
        first, second = new_session(id="first"), new_session(id="second")
        await repository.save_many([first, second])
        await repository.save(first)

        found = [each.session_id async for each in repository.watch(after=0, timeout=0)]

        assert found == ["second", "first"]

    async def test_a_position_from_elsewhere_is_refused(self, repository: IPaperTradingSessionRepository) -> None:
        """A position that no change of this repository has had yet is a ValueError."""
        await repository.save(new_session())

        with pytest.raises(ValueError, match="after=1000"):
            await anext(repository.watch(after=1000, timeout=PATIENCE))

    async def test_what_is_rolled_back_is_not_reported(self, repository: IPaperTradingSessionRepository) -> None:
        """A save or a deletion that was rolled back is no change; nor is one in a block that is still open."""
        await repository.save(new_session(id="kept"))

        async with repository.watch(timeout=PATIENCE) as changes:
            with suppress(LookupError):
                async with repository.atomic():
                    await repository.save(new_session(id="undone"))
                    await repository.delete("kept")
                    raise LookupError
            async with repository.atomic():
                await repository.save(new_session(id="open"))
                assert [each async for each in repository.watch(after=changes.position, timeout=0)] == []
            seen = await anext(changes)

        assert seen.session_id == "open"

    async def test_a_cancelled_wait_loses_nothing(self, repository: IPaperTradingSessionRepository) -> None:
        """A task whose wait was cancelled, at whatever moment, gets every change from its next waits."""
        async with repository.watch(timeout=PATIENCE, poll_interval=0.001) as changes:
            seen: set[str] = set()
            names = {f"s{number}" for number in range(20)}
            for name in sorted(names):
                with anyio.move_on_after(0.002):
                    seen.add((await anext(changes)).session_id)
                await repository.save(new_session(id=name))
            with anyio.fail_after(PATIENCE):
                while not seen >= names:
                    seen.add((await anext(changes)).session_id)

        assert seen == names

    async def test_a_cancelled_watch_ends(self, repository: IPaperTradingSessionRepository) -> None:
        """Cancelling a task that watches ends it, and the repository works on."""
        async with anyio.create_task_group() as tasks:
            await tasks.start(_watch, repository)
            tasks.cancel_scope.cancel()

        await repository.save(new_session(id="after"))
        assert await repository.exists("after")

    async def test_a_watch_ends_when_the_repository_closes(self, repository: IPaperTradingSessionRepository) -> None:
        """A loop over the changes ends, without an error, when the repository is closed."""
        async with anyio.create_task_group() as tasks:
            await tasks.start(_watch, repository)
            await repository.close()

    async def test_a_closed_one_cannot_be_watched(self, repository: IPaperTradingSessionRepository) -> None:
        """A watch that begins after `close` is refused."""
        await repository.close()

        with pytest.raises(RepositoryClosedError):
            await anext(repository.watch())

    async def test_a_quiet_watch_ends_after_its_timeout(self, repository: IPaperTradingSessionRepository) -> None:
        """A watch to which nothing comes for its timeout ends without an error, and stays ended."""
        changes = repository.watch(timeout=0.01)

        assert [each async for each in changes] == []
        await repository.save(new_session())
        assert [each async for each in changes] == []

    async def test_several_tasks_may_watch(self, repository: IPaperTradingSessionRepository) -> None:
        """Each watch reports everything, whoever else watches."""
        seen: list[str] = []

        async def watch(*, task_status: TaskStatus[None]) -> None:
            async with repository.watch(timeout=PATIENCE) as changes:
                task_status.started()
                seen.append((await anext(changes)).session_id)

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                await tasks.start(watch)
            await repository.save(new_session(id="one"))

        assert seen == ["one"] * 5


async def _watch(repository: IPaperTradingSessionRepository, *, task_status: TaskStatus[None]) -> None:
    async with repository.watch(poll_interval=0.01) as changes:
        task_status.started()
        async for _ in changes:
            pass


async def _until(changes: AsyncIterator[SessionChange], session_id: str) -> list[SessionChange]:
    """The changes up to the one of this session."""
    seen: list[SessionChange] = []
    async for change in changes:
        seen.append(change)
        if change.session_id == session_id:
            break
    return seen
