"""Ctrl-C at any moment: `Interrupt` counts the moments at which one may come, and lets one come at the chosen one.

Python looks for signals when a function begins, when one of C's has returned, and at some of the lines between. It
never does so at the end of a `with`, nor at a bare `try:`, where nothing could be mended. The functions of the event
loops and of anyio are left alone: interrupted there, asyncio forgets the tasks that wait for a future, trio calls it
its own bug, and anyio leaves a thread that keeps the program from ending.
"""

from __future__ import annotations

import asyncio
import dis
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import anyio
import trio

import paper_repo

PACKAGE = str(Path(paper_repo.__file__).parent)
LOOPS = tuple(str(Path(library.__file__).parent) for library in (asyncio, trio, anyio))
_NEAR = 12
"""How far from the package's own functions what these call may lie."""


class Interrupt:
    """Interrupts this thread at one moment of its work in the package, or in what that calls.

    Args:
        at: at which moment, from 0.
        by_signal: whether it is a real SIGINT, with whatever handler is there; or what a handler raises.
    """

    def __init__(self, at: int, by_signal: bool) -> None:
        self._left = at
        self._by_signal = by_signal
        self.place = ""
        """Where it came; empty: it did not."""

    @contextmanager
    def armed(self) -> Iterator[None]:
        """Let it come while the block lasts."""
        tracing, profiling = sys.gettrace(), sys.getprofile()  # what measures coverage
        sys.settrace(self._trace)
        sys.setprofile(self._profile)
        try:
            yield
        finally:
            sys.settrace(tracing)
            sys.setprofile(profiling)

    def _trace(self, frame: FrameType, event: str, argument: Any) -> Any:
        if not _is_near(frame):
            return None
        if event == "call" or (event == "line" and not _is_never(frame)):
            self._pass(frame, event)
        return self._trace

    def _profile(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "c_return" and _is_near(frame):
            self._pass(frame, f"{event} of {getattr(argument, '__qualname__', argument)}")

    def _pass(self, frame: FrameType, event: str) -> None:
        if self.place:
            return
        if self._left:
            self._left -= 1
            return
        self.place = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno} {frame.f_code.co_name}, {event}"
        if self._by_signal:
            signal.raise_signal(signal.SIGINT)
        else:
            raise KeyboardInterrupt


def _is_near(frame: FrameType | None) -> bool:
    for _ in range(_NEAR):
        if frame is None or frame.f_code.co_filename.startswith(LOOPS):
            return False
        if frame.f_code.co_name == "__del__":  # Python swallows what is raised there
            return False
        if frame.f_code.co_filename.startswith(PACKAGE):
            return True
        frame = frame.f_back
    return False


def _is_never(frame: FrameType) -> bool:
    """Whether this line does nothing, or calls `__exit__` next: a `with` that was gone through without an error."""
    return frame.f_lasti in _nevers(frame.f_code)


def _nevers(code: CodeType) -> set[int]:
    if code not in _known:
        instructions = list(dis.get_instructions(code))
        nones = [each.opname == "LOAD_CONST" and each.argval is None for each in instructions]
        _known[code] = {
            each.offset
            for index, each in enumerate(instructions)
            if each.opname == "NOP" or nones[index : index + 3] == [True, True, True]
        }
    return _known[code]


_known: dict[CodeType, set[int]] = {}
