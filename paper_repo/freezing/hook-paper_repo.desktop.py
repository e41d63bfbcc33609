"""What PyInstaller does not find by itself of the window: its widgets, imported by name when they are asked for."""

from PyInstaller.utils.hooks import collect_submodules

hiddenimports: list[str] = collect_submodules("paper_repo.desktop")
