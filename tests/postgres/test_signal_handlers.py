"""A signal handler that uses the repository that the main program is using, at any point of a call, on a server."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator

import pytest

from paper_repo import PaperTradingSession, SessionRepository, TransactionError
from paper_repo.core.repository import internals_of
from tests.builders import new_fill, new_session
from tests.facade.seeds import ROUNDS
from tests.faults.interrupting import Interrupter

EVERY = int(os.environ.get(ROUNDS, "1")) > 1
SAMPLED = 40
"""How many points of each call are tried in a normal run; with more rounds all of them are."""
NEVER = 1_000_000_000

Use = Callable[[SessionRepository, PaperTradingSession], object]


def save(repository: SessionRepository, session: PaperTradingSession) -> None:
    """A save with history, which is sent as one pipeline."""
    repository.save(session)


def save_in_a_block(repository: SessionRepository, session: PaperTradingSession) -> None:
    """The same in a block."""
    with repository.atomic():
        repository.save(session)


def load(repository: SessionRepository, session: PaperTradingSession) -> None:
    """A read on a connection of its own."""
    assert repository.get_by_id("stored") is not None


def load_in_a_block(repository: SessionRepository, session: PaperTradingSession) -> None:
    """A read on the connection of a block."""
    with repository.atomic():
        load(repository, session)


def delete(repository: SessionRepository, session: PaperTradingSession) -> None:
    """A deletion."""
    repository.delete("nobody")


USES: list[Use] = [save, save_in_a_block, load, load_in_a_block, delete]


class Calling(Interrupter):
    """Calls a handler at a point, as Python does, instead of raising an exception there."""

    def __init__(self, number: int, handler: Callable[[], object]) -> None:
        super().__init__(number, KeyboardInterrupt)
        self._handler = handler
        self.outcome = "not called"

    def happen(self) -> None:
        """What the handler does."""
        try:
            self._handler()
            self.outcome = "done"
        except TransactionError as error:
            self.outcome = "refused" if "signal handler" in str(error) else str(error)


@pytest.fixture
def repository(emptied_url: str) -> Iterator[SessionRepository]:
    """A repository that would wait for itself for longer than a test may take."""
    with SessionRepository(emptied_url, busy_timeout=1000) as opened:
        opened.save(new_session(id="stored"))
        yield opened


@pytest.mark.parametrize("handled", [save, load, delete], ids=lambda use: use.__name__)
@pytest.mark.parametrize("main", USES, ids=lambda use: use.__name__)
def test_a_handler_does_it_or_is_told_why_not(repository: SessionRepository, main: Use, handled: Use) -> None:
    """It never waits for what it has interrupted itself; what both were told is stored is stored, and nothing else."""

    def sessions() -> tuple[PaperTradingSession, PaperTradingSession]:
        mine, handlers = new_session(), new_session()
        for session in (mine, handlers):
            session.apply_fill(new_fill(1))
        return mine, handlers

    def saved_by(use: Use, session: PaperTradingSession) -> bool:
        return use in (save, save_in_a_block) and session.version == 1

    first, other = sessions()
    main(repository, first)
    handled(repository, other)
    counter = Calling(NEVER, lambda: None)
    assert counter.run(lambda: main(repository, sessions()[0])) is None
    every = range(counter.passed)
    drawn = random.Random(f"{main.__name__} {handled.__name__}")
    outcomes = set()
    for number in every if EVERY else sorted({0, *drawn.sample(every, min(SAMPLED, len(every)))}):
        mine, handlers = sessions()
        calling = Calling(number, lambda handlers=handlers: handled(repository, handlers))

        assert calling.run(lambda mine=mine: main(repository, mine)) is None, calling.where

        assert repository.get_by_id(mine.id) == (mine if saved_by(main, mine) else None), calling.where
        assert repository.exists(handlers.id) == saved_by(handled, handlers), calling.where
        assert (handlers.version == 1) == (handled is save and calling.outcome == "done"), calling.where
        assert internals_of(repository).storage._connections.in_use() == 0, calling.where
        outcomes.add(calling.outcome)

    assert "done" in outcomes
    assert outcomes <= {"done", "refused", "not called"}
