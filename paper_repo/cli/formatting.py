"""Amounts, times and names as people read them. What programs read stays exact: see `json_output`."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from decimal import Decimal

from paper_repo.cli.zones import UTC_ZONE, Zone

UNKNOWN = "–"
"""Shown where a value is unknown."""

_LONGEST = 24
FINEST = 8
"""The most decimal places that are shown."""

_MONEY = frozenset((
    "USD", "EUR", "GBP", "CHF", "JPY", "CAD", "AUD", "NZD", "SEK", "NOK", "DKK", "ISK", "PLN", "CZK", "HUF", "RON",
    "TRY", "ILS", "ZAR", "INR", "CNY", "HKD", "SGD", "TWD", "KRW", "THB", "MXN", "BRL", "USDT", "USDC", "FDUSD", "TUSD",
    "DAI",
))  # fmt: skip
"""Currencies of which nobody counts less than a hundredth, however small the account is."""

_TINIEST, _CENT, _SMALL_ACCOUNT = Decimal("5E-9"), Decimal("0.01"), Decimal(100)


def places_of(*amounts: Decimal | None, currency: str | None = None) -> int:
    """How many decimal places amounts of money need that are shown together.

    Two, unless two would hide something: an amount below a cent, or the digits of an account that holds less than a
    hundred units in all, as one in BTC does. Then it is as many as they have, up to eight.

    Args:
        amounts: what is shown.
        currency: in which, where all are in one and it is known; of dollars, cents are enough however few they are.
    """
    seen = [abs(amount) for amount in amounts if amount is not None and abs(amount) >= _TINIEST]
    if not seen:
        return 2
    is_small = max(seen) < _SMALL_ACCOUNT and currency not in _MONEY
    fine = seen if is_small else [amount for amount in seen if amount < _CENT]
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


def average_price(amount: Decimal) -> str:
    """An average of prices: to four places, or to eight below one; two at least."""
    places = 4 if abs(amount) >= 1 else FINEST
    return _plain(amount, max(2, min(_places(amount), places)))


def quantity(amount: Decimal) -> str:
    """A quantity with all its digits up to eight places."""
    return _plain(amount, _places(amount))


def percent(fraction: float | None, places: int = 2) -> str:
    """A fraction as a percentage with its sign."""
    if fraction is None or not math.isfinite(fraction):
        return UNKNOWN
    text = f"{fraction * 100:+,.{places}f} %"
    return text[1:] if not any(digit in text for digit in "123456789") else text


def ratio(number: float | None) -> str:
    """A number to two places."""
    return UNKNOWN if number is None or not math.isfinite(number) else f"{number:,.2f}"


def moment(at: datetime | None, zone: Zone) -> str:
    """A time to the second, in a zone that is named beside it, as in the heading of its column."""
    return UNKNOWN if at is None else zone.local(at).isoformat(" ", "seconds")[:19]


def stamp(at: datetime | None, zone: Zone) -> str:
    """A time to the second that stands alone, with the zone it is in."""
    if at is None:
        return UNKNOWN
    shown = zone.local(at)
    return f"{moment(at, zone)} {shown.tzname()}"


def day(at: datetime | None, zone: Zone) -> str:
    """The day of a time in a zone."""
    return UNKNOWN if at is None else zone.local(at).date().isoformat()


def span(length: timedelta) -> str:
    """A length of time in one unit, or two: 0.4 s, 12 min, 5 h 20 min, 4 d 6 h."""
    seconds = abs(length) // timedelta(seconds=1)
    sign = "-" if length < timedelta(0) else ""
    if seconds < 10:
        text = f"{abs(length).total_seconds():.1f}".removesuffix(".0")
        return "0 s" if text == "0" else f"{sign}{text} s"
    if seconds < 60:
        return f"{sign}{seconds} s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if hours < 1:
        return f"{sign}{minutes} min"
    if days < 1:
        return f"{sign}{hours} h" + (f" {minutes % 60} min" if minutes % 60 and hours < 10 else "")
    return f"{sign}{days:,} d" + (f" {hours % 24} h" if hours % 24 and days < 10 else "")


def ago(at: datetime | None, now: datetime, zone: Zone = UTC_ZONE) -> str:
    """How long ago a time was, in one unit; its day when that is more than a month."""
    if at is None:
        return UNKNOWN
    passed = now - at
    if passed >= timedelta(days=31):
        return day(at, zone)
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
