"""Salvaging: writing what can still be read of a damaged file to a new one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from paper_repo.core import history_rows
from paper_repo.core.repository import SessionRepository, internals_of
from paper_repo.domain import LedgerEntry, Order, PaperTradingSession
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
    """What `salvage` has saved, and what is lost.

    `from_pages` counts the sessions, fills and equity points that SQLite can no longer reach and that were found in the
    file's pages. `lost` has a sentence for everything known to be missing; `doubtful` one for everything that was saved
    although its checksum is wrong or although it may have been deleted before.
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

    What SQLite can no longer reach is searched for in the pages of the file and of its -wal, unless the file is
    encrypted; what is found there is saved only if its checksum is right, and held in memory meanwhile. A history with
    a part missing is closed up: its fills are numbered back from the session's count. No other program should have the
    file open, and this one must not.

    Args:
        passphrase: of the damaged file when it is encrypted, and then of the new one.
        progress: called after each session, with how many are done and how many there are.

    Raises:
        StorageError: `target` exists already, or `path` does not.
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
        if refusal is not None:
            saved.doubtful.append(f"all was read page by page, past SQLite: {refusal}")
        publish(partial, target)
    return saved


def _file(repository: SessionRepository) -> SQLiteStorage:
    storage = internals_of(repository).storage
    if not isinstance(storage, SQLiteStorage):
        raise StorageError(f"{storage.name}: only SQLite files are salvaged")
    return storage


class _Salvage:
    def __init__(self, remains: Remains, source: SessionRepository, new: SessionRepository) -> None:
        self._remains = remains
        self._source = internals_of(source)
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
        fills = list({(each.symbol, each.id): each for each in fills}.values())
        points = list(self._read(point_rows, self._point, f"{name}: an equity point"))
        self._report(name, "fills", fill_rows, len(fills), session.fill_count)
        if len(fills) > session.fill_count:
            later = len(fills) - session.fill_count
            self._saved.lost.append(f"{name}: {later} of its fills, which are newer than what is left of the session")
            del fills[session.fill_count :]
        self._report(name, "equity points", point_rows, len(points))
        left = self._remains
        entries, entries_found = self._rest(session, "ledger_count", "ledger entries", left.entries, self._entry)
        orders, orders_found = self._rest(session, "closed_order_count", "closed orders", left.orders, self._order)
        try:
            first = session.fill_count - len(fills) + 1
            self._new.restore(session, enumerate(fills, first), points, entries, orders)
        except PaperRepoError as error:
            self._saved.lost.append(f"{name}: {error}")
            return
        self._saved.sessions += 1
        self._saved.fills += len(fills)
        self._saved.equity_points += len(points)
        self._saved.from_pages += from_pages + fills_found + points_found + entries_found + orders_found

    def _rest(
        self,
        session: PaperTradingSession,
        counted: str,
        what: str,
        rows_of: Callable[[str, int], tuple[list[Row], int]],
        decode: Callable[[Row, bool], T],
    ) -> tuple[list[T], int]:
        """What is left of another kind of history, and how much of it was found in the pages.

        The session counts what is left from now on: nothing else tells how much there was.
        """
        name, count = f"session {session.id!r}", getattr(session, counted)
        rows, found = rows_of(session.id, count)
        read = list(self._read(rows, decode, f"{name}: one of its {what}"))
        self._report(name, what, rows, len(read), count)
        del read[count:]
        setattr(session, counted, len(read))
        return read, found

    def _report(self, name: str, what: str, rows: Sequence[Row], read: int, last: int = 0) -> None:
        """Say how much of a history is missing, as far as its `last` place, or the places of what was read, tell."""
        missing = max([last, *(row[1] for row in rows if isinstance(row[1], int))]) - read
        if missing > 0:
            self._saved.lost.append(f"{name}: {missing} of its {what}")

    def _fill(self, row: Row, checked: bool) -> Any:
        return history_rows.fill(self._source.storage, row, checked)

    def _point(self, row: Row, checked: bool) -> Any:
        return history_rows.point(self._source.storage, row, checked)

    def _entry(self, row: Row, checked: bool) -> tuple[int, LedgerEntry]:
        return history_rows.entry(self._source.storage, row, checked)

    def _order(self, row: Row, checked: bool) -> Order:
        return history_rows.order(self._source.storage, row, checked)

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
