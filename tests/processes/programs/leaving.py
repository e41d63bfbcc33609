"""Ends without closing its repository.

Usage: python leaving.py CASE PATH; see `CASES`. Prints what it is about to leave behind.
"""

from __future__ import annotations

import asyncio
import sys
import threading

import trio

from paper_repo import PaperTradingSession, SessionRepository, SQLiteSessionRepository, Strategy


def session(session_id: str) -> PaperTradingSession:
    """A session that was never saved."""
    return PaperTradingSession(id=session_id, strategy=Strategy("sma"), initial_cash=10000)


def say(text: str) -> None:
    """Print `text` at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def save(repository: SQLiteSessionRepository) -> None:
    """Save one session, and close nothing."""
    await repository.open()
    await repository.save(session("saved"))
    assert await repository.count() == 1
    say("saved")


async def enter(repository: SQLiteSessionRepository) -> None:
    """Open a block that nobody ever leaves."""
    await save(repository)
    block = KEPT["block"] = repository.atomic()  # one that is thrown away is rolled back
    await block.__aenter__()
    await repository.save(session("in the block"))
    say("in the block")


async def wait_inside(repository: SQLiteSessionRepository, wait: object) -> None:
    """Wait in a block until somebody interrupts."""
    await save(repository)
    async with repository.atomic():
        await repository.save(session("in the block"))
        async with repository.atomic():
            await repository.save(session("in a block in the block"))
            say("in the block")
            await wait()  # type: ignore[operator]


def asyncio_saves(path: str) -> None:
    """An asyncio program that never closes."""
    asyncio.run(save(SQLiteSessionRepository(path)))


def trio_saves(path: str) -> None:
    """A trio program that never closes."""
    trio.run(save, SQLiteSessionRepository(path))


def asyncio_in_block(path: str) -> None:
    """An asyncio program that ends inside a block; the repository outlives its event loop."""
    repository = KEPT[path] = SQLiteSessionRepository(path)
    asyncio.run(enter(repository))


def trio_in_block(path: str) -> None:
    """A trio program that ends inside a block; the repository outlives its event loop."""
    repository = KEPT[path] = SQLiteSessionRepository(path)
    trio.run(enter, repository)


def loop_in_thread(path: str) -> None:
    """A program, such as one with windows, whose event loop runs in a daemon thread until the end."""
    repository = KEPT[path] = SQLiteSessionRepository(path)
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    asyncio.run_coroutine_threadsafe(enter(repository), loop).result()


def core_saves(path: str) -> None:
    """A synchronous program that never closes."""
    repository = KEPT[path] = SessionRepository(path)
    repository.save(session("saved"))
    say("saved")


def core_in_transaction(path: str) -> None:
    """A synchronous program that ends inside a transaction."""
    core_saves(path)
    repository = KEPT[path]
    assert isinstance(repository, SessionRepository)
    with repository.atomic():
        repository.save(session("in the block"))
        say("in the block")
        raise SystemExit(0)


def core_in_thread(path: str) -> None:
    """A program that ends while one of its daemon threads is inside a transaction."""
    core_saves(path)
    repository = KEPT[path]
    inside = threading.Event()

    def stay() -> None:
        assert isinstance(repository, SessionRepository)
        with repository.atomic():
            repository.save(session("in the block"))
            inside.set()
            threading.Event().wait()

    threading.Thread(target=stay, daemon=True).start()
    inside.wait()
    say("in the block")


def asyncio_waits(path: str) -> None:
    """An asyncio program that waits inside a block to be interrupted."""
    asyncio.run(wait_inside(SQLiteSessionRepository(path), lambda: asyncio.Event().wait()))


def trio_waits(path: str) -> None:
    """A trio program that waits inside a block to be interrupted."""
    trio.run(wait_inside, SQLiteSessionRepository(path), trio.sleep_forever)


def core_waits(path: str) -> None:
    """A synchronous program that waits inside a transaction to be interrupted."""
    core_saves(path)
    repository = KEPT[path]
    assert isinstance(repository, SessionRepository)
    with repository.atomic():
        repository.save(session("in the block"))
        say("in the block")
        threading.Event().wait()


KEPT: dict[str, object] = {}
CASES = {
    function.__name__: function
    for function in (
        asyncio_saves,
        trio_saves,
        asyncio_in_block,
        trio_in_block,
        loop_in_thread,
        core_saves,
        core_in_transaction,
        core_in_thread,
        asyncio_waits,
        trio_waits,
        core_waits,
    )
}

if __name__ == "__main__":
    CASES[sys.argv[1]](sys.argv[2])
