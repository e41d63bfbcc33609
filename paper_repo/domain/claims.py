"""What a claim on a session is asked for with."""

from __future__ import annotations


def check_claim(owner: object, ttl: object, limit: object = None) -> None:
    """Raise a `ValueError` when one of the arguments of a claim makes no sense."""
    if not isinstance(owner, str) or not owner:
        raise ValueError(f"owner is a text that names the worker, different for each, not {owner!r}")
    if isinstance(ttl, bool) or not isinstance(ttl, int | float) or not 0 < ttl < 1e9:
        raise ValueError(f"ttl is a number of seconds above 0, not {ttl!r}")
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 0):
        raise ValueError(f"limit is a whole number from 0, or None for all, not {limit!r}")
