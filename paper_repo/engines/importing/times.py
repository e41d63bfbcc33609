"""Times as files write them: the order of day and month is decided for a whole file, never for a single cell."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from paper_repo.engines.importing.records import DateOrder, Draft
from paper_repo.errors import SourceFileError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001
_FIRST_DAY, _LAST_DAY = (datetime.min - _NAIVE_EPOCH).days, (datetime.max - _NAIVE_EPOCH).days  # noqa: DTZ901
_BEFORE_CLOCK = ("", " ", "T")
_CLOCK = r"(?:[\sT,;]+(?:-\s+)?(?P<clock>.+))?"
_YEAR_FIRST = re.compile(rf"(?P<y>[0-9]{{4}})[-/.](?P<m>[0-9]{{1,2}})[-/.](?P<d>[0-9]{{1,2}}){_CLOCK}")
_YEAR_LAST = re.compile(
    rf"(?P<a>[0-9]{{1,2}})(?P<s>[-/.])(?P<b>[0-9]{{1,2}})(?P=s)(?P<y>[0-9]{{4}}|[0-9]{{2}}){_CLOCK}"
)
_COMPACT = re.compile(
    r"(?P<y>[0-9]{4})(?P<m>[0-9]{2})(?P<d>[0-9]{2})(?:[\sT;,-]*(?P<clock>[0-9:]{4,8}(?:\.[0-9]+)?.*))?"
)
_NAMED = re.compile(
    rf"(?:[A-Za-z]{{3,9}},?\s+)?(?:(?P<d>[0-9]{{1,2}})[\s-]+(?P<n>[A-Za-z]{{3,9}})|(?P<n2>[A-Za-z]{{3,9}})\s+(?P<d2>[0-9]{{1,2}}))"
    rf"[\s,-]+(?P<y>[0-9]{{4}}|[0-9]{{2}}){_CLOCK}"
)
_TIME = re.compile(
    r"(?P<h>[0-9]{1,2}):(?P<m>[0-9]{2})(?::(?P<s>[0-9]{2})(?:[.,](?P<f>[0-9]{1,12}))?)?\s*(?P<half>[AaPp]\.?[Mm]\.?)?"
    r"\s*(?P<zone>Z|UTC|GMT|\(UTC\)|(?:UTC|GMT)?[+-][0-9]{1,2}:?(?:[0-9]{2})?)?(?P<other>\s*[A-Za-z/_]+)?"
)
_EPOCH_NUMBER = re.compile(r"(?P<whole>[0-9]{9,10}|[0-9]{13}|[0-9]{16}|[0-9]{19})(?:\.(?P<f>[0-9]{1,9}))?")
_MIDNIGHT = re.compile(r"[\sT]00?:00(?::00(?:\.0+)?)?$")
_OCLOCK = re.compile(r"\s*Uhr$", flags=re.IGNORECASE)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def is_day(cell: str) -> bool:
    """Whether a cell is a day without a time of day; spreadsheets append midnight to it."""
    text = cell.strip()
    if ":" in text:
        text = _MIDNIGHT.sub("", text)
    patterns = (_YEAR_FIRST, _YEAR_LAST, _COMPACT, _NAMED)
    return any(match["clock"] is None for each in patterns if (match := each.fullmatch(text)))


def is_clock(cell: str) -> bool:
    """Whether a cell is a time of day without a day."""
    match = _TIME.fullmatch(_OCLOCK.sub("", cell.strip()))
    return match is not None and int(match["h"]) < 24 and not match["other"]


def together(day: str, clock: str) -> str:
    """The time of a day and a time of day that stand in two cells."""
    clock = clock.strip()
    return f"{_MIDNIGHT.sub('', day.strip())} {clock}" if clock else day.strip()


def zone_named(name: str | None) -> tzinfo | None:
    """The time zone of this name, such as UTC, Europe/Berlin or +02:00.

    Raises:
        SourceFileError: there is none.
    """
    if name is None:
        return None
    if name.upper() in ("UTC", "Z", "GMT"):
        return UTC
    if match := re.fullmatch(r"([+-])([0-9]{2}):?([0-9]{2})", name):
        offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
        return timezone(-offset if match[1] == "-" else offset)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise SourceFileError(
            f"there is no time zone {name!r}; name one such as UTC, America/New_York or +02:00"
        ) from None


class DateEvidence:
    """What the dates of a file tell about the order of day and month."""

    def __init__(self) -> None:
        self._first = self._second = 0
        self._example: tuple[str, int] | None = None
        self._first_at = self._second_at = 0
        self._has_points = False

    def add(self, cell: str, row: int) -> None:
        """Look at the date in a cell."""
        if len(cell) > 4 and cell[:4].isdigit():
            return
        match = _YEAR_LAST.fullmatch(cell.strip())
        if match is None:
            return
        self._example = self._example or (cell, row)
        self._has_points = match["s"] == "."
        first, second = int(match["a"]), int(match["b"])
        if first > self._first:
            self._first, self._first_at = first, row
        if second > self._second:
            self._second, self._second_at = second, row

    def decide(self, file: str, asked: DateOrder | None) -> bool:
        """Whether the day stands before the month.

        Raises:
            SourceFileError: two dates contradict each other, or none tells.
        """
        if asked is not None:
            return asked == "day-first"
        if self._example is None:
            return True
        if self._first > 12 and self._second > 12:
            raise SourceFileError(
                f"the day stands first in the date of row {self._first_at}, and second in row {self._second_at}; "
                "write all dates alike",
                file=file,
            )
        if self._first > 12 or self._second > 12 or self._has_points:
            return self._second <= 12
        cell, row = self._example
        raise SourceFileError(
            f"day and month cannot be told apart in {cell!r}, nor in any other date of the file; "
            "say date_order='day-first' (--dates day-first) or date_order='month-first' (--dates month-first)",
            file=file,
            row=row,
        )


class TimeReader:
    """Reads the times of one file, as microseconds since 1970 in UTC; its draft counts those at clock changes."""

    def __init__(self, draft: Draft, zone: tzinfo | None, is_day_first: bool = True) -> None:
        self._draft = draft
        self._zone = zone
        self._is_day_first = is_day_first

    def read(self, cell: str) -> int:
        """The time in a cell.

        Raises:
            ValueError: it is no time, or none whose zone is known.
        """
        if cell[4:5] == "-" == cell[7:8] and len(cell) <= 32 and cell[10:11] in _BEFORE_CLOCK:
            try:
                found = datetime.fromisoformat(cell)
            except ValueError:
                pass  # written for people, which takes longer to read
            else:
                return self._micros(found) if found.tzinfo is None else _since_epoch(found - EPOCH)
        text = cell.strip()
        if match := _EPOCH_NUMBER.fullmatch(text):
            return _epoch(match)
        if match := _YEAR_FIRST.fullmatch(text) or _COMPACT.fullmatch(text):
            year, month, day = match["y"], match["m"], match["d"]
        elif match := _YEAR_LAST.fullmatch(text):
            year, month, day = match["y"], match["b"], match["a"]
            if not self._is_day_first:
                month, day = day, month
        elif match := _NAMED.fullmatch(text):
            year, day = match["y"], match["d"] or match["d2"]
            name = (match["n"] or match["n2"])[:3].casefold()
            if name not in _MONTHS:
                raise ValueError("is not a time")
            month = str(_MONTHS.index(name) + 1)
        else:
            raise ValueError("is not a time")
        full_year = int(year) + 2000 if len(year) == 2 else int(year)
        return self._with_clock(full_year, int(month), int(day), match["clock"])

    def _with_clock(self, year: int, month: int, day: int, clock: str | None) -> int:
        if not clock:
            return self._micros(datetime(year, month, day))  # noqa: DTZ001
        if clock.isdigit() and len(clock) in (4, 6):
            clock = ":".join(clock[index : index + 2] for index in range(0, len(clock), 2))
        match = _TIME.fullmatch(_OCLOCK.sub("", clock.strip()))
        if match is None:
            raise ValueError("is not a time")
        if match["other"]:
            raise ValueError(f"has the zone {match['other'].strip()!r}, whose offset is not known")
        hour = int(match["h"])
        if match["half"]:
            if not 1 <= hour <= 12:
                raise ValueError("is not a time of a clock with 12 hours")
            hour = hour % 12 + (12 if match["half"][0] in "Pp" else 0)
        micros = int((match["f"] or "")[:6].ljust(6, "0"))  # finer than a microsecond cannot be stored
        naive = datetime(year, month, day, hour, int(match["m"]), int(match["s"] or 0), micros)  # noqa: DTZ001
        return self._micros(naive, _offset(match["zone"]))

    def _micros(self, naive: datetime, zone: tzinfo | None = None) -> int:
        zone = zone or self._zone
        if zone is None:
            raise ValueError("has no time zone; say timezone='UTC' (--timezone UTC), or the zone that it is in")
        if zone is UTC:
            return _since_epoch(naive - _NAIVE_EPOCH)
        aware = naive.replace(tzinfo=zone)
        if aware.utcoffset() != aware.replace(fold=1).utcoffset():
            self._draft.times_at_clock_changes += 1
        return _since_epoch(aware - EPOCH)


def _since_epoch(passed: timedelta) -> int:
    """In microseconds.

    Raises:
        ValueError: in UTC, it is a time of no year from 1 to 9999.
    """
    if not _FIRST_DAY <= passed.days <= _LAST_DAY:
        raise ValueError("is not a time between the years 1 and 9999 in UTC")
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds


def _offset(text: str | None) -> tzinfo | None:
    if text is None:
        return None
    text = text.removeprefix("UTC").removeprefix("GMT")
    if text in ("", "Z", "(UTC)"):
        return UTC
    digits = text[1:].replace(":", "").rjust(2, "0").ljust(4, "0") if len(text) > 2 else f"0{text[1:]}00"
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:4]))
    if offset >= timedelta(hours=24):
        raise ValueError("has an offset from UTC that no time zone has")
    return timezone(-offset if text[0] == "-" else offset)


def _epoch(match: re.Match[str]) -> int:
    whole, fraction = match["whole"], match["f"] or ""
    digits = len(whole)
    if digits <= 10:
        return int(whole) * 1_000_000 + int(fraction[:6].ljust(6, "0"))
    if digits == 13:
        return int(whole) * 1000 + int(fraction[:3].ljust(3, "0"))
    return int(whole) if digits == 16 else int(whole) // 1000


def moment(micros: int) -> datetime:
    """The time as a datetime in UTC."""
    return EPOCH + timedelta(microseconds=micros)
