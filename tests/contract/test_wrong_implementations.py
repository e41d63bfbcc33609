"""The contract finds every implementation out that is wrong, and none that is right."""

from __future__ import annotations

from collections import defaultdict

import pytest

from paper_repo.testing import SessionRepositoryContract
from tests.contract.every_wrong_one import EVERY_WRONG_ONE

pytest_plugins = ["pytester"]

BLUNDERS = (AttributeError, NameError)
"""What a wrong implementation fails by when it no longer fits what it is made of: that finds nobody out."""

MODULE = """
    import pytest

    from paper_repo.testing import SessionRepositoryContract
    from tests.contract.every_wrong_one import EVERY_WRONG_ONE
    from tests.contract.wrong_implementations import ConflictsInBlocks, SeesThingsThrough, Wrong


    @pytest.fixture(scope="module")
    def anyio_backend():
        return "asyncio"


    class TestNothingWrong(SessionRepositoryContract):
        implementation = Wrong
        patience = 5.0

        @pytest.fixture
        def busy_timeout(self):
            return self.patience

        @pytest.fixture
        async def repository(self, busy_timeout):
            async with self.implementation(busy_timeout=busy_timeout) as repository:
                yield repository


    class TestSeesThingsThrough(TestNothingWrong):
        implementation = SeesThingsThrough


    class TestConflictsInBlocks(TestNothingWrong):
        implementation = ConflictsInBlocks


    def with_its_test_only(wrong):
        others = {name: None for name in dir(SessionRepositoryContract) if name.startswith("test_")}
        others.pop(wrong.caught_by)
        changes = {"implementation": wrong, "patience": 0.2, **others}
        return type(wrong.__name__, (TestNothingWrong,), changes)


    for wrong in EVERY_WRONG_ONE:
        globals()[f"Test{wrong.__name__}"] = with_its_test_only(wrong)
"""


def test_wrong_implementations_are_found_out(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    """An implementation that breaks one promise fails the test of that promise."""
    monkeypatch.setattr("paper_repo.testing.sharing.LONG", 1)
    monkeypatch.setattr("paper_repo.testing.watching.PATIENCE", 0.3)
    module = pytester.makepyfile(MODULE)

    record = pytester.inline_run(module, "-k", " or ".join(wrong.__name__ for wrong in EVERY_WRONG_ONE))

    failed, blunders = defaultdict(set), {}
    for report in record.getreports("pytest_runtest_logreport"):
        _, kind, test = report.nodeid.split("::")
        if report.failed and report.when == "call":
            failed[kind].add(test.partition("[")[0])
            if any(f"{blunder.__name__}: " in report.longreprtext for blunder in BLUNDERS):
                blunders[kind] = report.longreprtext
    for wrong in EVERY_WRONG_ONE:
        with subtests.test(wrong=wrong.__name__):
            assert failed[f"Test{wrong.__name__}"] == {wrong.caught_by}
    assert blunders == {}


def test_behind_every_test_there_is_a_wrong_implementation() -> None:
    """No test of the contract could be empty without being noticed."""
    promises = {name for name in dir(SessionRepositoryContract) if name.startswith("test_")}

    assert promises - {wrong.caught_by for wrong in EVERY_WRONG_ONE} == set()


def test_right_implementations_pass(pytester: pytest.Pytester) -> None:
    """What the wrong ones are made of passes every test, and so does what is right in a way of its own."""
    module = pytester.makepyfile(MODULE)
    everything = sum(name.startswith("test_") for name in dir(SessionRepositoryContract))
    chosen = "TestNothingWrong or TestSeesThingsThrough or TestConflictsInBlocks and test_blocks_of_several_tasks"

    outcomes = pytester.inline_run(module, "-k", chosen, "-W", "error").countoutcomes()

    assert outcomes[0] >= 2 * everything + 1
    assert outcomes[1:] == [0, 0]
