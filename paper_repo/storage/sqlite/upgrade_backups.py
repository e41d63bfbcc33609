"""The backups that upgrades of the schema leave beside a file."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from paper_repo.errors import CorruptDatabaseError, StorageError
from paper_repo.storage.new_files import free_name
from paper_repo.storage.sqlite.backups import back_up

KEPT = 3
"""How many of them are kept."""


def back_up_before_upgrade(path: Path, version: int, connect: Callable[[str], Any]) -> Path:
    """Write a backup of the file, named with its schema version and the time, and remove the oldest ones.

    The caller holds the lock for writing; the backup reads through a connection of its own.
    """
    target = free_name(path, f"schema-{version}")
    with closing(connect(str(path))) as source:
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()
        try:
            back_up(source, target, connect)
        except CorruptDatabaseError as error:
            raise CorruptDatabaseError(
                f"{path}: the file is damaged, and stays at schema version {version}; keep a copy of it, save what can "
                f"be read with `paper-repo salvage`, or restore a backup ({error})"
            ) from error
        source.execute("ROLLBACK")
    for old in upgrade_backups(path)[:-KEPT]:
        old.unlink(missing_ok=True)
    return target


def upgrade_backups(path: Path) -> list[Path]:
    """The backups that upgrades of this file have left, oldest first."""
    name = re.compile(re.escape(path.name) + r"\.schema-\d+\.(\d{8}T\d{6}Z)(?:-(\d+))?")
    named = [(match, each) for each in path.parent.iterdir() if (match := name.fullmatch(each.name))]
    return [each for *_, each in sorted((match[1], int(match[2] or 1), each) for match, each in named)]


def told(error: BaseException, name: str, versions: tuple[int, int], backup: Path) -> BaseException:
    """The error of an upgrade that was rolled back because of `error`, which also tells where the backup is.

    Only an error of the database becomes another object. Anything else, such as what a signal handler has raised, is
    somebody else's to recognise: it gets a note.
    """
    old, new = versions
    message = (
        f"{name}: the upgrade of its schema from version {old} to {new} failed, and the file is as it was before; "
        f"a backup of it is {backup}"
    )
    if isinstance(error, StorageError):
        return type(error)(f"{message}: {error}")
    error.add_note(message)
    return error
