"""The documents of `--json`: plain data whose keys never vary; amounts are exact decimals as text."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from paper_repo.cli.account_tables import balances_of
from paper_repo.domain import (
    CashFlow,
    EquityPoint,
    Fill,
    LedgerEntry,
    Order,
    PaperTradingSession,
    Position,
    Split,
    SymbolChange,
)
from paper_repo.domain.performance import Performance
from paper_repo.domain.selection import SessionSummary
from paper_repo.domain.trades import Trade
from paper_repo.serialization import fast, schemas
from paper_repo.serialization.schemas import Data


def of_summary(summary: SessionSummary) -> Data:
    """A session in a list."""
    return {**_plain_fields(summary), "total_return": summary.total_return}


def of_session(session: PaperTradingSession, performance: Performance | None = None) -> Data:
    """A session with all its fields, its worth and its performance."""
    worth = {name: getattr(session, name) for name in ("equity", "market_value", "unrealized_pnl", "net_pnl")}
    document = {
        "session": schemas.dump(session),
        "worth": {name: _plain(amount) for name, amount in worth.items()},
    }
    return document if performance is None else {**document, "performance": _plain_fields(performance)}


def of_fill(sequence: int, fill: Fill) -> Data:
    """A fill, with its place in the history."""
    return {"sequence": sequence, **with_all_keys(fill)}


def of_point(point: EquityPoint) -> Data:
    """A point of an equity curve."""
    return fast.dump(point)


def of_entry(entry: LedgerEntry) -> Data:
    """A ledger entry; `type` says whether it is a cash flow, a split or a change of a symbol."""
    return {"type": _ENTRY_TYPES[type(entry)], **with_all_keys(entry)}


def of_order(order: Order) -> Data:
    """An order that rests or is closed."""
    computed = {"status": order.status.value, "remaining_quantity": str(order.remaining_quantity)}
    return with_all_keys(order) | computed


def of_position(position: Position) -> Data:
    """A position, with what follows from its last price."""
    computed = ("average_price", "market_value", "unrealized_pnl", "worth")
    return {
        "id": position.id,
        **with_all_keys(position),
        **{name: _plain(getattr(position, name)) for name in computed},
    }


def of_trade(number: int, trade: Trade) -> Data:
    """A closed trade, with its number among those of the session; `slices` is how many round trips it is made of."""
    document = _plain_fields(trade) | {"slices": len(trade.slices)}
    computed = {"net_pnl": str(trade.net_pnl), "duration_seconds": trade.duration.total_seconds()}
    return {"number": number, **document, **computed}


TRADE_KEYS = ("number", *(field.name for field in fields(Trade)), "net_pnl", "duration_seconds")
"""The keys of `of_trade`."""


def of_balances(session: PaperTradingSession) -> list[Data]:
    """What is held of each currency."""
    keys = ("currency", "amount", "rate", "worth")
    return [dict(zip(keys, map(_plain, each), strict=True)) for each in balances_of(session)]


def with_all_keys(entity: Any) -> Data:
    """An entity with all its keys; what is stored leaves out what has its usual value."""
    kind = type(entity)
    found = schemas.defaults_of(kind) | fast.dump(entity)
    return {name: found[name] for name in schemas.fields_of(kind)}


_ENTRY_TYPES = {CashFlow: "cash_flow", Split: "split", SymbolChange: "symbol_change"}


def _plain_fields(record: Any) -> Data:
    return {field.name: _plain(getattr(record, field.name)) for field in fields(record)}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return schemas.instant_text(value)
    return list(value) if isinstance(value, tuple) else value
