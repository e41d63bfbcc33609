"""A signal handler that uses the repository that the main program is using, at any point of a call."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from paper_repo import PaperTradingSession, SessionRepository, TransactionError
from paper_repo.core.repository import internals_of
from tests.builders import new_session
from tests.faults.interrupting import Interrupter

SAMPLED = 60
NEVER = 1_000_000_000


@pytest.fixture
def repository(path: Path) -> Iterator[SessionRepository]:
    """A repository whose patience nobody is to need."""
    with SessionRepository(path, durability="normal", busy_timeout=1000) as opened:
        yield opened


class Handled(BaseException):
    """Stands for a handler, which is called where this would be raised."""


class Calling(Interrupter):
    """Calls a handler at a point, as Python does, instead of raising an exception there."""

    def __init__(self, number: int, repository: SessionRepository, session: PaperTradingSession) -> None:
        super().__init__(number, Handled)
        self._repository = repository
        self._session = session
        self.outcome = "not called"

    def happen(self) -> None:
        """What the handler does."""
        try:
            self._repository.save(self._session)
            self.outcome = "saved"
        except TransactionError as error:
            self.outcome = "refused" if "signal handler" in str(error) else str(error)


def test_a_handler_saves_or_is_told_why_not(repository: SessionRepository) -> None:
    """It never waits for what it has interrupted itself, and what it was told is stored is stored."""
    repository.save(new_session())
    counter = Calling(NEVER, repository, new_session())
    counter.run(lambda: repository.save(new_session()))
    outcomes = []
    every = range(counter.passed)
    for number in (*every[:3], *sorted(random.Random(8).sample(every[3:], min(SAMPLED, len(every) - 3)))):
        main, handlers = new_session(), new_session()
        calling = Calling(number, repository, handlers)

        assert calling.run(lambda main=main: repository.save(main)) is None

        assert repository.get_by_id(main.id) == main
        assert repository.exists(handlers.id) == (calling.outcome == "saved"), calling.where
        assert handlers.version == (calling.outcome == "saved")
        assert internals_of(repository).storage._connections.in_use() == 0
        repository.save(handlers)
        outcomes.append(calling.outcome)

    assert outcomes[:3] == ["saved"] * 3
    assert set(outcomes) - {"not called"} == {"saved", "refused"}
