"""The pytest plugin, in the test run of another project."""

from __future__ import annotations

import configparser
import subprocess
import sys
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[1]
TESTS = """
    import pytest

    from paper_repo import PaperTradingSession, SessionRepository, Strategy


    def new_session():
        return PaperTradingSession(id="a", strategy=Strategy("hold"), initial_cash=1000)


    @pytest.mark.parametrize("name", ["fake_session_repository", "file_session_repository"])
    @pytest.mark.parametrize("time", [1, 2])
    def test_blocking(name, time, request):
        repository = request.getfixturevalue(name)
        assert isinstance(repository, SessionRepository)
        assert repository.count() == 0
        repository.save(new_session())
        assert repository.get_by_id("a").cash == 1000


    @pytest.fixture(params=["async_fake_session_repository", "async_file_session_repository"])
    def repository(request):
        return request.getfixturevalue(request.param)


    @pytest.mark.anyio
    @pytest.mark.parametrize("time", [1, 2])
    async def test_awaited(repository, time):
        assert await repository.count() == 0
        await repository.save(new_session())
        assert (await repository.get_by_id("a")).cash == 1000


    def test_the_file_is_where_the_test_finds_it(file_session_repository, tmp_path):
        assert (tmp_path / "sessions.db").exists()
"""


def test_its_fixtures_give_empty_repositories(pytester: pytest.Pytester) -> None:
    """Each test gets a repository of its own, blocking or to await on asyncio and trio, and nothing stays open."""
    pytester.makepyfile(TESTS)

    result = pytester.runpytest_inprocess("-p", "pytest_paper_repo", "-W", "error", "--strict-markers")

    result.assert_outcomes(passed=4 + 8 + 1)


def test_pytest_lists_its_fixtures(pytester: pytest.Pytester) -> None:
    """`pytest --fixtures` says what each of them gives."""
    result = pytester.runpytest_inprocess("-p", "pytest_paper_repo", "--fixtures", "-q")

    for name in ("fake", "async_fake", "file", "async_file"):
        result.stdout.fnmatch_lines(f"{name}_session_repository*")


def test_loading_it_does_not_import_the_package() -> None:
    """A test run that measures coverage sees every line of the package run."""
    program = "import sys, pytest_paper_repo; print('paper_repo' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)

    assert done.stdout.strip() == "False"


def test_pytest_finds_it_by_itself() -> None:
    """The package names it as a plugin, by its module's name, so that `-p` may name it once more."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")

    assert setup["options.entry_points"]["pytest11"].strip() == "pytest_paper_repo = pytest_paper_repo"
    assert "pytest_paper_repo" in setup["options"]["py_modules"].split()
