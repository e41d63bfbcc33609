"""Copies of an SQLite file, made while others write to it: written beside the target, verified, then given its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from paper_repo.domain.values import Progress
from paper_repo.errors import CorruptDatabaseError, DiskFullError, PaperRepoError
from paper_repo.storage.new_files import new_file_beside, publish
from paper_repo.storage.sqlite.errors import translate

Connect = Callable[[str], Any]
"""Opens a connection to the file of this name, with whatever it needs to be read."""

PAGES = 256
"""How many pages are copied between two calls of the caller's `progress`."""


def back_up(
    source: Any, target: Path, connect: Connect, progress: Progress | None = None, overwrite: bool = False
) -> None:
    """Copy the database of the connection `source`, of one moment, to the file `target`.

    Args:
        source: a connection in a transaction of its own, whose snapshot is copied.
        connect: opens the copy.
        overwrite: a file that is there is replaced, when the copy is whole.

    Raises:
        StorageError: there is something at `target` already, or it cannot be created.
        CorruptDatabaseError: what was copied is damaged; there is no copy then.
    """
    with new_file_beside(target, overwrite) as partial:
        with closing(connect(str(partial))) as copy:
            with room_at(partial):
                source.backup(copy, pages=PAGES, progress=_steps(progress))
            copy.execute("PRAGMA journal_mode = delete")  # a copy is one file
            _verify(copy, target)
        publish(partial, target, overwrite)


@contextmanager
def room_at(target: Path) -> Iterator[None]:
    """A block that reads one database and writes `target`: when there is no room, it is `target` that has none."""
    try:
        yield
    except PaperRepoError:
        raise
    except Exception as error:
        ours = translate(error, str(target))
        if isinstance(ours, DiskFullError):
            raise ours from error
        raise


def _steps(progress: Progress | None) -> Callable[[int, int, int], object] | None:
    return None if progress is None else lambda _, remaining, total: progress(total - remaining, total)


def _verify(copy: Any, target: Path) -> None:
    problems = [row[0] for row in copy.execute("PRAGMA integrity_check(1)").fetchall() if row[0] != "ok"]
    for table, *_ in copy.execute("PRAGMA foreign_key_check").fetchall():
        problems.append(f"a row of {table} belongs to no session")
    if problems:
        raise CorruptDatabaseError(
            f"{target}: was not written, since what was copied is damaged: {' '.join(problems[0].split())}"
        )
