"""What a user reads who has not installed the extra of an engine."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("engine", ["backtesting", "backtrader"])
def test_a_missing_extra_is_an_import_error_that_names_the_command(engine: str) -> None:
    """Without the engine, the import of its recorder says how to install it, and from what it comes."""
    program = f"""
import sys
sys.modules[{engine!r}] = None  # as if it were not installed
try:
    import paper_repo.engines.{engine}
except ImportError as error:
    assert isinstance(error.__cause__, ImportError)
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"paper_repo.engines.{engine} needs ")
    assert done.stdout.endswith(f": pip install 'paper_repo[{engine}]'\n")
