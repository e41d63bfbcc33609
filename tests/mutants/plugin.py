"""A pytest plugin for runs that repeat the tests thousands of times, in a copy of the package made by mutmut."""

from __future__ import annotations

import os
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from mutmut.core import MutmutCallStack
from mutmut.state import state

KILLERS = Path(os.environ.get("TMPDIR", "")) / "killers"
"""A file for each function: the tests that have killed its mutants so far, one a line."""

Cached = type(cache(len))

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


def pytest_configure() -> None:
    """Put these settings over those of the tests, which are loaded by now."""
    settings.load_profile("mutants")


def pytest_runtest_setup() -> None:
    """Let each test build anew what is built once, while mutmut looks which functions it comes by."""
    if os.environ.get("MUTANT_UNDER_TEST") == "stats":
        modules = [module for name, module in sys.modules.items() if name.startswith("paper_repo")]
        for function in [each for module in modules for each in vars(module).values() if isinstance(each, Cached)]:
            function.cache_clear()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what has killed other mutants of the same function, then what is quick."""
    if _mutant():
        known = _killers()
        killed = Counter(known.read_text(encoding="utf-8").splitlines() if known.exists() else ())
        seconds = state().duration_by_test
        items.sort(key=lambda item: (-killed[item.nodeid], seconds.get(item.nodeid, 0.0)))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """End at the first failure, without waiting for what the mutant has left behind."""
    if report.failed and _mutant():
        _killers().parent.mkdir(exist_ok=True)
        with _killers().open("a", encoding="utf-8") as file:
            file.write(f"{report.nodeid}\n")
        os._exit(1)


def _mutant() -> str:
    name = os.environ.get("MUTANT_UNDER_TEST", "")
    return name if "__mutmut_" in name else ""


def _killers() -> Path:
    return KILLERS / _mutant().partition("__mutmut_")[0]
