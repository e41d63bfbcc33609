"""What docs/howto/sql.md shows, run as a reader would: one example after the other, twice in the same folder.

Its first example also runs in test_readme.py, like those of every page; the others go on from the file that it writes.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from paper_repo import SessionRepository

TEXT = (Path(__file__).parents[1] / "docs" / "howto" / "sql.md").read_text(encoding="utf-8")
EXAMPLE = re.compile(r"```(?P<kind>py|sh)\n(?P<code>.*?)```\n\n```text\n(?P<output>.*?)```", flags=re.DOTALL)
VIEW = re.compile(r"\| `(paper_trading_\w+_numeric)`(?:, `(paper_trading_\w+_numeric)`)? \|")
FIRST = re.compile(r"```python\n(.*?)```", flags=re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder in which the first example has run."""
    match = FIRST.search(TEXT)
    assert match is not None
    subprocess.run([sys.executable, "-c", match[1]], cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


def run(command: list[str], folder: Path) -> str:
    """What a program prints that runs in this folder."""
    done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_programs(folder: Path) -> None:
    """Those with pandas and DuckDB print what the page says, also a second time."""
    for name in ("pandas", "duckdb"):
        pytest.importorskip(name, reason=f"{name} is not installed: pip install '.[tests]'")
    examples = [match for match in EXAMPLE.finditer(TEXT) if match["kind"] == "py"]
    program = "\n".join(match["code"] for match in examples)

    for _ in range(2):
        assert run([sys.executable, "-c", program], folder) == "".join(match["output"] for match in examples)


def test_the_shell(folder: Path) -> None:
    """SQLite's own command prints what the page says."""
    if shutil.which("sqlite3") is None:
        pytest.skip("the command sqlite3 is not installed")
    examples = [match for match in EXAMPLE.finditer(TEXT) if match["kind"] == "sh"]

    assert examples
    for match in examples:
        assert run(["sh", "-c", match["code"]], folder) == match["output"]


def test_every_view_is_listed(path: Path) -> None:
    """The page lists the views that there are, and grants the right to read all of them."""
    with SessionRepository(path), closing(sqlite3.connect(path)) as connection:
        found = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'view'")}

    assert {name for names in VIEW.findall(TEXT) for name in names if name} == found
    granted = re.search(r"GRANT SELECT ON(.*?) TO", TEXT, flags=re.DOTALL)
    assert granted is not None
    assert set(re.findall(r"\w+_numeric", granted[1])) == found
