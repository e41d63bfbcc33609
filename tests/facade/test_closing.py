"""Closing an async repository: what is finished first, what is broken off, what is left."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest
import trio

from paper_repo import (
    AsyncSessionRepository,
    BusyError,
    RepositoryClosedError,
    SessionRepository,
    SQLiteSessionRepository,
    TransactionError,
)
from tests.builders import new_session
from tests.conftest import WRITER
from tests.facade.cancelling import stored
from tests.facade.watching import PATIENCE, Gate, Watch, assert_no_transaction_is_open

pytestmark = pytest.mark.anyio

FORGOTTEN = pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning")
"""For tests that leave a connection to the garbage collector, of which Python complains since 3.13, and rightly so."""


def writers() -> list[threading.Thread]:
    """The writer's threads that run."""
    return [thread for thread in threading.enumerate() if thread.name == WRITER]


async def test_it_says_what_it_is_and_of_which_file(path: Path) -> None:
    """A repository shows its kind and its core, with the file, and opens nothing for that."""
    shown = repr(SQLiteSessionRepository(path))

    assert shown == f"SQLiteSessionRepository({SessionRepository(path)!r})"
    assert path.name in shown
    assert not list(path.parent.iterdir())


@pytest.mark.parametrize(
    "wrong", [{"durability": "none"}, {"upgrade": "maybe"}, {"journal": "paper"}, {"passphrase": ""}]
)
def test_what_it_is_told_reaches_the_core(path: Path, wrong: dict[str, Any]) -> None:
    """An option that makes no sense is refused by the core, when the repository is made."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SQLiteSessionRepository(path, **wrong)


def test_the_address_of_a_server_is_no_file() -> None:
    """Whoever takes the one kind for the other is told which one it is."""
    with pytest.raises(ValueError, match=r"^this is the address of a server; use AsyncSessionRepository"):
        SQLiteSessionRepository("postgresql://localhost/sessions")


async def test_saves_that_wait_are_done_first(path: Path, watch: Watch) -> None:
    """What was asked for before `close` is done and reported; what comes after it is refused."""
    repository = SQLiteSessionRepository(path)
    await repository.open()
    sessions, late = [new_session() for _ in range(10)], new_session()
    gate = Gate()
    watch.before = lambda sql: sql.startswith("BEGIN") and gate.pass_through()

    async with anyio.create_task_group() as group:
        for session in sessions:
            group.start_soon(repository.save, session)
        await gate.reached()
        await anyio.wait_all_tasks_blocked()
        group.start_soon(repository.close)
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(RepositoryClosedError):
            await repository.save(late)
        gate.open()

    assert [session.version for session in sessions] == [1] * 10
    assert [stored(path, session.id)[0] for session in sessions] == [1] * 10
    assert (late.version, stored(path, late.id)[0]) == (0, 0)
    assert not writers()


async def test_everything_is_refused_afterwards(path: Path) -> None:
    """A closed repository says so, to readers and writers, and cannot be opened again."""
    repository = SQLiteSessionRepository(path)
    session = new_session()
    await repository.save(session)
    await repository.close()

    for call in (
        repository.open,
        lambda: repository.save(session),
        lambda: repository.save_many([session]),
        lambda: repository.get_by_id(session.id),
        repository.get_all,
        repository.get_active,
        repository.count,
        lambda: repository.exists(session.id),
        lambda: repository.get_fills(session.id),
        lambda: repository.get_equity_curve(session.id),
        lambda: repository.delete(session.id),
        repository.delete_many,
        lambda: anext(repository.iterate()),
        repository.atomic().__aenter__,
    ):
        with pytest.raises(RepositoryClosedError, match=r"(^|: )the repository was closed$"):
            await call()
    assert (session.version, stored(path, session.id)[0]) == (1, 1)


async def test_closing_again(path: Path) -> None:
    """Closing twice, or by many tasks at once, is closing once; so is closing what was never used."""
    unused, used = SQLiteSessionRepository(path), SQLiteSessionRepository(path)
    await used.save(new_session())

    for repository in (unused, used):
        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(repository.close)
        await repository.close()

        with pytest.raises(RepositoryClosedError):
            await repository.count()
    assert not writers()


async def test_closing_while_another_task_has_a_block_open(path: Path) -> None:
    """`close` lets the block end by itself if that does not take longer than the busy timeout."""
    repository = SQLiteSessionRepository(path)
    session = new_session()
    opened, closing = anyio.Event(), anyio.Event()

    async def own() -> None:
        async with repository.atomic():
            opened.set()
            await closing.wait()
            await anyio.wait_all_tasks_blocked()
            await repository.save(session)

    async with anyio.create_task_group() as group:
        group.start_soon(own)
        await opened.wait()
        closing.set()
        await repository.close()

    assert (session.version, stored(path, session.id)[0]) == (1, 1)
    assert not writers()


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("then", ["save", "read", "enter", "leave", "fail"])
async def test_closing_while_another_task_keeps_a_block_open(path: Path, then: str, nested: bool) -> None:
    """A block that does not end is rolled back, and whatever its owner does next tells it so."""
    repository = SQLiteSessionRepository(path, busy_timeout=0.05)
    sessions, other = [new_session(), new_session()], new_session()
    opened, closed = anyio.Event(), anyio.Event()

    async def use() -> None:
        if then == "save":
            await repository.save(other)
        elif then == "read":
            await repository.get_by_id(sessions[0].id)
        elif then == "enter":
            await repository.atomic().__aenter__()
        elif then == "fail":
            raise ZeroDivisionError

    async def own() -> None:
        async with repository.atomic():
            await repository.save(sessions[0])
            if nested:
                async with repository.atomic():
                    await repository.save(sessions[1])
                    opened.set()
                    await closed.wait()
                    await use()
            else:
                opened.set()
                await closed.wait()
                await use()

    async def expect_error() -> None:
        with pytest.raises(ZeroDivisionError if then == "fail" else RepositoryClosedError):
            await own()

    async with anyio.create_task_group() as group:
        group.start_soon(expect_error)
        await opened.wait()
        await repository.close()
        closed.set()

    assert [session.version for session in (*sessions, other)] == [0, 0, 0]
    assert stored(path, sessions[0].id) == (0, [])
    assert_no_transaction_is_open(path)
    assert not writers()


async def test_what_is_asked_for_while_a_block_is_broken_off(path: Path, watch: Watch) -> None:
    """An owner who asks for something at the very moment when its block is rolled back is told why it is not done."""
    repository = SQLiteSessionRepository(path, busy_timeout=0.05)
    session = new_session()
    opened, asking = anyio.Event(), anyio.Event()
    gate = Gate()
    watch.before = lambda sql: sql.startswith("ROLLBACK") and gate.pass_through()
    closed = pytest.raises(RepositoryClosedError, match=r"^the repository was closed, and the transaction rolled back$")

    async def own() -> None:
        async with repository.atomic():
            opened.set()
            await gate.reached()
            asking.set()
            with closed:
                await repository.save(session)
            raise ZeroDivisionError

    async def expect_error() -> None:
        with pytest.raises(ZeroDivisionError):
            await own()

    async with anyio.create_task_group() as group:
        group.start_soon(expect_error)
        await opened.wait()
        group.start_soon(repository.close)
        await asking.wait()
        gate.open()

    assert (session.version, stored(path, session.id)[0]) == (0, 0)
    assert_no_transaction_is_open(path)
    assert not writers()


async def test_closing_while_blocks_wait_for_their_turn(path: Path) -> None:
    """Blocks that wait behind one that does not end are told that the repository was closed, or that it is busy."""
    repository = SQLiteSessionRepository(path, busy_timeout=0.05)
    opened, closed = anyio.Event(), anyio.Event()
    sessions = [new_session() for _ in range(5)]
    wrong: list[object] = []

    async def own() -> None:
        with pytest.raises(
            RepositoryClosedError, match=r"^the repository was closed, and the transaction rolled back$"
        ):
            await keep_open()

    async def keep_open() -> None:
        async with repository.atomic():
            opened.set()
            await closed.wait()

    async def wait(number: int) -> None:
        try:
            async with repository.atomic():
                await repository.save(sessions[number])
                await anyio.lowlevel.checkpoint()
        except (RepositoryClosedError, BusyError):
            return
        if not stored(path, sessions[number].id)[0]:
            wrong.append(sessions[number])

    async with anyio.create_task_group() as group:
        group.start_soon(own)
        await opened.wait()
        for number in range(5):
            group.start_soon(wait, number)
        await anyio.wait_all_tasks_blocked()
        await repository.close()
        closed.set()

    assert not wrong
    assert [session.version for session in sessions] == [stored(path, session.id)[0] for session in sessions]
    assert not writers()


async def test_closing_inside_ones_own_block(path: Path) -> None:
    """It is refused, and the block goes on."""
    async with SQLiteSessionRepository(path) as repository:
        session = new_session()

        async with repository.atomic():
            with pytest.raises(TransactionError, match=r"^the repository cannot be closed .* leave the block first$"):
                await repository.close()
            await repository.save(session)

        assert await repository.get_by_id(session.id) == session


async def test_closing_that_is_cancelled(path: Path, watch: Watch) -> None:
    """A `close` that nobody waits for any more goes on by itself, and can be waited for again."""
    repository = SQLiteSessionRepository(path)
    await repository.open()
    session = new_session()
    gate = Gate()
    watch.before = lambda sql: sql.startswith("BEGIN") and gate.pass_through()

    async with anyio.create_task_group() as group:
        group.start_soon(repository.save, session)
        await gate.reached()
        with anyio.move_on_after(0) as scope:
            await repository.close()
        assert scope.cancelled_caught
        gate.open()

    await repository.close()
    assert (session.version, stored(path, session.id)[0]) == (1, 1)
    assert not writers()


async def test_reads_that_are_under_way_are_finished(path: Path, watch: Watch) -> None:
    """A read that had begun before `close` is answered."""
    repository = SQLiteSessionRepository(path)
    session = new_session()
    await repository.save(session)
    gate = Gate()
    watch.before = lambda sql: sql.startswith("SELECT") and gate.pass_through()
    loaded = []

    async def load() -> None:
        loaded.append(await repository.get_by_id(session.id))

    async with anyio.create_task_group() as group:
        group.start_soon(load)
        await gate.reached()
        group.start_soon(repository.close)
        await anyio.wait_all_tasks_blocked()
        gate.open()

    assert loaded == [session]


def test_closing_from_another_loop(path: Path) -> None:
    """A repository that was used on one event loop can be closed on another one, of the other kind too."""
    repository = SQLiteSessionRepository(path)
    asyncio.run(repository.save(new_session()))
    trio.run(repository.save, new_session())

    trio.run(repository.close)
    asyncio.run(repository.close())

    assert not writers()


def test_closing_from_another_loop_while_one_waits(path: Path, watch: Watch) -> None:
    """A loop in one thread closes while the other one, in another thread, saves: the save is done and reported."""
    repository = SQLiteSessionRepository(path)
    asyncio.run(repository.open())
    session = new_session()
    gate = Gate()
    watch.before = lambda sql: sql.startswith("BEGIN") and gate.pass_through()
    saving = threading.Thread(target=lambda: trio.run(repository.save, session))

    async def close() -> None:
        await gate.reached()
        closing = asyncio.ensure_future(repository.close())
        await asyncio.sleep(0)
        gate.open()
        await closing

    saving.start()
    asyncio.run(close())
    saving.join()

    assert (session.version, stored(path, session.id)[0]) == (1, 1)
    assert not writers()


async def test_closing_the_core_underneath(path: Path) -> None:
    """A facade whose core was closed says so, and can still be closed itself."""
    repository = SQLiteSessionRepository(path)
    await repository.save(new_session())

    await anyio.to_thread.run_sync(repository.core.close)

    with pytest.raises(RepositoryClosedError):
        await repository.save(new_session())
    with pytest.raises(RepositoryClosedError):
        await repository.count()
    await repository.close()
    assert not writers()


@FORGOTTEN
async def test_a_repository_that_is_forgotten_leaves_no_thread(path: Path) -> None:
    """Without `close` the writer's thread ends when nobody can reach the repository any more."""
    repository = SQLiteSessionRepository(path)
    session = new_session()
    await repository.save(session)
    async with repository.atomic():
        await repository.save(session)
    (thread,) = writers()
    gone = weakref.ref(repository)

    del repository
    gc.collect()
    await anyio.to_thread.run_sync(thread.join, 60)

    assert thread.daemon, "a program that ends before that would wait for it"
    assert gone() is None
    assert not thread.is_alive()
    assert stored(path, session.id)[0] == 2


def test_a_core_outlives_a_facade_that_is_forgotten(path: Path) -> None:
    """What was made by itself is not closed with a facade that nobody has closed."""
    with SessionRepository(path) as core:
        session = new_session()
        repository = AsyncSessionRepository(core)
        asyncio.run(repository.save(session))
        (thread,) = writers()

        del repository
        gc.collect()
        thread.join(60)

        assert not thread.is_alive()
        assert core.get_by_id(session.id) == session


@FORGOTTEN
def test_a_repository_that_is_forgotten_with_a_loop_that_was_closed_inside_a_block(path: Path) -> None:
    """So does that of a repository whose last block was thrown away with its event loop."""
    repository = SQLiteSessionRepository(path)
    loop = asyncio.new_event_loop()
    block = repository.atomic()
    loop.run_until_complete(block.__aenter__())
    loop.close()
    (thread,) = writers()

    del repository, block, loop
    gc.collect()
    thread.join(60)

    assert not thread.is_alive()
    assert_no_transaction_is_open(path)


@pytest.mark.parametrize("then", ["save", "enter", "read", "leave", "fail"])
def test_closing_the_core_while_a_thread_keeps_a_transaction_open(path: Path, then: str) -> None:
    """A plain transaction that does not end is broken off, and its thread told so; its own error goes before that."""
    repository = SessionRepository(path, busy_timeout=0.05)
    repository.open()
    session, other = new_session(), new_session()
    inside, closed = threading.Event(), threading.Event()

    def transact() -> None:
        with repository.atomic():
            repository.save(session)
            inside.set()
            closed.wait(PATIENCE)
            if then == "save":
                repository.save(other)
            elif then == "enter":
                repository.save_many([other, new_session()])
            elif then == "read":
                repository.get_by_id(session.id)
            elif then == "fail":
                raise ZeroDivisionError

    with ThreadPoolExecutor() as threads:
        transacting = threads.submit(transact)
        inside.wait(PATIENCE)
        repository.close()
        closed.set()

    assert isinstance(transacting.exception(), ZeroDivisionError if then == "fail" else RepositoryClosedError)
    assert (session.version, other.version) == (0, 0)
    assert stored(path, session.id) == (0, [])
    assert_no_transaction_is_open(path)
