"""Opening a file a second time leaves the locks of the first time alone."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from paper_repo import ForeignDatabaseError, SessionRepository
from tests.builders import new_session

PROC_LOCKS = Path("/proc/locks")


def locks_on(path: Path) -> list[str]:
    """The locks that processes hold on the file, as the kernel tells them."""
    inode = path.stat().st_ino
    return [" ".join(line.split()[1:]) for line in PROC_LOCKS.read_text().splitlines() if f":{inode} " in line]


@pytest.mark.skipif(not PROC_LOCKS.exists(), reason="the kernel's list of locks, /proc/locks, is Linux's")
def test_another_repository_on_the_file_takes_no_lock_away(path: Path) -> None:
    """SQLite's locks on a file survive that this process opens, looks at and closes the same file again.

    Closing a file drops all locks that the process has on it; another program would then take the database for unused.
    """
    with SessionRepository(path) as first:
        first.save(new_session())
        with first.atomic():
            before = locks_on(path)

            with SessionRepository(path) as second:
                second.get_active()

            assert before
            assert locks_on(path) == before


@pytest.mark.skipif(not PROC_LOCKS.exists(), reason="the kernel's list of locks, /proc/locks, is Linux's")
def test_refusing_a_file_takes_no_lock_away(path: Path) -> None:
    """A file of this program that is opened here by mistake keeps the locks that the program has on it."""
    own = sqlite3.connect(path, isolation_level=None)
    own.execute("CREATE TABLE theirs (x)")
    own.execute("BEGIN IMMEDIATE")
    before = locks_on(path)

    with pytest.raises(ForeignDatabaseError):
        SessionRepository(path).open()

    assert before
    assert locks_on(path) == before
    own.close()
