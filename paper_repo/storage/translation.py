"""The one place where a driver's error becomes one of ours."""

from __future__ import annotations

import sqlite3
from typing import Any

import peewee
from playhouse.pool import MaxConnectionsExceeded

from paper_repo.errors import (
    BusyError,
    CorruptDatabaseError,
    DiskFullError,
    InvalidSessionError,
    ReadOnlyError,
    RepositoryClosedError,
    StorageError,
)


class TurnedBackError(BusyError):
    """The database has undone a transaction because of another one; doing all of it again is safe, and may succeed."""


Translation = tuple[type[StorageError], str]

BY_SQLITE_CODE: dict[int, Translation] = {
    sqlite3.SQLITE_PERM: (ReadOnlyError, "access was denied; check the permissions of the file and its folder"),
    sqlite3.SQLITE_BUSY: (BusyError, "another writer held it for longer than the busy timeout; repeat the call"),
    sqlite3.SQLITE_LOCKED: (BusyError, "another connection holds the table; repeat the call"),
    sqlite3.SQLITE_READONLY: (ReadOnlyError, "it cannot be written; check the permissions of the file and its folder"),
    sqlite3.SQLITE_INTERRUPT: (StorageError, "the call was interrupted; nothing of it is stored"),
    sqlite3.SQLITE_IOERR: (StorageError, "reading or writing the file failed; check the disk"),
    sqlite3.SQLITE_CORRUPT: (CorruptDatabaseError, "the file is damaged; keep a copy of it, then restore a backup"),
    sqlite3.SQLITE_FULL: (
        DiskFullError,
        "there is no room left; nothing of this write is stored, make room and repeat it",
    ),
    sqlite3.SQLITE_CANTOPEN: (StorageError, "it cannot be opened; check that its folder exists and can be used"),
    sqlite3.SQLITE_NOTADB: (CorruptDatabaseError, "the file is no SQLite database, or its first page is damaged"),
}
"""What each of SQLite's primary result codes means here (https://www.sqlite.org/rescode.html)."""

BY_SQLSTATE: dict[str, Translation] = {
    "08": (StorageError, "the connection to the server failed"),
    "25006": (ReadOnlyError, "the server accepts no writes now: it is a standby, or set to be read only"),
    "25P02": (StorageError, "an earlier error in this transaction has ended it; leave the block"),
    "28": (StorageError, "the server refuses this user; check name and password"),
    "3D000": (StorageError, "there is no such database on the server; create it first"),
    "40": (TurnedBackError, "another transaction was in the way, and this one had to give way; repeat it"),
    "42501": (ReadOnlyError, "the user of this address may not do this; grant it"),
    "42P01": (StorageError, "its tables are not there; somebody has removed them, or search_path has changed"),
    "53100": (DiskFullError, "the server has no room left; nothing of this write is stored"),
    "53300": (BusyError, "the server has no connection to spare; repeat the call"),
    "55P03": (BusyError, "another writer held the session for longer than the busy timeout; repeat the call"),
    "57014": (StorageError, "the server has ended the call before it was done"),
    "57P": (StorageError, "the server was shut down, or is starting; repeat the call when it is there"),
    "XX001": (CorruptDatabaseError, "its data are damaged; keep a copy of them, then restore a backup"),
    "XX002": (CorruptDatabaseError, "an index of it is damaged; REINDEX it"),
}
"""What PostgreSQL's error codes, or all that begin so, mean here
(https://www.postgresql.org/docs/current/errcodes-appendix.html). CockroachDB uses the same."""

UNKEEPABLE = ("22", "54")
"""How the codes begin of what is wrong with a value itself: it is out of range, too long or no text."""


class Translated:
    """A context whose driver errors leave as errors of ours, chained to their cause, that name `database`."""

    def __init__(self, database: str, drivers: tuple[type[Exception], ...] = (sqlite3.Error,)) -> None:
        self._database = database
        self._known = (peewee.PeeweeException, MaxConnectionsExceeded, *drivers)

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if error is not None and isinstance(error, self._known):
            raise translate(error, self._database) from error


def translate(error: Exception, database: str) -> Exception:
    """What `error` is in our terms."""
    if isinstance(error, MaxConnectionsExceeded):
        return BusyError(f"{database}: all connections were in use for longer than the busy timeout; repeat the call")
    driver = driver_error(error)
    if hasattr(driver, "sqlstate"):
        return _translate_by_sqlstate(driver, database)
    code = getattr(driver, "sqlite_errorcode", None)
    if code is not None and (code & 0xFF) in BY_SQLITE_CODE:
        kind, advice = BY_SQLITE_CODE[code & 0xFF]
        return kind(f"{database}: {advice} (SQLite says: {driver})")
    if isinstance(driver, sqlite3.ProgrammingError) and "closed database" in str(driver):
        return RepositoryClosedError(f"{database}: the repository was closed during this call")
    return StorageError(f"{database}: {driver}")


def _translate_by_sqlstate(driver: Any, database: str) -> Exception:
    """What an error of psycopg is in our terms; one without a code comes from the client's side of the connection."""
    code = driver.sqlstate or ""
    said = _said(driver)
    if code.startswith(UNKEEPABLE) or type(driver).__name__ == "DataError":
        return InvalidSessionError({"session": [f"holds what {database} cannot keep ({said})."]})
    for beginning in (code, code[:3], code[:2]):
        if beginning in BY_SQLSTATE:
            kind, advice = BY_SQLSTATE[beginning]
            return kind(f"{database}: {advice} (it says: {said})")
    return StorageError(f"{database}: {said}")


def _said(driver: Any) -> str:
    """The driver's message in one line, without the details, which may quote what is stored."""
    lines = (driver.diag.message_primary or str(driver)).splitlines()
    return " ".join(each.strip() for each in lines if each.strip())


def driver_error(error: BaseException) -> BaseException:
    """The driver's own error inside one of Peewee's, which may be inside another one."""
    inner = error.args[0] if error.args and isinstance(error, peewee.PeeweeException) else None
    return driver_error(inner) if isinstance(inner, BaseException) else error
