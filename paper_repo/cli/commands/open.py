"""The command that shows the window: open."""

from __future__ import annotations

import ctypes
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from paper_repo.cli.database import existing, existing_or_new, place_of
from paper_repo.cli.exit_codes import FAILED, CommandError
from paper_repo.cli.options import DbOption, PassphraseFile
from paper_repo.core.repository import SessionRepository

DEMO_FILE = "demo.db"
"""The demo's sessions, in the user's data folder, so that what was interrupted can be resumed."""


NEEDED = {
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}
"""What Qt needs of an X11 desktop and a small Debian does not have, with the package that has it: without one of them
Qt ends the program."""


class Theme(StrEnum):
    """How the window is dressed."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


class Language(StrEnum):
    """What the window speaks."""

    SYSTEM = "system"
    ENGLISH = "en"
    GERMAN = "de"


def open_(
    db: DbOption = None,
    passphrase_file: PassphraseFile = None,
    demo: Annotated[
        bool,
        typer.Option(
            "--demo",
            metavar="",
            help="Run the demo's strategy in it, with cash, symbols and speed to choose; without --db in a file of "
            "its own in your data folder.",
        ),
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", metavar="", help="With --demo: resume what was running without asking.")
    ] = False,
    theme: Annotated[
        Theme, typer.Option("--theme", help="Light, dark, or as the desktop is.", show_choices=True)
    ] = Theme.SYSTEM,
    language: Annotated[
        Language, typer.Option("--language", help="English, German, or as the desktop is.", show_choices=True)
    ] = Language.SYSTEM,
) -> None:
    """Show all sessions in a window, and everything about each: it follows what other programs save."""
    require_display()
    try:
        from paper_repo.desktop.application import run
    except ImportError as error:
        raise _library_missing(error) from error
    code = run(
        _repository(db, passphrase_file, demo), demo=demo, resume=resume, dress=theme.value, language=language.value
    )
    if code:
        raise typer.Exit(code)


def _repository(db: str | None, passphrase_file: Path | None, demo: bool) -> SessionRepository:
    if not demo:
        return existing(db, passphrase_file)
    if db:
        return existing_or_new(db, passphrase_file)
    own = place_of(None)
    assert isinstance(own, Path)
    own.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return existing_or_new(str(own.with_name(DEMO_FILE)), passphrase_file)


def require_display() -> None:
    """Say what is missing where Qt would end the program: a display, or a library that it needs on Debian and Ubuntu.

    Raises:
        CommandError: no window can be shown here.
    """
    if not sys.platform.startswith("linux") or os.environ.get("QT_QPA_PLATFORM", "xcb") not in ("xcb", ""):
        return
    if os.environ.get("WAYLAND_DISPLAY"):
        return
    if not os.environ.get("DISPLAY"):
        raise CommandError("there is no display to show a window on; paper-repo list and report need none", FAILED)
    missing = [package for library, package in NEEDED.items() if not _is_there(library)]
    if missing:
        raise CommandError(f"the window needs {', '.join(missing)}: sudo apt install {' '.join(missing)}", FAILED)


def _is_there(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _library_missing(error: ImportError) -> Exception:
    if "pip install" in str(error):
        return error
    if ".so" in str(error):  # one of the system, that Qt itself is linked with
        return CommandError(
            f"the window cannot be shown: {error}; on Debian and Ubuntu: "
            "sudo apt install libegl1 libgl1 libxkbcommon0 libdbus-1-3 libxcb-cursor0",
            FAILED,
        )
    return error
