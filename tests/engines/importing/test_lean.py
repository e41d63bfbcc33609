"""Order events of LEAN, and the result beside them."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from paper_repo import SessionRepository, SourceFileError
from paper_repo.engines.importing import import_file


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
