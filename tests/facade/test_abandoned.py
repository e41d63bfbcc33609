"""Coroutines that are thrown away in the middle: nobody cancels them, nobody runs them any more."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest
import trio

from paper_repo import PaperTradingSession, SQLiteSessionRepository
from tests.builders import new_session
from tests.facade.cancelling import assert_sound
from tests.facade.watching import Gate, Watch, assert_no_transaction_is_open

PATIENCE = 60
"""How long a save waits for a block that nobody has any more, however busy the machine is with other things."""


def run_half_way(program: Callable[[], Awaitable[None]], reached: Callable[[], Awaitable[object]]) -> None:
    """Run `program` on an event loop that is closed as soon as `reached` has been, without cancelling anything."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(program())
    loop.run_until_complete(reached())
    task._log_destroy_pending = False  # that asyncio complains is right, and not what is tested
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    del task, loop
    gc.collect()


def run_into_ctrl_c(program: Callable[[], Awaitable[None]], reached: Callable[[], Awaitable[object]]) -> None:
    """Run `program` on a trio loop that Ctrl-C ends as soon as `reached` has been."""

    def interrupt() -> None:
        asyncio.run(reached())  # type: ignore[arg-type]
        signal.raise_signal(signal.SIGINT)

    interrupting = threading.Thread(target=interrupt)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a program in the background may ignore it
    try:
        interrupting.start()
        with pytest.raises(KeyboardInterrupt):
            trio.run(program)
    finally:
        signal.signal(signal.SIGINT, before)
    interrupting.join()


def test_a_loop_that_is_closed_inside_a_block(path: Path) -> None:
    """The block is rolled back as soon as its coroutine is gone, and other loops can write."""
    repository = SQLiteSessionRepository(path)
    session, other = new_session(), new_session()
    inside = asyncio.Event()

    async def program() -> None:
        async with repository.atomic():
            await repository.save(session)
            async with repository.atomic():
                inside.set()
                await asyncio.Event().wait()

    run_half_way(program, inside.wait)

    asyncio.run(repository.save(other))
    assert_no_transaction_is_open(path)
    asyncio.run(assert_sound(repository, path, [session, other]))
    asyncio.run(repository.close())


@pytest.mark.parametrize("by", ["task", "thread"])
@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("side", ["before", "after"])
def test_a_loop_that_is_closed_while_a_block_begins(path: Path, watch: Watch, side: str, nested: bool, by: str) -> None:
    """A block that had begun by the time its coroutine was gone does not stay open, whether a loop runs then or not."""
    repository = SQLiteSessionRepository(path, busy_timeout=PATIENCE)
    session = new_session()
    asyncio.run(repository.open())
    gate = Gate()
    verb = "SAVEPOINT" if nested else "BEGIN"
    setattr(watch, side, lambda sql: sql.startswith(verb) and gate.pass_through())

    async def program() -> None:
        async with repository.atomic():
            if nested:
                async with repository.atomic():
                    pass

    run_half_way(program, gate.reached)
    gate.open()

    if by == "task":
        asyncio.run(save_while_collecting(repository, session))
    else:
        save_plainly_while_collecting(repository, session)
    assert session.version == 1
    assert_no_transaction_is_open(path)
    asyncio.run(repository.close())


async def save_while_collecting(repository: SQLiteSessionRepository, session: PaperTradingSession) -> None:
    """Save, and look for garbage again and again until that is done."""
    save = asyncio.ensure_future(repository.save(session))
    while not save.done():
        gc.collect()
        await asyncio.sleep(0)
    save.result()


def save_plainly_while_collecting(repository: SQLiteSessionRepository, session: PaperTradingSession) -> None:
    """The same with a thread's plain save, and without an event loop."""
    with ThreadPoolExecutor(1) as threads:
        save = threads.submit(repository.core.save, session)
        while not save.done():
            gc.collect()
            wait([save], timeout=0.01)  # else the threads that do the work would hardly ever have Python's lock
        save.result()


def test_ctrl_c_while_a_block_begins(path: Path, watch: Watch) -> None:
    """A block whose task is interrupted while it begins does not stay open."""
    repository = SQLiteSessionRepository(path)
    session = new_session()
    asyncio.run(repository.open())
    gate = Gate()
    watch.before = lambda sql: sql.startswith("BEGIN") and gate.pass_through()

    async def program() -> None:
        async with repository.atomic():
            raise AssertionError("the block was entered")

    run_into_ctrl_c(program, gate.reached)
    gate.open()

    asyncio.run(repository.save(session))
    assert session.version == 1
    assert_no_transaction_is_open(path)
    asyncio.run(repository.close())


@pytest.mark.anyio
async def test_an_async_generator_that_is_left_inside_a_block(path: Path) -> None:
    """The block of a generator that nobody finishes is rolled back when the generator is closed."""
    async with SQLiteSessionRepository(path) as repository:
        session, other = new_session(), new_session()

        async def steps() -> AsyncIterator[int]:
            async with repository.atomic():
                await repository.save(session)
                yield 1

        generator = steps()
        await anext(generator)
        await generator.aclose()  # type: ignore[attr-defined]

        await repository.save(other)
        assert session.version == 0
        assert_no_transaction_is_open(path)
        await assert_sound(repository, path, [session, other])
