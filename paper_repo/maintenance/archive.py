"""Sessions in a file of their own: every field, every fill, every equity point, as lines of JSON.

An archive is read into any database, and comes back from it the same to the last byte. Its form is described in
`docs/archive-format.md`; what stands in a line is what the schemas say. Both directions need the memory of one session
and a few lines, however long the archive is.
"""

from __future__ import annotations

import dataclasses
import json
import os
import stat
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import BinaryIO, Literal, TypeAlias, TypeVar

from paper_repo.core.repository import SessionRepository
from paper_repo.domain import EquityPoint, Fill, PaperTradingSession
from paper_repo.domain.selection import SessionFilters, StatusFilter
from paper_repo.domain.values import Progress
from paper_repo.errors import ArchiveError, ConflictError, InvalidSessionError, SessionNotFoundError
from paper_repo.serialization import fast, schemas
from paper_repo.serialization.schemas import Data

T = TypeVar("T")

FORMAT = "paper_repo archive"
VERSION = 1
"""Of the form; a reader refuses an archive of a later one."""

OnConflict: TypeAlias = Literal["error", "skip", "replace"]


@dataclass(slots=True)
class Contents:
    """How much an archive holds, or how much of it was stored."""

    sessions: int = 0
    fills: int = 0
    equity_points: int = 0


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
        report = _Report(progress, 1000, _lines_of_all(repository) if everything and progress is not None else 0)
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
        ArchiveError: the file is not a complete archive, or a line is wrong; the error names the line.
        ConflictError: a session is stored already, and `on_conflict` is "error".
        ValueError: `on_conflict` is not one of the three.
    """
    if on_conflict not in ("error", "skip", "replace"):
        raise ValueError(f"on_conflict is 'error', 'skip' or 'replace', not {on_conflict!r}")
    reader = _Reader(file, _Report(progress, 1 << 17, _size(file)))
    reader.header()
    with repository.atomic():
        return _store(repository, reader, on_conflict)


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
    yield _line({"format": FORMAT, "version": VERSION})
    for session in sessions:
        contents.sessions += 1
        yield _line({"type": "session", **schemas.dump(session)})
        for sequence, fill in repository.fill_history(session.id):
            contents.fills += 1
            yield _line({"type": "fill", "sequence": sequence, **fast.dump(fill)})
        for point in repository.equity_history(session.id):
            contents.equity_points += 1
            yield _line({"type": "equity", **fast.dump(point)})
    yield _line({"type": "end", **_counts(contents)})


def _line(data: Data) -> bytes:
    return fast.to_json(data).encode("ascii") + b"\n"


# Reading


def _store(repository: SessionRepository, reader: _Reader, on_conflict: OnConflict) -> Imported:
    done, seen = Imported(), set[str]()
    for session in reader.sessions():
        if session.id in seen:
            raise reader.wrong(f"session {session.id!r} comes twice")
        seen.add(session.id)
        fills, points = reader.fills(session), reader.points()
        if on_conflict == "skip" and repository.exists(session.id):
            done.skipped += 1
            deque(chain[object](fills, points), maxlen=0)
            continue
        replaced = on_conflict == "replace" and repository.delete(session.id)
        done.replaced += replaced
        done.added += not replaced
        _restore(repository, reader, session, fills, points)
    return done


def _restore(
    repository: SessionRepository,
    reader: _Reader,
    session: PaperTradingSession,
    fills: Iterable[tuple[int, Fill]],
    points: Iterable[EquityPoint],
) -> None:
    try:
        repository.restore(session, fills, points)
    except InvalidSessionError as error:
        raise reader.wrong(str(error)) from error
    except ConflictError as error:
        error.add_note(f"It is in line {reader.at} of the archive; nothing was imported.")
        raise


class _Reader:
    """The lines of an archive in turn, each checked; `at` is the number of the one that was given out last."""

    def __init__(self, file: Iterable[bytes], report: _Report) -> None:
        self.at = 0
        self._lines = iter(file)
        self._report = report
        self._read = 0
        self._contents = Contents()
        self._kind: object = None
        self._data: Data = {}

    def wrong(self, problem: str) -> ArchiveError:
        """The error that says what is wrong with the line that was given out last."""
        return ArchiveError(self.at, problem)

    def header(self) -> None:
        """Read the first line.

        Raises:
            ArchiveError: it is not that of an archive that can be read.
        """
        self.at = 1
        try:
            self._advance()
        except ArchiveError as error:
            raise self.wrong("this is no archive of paper_repo") from error
        if self._data.get("format") != FORMAT:
            raise self.wrong("this is no archive of paper_repo")
        version = self._data.get("version")
        if type(version) is not int or version < 1:
            raise self.wrong(f"{version!r} is no version of an archive")
        if version > VERSION:
            raise self.wrong(
                f"the archive has version {version}, this paper_repo reads versions up to {VERSION}: "
                "use a newer one (pip install --upgrade paper_repo)"
            )
        self._advance()

    def sessions(self) -> Iterator[PaperTradingSession]:
        """Every session; the caller reads its fills, then its points, before the next."""
        while self._kind == "session":
            session = self._entity(PaperTradingSession, self._take())
            self._contents.sessions += 1
            yield session
        self._end()

    def fills(self, session: PaperTradingSession) -> Iterator[tuple[int, Fill]]:
        """The fills of the session that was given out last, each with its place in the history."""
        while self._kind == "fill":
            data = self._take()
            sequence = data.pop("sequence", None)
            if type(sequence) is not int or not 0 < sequence <= session.fill_count:
                raise self.wrong(
                    f"sequence: {sequence!r} is no place among the {session.fill_count} fills of the session"
                )
            self._contents.fills += 1
            yield sequence, self._entity(Fill, data)

    def points(self) -> Iterator[EquityPoint]:
        """The equity points of the session that was given out last."""
        while self._kind == "equity":
            self._contents.equity_points += 1
            yield self._entity(EquityPoint, self._take())

    def _end(self) -> None:
        if self._kind is None:
            self.at = self._read
            raise self.wrong("the archive ends here, without its last line: it is not whole")
        kind, data = self._kind, self._take()
        if kind != "end":
            raise self.wrong(f"a line of type {kind!r} cannot stand here")
        found = _counts(self._contents)
        if data != found:
            raise self.wrong(f"the archive should hold {data}, but it holds {found}: it is not whole")
        if self._kind is not None:
            raise ArchiveError(self._read, "nothing may follow the line of type 'end'")
        self._report.end()

    def _take(self) -> Data:
        """The data of the next line; the one behind it becomes the next."""
        data, self.at = self._data, self._read
        self._advance()
        return data

    def _advance(self) -> None:
        """Read one line ahead: its type tells where a session's fills, its points, and the archive end."""
        line = next(self._lines, None)
        self._kind, self._data = None, {}
        if line is None:
            return
        self._read += 1
        self._report.add(len(line))
        try:
            data = json.loads(line.decode(), parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise ArchiveError(self._read, f"is no JSON: {error}") from error
        if not isinstance(data, dict):
            raise ArchiveError(self._read, f"is no JSON object: {data!r}")
        self._kind, self._data = data.pop("type", ""), data

    def _entity(self, kind: type[T], data: Data) -> T:
        try:
            return schemas.load(kind, data) if kind is PaperTradingSession else fast.load(kind, data)
        except InvalidSessionError as error:
            raise self.wrong(str(error)) from error


class _Report:
    """Calls `progress`, but not at every line, which would take longer than the work."""

    def __init__(self, progress: Progress | None, step: int, total: int) -> None:
        self._progress = progress
        self._step = step
        self._total = total
        self._done = self._told = 0

    def add(self, done: int) -> None:
        """Count work that has been done."""
        self._done += done
        if self._done - self._told >= self._step:
            self.end()

    def end(self) -> None:
        """Report what has not been reported yet."""
        if self._progress is not None and self._done > self._told:
            self._progress(self._done, self._total)
        self._told = self._done


def _lines_of_all(repository: SessionRepository) -> int:
    """How many lines an archive of the whole repository has, with the first and the last one."""
    facts = repository.describe()
    return 2 + int(facts["sessions"] + facts["fills"] + facts["equity_points"])


def _size(file: Iterable[bytes]) -> int:
    """How many bytes there are to read; 0 if that is not known."""
    try:
        found = os.fstat(file.fileno())  # type: ignore[attr-defined]
    except (AttributeError, OSError):  # lines from elsewhere, or a file in memory
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


def _counts(contents: Contents) -> Data:
    return dataclasses.asdict(contents)


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")
