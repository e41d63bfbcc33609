"""Uses a repository in a process and in its forked child.

Usage: python forking.py CASE PATH; see `CASES`. Prints what the test looks at, and ends with exit code 0.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
import warnings
from collections.abc import Callable
from typing import ClassVar

import trio

from paper_repo import PaperTradingSession, SessionRepository, SQLiteSessionRepository, StorageError, Strategy

warnings.simplefilter("error")
warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)  # which is what is tested


def session(session_id: str) -> PaperTradingSession:
    """A session that was never saved."""
    return PaperTradingSession(id=session_id, strategy=Strategy("sma"), initial_cash=10000)


class Child:
    """A forked child that runs `work`, then exits as any program does."""

    _children: ClassVar[list[socket.socket]] = []

    def __init__(self, work: Callable[[Child], None]) -> None:
        mine, other = socket.socketpair()
        self._children.append(mine)
        self._process = os.fork()
        if self._process:
            other.close()
            self._other_side = mine
            return
        for each in self._children:
            each.close()
        with other:
            self._other_side = other
            work(self)
        raise SystemExit(0)

    def tell(self) -> None:
        """Tell the other side to go on."""
        self._other_side.sendall(b"x")

    def wait(self) -> None:
        """Wait until the other side says so."""
        assert self._other_side.recv(1) == b"x", "the other side has ended"

    def has_ended(self) -> bool:
        """Wait for the child's end, and say whether it was a good one."""
        self._other_side.close()
        return os.waitpid(self._process, 0)[1] == 0


def core(path: str) -> None:
    """Parent and child use one repository; the parent closes it while the child goes on."""
    repository = SessionRepository(path)
    repository.save(session("parent 1"))

    def work(child: Child) -> None:
        repository.save(session("child 1"))
        child.tell()
        child.wait()
        repository.save(session("child 2"))
        with repository.atomic():
            repository.save(session("child 3"))
        assert repository.count() == 5
        repository.close()

    child = Child(work)
    child.wait()
    repository.save(session("parent 2"))
    repository.close()
    child.tell()
    assert child.has_ended()


def new_repository(path: str) -> None:
    """The child opens a repository of its own on the file that its parent has open."""
    repository = SessionRepository(path)
    repository.save(session("parent 1"))

    def work(child: Child) -> None:
        with SessionRepository(path) as mine:
            mine.save(session("child 1"))
            child.tell()
            child.wait()
            mine.save(session("child 2"))

    child = Child(work)
    child.wait()
    repository.close()
    child.tell()
    assert child.has_ended()


def facade(path: str) -> None:
    """Parent and child use one async repository, on an event loop of their own each."""
    repository = SQLiteSessionRepository(path)
    asyncio.run(repository.save(session("parent 1")))

    async def save_in_block(session_id: str) -> None:
        async with repository.atomic():
            await repository.save(session(session_id))

    def work(child: Child) -> None:
        asyncio.run(repository.save(session("child 1")))
        child.tell()
        child.wait()
        asyncio.run(save_in_block("child 2"))
        trio.run(save_in_block, "child 3")
        asyncio.run(repository.close())

    child = Child(work)
    child.wait()
    asyncio.run(save_in_block("parent 2"))
    asyncio.run(repository.close())
    child.tell()
    assert child.has_ended()


def facade_at_work(path: str) -> None:
    """Forks, again and again, while another thread saves through the async repository."""
    repository = SQLiteSessionRepository(path)
    begun, enough = threading.Event(), threading.Event()
    mine = session("parent")

    async def save_all_the_time() -> None:
        while not enough.is_set():
            await repository.save(mine)
            begun.set()

    saving = threading.Thread(target=lambda: asyncio.run(save_all_the_time()))
    saving.start()
    begun.wait()  # a fork while another thread imports a module leaves the child with an import that never ends
    children = []
    for number in range(10):

        def work(child: Child, number: int = number) -> None:
            asyncio.run(repository.save(session(f"child {number}")))
            child.tell()
            child.wait()
            asyncio.run(repository.save(session(f"child {number} again")))

        children.append(Child(work))
    for child in children:
        child.wait()
    enough.set()
    saving.join()
    asyncio.run(repository.close())
    for child in children:
        child.tell()
    for child in children:
        assert child.has_ended()
    with SessionRepository(path) as again:
        found = again.get_by_id("parent")
        assert found is not None
        assert found.version == mine.version


def inside_a_transaction(path: str) -> None:
    """Forks in the middle of a transaction: the child is told that it cannot use the file, the parent goes on."""
    repository = SessionRepository(path)

    def work(child: Child) -> None:
        expect_refusal(repository)
        expect_refusal(SessionRepository(path))
        repository.close()

    with repository.atomic():
        repository.save(session("parent 1"))
        child = Child(work)
        assert child.has_ended()
        repository.save(session("parent 2"))
    repository.save(session("parent 3"))
    repository.close()


def inside_a_block(path: str) -> None:
    """The same with the block of an async repository, whose transaction another thread holds."""
    repository = SQLiteSessionRepository(path)

    def work(child: Child) -> None:
        expect_refusal(repository.core)
        os._exit(0)  # the event loop around belongs to the parent

    async def main() -> None:
        async with repository.atomic():
            await repository.save(session("parent 1"))
            child = Child(work)
            assert child.has_ended()
            await repository.save(session("parent 2"))
        await repository.save(session("parent 3"))
        await repository.close()

    asyncio.run(main())


def expect_refusal(repository: SessionRepository) -> None:
    """The repository says that this process cannot use the file because it was forked."""
    try:
        repository.save(session("child"))
    except StorageError as error:
        if "forked" in str(error):
            return
        raise
    raise AssertionError("the child could save")


CASES = {
    "core": core,
    "new_repository": new_repository,
    "facade": facade,
    "facade_at_work": facade_at_work,
    "inside_a_transaction": inside_a_transaction,
    "inside_a_block": inside_a_block,
}

if __name__ == "__main__":
    CASES[sys.argv[1]](sys.argv[2])
