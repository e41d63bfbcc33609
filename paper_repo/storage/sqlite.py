"""An SQLite file: how it is created, recognised, opened, and how this process holds connections to it."""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from pathlib import Path
from typing import NamedTuple
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
from paper_repo.storage.tables import SQLITE_COLUMN_TYPES, Row
from paper_repo.storage.translation import driver_error

APPLICATION_ID = 0x50505253
"""Marks a file as ours ("PPRS"); `file` and other programs can tell it (https://www.sqlite.org/pragma.html#pragma_application_id)."""

SYNCHRONOUS = {"full": 2, "normal": 1}
"""PRAGMA synchronous: "full" keeps every commit in a power cut, "normal" may lose the last ones, never the file."""

PRAGMAS = (
    "application_id", "user_version", "journal_mode", "synchronous", "foreign_keys", "busy_timeout",
    "page_size", "page_count", "freelist_count", "encoding",
)  # fmt: skip
"""What `describe` tells of a file (https://www.sqlite.org/pragma.html)."""

_WAL_RETRY_SECONDS = 0.01


class _Look(NamedTuple):
    """What a file is: whose, of which schema version, and how many tables and indexes a foreign one has."""

    application: int
    version: int
    objects: int


class SQLiteStorage(Storage):
    """The rows of one SQLite file."""

    BEGIN_SNAPSHOT = "BEGIN DEFERRED"  # the first read takes the snapshot

    def __init__(self, path: str | os.PathLike[str], durability: str = "full", busy_timeout: float = 5.0) -> None:
        self.path = Path(_checked_path(path)).absolute()  # a program may change its folder while this is open
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
        try:
            return bool(self._database.connection().in_transaction)
        except sqlite3.ProgrammingError:
            return False  # `close` has closed the connection

    def describe(self) -> Row:
        with self.connection(), self._translated:
            settings = {name: self._database.pragma(name) for name in PRAGMAS}
        return super().describe() | {"bytes": _size(self.path), "pragmas": settings}

    def _open(self) -> None:
        found = _found(self.path)
        self._refuse_bad_place(found)
        if found is None or not found.st_size:
            _create_private(self.path)
        elif self._recognise(found.st_size):
            return
        with self._translated, self._database.connection_context():
            self._switch_to_wal()  # first, so that every file that is known as ours is in this mode
            if self._version() != newest_version() or self._database.pragma("application_id") != APPLICATION_ID:
                self._upgrade()

    def _refuse_bad_place(self, found: os.stat_result | None) -> None:
        if found is not None and stat.S_ISDIR(found.st_mode):
            raise StorageError(
                f"{self.name}: this is a folder; give the path of a file in it, such as {self.path / 'sessions.db'}"
            )
        if found is not None and not stat.S_ISREG(found.st_mode):
            raise StorageError(f"{self.name}: this is no file but a device or a pipe; give the path of a file")
        folder = _found(self.path.parent)
        if folder is None or not stat.S_ISDIR(folder.st_mode):
            raise StorageError(f"{self.name}: the folder {self.path.parent} does not exist; create it first")

    def _recognise(self, size: int) -> bool:
        """Refuse a file that is not ours, or newer, by a connection that cannot write; True: nothing is left to do."""
        if size == 1:  # which SQLite would take for an empty file
            raise ForeignDatabaseError(f"{self.name}: this file is no SQLite database; it was not touched")
        with self._translated:
            try:
                look = self._look()
            except peewee.DatabaseError as error:
                if _code(error) == sqlite3.SQLITE_NOTADB:
                    raise ForeignDatabaseError(
                        f"{self.name}: this file is no SQLite database, or its start is damaged; it was not touched"
                    ) from error
                raise
        if look.application == APPLICATION_ID:
            refuse_newer(look.version, self.name)
        elif look.application or look.objects:
            raise ForeignDatabaseError(f"{self.name}: this database belongs to another program; it was not touched")
        return look[:2] == (APPLICATION_ID, newest_version())

    def _look(self) -> _Look:
        """What the file is, seen without a chance to change anything."""
        try:
            return self._look_at(f"file:{quote(str(self.path))}?mode=ro")
        except peewee.OperationalError as error:
            # A file in WAL mode needs its -shm beside it even to be read. Where the folder cannot be written nobody
            # can be writing the file either, so that it may be read as it lies.
            code = _code(error)
            if code == sqlite3.SQLITE_READONLY_ROLLBACK:
                return self._look_at_headers()
            if code & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                raise
            if os.access(self.path.parent, os.W_OK) or _size(self._beside("-wal")):
                raise
            uri = f"file:{quote(str(self.path))}?mode=ro&immutable=1"
            found = self._look_at(uri)
            self._uri = uri
            self._database = self._pool()
            return found

    def _look_at(self, uri: str) -> _Look:
        database = peewee.SqliteDatabase(uri, uri=True, timeout=self.busy_timeout)
        with database.connection_context():
            application, version = database.pragma("application_id"), database.pragma("user_version")
            if application == APPLICATION_ID:
                return _Look(application, version, 0)  # counting makes SQLite read the whole schema, which is slow
            (objects,) = database.execute_sql("SELECT count(*) FROM sqlite_master").fetchone()
            return _Look(application, version, objects)

    def _look_at_headers(self) -> _Look:
        """The same of a file with a half-done change beside it, which only a connection that can write rolls back.

        It is what a program leaves behind that was killed while it created the file. The third number is how many
        pages there were before the change; the places are those of https://www.sqlite.org/fileformat.html, 1.3 and 3.
        """
        with self.path.open("rb") as file, self._beside("-journal").open("rb") as journal:
            header, pages = file.read(72), journal.read(20)[16:]
        return _Look(int.from_bytes(header[68:]), int.from_bytes(header[60:64]), int.from_bytes(pages))

    def _beside(self, ending: str) -> Path:
        """The file that SQLite keeps beside this one, or beside the one that this is a link to."""
        return Path(os.path.realpath(self.path) + ending)

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
            except peewee.OperationalError as error:
                code = _code(error) & 0xFF
                if code == sqlite3.SQLITE_READONLY:
                    return  # it can be read as it is
                if code not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_PROTOCOL) or time.monotonic() >= deadline:
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


def _code(error: peewee.DatabaseError) -> int:
    """SQLite's extended result code (https://www.sqlite.org/rescode.html), or 0."""
    return getattr(driver_error(error), "sqlite_errorcode", 0)


def _found(path: Path) -> os.stat_result | None:
    """What is at `path`, or at the end of the links that begin there; None when there is nothing."""
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StorageError(f"{path}: cannot be reached: {error.strerror}") from error


def _size(path: Path) -> int:
    found = _found(path)
    return found.st_size if found is not None else 0


def _create_private(path: Path) -> None:
    """Create the file so that only its owner can read it; SQLite gives -wal and -shm the same mode."""
    try:
        os.close(os.open(os.path.realpath(path), os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        pass
    except PermissionError as error:
        raise ReadOnlyError(f"{path}: the folder {path.parent} cannot be written; choose another one") from error
    except OSError as error:
        raise StorageError(f"{path}: cannot be created: {error.strerror}") from error
