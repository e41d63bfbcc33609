"""Trades of backtesting.py, which runs here, and files that it writes."""

from __future__ import annotations

import warnings
from decimal import Decimal
from pathlib import Path

import pytest

from paper_repo import SessionRepository, SourceFileError
from paper_repo.engines.importing import import_file


def test_trades_of_backtesting_py(repository: SessionRepository, tmp_path: Path) -> None:
    """The engine runs, writes its trades, and has the profit that is booked."""
    backtesting = pytest.importorskip("backtesting")
    from backtesting.lib import crossover
    from backtesting.test import GOOG, SMA

    class Cross(backtesting.Strategy):  # type: ignore[misc,name-defined]
        def init(self) -> None:
            self.fast, self.slow = self.I(SMA, self.data.Close, 10), self.I(SMA, self.data.Close, 20)

        def next(self) -> None:
            if crossover(self.fast, self.slow):
                self.position.close()
                self.buy(size=10, sl=self.data.Close[-1] * 0.9, tag="up")
            elif crossover(self.slow, self.fast):
                self.position.close()
                self.sell(size=10)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = backtesting.Backtest(GOOG.iloc[:300], Cross, cash=10_000, commission=0.002, finalize_trades=True)
        stats = run.run()
    path = tmp_path / "trades.csv"
    stats["_trades"].to_csv(path)

    report = import_file(
        path, repository, source="backtesting", session_id="b", initial_cash=10_000, timezone="UTC", symbol="GOOG"
    )

    assert report.agrees
    assert report.trades == len(stats["_trades"]) > 3
    # The engine closes what is open at the end after its last point of equity, which lacks that commission.
    assert float(report.session.net_pnl) == pytest.approx(stats["_trades"]["PnL"].sum(), abs=1e-6)
    fills = repository.get_fills("b")
    assert {fill.metadata.get("tag") for fill in fills} == {"up", None}
    assert repository.check().ok
