"""What a repository promises about claims: of several workers one has a session at a time."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from paper_repo.errors import ClaimLostError, ConflictError, SessionNotFoundError
from paper_repo.interface import IPaperTradingSessionRepository
from paper_repo.testing.cases import cases
from paper_repo.testing.examples import moment, new_fill, new_session, rolled_back, traded_session

LONG, SHORT = 3600.0, 1e-6
"""Times to live, in seconds: one that does not run out in a test, and one that has run out at once."""


class ClaimContract:
    """Claims."""

    async def test_a_claim_gives_the_session(self, repository: IPaperTradingSessionRepository) -> None:
        """Who claims a session gets it as it is stored, newer by one version, and can save it."""
        session = traded_session()
        await repository.save(session)

        claimed = await repository.claim(session.id, "one", LONG)

        assert claimed is not None
        assert claimed.version == 2
        claimed.version = 1
        assert claimed == session
        claimed.version = 2
        claimed.record_fill(new_fill(3))
        await repository.save(claimed)
        assert len(await repository.get_fills(session.id)) == 3

    async def test_nobody_else_gets_a_claimed_session(self, repository: IPaperTradingSessionRepository) -> None:
        """While a claim lasts another worker gets None, and the session stays as it is."""
        await repository.save(new_session(id="claimed"))
        mine = await repository.claim("claimed", "one", LONG)
        assert mine is not None

        assert await repository.claim("claimed", "other", LONG) is None
        await repository.save(mine)

        assert mine.version == 3

    async def test_a_released_session_is_free(self, repository: IPaperTradingSessionRepository) -> None:
        """A claim that was given back can be had by others, and cannot be given back again."""
        await repository.save(new_session(id="claimed"))
        await repository.claim("claimed", "one", LONG)

        assert not await repository.release("claimed", "other")
        assert await repository.release("claimed", "one")
        assert not await repository.release("claimed", "one")

        assert await repository.claim("claimed", "other", LONG) is not None

    async def test_an_expired_claim_is_free(self, repository: IPaperTradingSessionRepository) -> None:
        """When the time has run out another worker gets the session."""
        await repository.save(new_session(id="claimed"))

        assert await repository.claim("claimed", "one", SHORT) is not None

        assert await repository.claim("claimed", "other", LONG) is not None

    async def test_a_save_after_the_claim_was_lost_is_refused(self, repository: IPaperTradingSessionRepository) -> None:
        """The worker whose time ran out saves nothing any more, and learns who has the session now."""
        await repository.save(traded_session(id="claimed"))
        mine = await repository.claim("claimed", "one", SHORT)
        theirs = await repository.claim("claimed", "other", LONG)
        assert mine is not None
        assert theirs is not None
        mine.record_fill(new_fill(3))

        with pytest.raises(ClaimLostError) as caught:
            await repository.save(mine)

        assert (caught.value.session_id, caught.value.worker, caught.value.owner) == ("claimed", "one", "other")
        assert (caught.value.expected, caught.value.actual) == (2, 3)
        assert (mine.version, len(mine.new_fills)) == (2, 1)
        await repository.save(theirs)
        assert len(await repository.get_fills("claimed")) == 2

    async def test_an_expired_claim_that_nobody_took_still_counts(
        self, repository: IPaperTradingSessionRepository
    ) -> None:
        """As long as nobody else wants the session, its last worker may save it and renew the claim."""
        await repository.save(new_session(id="claimed"))
        mine = await repository.claim("claimed", "one", SHORT)
        assert mine is not None

        await repository.save(mine)
        await repository.renew("claimed", "one", LONG)

        assert await repository.claim("claimed", "other", LONG) is None

    async def test_only_its_owner_renews_a_claim(self, repository: IPaperTradingSessionRepository) -> None:
        """To renew what somebody else has, or nobody, is an error that says who has it."""
        await repository.save(new_session(id="claimed"))
        with pytest.raises(ClaimLostError) as nobody:
            await repository.renew("claimed", "one", LONG)
        await repository.claim("claimed", "other", LONG)

        with pytest.raises(ClaimLostError) as somebody:
            await repository.renew("claimed", "one", LONG)

        assert (nobody.value.owner, somebody.value.owner) == (None, "other")

    async def test_what_was_loaded_before_a_claim_is_a_conflict(
        self, repository: IPaperTradingSessionRepository
    ) -> None:
        """Somebody without a claim who has an older object of the session gets the usual conflict."""
        old = new_session(id="claimed")
        await repository.save(old)
        await repository.claim("claimed", "one", LONG)

        with pytest.raises(ConflictError) as caught:
            await repository.save(old)

        assert type(caught.value) is ConflictError
        assert (caught.value.expected, caught.value.actual) == (1, 2)

    async def test_claiming_again_puts_the_older_object_out_of_use(
        self, repository: IPaperTradingSessionRepository
    ) -> None:
        """A worker may claim what it has already; only the newer object can be saved."""
        await repository.save(new_session(id="claimed"))
        older = await repository.claim("claimed", "one", LONG)
        newer = await repository.claim("claimed", "one", LONG)
        assert older is not None
        assert newer is not None

        with pytest.raises(ConflictError):
            await repository.save(older)

        await repository.save(newer)

    async def test_what_is_not_there_cannot_be_claimed(self, repository: IPaperTradingSessionRepository) -> None:
        """To claim a session that there is not is an error; a deleted one has no claim any more."""
        with pytest.raises(SessionNotFoundError):
            await repository.claim("nobody", "one", LONG)
        await repository.save(new_session(id="claimed"))
        await repository.claim("claimed", "one", LONG)

        await repository.delete("claimed")
        await repository.save(new_session(id="claimed"))

        assert await repository.claim("claimed", "other", LONG) is not None

    async def test_claiming_the_active_ones(self, repository: IPaperTradingSessionRepository) -> None:
        """A worker gets the RUNNING sessions that nobody has, oldest first and no more than it wants."""
        for number, status in enumerate(["RUNNING", "PAUSED", "RUNNING", "RUNNING", "RUNNING", "STOPPED", "RUNNING"]):
            await repository.save(new_session(id=f"{number}", status=status, created_at=moment(10 - number)))
        await repository.claim("3", "other", LONG)
        await repository.claim("4", "other", SHORT)

        first = await repository.claim_active("one", LONG, limit=2)
        rest = await repository.claim_active("one", LONG)

        assert [each.id for each in first] == ["6", "4"]
        assert [each.id for each in rest] == ["2", "0"]
        assert await repository.claim_active("one", LONG) == []
        await repository.save_many([*first, *rest])

    async def test_many_workers_at_once_share_the_active_ones(self, repository: IPaperTradingSessionRepository) -> None:
        """However many workers claim at the same time, each session goes to one of them."""
        await repository.save_many([new_session(id=f"{number}", status="RUNNING") for number in range(12)])
        got: dict[str, list[str]] = {}

        async def work(owner: str) -> None:
            got[owner] = [each.id for each in await repository.claim_active(owner, LONG, limit=3)]

        async with anyio.create_task_group() as tasks:
            for number in range(6):
                tasks.start_soon(work, f"worker {number}")

        for number in range(6, 10):
            await work(f"worker {number}")  # for what the others had passed over while somebody else looked at it
        assert sorted(each for ids in got.values() for each in ids) == sorted(f"{number}" for number in range(12))

    async def test_a_claim_in_a_block_is_part_of_it(self, repository: IPaperTradingSessionRepository) -> None:
        """When the block is rolled back nobody has the session, and older objects of it can be saved."""
        session = new_session(id="claimed")
        await repository.save(session)

        async with rolled_back(repository):
            assert await repository.claim("claimed", "one", LONG) is not None

        await repository.save(session)
        assert await repository.claim("claimed", "other", LONG) is not None

    @cases([("", 1), (None, 1), ("one", 0), ("one", -1), ("one", "1")])
    async def test_a_claim_that_makes_no_sense_is_refused(
        self, repository: IPaperTradingSessionRepository, contract_case: tuple[Any, Any]
    ) -> None:
        """A worker without a name and a time that is none are refused."""
        owner, ttl = contract_case
        with pytest.raises(ValueError, match=r"owner|ttl"):
            await repository.claim_active(owner, ttl, 1)
        with pytest.raises(ValueError, match=r"owner|ttl"):
            await repository.claim("claimed", owner, ttl)
