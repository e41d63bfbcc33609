"""aiosqlite with the SQL of `sqlite3_by_hand`: one connection, and a lock around each transaction."""

from __future__ import annotations

import asyncio
import os

import aiosqlite

from benchmarks.contenders import plain
from benchmarks.contenders import sqlite3_by_hand as sql
from benchmarks.contenders.interface import PLAIN_TABLES, Contender, Durability


class Store:
    """One connection, which the tasks share."""

    def __init__(self, db: aiosqlite.Connection) -> None:
        self._db = db
        self._writing = asyncio.Lock()

    async def save(self, session: plain.PaperTradingSession) -> None:
        values = plain.to_values(session)
        async with self._writing:
            await self._db.execute("BEGIN IMMEDIATE")
            try:
                cursor = await self._db.execute(sql.UPDATE if session.version else sql.INSERT, values)
                if not cursor.rowcount:
                    raise RuntimeError(f"{session.id} was changed by someone else")
                if session.new_fills:
                    await self._db.executemany(sql.ADD_FILL, plain.new_fills(session))
                if session.new_equity_points:
                    cursor = await self._db.execute(sql.LAST_POINT, (session.id,))
                    ((last,),) = await cursor.fetchall()
                    await self._db.executemany(sql.ADD_POINT, plain.new_equity(session, last))
                await self._db.commit()
            except BaseException:
                await self._db.rollback()
                raise
        plain.saved(session)

    async def load(self, session_id: str) -> plain.PaperTradingSession:
        async with self._db.execute(sql.SELECT, (session_id,)) as cursor:
            row = await cursor.fetchone()
        assert row is not None
        return plain.from_values(row)

    async def close(self) -> None:
        await self._db.close()


async def open_store(path: str, durability: Durability) -> Store:
    """A store whose tables exist."""
    new = not os.path.exists(path)
    db = await aiosqlite.connect(path, isolation_level=None)
    await db.execute("PRAGMA journal_mode = WAL")
    await db.execute("PRAGMA foreign_keys = ON")
    await db.execute(f"PRAGMA synchronous = {durability}")
    if new:
        await db.executescript(sql.CREATE)
    return Store(db)


CONTENDERS = [Contender("aiosqlite by hand", open_store, plain, ("aiosqlite",), PLAIN_TABLES, is_async=True)]
