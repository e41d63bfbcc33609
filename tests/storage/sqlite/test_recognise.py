"""Opening a file is one question: what it is."""

from __future__ import annotations

import ctypes
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from paper_repo import ForeignDatabaseError, SchemaVersionError, SessionRepository
from paper_repo.core.repository import internals_of
from paper_repo.storage.schema import MIGRATIONS, newest_version
from paper_repo.storage.sqlite.location import Location
from paper_repo.storage.sqlite.recognise import Current, Damaged, New, Old, Recogniser
from paper_repo.storage.sqlite.storage import SQLiteStorage
from tests.builders import new_session
from tests.processes.running import unmeasured

ROOT = Path(__file__).parents[3]


def recogniser(path: Path, **options: Any) -> Recogniser:
    """What a storage asks about the file at `path`."""
    storage = internals_of(SessionRepository(path, **options)).storage
    assert isinstance(storage, SQLiteStorage)
    return storage._recogniser(Location(path))


@pytest.fixture
def stored(path: Path) -> Path:
    """A file with a session, which nobody has open."""
    with SessionRepository(path) as repository:
        repository.save(new_session())
    return path


def change(path: Path, statement: str) -> None:
    """Run one statement on the file."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


@pytest.mark.parametrize("content", [None, b""])
def test_what_is_empty_is_new(path: Path, content: bytes | None) -> None:
    """A file that does not exist, or has nothing in it, is new; asking does not create it."""
    if content is not None:
        path.write_bytes(content)

    assert isinstance(recogniser(path).recognise(), New)

    assert path.exists() == (content is not None)


def test_a_database_without_tables_is_new(path: Path) -> None:
    """An SQLite file in which nothing has been made yet is new, too."""
    change(path, "PRAGMA user_version = 7")

    assert isinstance(recogniser(path).recognise(), New)


def test_a_file_of_this_version_is_current(stored: Path) -> None:
    """A file whose schema is the present one is current, with or without SQLite's log beside it."""
    assert isinstance(recogniser(stored).recognise(), Current)
    with SessionRepository(stored) as repository:
        repository.save(new_session())
        assert recogniser(stored).location.has("-wal")
        assert isinstance(recogniser(stored).recognise(), Current)


def test_an_older_file_is_old_or_refused(stored: Path, tmp_path: Path) -> None:
    """A file of an older schema is old; where it must not be upgraded, asking raises."""
    scripts = tmp_path / "scripts"
    shutil.copytree(MIGRATIONS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    (scripts / f"{newest_version() + 1:04}_more.py").write_text("def up(migrator, db):\n    pass\n")
    asked = replace(recogniser(stored), scripts=scripts)

    assert isinstance(asked.recognise(), Old)
    with pytest.raises(SchemaVersionError, match="upgrade='never'"):
        replace(asked, may_upgrade=False).recognise()


def test_a_damaged_file_says_why(stored: Path) -> None:
    """A file without one of its tables is damaged, and stays as it is."""
    change(stored, "DROP TABLE paper_trading_fills")
    before = stored.read_bytes()

    found = recogniser(stored).recognise()

    assert isinstance(found, Damaged)
    assert "paper_trading_fills" in found.reason
    assert stored.read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="folders have other permissions there")
def test_a_file_in_a_folder_that_cannot_be_written_is_read_only(stored: Path) -> None:
    """A current file beside which nothing can be created is only to be read."""
    stored.parent.chmod(0o555)
    command = [sys.executable, "-m", "tests.storage.sqlite.test_recognise", str(stored)]
    try:
        done = subprocess.run(command, cwd=ROOT, env=unmeasured(), check=True, capture_output=True, text=True)
    finally:
        stored.parent.chmod(0o755)

    assert done.stdout.strip() == "ReadOnly(is_current=True)"


def test_a_file_of_another_program_is_refused_untouched(path: Path) -> None:
    """What belongs to another program is refused, and not a byte of it is changed."""
    change(path, "CREATE TABLE theirs (number)")
    before = path.read_bytes()

    with pytest.raises(ForeignDatabaseError, match="belongs to another program"):
        recogniser(path).recognise()

    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def give_up_capabilities() -> None:
    """Have no more rights than others: the superuser may write everywhere (Linux's capset(2))."""
    if os.getuid() == 0:
        header, none = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
        assert ctypes.CDLL(None).capset(header, none) == 0


if __name__ == "__main__":
    give_up_capabilities()
    sys.stdout.write(f"{recogniser(Path(sys.argv[1])).recognise()}\n")
