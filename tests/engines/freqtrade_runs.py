"""Backtests and dry runs of the real freqtrade, offline: its exchange knows the project's prices and nothing else.

python -m tests.engines.freqtrade_runs FOLDER SEED KILL_AT
"""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

import ccxt
import ccxt.async_support
import pandas as pd
import time_machine
from freqtrade.configuration import Configuration
from freqtrade.data.history import get_datahandler
from freqtrade.enums import CandleType, RunMode
from freqtrade.freqtradebot import FreqtradeBot
from freqtrade.optimize.backtesting import Backtesting
from freqtrade.strategy import IStrategy

import paper_repo.demo
from paper_repo.engines.freqtrade import SessionRecorder

PAIRS = ["AAPL/USDT", "IBM/USDT", "MSFT/USDT"]


def markets() -> list[dict[str, Any]]:
    """The markets of an exchange, as ccxt gives them."""
    return [
        {
            "id": pair.replace("/", ""), "symbol": pair, "base": pair.split("/")[0], "quote": "USDT",
            "baseId": pair.split("/")[0], "quoteId": "USDT", "settle": None, "settleId": None,
            "type": "spot", "spot": True, "margin": False, "swap": False, "future": False, "option": False,
            "active": True, "contract": False, "linear": None, "inverse": None, "contractSize": None,
            "taker": 0.001, "maker": 0.001, "percentage": True, "tierBased": False,
            "precision": {"amount": 1e-6, "price": 0.01, "base": 1e-8, "quote": 1e-8},
            "limits": {"amount": {"min": 1e-6, "max": 1e9}, "price": {"min": 0.01, "max": 1e9},
                       "cost": {"min": 1, "max": 1e12}, "market": {"min": None, "max": None}, "leverage": {}},
            "info": {},
        }
        for pair in PAIRS
    ]  # fmt: skip


@contextmanager
def offline() -> Iterator[None]:
    """ccxt's Binance with these markets and no network."""

    async def fetch(self: Any, params: Any = None) -> list[dict[str, Any]]:
        return markets()

    async def no_currencies(self: Any, params: Any = None) -> dict[str, Any]:
        return {}

    with ExitStack() as patches:
        for kind, name, function in (
            (ccxt.async_support.binance, "fetch_markets", fetch),
            (ccxt.async_support.binance, "fetch_currencies", no_currencies),
            (ccxt.binance, "fetch_markets", lambda self, params=None: markets()),
            (ccxt.binance, "fetch_currencies", lambda self, params=None: {}),
        ):
            patches.enter_context(patch.object(kind, name, function))
        yield


def candles(pair: str) -> pd.DataFrame:
    """A year of daily candles of one of the shares."""
    names = ("open", "high", "low", "close", "volume")
    with Path(paper_repo.demo.__file__).with_name("prices.csv").open() as file:
        rows = [
            [row["date"], *(float(row[name]) for name in names)]
            for row in csv.DictReader(file)
            if row["symbol"] == pair.split("/")[0]
        ]
    table = pd.DataFrame(rows, columns=["date", "open", "high", "low", "close", "volume"])
    table["date"] = pd.to_datetime(table["date"], utc=True)
    days = pd.date_range(table["date"].min(), table["date"].max(), freq="D")
    return table.set_index("date").reindex(days).ffill().rename_axis("date").reset_index()


class Random(SessionRecorder, IStrategy):  # type: ignore[misc]
    """Enters and leaves at random, adds to a position and takes a part of it."""

    INTERFACE_VERSION = 3
    timeframe = "1d"
    minimal_roi: dict[str, float] = {"0": 0.2}
    stoploss = -0.1
    process_only_new_candles = False
    position_adjustment_enable = True
    seed = 0
    kill_at = -1

    def bot_start(self, **kwargs: Any) -> None:
        """Begin; the recorder looks first."""
        self.random = random.Random(self.seed)
        self.loops = 0

    def bot_loop_start(self, current_time: datetime, **kwargs: Any) -> None:
        """Die, if it was told to."""
        self.loops += 1
        if self.loops == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def populate_indicators(self, dataframe: pd.DataFrame, metadata: dict[str, Any]) -> pd.DataFrame:
        """None."""
        return dataframe

    def populate_entry_trend(self, dataframe: pd.DataFrame, metadata: dict[str, Any]) -> pd.DataFrame:
        """One day in eight."""
        draw = random.Random(f"{self.seed} {metadata['pair']}")
        dataframe["enter_long"] = [int(draw.random() < 0.125) for _ in range(len(dataframe))]
        dataframe["enter_tag"] = "dice"
        return dataframe

    def populate_exit_trend(self, dataframe: pd.DataFrame, metadata: dict[str, Any]) -> pd.DataFrame:
        """One day in ten."""
        draw = random.Random(f"exit {self.seed} {metadata['pair']}")
        dataframe["exit_long"] = [int(draw.random() < 0.1) for _ in range(len(dataframe))]
        return dataframe

    def adjust_trade_position(self, trade: Any, current_time: datetime, **kwargs: Any) -> float | None:
        """More of it, or less of it, now and then."""
        what = self.random.random()
        if what < 0.05:
            return 500.0
        return -trade.stake_amount / 3 if what < 0.1 else None


STRATEGY = """
from tests.engines.freqtrade_runs import Random

class Dice(Random):
    seed = {seed}
    kill_at = {kill_at}
    paper_repo = {options}
"""


def settings(folder: Path, **more: Any) -> dict[str, Any]:
    """The configuration of a bot with a thousand of each share at most."""
    return {
        "stake_currency": "USDT", "stake_amount": 1000, "dry_run": True, "dry_run_wallet": 10_000, "max_open_trades": 3,
        "exchange": {"name": "binance", "key": "", "secret": "", "pair_whitelist": PAIRS, "pair_blacklist": []},
        "pairlists": [{"method": "StaticPairList"}],
        "entry_pricing": {"price_side": "same", "use_order_book": False},
        "exit_pricing": {"price_side": "same", "use_order_book": False},
        "unfilledtimeout": {"entry": 10, "exit": 10, "unit": "minutes"},
        "user_data_dir": str(folder), "strategy": "Dice", "timeframe": "1d", "cancel_open_orders_on_exit": False,
        **more,
    }  # fmt: skip


def prepare(folder: Path, seed: int, kill_at: int, resume: bool, **more: Any) -> Path:
    """The configuration's file, the strategy and the candles in a folder."""
    options = {"path": str(folder / "s.db"), "session_id": "a", "durability": "normal", "resume": resume}
    strategies = folder / "strategies"
    strategies.mkdir(exist_ok=True)
    text = STRATEGY.format(seed=seed, kill_at=kill_at, options=options)
    (strategies / "dice.py").write_text(text, encoding="utf-8")
    data = folder / "data" / "binance"
    data.mkdir(parents=True, exist_ok=True)
    handler = get_datahandler(data, "feather")
    for pair in PAIRS:
        handler.ohlcv_store(pair, "1d", candles(pair), CandleType.SPOT)
    file = folder / "config.json"
    file.write_text(json.dumps(settings(folder, **more)), encoding="utf-8")
    return file


def run(folder: Path, seed: int, *, kill_at: int = -1, resume: bool = False) -> dict[str, Any]:
    """What freqtrade states of a backtest that was recorded in `s.db` of this folder."""
    file = prepare(folder, seed, kill_at, resume)
    arguments = {"config": [str(file)], "user_data_dir": str(folder), "export": "none", "backtest_cache": "none"}
    config = Configuration(arguments, RunMode.BACKTEST).get_config()
    with offline():
        backtesting = Backtesting(config)
        try:
            backtesting.start()
        finally:
            backtesting.exchange.close()
            Backtesting.cleanup()
    stated: dict[str, Any] = backtesting.results["strategy"]["Dice"]
    return stated


class Market:
    """Prices of the shares as if today were one of the days of that year, for what a dry run asks of an exchange."""

    day = 30

    def __init__(self) -> None:
        self.tables = {pair: candles(pair) for pair in PAIRS}

    def price(self, pair: str) -> float:
        """The last price."""
        return float(self.tables[pair]["close"].iloc[self.day])

    def ohlcv(self, pair: str) -> list[list[float]]:
        """The candles until today, which is not complete."""
        rows = self.tables[pair].iloc[: self.day + 1]
        return [[int(date.timestamp() * 1000), *row] for date, *row in rows.itertuples(index=False, name=None)]

    @property
    def now(self) -> datetime:
        """Five minutes after this day has begun."""
        begun: datetime = self.tables[PAIRS[0]]["date"].iloc[self.day].to_pydatetime()
        return begun + timedelta(minutes=5)

    def ticker(self, pair: str) -> dict[str, Any]:
        """As ccxt gives it."""
        price = self.price(pair)
        return {"symbol": pair, "bid": price, "ask": price, "last": price, "quoteVolume": 1e9, "percentage": 0.0}

    def book(self, pair: str) -> dict[str, Any]:
        """Much at the last price."""
        price = self.price(pair)
        return {"symbol": pair, "bids": [[price, 1e6]], "asks": [[price, 1e6]], "timestamp": None, "nonce": None}


class Venue(Market):
    """An exchange with an account: it fills every order at the last price, and takes the fee out of what it gives."""

    def __init__(self) -> None:
        super().__init__()
        self.coins = {"USDT": Decimal(10_000)}
        self.orders: dict[str, dict[str, Any]] = {}
        self.trades: list[dict[str, Any]] = []

    def balance(self) -> dict[str, Any]:
        """As ccxt gives it."""
        held = {coin: {"free": float(each), "used": 0.0, "total": float(each)} for coin, each in self.coins.items()}
        return {"info": {}, "free": {}, "used": {}, "total": {}, **held}

    def order(self, symbol: str, kind: str, side: str, amount: float) -> dict[str, Any]:
        """An order that is filled at once, in two parts."""
        coin, is_buy, price = symbol.split("/")[0], side == "buy", Decimal(str(self.price(symbol)))
        number, at, filled = str(len(self.orders) + 1), int(self.now.timestamp() * 1000), Decimal(str(amount))
        for part in (filled / 4, filled * 3 / 4):
            cost = part * price
            fee = (part if is_buy else cost) * Decimal("0.001")
            self.coins[coin] = self.coins.get(coin, Decimal(0)) + (part - fee if is_buy else -part)
            self.coins["USDT"] += -cost if is_buy else cost - fee
            paid = {"currency": coin if is_buy else "USDT", "cost": float(fee), "rate": 0.001}
            trade = {"id": f"{number}-{len(self.trades)}", "order": number, "symbol": symbol, "side": side,
                     "amount": float(part), "price": float(price), "cost": float(cost), "fee": paid, "timestamp": at,
                     "datetime": self.now.isoformat(), "type": kind, "takerOrMaker": "taker", "info": {}}  # fmt: skip
            self.trades.append(trade)
        self.orders[number] = {
            "id": number, "symbol": symbol, "type": kind, "side": side, "amount": amount, "filled": amount,
            "remaining": 0.0, "price": float(price), "average": float(price), "cost": float(filled * price),
            "status": "closed", "timestamp": at, "datetime": self.now.isoformat(), "fee": None, "fees": [],
            "trades": None, "lastTradeTimestamp": at, "info": {},
        }  # fmt: skip
        return self.orders[number]


@contextmanager
def with_account(venue: Venue) -> Iterator[None]:
    """What a live bot asks of its account comes from `venue`."""
    functions = {
        "fetch_balance": lambda self, params=None: venue.balance(),
        "create_order": lambda self, symbol, kind, side, amount, price=None, params=None: venue.order(
            symbol, kind, side, amount
        ),
        "fetch_order": lambda self, number, symbol=None, params=None: venue.orders[number],
        "fetch_orders": lambda self, symbol=None, since=None, limit=None, params=None: list(venue.orders.values()),
        "fetch_open_orders": lambda self, symbol=None, since=None, limit=None, params=None: [],
        "fetch_my_trades": lambda self, symbol=None, since=None, limit=None, params=None: [
            each for each in venue.trades if each["symbol"] == symbol and each["timestamp"] >= since
        ],
    }
    with ExitStack() as patches:
        for name, function in functions.items():
            patches.enter_context(patch.object(ccxt.binance, name, function))
        yield


@contextmanager
def trading(market: Market) -> Iterator[None]:
    """Everything that a dry run asks of the exchange comes from `market`."""

    async def ohlcv(self: Any, symbol: str, *args: Any, **kwargs: Any) -> list[list[float]]:
        return market.ohlcv(symbol)

    synchronous = {
        "fetch_ticker": lambda self, symbol, params=None: market.ticker(symbol),
        "fetch_tickers": lambda self, symbols=None, params=None: {each: market.ticker(each) for each in PAIRS},
        "fetch_l2_order_book": lambda self, symbol, limit=None, params=None: market.book(symbol),
        "fetch_order_book": lambda self, symbol, limit=None, params=None: market.book(symbol),
    }
    with offline(), ExitStack() as patches:
        patches.enter_context(patch.object(ccxt.async_support.binance, "fetch_ohlcv", ohlcv))
        for name, function in synchronous.items():
            patches.enter_context(patch.object(ccxt.binance, name, function))
        yield


def bot_settings(folder: Path, seed: int, kill_at: int, resume: bool, mode: RunMode) -> dict[str, Any]:
    """The configuration of a bot with a database of its own."""
    more: dict[str, Any] = {"db_url": f"sqlite:///{folder / 'trades.sqlite'}", "initial_state": "running"}
    file = prepare(folder, seed, kill_at, resume, internals={}, dry_run=mode is RunMode.DRY_RUN, **more)
    config: dict[str, Any] = Configuration(
        {"config": [str(file)], "user_data_dir": str(folder), "db_url": more["db_url"]}, mode
    ).get_config()
    config["exchange"]["enable_ws"] = False
    return config


def dry_run(folder: Path, seed: int, first: int, loops: int, kill_at: int = -1, resume: bool = True) -> None:
    """A bot with pretend money that runs some loops, a day each, from a day of that year on."""
    bot_run(bot_settings(folder, seed, kill_at, resume, RunMode.DRY_RUN), Market(), first, loops)


def live_run(folder: Path, seed: int, venue: Venue, first: int, loops: int) -> None:
    """A bot that trades the account of `venue`, as long as `dry_run` does."""
    with with_account(venue):
        bot_run(bot_settings(folder, seed, -1, True, RunMode.LIVE), venue, first, loops)


def bot_run(config: dict[str, Any], market: Market, first: int, loops: int) -> None:
    """Some loops of a bot, a day each."""
    market.day = first
    with trading(market), time_machine.travel(market.now) as clock:
        bot = FreqtradeBot(config)
        try:
            bot.startup()
            for _ in range(loops):
                bot.process()
                market.day += 1
                clock.move_to(market.now)
        finally:
            bot.cleanup()


if __name__ == "__main__":
    folder, seed, kill_at = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    if len(sys.argv) == 4:
        run(folder, seed, kill_at=kill_at)
    else:
        dry_run(folder, seed, int(sys.argv[4]), int(sys.argv[5]), kill_at)
