"""JSON data that a session keeps: as text, as a copy, and refused where it would not come back equal."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from paper_repo.domain.nesting import DEEPEST, STORED_DEEPEST, is_too_deep, on_fresh_stack
from paper_repo.domain.values import text
from paper_repo.errors import InvalidSessionError

to_json: Callable[[Any], str] = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False).encode
"""JSON text without spaces; data that holds itself would fill Python's stack before it is refused."""

to_json_once: Callable[[Any], str] = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
"""The same, somewhat slower, which refuses data that holds itself at once."""


def from_json(text: str) -> Any:
    """What `to_json` has written as `text`."""
    if is_too_deep(text, STORED_DEEPEST):
        raise ValueError(f"it is nested deeper than {STORED_DEEPEST} levels")
    try:
        value, end = scan(text)
    except RecursionError:  # on the caller's stack, which may have little room left
        value, end = on_fresh_stack(scan, text)
    if end != len(text):
        raise ValueError(f"there is more behind position {end}")
    return value


scan: Callable[[str], tuple[Any, int]] = json.JSONDecoder().raw_decode


def json_copy(value: Any, path: str) -> Any:
    """JSON data that is equal to `value` and shares nothing with it; what JSON does not give back equal is refused.

    Writing and reading it back is the check: it finds NaN, keys that are no text, tuples and sets by itself, at the
    speed of the json module. Only when it fails does a slow walk look for the place.
    """
    try:
        twin = _there_and_back(value)
    except RecursionError:
        twin = _NOT_EQUAL  # on the caller's stack, which may have little room left
    if twin is not _NOT_EQUAL:
        return twin
    problems = _json_problems(value, path)
    if not problems:
        twin = on_fresh_stack(_there_and_back, value)
        problems = {path: ["does not come back equal from JSON."]} if twin is _NOT_EQUAL else {}
    if problems:
        raise InvalidSessionError(problems)
    return twin


def _there_and_back(value: Any) -> Any:
    """What JSON makes of `value`, or `_NOT_EQUAL`."""
    try:
        written = json.dumps(value, allow_nan=False)
        refuse_lone_surrogates(written, value)
        twin = json.loads(written)
        return _NOT_EQUAL if is_too_deep(written) or twin != value else twin
    except (TypeError, ValueError):
        return _NOT_EQUAL


_NOT_EQUAL = object()


def refuse_lone_surrogates(written: str, value: Any) -> None:
    """Raise a `UnicodeEncodeError` when `value`, of which `written` is the JSON in ASCII, holds text that is none."""
    if "\\ud" in written:  # a surrogate, most likely one of a pair: every character beyond U+FFFF is written as two
        json.dumps(value, ensure_ascii=False).encode()


_TOO_DEEP = f"is nested too deeply, more than {DEEPEST} levels, or holds itself."


def _json_problems(value: Any, path: str) -> dict[str, list[str]]:
    """What is wrong with `value`, by path.

    This does not call itself: in data that holds itself it would end where Python's stack does, and whatever finalizer
    of the program the garbage collector calls there fails.
    """
    problems: dict[str, list[str]] = {}
    waiting = [(0, value, path)]
    while waiting:
        depth, each, place = waiting.pop()
        if depth >= DEEPEST and isinstance(each, dict | list):
            return {path: [_TOO_DEEP]}
        problems.update(_own_problems(each, place))
        waiting += [(depth + 1, *part) for part in reversed(_parts(each, place))]
    return problems


def _parts(value: Any, path: str) -> list[tuple[Any, str]]:
    """What `value` holds, each with its path."""
    if isinstance(value, dict):
        return [(each, f"{path}.{key}") for key, each in value.items() if isinstance(key, str)]
    return [(each, f"{path}[{index}]") for index, each in enumerate(value)] if isinstance(value, list) else []


def _own_problems(value: Any, path: str) -> Iterator[tuple[str, list[str]]]:
    """What is wrong with `value` itself, whatever it holds."""
    if isinstance(value, dict):
        for key in value:
            if isinstance(key, str):
                yield from _surrogates(key, f"{path}.{key!a}")
            else:
                yield f"{path}.{key}", [f"the key {key!r} is not text; the keys of JSON are."]
    elif isinstance(value, str):
        yield from _surrogates(value, path)
    elif isinstance(value, tuple):
        yield path, ["a tuple would come back as a list; use a list."]
    elif isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        yield path, [f"{value} cannot be kept in JSON; use None or text."]
    elif not (value is None or isinstance(value, list | int | float)):
        yield path, [f"a {type(value).__name__} cannot be kept in JSON; store text or a number instead."]
    elif isinstance(value, int) and value.bit_length() > 10_000:
        yield path, ["the number has too many digits; store it as text."]


def _surrogates(value: str, path: str) -> Iterator[tuple[str, list[str]]]:
    try:
        text(value, path)
    except InvalidSessionError as error:
        yield from error.messages.items()
