"""Waking a task from any thread: on which loop it waits, and whether anybody does."""

from __future__ import annotations

import asyncio
import errno
import os
import threading

import anyio
import pytest
import trio

from paper_repo.facade.wakeup import UNHEARD, Wakeup, _AnyWakeup, _AsyncioWakeup, new_wakeup, wake
from tests.facade.cancelling import some_steps


async def made_here() -> Wakeup:
    """What the task that asks is going to wait for."""
    return new_wakeup()


def test_a_task_of_asyncio_waits_for_a_future_of_its_own() -> None:
    """It takes less time than what tasks of other event loops wait for."""
    assert type(asyncio.run(made_here())) is _AsyncioWakeup
    assert type(trio.run(made_here)) is _AnyWakeup


@pytest.mark.anyio
async def test_a_thread_that_wakes_a_task_is_told_that_it_is_there() -> None:
    """A task that waits goes on; the thread learns that its loop runs."""
    wakeup, heard = new_wakeup(), []
    thread = threading.Thread(target=lambda: heard.append(wake([wakeup])))

    thread.start()
    await wakeup.wait()
    thread.join()

    assert heard == [True]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_task_whose_loop_has_ended_is_not_there(backend: str) -> None:
    """Waking it is no error; whoever does so is told, and the tasks of other loops are woken all the same."""
    wakeup = asyncio.run(made_here()) if backend == "asyncio" else trio.run(made_here)

    async def beside_another() -> bool:
        mine = new_wakeup()
        heard = wake([wakeup, mine])
        await mine.wait()
        return heard

    assert asyncio.run(beside_another()) is False


class TornDown:
    """An event loop whose inside was hit by Ctrl-C: its socket is closed, though it has never ended."""

    def run_sync_soon(self, *call: object) -> None:
        """As trio does then."""
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))


def test_a_task_whose_loop_was_torn_down_is_not_there() -> None:
    """The thread that wakes it goes on."""
    wakeup = trio.run(made_here)
    wakeup._loop = TornDown()

    assert wake([wakeup]) is False


@pytest.mark.anyio
async def test_what_nobody_hears_cannot_be_waited_for() -> None:
    """A wait that would never end is refused."""
    assert wake([UNHEARD])
    with pytest.raises(AssertionError, match=r"^nobody waits for this$"):
        await UNHEARD.wait()


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_wait_that_no_cancellation_ends() -> None:
    """However often asyncio cancels the task, it goes on when what it waits for is announced, and not before."""
    made: list[Wakeup] = []
    ended: list[str] = []

    async def wait() -> None:
        made.append(new_wakeup())
        await made[0].wait_uncancelled()
        ended.append("announced")

    async with asyncio.TaskGroup() as group:
        task = group.create_task(wait())
        await some_steps()
        for _ in range(3):
            task.cancel()
            await some_steps()
            assert not task.done()
        assert not ended
        wake(made)
        await asyncio.wait([task])

    assert ended == ["announced"]
    assert not task.cancelled()


@pytest.mark.anyio
async def test_a_scope_does_not_end_such_a_wait_either() -> None:
    """It is shielded from anyio's scopes, on every event loop."""
    made: list[Wakeup] = []
    ended: list[str] = []

    async def wait() -> None:
        made.append(new_wakeup())
        await made[0].wait_uncancelled()
        ended.append("announced")

    async with anyio.create_task_group() as group:
        group.start_soon(wait)
        await some_steps()
        group.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            await some_steps()
        assert not ended
        wake(made)

    assert ended == ["announced"]
