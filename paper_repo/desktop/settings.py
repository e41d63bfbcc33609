"""What the window remembers of its user: columns, recent files, sizes."""

from __future__ import annotations

from PySide6.QtCore import QSettings

MOST_RECENT = 10


def settings() -> QSettings:
    """The settings of this user, in a file of their own (on Linux ~/.config/paper_repo/desktop.ini)."""
    return QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "paper_repo", "desktop")


def recent_places() -> list[str]:
    """The files and servers that were opened last, the latest first; without passwords."""
    found = settings().value("recent", [])
    return [found] if isinstance(found, str) else list(map(str, found)) if isinstance(found, list) else []


def remember_place(place: str) -> None:
    """Put a file or server at the top of what was opened last."""
    others = [each for each in recent_places() if each != place]
    settings().setValue("recent", [place, *others][:MOST_RECENT])
