"""Which tests' coverage is measured: not of those that run again, and for long, what others run.

To measure takes as much time as to run. What is left out proves the same as ever; only what it runs is not counted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from typing import Any

import pytest

UNMEASURED = (
    "cli/test_arguments.py",
    "cli/test_passphrases.py",
    "contract/test_published.py",
    "contract/test_wrong_implementations.py",
    "engines/test_backtrader.py::test_run_that_is_killed_and_resumed",
    "engines/test_pages.py",
    "examples/",
    "facade/test_fixtures.py",
    "facade/test_interrupts.py",
    "facade/test_schedules.py",
    "faults/test_interrupts.py",
    "postgres/test_interrupts.py",
    "postgres/test_model.py",
    "postgres/test_schedules.py",
    "powercut/",
    "processes/test_kill.py",
    "processes/test_kill_in_calls.py",
    "processes/test_many_processes.py",
    "soak/",
    "test_benchmarks.py",
    "test_readme.py",
    "test_tutorial.py",
    "test_ui_pause.py",
)
"""Beginnings of the names of files in which the same is run in random ways, by many processes, or for long.

And of those that trace what is run themselves, so that nothing else can.
"""

CONTRACTS = ("contract/test_implementations.py", "postgres/test_contract.py")
MEASURED_CONTRACTS = (
    "TestSQLiteSessionRepository",
    "TestInMemorySessionRepository",
    "TestSyncInMemorySessionRepository",
    "TestAsyncSessionRepositoryOnPostgreSQL",
)
"""The other implementations are made of the same; and what runs on one event loop runs on the other."""

MEASURED_MODELS = ("[core]", "[memory on asyncio]")
"""Of the comparisons with the model, one of each way to drive a repository."""

CHILDREN = ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")
"""What tells the processes of a test to be measured, too."""


def is_measured(test: str) -> bool:
    """Whether what this test runs is counted.

    Args:
        test: its name as pytest gives it, from the folder of the tests on.
    """
    if test.startswith(CONTRACTS):
        return any(f"::{name}::" in test for name in MEASURED_CONTRACTS) and "[trio" not in test
    if test.startswith("model/"):
        return test.endswith(MEASURED_MODELS)
    return not test.startswith(UNMEASURED)


class Measuring:
    """A pytest plugin that stops what measures while it is not needed."""

    def __init__(self) -> None:
        self._coverage: Any = None
        self._children: dict[str, str] = {}

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Stop before an unmeasured test, and go on before a measured one: neighbours are mostly of one kind."""
        if is_measured(item.nodeid.removeprefix("tests/")):
            self._go_on()
        else:
            self._stop()
        return (yield)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Leave it as it was found."""
        self._go_on()

    def _stop(self) -> None:
        running = sys.modules["coverage"].Coverage.current() if "coverage" in sys.modules else None
        if running is not None and self._coverage is None:
            running.stop()
            self._coverage = running
            self._children = {name: os.environ.pop(name) for name in CHILDREN if name in os.environ}

    def _go_on(self) -> None:
        if self._coverage is not None:
            os.environ.update(self._children)
            self._coverage.start()
            self._coverage = None
