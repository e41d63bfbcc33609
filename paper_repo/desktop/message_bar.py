"""`MessageBar`: one sentence for the user, for a while, and what can be done about it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QTimer
from PySide6.QtGui import QAccessible, QAccessibleEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QWidget

from paper_repo.desktop.language import tr

SHOWN_MILLISECONDS = 10_000


class MessageBar(QFrame):
    """Shows the last message; a problem in other colours than a notice."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("message")
        self.label: QLabel = QLabel(self, wordWrap=True)
        self.button: QPushButton = QPushButton(self)
        self.button.clicked.connect(self._act)
        close = QPushButton("✕", self, flat=True)
        close.setAccessibleName(tr("Close message"))
        close.setFixedWidth(34)
        close.clicked.connect(self.hide)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 6, 6, 6)
        layout.addWidget(self.label, 1)
        layout.addWidget(self.button)
        layout.addWidget(close)
        self._action: Callable[[], object] | None = None
        self._silence = QTimer(self, singleShot=True, interval=SHOWN_MILLISECONDS)
        self._silence.timeout.connect(self.hide)
        self.hide()

    @property
    def text(self) -> str:
        """The last message."""
        return self.label.text()

    def tell(
        self,
        text: str,
        is_problem: bool = False,
        action: tuple[str, Callable[[], object]] | None = None,
        *,
        stays: bool = False,
    ) -> None:
        """Show a message.

        Args:
            text: one sentence: what has happened, and what to do.
            is_problem: whether something has failed.
            action: a button: its title, and what it does.
            stays: until the user closes it.
        """
        self.label.setText(("⚠  " if is_problem else "ℹ  ") + text)
        self.setProperty("kind", "problem" if is_problem else "notice")
        self.style().unpolish(self)
        self.style().polish(self)
        self._action = None if action is None else action[1]
        self.button.setVisible(action is not None)
        if action is not None:
            self.button.setText(action[0])
        self.show()
        self._silence.stop() if stays else self._silence.start()
        self.label.setAccessibleName(text)
        QAccessible.updateAccessibility(QAccessibleEvent(self.label, QAccessible.Event.Alert))

    def _act(self) -> None:
        self.hide()
        if self._action is not None:
            self._action()
