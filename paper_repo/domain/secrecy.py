"""What is secret, and what messages show of values that may be.

Secret are passphrases, the passwords in addresses, and what a strategy is made of: its parameters, its state and its
metadata. No message, repr, log or traceback shows them; a message about a value shows it only as `shown` does.
"""

from __future__ import annotations

import datetime
import decimal
import enum

_LONGEST = 80
"""How many characters of a value are quoted."""

_PLAIN = (
    type(None),
    bool,
    int,
    float,
    decimal.Decimal,
    datetime.date,
    datetime.time,
    datetime.timedelta,
    enum.Enum,
    str,
)


class Passphrase(str):
    """Text that shows itself nowhere: a traceback that shows variables does not tell it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<passphrase>"


def shown(value: object) -> str:
    """What a message shows of a wrong value: numbers, times and short texts themselves, of all else only its type."""
    if not isinstance(value, _PLAIN):
        return kind_of(value)
    try:
        text = repr(value)
    except ValueError:  # a whole number of more digits than Python writes
        return kind_of(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def kind_of(value: object) -> str:
    """The type of a value of which nothing else is shown."""
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
