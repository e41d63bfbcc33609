"""The dataclasses, and their JSON, that a program without paper_repo writes for itself; all peers share them.

They have the fields of paper_repo's entities and none of their checks. Amounts are exact (decimal text), times are
ISO 8601. `equity` is derived, so it is not stored.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

Columns = dict[str, Any]
"""One row by column name; the JSON columns still as Python data."""


@dataclass
class Strategy:
    """Which strategy a session runs."""

    name: str
    version: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass
class Position:
    """An open position."""

    symbol: str
    quantity: Decimal
    cost_basis: Decimal
    last_price: Decimal
    opened_at: datetime
    realized_pnl: Decimal = Decimal(0)


@dataclass
class Order:
    """A resting order."""

    id: str
    symbol: str
    side: str
    type: str
    quantity: Decimal
    filled_quantity: Decimal
    limit_price: Decimal | None
    stop_price: Decimal | None
    time_in_force: str
    created_at: datetime


@dataclass
class Fill:
    """One execution."""

    id: str
    symbol: str
    side: str
    quantity: Decimal
    price: Decimal
    fee: Decimal
    executed_at: datetime
    order_id: str | None = None


@dataclass
class EquityPoint:
    """What a session was worth at one moment."""

    at: datetime
    cash: Decimal
    equity: Decimal


@dataclass(kw_only=True)
class PaperTradingSession:
    """One run of one strategy."""

    id: str
    name: str
    strategy: Strategy
    symbols: tuple[str, ...]
    base_currency: str
    status: str
    initial_cash: Decimal
    cash: Decimal
    positions: dict[str, Position]
    open_orders: dict[str, Order]
    realized_pnl: Decimal
    fees_paid: Decimal
    state: dict[str, Any]
    metadata: dict[str, Any]
    error: str | None
    created_at: datetime
    started_at: datetime | None
    stopped_at: datetime | None
    updated_at: datetime | None
    version: int
    fill_count: int
    new_fills: list[Fill] = field(default_factory=list)
    new_equity_points: list[EquityPoint] = field(default_factory=list)

    def record_fill(self, fill: Fill) -> None:
        """Keep `fill` until the next save."""
        self.new_fills.append(fill)
        self.fill_count += 1

    def record_equity(self, point: EquityPoint) -> None:
        """Keep `point` until the next save."""
        self.new_equity_points.append(point)


JSON_COLUMNS = ("strategy", "symbols", "positions", "open_orders", "state", "metadata")
AMOUNT_COLUMNS = ("initial_cash", "cash", "realized_pnl", "fees_paid")
TIME_COLUMNS = ("created_at", "started_at", "stopped_at", "updated_at")
TEXT_COLUMNS = ("name", "base_currency", "status", "error", *AMOUNT_COLUMNS, *TIME_COLUMNS)
COUNT_COLUMNS = ("version", "fill_count")
COLUMNS = ("id", *TEXT_COLUMNS, *JSON_COLUMNS, *COUNT_COLUMNS)
FILL_COLUMNS = ("session_id", "seq", "id", "symbol", "side", "quantity", "price", "fee", "executed_at", "order_id")
EQUITY_COLUMNS = ("session_id", "seq", "at", "cash", "equity")


def to_columns(session: PaperTradingSession) -> Columns:
    """The row that the next save of `session` leaves behind."""
    session.updated_at = datetime.now(UTC)
    return {
        "id": session.id,
        "name": session.name,
        "base_currency": session.base_currency,
        "status": session.status,
        "error": session.error,
        "initial_cash": str(session.initial_cash),
        "cash": str(session.cash),
        "realized_pnl": str(session.realized_pnl),
        "fees_paid": str(session.fees_paid),
        "created_at": session.created_at.isoformat(),
        "started_at": _iso(session.started_at),
        "stopped_at": _iso(session.stopped_at),
        "updated_at": session.updated_at.isoformat(),
        "strategy": vars(session.strategy),
        "symbols": session.symbols,
        "positions": [
            {
                "symbol": position.symbol,
                "quantity": str(position.quantity),
                "cost_basis": str(position.cost_basis),
                "last_price": str(position.last_price),
                "opened_at": position.opened_at.isoformat(),
                "realized_pnl": str(position.realized_pnl),
            }
            for position in session.positions.values()
        ],
        "open_orders": [
            {
                **vars(order),
                "quantity": str(order.quantity),
                "filled_quantity": str(order.filled_quantity),
                "limit_price": _text(order.limit_price),
                "stop_price": _text(order.stop_price),
                "created_at": order.created_at.isoformat(),
            }
            for order in session.open_orders.values()
        ],
        "state": session.state,
        "metadata": session.metadata,
        "version": session.version + 1,
        "fill_count": session.fill_count,
    }


def from_columns(row: Columns) -> PaperTradingSession:
    """The session that `row` describes."""
    return PaperTradingSession(
        id=row["id"],
        name=row["name"],
        strategy=Strategy(**row["strategy"]),
        symbols=tuple(row["symbols"]),
        base_currency=row["base_currency"],
        status=row["status"],
        initial_cash=Decimal(row["initial_cash"]),
        cash=Decimal(row["cash"]),
        positions={
            each["symbol"]: Position(
                each["symbol"],
                Decimal(each["quantity"]),
                Decimal(each["cost_basis"]),
                Decimal(each["last_price"]),
                datetime.fromisoformat(each["opened_at"]),
                Decimal(each["realized_pnl"]),
            )
            for each in row["positions"]
        },
        open_orders={
            each["id"]: Order(
                each["id"],
                each["symbol"],
                each["side"],
                each["type"],
                Decimal(each["quantity"]),
                Decimal(each["filled_quantity"]),
                _decimal(each["limit_price"]),
                _decimal(each["stop_price"]),
                each["time_in_force"],
                datetime.fromisoformat(each["created_at"]),
            )
            for each in row["open_orders"]
        },
        realized_pnl=Decimal(row["realized_pnl"]),
        fees_paid=Decimal(row["fees_paid"]),
        state=row["state"],
        metadata=row["metadata"],
        error=row["error"],
        created_at=datetime.fromisoformat(row["created_at"]),
        started_at=_time(row["started_at"]),
        stopped_at=_time(row["stopped_at"]),
        updated_at=_time(row["updated_at"]),
        version=row["version"],
        fill_count=row["fill_count"],
    )


def to_values(session: PaperTradingSession) -> Columns:
    """The row with its JSON columns as text, for those who talk to SQLite directly."""
    columns = to_columns(session)
    for name in JSON_COLUMNS:
        columns[name] = json.dumps(columns[name])
    return columns


def from_values(values: Iterable[Any]) -> PaperTradingSession:
    """The session of a row in the order of `COLUMNS`, its JSON columns as text."""
    columns = dict(zip(COLUMNS, values, strict=True))
    for name in JSON_COLUMNS:
        columns[name] = json.loads(columns[name])
    return from_columns(columns)


def new_fills(session: PaperTradingSession) -> list[tuple[Any, ...]]:
    """Rows in the order of `FILL_COLUMNS` for the fills that wait."""
    first = session.fill_count - len(session.new_fills) + 1
    return [
        (
            session.id,
            seq,
            fill.id,
            fill.symbol,
            fill.side,
            str(fill.quantity),
            str(fill.price),
            str(fill.fee),
            fill.executed_at.isoformat(),
            fill.order_id,
        )
        for seq, fill in enumerate(session.new_fills, first)
    ]


def new_equity(session: PaperTradingSession, stored: int) -> list[tuple[Any, ...]]:
    """Rows in the order of `EQUITY_COLUMNS` for the points that wait; `stored`: the last number given so far."""
    return [
        (session.id, seq, point.at.isoformat(), str(point.cash), str(point.equity))
        for seq, point in enumerate(session.new_equity_points, stored + 1)
    ]


def saved(session: PaperTradingSession) -> None:
    """Note on the object that its save was committed."""
    session.version += 1
    session.new_fills.clear()
    session.new_equity_points.clear()


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
