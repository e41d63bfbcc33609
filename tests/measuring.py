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
    "cli/test_app.py::TestTerminal::test_a_progress_bar_is_for_terminals_only",
    "cli/test_app.py::TestTerminal::test_lines_fit_the_terminal",
    "cli/test_app.py::TestWithoutTheExtra",
    "cli/test_app.py::test_a_missing_extra_is_one_line_with_the_pip_command",
    "cli/test_app.py::test_a_terminal_without_unicode_gets_signs_that_it_has",
    "cli/test_arguments.py",
    "cli/test_passphrases.py",
    "contract/test_published.py",
    "contract/test_wrong_implementations.py",
    "core/test_figures.py::test_any_session",
    "core/test_repository.py::TestExactness",
    "domain/test_one_line.py::test_any_object",
    "domain/test_performance.py::TestAgainstQuantstats",
    "domain/test_session.py::TestFields::test_copies_are_equal_and_independent",
    "engines/test_backtrader.py::test_run_that_is_killed_and_resumed",
    "engines/test_backtrader_resuming.py::test_feeds_that_grow_go_on",
    "engines/test_extras.py",
    "engines/test_pages.py",
    "examples/",
    "facade/test_cancellation.py::test_cancelled_after_any_number_of_steps",
    "facade/test_cancellation.py::test_cancelled_at_any_statement",
    "facade/test_fixtures.py",
    "facade/test_interrupts.py",
    "facade/test_schedules.py",
    "faults/test_faults.py::test_an_error_while_the_file_is_created",
    "faults/test_interrupts.py",
    "fuzz/",
    "maintenance/test_archive.py::TestRoundTrip::test_the_second_archive",
    "postgres/test_claims.py::test_ten_processes_share_the_sessions",
    "postgres/test_faults.py::test_an_error_at_any_statement",
    "postgres/test_interrupts.py",
    "postgres/test_model.py",
    "postgres/test_numeric_views.py::test_equal_to_the_entities",
    "postgres/test_pooler_work.py",
    "postgres/test_schedules.py",
    "postgres/test_schema.py::test_ten_programs",
    "postgres/test_signal_handlers.py::test_a_handler_does_it_or_is_told_why_not",
    "powercut/",
    "processes/",
    "report/test_browser.py",
    "serialization/test_dicts.py::test_any_session",
    "serialization/test_fast.py::test_columns_that_are_no_json",
    "serialization/test_fast.py::test_entities_are_written_and_read_as_by_marshmallow",
    "serialization/test_fast.py::test_known_texts_change_nothing",
    "serialization/test_fast.py::test_sessions_are_written_and_read_as_by_marshmallow",
    "serialization/test_schemas.py::TestRoundTrip",
    "soak/",
    "storage/sqlite/test_integrity.py::test_flipped_bits",
    "storage/sqlite/test_integrity.py::test_overwritten_stretches",
    "storage/sqlite/test_numeric_views.py::TestNumbers::test_equal_to_the_entities",
    "test_benchmarks.py",
    "test_packaging.py",
    "test_readme.py",
    "test_results_page.py",
    "test_sql_page.py",
    "test_tutorial.py",
    "test_ui_pause.py",
)
"""Beginnings of the names of tests in which the same is run in random ways, by many processes, or for long.

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

MEASURED_RUNS = "engines/test_backtrader.py::test_recorded_run_has_the_engines_numbers_on_every_bar"
"""Of the runs of an engine, those with the first seed."""

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
    if test.startswith(MEASURED_RUNS):
        return test.endswith("-0]")
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
