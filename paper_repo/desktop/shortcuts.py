"""The keys of the window, told to its user."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMessageBox

from paper_repo.desktop.language import tr


def show_shortcuts(window: QMainWindow) -> QMessageBox:
    """Show every key of the window and what it does."""
    rows = [(keys, title) for title, keys in _of_actions(window)] + [
        ("Ctrl+F, Esc", tr("Search sessions, leave the search")),
        ("Alt+1 … Alt+7", tr("Go to a tab")),
        ("← →", tr("In the chart: read point by point")),
        ("Ctrl+← Ctrl+→", tr("In the chart: earlier, later")),
        ("+ − Home", tr("In the chart: zoom in, zoom out, all of it")),
        ("Ctrl+C", tr("In a table: copy the selected rows")),
        ("Tab, Shift+Tab", tr("Next and previous part of the window")),
    ]
    table = "".join(
        f"<tr><td><b>{escape(keys)}</b>&nbsp;&nbsp;</td><td>{escape(title)}</td></tr>" for keys, title in rows
    )
    box = QMessageBox(QMessageBox.Icon.NoIcon, tr("Keyboard"), f"<table>{table}</table>", parent=window)
    box.setTextFormat(Qt.TextFormat.RichText)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.open()
    return box


def _of_actions(window: QMainWindow) -> list[tuple[str, str]]:
    found: dict[str, str] = {}
    for action in window.findChildren(QAction):
        if not action.shortcut().isEmpty():
            keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            found.setdefault(keys, action.text().replace("&", ""))
    return sorted((title, keys) for keys, title in found.items())
