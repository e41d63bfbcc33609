"""Saving what damage has left of a file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from paper_repo.core import history
from paper_repo.core.repository import SessionRepository
from paper_repo.domain import PaperTradingSession
from paper_repo.domain.values import Progress
from paper_repo.errors import CorruptDatabaseError, CorruptRecordError, PaperRepoError, StorageError
from paper_repo.maintenance.salvage.pages import FoundRows, find_rows
from paper_repo.maintenance.salvage.remains import Remains, damaged_tables
from paper_repo.storage.new_files import new_file_beside, publish
from paper_repo.storage.sqlite.storage import SQLiteStorage

T = TypeVar("T")
Row = Sequence[Any]


@dataclass(slots=True)
class Salvaged:
    """How much `salvage` has saved.

    `from_pages` of the sessions, fills and equity points were found in the file's pages, where SQLite cannot reach them
    any more. `lost` has a sentence for everything that is known to be missing, `doubtful` for what is saved although
    its checksum is wrong, or although it may have been deleted before.
    """

    sessions: int = 0
    fills: int = 0
    equity_points: int = 0
    from_pages: int = 0
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

    What SQLite cannot reach any more is looked for in the pages of the file and of its -wal, unless it is encrypted;
    what is found there is saved only when its checksum is right. A history of which a part is lost is closed up: the
    places of its fills are counted back from the session's count. No program should have the file open, and this one
    must not. What is found in the pages is held in memory.

    Args:
        passphrase: of the damaged file when it is encrypted, and then of the new one.
        progress: called with how many sessions are saved, and how many there are.

    Raises:
        StorageError: there is something at `target` already, or nothing at `path`.
        ForeignDatabaseError: the file is not ours, or its start is damaged and no session can be found in it.
        CorruptDatabaseError: its tables are damaged, and no session can be found.
        SchemaVersionError: it has another schema than this library knows, and no session can be found.
    """
    path, target = Path(path), Path(target).absolute()
    if not path.exists():
        raise StorageError(f"{path}: there is no such file")

    def source() -> SessionRepository:
        return SessionRepository(path, upgrade="never", passphrase=passphrase)

    with new_file_beside(target) as partial:
        with closing(source()) as looked_at:
            storage = _file(looked_at)
            damaged, refusal = damaged_tables(storage)
        pages = find_rows(path, storage.statements) if damaged and not passphrase else FoundRows()
        if refusal is not None and not pages.sessions:
            raise refusal
        with closing(source()) as old, SessionRepository(partial, passphrase=passphrase) as new:
            remains = Remains(_file(old), damaged, readable=refusal is None, pages=pages)
            saved = _Salvage(remains, old, new).run(progress)
        if saved.from_pages:
            saved.doubtful += remains.doubts(path)
        publish(partial, target)
    return saved


def _file(repository: SessionRepository) -> SQLiteStorage:
    if not isinstance(repository.storage, SQLiteStorage):
        raise StorageError(f"{repository.storage.name}: only SQLite files are salvaged")
    return repository.storage


class _Salvage:
    def __init__(self, remains: Remains, source: SessionRepository, new: SessionRepository) -> None:
        self._remains = remains
        self._source = source
        self._new = new
        self._saved = Salvaged()

    def run(self, progress: Progress | None) -> Salvaged:
        rows, found, lost = self._remains.sessions()
        self._saved.lost += self._remains.cut_off()
        self._saved.lost += [f"session {each!r}: it lies in a damaged part of the file" for each in lost]
        sessions = [(each, 0) for each in self._read(rows, self._source.records.session, "session")]
        sessions += [(each, 1) for each in self._read(found, self._source.records.session, "session")]
        for done, (session, from_pages) in enumerate(sessions, 1):
            self._save(session, from_pages)
            if progress is not None:
                progress(done, len(sessions))
        return self._saved

    def _save(self, session: PaperTradingSession, from_pages: int) -> None:
        name = f"session {session.id!r}"
        fill_rows, fills_found = self._remains.fills(session.id, session.fill_count)
        point_rows, points_found = self._remains.points(session.id)
        fills = list(self._read(fill_rows, self._fill, f"{name}: a fill"))
        fills = list({each.id: each for each in fills}.values())
        points = list(self._read(point_rows, self._point, f"{name}: an equity point"))
        self._report(name, "fills", fill_rows, len(fills), session.fill_count)
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
        self._saved.from_pages += from_pages + fills_found + points_found

    def _report(self, name: str, what: str, rows: Sequence[Row], read: int, last: int = 0) -> None:
        """Say how much of a history is missing, as far as its `last` place, or the places of what was read, tell."""
        missing = max([last, *(row[1] for row in rows if isinstance(row[1], int))]) - read
        if missing > 0:
            self._saved.lost.append(f"{name}: {missing} of its {what}")

    def _fill(self, row: Row, checked: bool) -> Any:
        return history.fill(self._source.storage, row, checked)

    def _point(self, row: Row, checked: bool) -> Any:
        return history.point(self._source.storage, row, checked)

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
