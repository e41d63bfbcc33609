"""What is done to a whole file: restoring a backup, compacting, encrypting and decrypting."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from paper_repo.core.repository import SessionRepository, internals_of
from paper_repo.domain.values import Progress
from paper_repo.errors import BusyError, CorruptDatabaseError, SchemaVersionError, StorageError
from paper_repo.maintenance.copy import digest_within
from paper_repo.storage.new_files import (
    copy_private,
    file_errors,
    free_name,
    new_file_beside,
    publish,
    remove,
    replace,
    sync_folder,
    write_through,
)
from paper_repo.storage.options import Journal
from paper_repo.storage.sqlite.encryption import export
from paper_repo.storage.sqlite.renumbering import number_changes_after

LOGS = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a file, and would take for that of another one that gets its name."""


class _Replaced(NamedTuple):
    """What is known of a file that is about to be replaced: its newest change, and the versions of its sessions."""

    position: int = 0
    versions: dict[str, int] = {}


def restore_backup(
    backup: str | os.PathLike[str],
    path: str | os.PathLike[str],
    *,
    passphrase: str | None = None,
    journal: Journal = "wal",
    progress: Progress | None = None,
) -> Path | None:
    """Replace the database at `path` by a backup, once the backup is found to be sound. Nobody may have `path` open.

    What was there before is kept beside it, and `path` is always one of the two, whenever the power goes. To whoever
    watches by a position of before, every session counts as changed, and those that are gone as deleted.

    Args:
        backup: a file that `backup` has written, or any other file of ours; it is not changed.
        path: the database that is replaced, or a new one.
        passphrase: of both, when they are encrypted.
        journal: how other programs open `path`, "wal" or "rollback", as for `SessionRepository`.
        progress: called with how many pages are written, and how many there are.

    Returns:
        Where the file that was there before is kept; None when there was none.

    Raises:
        CorruptDatabaseError: the backup is damaged; the message says where. Nothing was changed.
        ForeignDatabaseError: the backup is none of ours, or has something in it that is not ours. Nothing was changed.
        BusyError: another program has the file open.
    """
    path = Path(os.path.realpath(path))
    with SessionRepository(backup, upgrade="never", passphrase=passphrase) as source:
        _require_sound(source)
        with new_file_beside(free_name(path, "restored")) as partial:
            remove(partial)
            source.backup(partial, progress=progress)
            with file_errors(path):
                replaced = _look_at(path, passphrase, journal)
                _number_changes(partial, passphrase, journal, replaced)
                kept = _keep(path)
                for suffix in LOGS:
                    remove(Path(f"{path}{suffix}"))
                sync_folder(path.parent)  # the file of that log must not be another one before the log is gone
                replace(partial, path)
                sync_folder(path.parent)
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
    """Write an encrypted copy of a file to the new file `target`, verified session by session; `path` is not changed.

    Returns:
        How many sessions it holds.

    Raises:
        StorageError: `target` exists already.
    """
    return _convert(path, None, target, passphrase)


def decrypt(path: str | os.PathLike[str], target: str | os.PathLike[str], passphrase: str) -> int:
    """Write a plain copy of an encrypted file to the new file `target`, as `encrypt` does.

    Raises:
        WrongPassphraseError: the passphrase is wrong.
    """
    return _convert(path, passphrase, target, None)


def _convert(path: str | os.PathLike[str], old: str | None, target: str | os.PathLike[str], new: str | None) -> int:
    path, target = Path(os.path.realpath(path)), Path(target).absolute()
    with SessionRepository(path, passphrase=old, upgrade="never") as live, new_file_beside(target) as partial:
        _require_sound(live)
        with _held_still(live, path) as place:
            export(place, old, partial, new)
            count = _require_same(place, old, partial, new, target)
        publish(partial, target)
    return count


@contextmanager
def _held_still(live: SessionRepository, path: Path) -> Iterator[Path]:
    """A backup of `path`, as of one moment, that nobody else has open.

    SQLCipher is another SQLite, and knows nothing of what this process has open with the usual one: when it closes the
    file, it drops the other's locks and removes its -wal, with whatever is saved later
    (https://www.sqlite.org/howtocorrupt.html, 2.2.1).
    """
    if not os.access(path.parent, os.W_OK):
        yield path  # nobody can write there
        return
    with new_file_beside(free_name(path, "converting")) as backup:
        remove(backup)
        live.backup(backup)
        yield backup


def _require_same(path: Path, old: str | None, partial: Path, new: str | None, target: Path) -> int:
    """Compare every session of a copy with the original; how many there are.

    Raises:
        CorruptDatabaseError: one is not the same.
    """
    with (
        SessionRepository(path, passphrase=old, upgrade="never", journal="rollback") as source,
        SessionRepository(partial, passphrase=new, upgrade="never") as copy,
        source.reading(),
    ):
        ids = source.find_ids("", limit=None)
        for session_id in ids:
            if digest_within(source, session_id) != digest_within(copy, session_id):
                raise CorruptDatabaseError(f"{target}: session {session_id!r} is not the same there")
    return len(ids)


def _require_sound(backup: SessionRepository) -> None:
    report = backup.check()
    if not report.ok:
        raise CorruptDatabaseError(f"{backup!r} was not restored, since it is damaged: {report.problems[0]}")


def _keep(path: Path) -> Path | None:
    """Copy what is at `path`, with what SQLite keeps beside it, to a name that says why it is there."""
    if not path.exists():
        return None
    kept = free_name(path, "replaced")
    for suffix in ("-journal", "-wal", ""):  # the file last: where it is, the copy is whole
        if Path(f"{path}{suffix}").exists():
            copy_private(Path(f"{path}{suffix}"), Path(f"{kept}{suffix}"))
    return kept


def _look_at(path: Path, passphrase: str | None, journal: Journal) -> _Replaced:
    """What is known of the file that is to be replaced.

    Raises:
        BusyError: another program has it open: the last one to close it takes its -wal away.
    """
    found = _Replaced()
    if not path.exists():
        return found
    for each in dict.fromkeys([passphrase, None]):  # a plain file may be replaced by an encrypted one
        try:
            with SessionRepository(path, upgrade="never", passphrase=each, journal=journal) as repository:
                repository.exists("")
                sound = not repository.is_damaged
                found = _known_of(repository) if sound else found
        except SchemaVersionError:
            sound = True
        except StorageError:
            continue  # what cannot be opened is not in use by us
        if sound and Path(f"{path}-shm").exists():
            raise BusyError(f"{path}: another program has it open; close that first, then repeat this")
    return found


def _known_of(repository: SessionRepository) -> _Replaced:
    with repository.reading(), repository.watch() as changes:
        storage = internals_of(repository).storage
        sessions = storage.statements.tables.sessions
        versions = storage.fetch_all(sessions.select(sessions.id, sessions.version))
        return _Replaced(changes.position or 0, dict(versions))


def _number_changes(path: Path, passphrase: str | None, journal: Journal, replaced: _Replaced) -> None:
    """Let the changes of a restored file count on from those of the file that it replaces.

    That one may be gone or unreadable. By milliseconds since 1970 the positions are behind those of any file of before
    as long as that has had less than a change a millisecond, in the long run.
    """
    with SessionRepository(path, passphrase=passphrase, journal=journal) as repository:
        known = _known_of(repository)
        gone = ((each, version) for each, version in replaced.versions.items() if each not in known.versions)
        position = max(known.position, replaced.position, time.time_ns() // 1_000_000)
        with repository.atomic():
            number_changes_after(internals_of(repository).storage, position, gone)
    write_through(path)
