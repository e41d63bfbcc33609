"""Bringing an old file to the present schema: in one transaction, after a backup beside it."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from paper_repo.errors import CorruptDatabaseError, PaperRepoError, StorageError
from paper_repo.storage.new_files import free_name
from paper_repo.storage.sqlite.backups import back_up

KEPT = 3
"""How many backups of a file its upgrades leave."""


def back_up_before_upgrade(path: Path, version: int, connect: Callable[[str], Any]) -> Path:
    """Write a copy of the file as it is, named with its schema version and the time, and remove the oldest ones.

    It is called while the caller holds the lock for writing, and reads by a connection of its own.
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
    """The backups that upgrades of this file have left, the oldest first."""
    name = re.compile(re.escape(path.name) + r"\.schema-\d+\.(\d{8}T\d{6}Z)(?:-(\d+))?")
    named = [(match, each) for each in path.parent.iterdir() if (match := name.fullmatch(each.name))]
    return [each for *_, each in sorted((match[1], int(match[2] or 1), each) for match, each in named)]


def failed(error: Exception, name: str, versions: tuple[int, int], backup: Path) -> PaperRepoError:
    """The error of an upgrade that was rolled back because of `error`, which is in our terms if it can be."""
    kind = type(error) if isinstance(error, StorageError) else StorageError
    old, new = versions
    return kind(
        f"{name}: the upgrade of its schema from version {old} to {new} failed, and the file is as it was before; "
        f"a backup of it is {backup}: {error}"
    )
