"""What stands in the cells of tables: numbers, times, words, and the rows that hold no fill."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from paper_repo import SourceFileError
from paper_repo.engines.importing import ImportReport, import_file

FILLS = "time,symbol,side,qty,price"
TRIPS = "symbol,side,qty,entry time,exit time,entry price,exit price"


def dry(folder: Path, *rows: str, **options: Any) -> ImportReport:
    """What comes out of a file with these rows."""
    path = folder / "trades.csv"
    path.write_text("\n".join(rows), encoding="utf-8")
    return import_file(path, None, source="csv", **{"timezone": "UTC", **options})


def fills_of(report: ImportReport) -> list[tuple[str, str, Decimal, Decimal]]:
    """Symbol, side, quantity and price of each."""
    return [(each.symbol, each.side.value, each.quantity, each.price) for each in report.first]


@pytest.mark.parametrize(
    ("price", "value"),
    [
        ('"1,234,567.5"', "1234567.5"),
        ("1 451.76", "1451.76"),
        ("1'451.76", "1451.76"),
        ("$1451.76", "1451.76"),
        ("1451.76 USD", "1451.76"),
        ("EUR 1451.76", "1451.76"),
        ("1.5e-7", "0.00000015"),
        ("1.5E3", "1500"),
        (".5", "0.5"),
        ("+7.25", "7.25"),
        ("5.", "5"),
    ],
)
def test_numbers(tmp_path: Path, price: str, value: str) -> None:
    """The same number, however it is written."""
    report = dry(tmp_path, FILLS, f"2024-01-02,A,buy,1,{price}")

    assert report.first[0].price == Decimal(value)


@pytest.mark.parametrize("quantity", ["-3", "(3)", "3-", "−3", "($3)", "-$3"])
def test_a_quantity_below_zero_is_a_sale(tmp_path: Path, quantity: str) -> None:
    """Where no column is the side, however the sign is written."""
    report = dry(tmp_path, "time,symbol,qty,price", "2024-01-02,A,3,5", f"2024-01-03,A,{quantity},6")

    assert fills_of(report) == [("A", "BUY", 3, 5), ("A", "SELL", 3, 6)]


@pytest.mark.parametrize("nothing", ["", "-", "--", "n/a", "NaN", "None", "null", "—"])
def test_no_number_is_no_fee(tmp_path: Path, nothing: str) -> None:
    """Blanks and their like are none, not zeros that are wrong."""
    report = dry(
        tmp_path, f"{FILLS},fee", f"2024-01-02,A,buy,1,5,{nothing}", "2024-01-02,A,buy,1,5,1", "2024-01-02,A,buy,1,5,1"
    )

    assert [each.fee for each in report.first] == [0, 1, 1]


def test_the_decimal_sign_is_decided_by_the_whole_file(tmp_path: Path) -> None:
    """By a number that has several thousands, and one far below decides for those above; the caller may say it."""
    rows = ("2024-01-02;A;buy;1;1.500", "2024-01-03;A;buy;1;1.234.567")
    assert [each.price for each in dry(tmp_path, FILLS.replace(",", ";"), *rows).first] == [1500, 1234567]
    asked = dry(tmp_path, FILLS.replace(",", ";"), rows[0], decimal_sign="comma")
    assert asked.first[0].price == 1500


def test_a_coin_may_begin_with_digits(tmp_path: Path) -> None:
    """What is glued to a number is told by the pair."""
    report = dry(
        tmp_path,
        "Date(UTC),Pair,Side,Price,Executed,Amount,Fee",
        "2024-01-02 10:00:00,1000SHIBUSDT,BUY,0.02,501000SHIB,1USDT,0.1USDT",
        "2024-01-03 10:00:00,1000SHIBUSDT,SELL,0.03,501000SHIB,1.5USDT,0.1USDT",
        timezone=None,
    )

    assert [(each.quantity, each.price, each.fee) for each in report.first] == [
        (50, Decimal("0.02"), Decimal("0.1")),
        (50, Decimal("0.03"), Decimal("0.1")),
    ]
    assert report.session.base_currency == "USDT"
    assert report.agrees


WANTED = "2024-01-13 14:30:00+00:00"


@pytest.mark.parametrize(
    "time",
    [
        "2024-01-13 14:30:00",
        "2024-01-13T15:30:00+01:00",
        "2024-01-13 15:30 +0100",
        "2024-01-13 09:30:00 UTC-5",
        "2024-01-13 14:30:00 GMT",
        "2024-01-13 14:30 (UTC)",
        "2024/1/13 14:30",
        "2024.01.13 14:30:00",
        "20240113;143000",
        "20240113 14:30:00",
        "13-01-2024 14:30",
        "13.01.24 14:30",
        "01/13/2024 2:30 PM",
        "1/13/2024 02:30:00 p.m.",
        "13 Jan 2024 14:30",
        '"Sat, 13 January 2024 14:30:00"',
        '"Jan 13, 2024 14:30"',
        "1705156200",
        "1705156200.000",
        "1705156200000",
        "1705156200000000",
        "1705156200000000000",
    ],
)
def test_times(tmp_path: Path, time: str) -> None:
    """The same moment, however it is written."""
    report = dry(tmp_path, FILLS, f"{time},A,buy,1,5")

    assert str(report.first[0].executed_at) == WANTED


@pytest.mark.parametrize(
    ("column", "cell", "problem"),
    [
        ("price", '"12,34.5"', "is not a number in the format of this file"),
        ("price", '"1,2345,678.5"', "is not a number in the format of this file"),
        ("price", "12:30", "is not a number"),
        ("price", "abc9", "is not a number"),
        ("price", "9" * 500 + "x", "is not a number"),
        ("price", "٣", "is not a number"),
        ("price", "1e401", "is too large or too small"),
        ("time", "noon", "is not a time"),
        ("time", "13 Foo 2024 10:00", "is not a time"),
        ("time", "2024-01-13 25 o'clock", "is not a time"),
        ("time", "2024-13-45", "month must be in"),
        ("time", "2024-01-13 10:00 EST", "has the zone 'EST', whose offset is not known"),
        ("time", "2024-01-13 13:00 PM", "is not a time of a clock with 12 hours"),
        ("time", "2024-01-13 10:00 +25:00", "has an offset from UTC that no time zone has"),
        ("time", "0001-01-01 00:00 +10:00", "is not a time between the years"),
        ("time", "1705", "is not a time"),
    ],
)
def test_a_cell_that_cannot_be_read(tmp_path: Path, column: str, cell: str, problem: str) -> None:
    """Is named with its row and column."""
    cells = {"time": "2024-01-13", "price": "5.25", column: cell}

    with pytest.raises(SourceFileError, match=problem) as caught:
        dry(tmp_path, FILLS, "2024-01-13,A,buy,1,5.25", f"{cells['time']},A,buy,1,{cells['price']}")
    assert (caught.value.row, caught.value.column) == (3, column)


@pytest.mark.parametrize(
    ("side", "expected"),
    [
        ("Bought 10 @ 5", "BUY"), ("Market Buy", "BUY"), ("limit sell", "SELL"), ("BOT", "BUY"), ("BTO", "BUY"),
        ("KAUF", "BUY"), ("buy_to_open", "BUY"), ("Sell to Close", "SELL"), ("Verkauf", "SELL"),
    ],
)  # fmt: skip
def test_words_for_sides(tmp_path: Path, side: str, expected: str) -> None:
    """In any case, alone or within a phrase."""
    report = dry(tmp_path, FILLS, f"2024-01-02,A,{side},1,5", allow=["shorts"])

    assert report.first[0].side.value == expected


@pytest.mark.parametrize(
    ("headings", "rows", "left_out"),
    [
        (FILLS, ["2024-01-02,,buy,1,5"], "no symbol (a total or a footer)"),
        (FILLS, ["2024-01-02,A,buy,0,5"], "nothing was filled"),
        (FILLS, ["2024-01-02,A,buy,,5"], "no quantity"),
        (FILLS, ["2024-01-02,A,buy,1,"], "no price"),
        (FILLS, ["2024-01-02,A,buy,,"], "neither quantity nor price (a total or a footer)"),
        (FILLS, ["Total,,,9,"], "no side (a total or a footer)"),
        (FILLS, ["2024-01-02,A,hold it,1,5"], "'holdit' is not a trade"),
        (FILLS, [FILLS], "headings, repeated"),
        (f"{FILLS},status", ["2024-01-02,A,buy,1,5,Rejected"], "not filled (rejected)"),
        (f"{FILLS},status".replace("qty", "filled qty"), ["2024-01-02,A,buy,0,5,Cancelled"], "not filled (cancelled)"),
        (f"{FILLS},status".replace("qty", "filled qty"), ["2024-01-02,A,,1,5,Cancelled"], "no side"),
        (f"{FILLS},total", ["2024-01-02,,dividend,,,"], "dividend without an amount"),
        (f"{FILLS},total", ["2024-01-02,,dividend,,,0"], "dividend of nothing"),
    ],
)
def test_rows_that_are_no_fills(tmp_path: Path, headings: str, rows: list[str], left_out: str) -> None:
    """Each is counted by its reason, and the others are booked."""
    ends = "," * (headings.count(",") - 4)
    report = dry(tmp_path, headings, f"2024-01-02,A,buy,1,5{ends}", f"2024-01-02,A,buy,1,5{ends}", *rows)

    assert report.left_out == {left_out: 1}
    assert report.fills == 2


def test_what_was_filled_before_it_was_cancelled_is_booked(tmp_path: Path) -> None:
    """Where the column says what was filled; what was only ordered was not."""
    row = "2024-01-02,A,buy,2,5,Cancelled"
    filled = dry(tmp_path, f"{FILLS},status".replace("qty", "filled qty"), row)

    assert fills_of(filled) == [("A", "BUY", 2, 5)]
    with pytest.raises(SourceFileError, match="there are no trades in it"):
        dry(tmp_path, f"{FILLS},status", row)


def test_what_costs_nothing_is_a_fill(tmp_path: Path) -> None:
    """Free shares, and what is settled in cash: the fill closes what is open."""
    report = dry(
        tmp_path,
        f"{FILLS},status",
        "2024-01-02,A,free share,1,,done",
        "2024-01-02,B,sell to open,2,5,done",
        "2024-01-03,B,assignment,2,,done",
        "2024-01-04,C,buy,2,5,done",
        "2024-01-05,C,index,2,7,cash_settled",
    )

    assert fills_of(report) == [
        ("A", "BUY", 1, 0),
        ("B", "SELL", 2, 5),
        ("B", "BUY", 2, 0),
        ("C", "BUY", 2, 5),
        ("C", "SELL", 2, 7),
    ]


def test_payments_have_their_sign_by_their_kind(tmp_path: Path) -> None:
    """A deposit below zero is a withdrawal; a withdrawal, fee or tax is paid whatever its sign."""
    report = dry(
        tmp_path,
        f"{FILLS},total",
        "2024-01-02,A,buy,1,5,",
        "2024-01-02,,deposit,,,100",
        "2024-01-03,,deposit,,,-10",
        "2024-01-04,,withdrawal,,,20",
        "2024-01-05,A,tax,,,1",
        "2024-01-06,,fee,,,-2",
    )

    assert (report.flows, report.session.net_deposits) == (5, 70)
    assert report.session.cash == 100 - 10 - 20 - 1 - 2 - 5


@pytest.mark.parametrize(
    ("headings", "row", "column", "problem"),
    [
        (f"{FILLS},status", "2024-01-02,A,zzz,1,5,filled", "side", "'zzz' is not known as a side"),
        (f"{FILLS},event", "2024-01-02,A,long,1,5,maybe", "event", "says neither that the fill opens nor"),
        (f"{FILLS},multiplier", "2024-01-02,A,buy,1,5,20", None, "the multiplier of 'A' is 20 here and 10 before"),
        (f"{FILLS},currency", "2024-01-02,A,buy,1,5,EUR", None, "'A' is priced in EUR here and in USD before"),
    ],
)
def test_a_row_that_contradicts_is_refused(
    tmp_path: Path, headings: str, row: str, column: str | None, problem: str
) -> None:
    """With its place in the file."""
    ends = {"status": "filled", "event": "open", "multiplier": "10", "currency": "USD"}[headings.split(",")[-1]]
    side = "long" if ends == "open" else "buy"
    rows = [f"2024-01-02,A,{side},1,5,{ends}"] * 3

    with pytest.raises(SourceFileError, match=problem) as caught:
        dry(tmp_path, headings, *rows, row)
    assert (caught.value.row, caught.value.column) == (5, column)


def test_a_multiplier_that_the_file_states_is_applied(tmp_path: Path) -> None:
    """In tables of fills and of round trips; one is none."""
    fills = dry(
        tmp_path, f"{FILLS},multiplier", "2024-01-02,A,buy,1,5,10", "2024-01-03,A,sell,1,6,10", "2024-01-03,B,buy,1,6,1"
    )
    trips = dry(tmp_path, f"{TRIPS},multiplier", "A,long,1,2024-01-02,2024-01-03,5,6,10")

    assert fills.session.realized_pnl == trips.session.realized_pnl == 10
    assert fills.session.instruments.keys() == {"A"}


def test_the_last_balance_is_compared_where_the_cash_is_known(tmp_path: Path) -> None:
    """Else it is only told; the last is the latest, also where the file is newest first."""
    rows = (f"{FILLS},balance", "2024-01-03,A,sell,1,6,101", "2024-01-02,A,buy,1,5,95")

    assert "the last balance is 101; with initial_cash=... (--cash) it is compared" in dry(tmp_path, *rows).notes
    report = dry(tmp_path, *rows, initial_cash=100)
    assert [(each.name, each.is_equal) for each in report.comparisons] == [("last balance", True)]
    assert not dry(tmp_path, *rows, initial_cash=90).agrees


@pytest.mark.parametrize(
    ("totals", "multiplier"),
    [
        (("1250", "2500", "1250.0"), "12.5"),
        (("1.25E3", "2.5E3", "1250"), "12.5"),
        (("123.456", "246.912", "123.456"), "1.23"),
    ],
)
def test_a_multiplier_of_any_size_is_proposed(tmp_path: Path, totals: tuple[str, ...], multiplier: str) -> None:
    """The roundest one that explains all totals."""
    rows = [f"2024-01-02,A,buy,{quantity},100,0,{total}" for quantity, total in zip("121", totals, strict=True)]

    with pytest.raises(SourceFileError, match=rf"imply a multiplier of {multiplier}: say"):
        dry(tmp_path, f"{FILLS},fee,total", *rows)


@pytest.mark.parametrize("profits", [["12.3456789123"] * 3, ["15", "25", "35"]])
def test_profits_without_a_multiplier_differ(tmp_path: Path, profits: list[str]) -> None:
    """What no round number explains is told as a difference."""
    rows = (f"A,long,1,2024-01-02,2024-01-03,5,6,{profit}" for profit in profits)
    report = dry(tmp_path, f"{TRIPS},profit", *rows)

    assert [(each.booked, each.is_equal) for each in report.comparisons] == [(3, False)]


def test_long_and_short_alone_are_purchases_and_short_sales(tmp_path: Path) -> None:
    """Where no other column says whether a fill opens or ends a position."""
    report = dry(tmp_path, f"{FILLS},type", "2024-01-02,A,long,2,5,limit", "2024-01-03,A,short,3,6,market")

    assert fills_of(report) == [("A", "BUY", 2, 5), ("A", "SELL", 3, 6)]


def test_only_the_first_rows_of_a_symbol_tell_its_multiplier(tmp_path: Path) -> None:
    """The sums are of all of them."""
    rows = [f"2024-01-02,A,buy,1,5,{total}" for total in [5] * 1000 + [500] * 2]

    report = dry(tmp_path, f"{FILLS},total", *rows)

    assert [(each.stated, each.booked) for each in report.comparisons] == [(6000, 5010)]


class TestRoundTrips:
    """A row with an entry and an exit."""

    @pytest.mark.parametrize(
        ("row", "left_out"),
        [
            (TRIPS, "headings, repeated"),
            (",,,,,,", "blank row"),
            ("A,long,,2024-01-02,2024-01-03,5,6", "neither quantity nor entry price (a total or a footer)"),
            ("A,long,0,2024-01-02,2024-01-03,5,6", "nothing was filled"),
            (",long,1,2024-01-02,2024-01-03,5,6", "no symbol (a total or a footer)"),
        ],
    )
    def test_rows_that_are_none(self, tmp_path: Path, row: str, left_out: str) -> None:
        """Are counted by their reason."""
        report = dry(tmp_path, TRIPS, "A,long,1,2024-01-02,2024-01-03,5,6", row)

        assert (report.fills, report.left_out) == (2, {left_out: 1})

    def test_neither_long_nor_short_is_refused(self, tmp_path: Path) -> None:
        """With its place."""
        row = "A,{},1,2024-01-02,2024-01-03,5,6"
        with pytest.raises(SourceFileError, match="'flat' is neither long nor short") as caught:
            dry(tmp_path, TRIPS, row.format("long"), row.format("SHORT"), row.format("flat"))
        assert (caught.value.row, caught.value.column) == (4, "side")

    @pytest.mark.parametrize("exit_time", ["", "-", "NaT", "nan"])
    def test_without_an_exit_it_is_open(self, tmp_path: Path, exit_time: str) -> None:
        """Only the entry is a fill, whatever price stands beside it."""
        report = dry(tmp_path, TRIPS, "A,long,1,2024-01-02,2024-01-03,5,6", f"A,short,2,2024-01-04,{exit_time},5,6")

        assert fills_of(report)[2:] == [("A", "SELL", 2, 5)]
        assert "1 trades are still open: their entries were booked" in report.notes

    def test_an_open_one_may_be_marked(self, tmp_path: Path) -> None:
        """Its exit is a valuation."""
        report = dry(
            tmp_path,
            f"{TRIPS},is_open",
            "A,long,1,2024-01-02,2024-01-03,5,6,True",
            "A,long,1,2024-01-02,2024-01-03,5,6,no",
        )

        assert (report.fills, report.session.positions["A"].quantity) == (3, 1)

    @pytest.mark.parametrize(
        ("headings", "cells", "fees"),
        [
            ("entry fee,exit fee", "1,-2", [1, 2]),
            ("fee_open,fee_close", "0.1,0.1", [1, 3]),
            ("fee", "4", [1, 3]),
            ("fee", "", [0, 0]),
            ("", "", [0, 0]),
        ],
    )
    def test_fees(self, tmp_path: Path, headings: str, cells: str, fees: list[int]) -> None:
        """Are stated, or by rates, or shared by what entry and exit were worth."""
        report = dry(tmp_path, f"{TRIPS},{headings}", f"A,long,1,2024-01-02,2024-01-03,10,30,{cells}")

        assert [each.fee for each in report.first] == fees

    def test_ids_and_the_sign_of_the_quantity(self, tmp_path: Path) -> None:
        """The two fills have ids of their own; where nothing else tells, a quantity below zero is short."""
        headings = f"{TRIPS},trade id,profit,tag".replace("side,", "")
        report = dry(tmp_path, headings, "A,-1,2024-01-02,2024-01-03,5,4,7,1,x", "A,1,2024-01-04,2024-01-05,5,6,8,,")

        assert [(each.id, each.side.value) for each in report.first] == [
            ("7-entry", "SELL"), ("7-exit", "BUY"), ("8-entry", "BUY"), ("8-exit", "SELL"),
        ]  # fmt: skip
        assert report.first[0].metadata["tag"] == "x"
        assert [(each.stated, each.is_equal) for each in report.comparisons] == [(1, False)]

    def test_the_symbol_may_be_said(self, tmp_path: Path) -> None:
        """Where the table has none."""
        rows = (TRIPS.replace("symbol,", ""), "long,1,2024-01-02,2024-01-03,5,6")
        with pytest.raises(SourceFileError, match="no column is known to be the symbol"):
            dry(tmp_path, *rows)
        assert fills_of(dry(tmp_path, *rows, symbol="ES")) == [("ES", "BUY", 1, 5), ("ES", "SELL", 1, 6)]


class TestText:
    """Lines and headings."""

    @pytest.mark.parametrize(
        ("tail", "problem"),
        [
            (
                "2024-01-02,\xff\xfe,buy,1,5\n".encode("latin-1"),
                "it is not utf-8 text after this row; save it as UTF-8",
            ),
            (b"2024-01-02,\0,buy,1,5\n", "the line has NUL characters"),
        ],
    )
    def test_what_breaks_off_far_below(self, tmp_path: Path, tail: bytes, problem: str) -> None:
        """Is found while the rows are read."""
        path = tmp_path / "trades.csv"
        path.write_bytes(f"{FILLS}\n".encode() + b"2024-01-02,A,buy,1,5\n" * 5000 + tail)

        with pytest.raises(SourceFileError, match=problem) as caught:
            import_file(path, None, source="csv", timezone="UTC")
        assert caught.value.row is not None

    def test_many_rows_are_sorted_on_disk(self, tmp_path: Path) -> None:
        """More than one batch of them, in any order."""
        rows = [f"{1704189600 + each * 7919 % 5003},A,buy,1,5" for each in range(5003)]
        report = dry(tmp_path, FILLS, *rows)

        assert report.fills == 5003
        times = [each.executed_at for each in report.first]
        assert times == sorted(times)
        assert times[0].timestamp() == 1704189600

    def test_the_caller_may_write_a_heading_otherwise(self, tmp_path: Path) -> None:
        """Case and blanks make no difference."""
        rows = ("time,symbol,side,qty,My Price", "2024-01-02,A,buy,1,5")

        assert dry(tmp_path, *rows, columns={"price": "my_price"}).first[0].price == 5
