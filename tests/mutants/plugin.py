"""A pytest plugin for runs that repeat the tests thousands of times, in a copy of the package made by mutmut."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from mutmut.core import MutmutCallStack

# Few examples, always the same; what makes one fail is as good as killed, and need not be made smaller.
settings.register_profile(
    "mutants",
    max_examples=25,
    phases=[Phase.explicit, Phase.generate],
    report_multiple_bugs=False,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

# Who calls whom is not asked here, and is kept in a context that a coroutine may be closed outside of.
MutmutCallStack.set = lambda value: None  # type: ignore[assignment, method-assign]
MutmutCallStack.reset = lambda token: None  # type: ignore[assignment, method-assign]

KILLED = Path("killed.txt").absolute()
"""Which test has killed which mutant, a line each."""

DURATIONS = Path("mutmut-stats.json").absolute()
"""What mutmut knows of the tests: how long each takes, among other things."""


def pytest_configure() -> None:
    """Put these settings over those of the tests, which are loaded by now."""
    settings.load_profile("mutants")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let those go first that have killed another mutant of the same function, then the quick and the deadly."""
    function = _mutant().partition("__mutmut_")[0]
    if function == _mutant() or not DURATIONS.exists():
        return
    durations = json.loads(DURATIONS.read_text())["duration_by_test"]
    killed = [line.split(" ", 1) for line in KILLED.read_text().splitlines()] if KILLED.exists() else []
    proven = {test for mutant, test in killed if mutant.partition("__mutmut_")[0] == function}
    kills = Counter(test for _, test in killed)
    items.sort(key=lambda item: (item.nodeid not in proven, durations.get(item.nodeid, 0) / (1 + kills[item.nodeid])))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """End at the first failure, without waiting for what the mutant has left behind."""
    if report.failed and "__mutmut_" in _mutant():
        with KILLED.open("a") as file:
            file.write(f"{_mutant()} {report.nodeid}\n")
        os._exit(1)


def _mutant() -> str:
    return os.environ.get("MUTANT_UNDER_TEST", "")
