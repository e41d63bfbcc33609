"""paper_repo itself: the synchronous core and its async facade."""

from __future__ import annotations

from typing import Any

from benchmarks.contenders.interface import Contender, Durability, Tables
from paper_repo import SessionRepository, SQLiteSessionRepository, domain

_PACKAGES = ("paper_repo", "peewee", "marshmallow", "anyio")
_TABLES = Tables("paper_trading_sessions", "id", "paper_trading_fills")


class Store:
    """A `SessionRepository`."""

    def __init__(self, path: str, durability: Durability) -> None:
        self._repository: Any = SessionRepository(path, durability=durability)
        self._repository.open()
        self.save = self._repository.save
        self.load = self._repository.get_by_id
        self.close = self._repository.close


class AsyncStore:
    """A `SQLiteSessionRepository`."""

    def __init__(self, repository: Any) -> None:
        self.save = repository.save
        self.load = repository.get_by_id
        self.close = repository.close


async def open_store(path: str, durability: Durability) -> AsyncStore:
    """A store whose tables exist."""
    repository: Any = SQLiteSessionRepository(path, durability=durability)
    await repository.open()
    return AsyncStore(repository)


CONTENDERS = [
    Contender("SessionRepository", Store, domain, _PACKAGES, _TABLES, is_ours=True),
    Contender("SQLiteSessionRepository", open_store, domain, _PACKAGES, _TABLES, is_async=True, is_ours=True),
]
