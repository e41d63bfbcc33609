"""What was recorded is what the real ccxt makes of it; its clients are reconciled (tox -e engines)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ccxt")

import ccxt

from paper_repo import PaperTradingSession, SessionRepository, SQLiteSessionRepository, Strategy
from paper_repo.engines.ccxt import AsyncCcxtSource, CcxtSource, async_reconcile, fill, instrument, order, reconcile
from tests.engines.exchanges import NOON, RECORDED
from tests.engines.loopback import serving

BEGAN = datetime(2024, 5, 2, 11, tzinfo=UTC)
KINDS = [(name, kind) for name, each in RECORDED.items() for kind in each["raw"]]


def exchange(name: str, module: Any = ccxt) -> Any:
    """The real exchange, with the market that was recorded."""
    made = getattr(module, name)({"apiKey": "key", "secret": "secret", "enableRateLimit": False})
    made.set_markets([made.safe_market_structure(each) for each in RECORDED[name]["markets"]])
    return made


def parsed(made: Any, name: str, kind: str) -> list[dict[str, Any]]:
    """What ccxt makes of the exchange's own answers."""
    parse = {"trades": made.parse_trade, "orders": made.parse_order, "positions": made.parse_position}[kind]
    (market,) = made.markets.values()
    return [parse(each, market) for each in RECORDED[name]["raw"][kind]]


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_what_was_recorded_is_what_ccxt_gives(name: str, kind: str) -> None:
    """Every field of it that was recorded; so the tests of the normal run read what users get."""
    for recorded, real in zip(RECORDED[name][kind], parsed(exchange(name), name, kind), strict=True):
        assert {key: real.get(key) for key in recorded} == recorded


@pytest.mark.parametrize(("name", "kind"), [each for each in KINDS if each[1] != "positions"])
def test_numbers_as_texts_give_the_same(name: str, kind: str) -> None:
    """`exchange.number = str` is exact by itself."""
    exact = exchange(name)
    exact.number = str
    read = fill if kind == "trades" else order

    assert [read(each) for each in parsed(exact, name, kind)] == [read(each) for each in RECORDED[name][kind]]


def test_the_market_of_ccxt_is_an_instrument() -> None:
    """With the size of a contract."""
    assert instrument(exchange("okx").market("BTC/USDT:USDT")).multiplier == Decimal("0.01")
    assert instrument(exchange("binance").market("BTC/USDT")).asset == "BTC"


def binance(path: str, query: dict[str, str]) -> Any:
    """A spot account on Binance, by its REST paths."""
    raw = RECORDED["binance"]["raw"]
    if path.endswith("/myTrades"):
        return [each for each in raw["trades"] if each["time"] >= int(query["startTime"])][: int(query["limit"])]
    if path.endswith("/openOrders"):
        return [each for each in raw["orders"] if each["status"] in ("NEW", "PARTIALLY_FILLED")]
    if path.endswith("/order"):
        return next(each for each in raw["orders"] if str(each["orderId"]) == query["orderId"])
    if path.endswith("/account"):
        free = {"BTC": "0.27604322", "USDT": "99161.67898000", "BNB": "0.99288000"}
        return {"balances": [{"asset": name, "free": each, "locked": "0"} for name, each in free.items()]}
    raise KeyError(path)


def at_loopback(made: Any, address: str) -> Any:
    """The exchange with all addresses on this machine."""
    made.urls["api"] = dict.fromkeys(made.urls["api"], f"{address}/api/v3")
    made.milliseconds = lambda: NOON + 86_400_000
    return made


def new_session() -> PaperTradingSession:
    """An account that holds a coin to pay fees with, and an order that the exchange cancels."""
    session = PaperTradingSession(
        id="a",
        strategy=Strategy("spot"),
        base_currency="USDT",
        initial_cash=110_000,
        opening_balances={"BNB": 1},
        rates={"BNB": 600},
        created_at=BEGAN,
    )
    session.place_order(order({**RECORDED["binance"]["orders"][3], "status": "open"}))
    return session


def test_a_real_client_is_reconciled(tmp_path: Path) -> None:
    """Fees in the bought coin and in a third one, a rebate; cash and coins agree with the exchange to the digit."""
    session = new_session()
    with serving(binance) as address, SessionRepository(tmp_path / "s.db") as repository:
        source = CcxtSource(at_loopback(exchange("binance"), address), ["BTC/USDT"])
        report = reconcile(repository, session, source)
        again = reconcile(repository, session, source)

    assert (len(report.fills), len(again.fills), again.stored) == (3, 0, 3)
    assert [each.id for each in report.closed_orders] == ["506"]
    assert session.positions["BTC/USDT"].quantity == Decimal("0.27604322")
    assert session.balances == {"BNB": Decimal("0.99288")}
    cash = Decimal(110_000) - Decimal("20000.05") + Decimal("5061.72798") + Decimal("4100.001") + Decimal("0.4100001")
    assert session.cash == cash
    orders = {each.name for each in report.differences if each.kind == "order"}
    assert orders == {"503", "505"}


def test_a_real_client_to_await_is_reconciled(tmp_path: Path) -> None:
    """The same with ccxt.async_support."""
    asynchronous = pytest.importorskip("ccxt.async_support")

    async def work(address: str) -> tuple[int, int]:
        made = at_loopback(exchange("binance", asynchronous), address)
        try:
            async with SQLiteSessionRepository(tmp_path / "s.db") as repository:
                session, source = new_session(), AsyncCcxtSource(made, ["BTC/USDT"])
                first = await async_reconcile(repository, session, source)
                again = await async_reconcile(repository, session, source)
                return len(first.fills), again.stored
        finally:
            await made.close()

    with serving(binance) as address:
        assert asyncio.run(work(address)) == (3, 3)
