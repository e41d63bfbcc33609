"""New files: written beside their place, synced, then published under their name in one step."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from paper_repo.errors import DiskFullError, PaperRepoError, ReadOnlyError, StorageError

NO_ROOM = frozenset([errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
"""A full disk, a quota, a limit of file sizes."""

HELD_OPEN = frozenset([5, 32, 33])
"""What Windows says where another program has a file open: access denied, a sharing violation, a lock violation."""

SUFFIXES = ("", "-journal", "-wal", "-shm")
"""A database and what SQLite keeps beside it."""

_PAUSES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
"""Between attempts at a file that is held open, in seconds: a virus scanner lets a new file go after a moment."""


@contextmanager
def new_file_beside(target: Path, overwrite: bool = False) -> Iterator[Path]:
    """A new empty file beside `target` that only its owner can read; what has its name at the end is removed."""
    require_place(target, overwrite)
    partial = target.with_name(f"{target.name}.{os.urandom(4).hex()}.partial")
    try:
        with file_errors(target):
            os.close(_open_new(partial))
        yield partial
    except StorageError as error:  # which names what its reader knows of
        error.args = tuple(str(each).replace(str(partial), str(target)) for each in error.args)
        raise
    finally:
        for suffix in SUFFIXES:
            with suppress(StorageError):  # a rest that stays must not hide what has happened, good or bad
                remove(Path(f"{partial}{suffix}"))


def require_place(target: Path, overwrite: bool = False) -> None:
    """Raise a `StorageError` when there is something at `target` that is not to be replaced, or no folder for it."""
    if not target.parent.is_dir():
        raise StorageError(f"{target}: the folder {target.parent} does not exist; create it first")
    if os.path.lexists(target):
        if not overwrite:
            raise StorageError(f"{target}: there is such a file already, and it was not touched; choose another name")
        if not stat.S_ISREG(target.lstat().st_mode):
            raise StorageError(f"{target}: only a file can be overwritten, and this is not one; choose another name")
    for log in (f"{target}-wal", f"{target}-journal"):
        if os.path.lexists(log):  # SQLite would take it for the new file's
            raise StorageError(f"{target}: {log} shows that a database of this name is in use; choose another name")


def publish(partial: Path, target: Path, overwrite: bool = False) -> None:
    """Rename the finished copy, which nobody has seen before; over another file only when that was asked for."""
    with file_errors(target):
        write_through(partial)
        require_place(target, overwrite)
        if overwrite:
            replace(partial, target)
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
        _retried(target, partial.rename, target)


@contextmanager
def file_errors(path: Path) -> Iterator[None]:
    """A block that turns errors of the operating system into ours, which name `path`."""
    try:
        yield
    except PaperRepoError:
        raise  # some of ours are a TimeoutError too, and so an OSError
    except OSError as error:
        if error.errno in NO_ROOM:
            raise DiskFullError(f"{path}: there is no room left; make room and repeat this") from error
        kind = ReadOnlyError if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS) else StorageError
        raise kind(f"{path}: cannot be written: {error.strerror}") from error


def copy_private(source: Path, target: Path) -> None:
    """Copy a file to the new file `target`, which only its owner can read at any time, and which is there when whole.

    The times of the file are kept. Both the copy and its name have reached the disk at the end.
    """
    partial = target.with_name(f"{target.name}.{os.urandom(4).hex()}.partial")
    try:
        with source.open("rb") as original, os.fdopen(_open_new(partial), "wb") as copy:
            shutil.copyfileobj(original, copy)
        times = source.stat()
        os.utime(partial, ns=(times.st_atime_ns, times.st_mtime_ns))
        write_through(partial)
        replace(partial, target)
        sync_folder(target.parent)
    finally:
        with suppress(StorageError):
            remove(partial)


def _open_new(path: Path) -> int:
    return os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_BINARY", 0), 0o600)


def replace(source: Path, target: Path) -> None:
    """Give `source` the name `target`, in one step, also where that takes the place of another file.

    Raises:
        StorageError: another program holds one of them open, as happens on Windows; so for `remove`.
    """
    _retried(target, source.replace, target)


def remove(path: Path) -> None:
    """Delete the file, if it is there."""
    if os.path.lexists(path):  # a read-only disk refuses to delete what is not there, too
        _retried(path, path.unlink, missing_ok=True)


def _retried(path: Path, action: Callable[..., object], *args: object, **options: object) -> None:
    """Do something to a file again and again while another program holds it open, for a moment."""
    for pause in (*_PAUSES, None):
        try:
            action(*args, **options)
        except PermissionError as error:
            if getattr(error, "winerror", None) not in HELD_OPEN:
                raise
            if pause is None:
                raise StorageError(
                    f"{path}: another program, such as a virus scanner or a backup, holds this file open; close that "
                    f"and repeat this (the system says: {error.strerror})"
                ) from error
            time.sleep(pause)
        else:
            return


def write_through(path: Path) -> None:
    """Have the disk keep what was written to `path`, and its name, through a power cut."""
    with path.open("rb+") as file:
        _sync(file.fileno())
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the disk keep which names there are in `folder`."""
    with suppress(OSError):  # folders cannot be opened on Windows, which has no need of it
        opened: list[int] = []
        try:
            # In one step for Python: an exception such as Ctrl-C cannot come between opening it and knowing so.
            opened.extend(map(os.open, [folder], [os.O_RDONLY]))
            _sync(opened[0])
        finally:
            for descriptor in opened:
                os.close(descriptor)


def _sync(descriptor: int) -> None:
    """Wait until the disk has it for certain: on macOS `fsync` leaves it in the drive's own cache."""
    if sys.platform == "darwin":
        import fcntl

        try:
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
        except OSError:
            pass  # a file system that does not know it, such as a network's
        else:
            return
    os.fsync(descriptor)


def free_name(path: Path, what: str) -> Path:
    """A name beside `path` that nothing has, with `what` and the time in it."""
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    for number in count(1):
        name = path.with_name(f"{path.name}.{what}.{moment}{'' if number == 1 else f'-{number}'}")
        if not any(os.path.lexists(f"{name}{suffix}") for suffix in SUFFIXES):
            return name
    raise AssertionError
