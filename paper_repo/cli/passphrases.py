"""Where a passphrase comes from: a file, the environment, a pipe or a person; never an argument, which others see."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import typer

from paper_repo.cli.exit_codes import NOT_FOUND, USAGE, CommandError
from paper_repo.cli.terminal import raise_if_interrupted
from paper_repo.storage.sqlite.encryption import looks_encrypted

PASSPHRASE = "PAPER_REPO_PASSPHRASE"
"""The variable with the passphrase; arguments of a command can be seen by others."""

_ENOUGH = 1 << 16
"""More than any passphrase has; a larger file is another one."""


def passphrase_of(path: Path, file: Path | None, *, ask: bool = True) -> str | None:
    """The passphrase for the file at `path`, asked for only when the file looks encrypted; None when there is none.

    Raises:
        CommandError: `file` cannot be used.
    """
    given = given_passphrase(file)
    return given or (_asked(twice=False) or None if ask and looks_encrypted(path) else None)


def given_passphrase(file: Path | None) -> str | None:
    """The passphrase of a file or else of the environment.

    Raises:
        CommandError: there is no such file, or there is no passphrase in it.
    """
    return _first_line_of(file) if file is not None else _text(os.environ.get(PASSPHRASE)) or None


def required_passphrase(file: Path | None, *, twice: bool) -> str:
    """The passphrase for a file to be written; a person types it twice.

    Raises:
        CommandError: there is none.
    """
    passphrase = given_passphrase(file) or _asked(twice=twice)
    if not passphrase:
        raise CommandError(f"no passphrase given; use a file, {PASSPHRASE}, a pipe or a terminal", USAGE)
    return passphrase


def _first_line_of(file: Path) -> str:
    if not file.exists():
        raise CommandError(f"there is no passphrase file {file}", NOT_FOUND)
    with file.open("rb") as opened:
        line = opened.readline(_ENOUGH).removesuffix(b"\n").removesuffix(b"\r")
    try:
        passphrase = _text(line.decode("utf-8-sig"))
    except UnicodeDecodeError:  # whose message would quote the passphrase
        raise CommandError(f"the first line of {file} is not UTF-8 text, so it is not a passphrase", USAGE) from None
    if not passphrase:
        raise CommandError(f"the first line of {file} is empty; it should be the passphrase", USAGE)
    return passphrase


def _asked(*, twice: bool) -> str:
    """From the person at the terminal, or the first line of what another program pipes in."""
    if not sys.stdin.isatty():
        try:
            return _text(sys.stdin.readline(_ENOUGH).removesuffix("\n")) or ""
        except UnicodeDecodeError:
            raise CommandError("the passphrase from standard input is not UTF-8 text", USAGE) from None
    try:
        typed: str = typer.prompt("Passphrase", hide_input=True, confirmation_prompt=twice, err=True)
    except typer.Abort as error:
        raise_if_interrupted(error)
        return ""
    return typed


def _text(passphrase: str | None) -> str | None:
    """The passphrase, if SQLCipher can take it."""
    if passphrase is not None and ("\0" in passphrase or not _is_utf8(passphrase)):
        raise CommandError("the passphrase is not UTF-8 text without NUL characters", USAGE)
    return passphrase


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
