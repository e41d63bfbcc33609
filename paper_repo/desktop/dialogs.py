"""What the window asks: questions, texts, and what a new session of the demo needs. All else runs on meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QGridLayout,
    QLabel,
    QLineEdit,
    QMessageBox,
    QPlainTextEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from paper_repo.demo.market import symbols
from paper_repo.demo.strategy import INITIAL_CASH, STRATEGY
from paper_repo.desktop.language import tr
from paper_repo.desktop.naming import named

_BUTTON = QDialogButtonBox.StandardButton


def ask(
    parent: QWidget,
    title: str,
    question: str,
    details: str,
    answers: tuple[str, str],
    then: Callable[[], object],
    *,
    is_grave: bool = False,
) -> QMessageBox:
    """Ask a question that is answered with yes or no.

    Args:
        answers: what the buttons say: for no, and for yes.
        then: is called when the answer is yes.
        is_grave: whether Return alone is to mean no.
    """
    icon = QMessageBox.Icon.Warning if is_grave else QMessageBox.Icon.Question
    no, yes = QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes
    box = QMessageBox(icon, title, question, no | yes, parent)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setInformativeText(details)
    box.button(no).setText(answers[0])
    box.button(yes).setText(answers[1])
    box.setDefaultButton(no if is_grave else yes)
    box.setEscapeButton(no)
    box.finished.connect(lambda answer: then() if answer == yes.value else None)
    box.open()
    return box


class TextDialog(QDialog):
    """Asks for a text of one line, or of several."""

    def __init__(
        self, parent: QWidget, title: str, label: str, text: str, then: Callable[[str], object], *, lines: int = 1
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self.edit: QLineEdit | QPlainTextEdit = QLineEdit(text, self) if lines == 1 else QPlainTextEdit(text, self)
        self.edit.setAccessibleName(label)
        self.edit.setMinimumWidth(420)
        if isinstance(self.edit, QLineEdit):
            self.edit.selectAll()
        else:
            self.edit.setTabChangesFocus(True)
        self.buttons: QDialogButtonBox = _buttons(self)
        layout = QVBoxLayout(self)
        layout.addWidget(QLabel(label, self))
        layout.addWidget(self.edit)
        layout.addWidget(self.buttons)
        self.accepted.connect(lambda: then(self.text()))
        self.open()

    def text(self) -> str:
        """What stands in it."""
        return self.edit.text() if isinstance(self.edit, QLineEdit) else self.edit.toPlainText()


class NewSessionDialog(QDialog):
    """Asks for what a new session of the demo needs: name, cash, symbols and the strategy's two averages."""

    def __init__(self, parent: QWidget, name: str, then: Callable[[NewSessionDialog], object]) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("New session"))
        self.name: QLineEdit = named(QLineEdit(name, self), "name")
        self.name.selectAll()
        self._cash = named(QDoubleSpinBox(self, decimals=2, minimum=100, maximum=1e12, singleStep=10_000), "cash")
        self._cash.setGroupSeparatorShown(True)
        self._cash.setValue(float(INITIAL_CASH))
        self.symbols: list[QCheckBox] = [QCheckBox(each, self) for each in symbols()]
        for box in self.symbols:
            box.setChecked(True)
        fast, slow = STRATEGY.parameters["fast"], STRATEGY.parameters["slow"]
        self.fast: QSpinBox = named(QSpinBox(self, minimum=1, maximum=60, value=int(str(fast))), "fast")
        self.slow: QSpinBox = named(QSpinBox(self, minimum=2, maximum=200, value=int(str(slow))), "slow")
        self.hint: QLabel = named(QLabel("", self), "hint")
        self.buttons: QDialogButtonBox = _buttons(self)
        self.buttons.button(_BUTTON.Ok).setText(tr("Create and start"))
        form = QFormLayout(self)
        form.addRow(tr("&Name"), self.name)
        form.addRow(tr("Starting &cash (USD)"), self._cash)
        form.addRow(tr("Symbols"), self._symbol_boxes())
        form.addRow(tr("&Fast average (days)"), self.fast)
        form.addRow(tr("&Slow average (days)"), self.slow)
        form.addRow(self.hint)
        form.addRow(self.buttons)
        for box in self.symbols:
            box.toggled.connect(self._check)
        for number in (self.fast, self.slow):
            number.valueChanged.connect(self._check)
        self.accepted.connect(lambda: then(self))
        self._check()
        self.open()

    def _symbol_boxes(self) -> QWidget:
        whole = QWidget(self)
        grid = QGridLayout(whole)
        grid.setContentsMargins(0, 0, 0, 0)
        for place, box in enumerate(self.symbols):
            grid.addWidget(box, place // 4, place % 4)
        return whole

    def _check(self) -> None:
        problem = ""
        if not self.chosen:
            problem = tr("Choose at least one symbol.")
        elif self.fast.value() >= self.slow.value():
            problem = tr("The fast average must be of fewer days than the slow one.")
        self.hint.setText(problem)
        self.buttons.button(_BUTTON.Ok).setEnabled(not problem)

    @property
    def cash(self) -> Decimal:
        """What the session starts with, in cents."""
        return Decimal(f"{self._cash.value():.2f}")

    @property
    def chosen(self) -> tuple[str, ...]:
        """The symbols that are to be traded."""
        return tuple(box.text() for box in self.symbols if box.isChecked())


def _buttons(dialog: QDialog) -> QDialogButtonBox:
    buttons = QDialogButtonBox(_BUTTON.Cancel | _BUTTON.Ok, parent=dialog)
    buttons.accepted.connect(dialog.accept)
    buttons.rejected.connect(dialog.reject)
    return buttons
