"""The documents of `--json`: plain data whose keys never vary; amounts are exact decimals as text."""

from __future__ import annotations

from dataclasses import fields, replace
from decimal import Decimal
from typing import TYPE_CHECKING

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
from paper_repo.domain.selection import SessionSummary
from paper_repo.serialization import schemas
from paper_repo.serialization.dicts import COMPUTED, to_dict
from paper_repo.serialization.fields import instant_text
from paper_repo.serialization.schemas import Data

if TYPE_CHECKING:  # a list needs none of them
    from paper_repo.cli.following import Followed
    from paper_repo.domain.comparison import Comparison, MatchedFill, UnmatchedFill
    from paper_repo.domain.performance import Performance
    from paper_repo.domain.trades import Trade


def of_summary(summary: SessionSummary) -> Data:
    """A session in a list."""
    return to_dict(summary, computed=True)


def of_session(session: PaperTradingSession, performance: Performance | None = None) -> Data:
    """A session as in an archive, its worth and its performance."""
    worth = {name: str(getattr(session, name)) for name in COMPUTED[PaperTradingSession]}
    document = {"session": schemas.dump(session), "worth": worth}
    return document if performance is None else {**document, "performance": to_dict(performance)}


def of_fill(sequence: int, fill: Fill) -> Data:
    """A fill, with its place in the history."""
    return {"sequence": sequence, **to_dict(fill)}


def of_point(point: EquityPoint) -> Data:
    """A point of an equity curve."""
    return to_dict(point)


def of_entry(entry: LedgerEntry) -> Data:
    """A ledger entry; `type` says whether it is a cash flow, a split or a change of a symbol."""
    return {"type": _ENTRY_TYPES[type(entry)], **to_dict(entry)}


def of_order(order: Order) -> Data:
    """An order that rests or is closed."""
    return to_dict(order, computed=True)


def of_position(position: Position) -> Data:
    """A position, with what follows from its last price."""
    return {"id": position.id, **to_dict(position, computed=True)}


def of_trade(number: int, trade: Trade) -> Data:
    """A closed trade, with its number among those of the session; `slices` is how many round trips it is made of."""
    document = to_dict(replace(trade, slices=()), computed=True) | {"slices": len(trade.slices)}
    duration = document.pop("duration")
    return {"number": number, **document, "duration_seconds": duration}


def trade_keys() -> tuple[str, ...]:
    """The keys of `of_trade`."""
    from paper_repo.domain.trades import Trade

    return ("number", *(field.name for field in fields(Trade)), "net_pnl", "duration_seconds")


def of_balances(session: PaperTradingSession) -> list[Data]:
    """What is held of each currency."""
    keys = ("currency", "amount", "rate", "worth")
    return [
        dict(zip(keys, (currency, *(None if each is None else str(each) for each in amounts)), strict=True))
        for currency, *amounts in balances_of(session)
    ]


def of_comparison(
    expected: PaperTradingSession, actual: PaperTradingSession, found: Comparison, limit: int | None = None
) -> Data:
    """Two sessions side by side."""
    first, price = found.first_divergence, found.first_difference_of_price
    kind = "missed" if found.missed and first is found.missed[0] else "extra"
    return {
        "expected": _compared(expected, found.expected_fills, found.expected_fees),
        "actual": _compared(actual, found.actual_fills, found.actual_fees),
        "agrees": found.agrees,
        "slippage": str(found.slippage),
        "first_divergence": None if first is None else _unmatched(first, kind),
        "first_difference_of_price": None if price is None else _matched(price),
        "matched": [_matched(each) for each in found.matched[:limit]],
        "missed": [_unmatched(each, "missed") for each in found.missed[:limit]],
        "extra": [_unmatched(each, "extra") for each in found.extra[:limit]],
    }


def _compared(session: PaperTradingSession, fills: int, fees: Decimal) -> Data:
    return {
        "session_id": session.id,
        "name": session.name,
        "base_currency": session.base_currency,
        "fills": fills,
        "fees": str(fees),
        "net_pnl": str(session.net_pnl),
    }


def _matched(pair: MatchedFill) -> Data:
    return {
        "symbol": pair.actual.symbol,
        "side": pair.actual.side.value,
        "quantity": str(pair.quantity),
        "expected_fill_id": pair.expected.id,
        "actual_fill_id": pair.actual.id,
        "expected_at": instant_text(pair.expected.executed_at),
        "actual_at": instant_text(pair.actual.executed_at),
        "delay_seconds": pair.delay.total_seconds(),
        "expected_price": str(pair.expected.price),
        "actual_price": str(pair.actual.price),
        "slippage": str(pair.slippage),
        "cost": str(pair.cost),
    }


def _unmatched(each: UnmatchedFill, kind: str) -> Data:
    fill = each.fill
    return {
        "kind": kind,
        "symbol": fill.symbol,
        "side": fill.side.value,
        "quantity": str(each.quantity),
        "fill_id": fill.id,
        "at": instant_text(fill.executed_at),
        "price": str(fill.price),
    }


def of_followed(event: str, session_id: str, row: Followed | None) -> Data:
    """What a watch tells of a session: that it is there, was saved, was deleted, or is not followed any more."""
    last = None if row is None else row.last_fill
    return {
        "event": event,
        "session_id": session_id,
        "pnl_since_opened": None if row is None else str(row.since_opened),
        "summary": None if row is None else of_summary(row.summary),
        "last_fill": None if row is None or last is None else of_fill(row.summary.fill_count, last),
    }


_ENTRY_TYPES = {CashFlow: "cash_flow", Split: "split", SymbolChange: "symbol_change"}
