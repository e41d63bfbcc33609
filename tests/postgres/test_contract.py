"""The repository on PostgreSQL keeps the contract that the one on a file keeps."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from paper_repo import AsyncSessionRepository, IPaperTradingSessionRepository, SessionRepository
from paper_repo.testing import SessionRepositoryContract, ThreadedRepository
from tests.postgres.poolers import Pooler


class TestAsyncSessionRepositoryOnPostgreSQL(SessionRepositoryContract):
    """The facade."""

    @pytest.fixture
    async def repository(self, emptied_url: str, busy_timeout: float) -> AsyncIterator[IPaperTradingSessionRepository]:
        async with AsyncSessionRepository(emptied_url, busy_timeout=busy_timeout) as repository:
            yield repository


class TestAsyncSessionRepositoryBehindAPooler(SessionRepositoryContract):
    """The facade, over server connections that it is lent for one transaction at a time; on one of the event loops."""

    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"

    @pytest.fixture
    async def repository(
        self, transaction_pooler: Pooler, emptied_url: str, busy_timeout: float
    ) -> AsyncIterator[IPaperTradingSessionRepository]:
        url = transaction_pooler.url(urlsplit(emptied_url).path[1:])
        async with AsyncSessionRepository(url, busy_timeout=busy_timeout) as repository:
            yield repository


class TestSessionRepositoryOnPostgreSQL(SessionRepositoryContract):
    """The synchronous core, each call in a thread and each block in one of its own."""

    # Its caller waits until the save is done, and so cannot change the session meanwhile.
    test_what_is_stored_is_what_the_session_was_at_the_call = None

    @pytest.fixture
    async def repository(self, emptied_url: str, busy_timeout: float) -> AsyncIterator[IPaperTradingSessionRepository]:
        async with ThreadedRepository(SessionRepository(emptied_url, busy_timeout=busy_timeout)) as repository:
            yield repository
