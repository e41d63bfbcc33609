"""`python -m benchmarks.window_pause`: how long the window stands still while other sessions save, and how it closes.

A file holds many sessions; another process saves 50 of them again and again, the selected one among them. A heartbeat
on Qt's event loop measures the pauses, as a user would feel them.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from paper_repo import PaperTradingSession, SessionRepository, Strategy

BEAT_MILLISECONDS = 1

SAVING = """
import sys, time
from paper_repo import SessionRepository
with SessionRepository(sys.argv[1], durability="normal") as repository:
    sessions = repository.get_all(limit=int(sys.argv[2]))
    print("saving", flush=True)
    while True:
        began = time.monotonic()
        for session in sessions:
            session.mark({})
        repository.save_many(sessions)
        time.sleep(max(0, 0.1 - (time.monotonic() - began)))
"""
"""A process that saves its sessions ten times a second."""


def fill(path: Path, sessions: int) -> None:
    """Make a file with this number of sessions."""
    with SessionRepository(path, durability="normal") as repository:
        for start in range(0, sessions, 1000):
            repository.save_many(
                PaperTradingSession(
                    id=f"{number:06}", name=f"No. {number}", strategy=Strategy("hold"), initial_cash=1000
                )
                for number in range(start, min(start + 1000, sessions))
            )


def main() -> None:
    """Print the longest pauses, and how long opening and closing took."""
    parser = argparse.ArgumentParser("python -m benchmarks.window_pause", description=__doc__)
    parser.add_argument("--sessions", type=int, default=100_000)
    parser.add_argument("--saved", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sessions.db"
        fill(path, options.sessions)
        command = [sys.executable, "-c", SAVING, str(path), str(options.saved)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as saving:
            assert saving.stdout is not None
            saving.stdout.readline()
            try:
                _measure(path, options.seconds)
            finally:
                saving.kill()


def _measure(path: Path, seconds: float) -> None:
    from PySide6.QtCore import QSettings, QTimer
    from PySide6.QtWidgets import QApplication

    from paper_repo.desktop.application import Application

    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(path.parent))
    app = QApplication([])
    app.setQuitOnLastWindowClosed(False)
    program, began = Application(), time.perf_counter()
    program.open(SessionRepository(path))
    while not program.windows or program.windows[0].table.selected is None:
        app.processEvents()
    window, opened = program.windows[0], time.perf_counter() - began
    beats = [time.perf_counter()]
    beat = QTimer(interval=BEAT_MILLISECONDS)
    beat.timeout.connect(lambda: beats.append(time.perf_counter()))
    beat.start()
    QTimer.singleShot(int(seconds * 1000), lambda: app.exit(0))  # `quit` would close the window first
    app.exec()
    beat.stop()
    delays = sorted((after - before) * 1000 for before, after in pairwise(beats))
    began = time.perf_counter()
    window.close()
    closed = time.perf_counter() - began
    usual = statistics.quantiles(delays, n=1000, method="inclusive")[-1]
    print(
        f"longest pause {delays[-1]:.1f} ms, 999 of 1000 below {usual:.1f} ms; "
        f"opened in {opened:.2f} s, closed in {closed:.2f} s"
    )


if __name__ == "__main__":
    main()
