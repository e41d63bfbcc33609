"""The window on a real display, with the clicks and keys of a real mouse and keyboard."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from paper_repo import SessionRepository, SessionStatus
from tests.desktop.conftest import plain, traded
from tests.desktop.driving import PATIENCE

pytestmark = pytest.mark.skipif(
    shutil.which("Xvfb") is None or shutil.which("xdotool") is None,
    reason="real clicks need Xvfb and xdotool (Debian: apt install xvfb xdotool)",
)

PROGRAM = """
import json, sys
from PySide6.QtCore import QPoint, QTimer
from PySide6.QtWidgets import QApplication, QDialog, QLineEdit, QMenu, QMessageBox
from paper_repo import SessionRepository
from paper_repo.desktop import SessionWindow, application

app = QApplication([])

def center(widget):
    at = widget.mapToGlobal(widget.rect().center())
    return [at.x(), at.y()]

def tell():
    windows = [each for each in app.topLevelWidgets() if each.isVisible()]
    found = {}
    for window in windows:
        if isinstance(window, SessionWindow):
            found |= {name: center(button) for name, button in window.buttons.items() if button.isEnabled()}
            view = window.table.view
            for row in range(window.table.rows.rowCount()):
                at = view.viewport().mapToGlobal(view.visualRect(view.model().index(row, 0)).center())
                found[view.model().data(view.model().index(row, 0))] = [at.x(), at.y()]
            found["search"] = center(window.table.filter.text)
            found["chart"] = center(window.chart.canvas)
            found["seen"] = [int(each) for each in window.chart.canvas.seen]
            found["shows " + window.windowTitle()] = center(window)
        if isinstance(window, QMenu):
            for action in window.actions():
                at = window.mapToGlobal(window.actionGeometry(action).center())
                found["menu " + action.text().replace("&", "")] = [at.x(), at.y()]
        if isinstance(window, QDialog):
            found |= {"field": center(field) for field in window.findChildren(QLineEdit)}
        if isinstance(window, QMessageBox):
            found |= {"answer " + button.text().replace("&", ""): center(button) for button in window.buttons()}
    print(json.dumps(found), flush=True)

timer = QTimer(interval=100)
timer.timeout.connect(tell)
sys.excepthook = lambda *error: (sys.__excepthook__(*error), app.exit(3))
timer.start()
sys.exit(application.run(SessionRepository(sys.argv[1]), language="en"))
"""
"""The program as `paper-repo open` runs it, which besides tells ten times a second where its widgets are."""


SOURCE = """
import sys
from PySide6.QtCore import QMimeData, QUrl, Qt
from PySide6.QtGui import QDrag
from PySide6.QtWidgets import QApplication, QLabel

class File(QLabel):
    def mouseMoveEvent(self, event):
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(sys.argv[1])])
        drag = QDrag(self)
        drag.setMimeData(data)
        drag.exec(Qt.DropAction.CopyAction)

app = QApplication([])
file = File("file", None, Qt.WindowType.FramelessWindowHint)
file.setGeometry(0, 840, 200, 50)
file.show()
print("shown", flush=True)
app.exec()
"""
"""A program with a file that can be dragged, in the lower left corner of the screen."""


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """A display that Xvfb makes."""
    readable, writable = os.pipe()
    command = ["Xvfb", "-displayfd", str(writable), "-screen", "0", "1280x900x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[writable], stderr=subprocess.DEVNULL) as server:
        os.close(writable)
        with os.fdopen(readable) as told:
            number = told.readline().strip()
        yield f":{number}"
        server.terminate()


class User:
    """Somebody at the display."""

    def __init__(self, program: subprocess.Popen[str], environment: dict[str, str]) -> None:
        self._program = program
        self.environment = environment

    def places(self) -> dict[str, list[int]]:
        """Where things are on the screen at this moment."""
        assert self._program.stdout is not None
        line = self._program.stdout.readline()
        assert line, "the program has ended"
        return dict(json.loads(line))

    def do(self, *command: object) -> None:
        """Move the mouse, click or type."""
        subprocess.run(["xdotool", *map(str, command)], env=self.environment, check=True)

    def click(self, name: str, button: int = 1) -> None:
        """Click on it as soon as it is there."""
        deadline = time.monotonic() + PATIENCE / 1000
        while name not in (places := self.places()):
            assert time.monotonic() < deadline, f"{name} has not come; there are: {sorted(places)}"
        self.do("mousemove", *places[name], "click", button)

    def until(self, condition: Callable[[], object]) -> None:
        """Wait until this is so."""
        deadline = time.monotonic() + PATIENCE / 1000
        while not condition():
            assert time.monotonic() < deadline, f"it has not come; there are: {sorted(self.places())}"
            self.places()


@pytest.fixture
def user(display: str, path: Path, tmp_path: Path) -> Iterator[User]:
    """The program on a file with two sessions, and its user."""
    running = plain(1)
    running.start()
    with SessionRepository(path) as stored:
        stored.save_many([running, traded("Crossover")])
    environment = {**os.environ, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb", "XDG_CONFIG_HOME": str(tmp_path)}
    command = [sys.executable, "-W", "error", "-c", PROGRAM, str(path)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as program:
        try:
            yield User(program, environment)
            program.terminate()
            assert program.stdout is not None
            for _ in program.stdout:
                pass
            assert program.wait(PATIENCE) == 0
        finally:
            program.kill()


def test_a_session_is_stopped_and_another_deleted(user: User, path: Path) -> None:
    """A row is clicked, then Stop; another row is deleted by key and question, and brought back by Ctrl+Z."""
    with SessionRepository(path) as stored:
        user.click("No. 000001")
        user.click("stop")
        user.until(lambda: stored.get_by_id("000001").status is SessionStatus.STOPPED)

        user.click("Crossover")
        user.do("key", "Delete")
        user.click("answer Delete")
        user.until(lambda: stored.count() == 1)
        user.until(lambda: "Crossover" not in user.places())
        user.click("No. 000001")  # where there is no window manager, nobody gives the focus back after a question
        user.do("key", "ctrl+z")
        user.until(lambda: stored.count() == 2)

        user.click("search")
        user.do("type", "cross")
        user.until(lambda: "No. 000001" not in user.places())
        assert "Crossover" in user.places()
        user.do("key", "Escape")
        user.until(lambda: "No. 000001" in user.places())


def test_the_wheel_zooms_and_a_right_click_offers_what_can_be_done(user: User, path: Path) -> None:
    """Below the mouse, the chart shows less at each step of the wheel; a session is renamed by its menu."""
    user.click("Crossover")
    user.until(lambda: user.places()["seen"][0] > 1_000_000_000)
    first, last = user.places()["seen"]
    user.do("mousemove", *user.places()["chart"], "click", 4)
    user.until(lambda: user.places()["seen"][1] - user.places()["seen"][0] < last - first)

    user.click("Crossover", button=3)
    user.click("menu Rename…")
    user.click("field")
    user.do("key", "ctrl+a")
    user.do("type", "Renamed")
    user.do("key", "Return")
    with SessionRepository(path) as stored:
        user.until(lambda: "Renamed" in {each.name for each in stored.get_summaries()})


def test_a_file_of_another_program_is_dragged_onto_the_window(user: User, tmp_path: Path) -> None:
    """It opens in a window of its own."""
    other = tmp_path / "other.db"
    with SessionRepository(other) as stored:
        stored.save(plain(7))
    command = [sys.executable, "-c", SOURCE, str(other)]
    with subprocess.Popen(command, env=user.environment, stdout=subprocess.PIPE, text=True) as source:
        assert source.stdout is not None
        assert source.stdout.readline() == "shown\n"
        user.places()
        user.do("mousemove", 50, 860, "mousedown", 1)
        for step in range(1, 11):
            user.do("mousemove", 50 + 50 * step, 860 - 50 * step)
            user.places()
        user.do("mouseup", 1)
        try:
            user.until(lambda: any("other.db" in name for name in user.places()))
        finally:
            source.kill()
