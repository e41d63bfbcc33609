"""Reading an archive line by line, strictly: whatever passes would be exported again as it stands here."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar, cast

from paper_repo.domain import EquityPoint, Fill, LedgerEntry, Order, PaperTradingSession
from paper_repo.domain.nesting import on_fresh_stack
from paper_repo.domain.values import Progress
from paper_repo.errors import ArchiveError, InvalidSessionError
from paper_repo.maintenance import archive_lines as lines
from paper_repo.maintenance.archive_lines import ENTRY_TYPES, FORMAT, VERSION
from paper_repo.serialization import fast, schemas
from paper_repo.serialization.schemas import Data

T = TypeVar("T")

_ENTRIES = {name: kind for kind, name in ENTRY_TYPES.items()}

_LONGEST_PROBLEM = 500
"""How many characters of a problem are told: the lines of an archive, which it quotes, may be megabytes long."""


@dataclass(slots=True)
class Contents:
    """How much an archive holds, or how much of it was stored."""

    sessions: int = 0
    fills: int = 0
    equity_points: int = 0
    ledger_entries: int = 0
    closed_orders: int = 0


class ThrottledProgress:
    """Calls `progress` every `step` lines or bytes: a call for each line would take longer than the work itself."""

    def __init__(self, progress: Progress | None, step: int, total: int) -> None:
        self._progress = progress
        self._step = step
        self._total = total
        self._done = self._told = 0

    def add(self, done: int) -> None:
        """Count this much as done."""
        self._done += done
        if self._done - self._told >= self._step:
            self.end()

    def end(self) -> None:
        """Report what has not been reported yet."""
        if self._progress is not None and self._done > self._told:
            self._progress(self._done, self._total)
        self._told = self._done


class ArchiveReader:
    """The lines of an archive in turn, each checked; `at` is the number of the line that was given out last."""

    def __init__(self, file: Iterable[bytes], report: ThrottledProgress) -> None:
        self.at: int = 0
        self._lines = iter(file)
        self._report = report
        self._read = 0
        self._contents = Contents()
        self._next: Data | None = None
        self._next_line: bytes | None = None
        """The line of `_next`, if its form was not checked yet."""
        self._line: bytes | None = None
        """The same for the line that was given out last."""
        self._version = VERSION

    def wrong(self, problem: str, read_since: int = 0) -> ArchiveError:
        """The error that says what is wrong with the line given out last, or `read_since` lines before it."""
        return _wrong(self.at - read_since, problem)

    def header(self) -> None:
        """Read the first line.

        Raises:
            ArchiveError: it is not that of an archive that can be read.
        """
        self.at = 1
        try:
            self._advance()
        except ArchiveError as error:
            raise self.wrong("this is not a paper_repo archive") from error
        header = self._next or {}
        if header.get("format") != FORMAT:
            raise self.wrong("this is not a paper_repo archive")
        version = header.get("version")
        if type(version) is not int or version < 1:
            raise self.wrong(f"version: {version!r} is not an archive version")
        if version > VERSION:
            raise self.wrong(
                f"the archive has version {version}, this paper_repo reads versions up to {VERSION}: "
                "use a newer one (pip install --upgrade paper_repo)"
            )
        self._version = version
        self._require_equal(header, {"format": FORMAT, "version": version})
        self._advance()

    def sessions(self) -> Iterator[PaperTradingSession]:
        """Every session; the caller reads its fills, then its points, before the next."""
        while self._kind == "session":
            session = self._plain(PaperTradingSession, self._take(), _session_line)
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
                    f"sequence: {sequence!r} is not a place among the {session.fill_count} fills of the session"
                )
            self._contents.fills += 1
            yield sequence, self._plain(Fill, data, partial(_fill_line, sequence))
        self._require_more()

    def points(self) -> Iterator[EquityPoint]:
        """The equity points of the session that was given out last."""
        while self._kind == "equity":
            self._contents.equity_points += 1
            yield self._plain(EquityPoint, self._take(), _point_line)

    def entries(self, session: PaperTradingSession) -> Iterator[tuple[int, LedgerEntry]]:
        """The ledger entries of the session that was given out last, each with its place among the fills."""
        while (kind := _ENTRIES.get(str(self._kind))) is not None and self._version > 1:
            data = self._take()
            place = data.pop("after_fill", None)
            if type(place) is not int or not 0 <= place <= session.fill_count:
                raise self.wrong(f"after_fill: {place!r} is not a place among the {session.fill_count} fills")
            self._contents.ledger_entries += 1
            yield place, self._entity(kind, data)

    def orders(self) -> Iterator[Order]:
        """The closed orders of the session that was given out last."""
        while self._kind == "order" and self._version > 1:
            self._contents.closed_orders += 1
            data = self._take()
            if "order_type" in data:  # "type" is that of the line
                data["type"] = data.pop("order_type")
            yield self._entity(Order, data)

    @property
    def _kind(self) -> object:
        return None if self._next is None else self._next.get("type", "")

    def _end(self) -> None:
        self._require_more()
        kind, data = self._kind, self._take()
        if kind != "end":
            raise self.wrong(f"type: a line of type {kind!r} cannot stand here")
        found = dataclasses.asdict(self._contents)
        if self._version == 1:
            found = {name: found[name] for name in ("sessions", "fills", "equity_points")}
        if data.keys() == found.keys() and data != found:
            raise self.wrong(f"the archive should hold {data}, but it holds {found}: it is not whole")
        self._require_equal(data, found)
        if self._next is not None:
            raise _wrong(self._read, "nothing may follow the line of type 'end'")
        self._report.end()

    def _require_more(self) -> None:
        if self._next is None:
            self.at = self._read
            raise self.wrong("the archive ends here, without its last line: it is not whole")

    def _take(self) -> Data:
        """The data of the next line, without its type; the line after it becomes the next."""
        data, self.at, self._line = dict(self._next or {}), self._read, self._next_line
        data.pop("type", None)
        self._advance()
        return data

    def _advance(self) -> None:
        """Read one line ahead: its type tells where a session's fills, its points, and the archive end."""
        self._next = self._next_line = None
        line = next(self._lines, None)
        if line is None:
            return
        self._read += 1
        self._report.add(len(line))
        if line.startswith(_FREQUENT):
            try:
                self._next, self._next_line = fast.from_json(line[:-1].decode()), line
                return
            except (ValueError, RecursionError):
                pass  # the strict way says what is wrong with it
        self._next = self._parsed(line, self._read)

    def _parsed(self, line: bytes, number: int) -> Data:
        """The data of a line; a key that comes twice or a number in another form is refused."""
        try:
            data = _parse(line.decode())
        except (ValueError, RecursionError) as error:
            raise _wrong(number, f"is not JSON: {error}") from error
        if not isinstance(data, dict):
            raise _wrong(number, f"is not a JSON object: {data!r}")
        return data

    def _plain(self, kind: type[T], data: Data, written: Callable[[T], bytes]) -> T:
        """The entity of a line, whose form is right if `written` makes the very same line of the entity."""
        if self._line is not None:
            try:
                entity = _of_plain(kind, data)
                if written(entity) == self._line:
                    return entity
            except InvalidSessionError as error:
                raise self.wrong(str(error)) from error
            given = self._parsed(self._line, self.at)
            data = {name: value for name, value in given.items() if name in data}
        return self._entity(kind, data)

    def _entity(self, kind: type[T], data: Data) -> T:
        try:
            if kind is PaperTradingSession:
                entity = schemas.load(kind, data)
                written = schemas.dump(entity)
            else:
                entity = fast.load(kind, data)
                written = fast.dump(entity)
        except InvalidSessionError as error:
            raise self.wrong(str(error)) from error
        self._require_equal(data, written)
        return entity

    def _require_equal(self, data: Data, written: Data) -> None:
        """Refuse a line that says the same as `written` in other words, such as an amount of "1_000" or " 1 "."""
        if data == written and _json(data) == _json(written):  # 1, 1.0 and True are equal
            return
        raise self.wrong(next(_differences(data, written, "")))


_FREQUENT = (b'{"type":"fill",', b'{"type":"equity",', b'{"type":"session",')
"""How the most frequent lines of an archive begin."""


def _of_plain(kind: type[T], data: Data) -> T:
    if kind is not PaperTradingSession:
        return fast.load(kind, data)
    columns = fast.NO_ACCOUNT | data | {"keeps_own_accounts": int(data.get("keeps_own_accounts", True))}
    columns |= {name: fast.to_json(columns[name]) for name in fast.JSON_COLUMNS if columns[name] is not None}
    return cast("T", fast.from_columns(columns))


def _session_line(session: PaperTradingSession) -> bytes:
    return lines.session_line(fast.to_columns(session))


def _fill_line(sequence: int, fill: Fill) -> bytes:
    return lines.fill_line(sequence, fast.dump(fill))


def _point_line(point: EquityPoint) -> bytes:
    return lines.point_line(**fast.dump(point))


def _wrong(line: int, problem: str) -> ArchiveError:
    """The error about this line. What it quotes is shortened, and control characters are escaped."""
    shown = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in problem[: _LONGEST_PROBLEM + 1])
    return ArchiveError(line, shown if len(problem) <= _LONGEST_PROBLEM else f"{shown[:_LONGEST_PROBLEM]}…")


_json = json.JSONEncoder(sort_keys=True).encode


def _differences(data: Any, written: Any, path: str) -> Iterator[str]:
    """Where two JSON values differ, type and all, in sentences."""
    if isinstance(data, dict) and isinstance(written, dict):
        for key in [*data, *(each for each in written if each not in data)]:
            below = f"{path}.{key}".lstrip(".")
            if key not in written:
                yield f"{below}: unknown key"
            elif key not in data:
                yield f"{below}: this key is missing"
            else:
                yield from _differences(data[key], written[key], below)
    elif isinstance(data, list) and isinstance(written, list) and len(data) == len(written):
        for index, (one, other) in enumerate(zip(data, written, strict=True)):
            yield from _differences(one, other, f"{path}[{index}]")
    elif type(data) is not type(written) or data != written:
        yield f"{path}: {data!r} is written {written!r} in an archive"


def _parse(text: str) -> Any:
    try:
        return _decoder.decode(text)
    except RecursionError:  # on the caller's stack, which may have little room left
        return on_fresh_stack(_decoder.decode, text)


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _whole_number(text: str) -> int:
    number = int(text)
    return number if str(number) == text else _refuse_number(text, str(number))


def _fraction(text: str) -> float:
    number = float(text)
    return number if repr(number) == text else _refuse_number(text, repr(number))


def _refuse_number(text: str, written: str) -> Any:
    raise ValueError(f"the number {text} is written {written} in an archive")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} stands in it twice")
    return found


_decoder = json.JSONDecoder(
    parse_constant=_refuse_constant, parse_int=_whole_number, parse_float=_fraction, object_pairs_hook=_object
)
