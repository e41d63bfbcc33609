"""`python -m benchmarks.window_pause`: how long the window stands still while 50 sessions save at every tick.

The sessions of the demo's strategy trade ten days a second, each saved after every day: once in another process, and
once in the window itself. The file holds many other sessions. A heartbeat on Qt's event loop measures the pauses, as a
user would feel them, and a clock how long the window takes to open and to close.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from paper_repo import PaperTradingSession, SessionRepository, Strategy
from paper_repo.demo.strategy import new_session

if TYPE_CHECKING:
    from paper_repo.desktop import SessionWindow

BEAT_MILLISECONDS = 1
TICKS_A_SECOND = 10

SAVING = """
import sys, time
from paper_repo import SessionRepository
from paper_repo.demo.market import trading_days
from paper_repo.demo.strategy import trade_day
with SessionRepository(sys.argv[1]) as repository:
    sessions = [repository.get_by_id(each) for each in sys.argv[3:]]
    for session in sessions:
        session.start()
    print("saving", flush=True)
    for day in trading_days():
        began = time.monotonic()
        for session in sessions:
            trade_day(session, day)
            repository.save(session)
        time.sleep(max(0, 1 / float(sys.argv[2]) - (time.monotonic() - began)))
"""
"""A process that trades the sessions of these ids, and saves each at every tick."""


@dataclass(frozen=True)
class Felt:
    """What the heartbeat felt, in milliseconds; how long opening and closing took, in seconds; how many saves came."""

    delays: list[float]
    opened: float
    closed: float
    saves: int

    def __str__(self) -> str:
        usual = statistics.quantiles(self.delays, n=1000, method="inclusive")[-1]
        return (
            f"longest pause {max(self.delays):5.1f} ms, 999 of 1000 below {usual:5.1f} ms; {self.saves} saves; "
            f"opened in {self.opened:.2f} s, closed in {self.closed:.2f} s"
        )


def fill(path: Path, sessions: int, traded: int) -> list[str]:
    """Make a file with this number of sessions; the ids of those of them that are to be traded."""
    with SessionRepository(path, durability="normal") as repository:
        for start in range(traded, sessions, 1000):
            repository.save_many(
                PaperTradingSession(
                    id=f"{number:06}", name=f"No. {number}", strategy=Strategy("hold"), initial_cash=1000
                )
                for number in range(start, min(start + 1000, sessions))
            )
        trading = [new_session(f"Crossover {number}") for number in range(traded)]
        repository.save_many(trading)
    return [session.id for session in trading]


@contextmanager
def saved_elsewhere(path: Path, ids: list[str]) -> Iterator[None]:
    """While the block runs another process trades these sessions."""
    command = [sys.executable, "-c", SAVING, str(path), str(TICKS_A_SECOND), *ids]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as saving:
        assert saving.stdout is not None
        saving.stdout.readline()
        try:
            yield
        finally:
            saving.kill()


def feel_saves_elsewhere(path: Path, ids: list[str], seconds: float) -> Felt:
    """The pauses of a window that shows what another process saves."""
    with saved_elsewhere(path, ids):
        return feel(path, seconds, demo=False)


def feel_saves_here(path: Path, ids: list[str], seconds: float) -> Felt:
    """The pauses of a window that trades and saves the sessions itself."""

    def begin(window: SessionWindow) -> None:
        assert window.demo is not None
        window.demo.desk.days_per_second = TICKS_A_SECOND
        for session_id in ids:
            window.demo.take("start", session_id)

    return feel(path, seconds, demo=True, begin=begin)


def feel(path: Path, seconds: float, *, demo: bool, begin: Callable[[SessionWindow], object] = bool) -> Felt:
    """Open a window on the file, let it run, and close it.

    Args:
        path: the file, whose latest session is selected.
        seconds: how long.
        demo: whether the window can trade.
        begin: is called when the window shows the file.
    """
    from PySide6.QtCore import QEventLoop, QSettings, QTimer
    from PySide6.QtWidgets import QApplication

    from paper_repo.desktop.application import Application, give_way_to_the_window

    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(path.parent))
    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    app.setQuitOnLastWindowClosed(False)
    program, began = Application(), time.perf_counter()
    program.open(SessionRepository(path), demo=demo)
    while not program.windows or program.windows[0].table.selected is None:
        app.processEvents()
    window, opened = program.windows[0], time.perf_counter() - began
    begin(window)
    give_way_to_the_window()
    before, loop = _saves(path), QEventLoop()
    beats = [time.perf_counter()]
    beat = QTimer(interval=BEAT_MILLISECONDS)
    beat.timeout.connect(lambda: beats.append(time.perf_counter()))
    beat.start()
    QTimer.singleShot(int(seconds * 1000), loop.quit)
    loop.exec()
    beat.stop()
    began = time.perf_counter()
    window.close()
    closed = time.perf_counter() - began
    return Felt([(after - before) * 1000 for before, after in pairwise(beats)], opened, closed, _saves(path) - before)


def _saves(path: Path) -> int:
    """How many times the demo's sessions have been saved."""
    with SessionRepository(path) as repository:
        return sum(each.version for each in repository.get_summaries(strategy="ma-crossover"))


WAYS = {"saved by another program": feel_saves_elsewhere, "traded in the window": feel_saves_here}


def main() -> None:
    """Print the longest pauses, and how long opening and closing took."""
    parser = argparse.ArgumentParser("python -m benchmarks.window_pause", description=__doc__)
    parser.add_argument("--sessions", type=int, default=100_000)
    parser.add_argument("--saved", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    for name, way in WAYS.items():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "sessions.db"
            ids = fill(path, options.sessions, options.saved)
            print(f"{name:25} {way(path, ids, options.seconds)}", flush=True)


if __name__ == "__main__":
    main()
