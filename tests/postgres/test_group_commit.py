"""Saves that wait together on a server: they share a transaction and its few round trips, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from paper_repo import (
    AsyncSessionRepository,
    BusyError,
    CashFlow,
    ClaimLostError,
    ConflictError,
    DuplicateFillError,
    InvalidSessionError,
    PaperTradingSession,
)
from tests.builders import moment, new_fill, new_session
from tests.facade.test_group_commit import Action, outcomes
from tests.facade.watching import PATIENCE
from tests.postgres.watching import Watch, stored

pytestmark = pytest.mark.anyio


@pytest.fixture
def server(emptied_url: str) -> Any:
    """A connection beside those of the repository."""
    with psycopg.connect(emptied_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
async def repository(watch: Watch, emptied_url: str) -> AsyncIterator[AsyncSessionRepository]:
    """An open repository."""
    async with AsyncSessionRepository(emptied_url, busy_timeout=PATIENCE) as repository:
        yield repository


@pytest.fixture
def good() -> list[PaperTradingSession]:
    """Sessions with a fill each, of which nothing is stored."""
    sessions = [new_session(id=f"good-{number:02}") for number in range(20)]
    for session in sessions:
        session.apply_fill(new_fill(1))
    return sessions


def saving(repository: AsyncSessionRepository, session: PaperTradingSession) -> Action:
    """What saves `session`."""
    return lambda: repository.save(session)


async def saved(repository: AsyncSessionRepository, *sessions: PaperTradingSession) -> list[object]:
    """What each of these saves gave or raised, all of them asked for at once."""
    return await outcomes(*[saving(repository, session) for session in sessions])


async def test_they_need_no_savepoints(
    repository: AsyncSessionRepository, watch: Watch, server: Any, good: list[PaperTradingSession]
) -> None:
    """Sessions, fills and points are stored by a statement each, and every object is what was stored."""
    for session in good:
        session.mark({"AAPL": 7}, at=moment(2))

    for version in (1, 2):
        before = len(watch.seen)
        assert await saved(repository, *good) == [None] * 20
        verbs = [sql.split()[0] for sql in watch.seen[before:]]
        assert not {"SAVEPOINT", "RELEASE"} & set(verbs)
        assert [session.version for session in good] == [version] * 20
        for session in good:
            session.apply_fill(new_fill(version + 1))

    assert stored(server) == {session.id: (2, ["fill-1", "fill-2"]) for session in good}
    assert {len(session.new_fills) for session in good} == {1}


async def test_a_version_that_was_not_met_is_one_saves_conflict(
    repository: AsyncSessionRepository, watch: Watch, server: Any, good: list[PaperTradingSession]
) -> None:
    """Nothing of its history is stored either, and no transaction is done again for it."""
    ours = new_session(id="good-10-and-stale")
    await repository.save(ours)
    stale = await repository.get_by_id(ours.id)
    assert stale is not None
    await repository.save(ours)
    stale.apply_fill(new_fill(7))
    before = len(watch.seen)

    results = await saved(repository, *good[:10], stale, *good[10:])

    conflict = results.pop(10)
    assert isinstance(conflict, ConflictError)
    assert (conflict.expected, conflict.actual) == (1, 2)
    assert results == [None] * 20
    assert "ROLLBACK" not in watch.seen[before:]
    assert stored(server) == {session.id: (1, ["fill-1"]) for session in good} | {ours.id: (2, [])}
    assert (stale.version, len(stale.new_fills)) == (1, 1)


async def test_a_lost_claim(repository: AsyncSessionRepository, good: list[PaperTradingSession]) -> None:
    """The worker that has lost it is told so; the others are stored."""
    session = new_session(id="claimed")
    session.start()
    await repository.save(session)
    mine = await repository.claim("claimed", "me", ttl=1e-6)
    assert mine is not None
    while await repository.claim("claimed", "you", ttl=60) is None:
        pass

    *results, lost = await saved(repository, *good, mine)

    assert isinstance(lost, ClaimLostError)
    assert results == [None] * 20


async def test_fills_that_are_stored_already(
    repository: AsyncSessionRepository, server: Any, good: list[PaperTradingSession]
) -> None:
    """One that was booked again is its save's own error; one that was only recorded is skipped."""
    twice, recorded = new_session(id="twice"), new_session(id="recorded")
    for session in (twice, recorded):
        session.apply_fill(new_fill(1))
        await repository.save(session)
    twice.apply_fill(new_fill(1))
    recorded.record_fill(new_fill(1))
    recorded.record_fill(new_fill(2))

    *results, duplicate, skipped = await saved(repository, *good, twice, recorded)

    assert isinstance(duplicate, DuplicateFillError)
    assert [*results, skipped] == [None] * 21
    assert stored(server) == {session.id: (1, ["fill-1"]) for session in good} | {
        "twice": (1, ["fill-1"]),
        "recorded": (2, ["fill-1", "fill-2"]),
    }
    assert (twice.version, recorded.version, recorded.fill_count) == (1, 2, 2)


async def test_what_the_server_cannot_keep(repository: AsyncSessionRepository, good: list[PaperTradingSession]) -> None:
    """A text with the NUL character is refused, and nobody else is the worse for it."""
    bad = new_session(id="bad", name="a\0b")

    *results, refused = await saved(repository, *good, bad)

    assert isinstance(refused, InvalidSessionError)
    assert results == [None] * 20
    assert await repository.count() == 20
    assert bad.version == 0


async def test_one_that_somebody_else_holds(emptied_url: str, server: Any, good: list[PaperTradingSession]) -> None:
    """It alone is told, when the busy timeout is over; the others are stored then."""
    async with AsyncSessionRepository(emptied_url, busy_timeout=0.1) as repository:
        held = new_session(id="held")
        await repository.save(held)
        with server.transaction():
            server.execute("SELECT 1 FROM paper_trading_sessions FOR UPDATE")

            *results, busy = await saved(repository, *good, held)

        assert isinstance(busy, BusyError)
        assert results == [None] * 20
        await repository.save(held)
        assert held.version == 2


async def test_two_saves_of_one_session(
    repository: AsyncSessionRepository, server: Any, good: list[PaperTradingSession]
) -> None:
    """They are done one after the other, each with its own part of the history."""
    shared = good[3]
    name = shared.name

    async def later() -> None:
        shared.apply_fill(new_fill(2))
        shared.name = f"{name} again"
        await repository.save(shared)

    results = await outcomes(*[saving(repository, session) for session in good], later)

    assert results == [None] * 21
    assert stored(server)[shared.id] == (2, ["fill-1", "fill-2"])
    loaded = await repository.get_by_id(shared.id)
    assert loaded is not None
    assert loaded.name == shared.name


async def test_what_has_to_look_for_ids_first(
    repository: AsyncSessionRepository, good: list[PaperTradingSession]
) -> None:
    """Cash flows and closed orders are stored with the rest of what waits, and refused when they come again."""
    paid, again = new_session(id="paid"), new_session(id="paid again")
    for session in (paid, again):
        session.apply_cash_flow(CashFlow("c", "DEPOSIT", 5, moment(1) + timedelta(seconds=1)))
    await repository.save(again)
    again.apply_cash_flow(CashFlow("c", "DEPOSIT", 5, moment(1) + timedelta(seconds=1)))

    *results, twice = await saved(repository, *good[:10], paid, *good[10:], again)

    assert isinstance(twice, DuplicateFillError)
    assert results == [None] * 21
    assert [each.id for each in await repository.get_cash_flows("paid")] == ["c"]
    assert [each.id for each in await repository.get_cash_flows("paid again")] == ["c"]
