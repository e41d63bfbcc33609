"""What docs/results.md shows, run as a reader would: one example after the other, twice in the same folder.

Its examples build on each other and on a database, so they are fenced as `py`: test_readme.py runs each block of
`python` for itself, in an empty folder.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from paper_repo import SessionRepository
from paper_repo.demo.market import trading_days
from paper_repo.demo.strategy import new_session, trade_day

TEXT = (Path(__file__).parents[1] / "docs" / "results.md").read_text(encoding="utf-8")
EXAMPLE = re.compile(r"```py\n(?P<code>.*?)```\n(?:\n```text\n(?P<output>.*?)```)?", flags=re.DOTALL)


def test_every_example_runs(tmp_path: Path) -> None:
    """All of them print what the page says, also a second time."""
    session = new_session()
    session.start()
    for day in trading_days():
        trade_day(session, day)
    session.stop()
    with SessionRepository(tmp_path / "sessions.db") as repository:
        repository.save(session)
    program = tmp_path / "examples.py"
    program.write_text("\n".join(match["code"] for match in EXAMPLE.finditer(TEXT)), encoding="utf-8")
    expected = "".join(match["output"] or "" for match in EXAMPLE.finditer(TEXT))

    for _ in range(2):
        done = subprocess.run([sys.executable, str(program)], cwd=tmp_path, capture_output=True, text=True, check=False)

        assert done.returncode == 0, done.stderr
        assert done.stdout == expected


def test_every_tool_has_its_line() -> None:
    """None of the tools that the page promises is without an example."""
    for tool in ("to_pandas()", "polars", "duckdb", "ibis", "parquet", "quantstats", "write_report"):
        assert any(tool in match["code"] for match in EXAMPLE.finditer(TEXT))
