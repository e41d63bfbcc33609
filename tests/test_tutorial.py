"""docs/tutorial.md, done as a reader would: its programs saved, its commands run, twice in the same folder."""

from __future__ import annotations

import os
import re
import subprocess
import sysconfig
from pathlib import Path

TEXT = (Path(__file__).parents[1] / "docs" / "tutorial.md").read_text(encoding="utf-8")
PART = re.compile(
    r"`(?P<name>\w+\.py)`[^`]*?:\n\n```py\n(?P<program>.*?)```|```sh\n(?P<commands>.*?)```", flags=re.DOTALL
)
OUTPUT = re.compile(r"\n\n?```text\n(.*?)```", flags=re.DOTALL)


def test_the_tutorial_works(tmp_path: Path) -> None:
    """Every command prints what the page says, with the strategy killed twice, and once more from the beginning."""
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    for _ in range(2):
        programs = commands = 0
        for part in PART.finditer(TEXT):
            if part["program"]:
                (tmp_path / part["name"]).write_text(part["program"], encoding="utf-8")
                programs += 1
                continue
            done = subprocess.run(
                ["bash", "-ec", part["commands"]],
                cwd=tmp_path,
                env=os.environ | {"PATH": path},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            shown = OUTPUT.match(TEXT, part.end())
            assert shown is None or done.stdout == shown[1]
            commands += 1

    assert (programs, commands) == (TEXT.count("```py\n"), TEXT.count("```sh\n"))
    assert "Tutorial" in subprocess.run(
        ["paper-repo", "list", "--db", "killed.db"],
        cwd=tmp_path, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
