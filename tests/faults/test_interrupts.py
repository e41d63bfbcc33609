"""An exception at any moment of a call, such as Ctrl-C or a time limit: nothing is left, and the next call works."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from paper_repo import PaperTradingSession, SessionRepository
from paper_repo.core.repository import internals_of
from tests.builders import new_fill, new_session
from tests.facade.seeds import ROUNDS
from tests.faults.acting import UndoneError
from tests.faults.interrupting import Interrupter

EVERY = int(os.environ.get(ROUNDS, "1")) > 1
SAMPLED = 12
"""How many points of each action are tried in a normal run; with more rounds all of them are."""

NEVER = 1_000_000_000

Sessions = list[PaperTradingSession]
Action = Callable[[SessionRepository, Sessions], object]


class TimeLimitError(Exception):
    """What a signal handler of the program's own raises."""


def save(repository: SessionRepository, sessions: Sessions) -> None:
    """One save, with history."""
    repository.save(sessions[0])


def save_many(repository: SessionRepository, sessions: Sessions) -> None:
    """A save of several."""
    repository.save_many(sessions)


def get_by_id(repository: SessionRepository, sessions: Sessions) -> None:
    """A load, and what is not there."""
    assert repository.get_by_id("stored") is not None
    assert repository.get_by_id("nobody") is None


def atomic(repository: SessionRepository, sessions: Sessions) -> None:
    """A block."""
    with repository.atomic():
        repository.save(sessions[0])
        repository.save(sessions[1])


def nested(repository: SessionRepository, sessions: Sessions) -> None:
    """Blocks in a block: one is kept, one is not."""
    with repository.atomic():
        repository.save(sessions[0])
        with repository.atomic():
            repository.save(sessions[1])
        with suppress(UndoneError), repository.atomic():
            repository.delete("stored")
            raise UndoneError


def rolled_back(repository: SessionRepository, sessions: Sessions) -> None:
    """A block that its owner gives up."""
    with suppress(UndoneError), repository.atomic():
        repository.save_many(sessions)
        raise UndoneError


def claim(repository: SessionRepository, sessions: Sessions) -> None:
    """Claims, of which one is refused."""
    assert repository.claim("stored", "me", 60) is not None
    assert repository.claim("stored", "other", 60) is None
    repository.claim_active("me", 60)
    repository.release("stored", "me")


def delete(repository: SessionRepository, sessions: Sessions) -> None:
    """Deletions."""
    repository.delete("stored")
    repository.delete_many(status="STOPPED")


def read(repository: SessionRepository, sessions: Sessions) -> None:
    """Lists, one by one and at once, of one moment."""
    with repository.reading():
        assert list(repository.iterate())
        assert repository.get_summaries()
        repository.get_fills("stored")
    repository.count()


def watch(repository: SessionRepository, sessions: Sessions) -> None:
    """A watch that sees one change."""
    with repository.watch(after=0, timeout=0) as changes:
        assert next(changes)


def backup(repository: SessionRepository, sessions: Sessions) -> None:
    """A backup."""
    repository.backup(Path(internals_of(repository).storage.name).with_name("backup.db"), overwrite=True)


def close(repository: SessionRepository, sessions: Sessions) -> None:
    """A repository that is opened, used and closed."""
    with SessionRepository(internals_of(repository).storage.name) as another:
        another.save(sessions[1])


ACTIONS = [save, save_many, get_by_id, atomic, nested, rolled_back, claim, delete, read, watch, backup, close]


@pytest.fixture
def repository(path: Path) -> Iterator[SessionRepository]:
    """A repository that does not wait for a lock that somebody has left behind."""
    with SessionRepository(path, durability="normal", busy_timeout=0.2) as opened:
        yield opened


def prepared(repository: SessionRepository) -> Sessions:
    """Two sessions with history that waits, of which the first is stored, beside one that is."""
    if not repository.exists("stored"):
        repository.save(new_session(id="stored", status="RUNNING"))
    sessions = [new_session(id="first"), new_session(id="second")]
    for session in sessions:
        repository.delete(session.id)
    repository.save(sessions[0])
    for session in sessions:
        session.apply_fill(new_fill(1))
        session.mark({"AAPL": "99"}, new_fill(1).executed_at)
    return sessions


def assert_sound(repository: SessionRepository, sessions: Sessions, where: str) -> None:
    """Objects and file agree, nothing is held, and whoever comes next can write at once."""
    for session in sessions:
        found = repository.get_by_id(session.id)
        assert session.version == (found.version if found else 0), where
        fills = repository.get_fills(session.id) if found else []
        assert len(fills) + len(session.new_fills) == 1, where
        assert session.fill_count == 1, where
        repository.save(session)
        assert repository.get_by_id(session.id) == session, where
    assert internals_of(repository).storage._connections.in_use() == 0, where
    assert internals_of(repository).storage._writing.holds() == [], where
    with SessionRepository(internals_of(repository).storage.name, busy_timeout=0, durability="normal") as another:
        another.save(sessions[0])


@pytest.mark.filterwarnings("ignore:unclosed (database|file):ResourceWarning")  # Python closes what was just opened
@pytest.mark.parametrize("error", [KeyboardInterrupt, TimeLimitError])
@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.__name__)
def test_an_exception_at_any_point(repository: SessionRepository, action: Action, error: type[BaseException]) -> None:
    """Whatever the point, the exception comes out, and the very next load and save work."""
    action(repository, prepared(repository))  # imports what it needs
    for number in points(repository, action, error):
        sessions = prepared(repository)
        interrupter = Interrupter(number, error)
        raised = interrupter.run(lambda sessions=sessions: action(repository, sessions))
        if interrupter.has_raised:
            assert type(raised) is error, (interrupter.where, raised)
        else:  # finalisers of what came before have made it longer when it was counted
            assert raised is None
        del raised
        assert_sound(repository, sessions, interrupter.where)


def points(repository: SessionRepository, action: Action, error: type[BaseException]) -> list[int]:
    """The numbers of the points at which the exception is to come."""
    sessions = prepared(repository)
    counter = Interrupter(NEVER, error)
    assert counter.run(lambda: action(repository, sessions)) is None
    every = range(counter.passed)
    if EVERY:
        return list(every)
    drawn = random.Random(f"{action.__name__} {error.__name__}")
    return sorted(drawn.sample(every, min(SAMPLED, len(every))))
