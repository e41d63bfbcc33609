"""An exception at any moment of a call in memory, such as Ctrl-C: it comes out, and the next call works."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from threading import Thread

import pytest

from paper_repo import PaperTradingSession, SyncInMemorySessionRepository
from tests.builders import new_session
from tests.facade.seeds import ROUNDS
from tests.faults.interrupting import Interrupter
from tests.faults.test_interrupts import (
    NEVER,
    TimeLimitError,
    atomic,
    claim,
    delete,
    get_by_id,
    nested,
    prepared,
    rolled_back,
    save,
    save_many,
    watch,
)

EVERY = int(os.environ.get(ROUNDS, "1")) > 1
SAMPLED = 10
"""How many points of each action are tried in a normal run; with more rounds all of them are."""

ACTIONS: list[Callable[..., None]] = [
    save,
    save_many,
    get_by_id,
    atomic,
    nested,
    rolled_back,
    claim,
    delete,
    watch,
]


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")  # one that was just made
@pytest.mark.parametrize("error", [KeyboardInterrupt, TimeLimitError])
@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.__name__)
def test_an_exception_at_any_point(action: Callable[..., None], error: type[BaseException]) -> None:
    """Objects and repository agree, and whoever comes next, here or in another thread, can write at once."""
    repository = SyncInMemorySessionRepository(busy_timeout=0.2)
    action(repository, prepared(repository))  # type: ignore[arg-type]
    counter = Interrupter(NEVER, error)
    sessions = prepared(repository)  # type: ignore[arg-type]
    assert counter.run(lambda: action(repository, sessions)) is None
    every = range(counter.passed)
    drawn = random.Random(f"{action.__name__} {error.__name__}")
    for number in every if EVERY else sorted(drawn.sample(every, min(SAMPLED, len(every)))):
        sessions = prepared(repository)  # type: ignore[arg-type]
        interrupter = Interrupter(number, error)
        raised = interrupter.run(lambda sessions=sessions: action(repository, sessions))
        assert type(raised) is (error if interrupter.has_raised else type(None)), (interrupter.where, raised)
        del raised
        assert_sound(repository, sessions, interrupter.where)


def assert_sound(repository: SyncInMemorySessionRepository, sessions: list[PaperTradingSession], where: str) -> None:
    """What the objects say is stored, and nobody holds anything."""
    for session in sessions:
        found = repository.get_by_id(session.id)
        assert session.version == (found.version if found else 0), where
        fills = repository.get_fills(session.id) if found else []
        assert len(fills) + len(session.new_fills) == 1, where
        repository.save(session)
        assert repository.get_by_id(session.id) == session, where
    another = new_session(id="another thread's")
    thread = Thread(target=repository.save, args=(another,))
    thread.start()
    thread.join()
    assert another.version == 1, where
    assert repository.delete(another.id), where
