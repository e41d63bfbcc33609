"""Runs of backtesting.py that are kept: each set of parameters is a session, and all are compared at the end.

    pip install '.[backtesting]'
    python examples/engine_backtesting.py sessions.db

Runs that are stored already are not run again.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from backtesting import Backtest, Strategy

import paper_repo.demo
from paper_repo import SessionRepository
from paper_repo.engines.backtesting import record


class Breakout(Strategy):
    """Buys above the highest price of the last days, with a stop below."""

    days = 20

    def init(self) -> None:
        self.highest = self.I(lambda high: pd.Series(high).rolling(self.days).max().shift(), self.data.High)

    def next(self) -> None:
        price = self.data.Close[-1]
        if not self.position and price > self.highest[-1]:
            self.buy(sl=price * 0.95, tag="breakout")


def prices() -> pd.DataFrame:
    """Your data, as the engine wants it: here, the demo's year of AAPL."""
    table = pd.read_csv(Path(paper_repo.demo.__file__).with_name("prices.csv"), parse_dates=["date"], index_col="date")
    return table[table["symbol"] == "AAPL"].drop(columns="symbol").rename(columns=str.capitalize)


def main(path: str) -> None:
    """Run what is not stored yet, and show all."""
    with SessionRepository(path) as repository:
        for days in (10, 20, 40):
            session_id = f"breakout-{days}"
            if not repository.exists(session_id):
                backtest = Backtest(prices(), Breakout, cash=10_000, commission=0.001, finalize_trades=True)
                record(backtest.run(days=days), repository, session_id=session_id, symbol="AAPL")
        for session in repository.get_all(strategy="Breakout"):
            figures = repository.get_performance(session.id)
            print(f"{session.id}: {figures.trades} trades, return {figures.total_return:.1%}")


if __name__ == "__main__":
    main(*sys.argv[1:])
