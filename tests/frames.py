"""What the frames of any database must be: what its entities say, column by column."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Any

import pyarrow as pa
import pytest

from paper_repo import InvalidSessionError, PaperTradingSession, SessionRepository, frames

ORDER = (
    *("id", "symbol", "side", "type", "status", "quantity", "filled_quantity", "limit_price", "stop_price"),
    *("trail_amount", "trail_percent", "time_in_force", "created_at", "expires_at", "closed_at"),
    *("reduce_only", "post_only", "parent_id", "oco_group", "position_id"),
)


def require_equal(repository: SessionRepository, session: PaperTradingSession) -> None:
    """Every frame of the session holds what the repository's own entities do, as floats and exactly."""
    curve, fills = repository.get_equity_curve(session.id), repository.get_fills(session.id)
    _compare(frames.equity, repository, session.id, curve, ("at", "cash", "equity"))
    names = ("id", "symbol", "side", "quantity", "price", "fee", "executed_at", "order_id", "fee_currency")
    names += ("position_id", "corrected_at", "replaces")
    _compare(frames.fills, repository, session.id, fills, names)
    assert frames.fills(repository, session.id)["sequence"].to_pylist() == list(range(1, len(fills) + 1))
    for which in ("all", "open", "closed"):
        read, orders = partial(frames.orders, which=which), repository.get_orders(session.id, which=which)
        _compare(read, repository, session.id, orders, ORDER)
    flows = repository.get_cash_flows(session.id)
    names = ("id", "kind", "amount", "at", "currency", "symbol", "rate")
    _compare(frames.cash_flows, repository, session.id, flows, names)
    names = ("symbol", "side", "quantity", "entry_price", "exit_price", "entry_at", "exit_at", "pnl", "fees", "net_pnl")
    names += ("duration", "currency", "multiplier", "position_id")
    _compare(frames.trades, repository, session.id, repository.get_trades(session.id), names)


def require_equal_sessions(repository: SessionRepository) -> None:
    """The frame of all sessions holds what the list does, in its order, and the books of each."""
    listed = repository.get_summaries()
    names = (
        "id",
        "name",
        "strategy_name",
        "status",
        "base_currency",
        "initial_cash",
        "equity",
        "net_pnl",
        "open_positions",
    )
    names += ("fill_count", "version", "created_at", "started_at", "stopped_at", "updated_at")
    _compare(lambda repository, _, exact: frames.sessions(repository, exact=exact), repository, "", listed, names)
    assert frames.sessions(repository)["symbols"].to_pylist() == [list(each.symbols) for each in listed]
    sessions = repository.get_all()
    books = ("cash", "realized_pnl", "fees_paid", "error")
    _compare(lambda repository, _, exact: frames.sessions(repository, exact=exact), repository, "", sessions, books)


def _compare(
    read: Any, repository: SessionRepository, session_id: str, entities: Sequence[Any], names: Sequence[str]
) -> None:
    for exact in (False, True):
        expected = {name: [getattr(each, name) for each in entities] for name in names}
        columns = [values for values in expected.values() if any(isinstance(each, Decimal) for each in values)]
        if exact and any(_digits(values) > 76 for values in columns):
            with pytest.raises(InvalidSessionError, match="more than 76 digits, more than Arrow keeps"):
                read(repository, session_id, exact=exact)
            continue
        try:
            table = read(repository, session_id, exact=exact)
        except InvalidSessionError:
            if exact and read is not frames.trades and columns and max(map(_digits, columns)) <= 76 and not session_id:
                continue  # another column of the same table is too long
            raise
        for name, values in expected.items():
            found = table[name].to_pylist()
            assert found == (values if exact else [_as_float(each) for each in values])
        _require_types(table, exact)


def _as_float(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


def _digits(values: Sequence[Decimal | None]) -> int:
    """How many digits a column needs that holds all of these."""
    amounts = [each.as_tuple() for each in values if each is not None]
    places = max((max(-int(each.exponent), 0) for each in amounts), default=0)
    return places + max((max(len(each.digits) + int(each.exponent), 0) for each in amounts), default=0)


def _require_types(table: pa.Table, exact: bool) -> None:
    for field in table.schema:
        if pa.types.is_timestamp(field.type):
            assert field.type == pa.timestamp("us", "UTC")
        elif exact:
            assert not pa.types.is_floating(field.type)
        else:
            assert not pa.types.is_decimal(field.type)
