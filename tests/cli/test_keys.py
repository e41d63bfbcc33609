"""Single keys from a terminal: a real one, none, and that of Windows by its functions."""

from __future__ import annotations

import os
import pty
import sys
import termios
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from paper_repo.cli import keys


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, int]]:
    """A terminal that is typed on, and the person's end of it."""
    person, terminal = pty.openpty()
    with os.fdopen(os.dup(terminal)) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield terminal, person
    os.close(terminal)
    os.close(person)


def test_keys_come_one_by_one(terminal: tuple[int, int]) -> None:
    """As small letters, without arrows and the like; and nothing where nothing was pressed."""
    with keys.single_keys() as wait:
        assert wait(0) == ""
        os.write(terminal[1], b"Q\x1b[Ae\x1bOPr\xff")

        assert [wait(60), wait(0), wait(0), wait(0)] == ["q", "e", "r", ""]


def test_the_terminal_is_as_before(terminal: tuple[int, int]) -> None:
    """Whatever the block ends with; inside of it no key is shown, and Ctrl-C still interrupts."""
    before = termios.tcgetattr(terminal[0])

    with suppress(LookupError), keys.single_keys():
        flags = termios.tcgetattr(terminal[0])[3]
        raise LookupError

    assert not flags & (termios.ECHO | termios.ICANON)
    assert flags & termios.ISIG
    assert termios.tcgetattr(terminal[0]) == before


def test_a_terminal_that_has_gone_is_an_end_of_file(terminal: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """And not a key that is pressed for ever."""
    with keys.single_keys() as wait:
        os.write(terminal[1], b"\x04")  # Ctrl-D, which ends the input of a terminal that is read by lines
        monkeypatch.setattr(keys.os, "read", lambda descriptor, count: b"")

        with pytest.raises(EOFError):
            wait(60)


def test_without_a_terminal_it_only_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read from a file or a pipe."""
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)

        with keys.single_keys() as wait:
            assert wait(0) == ""


def test_the_console_of_windows(terminal: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked again until a key was pressed or the time is over."""
    pressed = iter([False, True, False])
    console: Any = SimpleNamespace(kbhit=lambda: next(pressed), getwch=lambda: "Q")
    monkeypatch.setitem(sys.modules, "msvcrt", console)
    monkeypatch.setattr(keys.sys, "platform", "win32")

    with keys.single_keys() as wait:
        assert wait(60) == "q"
        assert wait(0) == ""
