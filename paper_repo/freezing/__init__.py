"""Tells PyInstaller what belongs to this package; an application that is frozen with it need do nothing."""

from __future__ import annotations

from pathlib import Path


def hook_dirs() -> list[str]:
    """The folders with hooks, for PyInstaller (https://pyinstaller.org/en/stable/hooks.html)."""
    return [str(Path(__file__).parent)]
