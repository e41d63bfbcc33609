"""What is done to a whole file while nobody else has it open: restoring a backup, and compacting."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from paper_repo.core.repository import SessionRepository
from paper_repo.domain.values import Progress
from paper_repo.errors import BusyError, CorruptDatabaseError, SchemaVersionError, StorageError
from paper_repo.maintenance.copy import digest_within
from paper_repo.storage.new_files import file_errors, free_name, new_file_beside, publish, write_through
from paper_repo.storage.options import Journal
from paper_repo.storage.sqlite.encryption import export


def restore_backup(
    backup: str | os.PathLike[str],
    path: str | os.PathLike[str],
    *,
    passphrase: str | None = None,
    journal: Journal = "wal",
    progress: Progress | None = None,
) -> Path | None:
    """Make the file at `path` what `backup` is, once the backup is found to be sound. Nobody may have the file open.

    Args:
        backup: a file that `backup` has written, or any other file of ours; it is not changed.
        path: the database to be replaced, or a new one.
        passphrase: of both, when they are encrypted.
        journal: with which others may have `path` open, as for `SessionRepository`.
        progress: called with how many pages are written, and how many there are.

    Returns:
        Where the file that was there before is kept; None when there was none.

    Raises:
        CorruptDatabaseError: the backup is damaged; nothing was changed. Its message says what is wrong.
        BusyError: another program has the file open.
    """
    path = Path(os.path.realpath(path))
    with SessionRepository(backup, upgrade="never", passphrase=passphrase) as source:
        _require_sound(source)
        with new_file_beside(free_name(path, "restored")) as partial:
            partial.unlink()
            source.backup(partial, progress=progress)
            with file_errors(path):
                kept = _keep(path, passphrase, journal)
                for suffix in ("-wal", "-shm", "-journal"):
                    Path(f"{path}{suffix}").unlink(missing_ok=True)
                partial.replace(path)
                write_through(path)
    return kept


def compact(
    path: str | os.PathLike[str], *, passphrase: str | None = None, journal: Journal = "wal"
) -> tuple[int, int]:
    """Rewrite a file without the room that deleted sessions have left; its size in bytes before and after."""
    path = Path(path)
    with SessionRepository(path, passphrase=passphrase, journal=journal) as repository:
        before = path.stat().st_size
        repository.compact()
    return before, path.stat().st_size


def encrypt(path: str | os.PathLike[str], target: str | os.PathLike[str], passphrase: str) -> int:
    """Write an encrypted copy of a file, verified session by session, to the new file `target`; the file stays.

    Returns:
        How many sessions there are in it.

    Raises:
        StorageError: there is something at `target` already; so for `decrypt`.
    """
    return _convert(path, None, target, passphrase)


def decrypt(path: str | os.PathLike[str], target: str | os.PathLike[str], passphrase: str) -> int:
    """Write a plain copy of an encrypted file, otherwise as `encrypt`.

    Raises:
        WrongPassphraseError: the passphrase is another one.
    """
    return _convert(path, passphrase, target, None)


def _convert(path: str | os.PathLike[str], old: str | None, target: str | os.PathLike[str], new: str | None) -> int:
    target = Path(target).absolute()
    with SessionRepository(path, passphrase=old, upgrade="never") as source, new_file_beside(target) as partial:
        _require_sound(source)
        with source.reading():
            export(Path(os.path.realpath(path)), old, partial, new)
            with SessionRepository(partial, passphrase=new, upgrade="never") as copy:
                ids = source.find_ids("", limit=None)
                for session_id in ids:
                    if digest_within(source, session_id) != digest_within(copy, session_id):
                        raise CorruptDatabaseError(f"{target}: session {session_id!r} is not the same there")
        publish(partial, target)
    return len(ids)


def _require_sound(backup: SessionRepository) -> None:
    report = backup.check()
    if not report.ok:
        raise CorruptDatabaseError(f"{backup!r} was not restored, since it is damaged: {report.problems[0]}")


def _keep(path: Path, passphrase: str | None, journal: Journal) -> Path | None:
    """Copy what is at `path`, with SQLite's log beside it, to a name that says why it is there."""
    if not path.exists():
        return None
    for each in dict.fromkeys([passphrase, None]):  # a plain file may be replaced by an encrypted one
        _require_unused(path, each, journal)
    kept = free_name(path, "replaced")
    for suffix in ("", "-wal"):
        if Path(f"{path}{suffix}").exists():
            shutil.copy2(f"{path}{suffix}", f"{kept}{suffix}")
            Path(f"{kept}{suffix}").chmod(0o600)
            write_through(Path(f"{kept}{suffix}"))
    return kept


def _require_unused(path: Path, passphrase: str | None, journal: Journal) -> None:
    """Raise a `BusyError` when another program has the file open: the last one to close it takes its -wal away."""
    try:
        with SessionRepository(path, upgrade="never", passphrase=passphrase, journal=journal) as repository:
            repository.exists("")
            sound = not repository.is_damaged
    except SchemaVersionError:
        sound = True
    except StorageError:
        return  # what cannot be opened is not in use by us
    if sound and Path(f"{path}-shm").exists():
        raise BusyError(f"{path}: another program has it open; close that first, then repeat this")
