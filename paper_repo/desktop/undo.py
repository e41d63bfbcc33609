"""`DeletedSessions`: what was deleted in a window, kept until it is closed, so that it can be brought back."""

from __future__ import annotations

from io import BytesIO
from tempfile import TemporaryFile
from typing import BinaryIO, NamedTuple, cast

from paper_repo.core.repository import SessionRepository, internals_of
from paper_repo.maintenance.archive import export_archive, import_archive


class Deletion(NamedTuple):
    """What was deleted at once."""

    ids: tuple[str, ...]
    archive: BinaryIO


class DeletedSessions:
    """The deletions of one window, each as an archive without a name, which goes with the program in any case.

    What was encrypted is never written in the clear: its archives are held in memory.
    """

    def __init__(self, core: SessionRepository) -> None:
        self._core = core
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
        is_encrypted = internals_of(self._core).storage.is_encrypted
        archive = BytesIO() if is_encrypted else cast(BinaryIO, TemporaryFile())  # noqa: SIM115  # kept open
        try:
            with self._core.atomic():
                export_archive(self._core, archive, ids=ids)
                for session_id in ids:
                    self._core.delete(session_id)
        except BaseException:
            archive.close()
            raise
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
        deletion.archive.seek(0)
        import_archive(self._core, deletion.archive, on_conflict="skip")
        self._deletions.remove(deletion)
        deletion.archive.close()
        return deletion

    def close(self) -> None:
        """Forget all of it."""
        for deletion in self._deletions:
            deletion.archive.close()
        self._deletions.clear()
