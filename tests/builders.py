"""Sessions for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from paper_repo import EquityPoint, Fill, Order, PaperTradingSession, Position, Strategy

START = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)


def moment(number: int) -> datetime:
    """The time `number` minutes after `START`."""
    return START + timedelta(minutes=number)


def new_session(**changes: Any) -> PaperTradingSession:
    """A plain session that was never saved, with these fields changed."""
    fields: dict[str, Any] = {
        "name": "crossover",
        "strategy": Strategy("sma", "1", {"fast": 10, "slow": 30}),
        "symbols": ("AAPL", "MSFT"),
        "initial_cash": "10000",
        "created_at": START,
    }
    return PaperTradingSession(**(fields | changes))


def new_fill(number: int, **changes: Any) -> Fill:
    """The fill of this number, bought one minute after the one before, with these fields changed."""
    fields: dict[str, Any] = {
        "id": f"fill-{number}",
        "symbol": "AAPL",
        "side": "BUY",
        "quantity": 1,
        "price": "100.25",
        "fee": "0.5",
        "executed_at": moment(number),
    }
    return Fill(**(fields | changes))


def full_session(**changes: Any) -> PaperTradingSession:
    """A session in which every field has a value, and an unusual one; fills and equity points wait to be saved."""
    tokyo = timezone(timedelta(hours=9, minutes=30, microseconds=7))
    fields: dict[str, Any] = {
        "id": "abc-123 'quoted' \N{SNOWMAN}",
        "name": 'Ünïcode \N{BULLET} "run"\n\t\\ \x00 \N{CHART WITH UPWARDS TREND}',
        "strategy": Strategy(
            "mean \N{GREEK SMALL LETTER MU}", "2.0-rc1+x", {"window": 20, "nested": {"list": [1, 2.5, None, True, []]}}
        ),
        "symbols": ("BRK.B", "AAPL", "7203.T", "BTC/USDT"),
        "base_currency": "JPY",
        "status": "FAILED",
        "initial_cash": "1234567890123456789012345678.901234567890",
        "cash": "-0.00",
        "positions": {
            "AAPL": Position("AAPL", "-0.1000", "-1E+3", "1E-8", datetime(2026, 1, 6, 0, 0, 0, 1, tokyo), "3.140"),
            "7203.T": Position("7203.T", "1E+2", "250000.123456789", "0", START, "-0.5"),
        },
        "open_orders": {
            "o/1": Order("o/1", "BRK.B", "SELL", "STOP_LIMIT", "10.50", "0.5", "401.10", "400", "DAY", moment(3)),
            "o/2": Order("o/2", "AAPL", "BUY", "MARKET", 1, 0, None, None, "FOK", moment(4)),
        },
        "realized_pnl": Decimal("-0.1") / 3,
        "fees_paid": "1E-30",
        "state": {"ema": 0.1 + 0.2, "big": 10**40, "text": "\N{EURO SIGN}\x00\ud7ff", "": {"": [[{}]]}, "z": 1, "a": 2},
        "metadata": {"tags": ["paper", "\N{HEAVY BLACK HEART}"], "parent_id": None},
        "error": "margin call: \N{CROSS MARK}",
        "created_at": datetime(2026, 1, 5, 9, 0, 0, 123456, tokyo),
        "started_at": moment(1),
        "stopped_at": moment(2) + timedelta(microseconds=1),
        "updated_at": datetime(1, 1, 2, tzinfo=UTC),
    }
    session = PaperTradingSession(**(fields | changes))
    session.record_fill(new_fill(1, id="f \N{SNOWMAN}", quantity="1E-10", price="12345678.12345678901", order_id="o/1"))
    session.record_fill(new_fill(2, symbol="BTC/USDT", side="SELL", price="-37.63", fee="-0.25"))
    session.record_equity(EquityPoint(moment(1), "-0.00", "1E+3"))
    session.record_equity(EquityPoint(moment(1), "12345678901234567890.1234567890123456789", 0))
    return session
