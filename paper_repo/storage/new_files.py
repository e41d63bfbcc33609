"""New files: written beside their place, synced, then published under their name in one step."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from paper_repo.errors import DiskFullError, PaperRepoError, ReadOnlyError, StorageError

NO_ROOM = frozenset([errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
"""A full disk, a quota, a limit of file sizes."""


@contextmanager
def new_file_beside(target: Path, overwrite: bool = False) -> Iterator[Path]:
    """A new empty file beside `target`, for its owner's eyes alone; what has that name at the end is removed."""
    require_place(target, overwrite)
    partial = target.with_name(f"{target.name}.{os.urandom(4).hex()}.partial")
    with file_errors(target):
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    try:
        yield partial
    except StorageError as error:  # which names what its reader knows of
        error.args = tuple(str(each).replace(str(partial), str(target)) for each in error.args)
        raise
    finally:
        for suffix in ("", "-journal", "-wal", "-shm"):
            Path(f"{partial}{suffix}").unlink(missing_ok=True)


def require_place(target: Path, overwrite: bool = False) -> None:
    """Raise a `StorageError` when there is something at `target` that is not to be replaced, or no folder for it."""
    if not target.parent.is_dir():
        raise StorageError(f"{target}: the folder {target.parent} does not exist; create it first")
    if os.path.lexists(target):
        if not overwrite:
            raise StorageError(f"{target}: there is such a file already, and it was not touched; choose another name")
        if not stat.S_ISREG(target.lstat().st_mode):
            raise StorageError(f"{target}: only a file is overwritten, and this is none; choose another name")
    for log in (f"{target}-wal", f"{target}-journal"):
        if os.path.lexists(log):  # SQLite would take it for the new file's
            raise StorageError(f"{target}: {log} shows that a database of this name is in use; choose another name")


def publish(partial: Path, target: Path, overwrite: bool = False) -> None:
    """Rename the finished copy, which nobody has seen before; over another file only when that was asked for."""
    with file_errors(target):
        write_through(partial)
        require_place(target, overwrite)
        if overwrite:
            partial.replace(target)
        else:
            _link(partial, target)
        write_through(target)


def _link(partial: Path, target: Path) -> None:
    try:
        os.link(partial, target)
    except FileExistsError:
        require_place(target)
    except OSError:  # a file system without links
        require_place(target)
        partial.rename(target)


@contextmanager
def file_errors(path: Path) -> Iterator[None]:
    """A block whose errors of the operating system leave as ours, and name `path`."""
    try:
        yield
    except PaperRepoError:
        raise  # some of ours are a TimeoutError too, and so an OSError
    except OSError as error:
        if error.errno in NO_ROOM:
            raise DiskFullError(f"{path}: there is no room left; make room and repeat this") from error
        kind = ReadOnlyError if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS) else StorageError
        raise kind(f"{path}: cannot be written: {error.strerror}") from error


def write_through(path: Path) -> None:
    """Have the disk keep what was written to `path`, and its name, through a power cut."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
    with suppress(OSError):  # folders cannot be opened on Windows, which needs it not
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def free_name(path: Path, what: str) -> Path:
    """A name beside `path` that nothing has, with `what` and the time in it."""
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    for number in count(1):
        name = path.with_name(f"{path.name}.{what}.{moment}{'' if number == 1 else f'-{number}'}")
        if not any(os.path.lexists(f"{name}{suffix}") for suffix in ("", "-wal")):
            return name
    raise AssertionError
