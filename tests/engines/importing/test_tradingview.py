"""Lists of trades of TradingView's strategy tester, written here in the variants that it exports."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from paper_repo import SourceFileError
from paper_repo.engines.importing import ImportReport, import_file

HEAD = "Trade #,Type,Date/Time,Signal,Price USD,Position size (qty),Net P&L USD,Cumulative P&L USD"
EXIT = "1,Exit long,2024-01-05 15:30,TP,110,10,97.9,97.9"
ENTRY = "1,Entry long,2024-01-02 09:30,Long,100,10,97.9,97.9"


def dry(folder: Path, *rows: str, head: str = HEAD, **options: Any) -> ImportReport:
    """What comes out of a list with these rows."""
    path = folder / "list.csv"
    path.write_text("\n".join((head, *rows)) + "\n", encoding="utf-8")
    return import_file(path, None, source="tradingview", **{"timezone": "UTC", "symbol": "BTCUSD", **options})


def short(found: ImportReport) -> list[tuple[str, str, str, str]]:
    """Side, quantity, price and fee of the first fills."""
    return [(each.side.value, str(each.quantity), str(each.price), str(each.fee)) for each in found.first]


BOTH = [("BUY", "10", "100", "1"), ("SELL", "10", "110", "1.1")]


def test_the_commission_is_what_the_profit_lacks(tmp_path: Path) -> None:
    """Shared by what entry and exit were worth, in whichever order they stand; footers and blank rows are no trades."""
    for rows in ((EXIT, ENTRY), (ENTRY, EXIT)):
        found = dry(tmp_path, *rows, ",,,,,,,", "Total,All,,,,,97.9,")

        assert short(found) == BOTH
        assert found.agrees
        assert found.left_out == {"blank row": 1, "neither entry nor exit (a total or a footer)": 1}


def test_a_list_without_profits(tmp_path: Path) -> None:
    """Tells no commission, and nothing to compare with; the symbol that it does not name is noted."""
    found = dry(
        tmp_path,
        *(",".join(row.split(",")[:3] + row.split(",")[4:6]) for row in (EXIT, ENTRY)),
        head="Trade #,Type,Date/Time,Price USD,Contracts",
        symbol=None,
    )

    assert [fee for *_, fee in short(found)] == ["0", "0"]
    assert (found.comparisons, found.session.symbols) == ((), ("?",))
    assert any("does not name its symbol; it was taken as '?'" in note for note in found.notes)


def test_an_exit_without_a_price(tmp_path: Path) -> None:
    """Is that of an open trade, wherever it stands; a trade without an exit is open too."""
    open_exit = "2,Exit long,,,,10,,"
    second, third = ENTRY.replace("1,Entry", "2,Entry"), ENTRY.replace("1,Entry", "3,Entry")

    for rows in ((open_exit, second), (second, open_exit)):
        found = dry(tmp_path, EXIT, ENTRY, *rows, third)

        assert found.fills == 4
        assert found.left_out == {"valuation of an open trade": 1}
        assert found.session.positions["BTCUSD"].quantity == 20


def test_an_account_in_another_currency(tmp_path: Path) -> None:
    """Its profits tell no commission; the price needs a rate."""
    head = HEAD.replace("Net P&L USD", "Net P&L EUR")

    with pytest.raises(SourceFileError, match=r"BTCUSD \(row 3\) is priced in USD, of which no rate in EUR"):
        dry(tmp_path, EXIT, ENTRY, head=head)
    found = dry(tmp_path, EXIT, ENTRY, head=head, rates={"USD": "0.979"})

    assert (found.session.base_currency, found.fees) == ("EUR", {})
    assert found.agrees


VALUED = HEAD + ",Position size (value)"


@pytest.mark.parametrize(("value", "multiplier"), [("20000", 20), ("1.0", "0.001")])
def test_the_value_of_a_position_implies_a_multiplier(value: str, multiplier: Any, tmp_path: Path) -> None:
    """Which is proposed, and never applied unasked; a value of nothing implies none."""
    rows = f"{EXIT},{value}", f"{ENTRY},{value}"

    with pytest.raises(SourceFileError, match=f"the amounts of BTCUSD imply a multiplier of {multiplier}: say"):
        dry(tmp_path, *rows, head=VALUED)

    gross = 100 * Decimal(multiplier)
    profit = ",".join(map(str, (gross - Decimal("0.02"), gross - Decimal("0.02"))))
    rows = tuple(each.replace("97.9,97.9", profit) for each in rows)
    assert dry(tmp_path, *rows, head=VALUED, multipliers={"BTCUSD": multiplier}).agrees
    assert short(dry(tmp_path, f"{EXIT},0", f"{ENTRY},0", head=VALUED)) == BOTH


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ((EXIT, EXIT), r"row 3: trade 1 has two rows of its exit"),
        ((EXIT,), r"row 2: trade 1 has an exit, and no entry"),
        ((EXIT, ENTRY.replace(",100,10,", ",,10,")), r"row 3: the row has no price or no quantity"),
        ((EXIT, ENTRY.replace(",100,10,", ",100,ten,")), r"row 3, column 'Position size \(qty\)': 'ten' is not"),
        ((EXIT, ENTRY.replace("09:30", "soon")), r"row 3, column 'Date/Time': '2024-01-02 soon' is not a time"),
    ],
)
def test_a_row_that_makes_no_trade(rows: tuple[str, ...], told: str, tmp_path: Path) -> None:
    """Is named by its place."""
    with pytest.raises(SourceFileError, match=rf"^list\.csv, {told}"):
        dry(tmp_path, *rows)


@pytest.mark.parametrize("missing", ["price", "quantity"])
def test_a_list_without_a_column_that_it_needs(missing: str, tmp_path: Path) -> None:
    """Is to be exported again."""
    name = {"price": "Price USD", "quantity": "Position size (qty)"}[missing]

    with pytest.raises(SourceFileError, match=f"has a column for the {missing}; export it again"):
        dry(tmp_path, EXIT, ENTRY, head=HEAD.replace(name, "Other"))


def test_its_columns_are_not_named() -> None:
    """What the caller says of them would be heard by nobody; nor is it proposed."""
    path = Path(__file__).parent / "samples" / "tradingview_trades.csv"

    with pytest.raises(SourceFileError, match="a list of TradingView, which has columns of its own"):
        import_file(path, None, source="csv", timezone="UTC", columns={"fee": "Signal"})
