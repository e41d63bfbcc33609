"""Amounts, times and texts, written and read at full speed; what is not of the stored form is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from paper_repo.domain.values import ordinary_decimal
from paper_repo.serialization.fields import instant_text as written_instant

instant_text: Callable[[datetime], str] = lru_cache(4096)(written_instant)
"""Most times of a session are the same at every save, and writing one is slow."""


def amount_of(value: Any) -> Decimal:
    """An exact decimal from its text."""
    if type(value) is not str:
        raise TypeError
    number = ordinary_decimal(value)
    if not number.is_finite():
        raise ValueError
    return number


def optional_amount_of(value: Any) -> Decimal | None:
    """The same, or None."""
    return None if value is None else amount_of(value)


@lru_cache(4096)
def instant_of(value: Any) -> datetime:
    """A moment in UTC from its text of fixed width."""
    moment = datetime.fromisoformat(value)
    if len(value) != 32 or value[26:] != "+00:00" or value[19] != "." or value[10] != "T" or value[5] == "W":
        raise ValueError
    return moment


def optional_instant_of(value: Any) -> datetime | None:
    """The same, or None."""
    return None if value is None else instant_of(value)


def text_of(value: Any) -> str:
    """Text that can be stored, which a lone surrogate cannot."""
    if type(value) is not str:
        raise TypeError
    if not value.isascii():
        value.encode()
    return value


def name_of(value: Any) -> str:
    """Text that is not empty, and neither begins nor ends with white space."""
    text = text_of(value)
    if not text or text.strip() != text:
        raise ValueError
    return text


symbol_of: Callable[[Any], str] = lru_cache(4096)(name_of)
"""The same for the symbols of positions, orders and fills, which are few."""
