"""What docs/desktop.md shows of the widgets, run as it stands; only its event loop ends by itself."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tests.desktop.driving  # noqa: F401  # which skips where there is no Qt
from paper_repo import SessionRepository
from tests.desktop.conftest import traded

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "desktop.md").read_text(), flags=re.DOTALL)
ENDING = """
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
begin = QApplication.exec
QApplication.exec = lambda *_: (QTimer.singleShot(500, QApplication.quit), begin())
"""


@pytest.mark.parametrize("block", [each for each in BLOCKS if "paper_repo.desktop" in each])
def test_examples_run(block: str, tmp_path: Path) -> None:
    """Each shows a window on a file with a session, without a warning, and ends."""
    with SessionRepository(tmp_path / "sessions.db") as repository:
        repository.save(traded("Mine"))
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "XDG_CONFIG_HOME": str(tmp_path)}
    command = [sys.executable, "-W", "error", "-c", ENDING + block]

    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
