"""Colours: of the widgets, by the palette that they are in, and of the window in its light and its dark dress."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QWidget


@dataclass(frozen=True)
class Theme:
    """The colours of one theme, as #rrggbb; `curves` are those of curves that are laid over each other."""

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
    curves: tuple[str, ...]


LIGHT = Theme(
    window="#f3f4f6", base="#ffffff", alternate="#f7f8fa", text="#1b1f24", muted="#5b6470", button="#ffffff",
    line="#d5d9df", accent="#1f5fbf", selection="#d6e4fb", gain="#0a7a3d", loss="#bd1e2d", problem="#fde5e3",
    problem_text="#7a1410", notice="#e3eefc", notice_text="#123f7d",
    curves=("#1f5fbf", "#c2410c", "#0a7a3d", "#7e22ce", "#b45309", "#0e7490", "#be185d", "#4d7c0f"),
)  # fmt: skip
DARK = Theme(
    window="#15181d", base="#1c2027", alternate="#20252d", text="#e4e7eb", muted="#98a2ae", button="#262c35",
    line="#363d48", accent="#6ea8fe", selection="#2c4165", gain="#4cd187", loss="#ff7b80", problem="#4a2023",
    problem_text="#ffd9d6", notice="#1f3350", notice_text="#d3e4ff",
    curves=("#6ea8fe", "#fb923c", "#4cd187", "#c084fc", "#fbbf24", "#22d3ee", "#f472b6", "#a3e635"),
)  # fmt: skip


def colours_of(widget: QWidget) -> Theme:
    """The colours that go with the palette of a widget, whoever has chosen it."""
    return DARK if widget.palette().color(QPalette.ColorRole.Base).lightness() < 128 else LIGHT


def chosen(name: str, app: QApplication) -> Theme:
    """The theme of this name, or for "system" the one that the desktop uses."""
    if name == "system":
        return of_scheme(app.styleHints().colorScheme())
    return {"light": LIGHT, "dark": DARK}[name]


def of_scheme(scheme: Qt.ColorScheme) -> Theme:
    """The theme for what the desktop uses; the light one where it does not say."""
    return DARK if scheme is Qt.ColorScheme.Dark else LIGHT


def follow_system(app: QApplication) -> None:
    """Let the whole application have the desktop's light or dark theme, also when it is changed."""
    apply(app, chosen("system", app))
    app.styleHints().colorSchemeChanged.connect(lambda scheme: apply(app, of_scheme(scheme)))


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
QTableView::item {{ padding: 0 8px; border: 0; }}
QHeaderView {{ background: {base}; border: 0; border-top-left-radius: 6px; border-top-right-radius: 6px; }}
QHeaderView::section {{ background: {base}; color: {muted}; border: 0; border-bottom: 1px solid {line};
    padding: 6px 11px; font-weight: 600; }}
QTabWidget::pane {{ border: 0; }}
QTabBar::tab {{ color: {muted}; padding: 6px 12px; border: 0; border-bottom: 2px solid transparent; }}
QTabBar::tab:selected {{ color: {text}; border-bottom: 2px solid {accent}; font-weight: 600; }}
QTabBar::tab:hover {{ color: {text}; }}
QTabBar {{ qproperty-drawBase: 0; }}
QPushButton, QToolButton#menu {{ background: {button}; border: 1px solid {line}; border-radius: 6px;
    padding: 6px 12px; color: {text}; }}
QPushButton:hover, QPushButton:focus {{ border-color: {accent}; }}
QPushButton:disabled {{ color: {muted}; background: {window}; }}
QPushButton#new {{ background: {accent}; border-color: {accent}; color: {base}; font-weight: 600; }}
QLineEdit {{ background: {base}; border: 1px solid {line}; border-radius: 6px; padding: 5px 8px; color: {text}; }}
QComboBox, QDateEdit {{ min-height: 22px; }}
QScrollBar {{ background: transparent; border: 0; margin: 0; }}
QScrollBar:vertical {{ width: 11px; }}
QScrollBar:horizontal {{ height: 11px; }}
QScrollBar::handle {{ background: {line}; border-radius: 4px; margin: 2px; }}
QScrollBar::handle:vertical {{ min-height: 28px; }}
QScrollBar::handle:horizontal {{ min-width: 28px; }}
QScrollBar::handle:hover {{ background: {muted}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QLineEdit:focus {{ border-color: {accent}; }}
QPlainTextEdit {{ background: {base}; border: 1px solid {line}; border-radius: 6px; padding: 6px; }}
QLabel#heading {{ color: {muted}; font-weight: 600; padding: 2px 2px; }}
QLabel#figure, QLabel#hint {{ color: {muted}; }}
QFrame#card {{ background: {base}; border: 1px solid {line}; border-radius: 6px; }}
QFrame#chart {{ background: {base}; border: 1px solid {line}; border-radius: 6px; }}
QFrame#message {{ border-radius: 6px; }}
QFrame#message[kind="problem"] {{ background: {problem}; }}
QFrame#message[kind="problem"] QLabel {{ color: {problem_text}; }}
QFrame#message[kind="notice"] {{ background: {notice}; }}
QFrame#message[kind="notice"] QLabel {{ color: {notice_text}; }}
QFrame#message QPushButton {{ padding: 3px 10px; }}
QAbstractScrollArea::corner {{ background: transparent; border: 0; }}
QStatusBar {{ color: {muted}; border-top: 1px solid {line}; }}
QStatusBar::item {{ border: 0; }}
QStatusBar QLabel {{ color: {muted}; padding: 2px 8px; }}
QMenuBar {{ background: {window}; color: {text}; }}
QMenuBar::item {{ padding: 5px 10px; background: transparent; border-radius: 4px; }}
QMenuBar::item:selected {{ background: {selection}; }}
QMenu {{ background: {base}; color: {text}; border: 1px solid {line}; padding: 4px; }}
QMenu::item {{ padding: 5px 26px 5px 22px; border-radius: 4px; }}
QMenu::item:selected {{ background: {selection}; }}
QMenu::item:disabled {{ color: {muted}; }}
QMenu::separator {{ height: 1px; background: {line}; margin: 4px 8px; }}
QSplitter::handle {{ background: transparent; }}
"""
