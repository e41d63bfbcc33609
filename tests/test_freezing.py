"""What PyInstaller is told of the package."""

from __future__ import annotations

import runpy
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from paper_repo.cli.app import COMMANDS
from paper_repo.freezing import hook_dirs


def test_the_hook_is_in_the_folder_that_is_named() -> None:
    """PyInstaller looks for a hook by the name of the package, in the folders that it is given."""
    (folder,) = hook_dirs()

    assert (Path(folder) / "hook-paper_repo.py").is_file()


def test_the_installed_package_announces_its_hook() -> None:
    """The entry point by which PyInstaller asks for hooks leads to the folders."""
    named = [each for each in entry_points(group="pyinstaller40") if each.value.startswith("paper_repo.")]
    if not named:
        pytest.skip("paper_repo is not installed here, only on the path")

    assert [each.load() for each in named] == [hook_dirs]


def test_every_module_of_commands_is_frozen() -> None:
    """The command line imports them by name, which PyInstaller cannot see."""
    (folder,) = hook_dirs()
    found = runpy.run_path(str(Path(folder) / "hook-paper_repo.cli.app.py"))["hiddenimports"]

    assert set(found) == {f"paper_repo.cli.commands.{each.function.partition(':')[0]}" for each in COMMANDS.values()}
