"""Encrypted SQLite files, by SQLCipher (`pip install 'paper_repo[encryption]'`)."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from paper_repo.storage.sqlite.backups import room_at
from paper_repo.storage.sqlite.errors import translated
from paper_repo.storage.unlogged import Unlogged

SILENT = "PRAGMA cipher_log_level = NONE"
"""SQLCipher would else write to the standard error output of whoever gave a wrong passphrase."""


class Passphrase(str):
    """Text that shows itself nowhere: a traceback that shows variables does not tell it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<passphrase>"


def checked_passphrase(passphrase: object) -> Passphrase | None:
    """The passphrase, or None when there is none.

    Raises:
        ValueError: it is no text, is empty, or holds a NUL, at which SQLCipher would take it to end.
        ImportError: sqlcipher3 is not installed.
    """
    if passphrase is None:
        return None
    if not isinstance(passphrase, str) or not passphrase or "\0" in passphrase:
        raise ValueError("passphrase is text, not empty and without NUL")
    _driver()
    return Passphrase(passphrase)


def connect(name: str, passphrase: str, **params: Any) -> Any:
    """A connection to an encrypted file, or to a plain one when the passphrase is empty."""
    connection = _driver().connect(name, isolation_level=None, **params)
    set_key(connection, passphrase)
    return connection


def set_key(connection: Any, passphrase: str) -> None:
    """Give a new connection the passphrase; a wrong one is noticed at the first read."""
    connection.execute(SILENT)
    if passphrase:
        connection.execute(f"PRAGMA key = '{quoted(passphrase)}'")


def export(path: Path, old: str | None, target: Path, new: str | None) -> None:
    """Copy a database to the empty file `target`, with another passphrase or none (None) than before."""
    with translated(str(path)), closing(connect(str(path), old or "")) as connection:
        connection.execute("ATTACH DATABASE ? AS target KEY ?", (str(target), new or ""))
        with room_at(target):
            connection.execute("SELECT sqlcipher_export('target')")
        for name in ("application_id", "user_version"):
            value = connection.execute(f"PRAGMA main.{name}").fetchone()[0]
            connection.execute(f"PRAGMA target.{name} = {value}")
        connection.execute("DETACH DATABASE target")


def quoted(passphrase: str) -> str:
    """The passphrase inside an SQL text."""
    return passphrase.replace("'", "''")


def single_database() -> Any:
    """The class of databases with one connection a thread, which is SQLCipher's."""
    _driver()
    from playhouse.sqlcipher_ext import SqlCipherDatabase

    return _silent(SqlCipherDatabase)


def _silent(*bases: Any) -> Any:
    class Encrypted(Unlogged, *bases):  # type: ignore[misc]
        def _add_conn_hooks(self, connection: Any) -> None:
            connection.execute(SILENT)
            super()._add_conn_hooks(connection)

    return Encrypted


def _driver() -> Any:
    try:
        from sqlcipher3 import dbapi2
    except ImportError as error:
        raise ImportError("passphrase needs sqlcipher3: pip install 'paper_repo[encryption]'") from error
    return dbapi2
