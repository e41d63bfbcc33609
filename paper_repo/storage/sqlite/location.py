"""Where an SQLite file lies: its addresses for SQLite, and the files that SQLite keeps beside it."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from paper_repo.storage.sqlite.paths import size_of


class Location:
    """The place of one file.

    Args:
        path: its name, which may be a link.
    """

    def __init__(self, path: Path) -> None:
        self.path: Path = path
        self._real: Path | None = None

    @property
    def real(self) -> Path:
        """The file at the end of the links, as they were when this was first asked."""
        # No `cached_property`: that of Python 3.11 has a lock for all files, for which an interrupted thread would be
        # waited for.
        if self._real is None:
            self._real = Path(os.path.realpath(self.path))
        return self._real

    @property
    def read_only(self) -> str:
        """The address for a connection that writes nothing to the file."""
        return f"file:{quote(os.fsencode(self.path))}?mode=ro"

    @property
    def writable(self) -> str:
        """The address for a connection that may write to the file, and does not create it."""
        return f"file:{quote(os.fsencode(self.path))}?mode=rw"

    @property
    def as_it_lies(self) -> str:
        """The address of the file alone, without a look at anything beside it, and without a lock."""
        return f"{self.read_only}&immutable=1"

    def beside(self, ending: str) -> str:
        """The file that SQLite keeps beside this one, or beside the one that this is a link to."""
        return f"{self.real}{ending}"

    def has(self, ending: str) -> bool:
        """Whether there is something in the file of this ending."""
        return bool(size_of(self.beside(ending)))

    def size(self) -> int:
        """How large the file is, with SQLite's log of the changes to it."""
        return size_of(self.path) + size_of(self.beside("-wal"))

    def can_only_be_read_as_it_lies(self) -> bool:
        """Whether SQLite cannot have its shared memory beside a file in WAL mode, which even a reader needs.

        Where nothing can be created and nobody has it open, the file may be read as it lies; but not where a journal
        tells that a change has come to no end.
        """
        return not os.access(self.real.parent, os.W_OK) and not self.has("-shm") and not self.has("-journal")
