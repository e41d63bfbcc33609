"""What PostgreSQL cannot keep is refused by its path, and what it would change is written so that it does not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from paper_repo import InvalidSessionError
from paper_repo.domain.claims import check_claim
from paper_repo.storage.postgres.values import keepable


@pytest.mark.parametrize(
    ("column", "value", "path"),
    [
        ("name", "a\0b", "name"),
        ("state", json.dumps({"notes": ["fine", {"deep": "a\0b"}]}), "state.notes[1].deep"),
        ("metadata", json.dumps({"a\0b": 1}), "metadata"),
        ("symbols", json.dumps(["AAPL", "\0"]), "symbols[1]"),
    ],
)
def test_the_nul_character_is_refused_by_its_path(column: str, value: str, path: str) -> None:
    """A NUL anywhere in a row is an error of ours that names the place and the session."""
    with pytest.raises(InvalidSessionError, match="NUL character") as caught:
        keepable({"id": "abc-123", column: value, "version": 1})

    assert list(caught.value.messages) == [path]
    assert caught.value.session_id == "abc-123"


def test_text_that_only_looks_like_nul_is_kept() -> None:
    """A backslash that somebody wrote before u0000 is no NUL."""
    row = {"id": "1", "state": json.dumps({"text": "\\u0000", "list": [1, None]})}

    assert keepable(row) == row


@pytest.mark.parametrize(
    ("data", "written"),
    [
        ({"x": 1e16}, '{"x": 10000000000000000.0}'),
        ({"x": -1.5e20, "y": "1e+16"}, '{"x": -150000000000000000000.0, "y": "1e+16"}'),
        ({"x": 'a quoted "1e+16"'}, '{"x": "a quoted \\"1e+16\\""}'),
    ],
)
def test_large_floats_stay_floats(data: Any, written: str) -> None:
    """A large float is written out, text that looks like one stays as it is, and both read back equal."""
    kept = keepable({"id": "1", "state": json.dumps(data)})["state"]

    assert kept == written
    assert json.loads(kept) == data


def test_an_ordinary_row_is_passed_on() -> None:
    """A row without anything special is the same object."""
    row = {"id": "1", "name": "plain", "version": 3, "error": None, "state": "{}"}

    assert keepable(row) is row


@pytest.mark.parametrize(
    ("owner", "ttl", "limit", "message"),
    [
        ("", 1, None, "owner must be text"),
        (None, 1, None, "owner must be text"),
        ("w", 0, None, "ttl must be a number"),
        ("w", True, None, "ttl must be a number"),
        ("w", "1", None, "ttl must be a number"),
        ("w", 1, -1, "limit must be a whole number"),
        ("w", 1, True, "limit must be a whole number"),
    ],
)
def test_a_claim_that_makes_no_sense_is_refused(owner: object, ttl: object, limit: object, message: str) -> None:
    """Arguments of a claim are refused in words."""
    with pytest.raises(ValueError, match=message):
        check_claim(owner, ttl, limit)


def test_a_claim_that_makes_sense_passes() -> None:
    """A worker's name, a time in seconds and a limit are enough."""
    check_claim("worker-1", 30.5, 10)
    check_claim("worker-1", 1)
