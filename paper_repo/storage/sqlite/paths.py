"""An SQLite file and what lies beside it, as the system has them; none of it is opened but a journal."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import NamedTuple

from paper_repo.errors import ReadOnlyError, StorageError


def checked_path(path: object) -> str:
    """`path` as text, which must be one that a file can have."""
    if not isinstance(path, str | os.PathLike):
        raise ValueError(f"path is a str or a Path, not {path!r}")
    text = os.fspath(path)
    if not isinstance(text, str) or not text or "\0" in text or not _is_encodable(text):
        raise ValueError(f"path must name a file, not {path!r}")
    if text.startswith((":memory:", "file:")):
        raise ValueError(
            f"{text!r} is not a file path; for sessions that live in memory only, use InMemorySessionRepository"
        )
    if text == "~" or text.startswith(("~/", "~" + os.sep)):
        raise ValueError(
            f"{text!r}: '~' is not expanded here, and would be a folder of that name; give "
            "Path(...).expanduser(), or './~' for such a folder"
        )
    return text


def _is_encodable(text: str) -> bool:
    """Whether the system can have a file of this name."""
    try:
        return bool(os.fsencode(text))
    except UnicodeEncodeError:
        return False


def status_of(path: Path | str) -> os.stat_result | None:
    """What is at `path`, or at the end of the links that begin there; None when there is nothing."""
    try:
        return os.stat(path)  # noqa: PTH116 - a Path takes three times as long
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StorageError(f"{path}: cannot be reached: {error.strerror}{_hint(error)}") from error


def _hint(error: OSError) -> str:
    """What to do about an error of the system whose own words do not say it."""
    return {
        errno.EMFILE: "; this program has too many files open: close some, or raise the limit (ulimit -n)",
        errno.ENFILE: "; all programs together have as many files open as the system lets them; close some",
        errno.ENAMETOOLONG: "; choose a shorter name, or a folder that is not so deep",
        errno.ELOOP: "; links there lead to each other",
    }.get(error.errno or 0, "")


def size_of(path: Path | str) -> int:
    """How many bytes it has; 0 when there is nothing."""
    status = status_of(path)
    return status.st_size if status is not None else 0


def refuse_bad_place(path: Path, status: os.stat_result | None) -> None:
    """Raise a `StorageError` where no file can be, or something else is.

    Args:
        status: of what is there.
    """
    if status is not None and stat.S_ISDIR(status.st_mode):
        raise StorageError(f"{path}: this is a folder; give the path of a file in it, such as {path / 'sessions.db'}")
    if status is not None and not stat.S_ISREG(status.st_mode):
        raise StorageError(f"{path}: this is a device or a pipe, not a file; give the path of a file")
    if status is None:
        folder = status_of(path.parent)
        if folder is None or not stat.S_ISDIR(folder.st_mode):
            raise StorageError(f"{path}: the folder {path.parent} does not exist; create it first")


def why_not_opened(path: str) -> str | None:
    """What keeps SQLite from opening a file, which tells no more than that it cannot; None where nobody knows.

    The file itself is not opened to find out: closing it would take away the locks that this process has on it.
    """
    if len(os.fsencode(path)) > _SQLITE_LONGEST and os.name == "posix":
        return f"its path is longer than SQLite takes ({_SQLITE_LONGEST} bytes); choose a folder that is not so deep"
    held: list[int] = []
    try:
        for _ in range(_FILES_OF_ONE_CONNECTION):
            held.append(os.open(os.devnull, os.O_RDONLY))  # noqa: PERF401 - what was opened is closed, too
    except OSError as error:
        return f"{error.strerror}{_hint(error)}"
    finally:
        for each in held:
            os.close(each)
    return None


def begins_with_nothing(journal: str) -> bool:
    """Whether this journal is that of the first change of a file that was empty before.

    It starts with a mark, and has at 16 how many pages there were before
    (https://www.sqlite.org/fileformat.html#the_rollback_journal). SQLite has no locks on it.
    """
    if not size_of(journal):
        return False
    try:
        with Path(journal).open("rb") as file:
            start = file.read(20)
    except FileNotFoundError:
        return False
    except OSError as error:
        hint = _hint(error) or "; check its permissions"
        raise StorageError(f"{journal}: cannot be read: {error.strerror}{hint}") from error
    return start.startswith(bytes.fromhex("d9d505f920a163d7")) and start[16:] == bytes(4)


def create_private(path: Path) -> None:
    """Create the file so that only its owner can read it; SQLite gives -wal and -shm the same mode."""
    try:
        os.close(os.open(os.path.realpath(path), os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        pass
    except PermissionError as error:
        raise ReadOnlyError(f"{path}: the folder {path.parent} cannot be written; choose another one") from error
    except OSError as error:
        raise StorageError(f"{path}: cannot be created: {error.strerror}{_hint(error)}") from error


GONE = "the file has been removed, renamed or moved, or its folder has"
_REPLACED = "another file has taken its place since it was opened, as by a sync client or a backup that was moved there"
WAY_OUT = (
    "this call has stored nothing. Close this repository in every program, see to it that the right file is there, "
    "with its -wal if it has one, and open it again"
)


_SQLITE_LONGEST = 504
"""How many bytes a path may have for SQLite on POSIX systems: its 512 less the name that a journal adds."""

_FILES_OF_ONE_CONNECTION = 4


class Identity(NamedTuple):
    """Which file it is, whatever its name: its device and inode, or on Windows its volume and its index there."""

    device: int
    inode: int


def identity_of(path: str) -> Identity:
    """Which file has this name, at the end of the links that begin there.

    Raises:
        StorageError: there is none, or nobody can tell.
    """
    try:
        status = os.stat(path)  # noqa: PTH116 - a Path takes three times as long
    except OSError as error:
        raise StorageError(f"{path}: {GONE}: {error.strerror}; {WAY_OUT}") from error
    return Identity(status.st_dev, status.st_ino)


def require_same(path: str, opened: Identity) -> None:
    """Raise a `StorageError` where this is no longer the name of the file that was opened."""
    try:
        status = os.stat(path)  # noqa: PTH116 - a Path takes three times as long
    except OSError as error:
        raise StorageError(f"{path}: since it was opened, {GONE} ({error.strerror}); {WAY_OUT}") from error
    if status.st_ino != opened.inode or status.st_dev != opened.device:
        raise StorageError(f"{path}: {_REPLACED}; {WAY_OUT}")


def refuse_second_name(path: Path, status: os.stat_result) -> None:
    """Raise a `StorageError` for a file that has two names: SQLite would keep a log of its own beside each.

    See https://www.sqlite.org/howtocorrupt.html, 2.5.
    """
    if status.st_nlink > 1:
        raise StorageError(
            f"{path}: this file has {status.st_nlink} names (hard links), under which programs would overwrite each "
            "other's saves; remove the others, or copy the file and open the copy; a symbolic link does no harm"
        )
