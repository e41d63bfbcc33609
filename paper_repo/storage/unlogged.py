"""Peewee logs every statement with its values at DEBUG; ours are what users keep to themselves."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import peewee

_log = logging.getLogger("peewee")


class Unlogged:
    """A Peewee database, with the connections and errors that it always has, that logs statements without values."""

    def execute_sql(self: Any, sql: str, params: Sequence[object] | None = None) -> Any:
        """The cursor of one statement, run with these values."""
        _log.debug(sql)
        with peewee.__exception_wrapper__:  # type: ignore[attr-defined]
            cursor = self.cursor()
            cursor.execute(sql, params or ())
        return cursor


class SqliteSingle(Unlogged, peewee.SqliteDatabase):
    """A connection to an SQLite file for each thread."""
