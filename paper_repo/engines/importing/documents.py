"""Values of JSON documents and databases, which may be anything."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from paper_repo.engines.importing.records import Draft

LARGEST = 400


def exact(draft: Draft, record: Mapping[str, Any], name: str, row: int) -> Decimal | None:
    """The number of this name in a record, exactly as it is written; None where there is none.

    Raises:
        SourceFileError: it is no number, or none that an amount can be.
    """
    value = record.get(name)
    if value is None or value == "":
        return None
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
            raise ValueError
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    except (InvalidOperation, ValueError):
        raise draft.wrong(f"{str(value)[:60]!r} is not a number", row=row or None, column=name) from None
    if number.is_nan():
        return None
    if not number.is_finite() or (number and abs(number.adjusted()) > LARGEST):
        raise draft.wrong(f"{str(value)[:60]!r} is too large or too small for an amount", row=row or None, column=name)
    return number


def text_of(value: Any) -> str | None:
    """A text that says something; None for everything else."""
    return value.strip() or None if isinstance(value, str) else None
