"""A pytest plugin for runs that repeat the tests thousands of times, in a copy of the package made by mutmut."""

from __future__ import annotations

import os

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


def pytest_configure() -> None:
    """Put these settings over those of the tests, which are loaded by now."""
    settings.load_profile("mutants")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """End at the first failure, without waiting for what the mutant has left behind."""
    if report.failed and "__mutmut_" in os.environ.get("MUTANT_UNDER_TEST", ""):
        os._exit(1)
