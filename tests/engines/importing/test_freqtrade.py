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
from paper_repo.engines.importing import import_file

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
