"""What PostgreSQL keeps differently than other databases: the NUL character, and large floats in JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from paper_repo.errors import InvalidSessionError
from paper_repo.storage.tables import Row

JSON_COLUMNS = ("symbols", "strategy", "metadata", "open_orders", "state", "positions")

_TEXTS_AND_LARGE_FLOATS = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?e\+\d+')


def keepable(row: Row) -> Row:
    """`row` as PostgreSQL gives it back equal.

    Raises:
        InvalidSessionError: something in it has the NUL character, which no text of PostgreSQL may hold.
    """
    changes = {}
    for name, value in row.items():
        if type(value) is not str:
            continue
        if "\0" in value:
            raise _has_nul(row, name)
        if name in JSON_COLUMNS:
            if "\\u0000" in value:
                _require_no_nul(row, name, json.loads(value))
            if "e+" in value:
                changes[name] = _TEXTS_AND_LARGE_FLOATS.sub(_written_out, value)
    return row | changes if changes else row


def _written_out(found: re.Match[str]) -> str:
    """A large float without its exponent: JSONB keeps 1e+16 as 10000000000000000, which would be read as an integer."""
    text = found[0]
    return text if text.startswith('"') else f"{Decimal(text):f}.0"


def _require_no_nul(row: Row, name: str, data: Any) -> None:
    for path in _nul_paths(name, data):
        raise _has_nul(row, path)


def _nul_paths(path: str, data: Any) -> Iterator[str]:
    if isinstance(data, str) and "\0" in data:
        yield path
    elif isinstance(data, list):
        for index, each in enumerate(data):
            yield from _nul_paths(f"{path}[{index}]", each)
    elif isinstance(data, dict):
        for key, each in data.items():
            if "\0" in key:
                yield path
            yield from _nul_paths(f"{path}.{key}", each)


def _has_nul(row: Row, path: str) -> InvalidSessionError:
    message = "has the NUL character, which PostgreSQL cannot keep."
    return InvalidSessionError({path: [message]}, row.get("session_id", row.get("id")))
