"""What is said about tests whose coverage is not measured fits the tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.measuring import CONTRACTS, MEASURED_CONTRACTS, MEASURED_RUNS, UNMEASURED, is_measured

TESTS = Path(__file__).parent


@pytest.mark.parametrize("name", [*UNMEASURED, *CONTRACTS, MEASURED_RUNS])
def test_every_name_is_that_of_a_test(name: str) -> None:
    """Each is a file or a folder, and classes and functions begin in it as they are named."""
    path, *parts = name.split("::")

    assert (TESTS / path).exists()
    source = (TESTS / path).read_text(encoding="utf-8") if parts else ""
    assert [part for part in parts if not re.search(rf"(class|def) {part}", source)] == []


@pytest.mark.parametrize("path", CONTRACTS)
def test_an_implementation_of_each_kind_is_measured(path: str) -> None:
    """On one of the two event loops, where it is driven by one."""
    measured = [name for name in MEASURED_CONTRACTS if is_measured(f"{path}::{name}::test_save[asyncio]")]

    assert measured == list(MEASURED_CONTRACTS)
    assert not any(is_measured(f"{path}::{name}::test_save[trio]") for name in MEASURED_CONTRACTS)
