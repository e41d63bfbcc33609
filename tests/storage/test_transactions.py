"""A block belongs to whoever leaves it, in whichever thread that is."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from paper_repo import BusyError, PaperTradingSession, SessionRepository, TransactionError
from paper_repo.core.repository import internals_of
from tests.builders import new_fill, new_session

T = TypeVar("T")


@pytest.fixture
def repository(path: Path) -> Iterator[SessionRepository]:
    """A repository that waits for nobody."""
    with SessionRepository(path, busy_timeout=0.2) as opened:
        yield opened


@pytest.fixture
def a() -> Iterator[Callable[..., Any]]:
    """Calls in one other thread, always the same."""
    with ThreadPoolExecutor(1) as thread:
        yield lambda work, *args: thread.submit(work, *args).result()


b = a
"""A second thread."""


def assert_nothing_is_open(repository: SessionRepository, path: Path) -> None:
    """No connection and no place is held, and another repository can write at once."""
    assert internals_of(repository).storage._connections.in_use() == 0
    with SessionRepository(path, busy_timeout=0) as another:
        another.save(new_session(id="from another"))
        another.delete("from another")


def stored(repository: SessionRepository) -> set[str]:
    """The ids of all sessions."""
    return {session.id for session in repository.get_all()}


@pytest.mark.parametrize("error", [None, RuntimeError("the request has failed")], ids=["committed", "rolled back"])
def test_entered_in_one_thread_and_left_in_another(
    repository: SessionRepository, path: Path, a: Callable[..., Any], b: Callable[..., Any], error: Exception | None
) -> None:
    """As frameworks do with what yields: the block ends as it should, and both threads go on."""
    block, session = repository.atomic(), new_session(id="inside")
    session.apply_fill(new_fill(1))
    a(block.__enter__)
    a(repository.save, session)

    b(block.__exit__, error and type(error), error, None)

    assert stored(repository) == (set() if error else {"inside"})
    assert (session.version, len(session.new_fills)) == ((0, 1) if error else (1, 0))
    for run in a, b:
        run(repository.save, session)
    assert repository.get_by_id("inside") == session
    assert_nothing_is_open(repository, path)


@pytest.mark.parametrize("inner", [True, False], ids=["inner committed", "inner rolled back"])
@pytest.mark.parametrize("outer", [True, False], ids=["outer committed", "outer rolled back"])
def test_nested_blocks_left_in_other_threads(
    repository: SessionRepository, path: Path, a: Callable[..., Any], b: Callable[..., Any], inner: bool, outer: bool
) -> None:
    """Every block ends what it has begun, whoever leaves it, and the first thread's calls belong to what is left."""
    first, second, third = [new_session(id=name) for name in ("first", "second", "third")]
    blocks = [repository.atomic(), repository.atomic()]

    a(blocks[0].__enter__)
    a(repository.save, first)
    a(blocks[1].__enter__)
    a(repository.save, second)
    b(blocks[1].__exit__, *_how(inner))
    a(repository.save, third)
    blocks[0].__exit__(*_how(outer))

    expected = [outer, outer and inner, outer]
    assert [session.version for session in (first, second, third)] == [int(each) for each in expected]
    assert stored(repository) == {s.id for s, kept in zip((first, second, third), expected, strict=True) if kept}
    assert_nothing_is_open(repository, path)


def _how(commits: bool) -> tuple[Any, Any, Any]:
    return (None, None, None) if commits else (RuntimeError, RuntimeError(), None)


def test_blocks_left_in_the_wrong_order(repository: SessionRepository, path: Path) -> None:
    """The outer one takes the inner one with it, whose own end says that it has come too late."""
    session = new_session()
    outer, inner = repository.atomic(), repository.atomic()
    outer.__enter__()
    inner.__enter__()
    repository.save(session)

    outer.__exit__(None, None, None)
    with pytest.raises(TransactionError, match="ended already"):
        inner.__exit__(None, None, None)

    assert repository.get_by_id(session.id) == session
    assert_nothing_is_open(repository, path)


def test_another_thread_does_not_belong_to_the_block(
    repository: SessionRepository, a: Callable[..., Any], b: Callable[..., Any]
) -> None:
    """It sees what was committed, and waits with what it writes."""
    block = repository.atomic()
    a(block.__enter__)
    a(repository.save, new_session())

    assert b(repository.count) == 0
    with pytest.raises(BusyError):
        b(repository.save, new_session())
    assert a(repository.count) == 1
    b(block.__exit__, None, None, None)


def held_by(repository: SessionRepository, session: PaperTradingSession) -> Iterator[None]:
    """A generator that holds a block."""
    with repository.atomic():
        repository.save(session)
        yield


@pytest.mark.parametrize("cycle", [False, True])
def test_a_generator_that_is_thrown_away_in_another_thread(
    repository: SessionRepository, path: Path, a: Callable[..., Any], b: Callable[..., Any], cycle: bool
) -> None:
    """Its block is rolled back, also when only the garbage collector finds it."""
    session = new_session()
    holder = [a(iter, held_by(repository, session))]
    a(next, holder[0])
    if cycle:
        holder.append(holder)
        del holder
        b(gc.collect)
    else:
        b(holder.clear)

    assert session.version == 0
    a(repository.save, session)
    assert repository.get_by_id(session.id) == session
    assert_nothing_is_open(repository, path)


def test_a_block_that_is_thrown_away_without_being_left(
    repository: SessionRepository, path: Path, a: Callable[..., Any]
) -> None:
    """Nobody can leave it any more."""
    session = new_session()
    blocks = [repository.atomic()]
    a(blocks[0].__enter__)
    a(repository.save, session)

    blocks.clear()

    assert session.version == 0
    assert_nothing_is_open(repository, path)


@pytest.mark.parametrize("fails", [False, True])
def test_a_dependency_that_yields(repository: SessionRepository, path: Path, fails: bool) -> None:
    """As FastAPI runs one: each step of it in whatever thread of a pool is free."""
    threads: set[int] = set()
    session = new_session()

    @contextmanager
    def dependency() -> Iterator[PaperTradingSession]:
        threads.add(threading.get_ident())
        with repository.atomic():
            repository.save(session)
            yield session
        threads.add(threading.get_ident())

    async def request() -> None:
        context = dependency()
        entered = threading.Event()
        async with anyio.create_task_group() as others:
            await anyio.to_thread.run_sync(context.__enter__)
            others.start_soon(anyio.to_thread.run_sync, entered.wait)  # takes the thread that has entered
            await anyio.lowlevel.checkpoint()
            try:
                error = RuntimeError() if fails else None
                await anyio.to_thread.run_sync(context.__exit__, error and type(error), error, None)
            except RuntimeError:
                assert fails
            finally:
                entered.set()

    anyio.run(request)

    assert len(threads) == (1 if fails else 2)
    assert session.version == (0 if fails else 1)
    assert stored(repository) == (set() if fails else {session.id})
    assert_nothing_is_open(repository, path)


def test_a_fixture_that_yields(repository: SessionRepository, path: Path) -> None:
    """As pytest runs one: both halves in one thread, with other calls of it in between."""
    session, other = new_session(), new_session()
    fixture = held_by(repository, session)

    next(fixture)
    repository.save(other)
    assert next(fixture, "over") == "over"

    assert stored(repository) == {session.id, other.id}
    assert_nothing_is_open(repository, path)


def test_a_reading_block_left_in_another_thread(
    repository: SessionRepository, path: Path, a: Callable[..., Any], b: Callable[..., Any]
) -> None:
    """The first thread sees what is new again."""
    block = repository.reading()
    a(block.__enter__)
    assert a(repository.count) == 0
    b(repository.save, new_session())
    assert a(repository.count) == 0

    b(block.__exit__, None, None, None)

    assert a(repository.count) == 1
    a(repository.save, new_session())
    assert_nothing_is_open(repository, path)


def test_closing_after_a_block_was_left_elsewhere(
    repository: SessionRepository, a: Callable[..., Any], b: Callable[..., Any]
) -> None:
    """The thread that has entered it can close the repository at once."""
    block = repository.atomic()
    a(block.__enter__)
    b(block.__exit__, None, None, None)

    a(repository.close)
