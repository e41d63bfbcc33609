"""The window and its user, who clicks, types and looks."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
for needed in ("PySide6.QtWidgets", "pytestqt"):
    pytest.importorskip(needed, reason=f"the window needs {needed}: tox -e desktop", exc_type=ImportError)

from PySide6.QtCore import QSettings, Qt, QTimer  # noqa: E402
from PySide6.QtWidgets import QApplication, QMenu, QMessageBox, QPushButton, QTableView, QWidget  # noqa: E402

from paper_repo import SessionRepository  # noqa: E402
from paper_repo.desktop import SessionWindow, theme  # noqa: E402
from paper_repo.desktop.application import Application  # noqa: E402
from paper_repo.desktop.language import speak  # noqa: E402

PATIENCE = 20_000
"""How long something may take that comes for certain, in milliseconds."""


def use_own_settings(folder: Path) -> None:
    """Keep what the window remembers in this folder."""
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(folder))


class Desktop:
    """The program on one file, and its user."""

    def __init__(self, qtbot: Any, path: Path | str) -> None:
        self._qtbot = qtbot
        self._path = path
        self.program = Application()
        self.codes: list[int] = []
        self.program.ended.connect(self.codes.append)
        self.window: SessionWindow = None  # type: ignore[assignment]  # until it is opened

    def open(
        self,
        *,
        demo: bool = False,
        resume: bool = False,
        dress: theme.Theme = theme.LIGHT,
        language: str = "en",
        busy_timeout: float = 5.0,
    ) -> SessionWindow:
        """Open a window; it, when it shows what is stored."""
        self.begin(demo=demo, resume=resume, dress=dress, language=language, busy_timeout=busy_timeout)
        self.until(lambda: self.program.windows)
        self.window = self.program.windows[-1]
        self.until(lambda: self.window.table.total is not None)
        return self.window

    def begin(
        self,
        *,
        demo: bool = False,
        resume: bool = False,
        dress: theme.Theme = theme.LIGHT,
        language: str = "en",
        busy_timeout: float = 5.0,
    ) -> None:
        """Begin to open a window, which may never be shown."""
        app = QApplication.instance()
        app.setQuitOnLastWindowClosed(False)
        speak(app, language)
        theme.apply(app, dress)
        self.program.open(SessionRepository(self._path, busy_timeout=busy_timeout), demo=demo, resume=resume)

    def close(self) -> None:
        """Close every window; all is stored then."""
        for dialog in list(self.program.dialogs):
            dialog.close()
        self.program.close()
        assert self.program.windows == []

    def until(self, condition: Callable[[], object]) -> None:
        """Let everything run until this is so."""
        self._qtbot.waitUntil(lambda: bool(condition()), timeout=PATIENCE)

    def settle(self) -> None:
        """Let what has been asked for so far come."""
        done: list[bool] = []
        QTimer.singleShot(0, lambda: done.append(True))
        self.until(lambda: done)

    def click(self, widget: str | QWidget) -> None:
        """Click into the middle of a widget, or press the button of this name."""
        widget = self.window.buttons[widget] if isinstance(widget, str) else widget
        self.until(widget.isEnabled)
        self._qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)

    def press(
        self, widget: QWidget, key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier
    ) -> None:
        """Press a key in a widget."""
        self._qtbot.keyClick(widget, key, modifiers)

    def click_row(
        self, table: QTableView, row: int, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier
    ) -> None:
        """Click into a row of a table."""
        place = table.visualRect(table.model().index(row, 0)).center()
        self._qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, modifier, place)

    def click_title(self, table: QTableView, title: str) -> None:
        """Click on the title of a column."""
        header = table.horizontalHeader()
        titles = [table.model().headerData(each, Qt.Orientation.Horizontal) for each in range(header.count())]
        place = titles.index(title)
        table.scrollTo(table.model().index(0, place))
        at = header.sectionViewportPosition(place) + 12
        self._qtbot.mouseClick(
            header.viewport(), Qt.MouseButton.LeftButton, pos=header.viewport().rect().center().__class__(at, 8)
        )

    def choose(self, *titles: str) -> None:
        """Choose in the menus: that of the first title, then what is in it."""
        menus = {menu.title().replace("&", ""): menu for menu in self.window.findChildren(QMenu)}
        for title in titles[:-1]:
            menus[title].aboutToShow.emit()
        actions = menus[titles[-2]].actions()
        next(each for each in actions if each.text().split("  ")[0] == titles[-1]).trigger()

    def dialog(self, kind: type) -> Any:
        """The dialog of this kind, when it is shown."""
        self.until(lambda: self._visible(kind))
        return self._visible(kind)[0]

    def _visible(self, kind: type) -> list[Any]:
        return [each for each in QApplication.topLevelWidgets() if isinstance(each, kind) and each.isVisible()]

    def answer(self, text: str) -> None:
        """Answer the question that is asked with the button of this text."""
        question = self.dialog(QMessageBox)
        button = next(each for each in question.findChildren(QPushButton) if each.text().replace("&", "") == text)
        self.click(button)

    def texts(self, table: Any = None) -> list[list[str]]:
        """What stands in a table; by default in that of the sessions."""
        rows = (table or self.window.table).rows
        return [
            [str(rows.data(rows.index(row, column))) for column in range(rows.columnCount())]
            for row in range(rows.rowCount())
        ]

    def column(self, title: str, table: Any = None) -> list[str]:
        """What stands in one column."""
        rows = (table or self.window.table).rows
        titles = [column.title for column in rows.columns]
        return [row[titles.index(title)] for row in self.texts(table)]
