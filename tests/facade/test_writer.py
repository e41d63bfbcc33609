"""The writer's thread by itself, where what the facade asks of it comes at a moment that the facade cannot choose."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from paper_repo import BusyError, SessionRepository
from paper_repo.facade.writer import Block, Job, Writer
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


async def test_an_error_that_is_forgotten() -> None:
    """A job can be done again after an error of the kind asked for; one of another kind it keeps."""
    results = [7, 0]
    job = Job(lambda: 7 // results.pop())

    job.do()
    kept, failed = not job.forget(BusyError), job.failed
    forgotten, fails_still = job.forget(ZeroDivisionError), job.failed
    job.do()

    assert (kept, failed) == (True, True)
    assert (forgotten, fails_still) == (True, False)
    assert job.outcome() == 1
