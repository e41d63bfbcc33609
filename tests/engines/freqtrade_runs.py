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
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import ccxt
import ccxt.async_support
import pandas as pd
from freqtrade.configuration import Configuration
from freqtrade.data.history import get_datahandler
from freqtrade.enums import CandleType, RunMode
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


if __name__ == "__main__":
    run(Path(sys.argv[1]), int(sys.argv[2]), kill_at=int(sys.argv[3]))
