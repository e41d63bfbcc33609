"""The documents of `--json`: plain data whose keys never vary; amounts are exact decimals as text."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from paper_repo.domain import EquityPoint, Fill, PaperTradingSession
from paper_repo.domain.performance import Performance
from paper_repo.domain.selection import SessionSummary
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
    return {"sequence": sequence, **fast.dump(fill)}


def of_point(point: EquityPoint) -> Data:
    """A point of an equity curve."""
    return fast.dump(point)


def _plain_fields(record: Any) -> Data:
    return {field.name: _plain(getattr(record, field.name)) for field in fields(record)}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return schemas.instant_text(value)
    return list(value) if isinstance(value, tuple) else value
