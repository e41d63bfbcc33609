"""Activity statements of Interactive Brokers, written here section by section, and flex queries."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from paper_repo import SessionRepository, Settlement, SourceFileError
from paper_repo.engines.importing import ImportReport, import_file

HEAD = "Account Information,Header,Field Name,Field Value\nAccount Information,Data,Base Currency,USD\n"
TRADES = (
    "Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Quantity,T. Price,Proceeds,Comm/Fee,Code"
)


def statement(folder: Path, *rows: str, head: str = HEAD) -> Path:
    """A statement with these rows."""
    path = folder / "activity.csv"
    path.write_text(head + "\n".join((TRADES, *rows)) + "\n", encoding="utf-8")
    return path


def dry(folder: Path, *rows: str, head: str = HEAD, **options: Any) -> ImportReport:
    """What comes out of a statement with these rows."""
    return import_file(statement(folder, *rows, head=head), None, source="ibkr", **options)


STOCK = 'Trades,Data,Trade,Stocks,USD,ACME,"2024-03-01, 09:31:05",10,10.5,-105,-1,O'


def test_times_are_those_of_new_york(tmp_path: Path) -> None:
    """Unless another zone is said; a note says what was taken."""
    there, here = dry(tmp_path, STOCK), dry(tmp_path, STOCK, timezone="UTC")

    assert there.first[0].executed_at == datetime(2024, 3, 1, 14, 31, 5, tzinfo=UTC)
    assert here.first[0].executed_at == datetime(2024, 3, 1, 9, 31, 5, tzinfo=UTC)
    assert "times were taken as America/New_York (timezone=..., --timezone)" in there.notes
    assert not any("New_York" in note for note in here.notes)


def test_orders_are_fills_where_there_are_no_others(tmp_path: Path) -> None:
    """Rows that say the same again, changes of currencies and rows of nothing are counted by their reasons."""
    order = STOCK.replace("Data,Trade", "Data,Order")

    alone = dry(tmp_path, order)
    found = dry(
        tmp_path,
        STOCK,
        order,
        'Trades,Data,Trade,Forex,USD,EUR.USD,"2024-03-01, 09:31:05",10,1.05,-10.5,0,',
        'Trades,Data,Trade,Stocks,USD,ACME,"2024-03-01, 09:31:05",0,10.5,0,0,',
        "Trades,Total,,Stocks,USD,,,,,-105,-1,",
        "Notes,Header,Text",
        "Notes,Data,Nothing",
        "Notes",
    )

    assert (alone.fills, found.fills) == (1, 1)
    assert found.left_out == {
        "account information: not booked": 1, "trades: Order, a repetition": 1, "trades: total": 1,
        "trades: Forex, a change of currencies": 1, "trades: nothing was filled": 1, "notes: not booked": 1,
    }  # fmt: skip


def test_instruments_have_the_multipliers_that_the_statement_says(tmp_path: Path) -> None:
    """Futures settle by margin; an option on a future has its own multiplier, and none is a hundred by itself."""
    found = dry(
        tmp_path,
        "Financial Instrument Information,Header,Asset Category,Symbol,Description,Multiplier",
        'Financial Instrument Information,Data,Futures,"ESM4, ES M4",E-mini,50',
        "Financial Instrument Information,Data,Options On Futures,ESM4 C5000,Call,50",
        'Trades,Data,Trade,Futures,USD,ESM4,"2024-03-01, 10:00:00",1,5000,-250000,-2,O',
        'Trades,Data,Trade,Futures,USD,ESM4,"2024-03-01, 11:00:00",1,5001,-250050,-2,O',
        'Trades,Data,Trade,Options On Futures,USD,ESM4 C5000,"2024-03-01, 12:00:00",1,10,-500,-2,O',
        'Trades,Data,Trade,Equity and Index Options,USD,ACME C12,"2024-03-01, 12:00:00",1,0.5,-50,-1,O',
    )

    instruments = found.session.instruments
    assert {symbol: (each.multiplier, each.settlement) for symbol, each in instruments.items()} == {
        "ESM4": (50, Settlement.MARGIN), "ESM4 C5000": (50, Settlement.CASH), "ACME C12": (100, Settlement.CASH),
    }  # fmt: skip
    assert found.session.cash == -7 - 500 - 50
    assert found.agrees


def test_a_multiplier_that_the_proceeds_contradict(tmp_path: Path) -> None:
    """Is proposed, and booked when it is said."""
    mini = 'Trades,Data,Trade,Equity and Index Options,USD,ACME C12,"2024-03-01, 12:00:00",1,0.5,-5,-1,O'

    with pytest.raises(SourceFileError, match="the amounts of ACME C12 imply a multiplier of 10: say"):
        dry(tmp_path, mini)
    assert dry(tmp_path, mini, multipliers={"ACME C12": 10}).session.cash == -6


def test_payments_are_of_their_kinds(tmp_path: Path, repository: SessionRepository) -> None:
    """Withdrawals, fees, taxes and interest; totals and rows of nothing are left out; the cash is compared."""
    path = statement(
        tmp_path,
        STOCK,
        "Deposits & Withdrawals,Header,Currency,Settle Date,Description,Amount",
        "Deposits & Withdrawals,Data,USD,2024-03-02,Wire,-50",
        "Deposits & Withdrawals,Data,USD,2024-03-02,Nothing,0",
        "Deposits & Withdrawals,Data,Total,,,-50",
        "Fees,Header,Subtitle,Currency,Date,Description,Amount",
        "Fees,Data,Other Fees,USD,2024-03-03,Data feed,-4.5",
        "Interest,Header,Currency,Date,Description,Amount",
        "Interest,Data,EUR,2024-03-04,EUR Credit Interest,2",
        "Dividends,Header,Currency,Date,Description,Amount",
        "Dividends,Data,USD,2024-03-05,Acme paid a dividend,3",
        "Cash Report,Header,Currency Summary,Currency,Total",
        "Cash Report,Data,Starting Cash,Base Currency Summary,1000",
        "Cash Report,Data,Commissions,Base Currency Summary,-1",
        "Cash Report,Data,Ending Cash,USD,842.5",
        "Cash Report,Data,Ending Cash,Base Currency Summary,844.7",
    )

    report = import_file(path, repository, source="ibkr", session_id="i", rates={"EUR": "1.1"})

    assert [(each.kind, each.amount, each.currency, each.symbol) for each in repository.get_cash_flows("i")] == [
        ("WITHDRAWAL", -50, None, None), ("FEE", Decimal("-4.5"), None, None), ("INTEREST", 2, "EUR", None),
        ("DIVIDEND", 3, None, None),
    ]  # fmt: skip
    assert (report.session.initial_cash, report.session.cash) == (1000, Decimal("842.5"))
    assert report.agrees
    assert report.left_out["deposits & withdrawals: total"] == report.left_out["deposits & withdrawals: no amount"] == 1


def test_a_payment_in_a_currency_without_a_rate(tmp_path: Path) -> None:
    """Is refused where it is, with the way out."""
    rows = "Interest,Header,Currency,Date,Description,Amount", "Interest,Data,EUR,2024-03-04,Credit Interest,2"

    with pytest.raises(
        SourceFileError, match=r"activity\.csv, row 6, fill '.*EUR.*\(rates=\.\.\., --rate EUR=\.\.\.\)"
    ):
        dry(tmp_path, STOCK, *rows)


@pytest.mark.parametrize(
    ("row", "place", "problem"),
    [
        (STOCK.replace("10.5", "cheap"), "row 4, column 'tprice'", "'cheap' is not a number"),
        (STOCK.replace("2024-03-01, 09", "1 March, 9"), "row 4, column 'date/time'", "is not a time"),
        ("Dividends,Data,USD,2024-03-05,Acme,3", "row 4", "section 'Dividends' has no headings"),
    ],
)
def test_a_row_that_cannot_be_read(row: str, place: str, problem: str, tmp_path: Path) -> None:
    """Is named by its place."""
    with pytest.raises(SourceFileError, match=problem) as caught:
        dry(tmp_path, row)
    assert f"activity.csv, {place}:" in str(caught.value)


def test_a_statement_that_names_no_base_currency(tmp_path: Path) -> None:
    """Is in that of most of its prices; rows of another are left out when that is allowed, and not compared."""
    abroad = 'Trades,Data,Trade,Stocks,EUR,SAP,"2024-03-01, 09:31:05",1,100,-100,-2,O'

    found = dry(
        tmp_path, STOCK, STOCK, abroad,
        head="Statement,Header,Field Name,Field Value\n", base_currency="USD", allow=["foreign-rows"],
    )  # fmt: skip

    assert (found.session.base_currency, found.fills) == ("USD", 2)
    assert found.left_out["priced in EUR, without a rate"] == 1


def test_a_trade_without_proceeds_tells_no_multiplier(tmp_path: Path) -> None:
    """And one without a fee has none."""
    row = 'Trades,Data,Trade,Equity and Index Options,USD,ACME C12,"2024-03-01, 12:00:00",1,0.5,,,O'

    assert dry(tmp_path, row).session.cash == -50


def test_a_flex_query_is_one_table(tmp_path: Path) -> None:
    """Read like any other."""
    path = tmp_path / "flex.csv"
    path.write_text(
        "TradeID,Symbol,DateTime,Buy/Sell,Quantity,TradePrice,IBCommission,IBCommissionCurrency,CurrencyPrimary\n"
        "7,ACME,20240301;093105,BUY,10,10.5,-1,USD,USD\n8,ACME,20240302;093105,SELL,-10,11,-1,USD,USD\n"
    )

    found = import_file(path, None, source="ibkr", timezone="America/New_York")

    assert (found.fills, found.session.cash, found.fees) == (2, 3, {"USD": 2})
