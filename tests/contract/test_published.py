"""The contract suite as another project uses it."""

from __future__ import annotations

import inspect
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from types import ModuleType

import pytest
from hypothesis import Phase, settings

import paper_repo.testing
import paper_repo.testing.model
from paper_repo import IPaperTradingSessionRepository
from paper_repo.testing import SessionRepositoryContract
from paper_repo.testing.cancellation import CancellationContract
from paper_repo.testing.cases import EVERY_CALL
from paper_repo.testing.model import check_model
from paper_repo.testing.watching import WatchingContract
from tests.contract.wrong_accounts import (
    ForgetsEntriesAfterRollback,
    OrdersEntriesByTheirIds,
    PassesOverStoredEntries,
    UsesOrderIdsAgain,
)
from tests.contract.wrong_implementations import (
    CommitsFailedBlocks,
    ForgetsEarlierFills,
    OverwritesStale,
    RoundsToFloats,
    Unordered,
    Wrong,
)

pytest_plugins = ["pytester"]

FOUND_BY_THE_MODEL = [
    CommitsFailedBlocks,
    ForgetsEarlierFills,
    ForgetsEntriesAfterRollback,
    OrdersEntriesByTheirIds,
    OverwritesStale,
    RoundsToFloats,
    PassesOverStoredEntries,
    Unordered,
    UsesOrderIdsAgain,
]

MY_PROGRAM = """
    from paper_repo import InMemorySessionRepository


    class MySessionRepository(InMemorySessionRepository):
        def __init__(self, path, *, busy_timeout):
            super().__init__(busy_timeout=busy_timeout)
"""


MY_KEEPING_PROGRAM = """
    from paper_repo import SQLiteSessionRepository


    class MySessionRepository(SQLiteSessionRepository):
        pass
"""


def _documented_lines(package: ModuleType = paper_repo.testing) -> str:
    """The indented lines of the package's docstring."""
    lines = inspect.cleandoc(package.__doc__ or "").splitlines()
    return textwrap.dedent("\n".join(line for line in lines if not line or line.startswith("    ")))


def test_the_documented_lines_run_the_contract(pytester: pytest.Pytester) -> None:
    """The lines in the documentation run every test on asyncio and on trio, without a warning."""
    pytester.makepyfile(my_program=MY_PROGRAM)
    pytester.syspathinsert()
    module = pytester.makepyfile(test_mine=_documented_lines())

    record = pytester.inline_run(module, "--strict-markers", "-W", "error")

    ran = {report.nodeid for report in record.getreports("pytest_runtest_logreport") if report.passed}
    for name in (name for name in dir(SessionRepositoryContract) if name.startswith("test_")):
        for backend in ("asyncio", "trio"):
            assert any(f"::{name}[{backend}" in nodeid for nodeid in ran), (name, backend)
    assert record.countoutcomes()[1:] == [0, 0]


def test_the_documented_choice_runs_what_is_cancelled(pytester: pytest.Pytester) -> None:
    """The words given to choose the tests of cancellation choose all of them, and of the others those of watching."""
    pytester.makepyfile(my_program=MY_PROGRAM)
    pytester.syspathinsert()
    module = pytester.makepyfile(test_mine=_documented_lines())

    collected = pytester.runpytest_inprocess(module, "--collect-only", "-q", "-k", "cancelled or out_of_time")

    chosen = {line.split("::")[2].partition("[")[0] for line in collected.outlines if line.count("::") == 2}
    assert 'pytest -k "cancelled or out_of_time"' in (paper_repo.testing.__doc__ or "")
    assert {name for name in vars(CancellationContract) if name.startswith("test_")} <= chosen
    assert {name for name in chosen if not hasattr(CancellationContract, name)} == {
        name for name in vars(WatchingContract) if name.startswith("test_a_cancelled_")
    }


def test_the_documented_lines_run_the_model(pytester: pytest.Pytester) -> None:
    """The lines in the documentation compare an implementation with the model."""
    pytester.makepyfile(my_program=MY_KEEPING_PROGRAM)
    pytester.syspathinsert()
    module = pytester.makepyfile(test_mine=_documented_lines(paper_repo.testing.model))

    record = pytester.inline_run(module, "--strict-markers", "-W", "error")

    assert record.countoutcomes() == [1, 0, 0]


@pytest.fixture
def always_the_same_examples() -> Iterator[None]:
    """What must be found does not hang on chance, or on what an earlier run has kept."""
    before = settings.get_current_profile_name()
    found_is_enough = (Phase.generate,)  # nobody reads the smallest example, which takes longest to find
    settings.register_profile("same", settings(derandomize=True, database=None, phases=found_is_enough))
    settings.load_profile("same")
    yield
    settings.load_profile(before)


@pytest.mark.usefixtures("always_the_same_examples")
@pytest.mark.parametrize("wrong", FOUND_BY_THE_MODEL)
def test_the_model_finds_what_is_wrong(wrong: type[Wrong]) -> None:
    """An implementation that does something else than the model at some step is found out."""
    with pytest.raises(AssertionError):
        check_model(lambda folder: wrong(busy_timeout=5), keeps=False, examples=200)


def test_no_part_of_the_contract_hides_another() -> None:
    """The parts have no test of the same name, of which only one would run."""
    names = [name for part in SessionRepositoryContract.__bases__ for name in vars(part) if name.startswith("test_")]

    assert len(names) == len(set(names))


def test_no_parameter_hides_a_fixture() -> None:
    """The tests have no parameter but these two: it would replace a fixture of the subclass of that name."""
    tests = [test for name, test in inspect.getmembers(SessionRepositoryContract) if name.startswith("test_")]
    marks = [mark for test in tests for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]

    assert {mark.args[0] for mark in marks} == {"contract_case", "busy_timeout"}


def test_the_contract_calls_every_method() -> None:
    """What is promised of all calls is tested with every method, also with one that is new."""
    methods = {name for name in dir(IPaperTradingSessionRepository) if not name.startswith("_")}

    assert set(EVERY_CALL) | {"open", "close", "watch", "backup"} == methods


def test_a_missing_fixture_is_explained(pytester: pytest.Pytester) -> None:
    """A subclass without the fixture `repository` is told so by its name."""
    module = pytester.makepyfile(
        """
        from paper_repo.testing import SessionRepositoryContract


        class TestForgetful(SessionRepositoryContract):
            pass
        """
    )

    result = pytester.runpytest_inprocess(module, "-k", "test_every_status_comes_back")

    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines("*NotImplementedError: TestForgetful has no fixture `repository`*")


def test_a_failure_shows_the_values(pytester: pytest.Pytester) -> None:
    """A failed test shows what it compared, as tests of the project's own do."""
    module = pytester.makepyfile(
        """
        import pytest

        from paper_repo import InMemorySessionRepository
        from paper_repo.testing import SessionRepositoryContract


        class Forgetful(InMemorySessionRepository):
            async def save(self, session):
                session.version = 7


        class TestForgetful(SessionRepositoryContract):
            @pytest.fixture
            def repository(self):
                return Forgetful()
        """
    )

    result = pytester.runpytest_inprocess(module, "-k", "test_every_save_raises_the_version_by_one")

    result.stdout.fnmatch_lines(["*assert [[]0, 7, 7, 7[]] == [[]0, 1, 2, 3[]]*"])


def test_every_part_shows_what_it_compared() -> None:
    """The asserts of every part of the contract are rewritten, as pytest does it for a project's own tests."""
    parts = {part.__module__.rpartition(".")[2] for part in SessionRepositoryContract.__bases__}
    source = inspect.getsource(paper_repo.testing)

    assert {part for part in parts if f'"{part}"' not in source} == set()


def test_it_needs_pytest_and_nothing_more() -> None:
    """Importing the suite imports neither hypothesis nor trio."""
    program = "import sys, paper_repo.testing; print(*sorted({'hypothesis', 'trio', 'pytest'} & set(sys.modules)))"

    imported = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout

    assert imported.split() == ["pytest"]


def test_without_pytest_it_says_what_to_install() -> None:
    """Where pytest is missing, importing the suite says what to do."""
    program = "import sys; sys.modules['pytest'] = None; import paper_repo.testing"

    failed = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)

    assert failed.returncode == 1
    assert failed.stderr.rstrip().endswith("ImportError: paper_repo.testing needs pytest: pip install pytest")
