"""The time zone in which times are shown, and in which times are understood that name none."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from difflib import get_close_matches
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

VARIABLE = "PAPER_REPO_TZ"
LOCAL = "local"
"""Stands for the zone of this computer."""

_ODD_TIMES = (OverflowError, ValueError, OSError)
"""What a time near the ends of the calendar, or of the computer's own, gives in another zone."""


class Zone(NamedTuple):
    """A time zone; without `info` it is the one of this computer."""

    name: str
    info: tzinfo | None

    def local(self, at: datetime) -> datetime:
        """The time in this zone; in UTC where the calendar ends before."""
        try:
            return at.astimezone(self.info)
        except _ODD_TIMES:
            return at.astimezone(UTC)

    def understood(self, at: datetime) -> datetime:
        """The time in UTC of one that was typed, which is meant in this zone unless it names one.

        Raises:
            OverflowError: it is before the year 1 or after the year 9999 in UTC.
        """
        if at.tzinfo is None and self.info is not None:
            at = at.replace(tzinfo=self.info)
        try:
            return at.astimezone(UTC)
        except _ODD_TIMES as error:
            raise OverflowError(str(error)) from None

    def heading(self, what: str) -> str:
        """The heading of a column of times in this zone."""
        return f"{what} ({self.name.rpartition('/')[2].replace('_', ' ')})"


UTC_ZONE = Zone("UTC", UTC)


def zone_of(given: str) -> Zone:
    """The zone of this name, as Europe/Berlin, UTC, or local.

    Raises:
        ValueError: there is none; the message names the nearest ones.
    """
    if given.lower() == LOCAL:
        return Zone(LOCAL, None)
    if given.upper() in ("UTC", "Z"):
        return UTC_ZONE
    by_name = {each.lower(): each for each in available_timezones()}
    if name := by_name.get(given.lower().replace(" ", "_")):
        return Zone(name, ZoneInfo(name))
    if not by_name:
        raise ValueError(f"this computer knows no time zones but UTC and {LOCAL}; pip install tzdata")
    raise ValueError(f"{given!r} is not a time zone; write {_nearest(given, by_name)}.")


def names_that_begin(beginning: str) -> list[str]:
    """The names of zones that begin so, for the shell."""
    return [each for each in sorted({LOCAL, *available_timezones()}) if each.startswith(beginning)]


def _nearest(given: str, by_name: dict[str, str]) -> str:
    cities = {name.rpartition("/")[2]: name for name in by_name if "/" in name}
    typed = given.lower().replace(" ", "_")
    near = [by_name[name] for name in get_close_matches(typed, by_name, n=2, cutoff=0.75)]
    near += [by_name[cities[city]] for city in get_close_matches(typed, cities, n=2, cutoff=0.75)]
    return " or ".join(dict.fromkeys(near)) or f"Europe/Berlin, America/New_York, UTC or {LOCAL}, for example"
