"""What a repository cannot do, and says so: be sent elsewhere, or work without threads."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from paper_repo import InMemorySessionRepository, SessionRepository, SQLiteSessionRepository, StorageError
from tests.builders import new_session

NO_STACK = 1 << 46
"""A stack of so many bytes no thread can have, as if the system had no thread to spare."""


@pytest.fixture
def no_threads() -> Iterator[Callable[[bool], None]]:
    """What switches off that threads can be started, or on again."""

    def switch(off: bool) -> None:
        threading.stack_size(NO_STACK if off else 0)

    yield switch
    switch(False)


@pytest.mark.parametrize("way", [pickle.dumps, copy.copy, copy.deepcopy], ids=["pickle", "copy", "deepcopy"])
@pytest.mark.parametrize("kind", [SessionRepository, SQLiteSessionRepository])
def test_a_repository_is_neither_copied_nor_sent(path: Path, kind: type, way: Callable[[object], object]) -> None:
    """The error names it, and says what to do instead."""
    with pytest.raises(TypeError, match=r"sessions\.db.* cannot be copied or sent .*send its address"):
        way(kind(path))


@pytest.mark.parametrize("way", [pickle.dumps, copy.copy, copy.deepcopy], ids=["pickle", "copy", "deepcopy"])
def test_the_fake_is_neither_copied_nor_sent(way: Callable[[object], object]) -> None:
    """It could not be shared anyway."""
    with pytest.raises(TypeError, match=r"InMemorySessionRepository cannot be copied or sent .*use a file"):
        way(InMemorySessionRepository())


def test_sent_to_a_process(path: Path) -> None:
    """A pool of processes that is given one passes the error on."""
    with (
        SessionRepository(path) as repository,
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as processes,
        pytest.raises(TypeError, match="send its address"),
    ):
        processes.submit(len, repository).result()  # type: ignore[arg-type]


@pytest.mark.anyio
async def test_no_thread_to_be_had(path: Path, no_threads: Callable[[bool], None], anyio_backend_name: str) -> None:
    """Saves, blocks and reads say so, and work as soon as there is one; nothing is stored behind the caller's back."""
    repository, session, other = SQLiteSessionRepository(path), new_session(), new_session()

    calls = [lambda: repository.save(session), repository.atomic().__aenter__]
    if anyio_backend_name == "asyncio":  # trio keeps threads of earlier runs, which can read
        calls.append(lambda: repository.get_by_id(session.id))
    no_threads(True)
    for call in calls:
        with pytest.raises(StorageError, match=r"no thread could be started .*ulimit -u"):
            await call()
    no_threads(False)

    await repository.save(other)
    async with repository.atomic():
        await repository.save(session)
    assert await repository.get_by_id(session.id) == session
    assert (session.version, other.version) == (1, 1)
    await repository.close()
