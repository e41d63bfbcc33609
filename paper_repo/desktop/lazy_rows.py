"""`LazyRows`: the rows of a table, of which those that are seen are fetched, however many there are."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, QTimer, Signal

from paper_repo.desktop.language import tr

PAGE = 100
"""How many rows are fetched at once."""

KEPT_PAGES = 100
"""How many pages stay in memory; those seen longest ago go first."""

RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
SIGN_ROLE = Qt.ItemDataRole.UserRole + 1
"""The sign of a cell's number: above zero for a gain, below it for a loss, 0 or None for neither."""

Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True)
class Column:
    """One column.

    - `name`: stands in the settings where it is remembered; `title` is what people read.
    - `text`: of a row. `sign`: a number of the row whose sign gives the colour.
    - `width`: at first, in characters. `is_hidden`: at first.
    - `order`: what the rows are sorted by when this column is chosen: a name that the repository knows, or a function
      of the row; None where they cannot be.
    """

    name: str
    title: str
    text: Callable[[Any], str]
    sign: Callable[[Any], Decimal | float | int | None] | None = None
    is_number: bool = True
    width: int = 10
    is_hidden: bool = False
    order: str | Callable[[Any], Any] | None = None


@dataclass(frozen=True)
class Unreadable:
    """Stands in the place of a row that is stored and cannot be read."""

    id: str
    text: str


class LazyRows(QAbstractTableModel):
    """Rows of a known number, in pages that are fetched when they are seen.

    - `wanted(pages)`: the numbers of pages that are seen and not there; the owner fetches them and calls `fill`.
    - `filled()`: rows have come.
    """

    wanted: Signal = Signal(object)
    filled: Signal = Signal()

    def __init__(self, columns: Sequence[Column], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.columns: list[Column] = list(columns)
        self._count = 0
        self._pages: OrderedDict[int, list[Any]] = OrderedDict()
        self._missing: set[int] = set()
        self._ask = QTimer(self, singleShot=True, interval=0)
        self._ask.timeout.connect(self._ask_for_missing)

    # What the owner does

    def show(self, rows: Sequence[Any]) -> None:
        """Show exactly these rows, all of them at once."""
        self.set_count(len(rows))
        self._pages.clear()
        for page in range(-(-len(rows) // PAGE)):
            self._pages[page] = list(rows[page * PAGE : (page + 1) * PAGE])
        self._tell_changed(0, len(rows))
        self.filled.emit()

    def set_count(self, count: int) -> None:
        """There are this many rows now; those that are there stay."""
        if count > self._count:
            self.beginInsertRows(QModelIndex(), self._count, count - 1)
            self._count = count
            self.endInsertRows()
        elif count < self._count:
            self.beginRemoveRows(QModelIndex(), count, self._count - 1)
            self._count = count
            self.endRemoveRows()

    def fill(self, page: int, rows: Sequence[Any]) -> None:
        """Here are the rows of a page."""
        self._pages[page] = list(rows)
        self._pages.move_to_end(page)
        while len(self._pages) > KEPT_PAGES:
            self._pages.popitem(last=False)
        self._tell_changed(page * PAGE, page * PAGE + len(rows))
        self.filled.emit()

    def forget(self, keep: Sequence[int] = ()) -> None:
        """Fetch pages again when they are seen, except for those in `keep`, which stand until they are replaced."""
        for page in [each for each in self._pages if each not in keep]:
            del self._pages[page]

    def clear(self) -> None:
        """Show nothing."""
        self.beginResetModel()
        self._count = 0
        self._pages.clear()
        self.endResetModel()

    # What there is

    def row(self, number: int) -> Any | None:
        """The row in this place; None where it has not been fetched."""
        page = self._pages.get(number // PAGE)
        place = number % PAGE
        return page[place] if page is not None and place < len(page) else None

    def rows(self) -> list[Any]:
        """The rows that have been fetched, in their order."""
        return [row for page in sorted(self._pages) for row in self._pages[page]]

    def has_page(self, page: int) -> bool:
        """Whether the rows of this page have been fetched."""
        return page in self._pages

    def places(self, ids: Collection[str]) -> dict[str, int]:
        """The places of those fetched rows that have one of these ids."""
        found: dict[str, int] = {}
        for page, rows in self._pages.items():
            if len(found) == len(ids):
                break
            found |= {row.id: page * PAGE + place for place, row in enumerate(rows) if row.id in ids}
        return found

    # What Qt asks

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802
        return 0 if parent.isValid() else self._count

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802
        return 0 if parent.isValid() else len(self.columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: N802
        if orientation is not Qt.Orientation.Horizontal:
            return None
        column = self.columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.title
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return RIGHT if column.is_number else LEFT
        if role == Qt.ItemDataRole.ToolTipRole and column.order is not None:
            return tr("Click to sort; right-click to choose columns")
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        column = self.columns[index.column()]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return RIGHT if column.is_number else LEFT
        if role not in (Qt.ItemDataRole.DisplayRole, SIGN_ROLE):
            return None
        row = self.row(index.row())
        if row is None or isinstance(row, Unreadable):
            if row is None:
                self._want(index.row() // PAGE)
            return self._in_place_of(row, index.column()) if role == Qt.ItemDataRole.DisplayRole else None
        if role == Qt.ItemDataRole.DisplayRole:
            return column.text(row)
        return None if column.sign is None else column.sign(row)

    def multiData(self, index: Index, roleDataSpan: Any) -> None:  # noqa: N802, N803
        """All that a view asks of a cell, at once: each call waits for its turn while other threads run."""
        for item in roleDataSpan:
            found = self.data(index, item.role())
            item.clearData() if found is None else item.setData(found)

    def _in_place_of(self, row: Unreadable | None, column: int) -> str:
        if row is None:
            return "…"
        return f"⚠  {row.text}" if column == 0 else ""

    def _want(self, page: int) -> None:
        if page not in self._missing:
            self._missing.add(page)
            self._ask.start()

    def _ask_for_missing(self) -> None:
        missing, self._missing = sorted(self._missing), set()
        missing = [page for page in missing if page not in self._pages and page * PAGE < self._count]
        if missing:
            self.wanted.emit(missing)

    def _tell_changed(self, first: int, end: int) -> None:
        end = min(end, self._count)
        if first < end:
            self.dataChanged.emit(self.index(first, 0), self.index(end - 1, len(self.columns) - 1))
