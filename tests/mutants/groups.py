"""Which tests are to kill the mutants of which modules, and the folder in which they run."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.postgres.servers import Server, initialise, new_folder, running

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PLACE = Path(os.environ.get("MUTANTS_FOLDER") or Path(tempfile.gettempdir()) / "paper_repo-mutants")

SECONDS_FOR_A_TEST = int(os.environ.get("MUTANTS_SECONDS", "8"))
"""A test that takes longer hangs, and is as good as failed. On a busy machine none may fail for want of time."""

SECONDS_FOR_STARTING = "6"
TIMES_SLOWER = "4"
"""All tests of a mutant may take so many times as long as without it, and the seconds before."""

SENTENCE = r'^\s*f?"[^"]+ [^"]+ [^"]+"[,)]*$'
"""A line that is nothing but text for people is left as it is: tests look for its key words."""


@dataclass(frozen=True)
class Workplace:
    """A folder with a copy of the package in which every mutant is contained, and chosen by the environment."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    """What its programs find there beside what this one does."""

    @property
    def copy(self) -> Path:
        """Where mutmut keeps the copies of package and tests, and the results."""
        return self.folder / "mutants"

    def run(self, *sample: int) -> None:
        """Run the mutants without a result yet, or a sample (its size and seed); mutmut prints its progress.

        Raises:
            CalledProcessError: it could not begin: the tests fail without any mutant, most likely.
        """
        (self.folder / "tmp").mkdir(exist_ok=True)
        environment = os.environ | {"PYTHONPATH": str(self.copy), "TMPDIR": str(self.folder / "tmp")} | self.environment
        if sample:
            program = ["-m", "tests.mutants.sampling", *map(str, sample)]
        else:
            program = ["-c", "from mutmut.__main__ import cli; cli()", "run", "--max-children=1"]
        subprocess.run([sys.executable, *program], cwd=self.folder, env=environment, check=True)


@dataclass(frozen=True)
class Group:
    """Modules that have their tests in common."""

    name: str
    modules: list[str]
    tests: list[str]
    without: list[str]
    keywords: str
    with_server: bool
    """Whether the tests need a PostgreSQL server; all of them use one."""

    @contextmanager
    def serving(self) -> Iterator[dict[str, str]]:
        """The environment of these tests, with a server in it if they need one, for as long as the block lasts."""
        if not self.with_server:
            yield {}
            return
        with new_folder() as folder:
            initialise(folder / "data")
            with running(Server(folder / "data")) as server:
                yield {"PAPER_REPO_TEST_POSTGRES": server.url()}

    def prepare(self, modules: list[str], again: bool, environment: dict[str, str]) -> Workplace:
        """A folder for the mutants of these modules: a new one, or the last one with its results."""
        place = Workplace(PLACE / self.name, environment)
        if not again:
            shutil.rmtree(place.folder, ignore_errors=True)
        place.copy.mkdir(parents=True, exist_ok=True)
        for name in ("paper_repo", "tests", "tox.ini", "GUARANTEES.md"):
            if not (link := place.folder / name).is_symlink():
                link.symlink_to(ROOT / name)
        with (place.folder / "setup.cfg").open("w") as file:
            self._configuration(modules).write(file)
        return place

    def _configuration(self, modules: list[str]) -> configparser.ConfigParser:
        configuration = configparser.ConfigParser(interpolation=None)
        configuration.read(ROOT / "setup.cfg")
        for section in set(configuration.sections()) - {"mypy", *(s for s in configuration if s.startswith("mypy-"))}:
            configuration.remove_section(section)
        configuration.remove_option("mypy", "enable_error_code")  # mutmut's own lines would not pass
        lists = {
            "source_paths": ["paper_repo"],
            "only_mutate": modules,
            "also_copy": ["tox.ini", "GUARANTEES.md"],
            "do_not_mutate_patterns": [SENTENCE],
            "type_check_command": [sys.executable, "-m", "tests.mutants.type_errors", "mypy", *modules],
            "pytest_add_cli_args": [
                "-p",
                "tests.mutants.plugin",
                "-p",
                "no:cacheprovider",
                "-o",
                f"faulthandler_timeout={SECONDS_FOR_A_TEST}",
                f"--basetemp={PLACE / self.name / 'tmp' / 'pytest'}",
                *(f"--deselect={test}" for test in self.without),
                f"-k={' '.join(self.keywords.split())}",
            ],
            "pytest_add_cli_args_test_selection": self.tests,
        }
        configuration["mutmut"] = {name: "\n" + "\n".join(values) for name, values in lists.items()} | {
            "timeout_constant": SECONDS_FOR_STARTING,
            "timeout_multiplier": TIMES_SLOWER,
            "use_git_change_detection": "false",
            "process_isolation": "forkserver",  # every mutant begins where the tests are imported, and none has run
        }
        return configuration


def _read() -> list[Group]:
    groups = tomllib.loads((HERE / "groups.toml").read_text(encoding="utf-8"))
    named = [each for group in groups.values() for each in group["modules"]]
    return [
        Group(
            name,
            [module for each in group["modules"] for module in _modules(each, named)],
            group["tests"],
            group.get("without", []),
            group.get("keywords", ""),
            group.get("server", False),
        )
        for name, group in groups.items()
    ]


def _modules(place: str, named: list[str]) -> list[str]:
    """The module, or all modules of the folder that no other name in the list is nearer to."""
    if place.endswith(".py"):
        return [place]
    nearer = [each for each in named if each != place and Path(each).is_relative_to(place)]
    found = sorted(each.relative_to(ROOT).as_posix() for each in (ROOT / place).rglob("*.py"))
    return [each for each in found if not any(Path(each).is_relative_to(other) for other in nearer)]


GROUPS = _read()
