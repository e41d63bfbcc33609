"""Checks of the arguments of a claim."""

from __future__ import annotations


def check_claim(owner: object, ttl: object, limit: object = None) -> None:
    """Raise a `ValueError` if an argument of a claim is not allowed."""
    if not isinstance(owner, str) or not owner:
        raise ValueError(f"owner must be text that names the worker, different for each worker, not {owner!r}")
    if isinstance(ttl, bool) or not isinstance(ttl, int | float) or not 0 < ttl < 1e9:
        raise ValueError(f"ttl must be a number of seconds above 0, not {ttl!r}")
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 0):
        raise ValueError(f"limit must be a whole number from 0, or None for all, not {limit!r}")
