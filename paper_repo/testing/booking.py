"""The part of the contract about fills that come again: each is booked once, for ever."""

from __future__ import annotations

from copy import deepcopy

import pytest

from paper_repo.domain import CashFlow, Fill, PaperTradingSession, Split
from paper_repo.domain.history import Booked
from paper_repo.errors import ConflictError, DuplicateFillError, InvalidSessionError
from paper_repo.interface import IPaperTradingSessionRepository
from paper_repo.testing.cases import cases
from paper_repo.testing.examples import moment, new_fill, new_session, rolled_back, traded_session


async def _loaded(repository: IPaperTradingSessionRepository, session_id: str) -> PaperTradingSession:
    session = await repository.get_by_id(session_id)
    assert session is not None
    return session


async def _save(repository: IPaperTradingSessionRepository, session: PaperTradingSession, way: str) -> None:
    if way == "save":
        await repository.save(session)
    elif way == "save_many":
        await repository.save_many([new_session(id="beside"), session])
    else:
        async with repository.atomic():
            await repository.save(new_session(id="beside"))
            await repository.save(session)


async def _catch_up(repository: IPaperTradingSessionRepository, session_id: str, fills: list[Fill]) -> None:
    """What a program does after a reconnect, a restart or a conflict."""
    session = await _loaded(repository, session_id)
    for fill in await repository.get_unrecorded(session_id, fills):
        session.apply_fill(fill)
    await repository.save(session)


class BookingContract:
    """Fills that a broker repeats, and fills that share an id."""

    @cases(["save", "save_many", "atomic"])
    async def test_a_stored_fill_that_is_booked_again_is_refused(
        self, repository: IPaperTradingSessionRepository, contract_case: str
    ) -> None:
        """Its cash would count twice: the error names it, nothing is stored, and the object is as it was."""
        await repository.save(traded_session(id="kept"))
        session = await _loaded(repository, "kept")
        stored, fills = deepcopy(session), await repository.get_fills("kept")
        for fill in (fills[1], new_fill(3), fills[0]):
            session.apply_fill(fill)
        before = deepcopy(session)

        with pytest.raises(DuplicateFillError, match=r"fill-1.*get_unrecorded\(\)") as caught:
            await _save(repository, session, contract_case)

        assert set(caught.value.fills) == {("AAPL", "fill-1"), ("AAPL", "fill-2")}
        assert caught.value.session_id == "kept"
        assert session == before
        assert await _loaded(repository, "kept") == stored
        assert await repository.get_fills("kept") == fills
        assert await repository.count() == 1

    async def test_what_is_not_stored_yet_can_be_booked_after_a_refusal(
        self, repository: IPaperTradingSessionRepository
    ) -> None:
        """Loading the session again and booking what `get_unrecorded` gives stores each fill once."""
        once = new_session(id="once")
        for number in (1, 2, 3):
            once.apply_fill(new_fill(number))
        session = new_session(id="kept")
        session.apply_fill(new_fill(1))
        await repository.save(session)
        session.apply_fill(new_fill(1))
        with pytest.raises(DuplicateFillError):
            await repository.save(session)

        for _ in range(2):
            await _catch_up(repository, "kept", [new_fill(number) for number in (1, 2, 1, 3)])

        found = await _loaded(repository, "kept")
        assert (found.cash, found.positions, found.fees_paid) == (once.cash, once.positions, once.fees_paid)
        assert await repository.get_fills("kept") == once.new_fills

    async def test_two_writers_that_had_the_same_fill(self, repository: IPaperTradingSessionRepository) -> None:
        """The one that comes second catches up after its conflict, and the fill is booked once."""
        await repository.save(new_session(id="kept"))
        one, other = await _loaded(repository, "kept"), await _loaded(repository, "kept")
        one.apply_fill(new_fill(1))
        for number in (1, 2):
            other.apply_fill(new_fill(number))
        await repository.save(one)

        with pytest.raises(ConflictError, match="get_unrecorded"):
            await repository.save(other)
        await _catch_up(repository, "kept", [new_fill(1), new_fill(2)])

        found = await _loaded(repository, "kept")
        assert [fill.id for fill in await repository.get_fills("kept")] == ["fill-1", "fill-2"]
        assert found.positions["AAPL"].quantity == 2

    async def test_a_fill_whose_save_was_rolled_back_is_not_stored(
        self, repository: IPaperTradingSessionRepository
    ) -> None:
        """It waits again, and is stored by the next save; booked once more inside the block it counts twice."""
        once, twice = new_session(id="once"), new_session(id="twice")
        async with rolled_back(repository):
            for session in (once, twice):
                session.apply_fill(new_fill(1))
                await repository.save(session)
            twice.apply_fill(new_fill(1))

        await repository.save(once)
        with pytest.raises(DuplicateFillError):
            await repository.save(twice)

        assert await repository.get_fills("once") == [new_fill(1)]
        assert not await repository.exists("twice")

    async def test_a_fill_that_is_booked_and_recorded_waits_for_one_place(
        self, repository: IPaperTradingSessionRepository
    ) -> None:
        """Recording what waits already, or what is stored, changes nothing."""
        session = new_session(id="kept")
        session.apply_fill(new_fill(1))
        session.record_fill(new_fill(1))
        await repository.save(session)
        session.record_fill(new_fill(1))
        await repository.save(session)

        assert await repository.get_fills("kept") == [new_fill(1)]
        assert await _loaded(repository, "kept") == session

    async def test_fills_of_two_symbols_may_have_one_id(self, repository: IPaperTradingSessionRepository) -> None:
        """Many exchanges number the fills of each symbol by themselves; within a symbol an id is used once."""
        apple, other = new_fill(1), new_fill(1, symbol="MSFT", price=7)
        session = new_session(id="kept")
        session.apply_fill(apple)
        session.apply_fill(other)
        await repository.save(session)
        session.record_fill(new_fill(1, symbol="MSFT", price=8))

        with pytest.raises(InvalidSessionError, match="fill-1"):
            await repository.save(session)

        assert await repository.get_fills("kept") == [apple, other]
        assert (await _loaded(repository, "kept")).positions.keys() == {"AAPL", "MSFT"}

    async def test_a_page_after_a_fill_whose_id_several_symbols_have(
        self, repository: IPaperTradingSessionRepository
    ) -> None:
        """The fill itself, or its symbol, tells which is meant; its id alone does not."""
        fills = [new_fill(1), new_fill(2), new_fill(1, symbol="MSFT"), new_fill(3)]
        session = new_session(id="kept")
        for fill in fills:
            session.record_fill(fill)
        await repository.save(session)

        assert await repository.get_fills("kept", after=fills[0]) == fills[1:]
        assert await repository.get_fills("kept", after=fills[2]) == fills[3:]
        assert await repository.get_fills("kept", after="fill-1", symbol="AAPL") == [fills[1], fills[3]]
        assert await repository.get_fills("kept", after="fill-1", symbol="MSFT") == []
        assert await repository.get_fills("kept", after="fill-2", symbol="MSFT") == [fills[2]]
        with pytest.raises(ValueError, match="AAPL, MSFT"):
            await repository.get_fills("kept", after="fill-1")
        with pytest.raises(ValueError, match="fill-2"):
            await repository.get_fills("kept", after=new_fill(2, symbol="MSFT"))

    async def test_unrecorded_fills(self, repository: IPaperTradingSessionRepository) -> None:
        """Of what a broker has reported come those that are not stored for this session: each once, in their order."""
        session = new_session(id="kept")
        for number in (1, 2):
            session.record_fill(new_fill(number))
        await repository.save_many([session, traded_session(id="other")])
        session.record_fill(new_fill(3))
        reported = [new_fill(number) for number in (4, 2, 3, 4, 1)]
        same_id = new_fill(2, symbol="MSFT")

        assert await repository.get_unrecorded("kept", reported) == [new_fill(4), new_fill(3)]
        assert await repository.get_unrecorded("kept", [new_fill(1, price=7), same_id]) == [same_id]
        assert await repository.get_unrecorded("kept", []) == []
        assert await repository.get_unrecorded("nobody's", reported) == [new_fill(n) for n in (4, 2, 3, 1)]

    async def test_any_number_of_fills_can_be_unrecorded(self, repository: IPaperTradingSessionRepository) -> None:
        """A broker's whole history is not too much to ask for."""
        session = new_session(id="kept")
        for number in range(0, 2000, 2):
            session.record_fill(new_fill(number))
        await repository.save(session)

        found = await repository.get_unrecorded("kept", [new_fill(number) for number in range(2000)])

        assert found == [new_fill(number) for number in range(1, 2000, 2)]

    async def test_a_block_sees_its_own_fills_as_recorded(self, repository: IPaperTradingSessionRepository) -> None:
        """Inside of a block, and outside after a rollback, what counts is what is stored there."""
        session = new_session(id="kept")
        session.apply_fill(new_fill(1))
        async with rolled_back(repository):
            await repository.save(session)
            inside = await repository.get_unrecorded("kept", [new_fill(1)])

        assert inside == []
        assert await repository.get_unrecorded("kept", [new_fill(1)]) == [new_fill(1)]

    async def test_payments_and_splits_can_be_unrecorded(self, repository: IPaperTradingSessionRepository) -> None:
        """A broker repeats them as it repeats fills; each is known by its id, whatever else it contains."""
        session = new_session(id="kept")
        stored = CashFlow("1", "DEPOSIT", 5, moment(1))
        session.apply_cash_flow(stored)
        session.apply_fill(new_fill(1, id="2"))
        await repository.save(session)
        new: list[Booked] = [CashFlow("2", "DIVIDEND", 1, moment(2)), Split("3", "AAPL", 2, moment(3)), new_fill(3)]

        found = await repository.get_unrecorded("kept", [new[0], stored, new[1], new_fill(1, id="2"), new[2], new[0]])

        assert found == new
        other_amount = CashFlow("1", "WITHDRAWAL", -7, moment(1))
        assert await repository.get_unrecorded("kept", [other_amount]) == []
        assert await repository.get_unrecorded("nobody's", [other_amount]) == [other_amount]

    @cases([None, 5, [None], ["fill-1"], [{"id": "fill-1"}]])
    async def test_what_are_no_fills_cannot_be_unrecorded(
        self, repository: IPaperTradingSessionRepository, contract_case: object
    ) -> None:
        """Anything but fills is refused with a message that says so."""
        with pytest.raises(InvalidSessionError, match=r"reported.*must be"):
            await repository.get_unrecorded("kept", contract_case)  # type: ignore[arg-type]
