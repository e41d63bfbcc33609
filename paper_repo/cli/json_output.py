"""The documents of `--json`: plain data whose keys never vary; amounts are exact decimals as text."""

from __future__ import annotations

from dataclasses import fields, replace
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
    from paper_repo.domain.comparison import Compared, MatchedFill, Tally, UnmatchedFill
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


def of_comparison(expected: PaperTradingSession, actual: PaperTradingSession, found: Tally) -> Data:
    """Two sessions side by side, without the lists of their fills."""
    price = found.first_difference_of_price
    return {
        "expected": _compared(expected, found.expected),
        "actual": _compared(actual, found.actual),
        "agrees": found.agrees,
        "slippage": str(found.slippage),
        "first_divergence": _first_divergence(found),
        "first_difference_of_price": None if price is None else of_matched(price),
    }


def _first_divergence(found: Tally) -> Data | None:
    first = found.first_divergence
    if first is None:
        return None
    return of_unmatched(first, "missed" if first is found.first_missed else "extra")


def _compared(session: PaperTradingSession, compared: Compared) -> Data:
    return {
        "session_id": session.id,
        "name": session.name,
        "base_currency": session.base_currency,
        "fills": compared.fills,
        "fees": str(compared.fees),
        "net_pnl": str(session.net_pnl),
    }


def of_matched(pair: MatchedFill) -> Data:
    """A quantity that both sessions have traded."""
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


def of_unmatched(each: UnmatchedFill, kind: str) -> Data:
    """A quantity that only one of them has traded: it was `missed`, or is `extra`."""
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
