"""What the README shows, run as a reader would."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
TEXT = README.read_text()
EXAMPLES = [
    (match["code"], match["output"])
    for match in re.finditer(r"```python\n(?P<code>.*?)```\n(?:\n```text\n(?P<output>.*?)```)?", TEXT, flags=re.DOTALL)
    if "class Test" not in match["code"]
]


@pytest.mark.parametrize(("code", "output"), EXAMPLES, ids=[f"example-{n}" for n in range(1, len(EXAMPLES) + 1)])
def test_examples_run(code: str, output: str | None, tmp_path: Path) -> None:
    """Every example runs in an empty folder, without a warning, and prints what the README says."""
    program = tmp_path / "example.py"
    program.write_text(code)

    done = subprocess.run(
        [sys.executable, "-W", "error", str(program)], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert output is None or done.stdout == output
