"""Trades of backtesting.py, which runs here, and files that it writes."""

from __future__ import annotations

import warnings
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


HEADING = "Size,EntryPrice,ExitPrice,SL,TP,PnL,Commission,EntryTime,ExitTime,Tag"
TRADE = "-10,100,90,110,nan,97,3,2024-01-02,2024-01-03,"


def written(folder: Path, *rows: str) -> Path:
    """A file with these rows."""
    path = folder / "trades.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_a_size_below_zero_is_short(tmp_path: Path) -> None:
    """Each trade is a position of its own; the commission is shared; blank rows and a missing symbol are told."""
    path = written(tmp_path, HEADING, TRADE, ",,,,,,,,,")

    found = import_file(path, None, source="backtesting", timezone="UTC", initial_cash=1000)

    assert [(each.side, each.quantity, each.price, each.position_id) for each in found.first] == [
        ("SELL", 10, 100, "1"), ("BUY", 10, 90, "1"),
    ]  # fmt: skip
    assert (found.fees, found.session.net_pnl) == ({"USD": 3}, 97)
    assert found.first[0].fee > found.first[1].fee > 0
    assert found.first[0].metadata == {"leg": "entry", "stop_loss": "110"}
    assert (found.left_out, found.session.symbols) == ({"blank row": 1}, ("ASSET",))
    assert any("it was taken as 'ASSET'" in note for note in found.notes)
    assert found.agrees


def test_a_table_without_profits(tmp_path: Path) -> None:
    """As older versions write it: nothing but the number of trades is compared, and no fee is known."""
    path = written(tmp_path, "Size,EntryPrice,ExitPrice,EntryTime,ExitTime", "10,100,110,2024-01-02,2024-01-03")

    found = import_file(path, None, source="backtesting", timezone="UTC", symbol="GOOG")

    assert (found.session.net_pnl, found.fees) == (100, {})
    assert [each.name for each in found.comparisons] == ["trades"]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (TRADE.replace("-10", "0"), "row 2: the trade has no size or no price"),
        (TRADE.replace("90", ""), "row 2: the trade has no size or no price"),
        (TRADE.replace("90", "low"), "row 2, column 'ExitPrice': 'low' is not a number"),
        (TRADE.replace("2024-01-03", "never"), "row 2, column 'ExitTime': 'never' is not a time"),
    ],
)
def test_a_row_that_makes_no_trade(row: str, told: str, tmp_path: Path) -> None:
    """Is named by its place."""
    with pytest.raises(SourceFileError, match=rf"^trades\.csv, {told}"):
        import_file(written(tmp_path, HEADING, row), None, source="backtesting", timezone="UTC")
