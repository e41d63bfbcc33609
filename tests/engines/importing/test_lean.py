"""Order events of LEAN, and the result beside them."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from paper_repo import SessionRepository, SourceFileError
from paper_repo.engines.importing import ImportReport, import_file


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

    def read(self, document: Any, folder: Path, name: str = "live.json") -> ImportReport:
        """What comes out of a document."""
        (folder / name).write_text(json.dumps(document))
        return import_file(folder / name, None, source="lean")

    def test_a_live_result_has_its_events_in_its_orders(self, tmp_path: Path) -> None:
        """As an object or a list, in the keys of any version; what it does not state is not compared."""
        events = [{"OrderId": 1, "order-event-id": None, "id": "x", **self.EVENTS[1]}]
        orders = {"1": {"events": events}, "2": {"Events": None}, "3": "none"}

        for document in ({"orders": orders}, {"Orders": list(orders.values())}):
            report = self.read(document, tmp_path)

            assert (report.fills, report.session.cash) == (1, Decimal("-14104.0"))
            assert [each.name for each in report.comparisons] == ["fills among the order events"]
            assert any("what the account began with; it was taken as 0" in note for note in report.notes)

    def test_events_alone_are_enough(self, tmp_path: Path) -> None:
        """Nothing but their number is compared; a result that is none is passed over."""
        alone = self.read(self.EVENTS, tmp_path, "other-order-events.json")
        (tmp_path / "other.json").write_text("[]")
        beside = self.read(self.EVENTS, tmp_path, "other-order-events.json")

        assert len(alone.comparisons) == len(beside.comparisons) == 1
        assert "compared with other.json" in beside.notes

    def test_totals_of_a_running_account(self, tmp_path: Path) -> None:
        """Are those of its statistics; what is held is not in a profit that was realized."""
        document = {
            "orders": {"1": {"events": self.EVENTS}},
            "runtimeStatistics": {"Fees": "-$2.00", "Net Profit": "$181.00", "Holdings": "$5.00", "Equity": True},
            "statistics": {"Start Equity": "$100,000", "End Equity": "$1 hundred"},
            "charts": {"Strategy Equity": {"series": {"Equity": {"values": [
                {"x": 1704205800, "y": 100000.5}, 7, [1704292200], {"x": "then", "y": 1}]}}}},
        }  # fmt: skip

        report = self.read(document, tmp_path)

        assert report.agrees
        assert {each.name for each in report.comparisons} == {
            "fills among the order events",
            "Total Fees",
            "Net Profit",
        }
        assert report.session.initial_cash == 100_000

    def test_points_of_its_chart_are_those_of_the_session(self, tmp_path: Path, repository: SessionRepository) -> None:
        """Points that are none are passed over."""
        path = self.files(tmp_path)
        values = [{"x": 1704205800, "y": 100000.5}, 7, [1704292200], {"x": "then", "y": 1}]
        path.write_text(json.dumps({"charts": {"Strategy Equity": {"series": {"Equity": {"values": values}}}}}))

        import_file(path, repository, source="lean", session_id="lean")

        assert [each.equity for each in repository.get_equity_curve("lean")] == [Decimal("100000.5")]

    def test_options_count_a_hundred_and_futures_settle_by_margin(self, tmp_path: Path) -> None:
        """By the names that LEAN gives them; a fee may be in the coin that was bought."""
        option, future = "SPY   240119C00470000", "ES15H24"
        named = [
            {**self.EVENTS[2], "symbolValue": option, "symbol": "SPY 32U8RNBP9J8O6|SPY R735QTJ8XC9X"},
            {
                **self.EVENTS[2],
                "symbolValue": option,
                "symbol": "SPY 32U8RNBP9J8O6|SPY R735QTJ8XC9X",
                "orderEventId": 4,
            },
            {**self.EVENTS[2], "symbolValue": future, "symbol": "ES YLZ9Z50BJE2P"},
            {**self.EVENTS[2], "symbolValue": "BTCUSD", "orderFeeAmount": 0.5, "orderFeeCurrency": "BTC"},
        ]

        session = self.read([{**each, "orderId": number} for number, each in enumerate(named)], tmp_path).session

        assert session.instruments[option].multiplier == 100
        assert session.instruments[future].settlement == "MARGIN"
        assert session.positions["BTCUSD"].quantity == Decimal("69.5")

    @pytest.mark.parametrize("nothing", ["NaN", "", None])
    def test_a_fee_that_is_no_number_is_none(self, nothing: str | None, tmp_path: Path) -> None:
        """As .NET writes it."""
        report = self.read([{**self.EVENTS[2], "orderFeeAmount": nothing}], tmp_path)

        assert (report.fills, report.fees, report.session.fees_paid) == (1, {}, 0)

    @pytest.mark.parametrize(
        ("document", "told"),
        [
            ("text", "neither a result of LEAN nor its order events"),
            ([7], "row 1: an order event is not an object"),
            ([{**EVENTS[2], "status": "odd"}], "row 1, column 'status': the status 'odd' is not known"),
            ([{**EVENTS[2], "fillPrice": None}], "row 1: the fill has no price, no time or no symbol"),
            ([{**EVENTS[2], "fillPrice": True}], "row 1, column 'fillprice': 'True' is not a number"),
            ([EVENTS[0]], r"there are no trades in it \(1 rows: order events: submitted\)"),
        ],
    )
    def test_a_document_that_is_none_of_lean(self, document: Any, told: str, tmp_path: Path) -> None:
        """Is refused, with the place of what is wrong."""
        with pytest.raises(SourceFileError, match=rf"^live\.json.*{told}"):
            self.read(document, tmp_path)
