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
    mantissa = str(number).upper().partition("E")[0]  # a caller's decimal context may want a small "e"
    digits = mantissa.replace(".", "").strip("-0")
    key = f"{_OFFSET + number.adjusted()}{digits}"
    return f"P{key}" if number > 0 else f"N{key.translate(_COMPLEMENT)}~"
