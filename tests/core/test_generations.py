"""A clock that stands still or goes back: what an object was loaded as is told from what looks the same."""

from __future__ import annotations

import copy
import itertools
import pickle
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from paper_repo import (
    ConflictError,
    InMemorySessionRepository,
    IPaperTradingSessionRepository,
    PaperTradingSession,
    SessionRepository,
)
from paper_repo.core import saves
from paper_repo.testing import ThreadedRepository
from tests.builders import START, new_fill, new_session

CLOCKS: dict[str, Callable[[], Iterator[Any]]] = {
    "stands still": lambda: itertools.repeat(START),
    "goes back": lambda: (START - timedelta(seconds=second) for second in itertools.count()),
}


@pytest.fixture(params=CLOCKS)
def clock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of the computer; programs that repeat themselves have `random` repeat itself, too."""
    times = CLOCKS[request.param]()
    monkeypatch.setattr(saves, "utc_now", lambda: next(times))
    random.seed(1)


@pytest.fixture(params=["on a file", "in memory"])
async def repository(request: pytest.FixtureRequest, path: Path) -> Any:
    """An open, empty repository."""
    if request.param == "in memory":
        async with InMemorySessionRepository() as opened:
            yield opened
    else:
        async with ThreadedRepository(SessionRepository(path)) as opened:
            yield opened


async def loaded(repository: IPaperTradingSessionRepository) -> PaperTradingSession:
    """The session, as a new object."""
    session = await repository.get_by_id("a")
    assert session is not None
    return session


async def refused(repository: IPaperTradingSessionRepository, session: PaperTradingSession) -> None:
    """Check that the object cannot be saved, and that what is stored is whole."""
    session.name = "stale"
    with pytest.raises(ConflictError):
        await repository.save(session)
    assert (await loaded(repository)).name != "stale"
    assert (await repository.check()).ok


@pytest.mark.anyio
@pytest.mark.usefixtures("clock")
class TestStaleObjects:
    """Objects with the version of what is stored, that were loaded as something else."""

    async def test_deleted_and_stored_again(self, repository: IPaperTradingSessionRepository) -> None:
        """What was loaded before the deletion is not what was stored after it."""
        await repository.save(new_session(id="a"))
        stale = await loaded(repository)
        await repository.delete("a")
        await repository.save(new_session(id="a"))

        await refused(repository, stale)

    async def test_loaded_in_a_block_that_was_rolled_back(self, repository: IPaperTradingSessionRepository) -> None:
        """What a block stored, and took back, is not what another one stored under the same version."""
        session = new_session(id="a")
        await repository.save(session)
        with suppress(ZeroDivisionError):
            async with repository.atomic():
                session.record_fill(new_fill(1))
                await repository.save(session)
                stale = await loaded(repository)
                raise ZeroDivisionError
        session.new_fills.clear()
        await repository.save(session)

        assert stale.version == session.version
        await refused(repository, stale)

    async def test_claimed_in_a_block_that_was_rolled_back(self, repository: IPaperTradingSessionRepository) -> None:
        """A claim that was taken back gives no right to save over the one that came after it."""
        await repository.save(new_session(id="a"))
        with suppress(ZeroDivisionError):
            async with repository.atomic():
                stale = await repository.claim("a", "one", 60)
                raise ZeroDivisionError
        mine = await repository.claim("a", "other", 60)

        assert stale is not None
        assert mine is not None
        assert stale.version == mine.version
        await refused(repository, stale)
        await repository.save(mine)

    @pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))])
    async def test_copies_with_another_history(
        self, repository: IPaperTradingSessionRepository, way: Callable[[Any], PaperTradingSession]
    ) -> None:
        """A copy, of which nothing is remembered, cannot make a history unreadable that is longer or shorter."""
        session = new_session(id="a")
        session.record_fill(new_fill(1))
        await repository.save(session)
        stale = way(session)
        await repository.delete("a")
        await repository.save(new_session(id="a"))
        stale.record_fill(new_fill(2))

        await refused(repository, stale)
