"""The tables: what stands in which column, and how it is aligned and coloured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from paper_repo.desktop import texts
from paper_repo.desktop.theme import Theme
from paper_repo import SessionStatus, SessionSummary, Side

RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True)
class Column:
    """One column: its title, the text of a row in it, and for some a number whose sign gives the colour."""

    title: str
    text: Callable[[Any], str]
    sign: Callable[[Any], Decimal | int] | None = None
    is_number: bool = True


class Rows(QAbstractTableModel):
    """A list of objects as rows. Rows are recognised by their key, so that a selection stays with its row."""

    def __init__(self, columns: Sequence[Column], key: Callable[[Any], object], theme: Theme) -> None:
        super().__init__()
        self._columns = columns
        self._key = key
        self._theme = theme
        self.rows: list[Any] = []

    def show(self, rows: Sequence[Any]) -> None:
        """Show these rows; when they are the same objects in the same order, only their texts change."""
        if [self._key(row) for row in rows] != [self._key(row) for row in self.rows]:
            self.beginResetModel()
            self.rows = list(rows)
            self.endResetModel()
        else:
            self.rows = list(rows)
            if rows:
                self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, len(self._columns) - 1))

    def row_of(self, key: object) -> int | None:
        """Where the row of this key stands."""
        return next((place for place, row in enumerate(self.rows) if self._key(row) == key), None)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802
        return len(self._columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:  # noqa: N802
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self._columns[section].title
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.TextAlignmentRole:
            return RIGHT if self._columns[section].is_number else LEFT
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, column = self.rows[index.row()], self._columns[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.text(row)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return RIGHT if column.is_number else LEFT
        if role == Qt.ItemDataRole.ForegroundRole and column.sign is not None and (sign := column.sign(row)):
            return QColor(self._theme.gain if sign > 0 else self._theme.loss)
        return None


def sessions_table(theme: Theme, is_trading: Callable[[str], bool]) -> Rows:
    """All sessions, one a row."""

    def status(session: SessionSummary) -> str:
        here = session.status is not SessionStatus.RUNNING or is_trading(session.id)
        return texts.STATUS[session.status] if here else texts.NOT_HERE

    columns = [
        Column("Name", lambda session: session.name, is_number=False),
        Column("Strategy", lambda session: session.strategy_name, is_number=False),
        Column("Status", status, is_number=False),
        Column("Equity", lambda session: texts.money(session.equity)),
        Column("P&L", lambda session: texts.gain(session.net_pnl), lambda session: session.net_pnl),
        Column("Return", lambda session: texts.percent(session.total_return), lambda session: session.net_pnl),
        Column("Fills", lambda session: f"{session.fill_count:,}"),
        Column("Updated", lambda session: texts.moment(session.updated_at)),
    ]
    return Rows(columns, lambda session: session.id, theme)


def positions_table(theme: Theme) -> Rows:
    """The open positions of one session."""
    columns = [
        Column("Symbol", lambda held: held.symbol, is_number=False),
        Column("Side", lambda held: "▲ long" if held.quantity > 0 else "▼ short", is_number=False),
        Column("Quantity", lambda held: texts.quantity(abs(held.quantity))),
        Column("Average", lambda held: texts.money(held.average_price)),
        Column("Last", lambda held: texts.money(held.last_price)),
        Column("Unrealized P&L", lambda held: texts.gain(held.unrealized_pnl), lambda held: held.unrealized_pnl),
    ]
    return Rows(columns, lambda held: held.symbol, theme)


def fills_table(theme: Theme) -> Rows:
    """The fills of one session, the latest first."""
    columns = [
        Column("Day", lambda fill: texts.market_day(fill.executed_at), is_number=False),
        Column("Symbol", lambda fill: fill.symbol, is_number=False),
        Column("Side", lambda fill: "▲ buy" if fill.side is Side.BUY else "▼ sell", is_number=False),
        Column("Quantity", lambda fill: texts.quantity(fill.quantity)),
        Column("Price", lambda fill: texts.money(fill.price)),
        Column("Fee", lambda fill: texts.money(fill.fee)),
    ]
    return Rows(columns, lambda fill: fill.id, theme)


def view(rows: Rows, name: str, parent: QWidget, stretched: int = 0) -> QTableView:
    """A table view of `rows` in which whole rows are selected; one column takes the width that is left."""
    table = QTableView(parent)
    table.setObjectName(name)
    table.setAccessibleName(name)
    table.setModel(rows)
    table.setItemDelegate(_KeepsColours(table))
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setAlternatingRowColors(True)
    table.setShowGrid(False)
    table.setWordWrap(False)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(28)
    header = table.horizontalHeader()
    header.setHighlightSections(False)
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(stretched, QHeaderView.ResizeMode.Stretch)
    return table


class _KeepsColours(QStyledItemDelegate):
    """Draws a selected row's texts in their own colours."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:  # noqa: N802
        super().initStyleOption(option, index)
        colour = index.data(Qt.ItemDataRole.ForegroundRole)
        if colour is not None:
            option.palette.setColor(QPalette.ColorRole.HighlightedText, colour)
