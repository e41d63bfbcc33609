"""Repeated fills, interrupts, a moved file, a pooler, at random among other work: none lost, doubled or hung.

`SOAK_SECONDS=600` says for how long each; 4 by default. With `-s` it prints what was done.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.facade.seeds import seeds
from tests.postgres.conftest import *  # noqa: F403  # the fixtures of a server and its poolers
from tests.processes.running import started

SECONDS = float(os.environ.get("SOAK_SECONDS", "4"))


def done(case: str, place: object, seed: int) -> dict[str, int]:
    """What a program has done that was disturbed all the time; it has found nothing lost, doubled or hung."""
    with started("disturbed", case, place, seed, SECONDS, measured=False) as process:
        output, errors = process.communicate()
    assert process.returncode == 0, errors
    print(output)  # noqa: T201  # seen with -s
    counts: dict[str, int] = json.loads(output)
    assert counts["interrupts"]
    assert counts["fills"]
    return counts


@pytest.mark.parametrize("seed", seeds(1))
def test_on_a_file_that_is_moved_away_and_back(path: Path, seed: int) -> None:
    """While it is away every save is refused; when it is back all go on."""
    assert done("file", path, seed)["moves"]


@pytest.mark.parametrize("seed", seeds(1))
def test_behind_a_pooler(pooled_url: str, seed: int) -> None:
    """In either mode; from time to time all connections are new ones."""
    assert done("server", pooled_url, seed)["other programs"]
