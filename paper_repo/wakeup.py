"""Waking a waiting task from any thread, without waiting for its event loop and whatever kind of loop it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import anyio
from anyio.lowlevel import current_token


class Wakeup:
    """Something that one task waits for, and any thread may announce."""

    __slots__ = ("_event", "_loop")

    def __init__(self) -> None:
        self._event = anyio.Event()
        self._loop: Any = current_token().native_token

    async def wait(self) -> None:
        """Wait until it is announced; can be cancelled."""
        await self._event.wait()

    async def wait_uncancelled(self) -> None:
        """Wait until it is announced, and let no cancellation come between; the caller raises what it has swallowed."""
        with anyio.CancelScope(shield=True):
            while not self._event.is_set():
                try:
                    await self._event.wait()
                except anyio.get_cancelled_exc_class():
                    continue  # asyncio's own Task.cancel goes through the shield


class Unheard(Wakeup):
    """For what no task waits for; unlike a `Wakeup` it needs no event loop to run."""

    __slots__ = ()

    def __init__(self) -> None:
        self._loop = None


def wake(wakeups: Iterable[Wakeup]) -> bool:
    """Announce all of them, with one call for each event loop; False: a loop has ended, and nobody waits there now."""
    heard = True
    by_loop: dict[Any, list[anyio.Event]] = defaultdict(list)
    for each in wakeups:
        if each._loop is not None:
            by_loop[each._loop].append(each._event)
    for loop, events in by_loop.items():
        try:
            _soon(loop)(_set_all, events)
        except RuntimeError:  # the loop has ended (trio's RunFinishedError is one)
            heard = False
    return heard


def _soon(loop: Any) -> Callable[..., object]:
    """How a thread asks this loop to call something soon: asyncio's way, or trio's."""
    soon: Callable[..., object] = getattr(loop, "call_soon_threadsafe", None) or loop.run_sync_soon
    return soon


def _set_all(events: list[anyio.Event]) -> None:
    for event in events:
        event.set()
