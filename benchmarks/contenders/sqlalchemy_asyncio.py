"""SQLAlchemy's asyncio extension: the unit of work of `sqlalchemy_orm`, run in a greenlet over aiosqlite."""

from __future__ import annotations

import importlib
import os

from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from benchmarks.contenders import plain
from benchmarks.contenders import sqlalchemy_orm as orm
from benchmarks.contenders.interface import PLAIN_TABLES, Contender, Durability

for package in ("aiosqlite", "greenlet"):
    importlib.import_module(package)  # SQLAlchemy imports them late; here a missing one is named


class Store:
    """An engine with one connection: tasks queue for it, which is faster than to compete for SQLite's lock."""

    def __init__(self, path: str, durability: Durability) -> None:
        self.engine = create_async_engine(f"sqlite+aiosqlite:///{path}", pool_size=1, max_overflow=0, pool_timeout=60)
        orm.configure(self.engine.sync_engine, durability)
        self._reading = async_sessionmaker(self.engine)
        self._writing = async_sessionmaker(self.engine.execution_options(writes=True))

    async def save(self, session: plain.PaperTradingSession) -> None:
        async with self._writing.begin() as unit:
            await unit.run_sync(orm.save, session)
        plain.saved(session)

    async def load(self, session_id: str) -> plain.PaperTradingSession:
        async with self._reading() as unit:
            return await unit.run_sync(orm.load, session_id)

    async def close(self) -> None:
        await self.engine.dispose()


async def open_store(path: str, durability: Durability) -> Store:
    """A store whose tables exist."""
    new = not os.path.exists(path)
    store = Store(path, durability)
    if new:
        async with store.engine.begin() as connection:
            await connection.run_sync(orm.Base.metadata.create_all)
    return store


CONTENDERS = [
    Contender(
        "SQLAlchemy asyncio", open_store, plain, ("sqlalchemy", "aiosqlite", "greenlet"), PLAIN_TABLES, is_async=True
    )
]
