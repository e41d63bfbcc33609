"""How deep JSON data may be nested, from wherever it is saved or loaded."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from paper_repo import InvalidSessionError, SessionRepository, Strategy
from paper_repo.domain.nesting import DEEPEST, is_too_deep, on_fresh_stack
from tests.builders import new_session
from tests.strategies import json_data


def nested(depth: int) -> Any:
    """Lists and objects in turn, so many in each other."""
    value: Any = '[{"\\'
    for number in range(depth):
        value = [value] if number % 2 else {'}"': value}
    return value


def depth_of(value: Any) -> int:
    """How many levels there are."""
    if isinstance(value, dict | list):
        return 1 + max(map(depth_of, value.values() if isinstance(value, dict) else value), default=0)
    return 0


def at_depth(frames: int, call: Callable[[], Any]) -> Any:
    """The result of `call`, made with so many frames more on the stack."""
    return call() if not frames else at_depth(frames - 1, call)


def frames_left() -> int:
    """How many frames there is room for, from here."""
    frame, used = sys._getframe(), 0
    while frame is not None:
        frame, used = frame.f_back, used + 1  # type: ignore[assignment]
    return sys.getrecursionlimit() - used


@given(json_data(), st.integers(0, 300))
@example([[]] * 300, 0)
@example("[" * 300, 0)
@example(["]{\\"] * 300, 200)
def test_levels_are_counted_as_they_are(data: Any, more: int) -> None:
    """Brackets inside of texts are no levels, and many lists beside each other are one."""
    for _ in range(more):
        data = [data]

    assert is_too_deep(json.dumps(data)) == (depth_of(data) > DEEPEST)


def test_the_limit_is_the_same_on_a_deep_stack(path: Path) -> None:
    """What is saved can be loaded from wherever the program calls: also with little of Python's stack left."""
    deepest = {"deep": nested(DEEPEST - 1)}
    session = new_session(state=deepest, metadata=deepest, strategy=Strategy("x", "1", deepest))
    deeper = new_session(id="deeper", state={"deep": nested(DEEPEST)})
    with SessionRepository(path) as repository:
        repository.exists("nobody")

        for deep in (0, frames_left() - 150):
            session.version = 0
            repository.delete(session.id)
            at_depth(deep, lambda: repository.save(session))
            assert at_depth(deep, lambda: repository.get_by_id(session.id)) == session
            with pytest.raises(InvalidSessionError, match="state: is nested too deeply, more than 200 levels"):
                at_depth(deep, lambda: repository.save(deeper))


def test_work_on_a_fresh_stack_gives_its_result_or_its_error() -> None:
    """And leaves no thread behind."""
    before = threading.active_count()

    assert at_depth(frames_left() - 60, lambda: on_fresh_stack(json.loads, "[" * 500 + "]" * 500))
    with pytest.raises(ZeroDivisionError):
        on_fresh_stack(divmod, 1, 0)

    assert threading.active_count() == before
