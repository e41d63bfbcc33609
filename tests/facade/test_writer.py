"""The writer's threads by themselves, where what the facade asks comes at a moment that the facade cannot choose."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from paper_repo import BusyError, RepositoryClosedError, SessionRepository
from paper_repo.core.repository import internals_of
from paper_repo.facade.jobs import Block, Job
from paper_repo.facade.writer import Writer
from tests.builders import new_session
from tests.facade.watching import PATIENCE, Watch, busy_error, nothing

pytestmark = pytest.mark.anyio


@pytest.fixture
def core(path: Path, watch: Watch) -> SessionRepository:
    """An open repository; the writer closes it."""
    core = SessionRepository(path)
    core.open()
    return core


@pytest.fixture
async def writer(core: SessionRepository) -> AsyncIterator[Writer]:
    """A writer on its file, closed afterwards."""
    writer = Writer(internals_of(core), PATIENCE)
    yield writer
    last = Job(int)
    writer.close(last)
    await last.finished.wait()
    writer.join()


async def done(job: Job) -> None:
    """Wait for `job`, and raise what it has failed with."""
    await job.finished.wait()
    job.outcome()


async def test_a_block_that_could_not_begin(writer: Writer, watch: Watch) -> None:
    """There is nothing to end, and whoever asks for something in it is refused."""
    block = Block()

    def break_begin(sql: str) -> None:
        watch.before = nothing
        raise busy_error()

    watch.before = break_begin
    entry = Job(partial(writer.enter, "part"), begins=block)
    writer.submit(entry)
    with pytest.raises(BusyError):
        await done(entry)

    with pytest.raises(RepositoryClosedError):
        writer.submit_to_block(block, Job(int))


async def test_a_block_is_ended_once(writer: Writer, core: SessionRepository) -> None:
    """To end a block again does nothing to the one around it; to end that one ends what is open in it, too."""
    block = Block()
    kept, lost = new_session(), new_session()

    async def ask(*jobs: Job) -> None:
        for job in jobs:
            writer.submit_to_block(block, job)
        for job in jobs:
            await done(job)

    begin = Job(partial(writer.enter, "outer"), begins=block)
    writer.submit(begin)
    await done(begin)
    await ask(
        Job(partial(core.save, kept)),
        Job(partial(writer.enter, "inner")),
        Job(partial(writer.leave, "inner", commit=True)),
        Job(partial(writer.leave, "inner", commit=False)),
        Job(partial(writer.enter, "forgotten")),
        Job(partial(core.save, lost)),
        Job(partial(writer.leave, "outer", commit=True)),
    )

    assert (kept.version, lost.version) == (1, 0)
    assert core.count() == 1
    assert not block.is_open


async def test_a_job_is_taken_or_withdrawn() -> None:
    """Whoever comes first decides what becomes of it, for good."""
    taken, withdrawn = Job(int), Job(int)

    assert taken.take()
    assert not taken.withdraw()
    assert withdrawn.withdraw()
    assert not withdrawn.take()
    assert withdrawn.withdraw()
    assert (taken.withdrawn, withdrawn.withdrawn) == (False, True)


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
