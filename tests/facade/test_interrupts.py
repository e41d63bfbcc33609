"""Ctrl-C, or what a signal handler raises, in the thread of the event loop, at every moment of every call.

A normal run tries a few of the moments of each, `PAPER_REPO_TEST_ROUNDS=20` and more (`tox -e long`) all of them.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import signal
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest
import trio

from paper_repo import PaperTradingSession, RepositoryClosedError, SessionRepository, SQLiteSessionRepository
from paper_repo.core.repository import internals_of
from tests.builders import new_fill, new_session
from tests.conftest import WRITER, _open_files
from tests.facade.cancelling import assert_sound
from tests.facade.interrupting import Interrupt

ROUNDS = int(os.environ.get("PAPER_REPO_TEST_ROUNDS", "1"))
SAMPLE = 6
"""How many moments of a call are tried in a normal run."""

PATIENCE = 10
"""How long anybody waits for a lock before that is an error, in seconds."""

Program = Callable[[SQLiteSessionRepository, list[PaperTradingSession]], Awaitable[object]]


async def save(repository: SQLiteSessionRepository, sessions: list[PaperTradingSession]) -> None:
    """One save."""
    await repository.save(sessions[0])


async def save_many(repository: SQLiteSessionRepository, sessions: list[PaperTradingSession]) -> None:
    """One save of two sessions."""
    await repository.save_many(sessions)


async def load(repository: SQLiteSessionRepository, sessions: list[PaperTradingSession]) -> None:
    """One read."""
    await repository.get_by_id(sessions[0].id)


async def atomic(repository: SQLiteSessionRepository, sessions: list[PaperTradingSession]) -> None:
    """Two saves in a block."""
    async with repository.atomic():
        await repository.save(sessions[0])
        await repository.save(sessions[1])


async def nested(repository: SQLiteSessionRepository, sessions: list[PaperTradingSession]) -> None:
    """A block in a block, and one that fails."""
    async with repository.atomic():
        await repository.save(sessions[0])
        async with repository.atomic():
            await repository.save(sessions[1])
        with suppress(ZeroDivisionError):
            async with repository.atomic():
                await repository.save(sessions[0])
                raise ZeroDivisionError


async def claim(repository: SQLiteSessionRepository, sessions: list[PaperTradingSession]) -> None:
    """A claim, kept and given back."""
    await repository.claim("stored", "me", 60)
    await repository.renew("stored", "me", 60)
    await repository.release("stored", "me")


async def delete(repository: SQLiteSessionRepository, sessions: list[PaperTradingSession]) -> None:
    """A deletion."""
    await repository.delete("stored")


async def iterate(repository: SQLiteSessionRepository, sessions: list[PaperTradingSession]) -> None:
    """All sessions, one by one."""
    async for _ in repository.iterate():
        pass


async def watch(repository: SQLiteSessionRepository, sessions: list[PaperTradingSession]) -> None:
    """The first change there was."""
    async with repository.watch(after=0) as changes:
        await anext(changes)


async def backup(repository: SQLiteSessionRepository, sessions: list[PaperTradingSession]) -> None:
    """A backup."""
    await repository.backup(f"{internals_of(repository.core).storage.name}.backup", overwrite=True)


async def close(repository: SQLiteSessionRepository, sessions: list[PaperTradingSession]) -> None:
    """A save and the end."""
    await repository.save(sessions[0])
    await repository.close()


PROGRAMS: list[Program] = [save, save_many, load, atomic, nested, claim, delete, iterate, watch, backup, close]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What a file holds that has one session."""
    path = tmp_path_factory.mktemp("stored") / "sessions.db"
    with SessionRepository(path) as repository:
        repository.save(new_session(id="stored"))
    return path.read_bytes()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_interrupted_at_any_moment(path: Path, stored: bytes, program: Program, backend: str) -> None:
    """The error comes out, the next call works, from elsewhere too, and the objects are what the file says."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        for moment in moments(path, stored, program, backend):
            interrupt_at(moment, path.with_name(f"{moment}.db"), stored, program, backend)
    finally:
        signal.signal(signal.SIGINT, before)


def moments(path: Path, stored: bytes, program: Program, backend: str) -> list[int]:
    """All moments of the program, or some."""
    low, high = 0, 16
    counting = Interrupt(10**9, by_signal=False)
    run_interrupted(path, stored, program, backend, counting)
    high = 10**9 - counting._left
    assert high > SAMPLE
    if ROUNDS >= 20:
        return list(range(low, high))
    return sorted(random.Random(f"{program.__name__} {backend}").sample(range(high), SAMPLE * ROUNDS))


def interrupt_at(moment: int, path: Path, stored: bytes, program: Program, backend: str) -> None:
    """Interrupt the program at this moment, and look at what is left."""
    interrupt = Interrupt(moment, by_signal=backend == "trio")
    try:
        run_interrupted(path, stored, program, backend, interrupt)
    except BaseException as error:
        error.add_note(f"interrupted at moment {moment}: {interrupt.place}")
        raise


def run_interrupted(path: Path, stored: bytes, program: Program, backend: str, interrupt: Interrupt) -> None:
    """Run the program on a file of its own, and look at what it leaves."""
    path.write_bytes(stored)
    files = _open_files()
    repository = SQLiteSessionRepository(path, busy_timeout=PATIENCE)
    sessions = [new_session(id="first"), new_session(id="second")]
    for session in sessions:
        session.apply_fill(new_fill(1))
    repository.core.open()

    interrupted = is_interrupted(lambda: program(repository, sessions), backend, interrupt)
    assert interrupted == bool(interrupt.place), "the interrupt was swallowed"
    gc.collect()  # what nobody can reach any more is as good as ended

    with SessionRepository(path, busy_timeout=PATIENCE) as elsewhere:
        elsewhere.save(new_session(id="elsewhere"))
    asyncio.run(look(repository, path, sessions))
    asyncio.run(repository.close())
    for thread in writers():
        thread.join(PATIENCE)  # one that was told to end may need a moment more
    assert not writers()
    gc.collect()
    assert not _open_files() - files


def writers() -> list[threading.Thread]:
    """The writer's threads that run."""
    return [thread for thread in threading.enumerate() if thread.name == WRITER]


def is_interrupted(work: Callable[[], Awaitable[object]], backend: str, interrupt: Interrupt) -> bool:
    """Run `work` on an event loop, and say whether it was interrupted."""

    async def main() -> None:
        with interrupt.armed():
            await work()

    try:
        if backend == "trio":
            trio.run(main)
        else:
            asyncio.run(main())
    except KeyboardInterrupt:
        return True
    return False


async def look(repository: SQLiteSessionRepository, path: Path, sessions: list[PaperTradingSession]) -> None:
    """The repository works, and its objects are what the file says; unless it is being closed."""
    with suppress(RepositoryClosedError):
        async with asyncio.timeout(PATIENCE):
            await repository.save(new_session(id="next"))  # behind what was under way
            async with repository.atomic():
                await repository.count()
            await assert_sound(repository, path, sessions)
