"""The ways in which a task can be cancelled, and what must be true of a file and of its sessions after each of them."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import closing
from importlib.metadata import version

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import TaskGroup

from paper_repo import PaperTradingSession, SQLiteSessionRepository
from tests.builders import new_fill
from tests.facade.watching import assert_no_transaction_is_open, connect

Program = Callable[[], Awaitable[object]]


class Way(ABC):
    """One way of cancelling: runs a program in the background, and cancels it when told to."""

    def __init__(self) -> None:
        self.ended = anyio.Event()
        self.cancelled = False
        self.error: Exception | None = None

    def start(self, group: TaskGroup, program: Program) -> None:
        """Run `program` in a task of `group`."""
        group.start_soon(self._watch, program)

    async def _watch(self, program: Program) -> None:
        try:
            self.cancelled = await self.run(program)
        except Exception as error:
            self.error = error
        finally:
            self.ended.set()

    @abstractmethod
    async def run(self, program: Program) -> bool:
        """Run `program`, and say whether it was cancelled."""

    @abstractmethod
    def cancel(self) -> None:
        """Cancel it now."""


class ByScope(Way):
    """anyio's way, on every event loop; trio's own is the same."""

    async def run(self, program: Program) -> bool:
        with anyio.CancelScope() as self._scope:
            await program()
        return self._scope.cancelled_caught

    def cancel(self) -> None:
        self._scope.cancel()


class ByTask(Way):
    """asyncio's own way, which goes through anyio's shields."""

    async def run(self, program: Program) -> bool:
        self.task = asyncio.ensure_future(program())
        await asyncio.wait([self.task])
        if not self.task.cancelled():
            self.task.result()
        return self.task.cancelled()

    def cancel(self) -> None:
        self.task.cancel()


class ByTaskAgainAndAgain(ByTask):
    """A task that is cancelled while it deals with having been cancelled."""

    def cancel(self) -> None:
        self._left = 5
        self._again()

    def _again(self) -> None:
        self.task.cancel()
        self._left -= 1
        if self._left:
            asyncio.get_running_loop().call_soon(self._again)


class ByTimeout(Way):
    """`asyncio.timeout` that runs out."""

    async def run(self, program: Program) -> bool:
        try:
            async with asyncio.timeout(None) as self._timeout:
                await program()
        except TimeoutError:
            return self._timeout.expired()
        return False

    def cancel(self) -> None:
        if not self.ended.is_set():
            self._timeout.reschedule(0)


class ByWaitFor(Way):
    """`asyncio.wait_for` that runs out, because the loop's clock is put forward."""

    HOUR = 3600

    async def run(self, program: Program) -> bool:
        loop = asyncio.get_running_loop()
        self._clock = loop.time
        try:
            await asyncio.wait_for(program(), self.HOUR)
        except TimeoutError:
            return True
        finally:
            loop.time = self._clock  # type: ignore[method-assign]
        return False

    def cancel(self) -> None:
        asyncio.get_running_loop().time = lambda: self._clock() + 2 * self.HOUR  # type: ignore[method-assign]


class ByTaskThenScope(ByTask):
    """Both ways at once: the native one first."""

    async def run(self, program: Program) -> bool:
        return await super().run(lambda: self._in_scope(program))

    async def _in_scope(self, program: Program) -> None:
        with anyio.CancelScope() as self._scope:
            await program()
        await anyio.lowlevel.checkpoint()  # a native cancellation is not the scope's to swallow

    def cancel(self) -> None:
        self.task.cancel()
        asyncio.get_running_loop().call_soon(self._scope.cancel)


class ByScopeThenTask(ByTaskThenScope):
    """Both ways at once: the scope first."""

    def cancel(self) -> None:
        self._scope.cancel()
        asyncio.get_running_loop().call_later(0, self.task.cancel)


_NEEDS_BOTH_WAYS = pytest.mark.skipif(
    tuple(map(int, version("anyio").split(".")[:2])) < (4, 16),
    reason="a scope of anyio before 4.16 takes asyncio's own cancellation for its own",
)

IN_EVERY_WAY = pytest.mark.parametrize(
    ("anyio_backend", "way"),
    [
        pytest.param("asyncio", ByScope, id="asyncio-scope"),
        pytest.param("asyncio", ByTask, id="task"),
        pytest.param("asyncio", ByTaskAgainAndAgain, id="task-again-and-again"),
        pytest.param("asyncio", ByTimeout, id="timeout"),
        pytest.param("asyncio", ByWaitFor, id="wait_for"),
        pytest.param("asyncio", ByTaskThenScope, id="task-then-scope", marks=_NEEDS_BOTH_WAYS),
        pytest.param("asyncio", ByScopeThenTask, id="scope-then-task", marks=_NEEDS_BOTH_WAYS),
        pytest.param("trio", ByScope, id="trio-scope"),
    ],
)
"""For tests that take an event loop and a way of cancelling which there is on it."""


async def some_steps(count: int = 10) -> None:
    """Let the event loop run this many times."""
    for _ in range(count):
        await anyio.lowlevel.checkpoint()


def stored(path: object, session_id: str) -> tuple[int, list[str]]:
    """The version of the session in the file, 0 without one, and the ids of its fills in their order."""
    with closing(connect(str(path))) as connection:
        rows = connection.execute("SELECT version FROM paper_trading_sessions WHERE id = ?", [session_id]).fetchall()
        fills = connection.execute(
            "SELECT sequence, id FROM paper_trading_fills WHERE session_id = ? ORDER BY sequence", [session_id]
        ).fetchall()
    assert [sequence for sequence, _ in fills] == list(range(1, len(fills) + 1))
    return (rows[0][0] if rows else 0), [fill_id for _, fill_id in fills]


async def assert_sound(repository: SQLiteSessionRepository, path: object, sessions: list[PaperTradingSession]) -> None:
    """No transaction is open, every session object agrees with the file, and the next save of it works."""
    assert_no_transaction_is_open(path)
    for session in sessions:
        version, fills = stored(path, session.id)
        assert session.version == version
        assert session.fill_count == len(fills) + len(session.new_fills)
        assert not {fill.id for fill in session.new_fills} & set(fills)
        expected = [*fills, *(fill.id for fill in session.new_fills), "the next one"]
        session.apply_fill(new_fill(99, id="the next one"))
        await repository.save(session)
        assert stored(path, session.id) == (version + 1, expected)
        loaded = await repository.get_by_id(session.id)
        assert loaded is not None
        assert loaded == session
