"""An SQLite file: how it is created, recognised, opened, and how this process holds connections to it."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import peewee
from peewee import Query
from playhouse.pool import PooledSqliteDatabase

from paper_repo.errors import (
    BusyError,
    ForeignDatabaseError,
    ReadOnlyError,
    RepositoryClosedError,
    StorageError,
    TransactionError,
)
from paper_repo.storage.schema import migrate, newest_version, refuse_newer
from paper_repo.storage.statements import Statement, Statements, sqlite_statements
from paper_repo.storage.tables import SQLITE_COLUMN_TYPES, Row
from paper_repo.storage.translation import Translated, driver_error

APPLICATION_ID = 0x50505253
"""Marks a file as ours ("PPRS"); `file` and other programs can tell it (https://www.sqlite.org/pragma.html#pragma_application_id)."""

DURABILITY = {"full": 2, "normal": 1}
"""PRAGMA synchronous: "full" keeps every commit in a power cut, "normal" may lose the last ones, never the file."""

CONNECTIONS = 16
_WAL_RETRY_SECONDS = 0.01
_abandoned: list[object] = []


class SQLiteStorage:
    """The rows of one SQLite file, for any number of threads.

    A thread has a connection from the pool for as long as one call, or one transaction, of it lasts. One transaction
    of this process writes at a time; other processes wait for SQLite's own lock, both for the busy timeout at most.
    """

    def __init__(self, path: str | os.PathLike[str], durability: str = "full", busy_timeout: float = 5.0) -> None:
        self.path = Path(_checked_path(path))
        if durability not in DURABILITY:
            raise ValueError(f"durability is 'full' or 'normal', not {durability!r}")
        if isinstance(busy_timeout, bool) or not isinstance(busy_timeout, int | float) or not 0 <= busy_timeout < 1e6:
            raise ValueError(f"busy_timeout is a number of seconds from 0, not {busy_timeout!r}")
        self.durability = durability
        self.busy_timeout = float(busy_timeout)
        self.name = str(self.path)
        self._translated = Translated(self.name)
        self._closed = False
        self._prepare()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, durability={self.durability!r}, busy_timeout={self.busy_timeout})"

    def _prepare(self) -> None:
        """Everything that belongs to this process alone, so that a forked child starts with its own."""
        self._process = os.getpid()
        self._opened = False
        self._opening = threading.Lock()
        self._writing = threading.Lock()
        self._idle = threading.Condition()
        self._users = 0
        self._held = _Held()
        self._database: PooledSqliteDatabase = self._pool(str(self.path))

    def _pool(self, database: str, **options: object) -> PooledSqliteDatabase:
        pool = PooledSqliteDatabase(
            database,
            max_connections=CONNECTIONS,
            timeout=self.busy_timeout or None,
            lock_type="IMMEDIATE",
            pragmas=[("foreign_keys", 1), ("synchronous", DURABILITY[self.durability])],
            check_same_thread=False,
            field_types=SQLITE_COLUMN_TYPES,
            **options,
        )
        pool.timeout = self.busy_timeout
        return pool

    # Opening and closing

    def open(self) -> None:
        """Create or recognise the file, and bring its schema to the present version."""
        if self._process != os.getpid():
            self._leave_to_parent()
        if self._closed:
            raise RepositoryClosedError(f"{self.name}: the repository was closed")
        if self._opened:
            return
        with self._opening:
            if not self._opened:
                self._open_file()
                self._opened = True

    def close(self) -> None:
        """Wait for the calls that are under way, then close every connection; from any thread."""
        if self._closed:
            return
        if self._process != os.getpid():
            self._leave_to_parent()
        if self._held.connected:
            raise TransactionError(f"{self.name}: cannot be closed inside a transaction; leave the block first")
        self._closed = True
        with self._idle:
            self._idle.wait_for(lambda: not self._users, timeout=self.busy_timeout)
        with self._translated:
            self._database.close_all()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def _leave_to_parent(self) -> None:
        """In a forked child: keep the parent's connections alive, unused and unclosed, and start with new ones.

        SQLite forbids carrying a connection across a fork (https://www.sqlite.org/howtocorrupt.html, 2.6).
        """
        _abandoned.append(self._database)
        _abandoned.append(list(self._database._connections))
        _abandoned.append(list(self._database._in_use.values()))
        self._prepare()

    # Connections and transactions

    @contextmanager
    def connection(self) -> Iterator[None]:
        """A connection for this thread, for the length of the block; the one it has already, if it has one."""
        if self._held.connected and self._process == os.getpid():
            yield
            return
        self.open()
        self._enter()
        try:
            with self._translated:
                self._database.connect()
            self._held.connected = True
            try:
                yield
            finally:
                self._held.connected = False
                self._database.close()
        finally:
            self._leave()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A write transaction (BEGIN IMMEDIATE), committed at the end of the block and rolled back by any exception."""
        with self._turn_to_write(), self.connection():
            with self._translated:
                self._database.begin()
            self._held.depth = 1
            try:
                yield
                with self._translated:
                    self._database.commit()
            except BaseException:
                self._roll_back("ROLLBACK")
                raise
            finally:
                self._held.depth = 0

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part of this thread's transaction that can be rolled back by itself."""
        if not self._database.connection().in_transaction:
            raise StorageError(f"{self.name}: an earlier error in this transaction has rolled it back; leave the block")
        name = f"nested_{self._held.depth}"
        self.execute(f"SAVEPOINT {name}")
        self._held.depth += 1
        try:
            yield
            self.execute(f"RELEASE {name}")
        except BaseException:
            self._roll_back(f"ROLLBACK TO {name}", f"RELEASE {name}")
            raise
        finally:
            self._held.depth -= 1

    def in_transaction(self) -> bool:
        """Whether this thread has a transaction open."""
        return self._held.depth > 0 and self._process == os.getpid()

    @contextmanager
    def _turn_to_write(self) -> Iterator[None]:
        self.open()
        if not self._writing.acquire(timeout=self.busy_timeout):
            raise BusyError(
                f"{self.name}: another transaction of this program was open for longer than the busy timeout "
                f"({self.busy_timeout:g} s); repeat the call"
            )
        try:
            yield
        finally:
            self._writing.release()

    def _roll_back(self, *statements: str) -> None:
        # SQLite has rolled back by itself after some errors (a full disk, an interrupt): a second ROLLBACK would fail
        # and hide the cause.
        if self._database.connection().in_transaction:
            for statement in statements:
                self.execute(statement)

    def _enter(self) -> None:
        with self._idle:
            if self._closed:
                raise RepositoryClosedError(f"{self.name}: the repository was closed")
            self._users += 1

    def _leave(self) -> None:
        with self._idle:
            self._users -= 1
            self._idle.notify_all()

    # Rows

    @property
    def statements(self) -> Statements:
        """The statements for this kind of database."""
        return sqlite_statements()

    def fetch_one(self, statement: Statement, row: Row) -> tuple[Any, ...] | None:
        """The first row that `statement` finds, or None."""
        with self.connection(), self._translated:
            cursor = statement.run(self._database, row)
            found: tuple[Any, ...] | None = cursor.fetchone()
            cursor.close()  # a cursor left half-way would hold its snapshot
            return found

    def fetch_all(self, query: Query) -> list[tuple[Any, ...]]:
        """All rows of a query built from the tables."""
        with self.connection():
            found: list[tuple[Any, ...]] = self.execute(*query.sql()).fetchall()
            return found

    def change(self, statement: Statement | Query, row: Row | None = None) -> int:
        """Run `statement` inside this thread's transaction, and say how many rows it changed."""
        with self._translated:
            if isinstance(statement, Statement):
                return int(statement.run(self._database, row or {}).rowcount)
            return int(self._database.execute_sql(*statement.sql()).rowcount)

    def execute(self, sql: str, params: Sequence[object] = ()) -> Any:
        """The cursor of one statement on this thread's connection."""
        with self._translated:
            return self._database.execute_sql(sql, params)

    # The file

    def _open_file(self) -> None:
        self._refuse_bad_place()
        if _size(self.path):
            self._recognise()
        else:
            _create_private(self.path)
        with self._translated, self._database.connection_context():
            if self._version() != newest_version() or self._database.pragma("application_id") != APPLICATION_ID:
                self._upgrade()
            self._switch_to_wal()

    def _refuse_bad_place(self) -> None:
        if self.path.is_dir():
            raise StorageError(
                f"{self.name}: this is a folder; give the path of a file in it, such as {self.path / 'sessions.db'}"
            )
        if not self.path.parent.is_dir():
            raise StorageError(f"{self.name}: the folder {self.path.parent} does not exist; create it first")

    def _recognise(self) -> None:
        """Refuse a file that is not ours, or newer, by a connection that cannot write."""
        with self._translated:
            try:
                application, version, objects = self._look()
            except peewee.DatabaseError as error:
                code = getattr(driver_error(error), "sqlite_errorcode", 0)
                if code == sqlite3.SQLITE_NOTADB:
                    raise ForeignDatabaseError(
                        f"{self.name}: this file is no SQLite database, or its start is damaged; it was not touched"
                    ) from error
                raise
        if application == APPLICATION_ID:
            refuse_newer(version, self.name)
        elif application or objects:
            raise ForeignDatabaseError(f"{self.name}: this database belongs to another program; it was not touched")

    def _look(self) -> tuple[int, int, int]:
        """Application id, schema version and number of tables and indexes, seen without a chance to change anything."""
        try:
            return self._look_at(f"file:{quote(str(self.path))}?mode=ro")
        except peewee.OperationalError as error:
            # A file in WAL mode needs its -shm beside it even to be read. Where the folder cannot be written nobody
            # can be writing the file either, so that it may be read as it lies.
            code = getattr(driver_error(error), "sqlite_errorcode", 0) & 0xFF
            if code not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY) or os.access(self.path.parent, os.W_OK):
                raise
            uri = f"file:{quote(str(self.path))}?mode=ro&immutable=1"
            self._database = self._pool(uri, uri=True)
            return self._look_at(uri)

    def _look_at(self, uri: str) -> tuple[int, int, int]:
        database = peewee.SqliteDatabase(uri, uri=True, timeout=self.busy_timeout)
        with database.connection_context():
            (objects,) = database.execute_sql("SELECT count(*) FROM sqlite_master").fetchone()
            return database.pragma("application_id"), database.pragma("user_version"), objects

    def _version(self) -> int:
        return int(self._database.pragma("user_version"))

    def _upgrade(self) -> None:
        # Rebuilding a table must not cascade; the switch works outside of a transaction only.
        self._database.pragma("foreign_keys", 0)
        try:
            with self._database.atomic("IMMEDIATE"):
                if self._version() != newest_version():  # nobody else did it while this one waited for the lock
                    migrate(self._database)
                    self._database.pragma("application_id", APPLICATION_ID)
                    self._database.pragma("user_version", newest_version())
        finally:
            self._database.pragma("foreign_keys", 1)

    def _switch_to_wal(self) -> None:
        """Switch the file to WAL, again and again: of two first openers one fails at once, whatever its timeout."""
        deadline = time.monotonic() + self.busy_timeout
        while self._database.pragma("journal_mode") != "wal":
            try:
                mode = self._database.pragma("journal_mode", "wal")
            except peewee.OperationalError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(_WAL_RETRY_SECONDS)
            else:
                if mode != "wal":
                    raise StorageError(
                        f"{self.name}: SQLite cannot use its write-ahead log here (journal mode {mode}), as on network "
                        "file systems; put the file on a local disk"
                    )


class _Held(threading.local):
    """Whether this thread has a connection, and how many transactions and savepoints it has open on it."""

    connected = False
    depth = 0


def _checked_path(path: object) -> str:
    if not isinstance(path, str | os.PathLike):
        raise ValueError(f"path is a str or a Path, not {path!r}")
    text = os.fspath(path)
    if not isinstance(text, str) or not text or "\0" in text:
        raise ValueError(f"path must name a file, not {path!r}")
    if text.startswith((":memory:", "file:")):
        raise ValueError(
            f"{text!r} is no path of a file; for sessions that live in memory only, use InMemorySessionRepository"
        )
    return text


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _create_private(path: Path) -> None:
    """Create the file so that only its owner can read it; SQLite gives -wal and -shm the same mode."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        pass
    except PermissionError as error:
        raise ReadOnlyError(f"{path}: the folder {path.parent} cannot be written; choose another one") from error
    except OSError as error:
        raise StorageError(f"{path}: cannot be created: {error.strerror}") from error
