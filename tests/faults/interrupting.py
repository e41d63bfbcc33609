"""An exception at one certain point of what a thread does, as a signal handler raises one."""

from __future__ import annotations

import _weakrefset
import dis
import gc
import logging
import sys
import weakref
from collections.abc import Callable
from functools import cache
from inspect import CO_GENERATOR
from types import CodeType, FrameType
from typing import Any

_SWALLOWING = (weakref.__file__, _weakrefset.__file__, logging.__file__)
"""Where Python itself goes on after an exception: in finalisers, and in a log record that asks for a process's name."""


class Interrupter:
    """Raises an exception at the point of this number, from 0, of what runs inside of `run`.

    Points are every function entry, every line and every return from C of this thread. Left out are those at which
    Python itself never handles a signal: the steps by which a `with` statement calls `__exit__`, and a generator that
    is resumed outside of its own `try`. What a finaliser raises, Python prints and goes on; so there are none in
    finalisers either.

    Args:
        number: of the point.
        error: what is raised.
    """

    def __init__(self, number: int, error: type[BaseException]) -> None:
        self._number = number
        self._error = error
        self.where = ""
        self.passed = 0
        """How many points were passed."""

    @property
    def has_raised(self) -> bool:
        """Whether the point was reached."""
        return bool(self.where)

    def run(self, action: Callable[[], object]) -> BaseException | None:
        """Do `action`, and return what it has raised."""
        own = sys._getframe()

        def profile(frame: FrameType, event: str, arg: Any) -> None:
            if event in ("call", "c_return") and frame is not own and not _is_generator_resumed(frame, event):
                self._pass(frame, event)

        def trace(frame: FrameType, event: str, arg: Any) -> Any:
            if event == "line" and not _leaves_with(frame.f_code, frame.f_lasti):
                self._pass(frame, event)
            return trace

        tracing, profiling, collecting = sys.gettrace(), sys.getprofile(), gc.isenabled()
        try:
            gc.disable()  # what its callbacks raise is printed, as in finalisers
            sys.settrace(trace)
            sys.setprofile(profile)
            action()
        except BaseException as error:
            return error
        finally:
            sys.setprofile(profiling)
            sys.settrace(tracing)
            if collecting:
                gc.enable()
        return None

    def _pass(self, frame: FrameType, event: str) -> None:
        if self.has_raised or _is_of_a_test(frame) or _is_swallowed(frame):
            return
        self.passed += 1
        if self.passed <= self._number:
            return
        self.where = f"{event} {frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_name}"
        self.happen()

    def happen(self) -> None:
        """What happens at the point."""
        raise self._error


def _is_swallowed(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_name == "__del__" or frame.f_code.co_filename in _SWALLOWING:
            return True
        frame = frame.f_back
    return False


def _is_of_a_test(frame: FrameType) -> bool:
    return "/tests/" in frame.f_code.co_filename


def _is_generator_resumed(frame: FrameType, event: str) -> bool:
    return event == "call" and bool(frame.f_code.co_flags & CO_GENERATOR)


@cache
def _instructions(code: CodeType) -> dict[int, list[tuple[str, Any]]]:
    found = [each for each in dis.get_instructions(code) if each.opname not in ("CACHE", "PRECALL")]
    names = [(each.opname, each.argval) for each in found]
    return {each.offset: names[place : place + 6] for place, each in enumerate(found)}


@cache
def _leaves_with(code: CodeType, offset: int) -> bool:
    """Whether what comes next is the call of `__exit__` by a `with` statement that is left without an exception."""
    following = [each for each in _instructions(code).get(offset, []) if each[0] not in ("NOP", "SWAP", "POP_BLOCK")]
    return following[:3] == [("LOAD_CONST", None)] * 3 and following[3:4] == [("CALL", 2)]
