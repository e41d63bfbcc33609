"""What the numeric views of any database must be: what its entities say, as numbers and exactly."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from paper_repo import PaperTradingSession, SessionRepository

Query = Callable[[str], list[dict[str, Any]]]
"""Runs SQL, and gives each row by the names of its columns."""

SESSION = (
    *("initial_cash", "cash", "equity", "net_pnl", "realized_pnl", "fees_paid"),
    *("opening_worth", "net_deposits", "income", "currency_pnl", "other_value"),
)
FILL = ("quantity", "price", "fee", "rate", "fee_rate")
POSITION = ("quantity", "cost_basis", "last_price", "realized_pnl", "multiplier")
ORDER = ("quantity", "filled_quantity", "limit_price", "stop_price", "trail_amount", "trail_percent")
ORDER_REST = ("id", "symbol", "side", "type", "status", "time_in_force", "reduce_only", "post_only", "position_id")
LEDGER = ("amount", "rate", "ratio", "per")


def require_equal(query: Query, repository: SessionRepository, session: PaperTradingSession) -> None:
    """Every view says of the session, which is alone in the database, what the repository's own entities say."""

    def rows(view: str, order: str = " ORDER BY sequence") -> list[dict[str, Any]]:
        return query(f"SELECT * FROM paper_trading_{view}_numeric{order}")

    stored = repository.get_by_id(session.id)
    assert stored is not None
    _compare(rows("sessions", ""), [stored], SESSION, ("id", "name", "version"), ("created_at", "started_at"))
    fills, closed = repository.get_fills(session.id), repository.get_orders(session.id, which="closed")
    times = ("executed_at", "corrected_at")
    _compare(rows("fills"), fills, FILL, ("id", "symbol", "side", "order_id", "fee_currency", "replaces"), times)
    _compare(rows("equity"), repository.get_equity_curve(session.id), ("cash", "equity"), (), ("at",))
    _compare(rows("orders"), closed, ORDER, ORDER_REST, ("created_at", "expires_at", "closed_at"))
    _compare(rows("ledger"), repository.get_ledger(session.id), LEDGER, ("id", "symbol", "currency"), ("at",))
    resting = _sorted(stored.open_orders.values())
    _compare(_by_id(rows("open_orders", "")), resting, ORDER, ORDER_REST, ("created_at", "expires_at"))
    held = _sorted(stored.positions.values())
    found = _by_id(rows("positions", ""))
    _compare(found, held, POSITION, ("id", "symbol", "settlement", "position_id"), ("opened_at",))
    for row, position in zip(found, held, strict=True):
        assert row["currency"] == (position.currency or stored.base_currency)
        for name in ("average_price", "market_value", "unrealized_pnl"):
            _require_figure(row[name], getattr(position, name), position.cost_basis)


def _sorted(entities: Iterable[Any]) -> list[Any]:
    return sorted(entities, key=lambda each: each.id)


def _by_id(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: row["id"])


def _compare(
    rows: list[dict[str, Any]],
    entities: list[Any],
    amounts: tuple[str, ...],
    texts: tuple[str, ...],
    times: tuple[str, ...],
) -> None:
    assert len(rows) == len(entities)
    for row, entity in zip(rows, entities, strict=True):
        for name in amounts:
            value = getattr(entity, name, None)
            exact = row[f"{name}_exact"]
            assert (None if exact is None else Decimal(exact)) == value, name
            assert (row[name] is None) == (value is None)
            assert row[name] is None or type(row[name]) is float
            assert value is None or is_near(row[name], value), (name, row[name], value)
        for name in texts:
            assert row[name] == getattr(entity, name, None), name
        for name in times:
            assert _time(row[name]) == getattr(entity, name, None), name


def is_near(number: float, amount: Decimal) -> bool:
    """Whether `number` is `amount` to fifteen digits; beyond what every database can tell, it is infinite or zero."""
    if abs(amount) > Decimal("1E300"):
        return abs(number) > 1e299 and (number > 0) == (amount > 0)
    return math.isclose(number, float(amount), rel_tol=1e-14, abs_tol=1e-299)


def _require_figure(number: float | None, expected: Decimal, cost: Decimal) -> None:
    """A computed one, which on SQLite is NULL where its floats run out of their range."""
    if number is None or not math.isfinite(number) or abs(expected) < Decimal("1E-290"):
        return
    assert math.isclose(number, float(expected), rel_tol=1e-12, abs_tol=abs(float(cost)) * 1e-12)


def _time(value: str | datetime | None) -> datetime | None:
    """On SQLite text that has no zone, as SQL writes it."""
    if isinstance(value, str):
        assert value[10] == " "
        assert len(value) == len("2026-01-05 14:30:00.000000")
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    return value
