"""Real SQLite connections that tell a test which statement they run next, in the thread that runs it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import anyio.to_thread
import pytest

PATIENCE = 60
"""After how many seconds a test that waits for a thread gives up; nothing is expected to take so long."""

connect = sqlite3.connect
"""How a test opens a connection of its own, which is not watched."""


class Watch:
    """Sees every statement of the connections that are opened while it is installed.

    `before` and `after` are called with the text of each statement, while `connection` is the one that runs it;
    `before` may raise what the statement is to fail with. `seen` keeps all of them.
    """

    connection: sqlite3.Connection

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.before: Callable[[str], object] = nothing
        self.after: Callable[[str], object] = nothing

    def count(self, verb: str) -> int:
        """How many statements seen begin with `verb`."""
        return sum(sql.startswith(verb) for sql in self.seen)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Watch the connections opened from now on, until the end of the test."""
        monkeypatch.setattr(sqlite3, "connect", partial(connect, factory=partial(_Connection, self)))


class _Connection(sqlite3.Connection):
    def __init__(self, watch: Watch, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._watch = watch

    def cursor(self, factory: Any = None) -> Any:
        return super().cursor(partial(_Cursor, self._watch))

    def rollback(self) -> None:
        self._watch.seen.append("ROLLBACK")
        self._watch.connection = self
        self._watch.before("ROLLBACK")
        super().rollback()
        self._watch.after("ROLLBACK")


class _Cursor(sqlite3.Cursor):
    def __init__(self, watch: Watch, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self._watch = watch

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        self._watch.seen.append(sql)
        self._watch.connection = self.connection
        self._watch.before(sql)
        result = super().execute(sql, parameters)
        self._watch.after(sql)
        return result


class Gate:
    """Holds the thread that comes by until it is opened."""

    def __init__(self) -> None:
        self._reached = threading.Event()
        self._open = threading.Event()

    def pass_through(self) -> None:
        """Wait here until the gate is open."""
        self._reached.set()
        assert self._open.wait(PATIENCE), "nobody has opened the gate"

    def open(self) -> None:
        """Let the thread go on."""
        self._open.set()

    async def reached(self) -> None:
        """Wait until a thread has come to the gate."""
        assert await anyio.to_thread.run_sync(self._reached.wait, PATIENCE), "nobody has come to the gate"


@contextmanager
def writing_elsewhere(path: object) -> Iterator[sqlite3.Connection]:
    """Another program's write transaction on the file, as long as the block lasts."""
    connection = connect(str(path), isolation_level=None, check_same_thread=False)
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield connection
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    finally:
        connection.close()


def assert_no_transaction_is_open(path: object) -> None:
    """Nobody holds the file's write lock for good."""
    connection = connect(str(path), timeout=20, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    finally:
        connection.close()


def interrupt(connection: sqlite3.Connection) -> None:
    """Let SQLite interrupt the next statement, which ends the transaction as a full disk would."""

    def now() -> int:
        connection.set_progress_handler(None, 0)
        return 1

    connection.set_progress_handler(now, 1)


def nothing(sql: str) -> None:
    """What a watch does unless it is told something else."""


def busy_error() -> sqlite3.OperationalError:
    """SQLite's own error of a file that somebody else writes."""
    with TemporaryDirectory() as folder, writing_elsewhere(Path(folder) / "busy.db"):
        connection = connect(Path(folder) / "busy.db", timeout=0, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            return error
        finally:
            connection.close()
    raise AssertionError("the file was not locked")
