"""Checks and conversions for amounts, times and texts; every value of the domain passes through one of them."""

from __future__ import annotations

import decimal
import numbers
from collections.abc import Callable, Iterable
from datetime import UTC as UTC
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias, TypeVar

from paper_repo.domain.secrecy import kind_of, shown
from paper_repo.errors import InvalidSessionError

Progress: TypeAlias = Callable[[int, int], object]
"""A function that long calls invoke from time to time with the amount done and the total (0 if it is not known)."""

Amount: TypeAlias = Decimal | int | str | float
"""The types that callers may pass as an amount, besides NumPy's numbers; it is kept as an exact `Decimal`.

A float counts as its shortest decimal form, the one that Python prints: 0.1 is 0.1, and `0.1 + 0.2` is
0.30000000000000004. A program that computes with floats rounds the result before it passes it.

Arithmetic in the caller's own code happens in the caller's decimal context: `session.cash += x` rounds to its 28
digits. `session.apply_cash_flow` adds without rounding, whatever the context is.
"""

LARGEST_EXPONENT = 1000
"""Amounts range from 1E-1000 to 1E+1000, so that the sum and the product of any four fit `EXACT`."""

EXACT = decimal.Context(
    prec=12 * LARGEST_EXPONENT,  # quantity, price, multiplier and rate, of 2001 digits each
    rounding=decimal.ROUND_HALF_EVEN,
    Emin=decimal.MIN_EMIN,
    Emax=decimal.MAX_EMAX,
    capitals=1,
    clamp=0,
    traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow, decimal.Underflow, decimal.Inexact],
)
"""The domain's own decimal context: it raises instead of rounding, whatever the caller's context is."""

ROUNDED = decimal.Context(
    prec=28,
    rounding=decimal.ROUND_HALF_EVEN,
    Emin=decimal.MIN_EMIN,
    Emax=decimal.MAX_EMAX,
    capitals=1,
    clamp=0,
    traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow],
)
"""For quotients, which have no exact decimal form: to 28 significant digits, whatever the caller's context is."""

ZERO = Decimal(0)
"""What an amount is that nothing was added to: nearly always this very object."""

LARGEST_COUNT = 2**53
"""Up to this number every database and every reader of JSON keeps whole numbers exactly."""

_E = TypeVar("_E", bound=StrEnum)


def utc_now() -> datetime:
    """The present moment, in UTC, to the microsecond."""
    return datetime.now(UTC)


def amount(value: object, path: str) -> Decimal:
    """`value` as an exact, finite decimal; a float counts as its shortest decimal form (0.1 is 0.1)."""
    kind = type(value)
    if kind is Decimal or kind is int or (kind is str and value.isascii()):  # type: ignore[attr-defined]  # it is a str
        try:
            number = ordinary_decimal(value)  # type: ignore[arg-type]  # it is one of these
        except decimal.DecimalException:
            return _any_amount(value, path)
        if number.is_finite():
            return value if kind is Decimal else number  # type: ignore[return-value]
    return _any_amount(value, path)


ordinary_decimal: Callable[[Decimal | int | str], Decimal] = decimal.Context(
    prec=500,
    Emin=-500,
    Emax=500,
    traps=[decimal.InvalidOperation, decimal.Inexact, decimal.Rounded, decimal.Subnormal, decimal.Clamped],
).create_decimal
"""Reads an amount of ordinary size at once, and raises for any other; NaN and infinities come through."""


def _any_amount(value: object, path: str) -> Decimal:
    if type(value) is not Decimal:
        value = _to_decimal(value, path)
    if not value.is_finite():
        raise invalid(path, f"{value} is not an amount; only finite numbers are.")
    exponent = value.as_tuple().exponent
    if not (int(exponent) >= -LARGEST_EXPONENT and value.adjusted() <= LARGEST_EXPONENT):
        raise invalid(path, f"the amount is outside the range 1E-{LARGEST_EXPONENT} to 1E+{LARGEST_EXPONENT}.")
    return value


def positive(value: object, path: str) -> Decimal:
    """`value` as an amount above zero."""
    number = amount(value, path)
    if number <= 0:
        raise invalid(path, f"must be above zero, not {number}.")
    return number


def optional_amount(value: object, path: str) -> Decimal | None:
    """`value` as an amount, or None."""
    return None if value is None else amount(value, path)


def optional_positive(value: object, path: str) -> Decimal | None:
    """`value` as an amount above zero, or None."""
    return None if value is None else positive(value, path)


def count(value: object, path: str) -> int:
    """`value` as a whole number from 0 to 2**53."""
    if type(value) is not int or not 0 <= value <= LARGEST_COUNT:
        raise invalid(path, f"must be a whole number from 0 to {LARGEST_COUNT}, not {shown(value)}.")
    return value


def instant(value: object, path: str) -> datetime:
    """`value` as a time in UTC."""
    if not isinstance(value, datetime):
        raise invalid(path, f"must be a datetime with a time zone, not {shown(value)}.")
    if value.tzinfo is UTC and not value.fold and type(value) is datetime:
        return value
    if value != value:  # pandas' NaT, whose methods raise errors of their own
        raise invalid(path, f"{value!r} is not a time.")
    if getattr(value, "nanosecond", 0):
        raise invalid(
            path,
            f"{value!r} has nanoseconds, and times are kept to the microsecond; round it first, such as with "
            ".floor('us').",
        )
    if value.utcoffset() is None:
        raise invalid(
            path,
            f"{value!r} has no time zone; use datetime.now(timezone.utc), "
            "or value.replace(tzinfo=...) with the zone it was recorded in.",
        )
    try:
        utc = value.astimezone(UTC)
    except OverflowError:
        raise invalid(path, f"{value!r} is outside the years 1 to 9999 in UTC.") from None
    return datetime(utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second, utc.microsecond, UTC)


def optional_instant(value: object, path: str) -> datetime | None:
    """`value` as a time in UTC, or None."""
    return None if value is None else instant(value, path)


def text(value: object, path: str) -> str:
    """`value` as text that can be stored as UTF-8."""
    if not isinstance(value, str):
        raise invalid(path, f"must be text, not {shown(value)}.")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise invalid(path, f"has a lone surrogate at position {error.start}, so it is not Unicode text.") from None
    return str(value)


def identifier(value: object, path: str) -> str:
    """`value` as non-empty text; white space at its ends, which nobody sees, is refused."""
    kept = text(value, path)
    if not kept:
        raise invalid(path, "must not be empty.")
    if kept[0].isspace() or kept[-1].isspace():
        raise invalid(path, f"{shown(kept)} begins or ends with white space; strip() removes it.")
    return kept


def optional_text(value: object, path: str) -> str | None:
    """`value` as text, or None."""
    return None if value is None else text(value, path)


def optional_identifier(value: object, path: str) -> str | None:
    """`value` as non-empty text, or None."""
    return None if value is None else identifier(value, path)


def json_object(value: object, path: str) -> None:
    """Require a dict; whether JSON gives back equal what it holds is seen when it is saved."""
    if not isinstance(value, dict):
        raise invalid(path, f"must be a dict, not {kind_of(value)}.")


def texts(value: object, path: str) -> tuple[str, ...]:
    """`value` as a tuple of texts; a single text is refused, because it would be split into letters."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise invalid(path, f"must be several texts, such as ('AAPL', 'MSFT'), not {shown(value)}.")
    return tuple(identifier(each, f"{path}[{index}]") for index, each in enumerate(value))


def choice(kind: type[_E], value: object, path: str) -> _E:
    """`value` as a member of `kind`, given as the member or its name in any case."""
    if isinstance(value, kind):
        return value
    if isinstance(value, str):
        try:
            return kind(value.upper())
        except ValueError:
            pass
    raise invalid(path, f"must be one of {', '.join(kind)}, not {shown(value)}.")


def invalid(path: str, message: str) -> InvalidSessionError:
    """The error that says what is wrong at `path`."""
    return InvalidSessionError({path: [message]})


_PLAIN = frozenset("0123456789+-.eEinfatysINFATYS")
"""What numbers are written with; among them infinity and NaN, which are refused with a reason of their own."""


def naming(error: InvalidSessionError, what: str) -> InvalidSessionError:
    """The same error, whose message names what is wrong: "order 'o-1': ..."."""
    return error.within(what)


def _to_decimal(value: object, path: str) -> Decimal:
    if isinstance(value, bool):
        raise invalid(path, f"{value} is not an amount.")
    try:
        if isinstance(value, str) and not _PLAIN.issuperset(value.strip()):
            raise ValueError  # Python would take "1_000", and the digits of every script
        if isinstance(value, float):
            return Decimal(float.__repr__(value))
        if isinstance(value, Decimal | int | str):
            return Decimal(value)
        if isinstance(value, numbers.Integral):  # NumPy's and pandas' numbers
            return Decimal(int(value))
        if isinstance(value, numbers.Real) and not isinstance(value, numbers.Rational):
            return Decimal(str(value))
    except (decimal.InvalidOperation, ValueError):
        raise invalid(path, f"{shown(value)} is not an amount; write it like '1234.56'.") from None
    raise invalid(path, f"{shown(value)} is not an amount; give a Decimal, an int, a str or a float.")
