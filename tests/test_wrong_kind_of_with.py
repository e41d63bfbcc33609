"""A repository that is opened by the wrong kind of `with` says which one is right."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from paper_repo import (
    AsyncSessionRepository,
    InMemorySessionRepository,
    SessionRepository,
    SQLiteSessionRepository,
    SyncInMemorySessionRepository,
)


@pytest.mark.parametrize("kind", [SQLiteSessionRepository, AsyncSessionRepository, InMemorySessionRepository])
def test_an_asynchronous_one(path: Path, kind: Any) -> None:
    """It names `async with`, and the class for programs without an event loop; no container takes it for the other."""
    made = {SQLiteSessionRepository: (path,), AsyncSessionRepository: (SessionRepository(path),)}
    repository = kind(*made.get(kind, ()))

    with pytest.raises(TypeError, match=rf"{kind.__name__} is opened with `async with`; .* take SessionRepository"):
        repository.__enter__()
    with pytest.raises(TypeError, match="async with"), repository:
        pass

    assert not isinstance(repository, AbstractContextManager)
    assert isinstance(repository, AbstractAsyncContextManager)


@pytest.mark.parametrize("kind", [SessionRepository, SyncInMemorySessionRepository])
@pytest.mark.anyio
async def test_a_synchronous_one(path: Path, kind: Any) -> None:
    """The other way round."""
    repository: Any = kind(path) if kind is SessionRepository else kind()

    with pytest.raises(TypeError, match=rf"{kind.__name__} is opened with plain `with`; .*SQLiteSessionRepository"):
        async with repository:
            pass

    assert not isinstance(repository, AbstractAsyncContextManager)
    assert isinstance(repository, AbstractContextManager)
