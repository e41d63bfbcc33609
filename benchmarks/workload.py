"""The sessions that every contender saves, and what happens to them between two saves.

SQLite skips a write that changes nothing, and a cache could skip an object it has seen, so every step builds new
objects with new values. The values depend on the step alone: every contender writes the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

START = datetime(2026, 1, 5, 14, 30, 0, 123456, UTC)


@dataclass(frozen=True)
class Workload:
    """How large a session is, and what changes between two saves of it.

    Args:
        positions: how many it holds.
        changed: how many of them change at a step; None: all, together with the cash, the orders and the state.
        history: whether each step adds one fill and one equity point.
    """

    positions: int = 20
    changed: int | None = None
    history: bool = False

    def session(self, types: Any, session_id: str) -> Any:
        """A new session made of the entity classes in `types`."""
        symbols = tuple(f"SYM{number:03}" for number in range(self.positions))
        return types.PaperTradingSession(
            id=session_id,
            name="Momentum on large caps",
            strategy=types.Strategy("momentum", "1.4.2", {"fast": 12, "slow": 26, "threshold": 0.015, "side": "long"}),
            symbols=symbols,
            base_currency="USD",
            status="RUNNING",
            initial_cash=Decimal("1000000.00"),
            cash=Decimal("1000000.00"),
            positions={symbol: _position(types, number, 0) for number, symbol in enumerate(symbols)},
            open_orders={},
            realized_pnl=Decimal("0.00"),
            fees_paid=Decimal("0.00"),
            state={},
            metadata={"owner": "research", "tags": ["momentum", "daily"]},
            error=None,
            created_at=START,
            started_at=START,
            stopped_at=None,
            updated_at=None,
            version=0,
            fill_count=0,
        )

    def step(self, types: Any, session: Any, step: int) -> None:
        """Let the market move once; the contender's own work begins after this."""
        for number in range(self.positions if self.changed is None else min(self.changed, self.positions)):
            position = _position(types, number, step)
            session.positions[position.symbol] = position
        if self.changed is None:
            session.cash = _cents(100_000_000 - 37 * step)
            session.realized_pnl = _cents(11 * step)
            session.fees_paid = _cents(step)
            session.open_orders = {order.id: order for order in (_order(types, number, step) for number in range(2))}
            session.state = {
                "bar": step,
                "fast": 187.25 + step / 64,
                "slow": 186.5 + step / 128,
                "signals": {"SYM000": "hold", "SYM001": "buy"},
            }
        if self.history:
            session.record_fill(_fill(types, session.id, session.fill_count + 1, step))
            session.record_equity(types.EquityPoint(_at(step), session.cash, _cents(100_000_000 + 53 * step)))


def _position(types: Any, number: int, step: int) -> Any:
    quantity = 100 + (number + step) % 97
    return types.Position(
        symbol=f"SYM{number:03}",
        quantity=Decimal(quantity),
        cost_basis=_cents(quantity * (15_000 + number)),
        last_price=_cents(15_000 + 13 * number + step),
        opened_at=START + timedelta(seconds=number),
        realized_pnl=_cents(7 * step),
    )


def _order(types: Any, number: int, step: int) -> Any:
    return types.Order(
        id=f"order-{number}",
        symbol=f"SYM{number:03}",
        side="BUY",
        type="LIMIT",
        quantity=Decimal(100),
        filled_quantity=Decimal(0),
        limit_price=_cents(14_000 + step),
        stop_price=None,
        time_in_force="GTC",
        created_at=_at(step),
    )


def _fill(types: Any, session_id: str, number: int, step: int) -> Any:
    return types.Fill(
        id=f"{session_id}-fill-{number}",
        symbol="SYM000",
        side="BUY",
        quantity=Decimal(1),
        price=_cents(15_000 + step),
        fee=_cents(1),
        executed_at=_at(step),
        order_id="order-0",
    )


def _at(step: int) -> datetime:
    return START + timedelta(seconds=step)


def _cents(number: int) -> Decimal:
    return Decimal(number).scaleb(-2)
