"""The pages and the examples of the engines, run as their readers run them."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("backtesting")
pytest.importorskip("backtrader")

from tests.engines.backtrader_runs import PRICES

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
WARNINGS = ["-W", "error", "-W", "ignore:DatetimeIndex.dayofweek is deprecated"]
"""The engine's own: it calls what pandas 3.1 deprecates."""

KILLED = """
import os, signal, sys
import engine_backtrader

class Killed(engine_backtrader.SmaCross):
    def next(self):
        super().next()
        if len(self) == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)

Killed.__name__ = "SmaCross"
engine_backtrader.SmaCross = Killed
engine_backtrader.main(sys.argv[1])
"""
"""The example, killed in a bar."""


def output(name: str, *arguments: object) -> str:
    """What an example prints that runs to its end."""
    command = [sys.executable, *WARNINGS, str(EXAMPLES / name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("name", ["alpaca", "backtesting", "backtrader", "ccxt"])
def test_the_page_prints_what_it_says(name: str, tmp_path: Path) -> None:
    """The blocks of the page are one program, which runs twice in a row but for the id of a run that is stored."""
    text = (ROOT / "docs" / "howto" / f"{name}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    (printed,) = re.findall(r"```text\n(.*?)```", text, flags=re.DOTALL)
    PRICES["AAPL"].to_csv(tmp_path / "prices.csv")

    done = subprocess.run(
        [sys.executable, *WARNINGS, "-c", "".join(blocks)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == printed


@pytest.mark.parametrize("name", ["engine_backtrader.py", "engine_backtesting.py"])
def test_the_examples_are_short_and_run_twice(name: str, tmp_path: Path) -> None:
    """An example is read at a glance; started again, it finds what it has stored."""
    assert len((EXAMPLES / name).read_text(encoding="utf-8").splitlines()) < 80
    first = output(name, tmp_path / "s.db")
    assert output(name, tmp_path / "s.db") == first


@pytest.mark.parametrize("bar", [21, 100, 250])
def test_a_backtrader_run_that_is_killed_continues(bar: int, tmp_path: Path) -> None:
    """Killed with SIGKILL in a bar and started again, the example ends as an uninterrupted run does."""
    path = tmp_path / "killed.db"
    killed = subprocess.run([sys.executable, "-c", KILLED, path, str(bar)], cwd=EXAMPLES, check=False)

    assert killed.returncode == -signal.SIGKILL
    assert output("engine_backtrader.py", path) == output("engine_backtrader.py", tmp_path / "whole.db")
