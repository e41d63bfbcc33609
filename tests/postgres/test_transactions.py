"""Transactions on PostgreSQL, where an error ends them unless it is fenced in by a savepoint."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import psycopg
import pytest

from paper_repo import BusyError, ConflictError, InvalidSessionError, SessionRepository, StorageError
from paper_repo.core.repository import internals_of
from tests.builders import new_fill, new_session


@pytest.fixture
def repository(url: str) -> Iterator[SessionRepository]:
    """A repository on a database of its own."""
    with SessionRepository(url, busy_timeout=2) as repository:
        yield repository


@pytest.mark.parametrize("history", [0, 1])
def test_a_block_goes_on_after_a_save_that_the_server_refuses(repository: SessionRepository, history: int) -> None:
    """An error of the database in one save undoes that one alone; the block goes on and is stored."""
    good, later = new_session(id="good"), new_session(id="later")
    bad = new_session(id="x" * 9000 + "".join(map(chr, range(1000, 5000))))  # too long for the index
    for number in range(history):
        bad.record_fill(new_fill(number))

    with repository.atomic():
        repository.save(good)
        with pytest.raises(InvalidSessionError):
            repository.save(bad)
        repository.save(later)

    assert [each.id for each in repository.get_all()] == ["good", "later"]
    assert (good.version, bad.version, later.version) == (1, 0, 1)
    assert len(bad.new_fills) == history


def test_a_block_whose_transaction_an_error_has_ended_is_not_taken_for_stored(repository: SessionRepository) -> None:
    """Where an error outside of any save has ended the transaction, COMMIT would store nothing and say nothing."""
    session = new_session()

    def block() -> None:
        with repository.atomic():
            repository.save(session)
            with pytest.raises(StorageError):
                internals_of(repository).storage.execute("SELECT no_such_column")

    with pytest.raises(StorageError, match="earlier error"):
        block()

    assert session.version == 0
    assert not repository.exists(session.id)
    repository.save(session)


def test_savepoints_are_rolled_back_alone(repository: SessionRepository) -> None:
    """An inner block that fails leaves what the outer one did before and does afterwards."""
    before, inside, after = (new_session(id=name) for name in ("before", "inside", "after"))

    def inner() -> None:
        with repository.atomic():
            repository.save(inside)
            repository.save(new_session(id="before"))

    with repository.atomic():
        repository.save(before)
        with pytest.raises(ConflictError):
            inner()
        repository.save(after)

    assert {each.id for each in repository.get_all()} == {"before", "after"}
    assert inside.version == 0


def test_a_lock_that_somebody_holds_too_long_is_a_busy_error(repository: SessionRepository, url: str) -> None:
    """Waiting for another program's lock on the session ends with the busy timeout."""
    session = new_session()
    repository.save(session)

    with psycopg.connect(url) as other:
        other.execute("SELECT 1 FROM paper_trading_sessions WHERE id = %s FOR UPDATE", [session.id])
        with pytest.raises(BusyError, match="another writer held the session"):
            repository.save(session)

    repository.save(session)
    assert session.version == 2


def test_transactions_run_side_by_side(repository: SessionRepository) -> None:
    """Several threads have transactions open at the same time, each with its own session."""
    count = internals_of(repository).storage.writers
    all_inside = threading.Barrier(count, timeout=30)

    def save(number: int) -> None:
        with repository.atomic():
            repository.save(new_session(id=f"{number}"))
            all_inside.wait()  # nobody gets past it unless all are inside

    threads = [threading.Thread(target=save, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert repository.count() == count


def test_threads_that_wait_for_each_other_are_told_at_once(repository: SessionRepository) -> None:
    """Of two blocks of one program that wait for each other's session one gets a BusyError, the other is stored."""
    sessions = {name: new_session(id=name) for name in "ab"}
    repository.save_many(sessions.values())
    both_hold_one = threading.Barrier(2)
    outcomes = []

    def save(order: str) -> None:
        try:
            with repository.atomic():
                repository.save(sessions[order[0]])
                both_hold_one.wait()
                repository.save(sessions[order[1]])
            outcomes.append("stored")
        except BusyError as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=save, args=(order,)) for order in ("ab", "ba")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert "stored" in outcomes
    assert any("wait for each other" in outcome for outcome in outcomes)
    assert {session.version for session in sessions.values()} == {2}
