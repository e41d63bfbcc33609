"""What a backup is as a file, and what keeps it from being published."""

from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from paper_repo import CorruptDatabaseError, DiskFullError, SessionRepository, StorageError
from paper_repo.storage.new_files import file_errors, new_file_beside, publish
from tests.builders import new_session

INDEX_LEAF = 10
"""The first byte of a page of an index."""


def test_a_backup_is_one_file_that_needs_no_other_beside_it(path: Path, tmp_path: Path) -> None:
    """It has no write-ahead log, so that it can be read where nothing can be written, and copied by itself."""
    with SessionRepository(path) as repository:
        repository.save(new_session(id="one"))
        repository.backup(tmp_path / "copy.db")

    assert (tmp_path / "copy.db").read_bytes()[18:20] == b"\x01\x01"  # "legacy": 2 is a write-ahead log
    assert [each.name for each in tmp_path.glob("copy.db*")] == ["copy.db"]


def test_an_index_that_is_not_of_its_table_is_not_backed_up(path: Path, tmp_path: Path) -> None:
    """Damage that reads without an error, and of which all pages look well, is found in what was copied."""
    with SessionRepository(path) as repository:
        repository.save(new_session())
    with SessionRepository(path) as repository, repository.reading(), ThreadPoolExecutor(1) as thread:
        assert repository.count() == 1
        _rename_in_an_index(path, b"0002_claims", b"0002_claimz")

        with pytest.raises(CorruptDatabaseError, match=r"copy\.db: was not written"):  # by a connection that reads it
            thread.submit(repository.backup, tmp_path / "copy.db").result()

    assert list(tmp_path.glob("copy.db*")) == []


def _rename_in_an_index(path: Path, name: bytes, other: bytes) -> None:
    data = path.read_bytes()
    size = int.from_bytes(data[16:18], "big")
    (place,) = (
        at + data[at : at + size].index(name)
        for at in range(0, len(data), size)
        if data[at] == INDEX_LEAF and name in data[at : at + size]
    )
    with path.open("rb+") as file:
        file.seek(place)
        file.write(other)


@pytest.mark.parametrize("log", ["-wal", "-journal"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_log_that_appears_meanwhile_keeps_a_file_from_being_published(
    tmp_path: Path, log: str, overwrite: bool
) -> None:
    """SQLite would take it for that of the new file: the place is looked at again when the file is whole."""
    target = tmp_path / "new.db"
    with new_file_beside(target, overwrite) as partial:
        partial.write_bytes(b"whole")
        Path(f"{target}{log}").write_bytes(b"somebody's")
        with pytest.raises(StorageError, match="is in use"):
            publish(partial, target, overwrite)

    assert [each.name for each in tmp_path.iterdir()] == [f"new.db{log}"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG], ids=errno.errorcode.get)
def test_no_room_is_no_room_whatever_takes_it(tmp_path: Path, number: int) -> None:
    """A full disk, a quota and a limit of file sizes are told as what they are, with what to do."""
    with pytest.raises(DiskFullError, match="make room and repeat"), file_errors(tmp_path / "new.db"):
        raise OSError(number, os.strerror(number))
