"""How deep JSON data may be nested: as deep at every save and load, whatever the program has on its stack."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

DEEPEST = 200
"""The most levels of lists and objects in each other. Python's own limit leaves several times as many on a fresh stack,
and other readers of JSON, of an archive for example, stop at a few hundred, too."""

STORED_DEEPEST = DEEPEST + 3
"""The same for what is stored of an entity, whose own levels are around the data: an order among others by id."""

_TEXTS = re.compile(r'"(?:[^"\\]|\\.)*"')
_NO_BRACKETS = re.compile(r"[^][{}]+")


def is_too_deep(text: str, deepest: int = DEEPEST) -> bool:
    """Whether the data in this JSON text is nested in more levels than `deepest`."""
    if len(text) <= deepest or text.count("[") + text.count("{") <= deepest:
        return False
    brackets = _NO_BRACKETS.sub("", _TEXTS.sub("", text)).replace("{", "[").replace("}", "]")
    for _ in range(deepest):  # each round takes the innermost level away
        brackets = brackets.replace("[]", "")
        if not brackets:
            return False
    return True


def on_fresh_stack(work: Callable[..., T], *args: Any) -> T:
    """The result of `work`, done in a thread of its own, for a caller whose own stack has no room left for it."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work(*args))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="paper_repo fresh stack")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]
