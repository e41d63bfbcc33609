"""`DeletedSessions`: what was deleted in a window, kept until it is closed, so that it can be brought back."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from paper_repo.core.repository import SessionRepository
from paper_repo.maintenance.archive import export_archive, import_archive


class Deletion(NamedTuple):
    """What was deleted at once."""

    ids: tuple[str, ...]
    archive: Path


class DeletedSessions:
    """The deletions of one window, each as an archive in a folder of its own that goes with the window."""

    def __init__(self, core: SessionRepository) -> None:
        self._core = core
        self._folder = TemporaryDirectory(prefix="paper_repo-deleted-", ignore_cleanup_errors=True)
        self._deletions: list[Deletion] = []

    @property
    def count(self) -> int:
        """How many deletions can be undone."""
        return len(self._deletions)

    def delete(self, ids: tuple[str, ...]) -> Deletion:
        """Delete these sessions with their history, all of them or none, after they have been kept. It blocks.

        Raises:
            SessionNotFoundError: one of them is gone already.
        """
        archive = Path(self._folder.name) / f"{len(self._deletions):06}.jsonl"
        with self._core.atomic():
            with archive.open("wb") as file:
                export_archive(self._core, file, ids=ids)
            for session_id in ids:
                self._core.delete(session_id)
        deletion = Deletion(ids, archive)
        self._deletions.append(deletion)
        return deletion

    def undo(self) -> Deletion | None:
        """Bring back what was deleted last; None where nothing is left to bring back. It blocks.

        A session that is stored again under the same id stays as it is.
        """
        if not self._deletions:
            return None
        deletion = self._deletions[-1]
        with deletion.archive.open("rb") as file:
            import_archive(self._core, file, on_conflict="skip")
        self._deletions.remove(deletion)
        return deletion

    def close(self) -> None:
        """Forget all of it."""
        self._folder.cleanup()
