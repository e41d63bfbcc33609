"""Connections to one SQLite file, which change hands at every call."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import peewee

from paper_repo.storage.connections import Connections
from paper_repo.storage.errors import Translated
from paper_repo.storage.unlogged import Unlogged


class SQLiteConnections(Connections):
    """At most `count` connections to one SQLite file.

    Args:
        name: what messages call the file.
        count: how many there are at most.
        patience: how long a loan waits, in seconds.
        translated: makes the driver's errors ours.
        connect: gives a new connection.
    """

    def __init__(
        self, name: str, count: int, patience: float, translated: Translated, connect: Callable[[], Any]
    ) -> None:
        super().__init__(name, count, patience, translated)
        self._new = connect

    def _connect(self) -> Any:
        return self._new()

    def _is_usable(self, connection: Any) -> bool:
        return True

    def _reset(self, connection: Any) -> bool:
        try:
            if connection.in_transaction:
                connection.cursor().execute("ROLLBACK")
        except connection.Error:
            return False
        return True

    def _errors(self) -> tuple[type[Exception], ...]:
        return (sqlite3.Error,)


class LentDatabase(Unlogged, peewee.SqliteDatabase):
    """One of our connections as a database of Peewee's, for migrations and for what is built with its queries."""

    def __init__(self, connection: Any, field_types: dict[str, str]) -> None:
        super().__init__("lent", thread_safe=False, field_types=field_types)
        self._lent = connection

    def _connect(self) -> Any:
        return self._lent

    def _close(self, connection: Any) -> None:
        """Leave it open: it goes back to where it was lent."""
