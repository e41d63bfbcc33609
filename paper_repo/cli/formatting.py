"""Amounts, times and names as people read them. What programs read stays exact: see `documents`."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

UNKNOWN = "–"
"""Stands where there is nothing to show."""

_LONGEST = 24
FINEST = 8
"""How many places after the point are shown at most."""


def money(amount: Decimal) -> str:
    """An amount to the cent, with thousands separators."""
    return _plain(amount, 2)


def signed(amount: Decimal) -> str:
    """An amount to the cent with its sign, so that a gain is told from a loss without colour."""
    text = money(amount)
    return text if text.startswith("-") or amount == 0 or text == "0.00" else f"+{text}"


def price(amount: Decimal | None) -> str:
    """A price with all its digits up to eight places, and two at least."""
    return UNKNOWN if amount is None else _plain(amount, max(2, _places(amount)))


def average(amount: Decimal, last_price: Decimal) -> str:
    """An average price, to two places more than the last price has."""
    return _plain(amount, min(max(2, _places(last_price)) + 2, FINEST))


def quantity(amount: Decimal) -> str:
    """A quantity with all its digits up to eight places."""
    return _plain(amount, _places(amount))


def percent(fraction: float | None, places: int = 2) -> str:
    """A fraction as a percentage with its sign."""
    if fraction is None:
        return UNKNOWN
    text = f"{fraction * 100:+,.{places}f} %"
    return text[1:] if not any(digit in text for digit in "123456789") else text


def ratio(number: float | None) -> str:
    """A number to two places."""
    return UNKNOWN if number is None else f"{number:,.2f}"


def moment(at: datetime | None) -> str:
    """A time to the second; every time that is shown is in UTC."""
    return UNKNOWN if at is None else f"{at:%Y-%m-%d %H:%M:%S}"


def day(at: datetime | None) -> str:
    """The day of a time."""
    return UNKNOWN if at is None else f"{at:%Y-%m-%d}"


def ago(at: datetime | None, now: datetime) -> str:
    """How long ago a time was, in one unit; its day when that is more than a month."""
    if at is None:
        return UNKNOWN
    passed = now - at
    if passed >= timedelta(days=31):
        return day(at)
    if passed >= timedelta(days=1):
        return f"{passed.days} d ago"
    minutes = passed // timedelta(minutes=1)
    if minutes >= 60:
        return f"{minutes // 60} h ago"
    return f"{minutes} min ago" if minutes > 0 else "just now"


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 fill`, `1,234 fills`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def style_of(amount: Decimal | float | None) -> str:
    """Green for a gain, red for a loss."""
    return "" if not amount else "green" if amount > 0 else "red"


def _places(amount: Decimal) -> int:
    """How many places after the point the amount has, without closing zeros, up to eight."""
    digits = f"{amount:f}".partition(".")[2].rstrip("0")
    return min(len(digits), FINEST)


def _plain(amount: Decimal, places: int) -> str:
    if abs(amount.adjusted()) > _LONGEST:
        return f"{amount:.6E}" if amount else "0"
    text = f"{amount:,.{places}f}"
    return text.removeprefix("-") if not any(digit in text for digit in "123456789") else text
