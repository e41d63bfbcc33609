"""What the errors of SQLite, and of SQLCipher, mean here."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from paper_repo.errors import (
    BusyError,
    CorruptDatabaseError,
    DiskFullError,
    ReadOnlyError,
    RepositoryClosedError,
    StorageError,
)
from paper_repo.storage.errors import Translated, driver_error, ours
from paper_repo.storage.sqlite.disk_errors import refused_write
from paper_repo.storage.sqlite.paths import GONE, WAY_OUT, why_not_opened

_DAMAGED = (
    "the file is damaged; keep a copy of it, save what can be read with `paper-repo salvage`, or restore a backup"
)
_UNREADABLE = ("Could not decode to UTF-8", "user-defined function raised exception")
"""What Python's driver says of a text that is no Unicode, and of one that is not JSON where a filter looks into it."""

BY_SQLITE_CODE: dict[int, tuple[type[StorageError], str]] = {
    sqlite3.SQLITE_PERM: (ReadOnlyError, "access was denied; check the permissions of the file and its folder"),
    sqlite3.SQLITE_BUSY: (BusyError, "another writer held it for longer than the busy timeout; repeat the call"),
    sqlite3.SQLITE_LOCKED: (BusyError, "another connection holds the table; repeat the call"),
    sqlite3.SQLITE_READONLY: (ReadOnlyError, "it cannot be written; check the permissions of the file and its folder"),
    sqlite3.SQLITE_READONLY_DBMOVED: (StorageError, f"since it was opened, {GONE}; {WAY_OUT}"),
    sqlite3.SQLITE_INTERRUPT: (StorageError, "the call was interrupted; nothing of it is stored"),
    sqlite3.SQLITE_IOERR: (StorageError, "reading or writing the file failed; check the disk"),
    sqlite3.SQLITE_IOERR_DELETE: (
        ReadOnlyError,
        "a journal beside it cannot be deleted; check the permissions of the file and its folder",
    ),
    sqlite3.SQLITE_IOERR_SHMSIZE: (
        DiskFullError,
        "there is no room left for the -shm file that SQLite needs beside it, even to read; make room and repeat this",
    ),
    sqlite3.SQLITE_CORRUPT: (CorruptDatabaseError, _DAMAGED),
    sqlite3.SQLITE_FORMAT: (CorruptDatabaseError, _DAMAGED),
    sqlite3.SQLITE_FULL: (
        DiskFullError,
        "there is no room left; nothing of this write is stored, make room and repeat it",
    ),
    sqlite3.SQLITE_CANTOPEN: (StorageError, "it cannot be opened; check the permissions of the file and its folder"),
    sqlite3.SQLITE_PROTOCOL: (BusyError, "others were opening it at the same time; repeat the call"),
    sqlite3.SQLITE_NOTADB: (CorruptDatabaseError, "the file is not an SQLite database, or its first page is damaged"),
}
"""What SQLite's result codes mean here; of the extended ones, three (https://www.sqlite.org/rescode.html)."""


def translated(database: str) -> Translated:
    """A context whose errors of SQLite's leave as ours, and name `database`."""
    return Translated(database, translate, _is_sqlites)


def translate(error: Exception, database: str) -> Exception:
    """What `error` is in our terms."""
    known = ours(error, database)
    if known is not None:
        return known
    driver = driver_error(error)
    if isinstance(driver, UnicodeDecodeError) or str(driver).startswith(_UNREADABLE):
        for each in (error, driver):
            each.args = tuple(str(each).split(" with text ")[:1])  # the text itself, which no traceback may show
        return CorruptDatabaseError(f"{database}: {_DAMAGED} (a text in it cannot be read)")
    code = getattr(driver, "sqlite_errorcode", None)
    if code == sqlite3.SQLITE_ERROR and str(driver) == "database or disk is full":  # so SQLCipher's export tells it
        code = sqlite3.SQLITE_FULL
    if code == sqlite3.SQLITE_ERROR and str(driver).startswith(("no such table", "no such column")):
        return CorruptDatabaseError(f"{database}: the file is damaged: its tables are not ours (SQLite says: {driver})")
    if code is not None and code & 0xFF == sqlite3.SQLITE_CANTOPEN and (reason := why_not_opened(database)):
        return StorageError(f"{database}: it cannot be opened: {reason}")
    if code == sqlite3.SQLITE_IOERR_WRITE:  # SQLite takes only the disk itself for full, not a quota
        return refused_write(Path(database), str(driver))
    if code is not None and (code & 0xFF) in BY_SQLITE_CODE:
        kind, advice = BY_SQLITE_CODE.get(code) or BY_SQLITE_CODE[code & 0xFF]
        return kind(f"{database}: {advice} (SQLite says: {driver})")
    if type(driver).__name__ == "ProgrammingError" and "closed database" in str(driver):
        return RepositoryClosedError(f"{database}: the repository was closed during this call")
    return StorageError(f"{database}: {driver}")


def _is_sqlites(error: Exception) -> bool:
    # SQLCipher's driver is not there to be asked in most programs.
    return isinstance(error, sqlite3.Error) or type(error).__module__.startswith("sqlcipher3")
