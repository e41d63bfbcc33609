"""`paper-repo open` as a frozen program: it starts, migrates an old file, trades, saves, and exits."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from paper_repo import SessionRepository
from paper_repo.storage.schema import newest_version

pytestmark = pytest.mark.skipif(
    not os.environ.get("FROZEN"), reason="building a frozen program takes minutes: tox -e frozen"
)
ROOT = Path(__file__).parents[2]
OLD_FILE = ROOT / "tests" / "fixtures" / "desktop" / "sessions.db"
PATIENCE = 120
"""How long something may take that comes for certain, in seconds."""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, built by PyInstaller with no other hint than the hook that the package brings along."""
    folder = tmp_path_factory.mktemp("frozen")
    command = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--windowed", "--log-level", "WARN"]
    command += ["--distpath", str(folder), "--workpath", str(folder / "work"), "--specpath", str(folder)]
    script = folder / "paper_repo_window.py"
    script.write_text("from paper_repo.cli import main\n\nmain()\n")
    subprocess.run([*command, str(script)], check=True)
    return folder / "paper_repo_window" / "paper_repo_window"


def test_a_frozen_program_migrates_an_old_file_trades_saves_and_exits(program: Path, path: Path) -> None:
    """A file of the first schema is upgraded, its running sessions go on, and at the end all is stored."""
    shutil.copy(OLD_FILE, path)
    with closing(sqlite3.connect(path)) as old:
        assert old.execute("PRAGMA user_version").fetchone() == (1,)
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}

    with subprocess.Popen(
        [str(program), "open", "--db", str(path), "--demo", "--resume"], env=environment, cwd=path.parent
    ) as running:
        try:
            _wait_for_migration(path, running)
            _wait_for_saves(path, {"a", "b"})
            running.send_signal(signal.SIGTERM)
            assert running.wait(PATIENCE) == 0
        finally:
            running.kill()

    with SessionRepository(path) as stored:
        sessions = stored.get_active()
        assert {session.id for session in sessions} == {"a", "b"}
        for session in sessions:
            assert len(stored.get_equity_curve(session.id)) == session.state["days"] + 1


def _wait_for_migration(path: Path, running: subprocess.Popen[bytes]) -> None:
    """Wait for the program itself to bring the file to the present schema."""
    deadline = time.monotonic() + PATIENCE
    with closing(sqlite3.connect(path)) as looking:
        while looking.execute("PRAGMA user_version").fetchone() != (newest_version(),):
            assert running.poll() is None, f"the program has ended with {running.returncode}"
            assert time.monotonic() < deadline, "the program has not migrated the file"


def _wait_for_saves(path: Path, names: set[str]) -> None:
    """Wait until each of these sessions has been saved three times more."""
    waiting = set(names)
    with SessionRepository(path) as stored, stored.watch(after=0, timeout=PATIENCE) as changes:
        while waiting:
            change = next(changes)
            if change.version >= 4:
                waiting.discard(change.session_id)
