"""Names of widgets, by which the style sheet, the settings and tests find them."""

from __future__ import annotations

from typing import TypeVar

from PySide6.QtCore import QObject

T = TypeVar("T", bound=QObject)


def named(thing: T, name: str) -> T:
    """The widget or action itself, under this name."""
    thing.setObjectName(name)
    return thing
