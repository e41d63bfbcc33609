"""SQLAlchemy's asyncio extension over asyncpg: the unit of work of `sqlalchemy_orm`, a pool of eight connections."""

from __future__ import annotations

import importlib

from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine

from benchmarks.contenders import plain
from benchmarks.contenders import sqlalchemy_orm as orm
from benchmarks.contenders.interface import PLAIN_TABLES, Contender, Durability

for package in ("asyncpg", "greenlet"):
    importlib.import_module(package)  # SQLAlchemy imports them late; here a missing one is named


class Store:
    """An engine, and a session for each unit of work."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._session = async_sessionmaker(engine)

    async def save(self, session: plain.PaperTradingSession) -> None:
        async with self._session.begin() as unit:
            await unit.run_sync(orm.save, session)
        plain.saved(session)

    async def load(self, session_id: str) -> plain.PaperTradingSession:
        async with self._session() as unit:
            return await unit.run_sync(orm.load, session_id)

    async def close(self) -> None:
        await self._engine.dispose()


async def open_store(path: str, durability: Durability) -> Store:
    """A store whose tables exist."""
    url = path.replace("postgresql://", "postgresql+asyncpg://")
    engine = create_async_engine(url, pool_size=8, max_overflow=0, pool_timeout=60)
    async with engine.begin() as connection:
        await connection.run_sync(orm.Base.metadata.create_all)
    return Store(engine)


CONTENDERS = [
    Contender(
        "SQLAlchemy asyncio", open_store, plain, ("sqlalchemy", "asyncpg", "greenlet"), PLAIN_TABLES, is_async=True
    )
]
