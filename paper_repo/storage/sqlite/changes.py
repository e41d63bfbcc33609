"""Looking for changes in an SQLite file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from peewee import SqliteDatabase

from paper_repo.storage.feed import ChangeFeed
from paper_repo.storage.sqlite.errors import translated
from paper_repo.storage.statements import Statements


class SQLiteFeed(ChangeFeed):
    """Looks for changes in an SQLite file.

    Most looks are one PRAGMA data_version, which tells from memory whether any other connection, of whatever process,
    has committed since (https://www.sqlite.org/pragma.html#pragma_data_version). This connection never writes, so
    that no commit is its own.
    """

    def __init__(
        self,
        name: str,
        uri: str | None,
        busy_timeout: float,
        statements: Statements,
        open_database: Callable[..., Any] = SqliteDatabase,
        require_same_file: Callable[[], None] = lambda: None,
    ) -> None:
        self._require_same_file = require_same_file
        self._data_version: int | None = None
        database = open_database(
            uri or name,
            uri=uri is not None,
            timeout=busy_timeout,
            pragmas=[("query_only", 1)],
            check_same_thread=False,
            thread_safe=False,
        )
        super().__init__(name, database, statements, translated(name))

    def look(self, after: int, limit: int) -> Sequence[tuple[Any, ...]]:
        self._require_same_file()
        found = self._pragma("data_version")
        if found == self._data_version:
            return ()
        rows = super().look(after, limit)
        self._data_version = None if len(rows) == limit else found
        return rows

    def before_fork(self) -> None:
        super().before_fork()
        self._data_version = None

    def _pragma(self, name: str) -> int:
        with self._using, self._translated:
            self._require_open()
            return int(self._database.pragma(name))
