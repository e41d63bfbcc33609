"""Every implementation keeps the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from paper_repo import (
    AsyncSessionRepository,
    InMemorySessionRepository,
    IPaperTradingSessionRepository,
    SessionRepository,
    SQLiteSessionRepository,
    SyncInMemorySessionRepository,
)
from paper_repo.testing import SessionRepositoryContract, ThreadedRepository


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What a file holds that was created and never used."""
    path = tmp_path_factory.mktemp("empty") / "sessions.db"
    with SessionRepository(path):
        pass
    return path.read_bytes()


@pytest.fixture
def used_path(path: Path, empty_database: bytes) -> Path:
    """A path on which an empty database lies already."""
    path.write_bytes(empty_database)
    return path


class TestSQLiteSessionRepository(SessionRepositoryContract):
    """The async repository on a file."""

    @pytest.fixture
    async def repository(self, path: Path, busy_timeout: float) -> AsyncIterator[IPaperTradingSessionRepository]:
        async with SQLiteSessionRepository(path, busy_timeout=busy_timeout) as repository:
            yield repository


class TestAsyncSessionRepository(SessionRepositoryContract):
    """The facade over a core that was made, and opened, before it, on a file that was there before."""

    @pytest.fixture
    async def repository(self, used_path: Path, busy_timeout: float) -> AsyncIterator[IPaperTradingSessionRepository]:
        core = SessionRepository(used_path, durability="normal", busy_timeout=busy_timeout)
        core.open()
        repository = AsyncSessionRepository(core)
        yield repository
        await repository.close()


class TestInMemorySessionRepository(SessionRepositoryContract):
    """The fake."""

    @pytest.fixture
    async def repository(self, busy_timeout: float) -> AsyncIterator[IPaperTradingSessionRepository]:
        async with InMemorySessionRepository(busy_timeout=busy_timeout) as repository:
            yield repository


class TestSessionRepository(SessionRepositoryContract):
    """The synchronous core, each call in a thread and each block in one of its own, on a file that was there before."""

    # Its caller waits until the save is done, and so cannot change the session meanwhile.
    test_what_is_stored_is_what_the_session_was_at_the_call = None

    @pytest.fixture
    async def repository(self, used_path: Path, busy_timeout: float) -> AsyncIterator[IPaperTradingSessionRepository]:
        core = SessionRepository(used_path, durability="normal", busy_timeout=busy_timeout)
        async with ThreadedRepository(core) as repository:
            yield repository


class TestSyncInMemorySessionRepository(SessionRepositoryContract):
    """The synchronous fake, each call in a thread and each block in one of its own."""

    test_what_is_stored_is_what_the_session_was_at_the_call = None  # as for the synchronous core

    @pytest.fixture
    async def repository(self, busy_timeout: float) -> AsyncIterator[IPaperTradingSessionRepository]:
        async with ThreadedRepository(SyncInMemorySessionRepository(busy_timeout=busy_timeout)) as repository:
            yield repository
