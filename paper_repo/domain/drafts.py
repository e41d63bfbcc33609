"""Frozen entities made of values that have been checked already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def draft_of(kind: type[Any]) -> Callable[[], Any]:
    """Makes drafts of a frozen class with slots.

    The fields of a draft are set as those of any object, four times as fast as frozen ones; then `draft.__class__ =
    kind` makes it one of `kind`, which Python allows where both have the same slots.
    """
    return type(f"Draft of {kind.__name__}", (), {"__slots__": kind.__slots__})
