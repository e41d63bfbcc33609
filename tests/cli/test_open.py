"""`paper-repo open`, where no window can be shown: one line says what is missing. The window itself: tests/desktop."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from paper_repo import SessionRepository

WITHOUT_QT = """
import sys
from importlib import util
find = util.find_spec
util.find_spec = lambda name, *rest: None if name == "PySide6" else find(name, *rest)
from paper_repo.cli import main
main()
"""

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="displays and libraries of Linux")


def run(path: Path, program: str, **environment: str) -> tuple[int, str]:
    """The exit code of `paper-repo open` and what it complains about."""
    inherited = {name: text for name, text in os.environ.items() if "DISPLAY" not in name and name != "QT_QPA_PLATFORM"}
    done = subprocess.run(
        [sys.executable, "-c", program, "open", "--db", str(path)],
        env={**inherited, "NO_COLOR": "1", "COLUMNS": "300", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stderr


def test_without_a_display(path: Path) -> None:
    """Qt would end the program; one line says it instead, and what works without."""
    code, complaint = run(path, "from paper_repo.cli import main; main()")

    assert code == 1
    assert "there is no display to show a window on" in complaint
    assert "Traceback" not in complaint


def test_without_the_extra(path: Path) -> None:
    """One line names the pip command."""
    with SessionRepository(path):
        pass

    code, complaint = run(path, WITHOUT_QT, QT_QPA_PLATFORM="offscreen")

    assert code == 1
    assert "pip install 'paper_repo[desktop]'" in complaint
    assert "Traceback" not in complaint
