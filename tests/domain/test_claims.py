"""What a claim on a session may be asked for with."""

from __future__ import annotations

import math

import pytest

from paper_repo.domain.claims import check_claim


@pytest.mark.parametrize(
    ("owner", "ttl", "limit"), [("w", 30, None), ("w", 0.001, 0), ("worker 1", 999_999_999, 1), ("w", 0.5, 2**40)]
)
def test_what_makes_sense(owner: str, ttl: float, limit: int | None) -> None:
    """A worker has a name, a time is above zero, and a limit is a whole number or none."""
    check_claim(owner, ttl, limit)
    check_claim(owner, ttl)


@pytest.mark.parametrize("owner", ["", None, 5, b"w"])
def test_a_worker_without_a_name_is_refused(owner: object) -> None:
    """The message says what a name is for."""
    with pytest.raises(ValueError, match=rf"^owner must be text that names the worker, .*, not {owner!r}$"):
        check_claim(owner, 30)


@pytest.mark.parametrize("ttl", [0, -1, True, "30", None, 1e9, math.inf, math.nan])
def test_a_time_that_is_none_is_refused(ttl: object) -> None:
    """A claim ends some time, and not before it begins."""
    with pytest.raises(ValueError, match=f"^ttl must be a number of seconds above 0, not {ttl!r}$"):
        check_claim("w", ttl)


@pytest.mark.parametrize("limit", [-1, True, 1.5, "5"])
def test_a_limit_that_is_no_number_is_refused(limit: object) -> None:
    """How many sessions at most is a whole number."""
    with pytest.raises(ValueError, match=f"^limit must be a whole number from 0, or None for all, not {limit!r}$"):
        check_claim("w", 30, limit)
