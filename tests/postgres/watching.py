"""Real connections to PostgreSQL that tell a test which statement they run next, and what the server says of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from paper_repo.storage.postgres import connections
from tests.facade.watching import nothing

OURS = "application_name = 'paper_repo' AND datname = current_database()"
"""Which connections of the server are a repository's, on the database that is asked."""

LOOKS = 20_000
"""How often the server is asked before a connection that works counts as one that does so for good."""


class Watch:
    """Sees every statement of the connections that are opened while it is installed.

    `before` and `after` are called with the text of each statement, while `connection` is the one on which this thread
    runs it; `before` may raise what the statement is to fail with. `seen` keeps all of them.
    """

    def __init__(self) -> None:
        self._mine = threading.local()
        self.seen: list[str] = []
        self.before: Callable[[str], object] = nothing
        self.after: Callable[[str], object] = nothing

    @property
    def connection(self) -> psycopg.Connection[Any]:
        """Whose statement this thread runs."""
        return self._mine.connection  # type: ignore[no-any-return]

    def passes(self, sql: str, connection: psycopg.Connection[Any]) -> None:
        """Look at a statement before it is run."""
        self.seen.append(sql)
        self._mine.connection = connection
        self.before(sql)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Watch the connections opened from now on, until the end of the test."""
        plain = connections.connect

        def connect(*args: Any, **options: Any) -> connections.Connection:
            connection = plain(*args, **options)
            connection.cursor_factory = type("WatchedCursor", (_Cursor,), {"watch": self})
            return connection

        monkeypatch.setattr(connections, "connect", connect)


class _Cursor(psycopg.Cursor[Any]):
    watch: Watch

    def execute(self, query: Any, *args: Any, **options: Any) -> Any:
        self.watch.passes(str(query), self.connection)
        result = super().execute(query, *args, **options)
        self.watch.after(str(query))
        return result


def stored(connection: psycopg.Connection[Any]) -> dict[str, tuple[int, list[str]]]:
    """Of each session its version and the ids of its fills, whose numbers have no gap."""
    found = dict(connection.execute("SELECT id, version FROM paper_trading_sessions").fetchall())
    fills: dict[str, list[str]] = {session_id: [] for session_id in found}
    rows = connection.execute("SELECT session_id, sequence, id FROM paper_trading_fills ORDER BY session_id, sequence")
    for session_id, sequence, fill_id in rows:
        fills[session_id].append(fill_id)
        assert sequence == len(fills[session_id])
    return {session_id: (version, fills[session_id]) for session_id, version in found.items()}


def assert_nobody_works(connection: psycopg.Connection[Any]) -> None:
    """Every connection of a repository is idle: none has a transaction open, or waits for one."""
    for _ in range(LOOKS):  # the server needs a moment to notice that a client has gone
        busy = connection.execute(f"SELECT pid, state, query FROM pg_stat_activity WHERE {OURS} AND state <> 'idle'")
        found = busy.fetchall()
        if not found:
            return
    assert found == []


def assert_nobody_is_left(connection: psycopg.Connection[Any]) -> None:
    """No connection of a repository is open."""
    for _ in range(LOOKS):
        found = connection.execute(f"SELECT pid, state, query FROM pg_stat_activity WHERE {OURS}").fetchall()
        if not found:
            return
    assert found == []
