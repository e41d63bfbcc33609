"""The Qt program in an event loop of its own, and its user, who clicks and looks."""

from __future__ import annotations

import asyncio
import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.append(str(Path(__file__).parents[2] / "examples"))
for needed in ("PySide6.QtWidgets", "pyqtgraph", "qasync", "pytestqt"):
    pytest.importorskip(needed, reason=f"the Qt window needs {needed}: tox -e desktop", exc_type=ImportError)

import qasync  # noqa: E402
from desktop_qt.app import Program  # noqa: E402
from desktop_qt.theme import LIGHT, Theme, apply  # noqa: E402
from desktop_qt.window import NewSession, Window  # noqa: E402
from PySide6.QtCore import Qt, QTimer  # noqa: E402
from PySide6.QtWidgets import QApplication, QDialogButtonBox, QMessageBox, QWidget  # noqa: E402

PATIENCE = 20_000
"""How long something may take that comes for certain, in milliseconds."""


def driven(test: Callable[..., None]) -> Callable[..., None]:
    """Runs a test inside of a Qt event loop that asyncio uses too, as a callback of it and no task."""

    @functools.wraps(test)
    def run(**fixtures: Any) -> None:
        app = QApplication.instance()
        app.setQuitOnLastWindowClosed(False)
        errors: list[BaseException] = []

        def body() -> None:
            try:
                test(**fixtures)
            except BaseException as error:
                errors.append(error)
            finally:
                loop.stop()

        with qasync.QEventLoop(app) as loop:
            QTimer.singleShot(0, body)
            loop.run_forever()
        if errors:
            raise errors[0]

    return run


class Desktop:
    """The program in an event loop of its own, and its user."""

    def __init__(self, qtbot: Any, path: Path) -> None:
        self._qtbot = qtbot
        self._path = path
        self._task: asyncio.Task[int] | None = None
        self.window: Window = None  # type: ignore[assignment]  # until it is opened

    def begin(self, theme: Theme = LIGHT, **options: Any) -> Program:
        """Start the program, which need not come to show a window."""
        apply(QApplication.instance(), theme)
        program = Program(self._path, theme, **options)
        self._task = asyncio.get_running_loop().create_task(program.run())
        return program

    def open(self, **options: Any) -> Window:
        """Start the program; its window, when it shows what is stored."""
        program = self.begin(**options)
        self.until(lambda: program.window is not None)
        self.window = program.window
        self._qtbot.addWidget(self.window)
        self._qtbot.waitSignal(self.window.refreshed, timeout=PATIENCE).wait()
        return self.window

    def close(self) -> int:
        """Close the window; what the program returned when everything was stored."""
        self.window.close()
        return self.end()

    def end(self) -> int:
        """What the program returned."""
        task, self._task = self._task, None
        self.until(task.done)
        return task.result()

    def click(self, widget: str | QWidget) -> None:
        """Click into the middle of a widget, or press the button of this name."""
        widget = self.window.buttons[widget] if isinstance(widget, str) else widget
        self.until(widget.isEnabled)
        self._qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)

    def until(self, condition: Callable[[], object]) -> None:
        """Let everything run until this is so."""
        self._qtbot.waitUntil(lambda: bool(condition()), timeout=PATIENCE)

    def dialog(self, kind: type) -> Any:
        """The dialog of this kind, when it is shown."""
        self.until(lambda: any(each.isVisible() for each in self.window.findChildren(kind)))
        return next(each for each in self.window.findChildren(kind) if each.isVisible())

    def answer(self, standard_button: str) -> None:
        """Answer the question that is asked."""
        question = self.dialog(QMessageBox)
        self.click(question.button(getattr(QMessageBox.StandardButton, standard_button)))

    def create(self, name: str) -> None:
        """Make a new session by its dialog; it is selected then."""
        self.click("new")
        dialog = self.dialog(NewSession)
        dialog.name.setText(name)
        self.click(dialog.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Ok))
        self.until(lambda: self.window.selected is not None and self.window.selected.name == name)

    def texts(self) -> list[list[str]]:
        """What stands in the table of sessions."""
        model = self.window.table.model()
        rows, columns = range(model.rowCount()), range(model.columnCount())
        return [[model.data(model.index(row, column)) for column in columns] for row in rows]
