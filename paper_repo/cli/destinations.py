"""Where a command may write a file, and what it may replace: one rule for every command that writes one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from paper_repo.cli.exit_codes import CONFLICT, FAILED, USAGE, CommandError
from paper_repo.storage.address import Address
from paper_repo.storage.new_files import file_errors, new_file_beside, publish, require_place

_LOGS = ("-wal", "-shm", "-journal")


def require_destination(
    target: Path, database: Address | None, *, option: str | None = None, given: bool = False
) -> None:
    """Refuse a file that must not be written.

    Args:
        target: the file to be written.
        database: the database that the command reads.
        option: the option that replaces an existing file, if there is one.
        given: whether it was given.

    Raises:
        CommandError: a file that must stay is there, or something that is no file; or there is no folder for it.
    """
    if isinstance(database, Path) and _is_part_of(target, database):
        raise CommandError(f"{target} belongs to the database that is read, and is never overwritten", CONFLICT)
    _require_file(target)
    if target.exists() and not given:
        way_out = f", or replace it with {option}" if option else ""
        raise CommandError(f"{target} exists already and was not touched; choose another name{way_out}", CONFLICT)
    require_place(target, overwrite=given)


def require_other_file(target: Path, database: Path) -> None:
    """Refuse to copy a database to itself.

    Raises:
        CommandError: so it is.
    """
    if _is_part_of(target, database):
        raise CommandError(f"{target} belongs to the database that is read; name another one", CONFLICT)
    require_no_odd_file(target)


def require_replaceable(target: Path, source: Path) -> None:
    """Refuse a database that cannot be replaced by the backup `source`: it is the backup itself, or no file.

    Raises:
        CommandError: so it is.
    """
    if _is_part_of(source, target):
        raise CommandError(f"{source} belongs to the database itself; restore from a backup", CONFLICT)
    require_no_odd_file(target)


def require_no_odd_file(target: Path) -> None:
    """Refuse a database that is a dangling link, a folder or a device; a link to a file is followed.

    Raises:
        CommandError: so it is.
    """
    if target.is_symlink() and not target.exists():
        raise CommandError(f"{target} is a link to a file that does not exist; name the file itself", CONFLICT)
    _require_file_or_nothing(target)


@contextmanager
def new_file(target: Path, *, overwrite: bool) -> Iterator[BinaryIO]:
    """A file to write, which gets its name when it is whole and on the disk; otherwise nothing is left of it."""
    with new_file_beside(target, overwrite) as partial, file_errors(target):
        with partial.open("rb+") as file:  # it is there, and empty
            yield file
        publish(partial, target, overwrite)


def _require_file(target: Path) -> None:
    if target.is_symlink():
        kind = "a link" if target.exists() else "a link to a file that does not exist"
        raise CommandError(f"{target} is {kind}; name the file itself", CONFLICT)
    _require_file_or_nothing(target)
    if not target.parent.is_dir():
        raise CommandError(f"the folder {target.parent} does not exist; create it first", FAILED)


def _require_file_or_nothing(target: Path) -> None:
    if target.is_dir():
        raise CommandError(f"{target} is a folder; name a file in it", USAGE)
    if target.exists() and not target.is_file():
        raise CommandError(f"{target} is a device, pipe or socket and not a file; name a file", CONFLICT)


def _is_part_of(target: Path, database: Path) -> bool:
    """Whether `target` is the database or one of SQLite's files beside it, by whatever name or link."""
    real = os.path.realpath(database)
    parts = [f"{real}{suffix}" for suffix in ("", *_LOGS)] + [f"{database}{suffix}" for suffix in ("", *_LOGS)]
    if os.path.realpath(target) in map(os.path.realpath, parts):
        return True
    return target.exists() and any(part.exists() and part.samefile(target) for part in map(Path, parts))
