"""An SQLite file: how it is created, recognised, opened, and how this process holds connections to it."""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from paper_repo.domain.values import Progress
from paper_repo.errors import (
    StorageError,
    TransactionError,
)
from paper_repo.storage.base import Storage, checked_durability, checked_upgrade
from paper_repo.storage.errors import Translated
from paper_repo.storage.opening import CONNECTIONS
from paper_repo.storage.schema import MIGRATIONS, migrate, newest_version
from paper_repo.storage.sqlite.backups import back_up
from paper_repo.storage.sqlite.changes import SQLiteFeed
from paper_repo.storage.sqlite.connections import LentDatabase, SQLiteConnections
from paper_repo.storage.sqlite.encryption import checked_passphrase, connect, single_database
from paper_repo.storage.sqlite.errors import translated
from paper_repo.storage.sqlite.foreign_parts import PRAGMAS as SAFE_PRAGMAS
from paper_repo.storage.sqlite.header import APPLICATION_ID, pragma
from paper_repo.storage.sqlite.integrity import (
    find_problems,
    is_sound,
    last_place,
    read_history,
    read_sessions,
)
from paper_repo.storage.sqlite.location import Location
from paper_repo.storage.sqlite.network_disks import refuse_network
from paper_repo.storage.sqlite.paths import (
    Identity,
    checked_path,
    create_private,
    identity_of,
    refuse_bad_place,
    refuse_second_name,
    require_same,
    size_of,
    status_of,
)
from paper_repo.storage.sqlite.recognise import Current, Damaged, ReadOnly, Recogniser
from paper_repo.storage.sqlite.upgrade_backups import back_up_before_upgrade, told
from paper_repo.storage.statements import Statements, sqlite_statements
from paper_repo.storage.tables import SQLITE_COLUMN_TYPES, Row
from paper_repo.storage.transactions import Transaction
from paper_repo.storage.unlogged import SqliteSingle

SYNCHRONOUS = {("full", "wal"): 2, ("normal", "wal"): 1, ("full", "delete"): 3, ("normal", "delete"): 2}
"""PRAGMA synchronous: "full" keeps every commit in a power cut, "normal" may lose the last ones, never the file.

What that takes depends on the journal: a commit by a rollback journal is its deletion, which only EXTRA (3) waits for,
and there NORMAL (1) may lose the file (https://www.sqlite.org/pragma.html#pragma_synchronous).
"""

PRAGMAS = (
    "application_id", "user_version", "journal_mode", "synchronous", "foreign_keys", "busy_timeout",
    "page_size", "page_count", "freelist_count", "encoding",
)  # fmt: skip
"""What `describe` tells of a file (https://www.sqlite.org/pragma.html)."""

JOURNALS = {"wal": "wal", "rollback": "delete"}
"""PRAGMA journal_mode: readers and a writer at once, or, where several machines share the file, one after the other."""

_MACOS_PRAGMAS = (("fullfsync", 1), ("checkpoint_fullfsync", 1))
"""Where fsync leaves the data in the drive's cache (https://www.sqlite.org/pragma.html#pragma_fullfsync)."""

_WAL_RETRY_SECONDS = 0.01


_inherited: set[Path] = set()
"""The files that this process cannot open, because it was forked with a connection to them in use."""


class SQLiteStorage(Storage):
    """The rows of one SQLite file."""

    keeps_text = True
    BEGIN = "BEGIN IMMEDIATE"
    BEGIN_SNAPSHOT = "BEGIN DEFERRED"  # the first read takes the snapshot

    def __init__(
        self,
        path: str | os.PathLike[str],
        durability: str = "full",
        busy_timeout: float = 5.0,
        upgrade: str = "auto",
        *,
        passphrase: str | None = None,
        journal: str = "wal",
        scripts: Path = MIGRATIONS,
    ) -> None:
        self.path: Path = Path(checked_path(path)).absolute()  # a program may change its folder while this is open
        self.durability: str = checked_durability(durability)
        self.upgrade: str = checked_upgrade(upgrade)
        if journal not in JOURNALS:
            raise ValueError(f"journal is 'wal' or 'rollback', not {journal!r}")
        self._passphrase = checked_passphrase(passphrase)
        self.is_encrypted: bool = bool(self._passphrase)
        self._journal = JOURNALS[journal]
        self._scripts = scripts
        self._location = Location(self.path)
        self._uri: str | None = None
        """The address of a file that nothing may be written to; None for any other."""
        self._identity: Identity | None = None
        """Which file was opened; None until it has been."""
        super().__init__(str(self.path), busy_timeout)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, durability={self.durability!r}, busy_timeout={self.busy_timeout})"

    @property
    def statements(self) -> Statements:
        return sqlite_statements()

    def _pool(self) -> SQLiteConnections:
        return SQLiteConnections(self.name, CONNECTIONS, self.busy_timeout, self._translated, self._new_connection)

    def _new_connection(self) -> Any:
        """A connection with the functions that Peewee's queries call; it creates no file, and opens no other one."""
        self.require_same_file()
        synchronous = SYNCHRONOUS[self.durability, self._journal]
        database = self._single(
            self._uri or self._location.writable,
            uri=True,
            timeout=self.busy_timeout,
            pragmas=[
                ("foreign_keys", 1),
                ("synchronous", synchronous),
                ("cell_size_check", 1),
                *(_MACOS_PRAGMAS if sys.platform == "darwin" else ()),
                *SAFE_PRAGMAS,
            ],
            check_same_thread=False,
            thread_safe=False,
        )
        database.connect()
        connection = database.connection()
        try:
            self.require_same_file()
        except BaseException:
            connection.close()
            raise
        return connection

    def require_same_file(self) -> None:
        """Raise a `StorageError` where this is no longer the name of the file that was opened."""
        if self._identity is not None:
            require_same(self.name, self._identity)

    def _commit_transaction(self, transaction: Transaction) -> None:
        if self._identity is not None:
            require_same(self.name, self._identity)
        super()._commit_transaction(transaction)
        if self.durability == "full" and self._identity is not None:
            require_same(self.name, self._identity)  # while the disk was waited for

    @property
    def _driver(self) -> Any:
        """This thread's connection."""
        return self._required().loan.connection

    @property
    def _key(self) -> dict[str, str]:
        return {"passphrase": self._passphrase} if self._passphrase else {}

    def _single(self, name: str, **params: Any) -> Any:
        """A database with a connection of its own for each thread."""
        kind: Any = single_database() if self._passphrase else SqliteSingle
        return kind(name, **params, **self._key)

    def _errors(self) -> Translated:
        return translated(self.name)

    def _feed(self) -> SQLiteFeed:
        self.require_same_file()
        uri = self._uri or self._location.writable
        return SQLiteFeed(self.name, uri, self.busy_timeout, self.statements, self._single, self.require_same_file)

    def _is_alive(self, connection: Any) -> bool:
        try:
            return bool(connection.in_transaction)
        except connection.ProgrammingError:
            return False  # `close` has closed the connection

    def describe(self) -> Row:
        with self.connection(), self._translated:
            settings = {name: pragma(self._driver, name) for name in PRAGMAS}
        return super().describe() | {"bytes": size_of(self.path), "pragmas": settings}

    def after_fork_in_child(self) -> None:
        super().after_fork_in_child()
        if self._has_inherited:
            _inherited.add(self.path.resolve())

    def _open(self) -> None:
        self._location = location = Location(self.path)  # its links may have changed since it was last tried
        self._uri = None
        if self._journal == "wal":
            refuse_network(self.path)
        if _inherited and location.real in _inherited:
            raise StorageError(
                f"{self.name}: this process was forked while a call or a transaction was using the file, and cannot "
                "open it safely; fork when nothing is under way, or start the process with 'spawn' or 'forkserver'"
            )
        status = status_of(self.path)
        refuse_bad_place(self.path, status)
        if status is not None:
            refuse_second_name(self.path, status)
        self._identity = None
        if status is None or not status.st_size:
            create_private(self.path)
        recogniser = self._recogniser(location)
        found = recogniser.recognise()
        if isinstance(found, Damaged):
            self._keep_as_it_is(location, found.reason)
            return
        if isinstance(found, ReadOnly):
            self._uri = location.as_it_lies
        with self._while_opening() as connection:
            if self._uri is None:
                self._switch_journal(connection)
            if not isinstance(found, Current) and found != ReadOnly(is_current=True):
                self._upgrade(connection, recogniser)  # which tells of a file that cannot be written
            self._identity = identity_of(self.name)

    def _recogniser(self, location: Location) -> Recogniser:
        return Recogniser(
            location=location,
            scripts=self._scripts,
            statements=self.statements,
            is_encrypted=self.is_encrypted,
            may_upgrade=self.upgrade != "never",
            connect=partial(self.connect_to, uri=True, timeout=self.busy_timeout),
            connected=self._while_opening,
            translated=self._translated,
        )

    def _keep_as_it_is(self, location: Location, damage: str) -> None:
        """Have connections that cannot write: even closing the last one would else move the -wal into the file."""
        self._connections.close_idle()
        self.damage: str | None = damage
        self._uri = location.read_only if location.has("-wal") else location.as_it_lies
        self._connections = self._pool()

    def back_up(self, target: Path, progress: Progress | None, overwrite: bool) -> None:
        if self.in_transaction():
            raise TransactionError(f"{self.name}: cannot be backed up inside a transaction; leave the block first")
        self.require_sound()
        if target.exists() and target.samefile(self.path):
            raise StorageError(f"{self.name}: cannot be its own backup; choose another name")
        with self.snapshot(), self._translated:
            self._driver.execute("SELECT count(*) FROM sqlite_master").fetchone()  # takes the snapshot
            self.require_same_file()
            back_up(self._driver, target, self.connect_to, progress, overwrite)

    def connect_to(self, name: str, **params: Any) -> Any:
        """A connection of its own to a file of the same kind."""
        if self._passphrase:
            connection = connect(name, self._passphrase, **params)
        else:
            connection = sqlite3.connect(name, isolation_level=None, **params)
        for setting, value in SAFE_PRAGMAS:
            connection.execute(f"PRAGMA {setting} = {value}")
        return connection

    def fills_by_id(self, session_id: str) -> int | None:
        sql = "SELECT count(*) FROM paper_trading_fills INDEXED BY fillrow_session_id_id_symbol WHERE session_id = ?"
        with self.connection(), self._translated:
            return int(self._driver.execute(sql, [session_id]).fetchone()[0])

    def problems(self) -> list[str]:
        self.open()
        self.require_same_file()
        with self.connection(), self._translated:
            return find_problems(self._driver, self.statements)

    def compact(self) -> None:
        if self.in_transaction():
            raise TransactionError(f"{self.name}: cannot be compacted inside a transaction; leave the block first")
        self.require_sound()
        with self.connection(), self._translated:
            self._driver.execute("VACUUM")
            self._driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def rescued_sessions(self) -> tuple[list[tuple[Any, ...]], list[str]]:
        with self.connection(), self._translated:
            return read_sessions(self._driver, self.statements)

    def has_sound(self, table: Any) -> bool:
        """Whether all rows of `table` can be reached."""
        with self.connection(), self._translated:
            return is_sound(self._driver, table)

    def rescued_history(self, table: Any, session_id: str, least: int) -> list[tuple[Any, ...]]:
        """Every row of one session's history in `table` that can be read; it has `least` rows or more."""
        columns = tuple(each.column_name for each in table._meta.sorted_fields)
        with self.connection(), self._translated:
            connection = self._driver
            last = max(least, last_place(connection, table, session_id))
            return read_history(connection, table, columns, session_id, last)

    def _upgrade(self, connection: Any, recogniser: Recogniser) -> None:
        # Rebuilding a table must not cascade; the switch works outside of a transaction only.
        connection.execute("PRAGMA foreign_keys = 0")
        backup, old = None, 0
        database = LentDatabase(connection, SQLITE_COLUMN_TYPES)
        try:
            with self._translated, database.connection_context(), database.atomic("IMMEDIATE"):
                look = recogniser.look_again(connection)
                if look.application == APPLICATION_ID and look.version < recogniser.newest:
                    old = look.version
                    backup = back_up_before_upgrade(recogniser.location.real, old, self.connect_to)
                if look.version < recogniser.newest:
                    self._run_scripts(database)
        except BaseException as error:
            if backup is None:
                raise
            failure = told(error, self.name, (old, recogniser.newest), backup)
            if failure is error:
                raise
            raise failure from error
        finally:
            connection.execute("PRAGMA foreign_keys = 1")

    def _run_scripts(self, database: LentDatabase) -> None:
        migrate(database, self._scripts)
        database.pragma("application_id", APPLICATION_ID)
        database.pragma("user_version", newest_version(self._scripts))

    def _switch_journal(self, connection: Any) -> None:
        """Switch the file to its journal, again and again: of two first openers one fails at once, at any timeout."""
        deadline = time.monotonic() + self.busy_timeout
        while pragma(connection, "journal_mode") != self._journal:
            try:
                (mode,) = connection.execute(f"PRAGMA journal_mode = {self._journal}").fetchone()
            except connection.OperationalError as error:
                code = error.sqlite_errorcode & 0xFF
                if code == sqlite3.SQLITE_READONLY:
                    return  # it can be read as it is
                if code not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_PROTOCOL) or time.monotonic() >= deadline:
                    raise
                time.sleep(_WAL_RETRY_SECONDS)
            else:
                if mode != self._journal:
                    raise StorageError(
                        f"{self.name}: SQLite cannot use its write-ahead log here (journal mode {mode}), as on network "
                        "file systems; put the file on a local disk, or open it everywhere with journal='rollback'"
                    )
