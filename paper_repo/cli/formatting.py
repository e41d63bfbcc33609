"""Amounts, times and names as people read them. What programs read stays exact: see `json_output`."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

UNKNOWN = "–"
"""Shown where a value is unknown."""

_LONGEST = 24
FINEST = 8
"""The most decimal places that are shown."""

_TINIEST, _CENT, _SMALL_ACCOUNT = Decimal("5E-9"), Decimal("0.01"), Decimal(100)


def places_of(*amounts: Decimal | None) -> int:
    """How many decimal places amounts of money need that are shown together.

    Two, unless two would hide something: an amount below a cent, or the digits of an account that holds less than a
    hundred units in all, as one in BTC does. Then it is as many as they have, up to eight.
    """
    seen = [abs(amount) for amount in amounts if amount is not None and abs(amount) >= _TINIEST]
    if not seen:
        return 2
    fine = seen if max(seen) < _SMALL_ACCOUNT else [amount for amount in seen if amount < _CENT]
    return max([2, *map(_places, fine)])


def money(amount: Decimal, places: int = 2) -> str:
    """An amount of money with thousands separators."""
    return _plain(amount, places)


def signed(amount: Decimal, places: int = 2) -> str:
    """An amount of money with its sign, so that a gain is told from a loss without colour."""
    text = money(amount, places)
    return text if text.startswith("-") or not any(digit in text for digit in "123456789") else f"+{text}"


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
    """The number of decimal places of the amount without trailing zeros, up to eight."""
    digits = f"{amount:f}".partition(".")[2].rstrip("0")
    return min(len(digits), FINEST)


def _plain(amount: Decimal, places: int) -> str:
    if abs(amount.adjusted()) > _LONGEST:
        return f"{amount:.6E}" if amount else "0"
    text = f"{amount:,.{places}f}"
    return text.removeprefix("-") if not any(digit in text for digit in "123456789") else text
