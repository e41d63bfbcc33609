"""How often the tests compare a repository with the model.

`PAPER_REPO_TEST_ROUNDS=100` runs a hundred times as many programs. A program that fails is shown as it is;
`PAPER_REPO_TEST_SHRINK=1` makes it shorter first, which takes minutes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from paper_repo.testing.model import machine
from paper_repo.testing.model.driving import Driver
from tests.facade.seeds import ROUNDS

EXAMPLES = 20 * int(os.environ.get(ROUNDS, "1"))
SHORTEN = bool(os.environ.get("PAPER_REPO_TEST_SHRINK"))


def check(implementation: Callable[[Path], Driver], keeps: bool = True) -> None:
    """Compare it so many times."""
    machine.check(implementation, keeps, examples=EXAMPLES, shorten=SHORTEN)
