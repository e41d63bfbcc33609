"""An SQLite file: how it is created, recognised, opened, and how this process holds connections to it."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from urllib.parse import quote

import peewee
from playhouse.pool import PooledSqliteDatabase

from paper_repo.errors import (
    ForeignDatabaseError,
    ReadOnlyError,
    StorageError,
)
from paper_repo.storage.database import CONNECTIONS, Storage, checked_durability
from paper_repo.storage.schema import migrate, newest_version, refuse_newer
from paper_repo.storage.statements import Statements, sqlite_statements
from paper_repo.storage.tables import SQLITE_COLUMN_TYPES
from paper_repo.storage.translation import driver_error

APPLICATION_ID = 0x50505253
"""Marks a file as ours ("PPRS"); `file` and other programs can tell it (https://www.sqlite.org/pragma.html#pragma_application_id)."""

SYNCHRONOUS = {"full": 2, "normal": 1}
"""PRAGMA synchronous: "full" keeps every commit in a power cut, "normal" may lose the last ones, never the file."""

_WAL_RETRY_SECONDS = 0.01


class SQLiteStorage(Storage):
    """The rows of one SQLite file."""

    def __init__(self, path: str | os.PathLike[str], durability: str = "full", busy_timeout: float = 5.0) -> None:
        self.path = Path(_checked_path(path))
        self.durability = checked_durability(durability)
        self._uri: str | None = None
        super().__init__(str(self.path), busy_timeout)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, durability={self.durability!r}, busy_timeout={self.busy_timeout})"

    @property
    def statements(self) -> Statements:
        return sqlite_statements()

    def _pool(self) -> PooledSqliteDatabase:
        pool = PooledSqliteDatabase(
            self._uri or self.name,
            uri=self._uri is not None,
            max_connections=CONNECTIONS,
            timeout=self.busy_timeout or None,
            lock_type="IMMEDIATE",
            pragmas=[("foreign_keys", 1), ("synchronous", SYNCHRONOUS[self.durability])],
            check_same_thread=False,
            field_types=SQLITE_COLUMN_TYPES,
        )
        pool.timeout = self.busy_timeout
        return pool

    def _is_alive(self) -> bool:
        return bool(self._database.connection().in_transaction)

    def _open(self) -> None:
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
            self._uri = uri
            self._database = self._pool()
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
