"""A command on a real terminal, that is read while it runs and typed to."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.processes.running import unmeasured

PATIENCE = 60.0
"""How long, in seconds, is waited for what is sure to come, on a machine that may be busy."""


TOP = "\x1b[H"
"""With which every picture begins."""

ON_A_TERMINAL_OF_ITS_OWN = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "paper_repo", *sys.argv[1:]])
"""
"""Makes the terminal the one whose Ctrl-C interrupts the command."""


class Screen:
    """The terminal, seen from the person before it."""

    def __init__(self, master: int, terminal: int, process: subprocess.Popen[bytes]) -> None:
        self._master = master
        self._terminal = terminal
        self.process = process
        self.shown = ""

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Read until this is shown, in one picture, after what was waited for last; it is taken out of `shown`."""
        until = time.monotonic() + PATIENCE
        while (found := self._find(pattern)) is None:
            assert select.select([self._master], [], [], max(until - time.monotonic(), 0))[0], self.shown
            read = self._read()
            assert read, self.shown
            self.shown += read
        self.shown = ""
        return found

    def press(self, keys: str) -> None:
        """Type these keys."""
        os.write(self._master, keys.encode())

    def resize(self, width: int, height: int) -> None:
        """Make the window another size."""
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def modes(self) -> list[Any]:
        """How the terminal is set: whether it shows what is typed, and so on."""
        return termios.tcgetattr(self._terminal)

    def rest(self) -> str:
        """All that is shown until the command ends, with what was shown since the last wait."""
        until = time.monotonic() + PATIENCE
        while self.process.poll() is None or select.select([self._master], [], [], 0)[0]:
            assert time.monotonic() < until, self.shown
            if select.select([self._master], [], [], 0.05)[0]:
                self.shown += self._read()
        return self.shown

    def _find(self, pattern: str) -> re.Match[str] | None:
        pictures = map(plain, self.shown.split(TOP))
        return next((found for each in pictures if (found := re.search(pattern, each))), None)

    def _read(self) -> str:
        return os.read(self._master, 1 << 16).decode(errors="replace")


@contextmanager
def screen_of(
    *arguments: str, width: int = 100, height: int = 24, interrupted: bool = False, **variables: str
) -> Iterator[Screen]:
    """The screen of `paper-repo` with these arguments; a command that still runs at the end is killed.

    Args:
        arguments: of the command.
        width: of the terminal, in columns.
        height: of the terminal, in lines.
        interrupted: it does not end by itself, so its coverage cannot be measured (see `unmeasured`).
        variables: environment variables.
    """
    master, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
    inherited = unmeasured() if interrupted else os.environ
    environment = {name: value for name, value in inherited.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    command = [sys.executable, "-S", "-c", ON_A_TERMINAL_OF_ITS_OWN, *arguments]
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), terminal)
    settings = environment | {"TERM": "xterm-256color"} | variables
    try:
        with subprocess.Popen(command, **streams, env=settings, start_new_session=True) as process:  # type: ignore[call-overload]
            try:
                yield Screen(master, terminal, process)
            finally:
                process.kill()
    finally:
        os.close(master)
        os.close(terminal)


def plain(shown: str) -> str:
    """What was shown without colours and movements of the cursor."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).replace("\r\n", "\n")
