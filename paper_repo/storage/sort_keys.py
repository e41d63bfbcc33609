"""Decimals as text that sorts as the numbers do, so that any database can order and index them exactly."""

from __future__ import annotations

from decimal import Decimal

_COMPLEMENT = str.maketrans("0123456789", "9876543210")
_OFFSET = 50_000


def sort_key(number: Decimal) -> str:
    """Text for `number`; for any two numbers, texts compare as the numbers do, and equal numbers have equal texts.

    A sign letter (N below zero, O for zero, P), the exponent in five digits, then the significant digits. For a
    negative number exponent and digits are complemented, and a closing "~", which is above every digit, puts the
    shorter of two that begin alike behind.
    """
    if not number:
        return "O"
    mantissa, _, exponent = f"{number:E}".partition("E")
    digits = mantissa.replace(".", "").rstrip("0")
    if digits[0] != "-":
        return f"P{_OFFSET + int(exponent):05}{digits}"
    return "N" + f"{_OFFSET + int(exponent):05}{digits[1:]}".translate(_COMPLEMENT) + "~"
