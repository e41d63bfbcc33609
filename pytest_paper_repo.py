"""Fixtures for tests of programs that use paper_repo; pytest finds them by itself where the package is installed.

It is a module of its own, and imports the package when a test asks for a fixture: a plugin is loaded before the
coverage of a test run is measured.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from paper_repo import (
        AsyncSessionRepository,
        InMemorySessionRepository,
        SessionRepository,
        SyncInMemorySessionRepository,
    )


@pytest.fixture
def fake_session_repository() -> Iterator[SyncInMemorySessionRepository]:
    """An empty session repository in memory, with blocking calls."""
    from paper_repo import SyncInMemorySessionRepository

    with SyncInMemorySessionRepository() as repository:
        yield repository


@pytest.fixture
def async_fake_session_repository() -> InMemorySessionRepository:
    """An empty session repository in memory, to await, for any event loop."""
    from paper_repo import InMemorySessionRepository

    return InMemorySessionRepository()


@pytest.fixture
def file_session_repository(tmp_path: Path) -> Iterator[SessionRepository]:
    """A session repository on the new file `sessions.db` in `tmp_path`, with blocking calls."""
    from paper_repo import SessionRepository

    with SessionRepository(tmp_path / "sessions.db") as repository:
        yield repository


@pytest.fixture
def async_file_session_repository(tmp_path: Path) -> Iterator[AsyncSessionRepository]:
    """A session repository on the new file `sessions.db` in `tmp_path`, to await, for any event loop."""
    import anyio

    from paper_repo import AsyncSessionRepository

    repository = AsyncSessionRepository(tmp_path / "sessions.db")
    yield repository
    # In a thread, so that the event loop that the test's own plugin has set for this one stays.
    closing = threading.Thread(target=anyio.run, args=(repository.close,))
    closing.start()
    closing.join()
