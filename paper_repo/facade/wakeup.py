"""Waking a waiting task from any thread, without waiting for its event loop and whatever kind of loop it is."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import anyio

if TYPE_CHECKING:
    import asyncio


class Wakeup(ABC):
    """Something that one task waits for, and any thread may announce; made by `new_wakeup` in that task."""

    __slots__ = ("_announced", "_loop")

    def __init__(self, loop: Any) -> None:
        self._loop = loop
        self._announced = False

    async def wait(self) -> None:
        """Wait until it is announced; can be cancelled."""
        if self._announced:
            from anyio.lowlevel import checkpoint

            await checkpoint()
        else:
            await self._sleep()

    async def wait_uncancelled(self) -> None:
        """Wait until it is announced, and let no cancellation come between; the caller raises what it has swallowed."""
        with anyio.CancelScope(shield=True):
            while not self._announced:
                try:
                    await self._sleep()
                except anyio.get_cancelled_exc_class():
                    continue  # asyncio's own Task.cancel goes through the shield

    @property
    def loop(self) -> Any:
        """The event loop of the task; None: there is none."""
        return self._loop

    def when_ready_tasks_have_run(self, call: Callable[[], object]) -> None:
        """Have `call` called in the thread of the task, when all tasks that can go on now have had their turn.

        Where that cannot be told cheaply, it is called at once.
        """
        call()

    @abstractmethod
    async def _sleep(self) -> None:
        """Wait, when it was not announced before."""

    @abstractmethod
    def _announce(self) -> None:
        """Let the task go on; in the thread of its event loop."""


class _AsyncioWakeup(Wakeup):
    """For a task of asyncio's: its own future takes a fourth of the time of anyio's event."""

    __slots__ = ("_future",)

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._future: asyncio.Future[None] | None = None

    def when_ready_tasks_have_run(self, call: Callable[[], object]) -> None:
        self._loop.call_soon(call)

    async def _sleep(self) -> None:
        self._future = self._loop.create_future()
        await self._future

    def _announce(self) -> None:
        if self._future is not None and not self._future.done():
            self._future.set_result(None)


class _AnyWakeup(Wakeup):
    """For a task of any event loop that anyio knows."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        from anyio.lowlevel import current_token  # which is there where an event loop runs, and takes long before

        super().__init__(current_token().native_token)
        self._event = anyio.Event()

    async def _sleep(self) -> None:
        await self._event.wait()

    def _announce(self) -> None:
        self._event.set()


class _Unheard(Wakeup):
    """For what no task waits for; unlike the others it needs no event loop to run."""

    __slots__ = ()

    async def _sleep(self) -> None:
        raise AssertionError("nobody waits for this")

    def _announce(self) -> None:
        pass


UNHEARD = _Unheard(None)
"""Announces what no task waits for."""


def new_wakeup() -> Wakeup:
    """What the present task is going to wait for."""
    imported = sys.modules.get("asyncio")  # which takes long; where nobody has imported it, no loop of its runs
    try:
        task = None if imported is None else imported.current_task()
    except RuntimeError:
        task = None
    # Inside of asyncio's loop, but of no task of its, there may be another kind of loop as a guest.
    return _AnyWakeup() if task is None else _AsyncioWakeup(task.get_loop())


def wake(wakeups: Iterable[Wakeup]) -> bool:
    """Announce all of them, with one call for each event loop; False: a loop has ended, and nobody waits there now."""
    heard = True
    by_loop: dict[Any, list[Wakeup]] = defaultdict(list)
    for each in wakeups:
        if each._loop is not None:
            each._announced = True  # here, for one whose loop is interrupted before it can tell
            by_loop[each._loop].append(each)
    for loop, announced in by_loop.items():
        try:
            _soon(loop)(_announce_all, announced)
        except (RuntimeError, OSError):  # the loop has ended (RunFinishedError), or has been torn down with its socket
            heard = False
    return heard


def _soon(loop: Any) -> Callable[..., object]:
    """How a thread asks this loop to call something soon: asyncio's way, or trio's."""
    soon: Callable[..., object] = getattr(loop, "call_soon_threadsafe", None) or loop.run_sync_soon
    return soon


def _announce_all(wakeups: list[Wakeup]) -> None:
    try:
        for each in wakeups:
            each._announce()
    except BaseException:  # Ctrl-C; where the loop goes on, so do they
        _soon(wakeups[0]._loop)(_announce_all, wakeups)
        raise
