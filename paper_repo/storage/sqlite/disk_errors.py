"""Why a disk refuses to write, which SQLite does not pass on: the system is asked once more."""

from __future__ import annotations

import os
from pathlib import Path

from paper_repo.errors import DiskFullError, StorageError
from paper_repo.storage.new_files import NO_ROOM

_MOST = 1 << 16
"""The size of the largest page that SQLite writes."""


def refused_write(path: Path, told: str) -> StorageError:
    """The error of a write to the database at `path`, or to its log, that the system has refused; SQLite `told` so."""
    error = refusal(path)
    if error is None:
        return StorageError(
            f"{path}: the disk refused a write and takes others now; nothing of this write is stored, repeat it, "
            f"and check the disk if that happens again (SQLite says: {told})"
        )
    if error.errno in NO_ROOM:
        return DiskFullError(
            f"{path}: the disk, a quota or the limit of file sizes leaves no room; nothing of this write is stored, "
            f"make room and repeat it (the system says: {error.strerror})"
        )
    return StorageError(
        f"{path}: the disk fails; nothing of this write is stored, check the disk (the system says: {error.strerror})"
    )


def refusal(path: Path) -> OSError | None:
    """What the system says against one more page behind those of `path` and its log, written to a file without name."""
    from tempfile import TemporaryFile  # on demand: it is slow to import and seldom needed

    try:
        with TemporaryFile(dir=path.parent) as file:
            file.seek(max(map(_size, (path, Path(f"{path}-wal")))))
            file.write(bytes(_MOST))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error
    return None


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
