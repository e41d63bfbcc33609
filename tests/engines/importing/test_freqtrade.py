"""Databases of freqtrade that its own code wrote, and results of its backtests."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from paper_repo import SessionRepository, SourceFileError
from paper_repo.engines.importing import ImportReport, import_file

SAMPLES = Path(__file__).parent / "samples"


def database(name: str, folder: Path, stem: str | None = None) -> Path:
    """A database of freqtrade, from the dumps of its schema and its rows."""
    path = folder / f"{stem or name}.sqlite"
    with closing(sqlite3.connect(path)) as opened:
        for part in ("freqtrade_schema", name):
            opened.executescript((SAMPLES / f"{part}.sql").read_text(encoding="utf-8"))
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
            with closing(sqlite3.connect(database("freqtrade_spot", tmp_path, "whole"))) as whole:
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

    def test_a_database_that_states_little(self, repository: SessionRepository, tmp_path: Path) -> None:
        """An old one: without modes, currencies, a strategy and a wallet; a fee in the coin is not guessed to be."""
        path = database("freqtrade_spot", tmp_path)
        with closing(sqlite3.connect(path)) as opened, opened:
            opened.execute("DROP TABLE KeyValueStore")
            opened.execute("DROP TABLE wallet_history")
            for column in ("stake_currency", "trading_mode", "strategy", "base_currency"):
                opened.execute(f"ALTER TABLE trades DROP COLUMN {column}")

        report = import_file(path, repository, source="freqtrade", session_id="ft", initial_cash=1000)

        assert (report.session.base_currency, report.fills) == ("USDT", 10)
        assert report.session.strategy.name == "freqtrade_spot.sqlite"
        assert "an old database: it was taken as a spot account" in report.notes
        assert len(repository.get_equity_curve("ft")) == 1

    def test_what_the_bot_has_noted_is_kept(self, repository: SessionRepository, tmp_path: Path) -> None:
        """In the metadata of the session; stakes in several currencies are noted, and need rates."""
        path = database("freqtrade_spot", tmp_path)
        with closing(sqlite3.connect(path)) as opened, opened:
            opened.execute(
                "INSERT INTO KeyValueStore VALUES (9, 'startup', 'datetime', NULL, '2024-01-01', NULL, NULL)"
            )
            opened.execute("UPDATE trades SET pair = 'XRP/EUR', stake_currency = 'EUR' WHERE id = 5")
            opened.execute("UPDATE trades SET fee_open_currency = 'EUR' WHERE id = 5")
            opened.execute("UPDATE wallet_history SET total_quote = NULL WHERE id = 1")
            opened.execute("UPDATE orders SET filled = 0, status = 'canceled' WHERE id = 9")

        report = import_file(path, repository, source="freqtrade", session_id="ft", initial_cash=1000, rates={"EUR": 1})

        stored = repository.get_by_id("ft")
        assert stored is not None
        assert stored.metadata["import"]["startup"] == "2024-01-01"
        assert any(note.startswith("trades are staked in ") for note in report.notes)
        assert report.left_out["orders that were not filled"] == 1
        assert stored.balances["EUR"] == Decimal("-30.03")

    def test_funding_of_an_open_trade_still_changes(self, repository: SessionRepository, tmp_path: Path) -> None:
        """So it is left out until the trade is closed."""
        path = database("freqtrade_futures", tmp_path)
        with closing(sqlite3.connect(path)) as opened, opened:
            opened.execute("UPDATE trades SET is_open = 1, close_date = NULL WHERE id = 2")
            opened.execute("DELETE FROM orders WHERE id = 4")

        report = import_file(path, repository, source="freqtrade", session_id="ft", initial_cash=1000)

        assert (report.fills, report.flows) == (3, 1)
        assert report.left_out == {"funding of trades that are still open: it still changes": 1}

    def test_an_open_trade_has_what_its_fee_has_left(self, repository: SessionRepository, tmp_path: Path) -> None:
        """An old database states no fee in the coin: it is what was bought and is not held."""
        path = database("freqtrade_spot", tmp_path)
        with closing(sqlite3.connect(path)) as opened, opened:
            opened.execute("UPDATE orders SET ft_fee_base = NULL")
            opened.execute("UPDATE trades SET fee_open_currency = 'XRP', amount = 49.95 WHERE id = 5")

        report = import_file(path, repository, source="freqtrade", session_id="ft", initial_cash=1000)

        assert report.session.positions["XRP/USDT"].quantity == Decimal("49.95")
        assert report.fees["XRP"] == Decimal("0.05")

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ("UPDATE trades SET pair = '' WHERE id = 2", r"row 2, column 'pair': the trade has no pair"),
            ("UPDATE trades SET trading_mode = 'FUTURES' WHERE id = 2", "several modes .*give each its own database"),
            ("UPDATE orders SET price = NULL, average = NULL, ft_price = 0 WHERE id = 3",
             "row 2, fill 'dry_1_0': a filled order has no amount or no price"),
            ("UPDATE orders SET order_filled_date = 'soon' WHERE id = 3",
             "row 2, column 'order_filled_date': 'soon' is not a time"),
            ("UPDATE orders SET filled = 9e999 WHERE id = 3", "row 2, column 'filled': 'inf' is too large"),
        ],
    )  # fmt: skip
    def test_a_row_that_makes_no_fill(self, change: str, told: str, tmp_path: Path) -> None:
        """Is named by its trade and its order."""
        path = database("freqtrade_spot", tmp_path)
        with closing(sqlite3.connect(path)) as opened, opened:
            opened.execute(change)

        with pytest.raises(SourceFileError, match=rf"^freqtrade_spot\.sqlite(, |: it has trades of ){told}"):
            import_file(path, None, source="freqtrade")


class TestFreqtradeResult:
    """The result of a backtest."""

    def read(self, folder: Path, change: dict[str, Any], **options: Any) -> ImportReport:
        """What comes out of the sample, its first trade changed."""
        document = json.loads((SAMPLES / "freqtrade_backtest.json").read_text(encoding="utf-8"))
        document["strategy"]["MadeUp"]["trades"][0] |= change
        document["strategy"] |= {"Other": {"trades": []}}
        path = folder / "result.json"
        path.write_text(json.dumps(document))
        return import_file(path, None, source="freqtrade", **options)

    def test_of_several_strategies_one_is_named(self, tmp_path: Path) -> None:
        """Else the names are told; also where another one was named, or where nothing was traded."""
        with pytest.raises(SourceFileError, match="it has results of MadeUp, Other; name one"):
            self.read(tmp_path, {})
        with pytest.raises(SourceFileError, match="no result of strategy 'Third' in it; it has MadeUp, Other"):
            self.read(tmp_path, {}, strategy="Third")
        with pytest.raises(SourceFileError, match="there are no trades in it"):
            self.read(tmp_path, {}, strategy="Other")
        assert self.read(tmp_path, {}, strategy="MadeUp").agrees

    def test_orders_that_were_not_filled(self, tmp_path: Path) -> None:
        """Are left out."""
        order = {"amount": 0.01, "safe_price": 40000.5, "ft_order_side": "buy", "order_filled_timestamp": None}
        document = json.loads((SAMPLES / "freqtrade_backtest.json").read_text(encoding="utf-8"))
        orders = [order, *document["strategy"]["MadeUp"]["trades"][0]["orders"]]

        assert self.read(tmp_path, {"orders": orders}, strategy="MadeUp").left_out == {"orders that were not filled": 1}

    def test_a_result_without_orders(self, tmp_path: Path) -> None:
        """Has rounded rates only; a trade that is open has no exit."""
        closed = self.read(tmp_path, {"orders": None}, strategy="MadeUp")
        opened = self.read(tmp_path, {"orders": None, "is_open": True, "close_timestamp": None}, strategy="MadeUp")

        assert str(closed.first[0].price) == "40000.0"
        assert "the orders are missing; rounded rates were taken" in closed.notes
        assert (closed.fills, opened.fills, opened.flows) == (12, 11, closed.flows)
        assert "final_balance" not in {each.name for each in opened.comparisons}

    def test_what_is_no_number_is_named(self, tmp_path: Path) -> None:
        """With its trade and its field."""
        with pytest.raises(SourceFileError, match="'True' is not a number") as caught:
            self.read(tmp_path, {"funding_fees": True}, strategy="MadeUp")
        assert caught.value.column == "funding_fees"
