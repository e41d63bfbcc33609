"""Does everything that changes whole files, each in a child of its own, which may be killed in it.

Usage: python keeping.py FOLDER, which `prepare` has filled. Prints a line `case pid status` for each of `CASES`; the
status is negative when a signal has ended it.
"""

from __future__ import annotations

import os
import shutil
import sys
import traceback
from functools import partial
from pathlib import Path

from paper_repo import SessionRepository
from paper_repo.maintenance.copy import copy_sessions
from paper_repo.maintenance.files import compact, restore_backup
from tests.processes.programs import dying

OLD_FILE = Path(__file__).parents[2] / "fixtures" / "schema-1.db"


def prepare(folder: Path) -> None:
    """Write the file of each case."""
    folder.mkdir()
    with SessionRepository(folder / "commit.db") as repository:
        for name in ("left", "right", "third", "fourth"):
            repository.save(dying.session(name, fills=20))
        shutil.copy(folder / "commit.db-wal", folder / "checkpoint.db-wal")
        shutil.copy(folder / "commit.db", folder / "checkpoint.db")
    for case in ("commit-rollback", "block", "backup", "copy", "compact", "restore-from"):
        shutil.copy(folder / "commit.db", folder / f"{case}.db")
    with SessionRepository(folder / "restore.db") as repository:
        repository.save(dying.session("another"))
    for case in ("upgrade", "upgrade-rollback"):
        shutil.copy(OLD_FILE, folder / f"{case}.db")
    with SessionRepository(folder / "commit-rollback.db", journal="rollback"):
        pass


def checkpoint(path: Path) -> None:
    """Open a file with all of its content in SQLite's log, which is moved into the file at the end."""
    with SessionRepository(path) as repository:
        repository.count()


def back_up(path: Path) -> None:
    """Make a backup."""
    with SessionRepository(path) as repository:
        repository.backup(f"{path}.target")


def copy_all(path: Path) -> None:
    """Copy every session to another file."""
    with SessionRepository(path) as source, SessionRepository(f"{path}.target") as target:
        copy_sessions(source, target)


def restore(path: Path) -> None:
    """Put a backup in the place of the file."""
    restore_backup(path.with_name("restore-from.db"), path)


def upgrade_by_rollback(path: Path) -> None:
    """Upgrade a file as it is done on a network file system."""
    with SessionRepository(path, journal="rollback") as repository:
        repository.count()


CASES = {
    "commit": dying.save,
    "commit-rollback": partial(dying.save, journal="rollback"),
    "block": dying.block,
    "checkpoint": checkpoint,
    "upgrade": checkpoint,
    "upgrade-rollback": upgrade_by_rollback,
    "backup": back_up,
    "copy": copy_all,
    "compact": compact,
    "restore": restore,
}


def main(folder: Path) -> None:
    """Do each of them."""
    for case, work in CASES.items():
        child = os.fork()
        if not child:
            try:
                work(folder / f"{case}.db")
                os._exit(0)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        os.write(1, f"{case} {child} {os.waitstatus_to_exitcode(status)}\n".encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
