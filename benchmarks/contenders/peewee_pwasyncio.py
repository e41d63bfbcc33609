"""Peewee's own asyncio bridge: the code of `peewee_by_hand`, run in a greenlet over aiosqlite."""

from __future__ import annotations

import os

import aiosqlite  # noqa: F401  # imported here so that it is named when it is missing
from playhouse.pwasyncio import AsyncSqliteDatabase

from benchmarks.contenders import peewee_by_hand as by_hand
from benchmarks.contenders import plain
from benchmarks.contenders.interface import PLAIN_TABLES, Contender, Durability


class Store:
    """A pool of one connection: writers queue for it, which is faster than to compete for SQLite's lock."""

    def __init__(self, path: str, durability: Durability) -> None:
        self._db = AsyncSqliteDatabase(path, pragmas=by_hand.pragmas(durability), pool_size=1, acquire_timeout=60)

    async def create(self) -> None:
        """Make the tables."""
        async with self._db:
            with self._db.bind_ctx(by_hand.MODELS):
                await self._db.acreate_tables(by_hand.MODELS)

    async def save(self, session: plain.PaperTradingSession) -> None:
        async with self._db:
            await self._db.run(by_hand.save, self._db, session)

    async def load(self, session_id: str) -> plain.PaperTradingSession:
        async with self._db:
            session: plain.PaperTradingSession = await self._db.run(by_hand.load, self._db, session_id)
        return session

    async def close(self) -> None:
        await self._db.close_pool()


async def open_store(path: str, durability: Durability) -> Store:
    """A store whose tables exist."""
    new = not os.path.exists(path)
    store = Store(path, durability)
    if new:
        await store.create()
    return store


CONTENDERS = [
    Contender("peewee pwasyncio", open_store, plain, ("peewee", "aiosqlite", "greenlet"), PLAIN_TABLES, is_async=True)
]
