"""Runs of the real backtrader over real prices: a strategy of seeds, brokers of all kinds, and what the engine states.

As a program it is started once, imports the engine, and forks a process for each run; those that are to be killed kill
themselves with SIGKILL in the middle of a bar.
"""

from __future__ import annotations

import functools
import json
import os
import random
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import backtrader as bt
import pandas as pd

import paper_repo.demo
from paper_repo.engines.backtrader import SessionRecorder

SYMBOLS = ("AAPL", "GOOG", "IBM", "MSFT")


def prices(symbol: str) -> pd.DataFrame:
    """A year of daily prices; every ninth day of GOOG and MSFT is missing."""
    table = pd.read_csv(Path(paper_repo.demo.__file__).with_name("prices.csv"), parse_dates=["date"])
    table = table[table["symbol"] == symbol].set_index("date").drop(columns="symbol")
    if symbol in ("GOOG", "MSFT"):
        table = table[[number % 9 != 4 for number in range(len(table))]]
    return table


PRICES = {symbol: prices(symbol) for symbol in SYMBOLS}


class Anything(bt.Strategy):  # type: ignore[misc]
    """Does what a seed and the number of the bar say: every type of order, also against what it holds."""

    params = (("seed", 0), ("fraction", 1))
    kill_at: int | None = None
    """The number of the bar in which the process kills itself: no parameter, which would be stored."""

    def __init__(self) -> None:
        self.averages = [bt.ind.EMA(feed, period=5) for feed in self.datas]
        self.bars, self.traded, self.last = 0, {"orders": 0}, None

    def prenext(self) -> None:
        self.next()

    def notify_order(self, order: Any) -> None:
        self.last = order if order.alive() else None
        self.traded["orders"] += 1

    def next(self) -> None:
        self.bars += 1
        chance = random.Random(f"{self.p.seed} {self.bars}")
        for feed, average in zip(self.datas, self.averages, strict=True):
            if len(feed) and chance.random() < 0.35:
                close, lean = feed.close[0], average[0] if len(average) and average[0] == average[0] else 0.0
                self.act(chance, feed, close, chance.randint(1, 8) * self.p.fraction, close > lean)
        if self.last is not None and chance.random() < 0.05:
            self.cancel(self.last)
        if self.bars == Anything.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def act(self, chance: random.Random, feed: Any, close: float, size: float, up: bool) -> None:
        """One action of many."""
        side = self.buy if up else self.sell
        sign = 1 if up else -1
        price = round(close * (1 - sign * chance.choice([0.005, 0.01, 0.03])), 2)
        beyond = round(close * (1 + sign * 0.01), 2)
        kind = chance.randrange(11)
        if kind == 0:
            side(feed, size=size, why="market")
        elif kind == 1:
            side(feed, size=size, exectype=bt.Order.Limit, price=price, valid=bt.datetime.timedelta(days=6))
        elif kind == 2:
            side(feed, size=size, exectype=bt.Order.Stop, price=beyond)
        elif kind == 3:
            side(
                feed, size=size, exectype=bt.Order.StopLimit, price=beyond, plimit=round(beyond * (1 + sign * 0.01), 2)
            )
        elif kind == 4:
            side(feed, size=size, exectype=bt.Order.StopTrail, trailpercent=0.02)
        elif kind == 5:
            side(feed, size=size, exectype=bt.Order.StopTrailLimit, price=beyond, plimit=beyond, trailamount=2.5)
        elif kind == 6:
            bracket = self.buy_bracket if up else self.sell_bracket
            stop, limit = round(close * (1 - sign * 0.03), 2), round(close * (1 + sign * 0.03), 2)
            bracket(data=feed, size=size, price=price, stopprice=stop, limitprice=limit)
        elif kind == 7:
            first = side(feed, size=size, exectype=bt.Order.Limit, price=price)
            side(feed, size=size, exectype=bt.Order.Stop, price=beyond, oco=first)
        elif kind == 8:
            self.order_target_size(feed, target=-self.getposition(feed).size)
        elif kind == 9:
            self.close(feed)
        else:
            side(feed, size=size, exectype=bt.Order.Close)


class Journal(bt.Analyzer):  # type: ignore[misc]
    """What the engine states at the end of every bar, and of every closed trade, as lines of a file."""

    params = (("path", None),)

    def start(self) -> None:
        self.realized = self.fees = self.closed = 0.0
        self.executions = 0
        self.bits: list[tuple[float, float, float]] = []
        self.references: set[int] = set()

    @property
    def orders(self) -> int:
        """How many orders the engine has been given."""
        broker = self.strategy.broker
        return len(self.references | {order.ref for order in (*broker.submitted, *broker.pending)})

    def notify_order(self, order: Any) -> None:
        self.references.add(order.ref)
        for bit in order.executed.iterpending():
            self.executions += 1
            self.bits.append((bit.size, bit.price, bit.comm))
            self.realized += bit.pnl
            self.fees += bit.comm

    def notify_trade(self, trade: Any) -> None:
        if trade.isclosed:
            self.closed += trade.pnlcomm

    def next(self) -> None:
        strategy = self.strategy
        recorder = strategy.analyzers.sessionrecorder
        if recorder.is_warming or (recorder.resumption and recorder.get_analysis()["new_bars"] == 0):
            return  # a bar that is in the file
        broker = strategy.broker
        line = {
            "at": strategy.datetime[0],
            "cash": broker.getcash(),
            "value": broker.getvalue(),
            "positions": {feed._name: (each.size, each.price) for feed, each in broker.positions.items() if each},
            "bars": strategy.bars,
            **self._books(broker, recorder.session),
        }
        with self.p.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def _books(self, broker: Any, session: Any) -> dict[str, Any]:
        """What the engine states of profit and fees since this process began, and what the session has booked."""
        interest = -float(session.income)
        in_fees = interest - sum(broker.d_credit.values())  # the engine adds interest that was paid to the commission
        open_ones = [trades[-1] for feed in self.strategy._trades.values() for trades in feed.values() if trades[-1]]
        gains = [
            trade.pnlcomm
            + broker.getcommissioninfo(trade.data).profitandloss(trade.size, trade.price, trade.data.close[0])
            for trade in open_ones
        ]
        return {
            "realized": self.realized,
            "fees": self.fees - in_fees,
            "net": self.closed + sum(gains) - sum(broker.d_credit.values()),
            "books": {
                "equity": str(session.equity),
                "realized": str(session.realized_pnl),
                "fees": str(session.fees_paid),
                "net": str(session.net_pnl),
                "other": str(session.other_value),
            },
        }


def _spot(cerebro: Any) -> None:
    cerebro.broker.setcommission(commission=0.001)


def _futures(cerebro: Any) -> None:
    cerebro.broker.setcommission(commission=2.5, margin=900.0, mult=10.0)


def _partly(cerebro: Any) -> None:
    cerebro.broker.setcommission(commission=0.001)
    cerebro.broker.set_filler(bt.broker.fillers.FixedSize(size=3))


def _borrowing(cerebro: Any) -> None:
    cerebro.broker.setcommission(commission=0.001, interest=0.05, interest_long=True, leverage=2.0)


def _poor(cerebro: Any) -> None:
    cerebro.broker.setcash(6_000)
    cerebro.broker.setcommission(commission=0.002)


def _several(cerebro: Any) -> None:
    cerebro.broker.setcommission(commission=0.001)
    cerebro.broker.setcommission(commission=1.5, margin=500.0, mult=5.0, name="GOOG")


def _slipping(cerebro: Any) -> None:
    cerebro.broker.setcommission(commission=0.0005)
    cerebro.broker.set_slippage_perc(0.002)
    cerebro.broker.set_checksubmit(False)


BROKERS: dict[str, tuple[tuple[str, ...], float, Callable[[Any], None]]] = {
    "spot": (("AAPL",), 1, _spot),
    "fractions": (("AAPL",), 0.1, _spot),
    "futures": (("AAPL",), 1, _futures),
    "partly": (("IBM",), 1, _partly),
    "borrowing": (("IBM",), 1, _borrowing),
    "poor": (("AAPL",), 1, _poor),
    "several": (SYMBOLS, 1, _several),
    "slipping": (("IBM", "MSFT"), 1, _slipping),
}
KEPT = ("bars", "traded", "last")


def run(
    folder: Path,
    broker: str,
    seed: int,
    *,
    bars: int | None = None,
    kill_at: int | None = None,
    recorder: dict[str, Any] | None = None,
    strategy: type[bt.Strategy] = Anything,
    options: dict[str, Any] | None = None,
    feeds: dict[str, pd.DataFrame] | None = None,
) -> Any:
    """The strategy after a run over the first `bars` days that is recorded in `folder`, or goes on with what is."""
    symbols, fraction, configure = BROKERS[broker]
    cerebro = bt.Cerebro(stdstats=False, **(options or {}))
    cerebro.broker.setcash(100_000)
    configure(cerebro)
    for symbol in symbols:
        table = (feeds or PRICES)[symbol]
        if bars is not None:
            table = table[table.index <= PRICES["AAPL"].index[bars - 1]]
        cerebro.adddata(bt.feeds.PandasData(dataname=table), name=symbol)
    Anything.kill_at = kill_at
    parameters = {"seed": seed, "fraction": fraction} if issubclass(strategy, Anything) else {}
    cerebro.addstrategy(strategy, **parameters)
    defaults = {"path": folder / "s.db", "session_id": "a", "resume": True, "keep": KEPT}
    cerebro.addanalyzer(SessionRecorder, **{**defaults, **(recorder or {})})
    cerebro.addanalyzer(Journal, path=folder / "journal.txt")
    (ran,) = cerebro.run()
    return ran


def _forked(work: Callable[[], object]) -> int:
    """How a process of its own that does this ended."""
    process = os.fork()
    if not process:
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def main(folder: str, broker: str, seeds: str, kills: str) -> None:
    """For each seed an uninterrupted run, and one that is killed at random bars, until it comes to its end."""
    for seed in range(int(seeds)):
        whole, killed = Path(folder, f"{seed}-whole"), Path(folder, f"{seed}-killed")
        whole.mkdir()
        killed.mkdir()
        assert _forked(functools.partial(run, whole, broker, seed)) == 0
        chance = random.Random(f"kills {seed}")
        go_on = functools.partial(run, killed, broker, seed, recorder={"interval": chance.choice([0, 0.01, None])})
        for bar in sorted(chance.sample(range(1, 251), int(kills))):
            ended = _forked(functools.partial(go_on, kill_at=bar))
            assert ended == -signal.SIGKILL, ended
        assert _forked(go_on) == 0


if __name__ == "__main__":
    main(*sys.argv[1:])
