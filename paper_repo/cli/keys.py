"""Single keys from a terminal, as soon as they are pressed."""

from __future__ import annotations

import os
import re
import select
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_NO_LETTER = re.compile(r"\x1b(\[[0-9;]*[ -/]*[@-~]|O.|.)?")
"""Escape sequences, which arrow and function keys send."""

WaitForKey = Callable[[float], str]
"""Waits at most this number of seconds; returns the key that was pressed, or an empty text."""


@contextmanager
def single_keys() -> Iterator[WaitForKey]:
    """A block in which the terminal does not show what is typed; it yields the function that waits for a key.

    Without a terminal to type on, that function only waits.
    """
    if not sys.stdin.isatty():
        yield _only_wait
    elif sys.platform == "win32":
        yield _wait_on_windows
    else:
        with _without_line_ends(sys.stdin.fileno()) as wait:
            yield wait


@contextmanager
def _without_line_ends(terminal: int) -> Iterator[WaitForKey]:
    import termios  # which Windows does not have
    import tty

    before = termios.tcgetattr(terminal)
    typed: deque[str] = deque()

    def wait(seconds: float) -> str:
        if not typed and select.select([terminal], [], [], seconds)[0]:
            read = os.read(terminal, 64)
            if not read:  # the terminal has gone
                raise EOFError
            typed.extend(_NO_LETTER.sub("", read.decode(errors="ignore")).lower())
        return typed.popleft() if typed else ""

    try:
        tty.setcbreak(terminal)  # Ctrl-C still interrupts
        yield wait
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def _wait_on_windows(seconds: float) -> str:
    import msvcrt

    console: Any = msvcrt  # whose functions are known to type checkers on Windows only
    until = time.monotonic() + seconds
    while not console.kbhit():
        if time.monotonic() >= until:
            return ""
        time.sleep(0.02)
    return str(console.getwch()).lower()


def _only_wait(seconds: float) -> str:
    time.sleep(seconds)
    return ""
