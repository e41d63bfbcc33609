"""Standard input, output and error, made fit for use: a caller may have closed them, or chosen a narrow encoding."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from paper_repo.cli.exit_codes import FAILED, CommandError

_closed: set[int] = set()
"""The standard streams that this process was started without."""


def prepare() -> None:
    """Open what is closed, so that no database becomes standard output, and let everything be written somehow."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            _closed.add(number)
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free, which is this one
    for number, name in ((0, "stdin"), (1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:  # closed, or a windowed program on Windows
            _closed.add(number)
            mode = "r" if number == 0 else "w"
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - until the end
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a name may hold what a terminal cannot show


def require_output() -> None:
    """Raise a `CommandError` when standard output is closed, for a command whose answer would be lost."""
    if 1 in _closed:
        raise CommandError("standard output is closed, so there is nowhere to write the answer", FAILED)


def forget_output() -> None:
    """Let what is still to be written to standard output be lost without a complaint: its reader has gone."""
    with suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
