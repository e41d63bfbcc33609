"""Amounts, times and names as text of a page."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from html import escape
from typing import TypeGuard

UNKNOWN = "–"
TOO_LARGE = 1e15
_LONGEST, _FINEST = 24, 8


def printable(value: str) -> str:
    """Somebody's text with all that cannot be seen, or turns what follows around, spelled out."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in value)


def plain(value: str) -> str:
    """Somebody's text, of which nothing is markup; for titles and attributes."""
    return escape(printable(value))


def text(value: str) -> str:
    """The same in an element of its own, so that text that runs from right to left turns nothing around it."""
    return f"<bdi>{plain(value)}</bdi>"


def money(amount: Decimal) -> str:
    """To the cent, with thousands separators."""
    return _fixed(amount, 2)


def signed(amount: Decimal | None) -> str:
    """To the cent, with a sign, so that a gain is told from a loss without colour."""
    if amount is None:
        return UNKNOWN
    shown = money(amount)
    return shown if amount <= 0 or shown == "0.00" else f"+{shown}"


def price(amount: Decimal | None) -> str:
    """All digits up to eight places, and two at least."""
    return UNKNOWN if amount is None else _fixed(amount, max(2, _places(amount)))


def average(amount: Decimal) -> str:
    """A price that may have no end: to four places, or below one to four digits that tell something."""
    return _fixed(amount, 4 if not amount or amount.adjusted() >= 0 else min(3 - amount.adjusted(), _FINEST))


def quantity(amount: Decimal) -> str:
    """All digits up to eight places."""
    return _fixed(amount, _places(amount))


def percent(fraction: float | None, places: int = 2) -> str:
    """With a sign."""
    if not _is_number(fraction):
        return UNKNOWN
    shown = f"{fraction * 100:+,.{places}f} %"
    return shown if any(digit in shown for digit in "123456789") else shown[1:]


def share(fraction: float | None) -> str:
    """A percentage that has no sign."""
    return f"{fraction * 100:.1f} %" if _is_number(fraction) else UNKNOWN


def ratio(number: float | None) -> str:
    """To two places."""
    return f"{number:,.2f}" if _is_number(number) else UNKNOWN


def day(at: datetime | None) -> str:
    """The day of a time."""
    return UNKNOWN if at is None else f"{at:%Y-%m-%d}"


def moment(at: datetime | None) -> str:
    """To the minute."""
    return UNKNOWN if at is None else f"{at:%Y-%m-%d %H:%M}"


def sign_of(value: Decimal | float | None) -> str:
    """The class that colours a gain or a loss."""
    return "" if not value else "up" if value > 0 else "down"


def _is_number(value: float | None) -> TypeGuard[float]:
    """Whether there is a figure that a page has room for; amounts that no float can hold have no ratio."""
    return value is not None and abs(value) < TOO_LARGE


def _places(amount: Decimal) -> int:
    return min(len(f"{amount:f}".partition(".")[2].rstrip("0")), _FINEST)


def _fixed(amount: Decimal, places: int) -> str:
    if abs(amount.adjusted()) > _LONGEST:
        return f"{amount:.6E}" if amount else "0"
    shown = f"{amount:,.{places}f}"
    return shown if any(digit in shown for digit in "123456789") else shown.removeprefix("-")
