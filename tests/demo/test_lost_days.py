"""The demo's own proof: what it says of the days that were found after the kill."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from paper_repo.demo.run import Report, _nothing_lost

ACKNOWLEDGED = Report("one", 11, 100, "2024-05-01", Decimal(1), 1, 1, 1)


@pytest.mark.parametrize(
    ("changes", "right"),
    [
        ({}, True),
        ({"days": 101}, True),
        ({"days": 99}, False),
        ({"days": 102}, False),
        ({"session_id": "another"}, False),
        ({"pid": 11}, False),
    ],
)
def test_what_was_acknowledged_must_be_there(changes: dict[str, object], right: bool) -> None:
    """All of it, and the day it was at whole or not; in the same session, found by another process."""
    found = replace(ACKNOWLEDGED, **{"pid": 12} | changes)

    assert _nothing_lost(ACKNOWLEDGED, found).passed is right
