"""Values as brokers' libraries give them, made exact: numbers, times, enumerations, and objects that are models."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from numbers import Integral
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def exact(value: Any, what: str) -> Decimal:
    """The number that was sent: texts and Decimals as they are, a float by its shortest form.

    Raises:
        ValueError: it is no finite number; `what` names it.
    """
    try:
        number = value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"{what}: {value!r} is not a number") from None
    if not number.is_finite():
        raise ValueError(f"{what}: {value!r} is not a finite number")
    return number


def without_noise(value: float) -> Decimal:
    """The number of an engine that computes in floats, to 15 digits: as many as every float keeps of a decimal.

    The digits after these are the error of the engine's arithmetic: 56.92000000000001 is 56.92.
    """
    return Decimal(int(value)) if isinstance(value, Integral) else Decimal(f"{float(value):.15g}")


def optional_exact(value: Any, what: str) -> Decimal | None:
    """Like `exact`; None where nothing was sent."""
    return None if value is None or value == "" else exact(value, what)


def optional_price(value: Any, what: str) -> Decimal | None:
    """Like `optional_exact`; None also for zero, which many brokers send for an order without that price."""
    return optional_exact(value, what) or None


def moment_of_ms(value: Any) -> datetime:
    """The time of a number of milliseconds since 1970 (UTC), without the error of a float."""
    return EPOCH + timedelta(milliseconds=int(value))


def ms_of(at: datetime) -> int:
    """The milliseconds since 1970 at this time, rounded down."""
    return (at - EPOCH) // timedelta(milliseconds=1)


def moment_of_text(value: Any) -> datetime:
    """The time of an ISO text (or of a datetime that a model holds); digits beyond microseconds are cut off."""
    at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def plain(value: Any) -> dict[str, Any]:
    """The fields of an answer: of a mapping as it is, of a pydantic model by their names."""
    if isinstance(value, Mapping):
        return dict(value)
    dumped: dict[str, Any] = value.model_dump()
    return dumped


def text_of(value: Any) -> str:
    """The text of a value that may be a member of an enumeration or a UUID; empty where there is none."""
    return "" if value is None else str(getattr(value, "value", value))


def kept(**details: Any) -> dict[str, Any]:
    """Metadata: those of the details that were sent, as JSON data."""
    return {
        name: value if isinstance(value, bool | int) else text_of(value)
        for name, value in details.items()
        if value is not None and value != ""
    }
