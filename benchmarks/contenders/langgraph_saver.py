"""LangGraph's AsyncSqliteSaver: the session as the state of one thread, a new checkpoint for each save.

It keeps every checkpoint and knows no appended history, so a save's fills and equity points are kept in its checkpoint.
"""

from __future__ import annotations

from typing import Any

import aiosqlite
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from benchmarks.contenders import plain
from benchmarks.contenders.interface import Contender, Durability, Tables


class Store:
    """A saver over one connection."""

    def __init__(self, db: aiosqlite.Connection) -> None:
        self._db = db
        self._saver = AsyncSqliteSaver(db)

    async def create(self) -> None:
        """Make the tables."""
        await self._saver.setup()

    async def save(self, session: plain.PaperTradingSession) -> None:
        checkpoint = empty_checkpoint()
        checkpoint["channel_values"] = {
            "session": plain.to_columns(session),
            "fills": plain.new_fills(session),
            "equity": plain.new_equity(session, 0),
        }
        await self._saver.aput(_thread(session.id), checkpoint, {"source": "loop", "step": session.version}, {})
        plain.saved(session)

    async def load(self, session_id: str) -> plain.PaperTradingSession:
        latest = await self._saver.aget_tuple(_thread(session_id))
        assert latest is not None
        return plain.from_columns(latest.checkpoint["channel_values"]["session"])

    async def close(self) -> None:
        await self._db.close()


def _thread(session_id: str) -> Any:
    return {"configurable": {"thread_id": session_id, "checkpoint_ns": ""}}


async def open_store(path: str, durability: Durability) -> Store:
    """A store whose tables exist; the saver itself switches to WAL."""
    db = await aiosqlite.connect(path)
    await db.execute(f"PRAGMA synchronous = {durability}")
    store = Store(db)
    await store.create()
    return store


CONTENDERS = [
    Contender(
        "LangGraph's AsyncSqliteSaver",
        open_store,
        plain,
        ("langgraph-checkpoint-sqlite", "langgraph-checkpoint", "aiosqlite"),
        Tables("checkpoints", "thread_id", fills=None),
        is_async=True,
    )
]
