"""Saving what damage has left of a file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from paper_repo import history
from paper_repo.domain import PaperTradingSession
from paper_repo.domain.values import Progress
from paper_repo.errors import CorruptDatabaseError, CorruptRecordError, PaperRepoError, StorageError
from paper_repo.repository import SessionRepository
from paper_repo.storage.backups import beside, give_name
from paper_repo.storage.sqlite import SQLiteStorage

T = TypeVar("T")
Row = Sequence[Any]


@dataclass(slots=True)
class Salvaged:
    """How much `salvage` has saved.

    `lost` has a sentence for everything that it has not, `doubtful` for what it has although its checksum is wrong.
    """

    sessions: int = 0
    fills: int = 0
    equity_points: int = 0
    lost: list[str] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)


def salvage(
    path: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    passphrase: str | None = None,
    progress: Progress | None = None,
) -> Salvaged:
    """Write everything that can be read of a damaged file to the new file `target`; the damaged one is not touched.

    A history of which a part is lost is closed up: the places of its fills are counted back from the session's count.

    Args:
        passphrase: of the damaged file when it is encrypted, and then of the new one.
        progress: called with how many sessions are saved, and how many there are.

    Raises:
        StorageError: there is something at `target` already, or nothing at `path`.
        ForeignDatabaseError: the start of the file is damaged, so that nothing can be read.
        CorruptDatabaseError: so are its tables.
    """
    target = Path(target).absolute()
    if not Path(path).exists():
        raise StorageError(f"{path}: there is no such file")
    with beside(target) as partial:
        source = SessionRepository(path, upgrade="never", passphrase=passphrase)
        with closing(source), SessionRepository(partial, passphrase=passphrase) as new:
            storage = source.storage
            if not isinstance(storage, SQLiteStorage):
                raise StorageError(f"{storage.name}: only SQLite files are salvaged")
            saved = _Salvage(storage, source, new).run(progress)
        give_name(partial, target)
    return saved


class _Salvage:
    def __init__(self, storage: SQLiteStorage, source: SessionRepository, new: SessionRepository) -> None:
        self._storage = storage
        self._source = source
        self._new = new
        self._saved = Salvaged()

    def run(self, progress: Progress | None) -> Salvaged:
        self._storage.open()
        rows, lost = self._storage.rescued_sessions()
        self._saved.lost += [f"session {each!r}: it lies in a damaged part of the file" for each in lost]
        sessions = list(self._read(rows, self._source.records.session, "session"))
        for done, session in enumerate(sessions, 1):
            self._save(session)
            if progress is not None:
                progress(done, len(sessions))
        return self._saved

    def _save(self, session: PaperTradingSession) -> None:
        tables, name = self._storage.statements.tables, f"session {session.id!r}"
        fill_rows = self._storage.rescued_history(tables.fills, session.id, session.fill_count)
        point_rows = self._storage.rescued_history(tables.equity, session.id, 0)
        fills = list(self._read(fill_rows, self._fill, f"{name}: a fill"))
        fills = list({each.id: each for each in fills}.values())
        points = list(self._read(point_rows, self._point, f"{name}: an equity point"))
        self._report(name, "fills", fill_rows, len(fills))
        self._report(name, "equity points", point_rows, len(points))
        try:
            first = session.fill_count - len(fills) + 1
            self._new.restore(session, enumerate(fills, max(first, 1)), points)
        except PaperRepoError as error:
            self._saved.lost.append(f"{name}: {error}")
            return
        self._saved.sessions += 1
        self._saved.fills += len(fills)
        self._saved.equity_points += len(points)

    def _report(self, name: str, what: str, rows: Sequence[Row], read: int) -> None:
        """Say how much of a history is missing, as far as the places of what was read tell."""
        places = [row[1] for row in rows if isinstance(row[1], int)]
        missing = max(places) - min(places) + 1 - read if places else 0
        if missing > 0:
            self._saved.lost.append(f"{name}: {missing} of its {what}")

    def _fill(self, row: Row, checked: bool) -> Any:
        return history.fill(self._storage, row, checked)

    def _point(self, row: Row, checked: bool) -> Any:
        return history.point(self._storage, row, checked)

    def _read(self, rows: Iterable[Row], decode: Callable[[Row, bool], T], what: str) -> Iterable[T]:
        """What the rows say; of those with a wrong checksum, what they seem to say."""
        for row in rows:
            try:
                yield decode(row, True)
            except CorruptRecordError as error:
                try:
                    yield decode(row, False)
                except CorruptDatabaseError:
                    self._saved.lost.append(f"{what}: {error}")
                else:
                    self._saved.doubtful.append(f"{what}: {error}")
