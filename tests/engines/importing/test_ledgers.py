"""Ledgers of Binance and Coinbase, where a trade is several rows, written here as the exchanges write them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from paper_repo import SessionRepository, SourceFileError
from paper_repo.engines.importing import ImportReport, import_file

BINANCE = "User_ID,UTC_Time,Account,Operation,Coin,Change,Remark"
COINBASE = "portfolio,type,time,amount,balance,amount/balance unit,transfer id,trade id,order id"


def dry(folder: Path, *rows: str, **options: Any) -> ImportReport:
    """What comes out of a ledger with these rows."""
    path = folder / "ledger.csv"
    path.write_text("\n".join(rows), encoding="utf-8")
    return import_file(path, options.pop("repository", None), source="csv", **options)


def short(report: ImportReport) -> list[tuple[str, str, Decimal, Decimal, Decimal]]:
    """Symbol, side, quantity, price and fee of the first fills."""
    return [(each.symbol, each.side.value, each.quantity, each.price, each.fee) for each in report.first]


class TestBinance:
    """A transaction history: the legs of one second belong together."""

    ROWS = (
        BINANCE,
        "1,2021-05-01 10:00:00,Spot,Deposit,USDT,1000,",
        "1,2021-05-09 12:06:40,Spot,Fee,DOGE,-0.4,",
        "1,2021-05-09 12:06:40,Spot,Buy,DOGE,400,",
        "1,2021-05-09 12:06:40,Spot,Transaction Related,USDT,-100,",
        "1,2021-05-19 13:48:59,Spot,Transaction Related,DOGE,-200,",
        "1,2021-05-19 13:48:59,Spot,Fee,USDT,-0.08,",
        "1,2021-05-19 13:48:59,Spot,Buy,USDT,80,",
    )

    def test_legs_make_fills(self, tmp_path: Path) -> None:
        """Which side it is the signs tell, not the word; a fee in the coin is taken out of what was bought."""
        found = dry(tmp_path, *self.ROWS)

        assert [each[:3] for each in short(found)] == [
            ("DOGEUSDT", "BUY", Decimal("399.6")),
            ("DOGEUSDT", "SELL", Decimal(200)),
        ]
        assert found.first[1].price == Decimal("0.4")
        assert found.session.cash == Decimal("979.92")
        assert found.session.positions["DOGEUSDT"].quantity == Decimal("199.6")
        assert [str(each) for each in found.comparisons] == [
            "sum of USDT in trades: -20.08 in the file, -20.08 booked: equal"
        ]
        assert (found.agrees, found.rows_read, found.fees) == (
            True,
            7,
            {"DOGE": Decimal("0.4"), "USDT": Decimal("0.08")},
        )

    def test_partial_fills_of_one_second(self, tmp_path: Path) -> None:
        """Are told apart by their size, where each has an even price, and their fees with them."""
        found = dry(
            tmp_path,
            BINANCE,
            "1,2022-05-20 01:00:00,Spot,Transaction Spend,USDT,-60.1,",
            "1,2022-05-20 01:00:00,Spot,Transaction Buy,BTC,0.001,",
            "1,2022-05-20 01:00:00,Spot,Transaction Fee,BNB,-0.0002,",
            "1,2022-05-20 01:00:00,Spot,Transaction Spend,USDT,-30,",
            "1,2022-05-20 01:00:00,Spot,Transaction Fee,BNB,-0.0001,",
            "1,2022-05-20 01:00:00,Spot,Transaction Buy,BTC,0.002,",
            rates={"BNB": 300},
        )

        assert short(found) == [
            ("BTCUSDT", "BUY", Decimal("0.001"), Decimal(30000), Decimal("0.0001")),
            ("BTCUSDT", "BUY", Decimal("0.002"), Decimal(30050), Decimal("0.0002")),
        ]
        assert {each.fee_currency for each in found.first} == {"BNB"}
        assert found.session.fees_paid == Decimal("0.09")

    def test_legs_that_are_not_told_apart_are_one_fill(self, tmp_path: Path) -> None:
        """At what all of it has cost; nothing of the money is lost."""
        found = dry(
            tmp_path,
            BINANCE,
            "1,2022-05-20 01:00:00,Spot,Transaction Sold,BTC,-0.003,",
            "1,2022-05-20 01:00:00,Spot,Transaction Revenue,USDT,50,",
            "1,2022-05-20 01:00:00,Spot,Transaction Revenue,USDT,50,",
            "1,2022-05-20 01:00:00,Spot,Transaction Fee,USDT,-0.1,",
            allow=["shorts"],
        )

        assert [each[:3] for each in short(found)] == [("BTCUSDT", "SELL", Decimal("0.003"))]
        assert found.first[0].price.quantize(Decimal("0.01")) == Decimal("33333.33")
        assert found.session.cash == Decimal("99.9")

    def test_what_is_no_trade_is_counted(self, tmp_path: Path) -> None:
        """Coins that came or went have no price; futures have no legs; a conversion is a trade of its own."""
        found = dry(
            tmp_path,
            *self.ROWS,
            "1,2021-06-01 10:00:00,Spot,Deposit,BTC,1,",
            "1,2021-06-01 10:00:00,Spot,Deposit,USDT,0,",
            "1,2021-06-01 10:00:00,Spot,Simple Earn Flexible Interest,DOGE,0.1,",
            "1,2021-06-01 10:00:00,USD-M Futures,Fee,USDT,-0.1,",
            "1,2021-06-01 10:00:00,Spot,Withdraw,USDT,-100,",
            "1,2021-06-02 10:00:00,Spot,Binance Convert,USDT,-30,",
            "1,2021-06-02 10:00:00,Spot,Binance Convert,ETH,0.01,",
            "1,2021-06-02 10:00:00,Spot,Buy,ETH,0.02,",
            "1,2021-06-02 10:00:00,Spot,Buy,USDT,-50,",
            ",,,,,,",
            "Total,,,,,,",
            BINANCE,
        )

        assert found.left_out == {
            "deposit of BTC, without a price in USDT": 1,
            "deposit of nothing": 1,
            "'Simple Earn Flexible Interest' is not a trade": 1,
            "account USD-M Futures: its trades are not in a ledger": 1,
            "no amount (a total or a footer)": 1,
            "blank row": 1,
            "headings, repeated": 1,
        }
        assert [each[1:4] for each in short(found)[2:]] == [
            ("BUY", Decimal("0.01"), 3000),
            ("BUY", Decimal("0.02"), 2500),
        ]
        assert found.session.cash == Decimal("799.92")

    def test_only_what_is_new_is_added(self, tmp_path: Path, repository: SessionRepository) -> None:
        """To a file that has grown."""
        assert dry(tmp_path, *self.ROWS[:5], repository=repository).booked_fills == 1
        assert dry(tmp_path, *self.ROWS, repository=repository).booked_fills == 1
        assert dry(tmp_path, *self.ROWS, repository=repository).booked_fills == 0

    @pytest.mark.parametrize(
        ("rows", "told"),
        [
            (["Transaction Buy,ETH,1"], r"the rows 9 belong together .*: \+1 ETH\. .* export a longer time; else"),
            (["Buy,ETH,1", "Buy,BTC,1", "Buy,USDT,-9"], r"rows 9, 10, 11 .*: \+1 ETH, \+1 BTC, -9 USDT"),
            (["Fee,BNB,-1"], "no leg; fees: -1 BNB"),
            (["Buy,ETH,1", "Buy,USDT,-9", "Fee,BNB,-1", "Fee,USDT,-1"], r"fees: -1 BNB, -1 USDT"),
            (["Buy,ETH,1", "Buy,USDT,9"], r"\+1 ETH, \+9 USDT"),
            (["Buy,XYZ,1", "Buy,UVW,-9"], r"\+1 XYZ, -9 UVW"),
            (["Buy,ETH,1", *["Buy,USDT,9"] * 7], r"the rows 9, 10, 11, 12, 13, 14, \.\.\. belong"),
        ],
    )
    def test_legs_that_make_no_trade_are_refused(self, tmp_path: Path, rows: list[str], told: str) -> None:
        """With their rows, their coins and the way out."""
        legs = (f"1,2021-07-01 10:00:00,Spot,{row}," for row in rows)

        with pytest.raises(SourceFileError, match=f"{told}.*export the trades") as caught:
            dry(tmp_path, *self.ROWS, *legs)
        assert caught.value.row == 9

    def test_the_currency_may_be_said(self, tmp_path: Path) -> None:
        """Where none of the coins is one that prices are known to be in, or another one is meant."""
        rows = (BINANCE, "1,2021-07-01 10:00:00,Spot,Buy,AB,3,", "1,2021-07-01 10:00:00,Spot,Buy,CD,-6,")

        with pytest.raises(SourceFileError, match="in a currency that is known; say which one: base_currency='USDT'"):
            dry(tmp_path, *rows)
        assert short(dry(tmp_path, *rows, base_currency="CD")) == [("ABCD", "BUY", 3, 2, 0)]
        assert short(dry(tmp_path, *rows, base_currency="AB", allow=["shorts"]))[0][:3] == ("CDAB", "SELL", 6)

    def test_a_time_needs_a_zone(self, tmp_path: Path) -> None:
        """Where its heading does not tell."""
        rows = [self.ROWS[0].replace("UTC_Time", "Time"), *self.ROWS[1:]]

        with pytest.raises(SourceFileError, match="has no time zone; say timezone='UTC'"):
            dry(tmp_path, *rows)
        assert dry(tmp_path, *rows, timezone="UTC").fills == 2
        with pytest.raises(SourceFileError, match="the ledger has no column of times"):
            dry(tmp_path, *(row.replace("Time", "When") for row in rows))

    def test_money_that_is_left_out(self, tmp_path: Path) -> None:
        """An unknown operation in the currency of the account is no agreement; the caller may say what it is."""
        rows = (
            *self.ROWS,
            "1,2021-05-20 10:00:00,Spot,Cashback Voucher,USDT,5,",
            "1,2021-05-20 10:00:00,Spot,Cashback Voucher,DOGE,5,",
        )

        unknown = dry(tmp_path, *rows)
        told = dry(tmp_path, *rows, words={"Cashback Voucher": "other", "cashback": "fee"})

        assert (unknown.agrees, unknown.money_left_out) == (
            False,
            {"'Cashback Voucher' is not a trade": {"USDT": Decimal(5)}},
        )
        assert (told.agrees, told.session.cash) == (True, unknown.session.cash + 5)
        assert "no row has the word 'cashback'" in told.notes
        assert (
            dry(tmp_path, *rows, words={"Cashback Voucher": "skip"}).left_out["'Cashback Voucher' is skipped, as asked"]
            == 2
        )


class TestCoinbase:
    """A statement of an account: the legs of a trade have its id, and every row the balance after it."""

    ROWS = (
        "default,deposit,2022-01-02T20:34:30.503Z,2000.00,3051.25,USD,aad1b211,,",
        "default,match,2022-01-03T20:04:08.967Z,-245.39,2805.86,USD,,258594329,3609df77",
        "default,match,2022-01-03T20:04:08.967Z,0.0053,0.0053,BTC,,258594329,3609df77",
        "default,fee,2022-01-03T20:04:08.967Z,-1.22695,2804.63305,USD,,258594329,3609df77",
        "default,match,2022-01-04T20:04:08.967Z,-0.0050,0.0003,BTC,,7,3609df78",
        "default,match,2022-01-04T20:04:08.967Z,240,3044.63305,USD,,7,3609df78",
        "default,fee,2022-01-04T20:04:08.967Z,-1.2,3043.43305,USD,,7,3609df78",
        "default,withdrawal,2022-01-05T20:04:08.967Z,-43.43305,3000,USD,aa,,",
    )

    @pytest.mark.parametrize("is_newest_first", [False, True])
    def test_balances_are_compared(self, tmp_path: Path, is_newest_first: bool) -> None:
        """The first tells what the account began with, the last is that of the cash; ids and orders are kept."""
        found = dry(tmp_path, COINBASE, *(reversed(self.ROWS) if is_newest_first else self.ROWS))

        assert [(each.id, each.order_id, each.side.value, each.price) for each in found.first] == [
            ("258594329", "3609df77", "BUY", 46300),
            ("7", "3609df78", "SELL", 48000),
        ]
        assert (found.session.initial_cash, found.session.cash) == (Decimal("1051.25"), 3000)
        assert [(each.name, each.stated, each.difference) for each in found.comparisons] == [
            ("sum of USD in trades", Decimal("-7.81695"), 0),
            ("last balance", 3000, 0),
        ]
        assert found.notes == ()
        assert found.session.symbols == ("BTC-USD",)

    def test_portfolios_are_one_account(self, tmp_path: Path) -> None:
        """Their balances are added."""
        other = [
            row.replace("default,", "second,").replace(",,258594329,", ",,8,").replace(",,7,", ",,9,")
            for row in self.ROWS
        ]
        found = dry(tmp_path, COINBASE, *self.ROWS, *other)

        assert found.fills == 4
        assert (found.session.initial_cash, found.session.cash) == (Decimal("2102.5"), 6000)
        assert found.agrees

    def test_a_row_that_is_left_out_makes_a_difference(self, tmp_path: Path) -> None:
        """Which the verdict states."""
        found = dry(
            tmp_path,
            COINBASE,
            *self.ROWS,
            "default,conversion,2022-01-06T20:04:08.967Z,-1000,2000,USD,bb,,",
            "default,match,2022-01-06T20:04:08.967Z,-1,,USD,,,",
        )

        assert found.left_out == {"'conversion' is not a trade": 1, "'match' without the id of a trade": 1}
        assert [each.difference for each in found.comparisons] == [0, 1000]
        assert not found.agrees
