"""Colours for a light and for a dark window."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication


@dataclass(frozen=True)
class Theme:
    """The colours of one theme, as #rrggbb."""

    window: str
    base: str
    alternate: str
    text: str
    muted: str
    button: str
    line: str
    accent: str
    selection: str
    gain: str
    loss: str
    problem: str
    problem_text: str
    notice: str
    notice_text: str


LIGHT = Theme(
    window="#f3f4f6", base="#ffffff", alternate="#f7f8fa", text="#1b1f24", muted="#5b6470", button="#ffffff",
    line="#d5d9df", accent="#1f5fbf", selection="#d6e4fb", gain="#0a7a3d", loss="#bd1e2d", problem="#fde5e3",
    problem_text="#7a1410", notice="#e3eefc", notice_text="#123f7d",
)  # fmt: skip
DARK = Theme(
    window="#15181d", base="#1c2027", alternate="#20252d", text="#e4e7eb", muted="#98a2ae", button="#262c35",
    line="#363d48", accent="#6ea8fe", selection="#2c4165", gain="#4cd187", loss="#ff7b80", problem="#4a2023",
    problem_text="#ffd9d6", notice="#1f3350", notice_text="#d3e4ff",
)  # fmt: skip


def chosen(name: str, app: QApplication) -> Theme:
    """The theme of this name, or for "system" the one that the desktop uses."""
    if name == "system":
        name = "dark" if app.styleHints().colorScheme() is Qt.ColorScheme.Dark else "light"
    return {"light": LIGHT, "dark": DARK}[name]


def apply(app: QApplication, theme: Theme) -> None:
    """Let the whole application have the theme's colours."""
    app.setStyle("Fusion")
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: theme.window,
        QPalette.ColorRole.WindowText: theme.text,
        QPalette.ColorRole.Base: theme.base,
        QPalette.ColorRole.AlternateBase: theme.alternate,
        QPalette.ColorRole.Text: theme.text,
        QPalette.ColorRole.PlaceholderText: theme.muted,
        QPalette.ColorRole.Button: theme.button,
        QPalette.ColorRole.ButtonText: theme.text,
        QPalette.ColorRole.ToolTipBase: theme.base,
        QPalette.ColorRole.ToolTipText: theme.text,
        QPalette.ColorRole.Highlight: theme.selection,
        QPalette.ColorRole.HighlightedText: theme.text,
        QPalette.ColorRole.Accent: theme.accent,
        QPalette.ColorRole.Link: theme.accent,
    }
    for role, colour in roles.items():
        palette.setColor(role, QColor(colour))
    for role in (QPalette.ColorRole.ButtonText, QPalette.ColorRole.Text, QPalette.ColorRole.WindowText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(theme.muted))
    app.setPalette(palette)
    app.setStyleSheet(_STYLE.format(**vars(theme)))


_STYLE = """
QTableView {{ border: 1px solid {line}; border-radius: 6px; gridline-color: transparent; outline: 0; }}
QTableView::item {{ padding: 0 10px; border: 0; }}
QHeaderView::section {{ background: {base}; color: {muted}; border: 0; border-bottom: 1px solid {line};
    padding: 6px 13px; font-weight: 600; }}
QPushButton {{ background: {button}; border: 1px solid {line}; border-radius: 6px; padding: 6px 14px; color: {text}; }}
QPushButton:hover {{ border-color: {accent}; }}
QPushButton:disabled {{ color: {muted}; background: {window}; }}
QPushButton#new {{ background: {accent}; border-color: {accent}; color: {base}; font-weight: 600; }}
QLabel#heading {{ color: {muted}; font-weight: 600; padding: 2px 2px; }}
QLabel#figure {{ color: {muted}; }}
QFrame#card {{ background: {base}; border: 1px solid {line}; border-radius: 6px; }}
QLabel#message {{ border-radius: 6px; padding: 8px 12px; }}
QLabel#message[kind="problem"] {{ background: {problem}; color: {problem_text}; }}
QLabel#message[kind="notice"] {{ background: {notice}; color: {notice_text}; }}
QGraphicsView {{ border: 1px solid {line}; border-radius: 6px; }}
QSplitter::handle {{ background: transparent; }}
"""
