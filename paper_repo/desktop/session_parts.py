"""Tables of what one session holds: `PositionTable`, `OrderTable`, `CashFlowTable` and `TradeTable`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QLabel, QVBoxLayout, QWidget

from paper_repo.desktop import texts
from paper_repo.desktop.following import SessionFollower
from paper_repo.desktop.language import tr
from paper_repo.desktop.lazy_rows import Column, LazyRows
from paper_repo.desktop.live import LiveRepository
from paper_repo.desktop.naming import named
from paper_repo.desktop.table_view import TableView
from paper_repo.domain import CashFlow, CashFlowKind, Order, OrderStatus, Position, Side
from paper_repo.domain.trades import Trade
from paper_repo.domain.values import EXACT
from paper_repo.errors import SessionNotFoundError

MOST_ROWS = 10_000
"""How many rows a table holds; of more, the first ones that it is given, which are the latest."""


class SessionPartTable(QWidget):
    """A table of one part of a session; a subclass says which part, and what stands in its columns.

    Of very many rows the latest 10,000 are shown, and a line below says so.

    - `shown()`: the table shows what is stored.

    Args:
        live: where the sessions are.
        parent: the widget that this one belongs to.
    """

    shown: Signal = Signal()

    name = ""
    """Under which its columns are remembered."""

    def __init__(self, live: LiveRepository, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._live = live
        self._found: list[Any] = []
        self.rows: LazyRows = LazyRows(self.columns(), self)
        self.view: TableView = TableView(self.rows, self.name, self.title(), self)
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.view.order_chosen.connect(self._sort)
        self.empty: QLabel = named(QLabel(self.view.viewport(), alignment=Qt.AlignmentFlag.AlignCenter), "hint")
        self.setFocusProxy(self.view)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.view)
        self.cut: QLabel = named(QLabel(self), "hint")
        self.cut.hide()
        layout.addWidget(self.cut)
        self.follower: SessionFollower = SessionFollower(self, live, self._load, self._show)
        self.follower.shown.connect(self.shown)

    @abstractmethod
    def title(self) -> str:
        """What it is called."""

    @abstractmethod
    def columns(self) -> Sequence[Column]:
        """Its columns; those with a function as `order` can be sorted by."""

    @abstractmethod
    async def load(self, session_id: str) -> list[Any]:
        """What is stored of this session, one object a row."""

    async def load_all(self, session_ids: Sequence[str]) -> list[Any]:
        """What is stored of these sessions; of one alone, for most tables."""
        return await self.load(session_ids[0])

    def show_session(self, session_id: str | None) -> None:
        """Show this session, and follow its changes; None to show nothing."""
        self.follower.follow(session_id)

    async def _load(self, session_ids: Sequence[str]) -> tuple[list[Any], int]:
        """The rows that are shown, and how many there are."""
        found = await self.load_all(session_ids)
        return found[:MOST_ROWS], len(found)

    def _show(self, loaded: tuple[list[Any], int] | None) -> None:
        found, count = loaded or ([], 0)
        self._found = found
        self._sort()
        self.cut.setVisible(count > len(found))
        self.cut.setText(
            tr("Shown are the latest") + f" {texts.whole(len(found))} " + tr("of") + f" {texts.whole(count)}"
        )
        self.empty.setVisible(not self._found)
        self.empty.setText(self.nothing())
        self.empty.setGeometry(self.view.viewport().rect())

    def nothing(self) -> str:
        """What is said where there is no row."""
        return tr("None")

    def _sort(self) -> None:
        column, descending = self.view.order
        order = self.rows.columns[column].order if column >= 0 else None
        rows = sorted(self._found, key=order, reverse=descending) if callable(order) else self._found
        self.rows.show(rows)


def side(bought: bool) -> str:
    """▲ buy or ▼ sell."""
    return "▲ " + tr("buy") if bought else "▼ " + tr("sell")


def direction(is_long: bool) -> str:
    """▲ long or ▼ short."""
    return "▲ " + tr("long") if is_long else "▼ " + tr("short")


class PositionTable(SessionPartTable):
    """The open positions of one session, as they are and as they change."""

    name = "positions"

    def title(self) -> str:
        """Positions."""
        return tr("Positions")

    def nothing(self) -> str:
        """No open positions."""
        return tr("No open positions")

    def columns(self) -> Sequence[Column]:
        """Symbol, side, quantity, prices, value and unrealized P&L."""

        def pnl(held: Position) -> Decimal:
            return held.unrealized_pnl

        def value(held: Position) -> Decimal:
            return EXACT.multiply(held.quantity, held.last_price)

        return [
            Column("symbol", tr("Symbol"), lambda held: held.symbol, None, False, 7, order=lambda held: held.symbol),
            Column("side", tr("Side"), lambda held: direction(held.quantity > 0), None, False, 8),
            number_column("quantity", tr("Quantity"), lambda held: abs(held.quantity), texts.quantity, 6),
            number_column("average", tr("Average"), lambda held: held.average_price, texts.money, 8),
            number_column("last", tr("Last"), lambda held: held.last_price, texts.money, 8),
            number_column("pnl", tr("Unrealized P&L"), pnl, texts.gain, 12, sign=pnl),
            number_column("value", tr("Value"), value, texts.money, 11),
            _time("opened", tr("Opened"), lambda held: held.opened_at),
        ]

    async def load(self, session_id: str) -> list[Position]:
        """The positions."""
        session = await self._live.session(session_id)
        return [] if session is None else list(session.positions.values())


class OrderTable(SessionPartTable):
    """The orders of one session: those that rest, then those that are closed, the latest first."""

    name = "orders"

    def title(self) -> str:
        """Orders."""
        return tr("Orders")

    def nothing(self) -> str:
        """No orders."""
        return tr("No orders")

    def columns(self) -> Sequence[Column]:
        """Symbol, side, type, status, quantities, prices, time in force, and when it was placed and closed."""
        return [
            Column("symbol", tr("Symbol"), lambda each: each.symbol, None, False, 7, order=lambda each: each.symbol),
            Column("side", tr("Side"), lambda each: side(each.side is Side.BUY), None, False, 9),
            Column("type", tr("Type"), lambda each: each.type.lower().replace("_", " "), None, False, 9),
            Column("status", tr("Status"), lambda each: order_status(each.status), None, False, 10),
            number_column("quantity", tr("Quantity"), lambda each: each.quantity, texts.quantity, 6),
            number_column("filled", tr("Filled"), lambda each: each.filled_quantity, texts.quantity, 6),
            number_column("limit", tr("Limit"), lambda each: each.limit_price, texts.money, 9),
            number_column("stop", tr("Stop price"), lambda each: each.stop_price, texts.money, 9),
            Column("force", tr("Valid"), lambda each: str(each.time_in_force), None, False, 5),
            _time("created", tr("Placed"), lambda each: each.created_at),
            _time("closed", tr("Closed"), lambda each: each.closed_at),
            Column("id", tr("Id"), lambda each: each.id, None, False, 14, is_hidden=True),
        ]

    async def load(self, session_id: str) -> list[Order]:
        """The orders."""
        session = await self._live.session(session_id)
        if session is None:
            return []
        closed = await self._live.repository.get_orders(session_id, which="closed")
        return [*session.open_orders.values(), *closed[::-1]]


class CashFlowTable(SessionPartTable):
    """The cash flows of one session, the latest first: deposits, withdrawals, dividends, interest and the like."""

    name = "cash-flows"

    def title(self) -> str:
        """Cash flows."""
        return tr("Cash flows")

    def nothing(self) -> str:
        """No cash flows."""
        return tr("No cash flows")

    def columns(self) -> Sequence[Column]:
        """Time, kind, amount, currency and symbol."""

        def paid(flow: CashFlow) -> Decimal:
            return flow.amount

        return [
            _time("time", tr("Time"), lambda flow: flow.at),
            Column(
                "kind", tr("Kind"), lambda flow: flow_kind(flow.kind), None, False, 12, order=lambda flow: flow.kind
            ),
            number_column("amount", tr("Amount"), paid, texts.gain, 12, sign=paid),
            Column("currency", tr("Currency"), lambda flow: flow.currency or "", None, False, 7),
            Column("symbol", tr("Symbol"), lambda flow: flow.symbol or "", None, False, 7),
            Column("id", tr("Id"), lambda flow: flow.id, None, False, 14, is_hidden=True),
        ]

    async def load(self, session_id: str) -> list[CashFlow]:
        """The cash flows, the latest first."""
        return (await self._live.repository.get_cash_flows(session_id))[::-1]


def order_status(status: OrderStatus) -> str:
    """The status of an order in a word."""
    names = {
        OrderStatus.PENDING: tr("pending"),
        OrderStatus.OPEN: tr("open"),
        OrderStatus.PARTIALLY_FILLED: tr("partly filled"),
        OrderStatus.FILLED: tr("filled"),
        OrderStatus.CANCELLED: tr("cancelled"),
        OrderStatus.REJECTED: tr("rejected"),
        OrderStatus.EXPIRED: tr("expired"),
    }
    return names[status]


def flow_kind(kind: CashFlowKind) -> str:
    """What a cash flow is, in a word."""
    names = {
        CashFlowKind.DEPOSIT: tr("deposit"),
        CashFlowKind.WITHDRAWAL: tr("withdrawal"),
        CashFlowKind.DIVIDEND: tr("dividend"),
        CashFlowKind.INTEREST: tr("interest"),
        CashFlowKind.FUNDING: tr("funding"),
        CashFlowKind.TAX: tr("tax"),
        CashFlowKind.FEE: tr("fee"),
    }
    return names.get(kind, tr("other"))


class TradeTable(SessionPartTable):
    """The closed trades of one session, the latest first: one for each position, from its first fill to its last."""

    name = "trades"

    def title(self) -> str:
        """Trades."""
        return tr("Trades")

    def nothing(self) -> str:
        """No closed trades."""
        return tr("No closed trades")

    def columns(self) -> Sequence[Column]:
        """Symbol, side, quantity, prices, P&L after fees, times and duration."""

        def pnl(trade: Trade) -> Decimal:
            return trade.net_pnl

        return [
            Column("symbol", tr("Symbol"), lambda each: each.symbol, None, False, 7, order=lambda each: each.symbol),
            Column("side", tr("Side"), lambda each: direction(each.side is Side.BUY), None, False, 9),
            number_column("quantity", tr("Quantity"), lambda each: each.quantity, texts.quantity, 6),
            number_column("entry", tr("Entry"), lambda each: each.entry_price, texts.money, 9),
            number_column("exit", tr("Exit"), lambda each: each.exit_price, texts.money, 9),
            number_column("pnl", tr("Net P&L"), pnl, texts.gain, 12, sign=pnl),
            Column(
                "duration",
                tr("Duration"),
                lambda each: texts.duration(each.duration.total_seconds()),
                width=10,
                order=lambda each: each.duration,
            ),
            _time("closed", tr("Closed"), lambda each: each.exit_at),
            _time("opened", tr("Opened"), lambda each: each.entry_at),
        ]

    async def load(self, session_id: str) -> list[Trade]:
        """The trades, the latest first."""
        try:
            return (await self._live.repository.get_trades(session_id))[::-1]
        except SessionNotFoundError:
            return []


def number_column(
    name: str,
    title: str,
    value: Callable[[Any], Any],
    text: Callable[[Any], str],
    width: int,
    sign: Callable[[Any], Any] | None = None,
) -> Column:
    """A column of numbers, some of which may be None."""
    return Column(name, title, lambda row: text(value(row)), sign, True, width, order=partial(_order, value))


def _order(value: Callable[[Any], Any], row: Any) -> tuple[bool, Any]:
    found = value(row)
    return found is not None, found or 0


def _time(name: str, title: str, at: Callable[[Any], Any]) -> Column:
    return Column(name, title, lambda row: texts.moment(at(row)), None, False, 24, order=at)
