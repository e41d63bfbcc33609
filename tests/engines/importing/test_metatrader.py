"""Reports of MetaTrader 5 and statements of MetaTrader 4, written here as the terminals write them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from paper_repo import SourceFileError
from paper_repo.engines.importing import ImportReport, import_file

DEALS = "Time|Deal|Symbol|Type|Direction|Volume|Price|Order|Commission|Swap|Profit|Balance|Comment"
CLOSED = "Ticket|Open Time|Type|Size|Item|Price|S / L|T / P|Close Time|Price|Commission|Taxes|Swap|Profit"


def report(*rows: str) -> str:
    """A document with these rows, whose cells are separated by strokes."""
    cells = ("".join(f"<td>{cell}</td>" for cell in row.split("|")) for row in rows)
    return "<html><table>" + "\n".join(f"<tr>{each}</tr>" for each in cells) + "</table></html>"


def dry(folder: Path, *rows: str, **options: Any) -> ImportReport:
    """What comes out of a report with these rows."""
    path = folder / "report.html"
    path.write_text(report(*rows), encoding="utf-8")
    return import_file(path, None, source="metatrader", **{"timezone": "UTC", **options})


def short(found: ImportReport) -> list[tuple[str, str, str, str | None]]:
    """Side, quantity, price and position of the first fills."""
    return [(each.side.value, str(each.quantity), str(each.price), each.position_id) for each in found.first]


class TestMetaTrader5:
    """A report of the history, with a table of deals."""

    NETTING = (
        "Account:|1 (USD, Demo, Netting)",
        "Deals",
        DEALS,
        "2024.03.01 00:00:00|1||balance|||||0.00|0.00|1 000.00|1 000.00|",
        "2024.03.01 10:00:00|2|US500|buy|in|1|5000|2|0.00|0.00|0.00|1 000.00|",
        "2024.03.01 11:00:00|3|US500|buy|in|1|5010|3|0.00|0.00|0.00|1 000.00|",
        "2024.03.01 12:00:00|4|US500|sell|in/out|3|5020|4|0.00|0.00|30.00|1 030.00|",
        "2024.03.01 13:00:00|5|US500|buy|out|1|5015|5|0.00|-0.50|5.00|1 034.50|",
    )

    def test_a_netting_account(self, tmp_path: Path) -> None:
        """Has one position in an instrument, at the average of its prices, which a larger sale turns round."""
        found = dry(tmp_path, *self.NETTING)

        assert found.agrees
        assert found.session.cash == Decimal("1034.5")
        assert (found.session.positions, found.session.base_currency) == ({}, "USD")
        assert {each.position_id for each in found.first} == {None}
        assert not any("began with" in note for note in found.notes)

    def test_the_positions_tell_what_a_deal_has_closed(self, tmp_path: Path) -> None:
        """Of two positions of the same volume, the one that its table gives that exit."""
        found = dry(
            tmp_path,
            "Account:|1 (USD, Demo, Hedge)",
            "Positions",
            "Time|Position|Symbol|Type|Volume|Price|S / L|T / P|Time|Price|Commission|Swap|Profit",
            "2024.03.01 11:00:00|3|US500|buy|1|5010|||2024.03.01 12:00:00|5020|0.00|0.00|10.00",
            "2024.03.01 11:00:00|3|US500|buy|many|5010|||2024.03.01 12:00:00|5020|0.00|0.00|10.00",
            "2024.03.01 11:00:00|3|US500|hold|1|5010|||2024.03.01 12:00:00|5020|0.00|0.00|10.00",
            "Deals",
            *self.NETTING[2:6],
            "2024.03.01 12:00:00|4|US500|sell|out|1|5020|4|0.00|0.00|10.00|1 010.00|",
        )

        assert short(found) == [("BUY", "1", "5000", "2"), ("BUY", "1", "5010", "3"), ("SELL", "1", "5020", "3")]
        assert found.agrees
        assert list(found.session.positions) == ["2"]

    def test_payments_are_of_their_kinds(self, tmp_path: Path) -> None:
        """A charge is a fee; what came to nothing is left out, like a deal that filled nothing."""
        found = dry(
            tmp_path,
            *self.NETTING,
            "2024.03.02 00:00:00|6||charge|||||0.00|0.00|-2.00|1 032.50|data",
            "2024.03.02 00:00:00|7||dividend|||||0.00|0.00|4.00|1 036.50|",
            "2024.03.02 00:00:00|8||whatever|||||0.00|0.00|1.00|1 037.50|",
            "2024.03.02 00:00:00|9||credit|||||0.00|0.00|0.00|1 037.50|",
            "2024.03.02 00:00:00|10|US500|buy|in|0|5000|7|0.00|0.00|0.00|1 037.50|",
            "|||||||||0.00|-0.50|38.00|1 037.50|",
        )

        assert (found.flows, found.session.cash) == (4, Decimal("1037.5"))
        assert found.left_out["deals: credit of nothing"] == found.left_out["deals: nothing was filled"] == 1
        assert found.left_out["deals: totals"] == 1
        assert sorted(found.kept) == ["comment", "direction", "swap", "type"]
        assert found.agrees

    def test_a_pair_in_another_currency(self, tmp_path: Path) -> None:
        """Needs its rate; commissions are in the currency of the account all the same."""
        rows = (
            *self.NETTING[:4],
            "2024.03.01 10:00:00|2|USDJPY|buy|in|100|150|2|-1.00|0.00|0.00|999.00|",
            "2024.03.01 12:00:00|3|USDJPY|sell|out|100|151|3|-1.00|0.00|0.67|998.67|",
        )

        with pytest.raises(SourceFileError, match=r"USDJPY \(row 5\) is priced in JPY, of which no rate in USD"):
            dry(tmp_path, *rows)
        found = dry(tmp_path, *rows, rates={"JPY": "0.0067"})

        assert found.fees == {"USD": Decimal(2)}
        assert (found.session.cash, found.session.balances) == (998, {"JPY": 100})
        assert found.agrees

    @pytest.mark.parametrize(
        ("row", "place", "problem"),
        [
            ("2024.03.01 10:00:00|2|US500|buy|in|1|high|2|0.00|0.00|0.00|1.00|", "row 9, column 'price'", "'high'"),
            ("on Friday|2|US500|buy|in|1|5000|2|0.00|0.00|0.00|1.00|", "row 9, column 'Time', fill '2'", "'on Friday'"),
        ],
    )
    def test_a_cell_that_cannot_be_read(self, row: str, place: str, problem: str, tmp_path: Path) -> None:
        """Is named by its place."""
        with pytest.raises(SourceFileError, match=problem) as caught:
            dry(tmp_path, *self.NETTING, row)
        assert f"report.html, {place}" in str(caught.value)

    def test_a_row_without_its_last_cells(self, tmp_path: Path) -> None:
        """Is read as if they were blank."""
        assert dry(tmp_path, *self.NETTING, "||Total|35.00").left_out["deals: totals"] == 1

    def test_no_table_of_deals(self, tmp_path: Path) -> None:
        """A report in another language, say: the message says how to get it in English."""
        german = "Zeit|Deal|Symbol|Typ|Richtung|Volumen|Preis|Order|Kommission|Swap|Gewinn|Kontostand|Kommentar"
        with pytest.raises(SourceFileError, match=r"no table of deals .* switch the terminal to English .* as HTML"):
            dry(tmp_path, "Konto:|1 (USD)", german)


class TestMetaTrader4:
    """A statement, with a table of closed transactions."""

    ROWS = (
        "Account: 1|Name: A|Currency: USD|2024 March 1",
        "Closed Transactions:",
        CLOSED,
        "1|2024.03.01 00:00|balance|Deposit||||||||||1 000.00",
        "2|2024.03.01 10:00|buy|0.10|eurusd|1.10000|0|0|2024.03.01 12:00|1.10500|-1.00|0.00|-0.50|50.00",
        "3|2024.03.01 11:00|sell|0.20|eurusd|1.10200|0|0|2024.03.01 13:00|1.10300|0.00|0.00|0.00|-20.00",
        "4|2024.03.01 11:00|buy limit|0.20|eurusd|1.00000|0|0|2024.03.01 13:00|1.10300|0.00|0.00|0.00|cancelled",
        "5|2024.03.01 11:00|buy|0.00|eurusd|1.00000|0|0|2024.03.01 13:00|1.10300|0.00|0.00|0.00|0.00",
        "||||||||||-1.00|0.00|-0.50|30.00",
        "Closed P/L:|28.50",
    )

    def test_a_statement(self, tmp_path: Path) -> None:
        """Each ticket is a position of its own, in and out; costs come with the exit."""
        found = dry(tmp_path, *self.ROWS, multipliers={"EURUSD": 100_000})

        assert short(found) == [
            ("BUY", "0.10", "1.10000", "2"), ("SELL", "0.20", "1.10200", "3"), ("SELL", "0.10", "1.10500", "2"),
            ("BUY", "0.20", "1.10300", "3"),
        ]  # fmt: skip
        assert found.session.cash == Decimal("1028.5")
        assert found.agrees
        assert found.left_out["closed transactions: buy limit, not filled"] == 1
        assert found.left_out["closed transactions: nothing was filled"] == 1
        assert found.left_out["closed transactions: totals"] == 2
        assert "comment" in found.kept

    def test_the_contract_size_is_proposed(self, tmp_path: Path) -> None:
        """By the profits, and never applied unasked."""
        with pytest.raises(SourceFileError, match="the amounts of EURUSD imply a multiplier of 100000: say"):
            dry(tmp_path, *self.ROWS)
