"""Peewee's pool of connections to SQLite, made to give and take them at every call."""

from __future__ import annotations

from typing import Any

from playhouse.pool import PoolConnection, PooledSqliteDatabase

from paper_repo.storage.unlogged import Unlogged


class QuickPool:
    """Gives an idle connection, and takes one back, in a tenth of the time of the pool that it is mixed into.

    All that is out of the ordinary (no connection is idle, one was closed or has a transaction open) is the pool's own
    work. The connection used last is given first: its pages are in its cache.
    """

    _state: Any
    _pool_lock: Any
    _pool_available: Any
    _in_use: dict[int, PoolConnection]
    _connections: list[tuple[float, int, Any]]
    _heap_counter: int

    def connect(self, reuse_if_open: bool = False) -> bool:
        """Give this thread a connection, as `peewee.Database.connect`."""
        state = self._state
        if state.closed:
            with self._pool_lock:
                if self._connections:
                    since, _, connection = self._connections.pop()
                    self._in_use[id(connection)] = PoolConnection(since, connection, since)
                    state.conn, state.closed = connection, False  # all else is as `reset` leaves it
                    return True
        connected: bool = super().connect(reuse_if_open)  # type: ignore[misc]
        return connected

    def close(self) -> bool:
        """Take this thread's connection back, as `peewee.Database.close`."""
        state = self._state
        connection = state.conn
        if connection is not None and not state.transactions and not state.ctx:
            with self._pool_lock:
                taken = self._in_use.get(id(connection))
                if taken is not None and not connection.in_transaction:
                    del self._in_use[id(connection)]
                    self._heap_counter += 1
                    self._connections.append((taken.timestamp, self._heap_counter, connection))
                    self._pool_available.notify()
                    state.conn, state.closed = None, True
                    return True
        closed: bool = super().close()  # type: ignore[misc]
        return closed


class QuickSqliteDatabase(Unlogged, QuickPool, PooledSqliteDatabase):  # type: ignore[misc]
    """Pooled connections to one SQLite file."""
