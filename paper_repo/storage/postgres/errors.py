"""What the error codes mean that PostgreSQL, and whatever speaks its protocol, gives with every error."""

from __future__ import annotations

from typing import Any

import psycopg

from paper_repo.errors import (
    BusyError,
    CorruptDatabaseError,
    DiskFullError,
    InvalidSessionError,
    ReadOnlyError,
    StorageError,
)
from paper_repo.storage.errors import Translated, TurnedBackError, driver_error, ours
from paper_repo.storage.postgres import poolers

CHANGED = "somebody has changed its tables; undo that, or open it again with the paper_repo that has upgraded them"

UNKNOWN = "whether this was stored is not known; load it again and look before repeating it"

BY_SQLSTATE: dict[str, tuple[type[StorageError], str]] = {
    "08": (StorageError, "the connection to the server failed"),
    "25006": (ReadOnlyError, "the server accepts no writes now: it is a standby, or set to be read only"),
    "25P02": (StorageError, "an earlier error in this transaction has ended it; leave the block"),
    "28": (StorageError, "the server refuses this user; check name and password"),
    "3D000": (StorageError, "there is no such database on the server; create it first"),
    "23502": (StorageError, CHANGED),
    "23514": (StorageError, CHANGED),
    "40001": (TurnedBackError, "another transaction was in the way, and this one had to give way; repeat it"),
    "40P01": (TurnedBackError, "two transactions waited for each other, and this one had to give way; repeat it"),
    "40003": (StorageError, UNKNOWN),
    "42501": (ReadOnlyError, "the user of this address may not do this; grant it"),
    "42703": (StorageError, CHANGED),
    "42704": (StorageError, CHANGED),
    "42804": (StorageError, CHANGED),
    "42883": (StorageError, CHANGED),
    "42P10": (StorageError, CHANGED),
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


def translated(database: str) -> Translated:
    """A context whose errors of psycopg's leave as ours, and name `database`."""
    return Translated(database, translate, lambda error: isinstance(error, psycopg.Error))


def translate(error: Exception, database: str) -> Exception:
    """What `error` is in our terms."""
    driver = driver_error(error)
    return ours(error, database) or (
        by_sqlstate(driver, database) if isinstance(driver, psycopg.Error) else StorageError(f"{database}: {driver}")
    )


def has_outlived_its_tables(driver: psycopg.Error) -> bool:
    """Whether a prepared statement was for columns that have other types now.

    The server calls it a feature that it does not support, like others, in the language of its messages.
    """
    return driver.sqlstate == "0A000" and driver.diag.source_function == "RevalidateCachedQuery"


def is_refusal(error: BaseException) -> bool:
    """Whether the server itself has answered that it did not do it, and is there to be asked again."""
    return isinstance(error, psycopg.Error) and error.diag.severity_nonlocalized == "ERROR"


def unknown_outcome(database: str, driver: BaseException) -> StorageError:
    """What it means that no answer came to what commits: that, or what was sent, was lost on its way."""
    return StorageError(f"{database}: {UNKNOWN} (no answer came: {_said(driver)})")


def by_sqlstate(driver: Any, database: str) -> Exception:
    """What an error of psycopg is in our terms; one without a code comes from the client's side of the connection."""
    said = _said(driver)
    for words, advice in poolers.ADVICE.items():
        if words in said:
            kind = BusyError if words in poolers.BUSY else StorageError
            return kind(f"{database}: {advice} (it says: {said})")
    if has_outlived_its_tables(driver):
        return TurnedBackError(f"{database}: somebody has changed its tables; repeat the call (it says: {said})")
    code = driver.sqlstate or ("53300" if "too many" in said else "")  # who is not let in is told no code
    if code.startswith(UNKEEPABLE) or type(driver).__name__ == "DataError":
        return InvalidSessionError({"session": [f"holds what {database} cannot keep ({said})."]})
    for beginning in (code, code[:3], code[:2]):
        if beginning in BY_SQLSTATE:
            kind, advice = BY_SQLSTATE[beginning]
            return kind(f"{database}: {advice} (it says: {said})")
    return StorageError(f"{database}: {said}")


def _said(driver: Any) -> str:
    """The driver's message in one line, without the details, which may quote what is stored."""
    told = driver.diag.message_primary if isinstance(driver, psycopg.Error) else None
    lines = (told or str(driver)).splitlines()
    return " ".join(each.strip() for each in lines if each.strip())
