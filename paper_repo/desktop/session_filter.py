"""`SessionFilter`: the line above the sessions in which a user says which of them are shown."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

from PySide6.QtCore import QDate, QTimer, Signal
from PySide6.QtWidgets import QComboBox, QDateEdit, QHBoxLayout, QLabel, QLineEdit, QWidget

from paper_repo.desktop import texts
from paper_repo.desktop.language import tr
from paper_repo.desktop.naming import named
from paper_repo.domain import SessionStatus
from paper_repo.domain.selection import SessionFilters

TYPING_MILLISECONDS = 200
"""How long a user is given to type on before the list follows."""

ANY_TIME, TODAY, WEEK, MONTH, YEAR, BETWEEN = range(6)


class SessionFilter(QWidget):
    """Text, status, strategy and day of creation; `changed()` tells that one of them is another."""

    changed: Signal = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text: QLineEdit = named(QLineEdit(self, clearButtonEnabled=True), "search")
        self.text.setPlaceholderText(tr("Search name, strategy, symbol or id"))
        self.text.setAccessibleName(tr("Search"))
        self.text.setAcceptDrops(False)  # a file that is dropped here is for the window
        self.status: QComboBox = named(QComboBox(self), "status")
        self.status.setAccessibleName(tr("Status"))
        self.status.addItem(tr("Any status"), None)
        for each in SessionStatus:
            self.status.addItem(texts.status(each), each)
        self.strategy: QComboBox = named(QComboBox(self), "strategy")
        self.strategy.setAccessibleName(tr("Strategy"))
        self.strategy.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.strategy.addItem(tr("Any strategy"), None)
        self.created: QComboBox = named(QComboBox(self), "created")
        self.created.setAccessibleName(tr("Created"))
        for title in (tr("Any time"), tr("Today"), tr("Last 7 days"), tr("Last 30 days"), tr("This year"), tr("Days…")):
            self.created.addItem(title)
        self.first, self.last = (QDateEdit(QDate.currentDate(), self) for _ in range(2))
        for edit in (self.first, self.last):
            edit.setCalendarPopup(True)
        self.first.setDate(QDate.currentDate().addMonths(-1))
        self.first.setAccessibleName(tr("First day"))
        self.last.setAccessibleName(tr("Last day"))
        self._to = QLabel("–", self)
        self._arrange()
        self._typing = QTimer(self, singleShot=True, interval=TYPING_MILLISECONDS)
        self._typing.timeout.connect(self.changed)
        self.text.textChanged.connect(self._typing.start)
        self.text.returnPressed.connect(self._at_once)
        for box in (self.status, self.strategy):
            box.activated.connect(self.changed)
        self.created.currentIndexChanged.connect(self._choose_days)
        for day in (self.first, self.last):
            day.dateChanged.connect(self.changed)
        self._choose_days()

    def _arrange(self) -> None:
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.text, 1)
        for widget in (self.status, self.strategy, self.created, self.first, self._to, self.last):
            layout.addWidget(widget)

    def _at_once(self) -> None:
        self._typing.stop()
        self.changed.emit()

    def _choose_days(self) -> None:
        chosen = self.created.currentIndex() == BETWEEN
        for widget in (self.first, self._to, self.last):
            widget.setVisible(chosen)
        self.changed.emit()

    def offer_strategies(self, names: Iterable[str]) -> None:
        """Let these strategies be chosen, beside those that can be chosen already."""
        known = {self.strategy.itemData(place) for place in range(self.strategy.count())}
        for name in sorted(set(names) - known):
            self.strategy.addItem(name or tr("(no name)"), name)

    def filters(self) -> SessionFilters:
        """What is chosen, but the text, as a repository takes it. Days are those of the user's own time zone."""
        since, until = self._days()
        return {
            "status": self.status.currentData(),
            "strategy": self.strategy.currentData(),
            "since": since,
            "until": until,
        }

    def clear(self) -> None:
        """Let everything pass."""
        for box in (self.status, self.strategy, self.created):
            box.setCurrentIndex(0)
        self.text.clear()
        self._at_once()

    @property
    def is_clear(self) -> bool:
        """Whether everything passes."""
        return not self.text.text().strip() and not any(self.filters().values())

    def _days(self) -> tuple[datetime | None, datetime | None]:
        today = datetime.now().astimezone().date()
        choice = self.created.currentIndex()
        if choice == ANY_TIME:
            return None, None
        if choice == BETWEEN:
            first, last = (date(*each.date().getDate()) for each in (self.first, self.last))
            return _midnight(first), _midnight(last + timedelta(days=1))
        first = {
            TODAY: today,
            WEEK: today - timedelta(days=6),
            MONTH: today - timedelta(days=29),
            YEAR: today.replace(month=1, day=1),
        }[choice]
        return _midnight(first), None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time()).astimezone(UTC)
