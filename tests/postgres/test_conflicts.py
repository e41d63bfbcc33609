"""Two programs that change the same session: one of them wins, at every level of isolation."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from typing import Any

import psycopg
import pytest

from paper_repo import BusyError, ConflictError, DuplicateFillError, PaperTradingSession, SessionRepository
from paper_repo.core import saves
from paper_repo.core.repository import internals_of
from tests.builders import START, new_fill, new_session

LEVELS = ["read committed", "repeatable read", "serializable"]


@pytest.fixture(params=LEVELS)
def level(request: pytest.FixtureRequest) -> str:
    """The level of isolation that the database gives to every transaction."""
    return str(request.param)


@pytest.fixture
def repositories(url: str, level: str, ask: Callable[..., Any]) -> Iterator[list[SessionRepository]]:
    """Four repositories with nothing in common but the database, as of programs on four machines."""
    with psycopg.connect(url, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = '{level}'")
    with ExitStack() as stack:
        yield [stack.enter_context(SessionRepository(url)) for _ in range(4)]


def _load(repository: SessionRepository, session_id: str) -> PaperTradingSession:
    session = repository.get_by_id(session_id)
    assert session is not None
    return session


def test_the_level_is_in_force(repositories: list[SessionRepository], level: str) -> None:
    """The transactions of these tests run at the level that they are about."""
    with repositories[0].atomic():
        (found,) = internals_of(repositories[0]).storage.execute("SHOW transaction_isolation").fetchone()

    assert found == level


def test_only_one_of_two_saves_wins(repositories: list[SessionRepository]) -> None:
    """Whoever saves second gets a conflict with the version that is there now, and has overwritten nothing."""
    one, other = repositories[:2]
    one.save(new_session(id="shared"))
    mine, theirs = _load(one, "shared"), _load(other, "shared")
    mine.name, theirs.name = "mine", "theirs"
    theirs.record_fill(new_fill(1))

    one.save(mine)
    with pytest.raises(ConflictError) as caught:
        other.save(theirs)

    assert (caught.value.expected, caught.value.actual) == (1, 2)
    assert (theirs.version, len(theirs.new_fills)) == (1, 1)
    assert _load(other, "shared").name == "mine"


def test_a_clock_that_stands_still_hides_no_other_session(
    repositories: list[SessionRepository], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was deleted and stored again, or loaded in a block that was rolled back, is told from what looks alike."""
    monkeypatch.setattr(saves, "utc_now", lambda: START)
    one, other = repositories[:2]
    one.save(new_session(id="shared"))
    stale = [_load(other, "shared")]
    one.delete("shared")
    session = new_session(id="shared")
    one.save(session)
    with suppress(ZeroDivisionError), one.atomic():
        one.save(session)
        stale.append(_load(one, "shared"))
        raise ZeroDivisionError
    with pytest.raises(ConflictError):
        other.save(stale[0])
    one.save(session)
    with pytest.raises(ConflictError):
        other.save(stale[1])

    assert stale[1].version == session.version
    assert _load(other, "shared") == session


def test_a_fill_that_another_program_has_booked_is_refused(repositories: list[SessionRepository]) -> None:
    """The second program that books it learns it at its save, also after it has loaded the session again."""
    one, other = repositories[:2]
    one.save(new_session(id="shared"))
    mine, theirs = _load(one, "shared"), _load(other, "shared")
    for each in (mine, theirs):
        each.apply_fill(new_fill(1))
    one.save(mine)

    with pytest.raises(ConflictError, match="get_unrecorded"):
        other.save(theirs)
    theirs = _load(other, "shared")
    theirs.apply_fill(new_fill(1))
    with pytest.raises(DuplicateFillError):
        other.save(theirs)

    assert other.get_unrecorded("shared", [new_fill(1), new_fill(2)]) == [new_fill(2)]
    assert _load(other, "shared") == mine


def test_no_update_is_lost_among_many_writers(repositories: list[SessionRepository]) -> None:
    """Programs that all add to the same session at once, and repeat after a conflict, lose none of what they add."""
    repositories[0].save(new_session(id="shared", state={"count": 0}))
    conflicts = []

    def add(repository: SessionRepository) -> None:
        done = 0
        while done < 15:
            session = _load(repository, "shared")
            session.state["count"] += 1
            session.record_fill(new_fill(session.fill_count + 1))
            try:
                repository.save(session)
                done += 1
            except ConflictError as error:
                conflicts.append(error)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(add, repositories))

    session = _load(repositories[0], "shared")
    assert (session.state["count"], session.version, session.fill_count) == (60, 61, 60)
    assert len(repositories[0].get_fills("shared")) == 60
    assert conflicts, "nobody was in anybody's way, so that this has shown nothing"


def test_only_one_of_many_inserts_wins(repositories: list[SessionRepository]) -> None:
    """Of programs that store a new session under the same id at once one succeeds, and the others get a conflict."""
    outcomes: list[object] = []
    together = threading.Barrier(4)

    def insert(repository: SessionRepository) -> None:
        session = new_session(id="taken")
        together.wait()
        try:
            repository.save(session)
            outcomes.append(session.version)
        except ConflictError as error:
            outcomes.append(error.actual is not None and session.version == 0)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(insert, repositories))

    assert sorted(map(int, outcomes)) == [1, 1, 1, 1]  # type: ignore[call-overload]
    assert outcomes.count(True) == 4  # 1 == True: three conflicts and one version 1
    assert repositories[0].count() == 1


def test_crossing_saves_all_succeed(repositories: list[SessionRepository]) -> None:
    """Saves of several sessions that meet in opposite orders are repeated by themselves, until all are done."""
    one, other = repositories[:2]
    one.save_many([new_session(id=name) for name in "ab"])
    done: list[int] = []

    def save_both(repository: SessionRepository, order: str) -> None:
        for _ in range(20):
            while True:
                sessions = [_load(repository, name) for name in order]
                try:
                    repository.save_many(sessions)
                    break
                except ConflictError:
                    continue
            done.append(1)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(save_both, (one, other), ("ab", "ba")))

    assert len(done) == 40
    assert {_load(one, name).version for name in "ab"} == {41}


def test_a_deadlock_of_blocks_ends_one_of_them(repositories: list[SessionRepository]) -> None:
    """Of two blocks that wait for each other one gets a BusyError or a conflict, with its sessions as before it."""
    one, other = repositories[:2]
    one.save_many([new_session(id=name) for name in "ab"])
    both_hold_one = threading.Barrier(2)
    outcomes: list[tuple[object, list[int]]] = []

    def save_both(repository: SessionRepository, order: str) -> None:
        sessions = [_load(repository, name) for name in order]
        try:
            with repository.atomic():
                repository.save(sessions[0])
                both_hold_one.wait()
                repository.save(sessions[1])
            outcomes.append((None, [each.version for each in sessions]))
        except (BusyError, ConflictError) as error:
            outcomes.append((type(error).__mro__[1], [each.version for each in sessions]))

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(save_both, (one, other), ("ab", "ba")))

    assert sorted(versions for _, versions in outcomes) == [[1, 1], [2, 2]]
    assert {_load(one, name).version for name in "ab"} == {2}


def test_a_block_that_cannot_be_repeated_is_refused(repositories: list[SessionRepository], level: str) -> None:
    """A block that has read what somebody else changes before it saves it gets an error, and stores nothing."""
    one, other = repositories[:2]
    one.save_many([new_session(id="a"), new_session(id="b")])
    theirs = _load(other, "b")

    mine: list[PaperTradingSession] = []

    def block() -> None:
        with one.atomic():
            mine.extend(_load(one, name) for name in "ab")
            one.save(mine[0])
            other.save(theirs)
            one.save(mine[1])

    with pytest.raises(ConflictError if level == "read committed" else BusyError):
        block()

    assert [each.version for each in mine] == [1, 1]
    assert [_load(one, name).version for name in "ab"] == [1, 2]


def test_write_skew_is_up_to_the_level(repositories: list[SessionRepository], level: str) -> None:
    """Two blocks that each read what the other one writes are both stored, except where that is not serializable."""
    one, other = repositories[:2]
    one.save_many([new_session(id="a"), new_session(id="b")])
    read = threading.Barrier(2)
    outcomes: list[bool] = []

    def save_one(repository: SessionRepository, mine: str, theirs: str) -> None:
        try:
            with repository.atomic():
                session, _ = _load(repository, mine), _load(repository, theirs)
                read.wait()
                repository.save(session)
            outcomes.append(True)
        except BusyError:
            outcomes.append(False)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(save_one, (one, other), "ab", "ba"))

    assert sorted(outcomes) == ([False, True] if level == "serializable" else [True, True])
