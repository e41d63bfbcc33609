"""Backtests of the real nautilus_trader with an actor that records them; also a program that is killed half-way.

python -m tests.engines.nautilus_runs DATABASE MODE SEED KILL_AT
"""

from __future__ import annotations

import csv
import os
import random
import signal
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.backtest.models import FillModel
from nautilus_trader.common.config import LoggingConfig
from nautilus_trader.config import StrategyConfig
from nautilus_trader.model.currencies import USD, USDT
from nautilus_trader.model.data import Bar, BarType, QuoteTick
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide, TrailingOffsetType
from nautilus_trader.model.identifiers import TraderId, Venue
from nautilus_trader.model.objects import Currency, Money
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.trading.strategy import Strategy

import paper_repo.demo
from paper_repo.engines.nautilus import SessionRecorder, SessionRecorderConfig

BTC = Currency.from_str("BTC")


class Mode(NamedTuple):
    """A kind of account, and what it trades."""

    instrument: Any
    account: Any
    oms: Any
    balances: list[Any]
    base: Any
    unit: str
    rates: dict[str, str] = {}
    opening: dict[str, str] = {}


def modes() -> dict[str, Mode]:
    """Shares in cash, futures in netting and hedging mode, coins with balances of each, a pair in another currency."""
    shares, future = TestInstrumentProvider.equity("AAPL", "SIM"), TestInstrumentProvider.es_future(2013, 6)
    coins, yen = (
        TestInstrumentProvider.btcusdt_binance(),
        TestInstrumentProvider.default_fx_ccy("USD/JPY", Venue("SIM")),
    )
    perpetual = TestInstrumentProvider.btcusdt_perp_binance()
    dollars, tether = [Money(1_000_000, USD)], [Money(1_000_000, USDT)]
    return {
        "shares": Mode(shares, AccountType.CASH, OmsType.NETTING, dollars, USD, "1"),
        "netting": Mode(future, AccountType.MARGIN, OmsType.NETTING, dollars, USD, "1"),
        "hedging": Mode(future, AccountType.MARGIN, OmsType.HEDGING, dollars, USD, "1"),
        "virtual": Mode(future, AccountType.MARGIN, OmsType.NETTING, dollars, USD, "1"),
        "perpetual": Mode(perpetual, AccountType.MARGIN, OmsType.NETTING, tether, None, "0.017"),
        "coins": Mode(
            coins, AccountType.CASH, OmsType.NETTING, [*tether, Money(5, BTC)], None, "0.013717", {"BTC": "500"}
        ),
        "yen": Mode(yen, AccountType.MARGIN, OmsType.NETTING, dollars, USD, "1000"),
    }


class Random(Strategy):  # type: ignore[misc]
    """Buys and sells at random, by market, limit, stop, trailing and bracket orders, also through zero."""

    def __init__(self, instrument: Any, bar_type: Any, seed: int, unit: str, name: str) -> None:
        is_long_only, self.is_virtual = name in ("shares", "coins"), name == "virtual"
        super().__init__(
            StrategyConfig(strategy_id=f"R-{seed:03d}", oms_type="HEDGING" if self.is_virtual else "UNSPECIFIED")
        )
        self.instrument, self.bar_type, self.unit = instrument, bar_type, Decimal(unit)
        self.random, self.is_long_only = random.Random(seed), is_long_only

    def on_start(self) -> None:
        """Listen."""
        self.subscribe_bars(self.bar_type)

    def on_bar(self, bar: Bar) -> None:
        """Do something, or nothing."""
        what, many = self.random.random(), self.random.randint(1, 5)
        side = OrderSide.BUY if self.random.random() < 0.5 else OrderSide.SELL
        held = self.portfolio.net_position(self.instrument.id)
        if self.is_long_only and side == OrderSide.SELL and (what >= 0.25 or held < many * self.unit):
            side = OrderSide.BUY  # the engine does not account for coins or shares that nobody has
        quantity = self.instrument.make_qty(many * self.unit)
        better = Decimal("0.99") if side == OrderSide.BUY else Decimal("1.01")
        near = self.instrument.make_price(bar.close.as_decimal() * better)
        far = self.instrument.make_price(bar.close.as_decimal() * (2 - better))
        of = {"instrument_id": self.instrument.id, "order_side": side, "quantity": quantity}
        make = self.order_factory
        if what < 0.25:
            held_ids = [each.id for each in self.cache.positions_open()] if self.is_virtual else []
            self.submit_order(make.market(**of), position_id=self.random.choice(held_ids) if held_ids else None)
        elif what < 0.4:
            self.submit_order(make.limit(price=near, **of))
        elif self.is_long_only:
            return
        elif what < 0.5:
            self.submit_order(make.stop_market(trigger_price=far, **of))
        elif what < 0.55:
            self.submit_order(
                make.trailing_stop_market(
                    trailing_offset=Decimal(100), trailing_offset_type=TrailingOffsetType.BASIS_POINTS,
                    trigger_price=far, **of,
                )
            )  # fmt: skip
        elif what < 0.65:
            self.submit_order_list(make.bracket(tp_price=far, sl_trigger_price=near, **of))
        elif what < 0.7:
            self.cancel_all_orders(self.instrument.id)
        elif what < 0.75:
            self.close_all_positions(self.instrument.id)


class Watching(SessionRecorder):
    """A recorder that notes the engine's own equity at every bar, and dies at one of them if it is told to."""

    kill_at: int = -1

    def on_start(self) -> None:
        """Begin with nothing noted."""
        self.seen: list[tuple[int, Decimal]] = []
        super().on_start()

    def on_bar(self, bar: Bar) -> None:
        """Record, then look at the engine's own numbers, and perhaps die."""
        super().on_bar(bar)
        account = self.portfolio.account(Venue(self.config.venue))
        rates = {USD: Decimal(1), USDT: Decimal(1), BTC: bar.close.as_decimal()}
        equity = sum(money.as_decimal() * rates[currency] for currency, money in account.balances_total().items())
        for each in self.cache.positions_open():
            price = bar.close.as_double()
            profit = each.unrealized_pnl(bar.close).as_decimal() if account.is_margin_account else Decimal(0)
            equity += profit if profit == 0 or each.settlement_currency != JPY else profit / Decimal(price)
            if account.base_currency is not None and not account.is_margin_account:
                equity += each.signed_decimal_qty() * bar.close.as_decimal()  # shares are in no balance
        self.seen.append((bar.ts_event, equity))
        if len(self.seen) == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


JPY = Currency.from_str("JPY")


def bars(mode: Mode) -> list[Bar]:
    """A year of daily bars of AAPL, scaled to what is traded."""
    of = mode.instrument
    bar_type = BarType.from_str(f"{of.id}-1-DAY-LAST-EXTERNAL")
    made = []
    with Path(paper_repo.demo.__file__).with_name("prices.csv").open() as file:
        for row in csv.DictReader(file):
            if row["symbol"] == "AAPL":
                ns = int(datetime.fromisoformat(row["date"]).replace(tzinfo=UTC).timestamp()) * 10**9
                prices = [of.make_price(float(row[name])) for name in ("open", "high", "low", "close")]
                made.append(Bar(bar_type, *prices, of.make_qty(1_000_000), ns, ns))
    return made


def run(path: Path | str, name: str, seed: int, *, kill_at: int = -1, resume: bool = False) -> tuple[Any, Watching]:
    """The engine after a run of it, not yet disposed of, and the recorder."""
    mode = modes()[name]
    data = bars(mode)
    engine = BacktestEngine(
        BacktestEngineConfig(trader_id=TraderId("T-001"), logging=LoggingConfig(bypass_logging=True))
    )
    venue = mode.instrument.id.venue
    engine.add_venue(
        venue=venue, oms_type=mode.oms, account_type=mode.account, starting_balances=mode.balances,
        base_currency=mode.base,
        **({"default_leverage": Decimal(10)} if mode.account == AccountType.MARGIN else {}),
        fill_model=FillModel(prob_fill_on_limit=0.8, random_seed=seed),
    )  # fmt: skip
    engine.add_instrument(mode.instrument)
    engine.add_data(data)
    if name == "yen":  # the engine converts by quotes
        size = mode.instrument.make_qty(1_000_000)
        times = [each.ts_event - 1 for each in data]
        quotes = [
            QuoteTick(mode.instrument.id, each.close, each.close, size, size, at, at)
            for each, at in zip(data, times, strict=True)
        ]
        engine.add_data(quotes)
    config = SessionRecorderConfig(
        path=str(path), session_id="a", venue=venue.value, bar_types=[str(data[0].bar_type)], resume=resume,
        rates=mode.rates, durability="normal", save_every=10,
    )  # fmt: skip
    recorder = Watching(config)
    recorder.kill_at = kill_at
    engine.add_actor(recorder)
    engine.add_strategy(Random(mode.instrument, data[0].bar_type, seed, mode.unit, name))
    engine.run()
    return engine, recorder


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], int(sys.argv[3]), kill_at=int(sys.argv[4]))
