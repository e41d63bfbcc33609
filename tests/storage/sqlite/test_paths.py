"""Paths that no file can have here, and systems that have run out of something."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from paper_repo import SessionRepository, StorageError
from paper_repo.core.repository import internals_of
from tests.builders import new_session

OUT_OF_FILES = """
import os, resource, sys
from pathlib import Path
from paper_repo import PaperTradingSession, SessionRepository, StorageError, Strategy

folder = Path(sys.argv[1])
with SessionRepository(folder / "warm.db") as repository:
    repository.count()
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
held = []
try:
    while True:
        held.append(os.open(os.devnull, os.O_RDONLY))
except OSError:
    pass
for left in range(10):
    for name in "warm.db", f"new{left}.db":
        repository = SessionRepository(folder / name)
        try:
            repository.count()
        except StorageError as error:
            assert "ulimit" in str(error) or "could not be read" in str(error), (left, name, error)
        else:
            assert left, name
        repository.close()
    os.close(held.pop())
while held:
    os.close(held.pop())
for path in sorted(folder.glob("*.db")):
    with SessionRepository(path) as repository:
        repository.save(PaperTradingSession(id="a", strategy=Strategy("x"), initial_cash=1))
print("done")
"""


@pytest.mark.parametrize("path", ["~", "~/sessions.db", "~/data/sessions.db"])
def test_a_tilde_is_not_taken_for_a_folder(path: str) -> None:
    """Nobody wants a folder of that name; the message tells what to write."""
    with pytest.raises(ValueError, match="expanduser"):
        SessionRepository(path)


def test_a_name_that_only_begins_so_is_a_name(tmp_path: Path) -> None:
    """Editors call their copies so."""
    with SessionRepository(tmp_path / "~sessions.db") as repository:
        repository.save(new_session())


@pytest.mark.skipif(os.name != "posix", reason="the limits are those of POSIX systems")
def test_a_name_that_is_too_long(tmp_path: Path) -> None:
    """The message says so, and not that something is wrong with permissions."""
    with pytest.raises(StorageError, match="choose a shorter name"):
        SessionRepository(tmp_path / ("x" * 300)).open()


@pytest.mark.skipif(os.name != "posix", reason="the limits are those of POSIX systems")
def test_a_path_that_is_too_long_for_sqlite(tmp_path: Path) -> None:
    """The system would take it."""
    deep = tmp_path.joinpath(*["x" * 60] * 9)
    deep.mkdir(parents=True)

    with pytest.raises(StorageError, match="longer than SQLite takes"):
        SessionRepository(deep / "sessions.db").open()


@pytest.mark.skipif(os.name != "posix", reason="the limit is that of POSIX systems")
def test_a_program_that_can_open_no_more_files(tmp_path: Path) -> None:
    """Whatever the first that cannot be opened is: the message says so, and no half-made database is left."""
    done = subprocess.run(
        [sys.executable, "-c", OUT_OF_FILES, str(tmp_path)], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


@pytest.mark.parametrize(("platform", "expected"), [("darwin", 1), ("linux", 0)])
def test_macos_is_told_to_empty_the_drives_cache(
    path: Path, monkeypatch: pytest.MonkeyPatch, platform: str, expected: int
) -> None:
    """Every connection asks for it there; elsewhere SQLite takes no notice."""
    monkeypatch.setattr(sys, "platform", platform)
    with SessionRepository(path) as repository, internals_of(repository).storage.connection():
        for name in "fullfsync", "checkpoint_fullfsync":
            assert internals_of(repository).storage.execute(f"PRAGMA {name}").fetchone() == (expected,)
