"""`TableView`: how every table looks and is used; its columns are chosen by the user, and remembered."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QItemSelectionModel, QLocale, QPoint, Qt, Signal
from PySide6.QtGui import QAction, QColor, QGuiApplication, QKeySequence, QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QMenu,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from paper_repo.desktop.language import tr
from paper_repo.desktop.lazy_rows import PAGE, SIGN_ROLE, Index, LazyRows, Unreadable
from paper_repo.desktop.settings import settings
from paper_repo.desktop.theme import colours_of

_MOST_COPIED = 10_000


class TableView(QTableView):
    """A table in which whole rows are selected, columns are moved, sized and hidden, and Ctrl+C copies rows.

    - `order_chosen(column, descending)`: the user has clicked on the title of a column that can be sorted by.

    Args:
        rows: what it shows.
        name: under which its columns are remembered.
        title: what screen readers call it.
    """

    order_chosen: Signal = Signal(int, bool)

    def __init__(self, rows: LazyRows, name: str, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lazy_rows = rows
        self._order = (-1, False)
        self.setObjectName(name)
        self.setAccessibleName(title)
        self.setModel(rows)
        coloured = _Coloured(self)
        for place, column in enumerate(rows.columns):
            if column.sign is not None:
                self.setItemDelegateForColumn(place, coloured)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setAlternatingRowColors(True)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setCornerButtonEnabled(False)
        vertical = self.verticalHeader()
        vertical.hide()
        vertical.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        vertical.setDefaultSectionSize(self.fontMetrics().height() + 12)
        self._prepare_header()
        self._copy = QAction(tr("Copy rows"), self, shortcut=QKeySequence(QKeySequence.StandardKey.Copy))
        self._copy.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        self._copy.triggered.connect(self.copy_rows)
        self.addAction(self._copy)

    def _prepare_header(self) -> None:
        header = self.horizontalHeader()
        # Qt asks for each title whether its whole column is selected, row by row: seconds for a million rows.
        header.setSelectionModel(QItemSelectionModel(self.lazy_rows, self))
        header.setHighlightSections(False)
        header.setSectionsMovable(True)
        header.setSectionsClickable(True)
        header.setStretchLastSection(True)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header.customContextMenuRequested.connect(self._offer_columns)
        header.sectionClicked.connect(self._choose_order)
        character = self.fontMetrics().horizontalAdvance("0")
        for place, column in enumerate(self.lazy_rows.columns):
            title = int(self.fontMetrics().horizontalAdvance(column.title) * 1.1) + (36 if column.order else 24)
            header.resizeSection(place, max(column.width * character + 22, title))
            header.setSectionHidden(place, column.is_hidden)
        remembered = settings().value(self._key())
        if isinstance(remembered, QByteArray):
            header.restoreState(remembered)
            header.setStretchLastSection(True)
        header.sectionResized.connect(self._remember)
        header.sectionMoved.connect(self._remember)

    # Sorting

    @property
    def order(self) -> tuple[int, bool]:
        """The column that the rows are sorted by, and whether from the highest; -1 for none."""
        return self._order

    def set_order(self, column: int, descending: bool) -> None:
        """Show that the rows are sorted by this column; -1 for none."""
        self._order = column, descending
        header = self.horizontalHeader()
        header.setSortIndicatorShown(column >= 0)
        if column >= 0:
            order = Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder
            header.setSortIndicator(column, order)

    def _choose_order(self, column: int) -> None:
        chosen, descending = self._order
        if self.lazy_rows.columns[column].order is None:
            self.set_order(chosen, descending)
            return
        descending = not descending if column == chosen else self.lazy_rows.columns[column].is_number
        self.set_order(column, descending)
        self.order_chosen.emit(column, descending)

    # What is seen

    def seen_pages(self) -> list[int]:
        """The pages of which a row is seen."""
        first, last = self.rowAt(0), self.rowAt(self.viewport().height() - 1)
        if first < 0:
            return [0] if self.lazy_rows.rowCount() else []
        last = self.lazy_rows.rowCount() - 1 if last < 0 else last
        return list(range(first // PAGE, last // PAGE + 1))

    # Columns

    def _offer_columns(self, at: QPoint) -> None:
        self.columns_menu().popup(self.horizontalHeader().mapToGlobal(at))

    def columns_menu(self) -> QMenu:
        """A menu in which columns are shown and hidden."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        header = self.horizontalHeader()
        for place, column in enumerate(self.lazy_rows.columns):
            action = menu.addAction(column.title)
            action.setCheckable(True)
            action.setChecked(not header.isSectionHidden(place))
            action.toggled.connect(lambda shown, place=place: self.show_column(place, shown))
        menu.addSeparator()
        menu.addAction(tr("All columns as at first")).triggered.connect(self.reset_columns)
        return menu

    def show_column(self, place: int, shown: bool) -> None:
        """Show or hide a column; one at least stays."""
        header = self.horizontalHeader()
        if shown or header.count() - header.hiddenSectionCount() > 1:
            header.setSectionHidden(place, not shown)
            self._remember()

    def reset_columns(self) -> None:
        """Show the columns as they were at first."""
        header = self.horizontalHeader()
        for place, column in enumerate(self.lazy_rows.columns):
            header.moveSection(header.visualIndex(place), place)
            header.setSectionHidden(place, column.is_hidden)
        settings().remove(self._key())

    def _remember(self) -> None:
        settings().setValue(self._key(), self.horizontalHeader().saveState())

    def _key(self) -> str:
        return f"columns/{self.objectName()}/{len(self.lazy_rows.columns)}/{QLocale().name()}"  # titles differ in width

    # Copying

    def copy_rows(self) -> None:
        """Copy the selected rows as text with tabs, for a spreadsheet; those not yet fetched are left out."""
        header = self.horizontalHeader()
        places = [header.logicalIndex(each) for each in range(header.count())]
        places = [place for place in places if not header.isSectionHidden(place)]
        columns = [self.lazy_rows.columns[place] for place in places]
        lines = ["\t".join(column.title for column in columns)]
        for number in self.selected_numbers(_MOST_COPIED):
            row = self.lazy_rows.row(number)
            if row is not None and not isinstance(row, Unreadable):
                lines.append("\t".join(column.text(row).strip() for column in columns))
        QGuiApplication.clipboard().setText("\n".join(lines))

    def selected_numbers(self, most: int) -> list[int]:
        """The places of the selected rows, the topmost first, up to the limit: one key can select a million."""
        parts = sorted((part.top(), part.bottom()) for part in self.selectionModel().selection().toList())
        numbers = dict.fromkeys(number for top, bottom in parts for number in range(top, min(bottom, top + most) + 1))
        return list(numbers)[:most]


class _Coloured(QStyledItemDelegate):
    """Draws gains and losses in their colours, in selected rows too."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:  # noqa: N802
        super().initStyleOption(option, index)
        sign = index.data(SIGN_ROLE)
        if sign:
            theme = colours_of(option.widget)
            colour = QColor(theme.gain if sign > 0 else theme.loss)
            for role in (QPalette.ColorRole.Text, QPalette.ColorRole.HighlightedText):
                option.palette.setColor(role, colour)
