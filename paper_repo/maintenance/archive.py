"""Archives: sessions with every field, fill and equity point, as lines of JSON in a file of their own.

An archive can be imported into any database, and exporting it from there gives the same bytes again. Its format is
described in `docs/archive-format.md`. Both directions need the memory of one session and a few lines, however long the
archive is.
"""

from __future__ import annotations

import dataclasses
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeAlias

from paper_repo.core import history, history_rows
from paper_repo.core.history_writing import FillTwiceError, in_order, require_all
from paper_repo.core.repository import SessionRepository, internals_of
from paper_repo.domain import EquityPoint, Fill, LedgerEntry, Order, PaperTradingSession
from paper_repo.domain.selection import SessionFilters, StatusFilter
from paper_repo.domain.values import Progress
from paper_repo.errors import ConflictError, InvalidSessionError, SessionNotFoundError
from paper_repo.maintenance import archive_lines as lines
from paper_repo.maintenance.archive_reader import ArchiveReader, Contents, ThrottledProgress
from paper_repo.serialization import fast
from paper_repo.storage.base import Storage
from paper_repo.storage.new_files import new_file_beside, publish
from paper_repo.storage.options import Journal
from paper_repo.storage.sqlite.paths import checked_path

OnConflict: TypeAlias = Literal["error", "skip", "replace"]


@dataclass(slots=True)
class Imported:
    """What `import_archive` did, in sessions."""

    added: int = 0
    replaced: int = 0
    skipped: int = 0


def export_archive(
    repository: SessionRepository,
    file: BinaryIO,
    *,
    ids: Iterable[str] | None = None,
    status: StatusFilter = None,
    strategy: str | None = None,
    symbol: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    progress: Progress | None = None,
) -> Contents:
    """Write sessions with their whole history to `file`: the database at one moment, the oldest session first.

    Args:
        repository: where the sessions are. Others can continue to write to it.
        file: a file that is open for writing bytes.
        ids: only these sessions, in this order; None for all that match the filters.
        status: as for `SessionRepository.get_all`, like the next four.
        strategy: the name of the strategy.
        symbol: a symbol that the session trades.
        since: an aware datetime; only sessions created at this time or later.
        until: an aware datetime; only sessions created before this time.
        progress: called from time to time with the number of lines written and their total, which is 0 if it is not
            known: with `ids` or filters.

    Returns:
        How much was written.

    Raises:
        SessionNotFoundError: one of the `ids` is not stored; the archive is incomplete then.
    """
    filters: SessionFilters = {"status": status, "strategy": strategy, "symbol": symbol, "since": since, "until": until}
    contents = Contents()
    with repository.reading():
        everything = ids is None and not any(filters.values())
        total = _lines_of_all(repository) if everything and progress is not None else 0
        report = ThrottledProgress(progress, 1000, total)
        sessions = repository.iterate(**filters) if ids is None else _named(repository, ids)
        for line in _lines(repository, sessions, contents):
            file.write(line)
            report.add(1)
        report.end()
    return contents


def import_archive(
    repository: SessionRepository,
    file: Iterable[bytes],
    *,
    on_conflict: OnConflict = "error",
    progress: Progress | None = None,
) -> Imported:
    """Store every session of an archive as it was, with its version and times: all of them or, after an error, none.

    It is one transaction: other writers wait until it ends, at most for their busy timeout.

    Args:
        repository: where to store the sessions.
        file: an archive that is open for reading bytes; read once, line by line.
        on_conflict: what to do about a session whose id is stored already: "error", "skip" (the stored one stays) or
            "replace" (the stored one is deleted with its history).
        progress: called from time to time with the number of bytes read and the size of the file, which is 0 if it is
            not known: for a pipe, or lines from elsewhere.

    Raises:
        ArchiveError: the file is not a complete archive, or a line is wrong or contradicts another one; the error
            names the line.
        ConflictError: a session is stored already, and `on_conflict` is "error".
        ValueError: `on_conflict` is not one of the three.
    """
    if on_conflict not in ("error", "skip", "replace"):
        raise ValueError(f"on_conflict is 'error', 'skip' or 'replace', not {on_conflict!r}")
    reader = ArchiveReader(file, ThrottledProgress(progress, 1 << 17, _size(file)))
    reader.header()
    with repository.atomic():
        return _store(repository, reader, on_conflict)


def import_into_new_file(
    target: str | os.PathLike[str],
    file: Iterable[bytes],
    *,
    passphrase: str | None = None,
    journal: Journal = "wal",
    progress: Progress | None = None,
) -> Imported:
    """Create the SQLite file `target` with the sessions of an archive; after an error there is no such file.

    Args:
        target: the new file, whose folder must exist.
        file: an archive, as for `import_archive`.
        passphrase: encrypts the new file.
        journal: "wal" or "rollback", as for `SessionRepository`.
        progress: as for `import_archive`.

    Raises:
        ValueError: `target` is not the path of a file, such as ":memory:" or "~/sessions.db".
        StorageError: there is a file at `target` already, or it cannot be created.
        ArchiveError: as for `import_archive`.
    """
    target = Path(checked_path(target)).absolute()
    with new_file_beside(target) as partial:
        with SessionRepository(partial, passphrase=passphrase, journal=journal) as repository:
            done = import_archive(repository, file, progress=progress)
        publish(partial, target)
    return done


def _named(repository: SessionRepository, ids: Iterable[str]) -> Iterator[PaperTradingSession]:
    for session_id in ids:
        session = repository.get_by_id(session_id)
        if session is None:
            raise SessionNotFoundError(session_id)
        yield session


# Writing


def _lines(
    repository: SessionRepository, sessions: Iterable[PaperTradingSession], contents: Contents
) -> Iterator[bytes]:
    storage = internals_of(repository).storage
    yield lines.line({"format": lines.FORMAT, "version": lines.VERSION})
    for session in sessions:
        contents.sessions += 1
        yield lines.session_line(fast.to_columns(session))
        for line in _fill_lines(storage, session.id):
            contents.fills += 1
            yield line
        for line in _point_lines(storage, session.id):
            contents.equity_points += 1
            yield line
        for after_fill, entry in repository.ledger_history(session.id):
            contents.ledger_entries += 1
            yield lines.entry_line(after_fill, entry)
        for order in repository.order_history(session.id):
            contents.closed_orders += 1
            yield lines.order_line(order)
    yield lines.line({"type": "end", **dataclasses.asdict(contents)})


def _fill_lines(storage: Storage, session_id: str) -> Iterator[bytes]:
    """The lines of a session's fills: by the entities, except where a right checksum says that they are as written."""
    for row in history.fill_rows(storage, session_id, 0):
        plain = history_rows.plain_fill(storage, row)
        if plain is None:
            yield lines.fill_line(row[1], fast.dump(history_rows.fill(storage, row)))
        else:
            yield lines.plain_fill_line(row[1], *plain)


def _point_lines(storage: Storage, session_id: str) -> Iterator[bytes]:
    """The same of its equity points."""
    for row in history.point_rows(storage, session_id):
        plain = history_rows.plain_point(storage, row)
        if plain is None:
            plain = tuple(fast.dump(history_rows.point(storage, row)).values())
        yield lines.point_line(*plain)


# Reading


def _store(repository: SessionRepository, reader: ArchiveReader, on_conflict: OnConflict) -> Imported:
    done, seen = Imported(), set[str]()
    for session in reader.sessions():
        if session.id in seen:
            raise reader.wrong(f"id: session {session.id!r} comes twice")
        seen.add(session.id)
        parts = reader.fills(session), reader.points(), reader.entries(session), reader.orders()
        if on_conflict == "skip" and repository.exists(session.id):
            done.skipped += 1
            _check_skipped(reader, session, *parts)
            continue
        replaced = on_conflict == "replace" and repository.delete(session.id)
        done.replaced += replaced
        done.added += not replaced
        _restore(repository, reader, session, *parts)
    return done


def _restore(
    repository: SessionRepository,
    reader: ArchiveReader,
    session: PaperTradingSession,
    *parts: Iterable[Any],
) -> None:
    try:
        repository.restore(session, *parts)
    except FillTwiceError as error:
        raise reader.wrong(str(error), error.read_since) from error
    except InvalidSessionError as error:
        raise reader.wrong(str(error)) from error
    except ConflictError as error:
        error.add_note(f"It is in line {reader.at} of the archive; nothing was imported.")
        raise


def _check_skipped(
    reader: ArchiveReader,
    session: PaperTradingSession,
    fills: Iterable[tuple[int, Fill]],
    points: Iterable[EquityPoint],
    entries: Iterable[tuple[int, LedgerEntry]],
    orders: Iterable[Order],
) -> None:
    """Read a session's history without storing it: an archive is as wrong for who skips as for who stores."""
    seen = set[tuple[str, str]]()
    try:
        for _, fill in in_order(fills, session.id, session.fill_count):
            if (fill.symbol, fill.id) in seen:
                raise reader.wrong(f"id: fill {fill.id!r} comes twice")
            seen.add((fill.symbol, fill.id))
    except InvalidSessionError as error:
        raise reader.wrong(str(error)) from error
    for _ in points:
        pass
    try:
        for name, each in (("ledger_count", [entry for _, entry in entries]), ("closed_order_count", list(orders))):
            require_all(session, name, len({one.id for one in each}))
    except InvalidSessionError as error:
        raise reader.wrong(str(error)) from error


def _lines_of_all(repository: SessionRepository) -> int:
    """How many lines an archive of the whole repository has, with the first and the last one."""
    facts = repository.describe()
    names = ("sessions", "fills", "equity_points", "ledger_entries", "closed_orders")
    return 2 + sum(int(facts[name]) for name in names)


def _size(file: Iterable[bytes]) -> int:
    """How many bytes there are to read; 0 if that is not known."""
    try:
        found = os.fstat(file.fileno())  # type: ignore[attr-defined]
    except (AttributeError, OSError):  # lines from elsewhere, or a file in memory
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0
