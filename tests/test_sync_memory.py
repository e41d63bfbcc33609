"""What the synchronous repository in memory does beyond the contract."""

from __future__ import annotations

import pickle
import threading
from pathlib import Path

import pytest

from paper_repo import BusyError, SessionRepository, SyncInMemorySessionRepository, copy_sessions
from tests.builders import new_session


def test_it_takes_the_place_of_a_repository_on_a_file() -> None:
    """A program that is given a `SessionRepository` saves and resumes with the fake as well."""

    def trade(repository: SessionRepository) -> int:
        session = next(iter(repository.get_active()), None) or new_session(state={"bar": 0})
        if not session.version:
            session.start()
        session.state["bar"] += 1
        repository.save(session)
        return int(session.state["bar"])

    with SyncInMemorySessionRepository() as repository:
        assert [trade(repository) for _ in range(3)] == [1, 2, 3]


def test_threads_that_count_lose_nothing() -> None:
    """Blocks of several threads take turns."""
    repository = SyncInMemorySessionRepository()
    repository.save(new_session(id="counter", state={"count": 0}))

    def add_ten() -> None:
        for _ in range(10):
            with repository.atomic():
                session = repository.get_by_id("counter")
                assert session is not None
                session.state["count"] += 1
                repository.save(session)

    threads = [threading.Thread(target=add_ten) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    counter = repository.get_by_id("counter")
    assert counter is not None
    assert counter.state["count"] == 40


def test_a_block_may_be_left_in_another_thread() -> None:
    """Whoever leaves it, it is stored, and the next writer need not wait."""
    repository = SyncInMemorySessionRepository(busy_timeout=0)
    block = repository.atomic()
    block.__enter__()
    repository.save(new_session())
    leaving = threading.Thread(target=block.__exit__, args=(None, None, None))
    leaving.start()
    leaving.join()

    repository.save(new_session())

    assert repository.count() == 2


def test_a_writer_that_has_waited_long_enough_is_told_why() -> None:
    """Another thread's block that stays open is a `BusyError` for a save, and reads do not wait for it."""
    repository = SyncInMemorySessionRepository(busy_timeout=0)
    found: list[object] = []

    def use() -> None:
        found.append(repository.count())
        try:
            repository.save(new_session())
        except BusyError as error:
            found.append(str(error))

    with repository.atomic():
        repository.save(new_session())
        other = threading.Thread(target=use)
        other.start()
        other.join()

    assert found[0] == 0
    assert "another thread's transaction" in str(found[1])


def test_what_needs_a_database_names_the_way_out(tmp_path: Path) -> None:
    """A copy, a pickle and the methods of a database alone are refused in a sentence."""
    repository = SyncInMemorySessionRepository()

    with SessionRepository(tmp_path / "target.db") as target, pytest.raises(AttributeError, match="temporary folder"):
        copy_sessions(repository, target)
    with pytest.raises(TypeError, match="in the memory of this one"):
        pickle.dumps(repository)
    assert repr(repository) == "SyncInMemorySessionRepository()"


def test_a_backup_of_it_is_a_file(tmp_path: Path) -> None:
    """`backup` writes what is in memory to a file that any repository opens."""
    repository = SyncInMemorySessionRepository()
    session = new_session()
    repository.save(session)

    repository.backup(tmp_path / "backup.db")

    with SessionRepository(tmp_path / "backup.db") as copy:
        assert copy.get_all() == [session]
