"""Engines that are not installed, and the modules that need none."""

from __future__ import annotations

import subprocess
import sys

import pytest

PACKAGES = {
    "backtesting": "backtesting",
    "backtrader": "backtrader",
    "freqtrade": "freqtrade",
    "nautilus": "nautilus_trader",
}


def printed(program: str) -> str:
    """What a program prints that runs in a process of its own."""
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("engine", PACKAGES)
def test_a_missing_extra_is_an_import_error_that_names_the_command(engine: str) -> None:
    """Without the engine, the import of its recorder says how to install it, and from what it comes."""
    program = f"""
import sys
sys.modules[{PACKAGES[engine]!r}] = None  # as if it were not installed
try:
    import paper_repo.engines.{engine}
except ImportError as error:
    assert isinstance(error.__cause__, ImportError)
    print(error)
"""
    said = printed(program)
    assert said.startswith(f"paper_repo.engines.{engine} needs ")
    assert said.endswith(f": pip install 'paper_repo[{engine}]'\n")


@pytest.mark.parametrize("name", ["ccxt", "alpaca"])
def test_brokers_need_no_library(name: str) -> None:
    """Their answers are dictionaries; neither the library nor an HTTP client is imported."""
    imported = printed(f"import sys, paper_repo.engines.{name}; print(*(m.split('.')[0] for m in sys.modules))")

    assert set(imported.split()) & {"ccxt", "alpaca", "pydantic", "requests", "aiohttp"} == set()
