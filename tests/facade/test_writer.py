"""The writer's thread by itself, where what the facade asks of it comes at a moment that the facade cannot choose."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from paper_repo import BusyError, SessionRepository
from paper_repo.wakeup import UNHEARD
from paper_repo.writer import Block, Job, Writer
from tests.facade.watching import PATIENCE, Watch, busy_error, nothing

pytestmark = pytest.mark.anyio


@pytest.fixture
async def writer(path: Path, watch: Watch) -> AsyncIterator[Writer]:
    """A writer on an open file, closed afterwards."""
    core = SessionRepository(path)
    core.open()
    writer = Writer(core, PATIENCE)
    yield writer
    last = Job(int)
    thread = writer.close(last)
    await last.finished.wait()
    if thread is not None:
        thread.join()


async def test_giving_up_a_block_that_could_not_begin(writer: Writer, watch: Watch) -> None:
    """There is nothing to roll back, and so nothing to wait for."""
    block = Block()

    def break_begin(sql: str) -> None:
        watch.before = nothing
        raise busy_error()

    watch.before = break_begin
    entry = writer.submit(Job(writer.enter, begins=block))
    await entry.finished.wait()
    end = writer.give_up(block, entry, heard=True)

    assert end is None
    with pytest.raises(BusyError):
        entry.outcome()


async def test_what_nobody_hears_cannot_be_waited_for() -> None:
    """A wait that would never end is refused."""
    with pytest.raises(AssertionError, match="^nobody waits for this$"):
        await UNHEARD.wait()
