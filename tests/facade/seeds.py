"""Seeds of the tests that do something random: fresh ones each time, shown in the test's name, or the one asked for."""

from __future__ import annotations

import os
import random

SEED = "PAPER_REPO_TEST_SEED"
"""The environment variable with a seed to replay."""

ROUNDS = "PAPER_REPO_TEST_ROUNDS"
"""The environment variable that says how many times as many rounds as usual are wanted; 1 by default."""


DRAW = "PAPER_REPO_TEST_DRAW"
"""The environment variable by which the processes of one test run draw the same seeds."""

_draw = random.Random(os.environ.setdefault(DRAW, str(random.randrange(1_000_000_000))))


def seeds(count: int) -> list[int]:
    """As many seeds as there are to be rounds of a test, to parametrise it with."""
    if SEED in os.environ:
        return [int(os.environ[SEED])]
    return [_draw.randrange(1_000_000_000) for _ in range(count * int(os.environ.get(ROUNDS, "1")))]
