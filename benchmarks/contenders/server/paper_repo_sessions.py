"""paper_repo on a server: the synchronous core and its async facade."""

from __future__ import annotations

from typing import Any

from benchmarks.contenders.interface import Contender, Durability, Tables
from benchmarks.contenders.paper_repo_sessions import AsyncStore, Store
from paper_repo import AsyncSessionRepository, domain

_PACKAGES = ("paper_repo", "peewee", "psycopg")
_TABLES = Tables("paper_trading_sessions", "id", "paper_trading_fills")


async def open_store(path: str, durability: Durability) -> AsyncStore:
    """A store whose tables exist."""
    repository: Any = AsyncSessionRepository(path, durability=durability)
    await repository.open()
    return AsyncStore(repository)


CONTENDERS = [
    Contender("SessionRepository", Store, domain, _PACKAGES, _TABLES, is_ours=True),
    Contender("AsyncSessionRepository", open_store, domain, _PACKAGES, _TABLES, is_async=True, is_ours=True),
]
