"""Does one thing to whole files, and prints "begun" just before it and "done" just after it.

Usage: python maintaining.py PATH OPERATION. All files are made here, so that what is recorded is all that there is.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from paper_repo import SessionRepository
from paper_repo.cli.app import app
from paper_repo.maintenance.archive import import_archive, import_into_new_file
from paper_repo.maintenance.copy import copy_sessions
from paper_repo.maintenance.files import compact, decrypt, encrypt, restore_backup
from tests.builders import moment, new_fill, new_session

KEY = f"x'{'0123456789abcdef' * 4}'"
"""A passphrase from which SQLCipher need not derive the key, which takes long."""

FIXTURES = Path(__file__).parents[1] / "fixtures"


def fill(path: Path, names: list[str], **options: str) -> None:
    """Add these sessions, each with a history."""
    with SessionRepository(path, **options) as repository:  # type: ignore[arg-type]
        for name in names:
            session = new_session(id=name, created_at=moment(0), state={"text": name * 400})
            for number in range(3):
                session.apply_fill(new_fill(number))
                session.mark({"AAPL": 100 + number}, at=moment(number))
            repository.save(session)


def new_file(path: Path, content: bytes) -> None:
    """Make a file that is on the disk for certain."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def export(path: Path, target: Path) -> None:
    """Export all sessions as the command does, which then ends the program."""
    try:
        app(["export", "--db", str(path), "-o", str(target)])
    except SystemExit as ended:
        if ended.code:
            raise


def archive(path: Path) -> None:
    """Make an archive at `path` of sessions that are nowhere else."""
    fill(path.with_name("archived.db"), ["imported", "imported too"])
    export(path.with_name("archived.db"), path)


def prepare(operation: str, path: Path) -> None:
    """Make what the operation works on: `path` itself, and others beside it."""
    if operation == "upgrade":
        new_file(path, (FIXTURES / "schema-1.db").read_bytes())
        return
    fill(path, ["a", "b"], **({"passphrase": KEY} if operation == "decrypt" else {}))
    if operation in ("restore", "backup over"):
        with SessionRepository(path) as repository:
            repository.backup(path.with_name("target.db"))
        fill(path, ["later"])
    elif operation == "compact":
        with SessionRepository(path) as repository:
            repository.delete("a")
    elif operation.startswith("import"):
        archive(path.with_name("archive.jsonl"))


def operate(operation: str, path: Path) -> None:
    """Do it."""
    target = path.with_name("target.db")
    if operation.startswith("backup"):
        with SessionRepository(path) as repository:
            repository.backup(target, overwrite=operation == "backup over")
    elif operation == "restore":
        restore_backup(target, path)
    elif operation == "upgrade":
        SessionRepository(path).open()
    elif operation == "copy":
        with SessionRepository(path) as source, SessionRepository(target) as other:
            copy_sessions(source, other)
    elif operation == "encrypt":
        encrypt(path, target, KEY)
    elif operation == "decrypt":
        decrypt(path, target, KEY)
    elif operation == "compact":
        compact(path)
    elif operation == "export":
        export(path, path.with_name("target.jsonl"))
    else:
        with path.with_name("archive.jsonl").open("rb") as file:
            if operation == "import":
                with SessionRepository(path) as repository:
                    import_archive(repository, file)
            else:
                import_into_new_file(target, file)


def main(path: Path, operation: str) -> None:
    """Prepare and do it."""
    prepare(operation, path)
    os.write(1, b"begun\n")
    operate(operation, path)
    os.write(1, b"done\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
