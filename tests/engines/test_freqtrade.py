"""Runs of the real freqtrade, offline, recorded and compared with its own numbers (tox -e engines)."""

from __future__ import annotations

import gc
import random
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("freqtrade")

from freqtrade.enums import TradingMode
from freqtrade.exceptions import StrategyError
from freqtrade.persistence import LocalTrade, Order

from paper_repo import Instrument, PaperTradingSession, SessionRepository, Strategy
from paper_repo.engines.freqtrade import fill, funding, order
from tests.engines import freqtrade_runs

# freqtrade and its libraries use what pandas, SQLAlchemy and others deprecate.
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning"
)

CENT = Decimal("0.01")
SEEDS = range(5)
CHECKOUT = Path(freqtrade_runs.__file__).parents[2]


def backtest(folder: Path, seed: int, **options: Any) -> dict[str, Any]:
    """What freqtrade states of a backtest, whose strategy is gone."""
    folder.mkdir(exist_ok=True)
    stated = freqtrade_runs.run(folder, seed, **options)
    gc.collect()
    return stated


def stored(folder: Path) -> dict[str, Any]:
    """All that is stored of the session."""
    with SessionRepository(folder / "s.db") as repository:
        assert repository.check().problems == []
        session = repository.get_by_id("a")
        assert session is not None
        return {
            "session": session,
            "fills": repository.get_fills("a"),
            "curve": repository.get_equity_curve("a"),
            "orders": repository.get_orders("a", which="closed"),
            "trades": repository.get_trades("a"),
        }


@pytest.mark.parametrize("seed", SEEDS)
def test_a_recorded_backtest_agrees_with_freqtrade_to_the_cent(tmp_path: Path, seed: int) -> None:
    """The balance at the end, and the profit of every trade with its fees, of several entries and exits each."""
    stated = backtest(tmp_path, seed)
    found = stored(tmp_path)
    session = found["session"]

    assert len(stated["trades"]) > 30
    assert len(found["fills"]) == sum(len(each["orders"]) for each in stated["trades"])
    assert abs(session.cash - Decimal(str(stated["final_balance"]))) < CENT
    assert (session.status, dict(session.positions), dict(session.open_orders)) == ("STOPPED", {}, {})
    assert len(found["curve"]) > 360
    ours = {each.position_id: each for each in found["trades"]}
    for number, trade in enumerate(sorted(stated["trades"], key=lambda each: each["open_timestamp"]), 1):
        same = [each for each in ours.values() if abs(each.net_pnl - Decimal(str(trade["profit_abs"]))) < CENT]
        assert same, (number, trade["pair"], trade["profit_abs"])
    assert len(ours) == len(stated["trades"])


def test_fills_keep_what_freqtrade_knows_of_them(tmp_path: Path) -> None:
    """Trade, tag, reason and stop in the metadata."""
    backtest(tmp_path, 1)
    fills = stored(tmp_path)["fills"]

    assert {"trade_id", "enter_tag", "stop_loss"} <= fills[0].metadata.keys()
    assert {each.metadata.get("exit_reason") for each in fills} >= {"exit_signal"}
    assert fills[0].metadata["enter_tag"] == "dice"


@pytest.mark.parametrize("seed", SEEDS)
def test_a_killed_backtest_goes_on_and_equals_an_uninterrupted_one(tmp_path: Path, seed: int) -> None:
    """Killed at a random candle, begun from the beginning: nothing is booked twice."""
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    killed.mkdir()
    at = random.Random(seed).randint(20, 340)
    program = [sys.executable, "-m", "tests.engines.freqtrade_runs", str(killed), str(seed), str(at)]
    done = subprocess.run(program, cwd=CHECKOUT, check=False, timeout=180, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    before = stored(killed)
    assert before["session"].status == "RUNNING"
    backtest(killed, seed, resume=True)
    backtest(whole, seed)

    one, other = stored(killed), stored(whole)
    assert 0 < len(before["fills"]) < len(one["fills"])
    assert one["fills"] == other["fills"]
    assert one["curve"] == other["curve"]
    assert {(each.id, each.status, each.filled_quantity) for each in one["orders"]} == {
        (each.id, each.status, each.filled_quantity) for each in other["orders"]
    }
    names = ("cash", "positions", "realized_pnl", "fees_paid", "fill_count", "equity", "status")
    assert [getattr(one["session"], name) for name in names] == [getattr(other["session"], name) for name in names]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_dry_run_that_is_killed_goes_on_and_agrees_with_freqtrades_own_database(tmp_path: Path, seed: int) -> None:
    """Cash, the profit of every closed trade and what is open: as freqtrade has them after both runs."""
    first = random.Random(seed).randint(2, 50)
    program = [sys.executable, "-m", "tests.engines.freqtrade_runs", str(tmp_path), str(seed), str(first), "40", "90"]
    done = subprocess.run(program, cwd=CHECKOUT, check=False, timeout=180, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    before = stored(tmp_path)
    assert (before["session"].status, len(before["curve"])) == ("RUNNING", first)
    freqtrade_runs.dry_run(tmp_path, seed, 40 + first, 90 - first)

    found = stored(tmp_path)
    session = found["session"]
    with closing(sqlite3.connect(tmp_path / "trades.sqlite")) as database:
        orders = database.execute(
            "SELECT order_id, ft_order_side, filled, coalesce(average, price)"
            " FROM orders WHERE NOT ft_is_open AND filled"
        ).fetchall()
        closed = database.execute("SELECT pair, id, close_profit_abs FROM trades WHERE NOT is_open").fetchall()
        amounts = dict(database.execute("SELECT pair || ' ' || id, amount FROM trades WHERE is_open").fetchall())
    cash = Decimal(10_000)
    for _, side, filled, price in orders:
        cost = Decimal(str(filled)) * Decimal(str(price))
        cash += (-cost if side == "buy" else cost) - cost * Decimal("0.001")
    assert len(orders) > 15
    assert {each.id for each in found["fills"]} == {each[0] for each in orders}
    assert abs(session.cash - cash) < CENT
    assert {each.id: float(each.quantity) for each in session.positions.values()} == amounts
    profits = {each.position_id: each.net_pnl for each in found["trades"]}
    assert profits.keys() == {f"{pair} {number}" for pair, number, _ in closed}
    for pair, number, profit in closed:
        assert abs(profits[f"{pair} {number}"] - Decimal(str(profit))) < CENT
    assert (session.status, len(found["curve"])) == ("STOPPED", 90)


def make_trade(*orders: Order, **more: Any) -> LocalTrade:
    """A trade of freqtrade's with these orders."""
    fields: dict[str, Any] = {"is_short": False, "leverage": 1.0, "enter_tag": None, "exit_reason": None, **more}
    trade = LocalTrade(
        id=7, pair="ETH/USDT:USDT", fee_open=0.001, fee_close=0.002, stake_amount=1000.0, amount=1.5, open_rate=2000.0,
        exchange="binance", open_date=OPENED, trading_mode=TradingMode.FUTURES, **fields,
    )  # fmt: skip
    trade.orders = list(orders)
    return trade


def make_order(number: str, side: str, **more: Any) -> Order:
    """An order of freqtrade's that was filled."""
    fields: dict[str, Any] = {
        "ft_order_side": side, "side": "sell" if side == "stoploss" else side,
        "ft_pair": "ETH/USDT:USDT", "ft_is_open": False, "ft_amount": 1.5,
        "ft_price": 2000.0, "order_id": number, "status": "closed", "order_type": "limit", "price": 2000.0,
        "average": 2000.5, "amount": 1.5, "filled": 1.5, "remaining": 0.0, "order_date": OPENED,
        "order_filled_date": OPENED, **more,
    }  # fmt: skip
    return Order(**fields)


OPENED = datetime(2024, 5, 2, 12)  # noqa: DTZ001 - as freqtrade keeps its times


def test_a_short_futures_trade_with_leverage_and_funding() -> None:
    """It is settled by margin, funding is a payment, and the profit is what freqtrade works out."""
    entry = make_order("1", "sell", funding_fee=-0.25)
    leave = make_order("2", "buy", average=1900.0, funding_fee=0.75)
    trade = make_trade(entry, leave, is_short=True, leverage=3.0)
    trade.recalc_trade_from_orders(is_closing=True)
    session = PaperTradingSession(
        strategy=Strategy("short"), base_currency="USDT", initial_cash=10_000,
        instruments={trade.pair: Instrument(trade.pair, settlement="MARGIN")},
    )  # fmt: skip
    for each in trade.orders:
        booked, paid = fill(trade, each), funding(trade, each)
        assert booked is not None
        assert paid is not None
        session.apply_fill(booked)
        session.apply_cash_flow(paid)

    assert session.new_fills[0].metadata["leverage"] == "3.0"
    assert session.new_fills[0].side == "SELL"
    assert session.positions == {}
    assert session.income == Decimal("0.5")
    assert abs(session.net_pnl - Decimal(str(trade.close_profit_abs))) < CENT


def test_a_fee_in_the_coin_is_paid_out_of_the_position() -> None:
    """What freqtrade then holds is what the session holds."""
    entry = make_order("1", "buy", ft_fee_base=0.0015)
    trade = make_trade(entry)
    trade.pair = "ETH/USDT"
    session = PaperTradingSession(strategy=Strategy("spot"), base_currency="USDT", initial_cash=10_000)
    booked = fill(trade, entry)
    assert booked is not None
    session.apply_fill(booked)

    assert (booked.fee, booked.fee_currency) == (Decimal("0.0015"), "ETH")
    assert session.positions["ETH/USDT 7"].quantity == Decimal(str(entry.safe_amount_after_fee))


def test_orders_that_were_not_filled() -> None:
    """Open, cancelled with a part of it filled, and a stop on the exchange."""
    resting = order(make_trade(), make_order("1", "buy", ft_is_open=True, status="open", filled=0.0))
    part = make_order("2", "buy", status="canceled", filled=0.5, ft_cancel_reason="timeout")
    cancelled = order(make_trade(), part)
    stop = order(
        make_trade(),
        make_order("3", "stoploss", ft_is_open=True, order_type="market", price=None, stop_price=1800.0),
    )

    assert (resting.status, resting.type, resting.limit_price) == ("OPEN", "LIMIT", 2000)
    assert (cancelled.status, cancelled.filled_quantity) == ("CANCELLED", Decimal("0.5"))
    assert cancelled.metadata["reason"] == "timeout"
    assert (stop.side, stop.type, stop.stop_price) == ("SELL", "STOP", 1800)
    assert fill(make_trade(), make_order("4", "buy", ft_is_open=True)) is None


def test_a_stored_session_is_refused_before_the_bot_starts(tmp_path: Path) -> None:
    """freqtrade hides errors of later callbacks in its log; this one ends the start."""
    backtest(tmp_path, 1)
    before = stored(tmp_path)
    with pytest.raises(StrategyError, match="is stored in"):
        backtest(tmp_path, 1)
    assert stored(tmp_path)["session"].version == before["session"].version
