"""asyncpg with SQL by hand, over a pool of eight connections, each with its prepared statements."""

from __future__ import annotations

import asyncpg

from benchmarks.contenders import plain
from benchmarks.contenders.interface import PLAIN_TABLES, Contender, Durability
from benchmarks.contenders.server import typed

_PLACES = [f"${number}" for number in range(1, len(plain.COLUMNS) + 1)]
_INSERT = typed.insert("sessions", plain.COLUMNS, _PLACES)
_UPDATE = typed.update(_PLACES[1:], f"$1 AND version = ${plain.COLUMNS.index('version') + 1} - 1")
_ADD_FILL = typed.insert("fills", plain.FILL_COLUMNS, _PLACES[: len(plain.FILL_COLUMNS)])
_ADD_POINT = typed.insert("equity", plain.EQUITY_COLUMNS, _PLACES[: len(plain.EQUITY_COLUMNS)])


class Store:
    """A pool; a save without history is one statement, one with history a transaction."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def save(self, session: plain.PaperTradingSession) -> None:
        async with self._pool.acquire() as connection:
            if session.new_fills or session.new_equity_points:
                async with connection.transaction():
                    await self._write(connection, session)
                    await connection.executemany(_ADD_FILL, typed.fills(session))
                    last = await connection.fetchval(typed.LAST_POINT + "$1", session.id)
                    await connection.executemany(_ADD_POINT, typed.points(session, last))
            else:
                await self._write(connection, session)
        plain.saved(session)

    async def _write(self, connection: asyncpg.Connection, session: plain.PaperTradingSession) -> None:
        done = await connection.execute(_UPDATE if session.version else _INSERT, *typed.values(session))
        if not done.endswith(" 1"):
            raise RuntimeError(f"{session.id} was changed by someone else")

    async def load(self, session_id: str) -> plain.PaperTradingSession:
        return typed.loaded(await self._pool.fetchrow(typed.SELECT + "$1", session_id))

    async def close(self) -> None:
        await self._pool.close()


async def open_store(path: str, durability: Durability) -> Store:
    """A store whose tables exist."""
    pool = await asyncpg.create_pool(path, min_size=8, max_size=8)
    for statement in typed.CREATE:
        await pool.execute(statement)
    return Store(pool)


CONTENDERS = [Contender("asyncpg by hand", open_store, plain, ("asyncpg",), PLAIN_TABLES, is_async=True)]
