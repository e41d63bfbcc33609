"""What an SQLite file is, as a connection to it tells."""

from __future__ import annotations

from typing import Any, NamedTuple

APPLICATION_ID = 0x50505253
"""Marks a file as ours ("PPRS"); `file` and other programs can tell it (https://www.sqlite.org/pragma.html#pragma_application_id)."""


class Look(NamedTuple):
    """What a file is: whose, of which schema version, and whether there is anything in it."""

    application: int
    version: int
    has_tables: bool
    damage: str | None = None


def ask(connection: Any) -> Look:
    """What the file is that this connection has open."""
    application, version = pragma(connection, "application_id"), pragma(connection, "user_version")
    if application == APPLICATION_ID:
        return Look(application, version, True)  # counting makes SQLite read the whole schema, which is slow
    (objects,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return Look(application, version, objects > 0)


def pragma(connection: Any, name: str) -> Any:
    """One of the file's settings (https://www.sqlite.org/pragma.html)."""
    return connection.execute(f"PRAGMA {name}").fetchone()[0]
