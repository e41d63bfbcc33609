"""What engines have written themselves: databases of freqtrade, reports of NautilusTrader, trades of backtesting.py.

The databases and reports were written by the engines' own code; backtesting.py runs here.
"""

from __future__ import annotations

import json
import sqlite3
import warnings
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from paper_repo import SessionRepository, SourceFileError
from paper_repo.engines.importing import import_file

SAMPLES = Path(__file__).parent / "samples"


@pytest.fixture
def repository(tmp_path: Path) -> Any:
    """An empty one."""
    with SessionRepository(tmp_path / "s.db") as opened:
        yield opened


def database(name: str, folder: Path) -> Path:
    """A database of freqtrade, from its dump."""
    path = folder / f"{name}.sqlite"
    with closing(sqlite3.connect(path)) as opened:
        opened.executescript((SAMPLES / f"{name}.sql").read_text(encoding="utf-8"))
    return path


class TestFreqtradeDatabase:
    """A database of a dry run."""

    def test_a_spot_account(self, repository: SessionRepository, tmp_path: Path) -> None:
        """What is open stays open; a fee in the coin leaves no dust; freqtrade's own profit, but for that fee."""
        path = database("freqtrade_spot", tmp_path)

        report = import_file(path, repository, source="freqtrade", session_id="ft", initial_cash=1000)

        session = repository.get_by_id("ft")
        assert session is not None
        assert {key: each.quantity for key, each in session.positions.items()} == {"XRP/USDT": 50}
        assert session.strategy.name == "Made"
        assert report.fees == {"USDT": Decimal("3.474455"), "SOL": Decimal("0.01")}
        assert [each.difference for each in report.comparisons if not each.is_equal] == [Decimal("-0.0005")]
        assert "paid in the coin" in str(report)
        fill = repository.get_fills("ft")[0]
        assert (fill.price, fill.metadata["stop_loss"], fill.metadata["initial_stop_loss"]) == (
            Decimal("40000.5"),
            "36000.450000000004",
            "36000.450000000004",
        )
        points = [each.equity for each in repository.get_equity_curve("ft")]
        assert points == [1000, 1040]
        assert repository.check().ok

    def test_an_old_database_does_not_state_the_fee_in_the_coin(
        self, repository: SessionRepository, tmp_path: Path
    ) -> None:
        """What a closed trade has bought and never sold was its fee."""
        path = database("freqtrade_spot", tmp_path)
        with closing(sqlite3.connect(path)) as opened, opened:
            opened.execute("UPDATE orders SET ft_fee_base = NULL")

        import_file(path, repository, source="freqtrade", session_id="ft", initial_cash=1000)

        session = repository.get_by_id("ft")
        assert session is not None
        assert set(session.positions) == {"XRP/USDT"}

    def test_a_futures_account(self, repository: SessionRepository, tmp_path: Path) -> None:
        """Leverage changes nothing, funding is a payment of its own, a short trade is short."""
        path = database("freqtrade_futures", tmp_path)

        report = import_file(path, repository, source="freqtrade", session_id="ft", initial_cash=1000)

        assert report.agrees
        assert report.session.net_pnl == Decimal("28.424995")
        flows = repository.get_cash_flows("ft")
        assert [(each.kind, each.amount) for each in flows] == [
            ("FUNDING", Decimal("-0.05")),
            ("FUNDING", Decimal("0.07")),
        ]
        assert report.session.positions == {}

    def test_a_running_bot_goes_on(self, repository: SessionRepository, tmp_path: Path) -> None:
        """A database that has grown adds only what is new, and what was open is closed."""
        path = database("freqtrade_spot", tmp_path)
        with closing(sqlite3.connect(path)) as opened:
            opened.execute("PRAGMA journal_mode = wal")
            opened.execute("DELETE FROM orders WHERE ft_trade_id = 4")
            opened.execute("DELETE FROM trades WHERE id = 4")
            opened.commit()
            first = import_file(path, repository, source="freqtrade", session_id="ft", initial_cash=1000)
            with closing(sqlite3.connect(":memory:")) as whole:
                whole.executescript((SAMPLES / "freqtrade_spot.sql").read_text(encoding="utf-8"))
                for table in ("trades", "orders"):
                    rows = whole.execute(
                        f"SELECT * FROM {table} WHERE {'id' if table == 'trades' else 'ft_trade_id'} = 4"
                    )
                    for row in rows.fetchall():
                        opened.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
            opened.commit()
            second = import_file(path, repository, source="freqtrade", session_id="ft", initial_cash=1000)

        assert (first.booked_fills, second.booked_fills, second.fills) == (8, 2, 10)
        assert repository.check().ok

    def test_another_database_is_refused(self, repository: SessionRepository, tmp_path: Path) -> None:
        """It says what is missing."""
        path = tmp_path / "other.sqlite"
        with closing(sqlite3.connect(path)) as opened:
            opened.execute("CREATE TABLE trades (id INTEGER)")

        with pytest.raises(SourceFileError, match="no tables `trades` and `orders`"):
            import_file(path, repository, source="freqtrade")

    def test_a_damaged_database_is_refused(self, repository: SessionRepository, tmp_path: Path) -> None:
        """With an error of ours."""
        path = tmp_path / "damaged.sqlite"
        path.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)

        with pytest.raises(SourceFileError, match="cannot be read"):
            import_file(path, repository, source="freqtrade")


@pytest.mark.parametrize(
    ("name", "cash", "open_positions"),
    [("net", "999630.19713300", 1), ("hedge", "999897.44713300", 15), ("spot", "979946.95625500", 1)],
)
def test_reports_of_nautilus(name: str, cash: str, open_positions: int, repository: SessionRepository) -> None:
    """The cash that the engine's account had at the end, to the last digit: netting, hedging and spot."""
    path = SAMPLES / f"nautilus_{name}_fills.csv"

    report = import_file(path, repository, source="nautilus", session_id="n", initial_cash=1_000_000)

    assert report.session.cash == Decimal(cash)
    assert len(report.session.positions) == open_positions
    assert [each.name for each in report.comparisons] == [f"total of USDT in nautilus_{name}_account.csv"]
    assert report.agrees
    assert repository.check().ok


@pytest.mark.parametrize("name", ["nautilus_spot_positions.csv", "nautilus_net_orders.csv"])
def test_coarser_reports_of_nautilus(name: str, repository: SessionRepository) -> None:
    """Averages make the same books, but for what floats leave."""
    cash = {"nautilus_spot_positions.csv": "979946.956255", "nautilus_net_orders.csv": "999630.197133"}

    report = import_file(SAMPLES / name, repository, source="nautilus", session_id="n", initial_cash=1_000_000)

    assert round(report.session.cash, 6) == Decimal(cash[name])
    assert report.agrees


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


class TestLean:
    """Order events of LEAN, and the result beside them."""

    EVENTS: list[dict[str, Any]] = [
        {"id": "a-1-1", "orderId": 1, "orderEventId": 1, "symbol": "SPY R735QTJ8XC9X", "symbolValue": "SPY",
         "time": 1704205800.0, "status": "submitted", "fillQuantity": 0.0, "fillPrice": 0.0, "direction": "buy"},
        {"id": "a-1-2", "orderId": 1, "orderEventId": 2, "symbol": "SPY R735QTJ8XC9X", "symbolValue": "SPY",
         "time": 1704205800.5, "status": "partiallyFilled", "fillQuantity": 30.0, "fillPrice": 470.1,
         "fillPriceCurrency": "USD", "orderFeeAmount": 1.0, "orderFeeCurrency": "USD", "direction": "buy"},
        {"id": "a-1-3", "orderId": 1, "orderEventId": 3, "symbol": "SPY R735QTJ8XC9X", "symbolValue": "SPY",
         "time": 1704205801.0, "status": "filled", "fillQuantity": 70.0, "fillPrice": 470.2,
         "fillPriceCurrency": "USD", "direction": "buy"},
        {"id": "a-2-1", "orderId": 2, "orderEventId": 1, "symbol": "SPY R735QTJ8XC9X", "symbolValue": "SPY",
         "time": 1704292200.0, "status": "filled", "fillQuantity": -100.0, "fillPrice": 472.0,
         "fillPriceCurrency": "USD", "orderFeeAmount": 1.0, "orderFeeCurrency": "USD", "direction": "sell"},
    ]  # fmt: skip
    RESULT: dict[str, Any] = {
        "statistics": {"Total Fees": "$2.00", "Start Equity": "100000", "End Equity": "100181"},
        "totalPerformance": {
            "tradeStatistics": {"totalNumberOfTrades": 2, "totalProfitLoss": 183.0},
            "portfolioStatistics": {"startEquity": "100000", "endEquity": "100181"},
        },
        "algorithmConfiguration": {"name": "Demo", "accountCurrency": "USD"},
        "charts": {
            "Strategy Equity": {"series": {"Equity": {"values": [[1704205800, 100000.0], [1704292200, 100181.0]]}}}
        },
    }

    def files(self, folder: Path) -> Path:
        """What a backtest leaves in its folder."""
        (folder / "run-order-events.json").write_text(json.dumps(self.EVENTS))
        (folder / "run.json").write_text(json.dumps(self.RESULT))
        return folder / "run.json"

    @pytest.mark.parametrize("named", ["run.json", "run-order-events.json"])
    def test_either_file_may_be_named(self, named: str, repository: SessionRepository, tmp_path: Path) -> None:
        """Fills come from the events, totals and equity from the result."""
        path = self.files(tmp_path).with_name(named)

        report = import_file(path, repository, source="lean", session_id="lean")

        assert report.agrees
        assert len(report.comparisons) == 5
        assert (report.fills, report.left_out) == (3, {"order events: submitted": 1})
        assert report.session.cash == Decimal(100181)
        assert [each.equity for each in repository.get_equity_curve("lean")] == [100000, 100181]

    def test_a_result_alone_does_not_do(self, repository: SessionRepository, tmp_path: Path) -> None:
        """It says which file is missing."""
        path = self.files(tmp_path)
        (tmp_path / "run-order-events.json").unlink()

        with pytest.raises(SourceFileError, match=r"run-order-events\.json, which LEAN writes beside it"):
            import_file(path, repository, source="lean")
