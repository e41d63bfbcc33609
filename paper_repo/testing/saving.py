"""What a repository promises about saving, loading and deleting."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime

import pytest

from paper_repo.domain import SessionStatus
from paper_repo.errors import ConflictError, InvalidSessionError
from paper_repo.interface import IPaperTradingSessionRepository
from paper_repo.testing.cases import cases, require_no_session
from paper_repo.testing.examples import (
    moment,
    new_fill,
    new_point,
    new_session,
    traded_session,
    unusual_session,
)


class SavingContract:
    """Saving, loading and deleting."""

    # The four scenarios

    async def test_a_running_session_that_was_saved_is_there(self, repository: IPaperTradingSessionRepository) -> None:
        """A running session that was saved is in the repository."""
        session = new_session(name="crossover")
        session.start()

        await repository.save(session)

        assert await repository.exists(session.id)
        assert [each.name for each in await repository.get_all()] == ["crossover"]

    async def test_get_by_id_gives_every_field(self, repository: IPaperTradingSessionRepository) -> None:
        """`get_by_id` gives the session back with every field as it was saved."""
        session = unusual_session(id="abc-123")
        await repository.save(session)

        loaded = await repository.get_by_id("abc-123")

        assert loaded == session

    async def test_get_active_gives_the_running_sessions(self, repository: IPaperTradingSessionRepository) -> None:
        """Of two running sessions and a stopped one, `get_active` gives the two, oldest first."""
        running = [new_session(status="RUNNING", created_at=moment(number)) for number in (1, 2)]
        stopped = new_session(status="STOPPED")
        await repository.save_many([running[1], stopped, running[0]])

        active = await repository.get_active()

        assert active == running

    async def test_only_running_sessions_are_active(self, repository: IPaperTradingSessionRepository) -> None:
        """A session of any other status than RUNNING is not active."""
        others = [status for status in SessionStatus if status is not SessionStatus.RUNNING]
        await repository.save_many(new_session(status=status) for status in others)

        active = await repository.get_active()

        assert active == []

    async def test_delete_removes_the_session_with_its_history(
        self, repository: IPaperTradingSessionRepository
    ) -> None:
        """A deleted session is gone with its whole history, and `delete` says that there was one."""
        session, other = traded_session(), traded_session()
        await repository.save_many([session, other])

        assert await repository.delete(session.id) is True

        await require_no_session(repository, session.id)
        assert await repository.get_all() == [other]
        assert len(await repository.get_fills(other.id)) == 2
        assert len(await repository.get_equity_curve(other.id)) == 2

    async def test_a_deleted_history_does_not_come_back(self, repository: IPaperTradingSessionRepository) -> None:
        """A new session under the id of a deleted one has none of its history."""
        await repository.save(traded_session(id="again"))
        await repository.delete("again")

        await repository.save(new_session(id="again"))

        assert await repository.get_fills("again") == []
        assert await repository.get_equity_curve("again") == []

    async def test_an_unknown_id_names_nothing(self, repository: IPaperTradingSessionRepository) -> None:
        """Where there is no session of an id, `get_by_id`, `exists` and `delete` say so; a part of it is an error."""
        await repository.save(new_session(id="known"))

        assert await repository.delete("unknown") is False
        await require_no_session(repository, "unknown")
        assert await repository.exists("known") is True

    async def test_ids_are_compared_exactly(self, repository: IPaperTradingSessionRepository) -> None:
        """An id names no session whose id only looks like it: case, spaces and accents count."""
        ids = ["id", "ID", "i d", "i\N{LATIN SMALL LETTER E WITH ACUTE}", "ie\N{COMBINING ACUTE ACCENT}", "i%", "i_"]

        for number, each in enumerate(ids):
            assert not await repository.exists(each), each
            await repository.save(new_session(id=each, name=str(number)))

        loaded = [await repository.get_by_id(each) for each in ids]
        assert [session and session.name for session in loaded] == [str(number) for number in range(len(ids))]
        assert not [each for each in ids if await repository.exists(f"{each} ")]

    # What saving does to the session

    async def test_every_save_raises_the_version_by_one(self, repository: IPaperTradingSessionRepository) -> None:
        """The version of a session is 0 before its first save, and one higher after each."""
        session = new_session()

        versions = [session.version]
        for _ in range(3):
            await repository.save(session)
            versions.append(session.version)

        assert versions == [0, 1, 2, 3]
        loaded = await repository.get_by_id(session.id)
        assert loaded is not None
        assert loaded.version == 3

    async def test_every_save_sets_updated_at(self, repository: IPaperTradingSessionRepository) -> None:
        """Saving sets `updated_at`, in UTC, on the session and in the repository alike."""
        long_ago = datetime(2001, 1, 1, tzinfo=UTC)
        session = new_session(updated_at=long_ago)

        await repository.save(session)

        assert session.updated_at is not None
        assert session.updated_at > long_ago
        assert session.updated_at.tzinfo is UTC
        loaded = await repository.get_by_id(session.id)
        assert loaded is not None
        assert loaded.updated_at == session.updated_at

    async def test_saving_takes_the_new_history(self, repository: IPaperTradingSessionRepository) -> None:
        """Saving stores the history that waits in the session, and leaves none waiting."""
        session = traded_session()
        fills, points = list(session.new_fills), list(session.new_equity_points)

        await repository.save(session)

        assert (session.new_fills, session.new_equity_points) == ([], [])
        assert await repository.get_fills(session.id) == fills
        assert await repository.get_equity_curve(session.id) == points

    async def test_later_history_is_appended(self, repository: IPaperTradingSessionRepository) -> None:
        """A later save stores what is new behind what is stored, also for a session that was loaded between."""
        session = traded_session()
        await repository.save(session)
        session.record_fill(new_fill(3))
        session.record_equity(new_point(3))
        await repository.save(session)
        loaded = await repository.get_by_id(session.id)
        assert loaded is not None

        loaded.record_fill(new_fill(4))
        loaded.record_equity(new_point(4))
        await repository.save(loaded)

        assert [fill.id for fill in await repository.get_fills(session.id)] == [f"fill-{n}" for n in (1, 2, 3, 4)]
        assert [point.at for point in await repository.get_equity_curve(session.id)] == [
            moment(n) for n in (1, 2, 3, 4)
        ]
        assert loaded.fill_count == 4

    async def test_saving_again_replaces_every_field(self, repository: IPaperTradingSessionRepository) -> None:
        """A save stores every field as it is now, also those that have become empty."""
        session = unusual_session(id="changing")
        await repository.save(session)
        plain = new_session(id="changing", version=session.version, fill_count=session.fill_count)

        await repository.save(plain)

        assert await repository.get_by_id("changing") == plain

    async def test_loads_are_independent(self, repository: IPaperTradingSessionRepository) -> None:
        """Every load is a new object: what is done to it, or to the one that was saved, does not reach the store."""
        session = unusual_session()
        await repository.save(session)
        stored = deepcopy(session)
        first = await repository.get_by_id(session.id)
        (second,) = await repository.get_all()
        assert first is not None
        assert first is not second

        for each in (session, first, second):
            each.name = "changed"
            each.strategy.parameters["nested"]["list"].append("changed")
            each.state["text"] = "changed"
            each.metadata["tags"].clear()
            each.positions.clear()
            each.open_orders.clear()

        assert await repository.get_by_id(session.id) == stored

    # Several at once

    async def test_save_many_stores_all(self, repository: IPaperTradingSessionRepository) -> None:
        """`save_many` stores every session with its history, new ones and changed ones, from any iterable."""
        known, new = traded_session(), unusual_session()
        await repository.save(known)
        known.record_fill(new_fill(3))

        await repository.save_many(each for each in (known, new))

        assert (known.version, new.version) == (2, 1)
        assert await repository.get_by_id(known.id) == known
        assert await repository.get_by_id(new.id) == new
        assert len(await repository.get_fills(known.id)) == 3
        assert len(await repository.get_fills(new.id)) == 2

    async def test_save_many_of_none_does_nothing(self, repository: IPaperTradingSessionRepository) -> None:
        """`save_many` without a session stores nothing, and that is no error."""
        await repository.save_many([])

        assert await repository.count() == 0

    @cases([0, 1, 2])
    async def test_save_many_stores_none_when_one_is_refused(
        self, repository: IPaperTradingSessionRepository, contract_case: int
    ) -> None:
        """When one session of `save_many` is refused none is stored, and every one of them is as it was."""
        await repository.save(new_session(id="taken"))
        sessions = [traded_session(), unusual_session()]
        sessions.insert(contract_case, new_session(id="taken"))
        before = deepcopy(sessions)

        with pytest.raises(ConflictError):
            await repository.save_many(sessions)

        assert sessions == before
        assert await repository.count() == 1
        del sessions[contract_case]
        await repository.save_many(sessions)
        assert await repository.count() == 3

    async def test_save_many_refuses_two_of_one_id(self, repository: IPaperTradingSessionRepository) -> None:
        """Two new sessions of one id are a conflict, also when they come together; neither is stored."""
        sessions = [new_session(id="twin"), new_session(id="twin")]

        with pytest.raises(ConflictError):
            await repository.save_many(sessions)

        assert [session.version for session in sessions] == [0, 0]
        assert await repository.count() == 0

    async def test_save_many_stores_none_when_one_is_invalid(self, repository: IPaperTradingSessionRepository) -> None:
        """When one session of `save_many` cannot be stored none is, and every one of them is as it was."""
        sessions = [traded_session(), new_session(state={"window": (1, 2)})]
        before = deepcopy(sessions)

        with pytest.raises(InvalidSessionError):
            await repository.save_many(sessions)

        assert sessions == before
        assert await repository.count() == 0

    # Fills that are recorded again

    async def test_a_fill_that_is_stored_already_is_skipped(self, repository: IPaperTradingSessionRepository) -> None:
        """A fill whose id is stored with the same content is not stored again, and not counted again."""
        session = traded_session()
        await repository.save(session)

        session.record_fill(new_fill(3))
        session.record_fill(new_fill(1))
        session.record_fill(new_fill(4))
        session.record_fill(new_fill(3))
        await repository.save(session)

        assert [fill.id for fill in await repository.get_fills(session.id)] == [f"fill-{n}" for n in (1, 2, 3, 4)]
        assert (session.fill_count, session.new_fills) == (4, [])
        assert await repository.get_by_id(session.id) == session

    @cases(["stored before", "in the same save"])
    async def test_another_fill_of_a_stored_id_is_refused(
        self, repository: IPaperTradingSessionRepository, contract_case: str
    ) -> None:
        """A fill whose id has been used for another one is refused with an error that names it; nothing is stored."""
        session = new_session()
        session.record_fill(new_fill(1))
        if contract_case == "stored before":
            await repository.save(session)
        session.record_fill(new_fill(2))
        session.record_fill(new_fill(1, price="100.26"))
        before, known = deepcopy(session), await repository.get_by_id(session.id)

        with pytest.raises(InvalidSessionError, match="fill-1") as caught:
            await repository.save(session)

        assert caught.value.session_id == session.id
        assert session == before
        assert await repository.get_by_id(session.id) == known
        if known is None:
            await require_no_session(repository, session.id)
        else:
            assert await repository.get_fills(session.id) == [new_fill(1)]

    async def test_a_refused_fill_can_be_taken_out(self, repository: IPaperTradingSessionRepository) -> None:
        """A session whose fill was refused can be saved without it."""
        session = traded_session()
        await repository.save(session)
        session.record_fill(new_fill(3))
        session.record_fill(new_fill(1, quantity=2))
        with pytest.raises(InvalidSessionError):
            await repository.save(session)

        session.new_fills.pop()
        await repository.save(session)

        assert [fill.id for fill in await repository.get_fills(session.id)] == ["fill-1", "fill-2", "fill-3"]
        assert await repository.get_by_id(session.id) == session

    async def test_fill_ids_belong_to_their_session(self, repository: IPaperTradingSessionRepository) -> None:
        """Two sessions may have fills of the same id."""
        one, other = new_session(), new_session()
        one.record_fill(new_fill(1))
        other.record_fill(new_fill(1, price=7))

        await repository.save_many([one, other])

        assert await repository.get_fills(one.id) == [new_fill(1)]
        assert await repository.get_fills(other.id) == [new_fill(1, price=7)]
