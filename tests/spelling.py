"""How an object is spelled, field by field: what tells 1.0 from 1.00, which compare equal."""

from __future__ import annotations

import dataclasses
from typing import Any


def spelled(value: Any) -> str:
    """All fields of an entity and of what it holds, as Python spells their values."""
    if isinstance(value, type):
        return repr(value)
    if dataclasses.is_dataclass(value):
        fields = (f"{each.name}={spelled(getattr(value, each.name))}" for each in dataclasses.fields(value))
        return f"{type(value).__name__}({', '.join(fields)})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {spelled(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(spelled(each) for each in value) + "]"
    return repr(value)
