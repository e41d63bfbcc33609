"""Encrypted SQLite files, by SQLCipher (`pip install 'paper_repo[encryption]'`)."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from paper_repo.domain.secrecy import Passphrase
from paper_repo.storage.sqlite.backups import room_at
from paper_repo.storage.sqlite.errors import translated
from paper_repo.storage.unlogged import Unlogged

SILENT = "PRAGMA cipher_log_level = NONE"
"""Without it SQLCipher writes to standard error when a passphrase is wrong."""


_PLAIN_START = b"SQLite format 3\0"
_SMALLEST_PAGE = 512


def looks_encrypted(path: Path) -> bool:
    """Whether SQLCipher may have written the file: whole pages, without SQLite's first bytes, and no text.

    The file is opened, which must not be done while this process has it open with SQLite: closing it would drop the
    locks on it (https://www.sqlite.org/howtocorrupt.html, 2.2).
    """
    try:
        size = path.stat().st_size if path.is_file() else 0
        if not size or size % _SMALLEST_PAGE:
            return False
        with path.open("rb") as file:
            start = file.read(_SMALLEST_PAGE)
    except OSError:
        return False  # opening the database says what is wrong
    return not start.startswith(_PLAIN_START) and sum(byte >= 0x80 for byte in start) > len(start) // 4


def checked_passphrase(passphrase: object) -> Passphrase | None:
    """The passphrase, or None when there is none.

    Raises:
        ValueError: it is no text, is empty, has something that UTF-8 cannot hold, or a NUL, at which SQLCipher would
            take it to end. It is not quoted.
        ImportError: sqlcipher3 is not installed.
    """
    if passphrase is None:
        return None
    if not isinstance(passphrase, str) or not passphrase or "\0" in passphrase:
        raise ValueError("passphrase is text, not empty and without NUL")
    if any("\ud800" <= each <= "\udfff" for each in passphrase):  # so Python holds bytes that are no UTF-8
        raise ValueError(
            "passphrase is text that UTF-8 can hold; it has bytes that are none, as from a Latin-1 terminal"
        )
    _driver()
    return Passphrase(passphrase)


def connect(name: str, passphrase: str, **params: Any) -> Any:
    """A connection to an encrypted file; to a plain one if the passphrase is empty."""
    connection = _driver().connect(name, isolation_level=None, **params)
    set_key(connection, passphrase)
    return connection


def set_key(connection: Any, passphrase: str) -> None:
    """Give a new connection the passphrase; a wrong one is noticed at the first read."""
    connection.execute(SILENT)
    if passphrase:
        connection.execute(f"PRAGMA key = '{quoted(passphrase)}'")


def export(path: Path, old: str | None, target: Path, new: str | None) -> None:
    """Copy a database to the empty file `target`, encrypted with another passphrase, or plain if `new` is None."""
    with translated(str(path)), closing(connect(str(path), old or "")) as connection:
        connection.execute("ATTACH DATABASE ? AS target KEY ?", (str(target), new or ""))
        with room_at(target):
            connection.execute("SELECT sqlcipher_export('target')")
        for name in ("application_id", "user_version"):
            value = connection.execute(f"PRAGMA main.{name}").fetchone()[0]
            connection.execute(f"PRAGMA target.{name} = {value}")
        connection.execute("DETACH DATABASE target")


def quoted(passphrase: str) -> str:
    """The passphrase as it is written between the quotes of an SQL string."""
    return passphrase.replace("'", "''")


def single_database() -> Any:
    """The class of databases with one SQLCipher connection for each thread."""
    _driver()
    from playhouse.sqlcipher_ext import SqlCipherDatabase

    return _silent(SqlCipherDatabase)


def _silent(*bases: Any) -> Any:
    class Encrypted(Unlogged, *bases):  # type: ignore[misc]
        def _add_conn_hooks(self, connection: Any) -> None:
            connection.execute(SILENT)
            connection.execute(f"PRAGMA busy_timeout = {int(1000 * (self.timeout or 0))}")  # which Peewee leaves out
            super()._add_conn_hooks(connection)

    return Encrypted


def _driver() -> Any:
    try:
        from sqlcipher3 import dbapi2
    except ImportError as error:
        raise ImportError("passphrase needs sqlcipher3: pip install 'paper_repo[encryption]'") from error
    return dbapi2
