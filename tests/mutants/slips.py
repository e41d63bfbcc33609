"""Slips: listed changes of the package of the kinds that small generated ones are not, each of which a test notices.

usage: python -m tests.mutants.slips [WORD ...]     (only those in whose module or story all of the words are)

An option that is not passed on, a sync that is left out or comes too late, a reading that is not of one moment, a
comparison that is removed, a lock that is not looked at again. Each is made by itself, in a copy of the package, and
the tests that are listed with it must fail. Fails when one of them is noticed by none.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.groups import ROOT

LIST = Path(__file__).with_name("slips.toml")
SECONDS = 600
"""How long the tests of a slip may take; one that hangs is noticed."""


@dataclass(frozen=True)
class Slip:
    """One change."""

    module: str
    story: str
    """What is wrong with it, and who suffers."""
    was: str
    now: str
    tests: tuple[str, ...]
    """What is to notice it."""

    def made(self, source: str) -> str:
        """The source of the module with the slip in it."""
        if source.count(self.was) != 1:
            raise ValueError(f"{self.module}: stands there {source.count(self.was)} times, not once: {self.was!r}")
        return source.replace(self.was, self.now)


def _read() -> list[Slip]:
    entries = tomllib.loads(LIST.read_text(encoding="utf-8"))["slip"]
    return [Slip(each["module"], each["story"], each["was"], each["now"], tuple(each["tests"])) for each in entries]


SLIPS = _read()


def main(words: list[str]) -> int:
    """Make the slips, say what became of each, and return the exit code."""
    unnoticed = []
    for slip in SLIPS:
        if all(word in f"{slip.module} {slip.story}" for word in words):
            found = noticed_by(slip)
            print(f"{slip.module}: {slip.story}\n    {found or 'NOT NOTICED'}", flush=True)
            unnoticed += [] if found else [slip]
    print(f"{len(unnoticed)} were not noticed")
    return 1 if unnoticed else 0


def noticed_by(slip: Slip) -> str:
    """What the first of its tests that fails says of itself; nothing where all pass."""
    with tempfile.TemporaryDirectory(prefix="paper_repo-slip-") as name:
        folder = Path(name)
        shutil.copytree(ROOT / "paper_repo", folder / "paper_repo", ignore=shutil.ignore_patterns("__pycache__"))
        for each in ("tests", "tox.ini", "setup.cfg", "docs", "examples", "README.md"):
            if (ROOT / each).exists():
                (folder / each).symlink_to(ROOT / each)
        module = folder / slip.module
        module.write_text(slip.made(module.read_text(encoding="utf-8")), encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--tb=no", *slip.tests]
        try:
            run = subprocess.run(
                command,
                cwd=folder,
                env=os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return "hangs"
        if run.returncode in (2, 4, 5):
            raise RuntimeError(f"{slip.module}: the tests could not run:\n{run.stdout}{run.stderr}")
        failed = [line for line in run.stdout.splitlines() if line.startswith(("FAILED", "ERROR", "SUBFAILED"))]
        return (failed or ["ends early"])[0] if run.returncode else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
