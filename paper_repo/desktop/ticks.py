"""Where a chart's axes are marked, and what is written there: round amounts, and round times of the user's own zone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from PySide6.QtCore import QLocale

from paper_repo.desktop.curves import local

Tick = tuple[float, str]

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_STEPS = (
    *(1, 2, 5, 10, 15, 30),
    *(_MINUTE * each for each in (1, 2, 5, 10, 15, 30)),
    *(_HOUR * each for each in (1, 2, 3, 6, 12)),
    *(_DAY * each for each in (1, 2, 4, 8, 16)),
)
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200)
_MONTH = 30.44 * _DAY


def round_step(least: float) -> float:
    """The smallest step of 1, 2 or 5 times a power of ten that is not below this one."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * each for each in (1, 2, 5, 10) if power * each >= least * (1 - 1e-9))


def of_numbers(low: float, high: float, most: int, text: Callable[[float, int], str]) -> list[Tick]:
    """Round numbers from one to another.

    Args:
        low, high: the ends.
        most: how many there is room for.
        text: what is written at a number, with this number of digits after the point.
    """
    if not high > low:
        return []
    step = round_step((high - low) / max(most, 1))
    digits = max(-math.floor(math.log10(step) + 1e-9), 0)
    first = math.ceil(low / step - 1e-9)
    numbers = [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]
    return [(each, text(each, digits)) for each in numbers]


def of_times(first: float, last: float, most: int) -> list[Tick]:
    """Round times from one to another, in seconds since 1970: years and months, days, or hours, minutes and seconds."""
    least = (last - first) / max(most, 1)
    if not least > 0:
        return []
    step = next((each for each in _STEPS if each >= least), None)
    at = local(first).replace(tzinfo=None)
    if step is None:
        months = next((each for each in _MONTHS if each * _MONTH >= least), _MONTHS[-1])
        found = [(each, _month(each)) for each in _first_days(at, months, last)]
    elif step >= _DAY:
        found = [(each, _day(each)) for each in _days(at, step // _DAY, last)]
    else:
        found = [(each, _clock(each, step)) for each in _moments(at, step, last)]
    return [(each.timestamp(), text) for each, text in found if first <= each.timestamp() <= last]


def _first_days(at: datetime, months: int, last: float) -> Iterator[datetime]:
    number = (at.year * 12 + at.month - 1) // months * months
    midnight = at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while (found := midnight.replace(year=number // 12, month=number % 12 + 1)).timestamp() <= last:
        yield found
        number += months


def _days(at: datetime, days: int, last: float) -> Iterator[datetime]:
    """Days of a month from its first, so that they stay where they are while a chart is moved."""
    month = at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while month.timestamp() <= last:
        following = (month + timedelta(days=32)).replace(day=1)
        for day in range(0, (following - month).days - days // 2, days):  # none beside the first of the next
            yield month + timedelta(days=day)
        month = following


def _moments(at: datetime, step: int, last: float) -> Iterator[datetime]:
    found = at.replace(hour=0, minute=0, second=0, microsecond=0)
    found += timedelta(seconds=(at - found).total_seconds() // step * step)
    while found.timestamp() <= last:
        yield found
        found += timedelta(seconds=step)


def _month(at: datetime) -> str:
    return str(at.year) if at.month == 1 else QLocale().standaloneMonthName(at.month, QLocale.FormatType.ShortFormat)


def _day(at: datetime) -> str:
    if at.day == 1:
        return _month(at)
    return f"{at.day} {QLocale().monthName(at.month, QLocale.FormatType.ShortFormat)}"


def _clock(at: datetime, step: int) -> str:
    if not (at.hour or at.minute or at.second):
        return _day(at)
    return f"{at:%H:%M}" if step >= _MINUTE else f"{at:%H:%M:%S}"
