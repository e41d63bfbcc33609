"""A backtrader strategy that can be killed at any moment, and goes on where it stopped.

    pip install '.[backtrader]' pandas
    python examples/engine_backtrader.py sessions.db

Kill it (Ctrl-C, or `kill -9`) and start it again: the result is that of an uninterrupted run. With live data it would
be the same line; here, the demo's year of AAPL stands for your feed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import backtrader as bt
import pandas as pd

import paper_repo.demo
from paper_repo.engines.backtrader import SessionRecorder


class SmaCross(bt.Strategy):
    """Buys when the fast average crosses the slow one, with a stop that follows the price, and counts its losses."""

    def __init__(self) -> None:
        self.crossed = bt.ind.CrossOver(bt.ind.SMA(period=5), bt.ind.SMA(period=20))
        self.losses, self.stop_order = 0, None

    def notify_trade(self, trade: bt.Trade) -> None:
        self.losses += trade.isclosed and trade.pnlcomm < 0

    def notify_order(self, order: bt.Order) -> None:
        if order.status == order.Completed and order.isbuy():
            self.stop_order = self.sell(size=order.size, exectype=bt.Order.StopTrail, trailpercent=0.04)

    def next(self) -> None:
        if not self.position and self.crossed > 0 and self.losses < 5:
            self.buy(size=100)
        elif self.position and self.crossed < 0:
            self.cancel(self.stop_order)
            self.close()


def prices() -> pd.DataFrame:
    """Your data, as the engine wants it: from the beginning, so that the averages are warm where the run goes on."""
    table = pd.read_csv(Path(paper_repo.demo.__file__).with_name("prices.csv"), parse_dates=["date"], index_col="date")
    return table[table["symbol"] == "AAPL"].drop(columns="symbol")


def main(path: str) -> None:
    """Run the strategy, or the rest of it."""
    cerebro = bt.Cerebro()
    cerebro.broker.setcash(100_000)
    cerebro.broker.setcommission(commission=0.001)
    cerebro.adddata(bt.feeds.PandasData(dataname=prices()), name="AAPL")
    cerebro.addstrategy(SmaCross)
    cerebro.addanalyzer(SessionRecorder, path=path, session_id="sma-cross", resume=True, keep=("losses", "stop_order"))
    (ran,) = cerebro.run()
    session = ran.analyzers.sessionrecorder.session
    print(f"{session.fill_count} fills, {ran.losses} losses, equity {session.equity:.2f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
