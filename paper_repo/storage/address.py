"""Which database an address means: the path of a file, or a URL."""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import urlsplit

from paper_repo.storage.base import Storage
from paper_repo.storage.sqlite.storage import SQLiteStorage

Address = str | os.PathLike[str]
"""The path of an SQLite file, or the URL of a database; a `Path` is always a file's."""

_SCHEME = re.compile("[A-Za-z][A-Za-z0-9+.-]{0,20}")
"""What may be quoted; else it is the middle of an address that has lost its beginning."""

SCHEMES = ("sqlite:///PATH", "postgresql://USER:PASSWORD@HOST:PORT/DATABASE", "cockroachdb://...")


def storage_at(address: Address, *, passphrase: str | None = None, journal: str = "wal", **options: Any) -> Storage:
    """The storage behind `address`, not opened yet.

    Args:
        address: a path, or a URL of one of `SCHEMES`.
        passphrase: of an encrypted file.
        journal: "wal" or "rollback", of a file.
        options: what every storage takes.

    Raises:
        ValueError: unknown kind of database, or an option that makes no sense; passwords are never quoted.
        ImportError: its driver is not installed; the message names the command that installs it.
    """
    if not isinstance(address, str) or "://" not in address:
        return SQLiteStorage(address, **options, passphrase=passphrase, journal=journal)
    scheme, _, rest = address.partition("://")
    if scheme == "sqlite":
        return SQLiteStorage(_path(rest), **options, passphrase=passphrase, journal=journal)
    if scheme in ("postgresql", "postgres", "cockroachdb", "crdb"):
        if passphrase is not None or journal != "wal":
            raise ValueError("passphrase and journal are for files; a server has its own encryption and journal")
        if not _can_be_taken_apart(address):
            raise ValueError(
                "the address cannot be read; a '[', ']', '@', ':' or '/' in a user or a password is written %5B, %5D, "
                "%40, %3A or %2F"
            )
        return _on_server(scheme, address, options)
    named = f"{scheme!r} is" if _SCHEME.fullmatch(scheme) else "what the address begins with is"
    raise ValueError(f"{named} an unknown database scheme; supported: a path, {', '.join(SCHEMES)}")


def is_server(address: Address) -> bool:
    """Whether `address` is the URL of a database on a server, rather than a file's."""
    return isinstance(address, str) and "://" in address and not address.startswith("sqlite:")


def _can_be_taken_apart(url: str) -> bool:
    """Whether it is a URL; why not is not told, since Python's errors quote the password."""
    try:
        return bool(urlsplit(url))
    except ValueError:
        return False


def _path(rest: str) -> str:
    """The path in sqlite:///PATH; the slash of an absolute path is a fourth one."""
    if not rest.startswith("/"):
        raise ValueError("the address of a file has three slashes and then its path: sqlite:///sessions.db")
    return rest[1:]


def _on_server(scheme: str, url: str, options: dict[str, Any]) -> Storage:
    """Imported on demand: a program that keeps its sessions in a file needs no driver for a server."""
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        raise ImportError(f"{scheme}:// needs psycopg: pip install 'paper_repo[postgres]'") from error
    from paper_repo.storage.postgres.cockroach import CockroachStorage
    from paper_repo.storage.postgres.storage import PostgresStorage

    return (PostgresStorage if scheme.startswith("postgres") else CockroachStorage)(url, **options)
