"""An exception at any moment of a call on a server, such as Ctrl-C: it comes out, and the next call works."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest

from paper_repo import SessionRepository
from paper_repo.core.repository import internals_of
from tests.facade.seeds import ROUNDS
from tests.faults.interrupting import Interrupter
from tests.faults.test_interrupts import (
    Action,
    TimeLimitError,
    atomic,
    claim,
    delete,
    get_by_id,
    nested,
    prepared,
    read,
    rolled_back,
    save,
    save_many,
)

EVERY = int(os.environ.get(ROUNDS, "1")) > 1
SAMPLED = 30
"""How many points of each action are tried in a normal run; with more rounds all of them are."""
NEVER = 1_000_000_000
ACTIONS: list[Action] = [save, save_many, get_by_id, atomic, nested, rolled_back, claim, delete, read]

pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # what finalisers raise is swallowed
    pytest.mark.filterwarnings("ignore:.*was deleted while still open:ResourceWarning"),  # what was just opened
]


@pytest.fixture
def repository(emptied_url: str) -> Iterator[SessionRepository]:
    """A repository that does not wait long for a lock that somebody has left behind."""
    with SessionRepository(emptied_url, busy_timeout=5) as opened:
        yield opened


@pytest.mark.parametrize("error", [KeyboardInterrupt, TimeLimitError])
@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.__name__)
def test_an_exception_at_any_point(
    repository: SessionRepository, emptied_url: str, action: Action, error: type[BaseException]
) -> None:
    """Objects and database agree, no connection is held, and whoever comes next, here or elsewhere, can write."""
    action(repository, prepared(repository))
    counter = Interrupter(NEVER, error)
    sessions = prepared(repository)
    assert counter.run(lambda: action(repository, sessions)) is None
    every = range(counter.passed)
    drawn = random.Random(f"{action.__name__} {error.__name__}")
    with SessionRepository(emptied_url, busy_timeout=5) as another:
        for number in every if EVERY else sorted(drawn.sample(every, min(SAMPLED, len(every)))):
            sessions = prepared(repository)
            interrupter = Interrupter(number, error)
            raised = interrupter.run(lambda sessions=sessions: action(repository, sessions))
            assert type(raised) is (error if interrupter.has_raised else type(None)), (interrupter.where, raised)
            del raised
            for session in sessions:
                found = repository.get_by_id(session.id)
                assert session.version == (found.version if found else 0), interrupter.where
                fills = repository.get_fills(session.id) if found else []
                assert len(fills) + len(session.new_fills) == 1, interrupter.where
                repository.save(session)
                assert another.get_by_id(session.id) == session, interrupter.where
            assert internals_of(repository).storage._connections.in_use() == 0, interrupter.where
            another.save(sessions[0])
