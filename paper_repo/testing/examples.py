"""Sessions that the contract saves, and the steps that its tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import anyio
from anyio.abc import TaskStatus

from paper_repo.domain import EquityPoint, Fill, Order, PaperTradingSession, Position, Strategy
from paper_repo.interface import IPaperTradingSessionRepository

START = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
LONG = 60
"""Seconds after which something that waits for ever is given up."""


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


def new_point(number: int, equity: str | int = 10000) -> EquityPoint:
    """The equity point of this number, one minute after the one before."""
    return EquityPoint(moment(number), "5000.5", equity)


def traded_session(**changes: Any) -> PaperTradingSession:
    """A running session that was never saved, with an open position, two fills and two equity points."""
    session = new_session(**changes)
    session.start(moment(0))
    for number in (1, 2):
        session.apply_fill(new_fill(number))
        session.mark({"AAPL": 100 + number}, moment(number))
    return session


def unusual_session(**changes: Any) -> PaperTradingSession:
    """A session in which every field has a value, and an unusual one; fills and equity points wait to be saved."""
    somewhere = timezone(timedelta(hours=9, minutes=30, microseconds=7))
    fields: dict[str, Any] = {
        "id": "id 'quoted' \N{SNOWMAN}/%_",
        "name": '\N{LATIN CAPITAL LETTER U WITH DIAERESIS}n\N{BULLET} "run"\n\t\\ \N{CHART WITH UPWARDS TREND}',
        "strategy": Strategy(
            "mean \N{GREEK SMALL LETTER MU}", "2.0-rc1+x", {"window": 20, "nested": {"list": [1, 2.5, None, True, []]}}
        ),
        "symbols": ("BRK.B", "AAPL", "7203.T", "BTC/USDT"),
        "base_currency": "JPY",
        "status": "FAILED",
        "initial_cash": "1234567890123456789012345678.901234567890",
        "cash": "-17.00",
        "positions": {
            "AAPL": Position("AAPL", "-0.1000", "-1E+3", "1E-8", datetime(2026, 1, 6, 0, 0, 0, 1, somewhere), "3.140"),
            "7203.T": Position("7203.T", "1E+2", "250000.123456789", "0", START, "-0.5"),
        },
        "open_orders": {
            "o/1": Order("o/1", "BRK.B", "SELL", "STOP_LIMIT", "10.50", "0.5", "401.10", "400", "DAY", moment(3)),
            "o/2": Order("o/2", "AAPL", "BUY", "MARKET", 1, 0, None, None, "FOK", moment(4)),
        },
        "realized_pnl": Decimal("-0.0333333333333333333333333333333333333333"),
        "fees_paid": "1E-30",
        "state": {"ema": 0.1 + 0.2, "big": 10**40, "text": "\N{EURO SIGN}", "": {"": [[{}]]}, "z": 1, "a": 2},
        "metadata": {"tags": ["paper", "\N{HEAVY BLACK HEART}"], "parent_id": None},
        "error": "margin call: \N{CROSS MARK}",
        "created_at": datetime(2026, 1, 5, 9, 0, 0, 123456, somewhere),
        "started_at": moment(1),
        "stopped_at": moment(2) + timedelta(microseconds=1),
        "updated_at": datetime(1, 1, 2, tzinfo=UTC),
    }
    session = PaperTradingSession(**(fields | changes))
    session.record_fill(new_fill(1, id="f \N{SNOWMAN}", quantity="1E-10", price="12345678.12345678901", order_id="o/1"))
    session.record_fill(new_fill(2, symbol="BTC/USDT", side="SELL", price="-37.63", fee="-0.25"))
    session.record_equity(EquityPoint(moment(1), "-0.01", "1E+3"))
    session.record_equity(EquityPoint(moment(1), "12345678901234567890.1234567890123456789", 0))
    return session


@asynccontextmanager
async def rolled_back(repository: IPaperTradingSessionRepository) -> AsyncIterator[None]:
    """An `atomic` block that fails at its end."""
    with suppress(_Failure):
        async with repository.atomic():
            yield
            raise _Failure


@asynccontextmanager
async def block_of_another_task(
    repository: IPaperTradingSessionRepository, session: PaperTradingSession, *, fails: bool = False
) -> AsyncIterator[None]:
    """Another task has an `atomic` block open, in which it has saved `session`, and ends it when this context ends."""
    release = anyio.Event()

    async def hold(*, task_status: TaskStatus[None]) -> None:
        async with rolled_back(repository) if fails else repository.atomic():
            await repository.save(session)
            task_status.started()
            await release.wait()

    async with anyio.create_task_group() as tasks:
        await tasks.start(hold)
        try:
            yield
        finally:
            release.set()


class _Failure(Exception):  # noqa: N818
    """What makes a block fail."""
