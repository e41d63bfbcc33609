"""Tables of trades in the shapes, headings and formats that real files have."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from paper_repo import Fill, SessionRepository, SourceFileError
from paper_repo.engines.importing import ImportReport, import_file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where files are written."""
    return tmp_path


def written(folder: Path, text: str, encoding: str = "utf-8", name: str = "trades.csv") -> Path:
    """A file with this text."""
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def dry(path: Path, **options: Any) -> ImportReport:
    """What comes out of a file."""
    return import_file(path, None, source=options.pop("source", "csv"), **{"timezone": "UTC", **options})


def short(fills: tuple[Fill, ...]) -> list[tuple[str, str, str, str, str]]:
    """Symbol, side, quantity, price and fee of each."""
    return [(each.symbol, each.side.value, str(each.quantity), str(each.price), str(each.fee)) for each in fills]


PLAIN = "time,symbol,side,qty,price,fee\n2024-01-02 10:00:00,IBM,buy,3,100.5,1\n2024-01-03 10:00:00,IBM,sell,3,110,1\n"
BOTH = [("IBM", "BUY", "3", "100.5", "1"), ("IBM", "SELL", "3", "110", "1")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encodings_and_delimiters(folder: Path, encoding: str, delimiter: str) -> None:
    """Are found out."""
    text = PLAIN.replace(",", delimiter).replace("fee", "Gebühr")

    assert short(dry(written(folder, text, encoding), decimal_sign="point").first) == BOTH


@pytest.mark.parametrize(
    "text",
    [
        ("Date;Ticker;Action;No. of shares;Price / share;Fees & Comm\n"
        "02.01.2024 10:00;IBM;KAUF;3;100,5;1\n03.01.2024 10:00;IBM;VERKAUF;3;110;1\n"),
        ("tradeID,orderId,Instrument,Buy/Sell,Quantity,TradePrice,ibCommission,dateTime\n"
        "7,1,IBM,BOT,3,100.5,-1,20240102;100000\n8,2,IBM,SLD,-3,110,-1,20240103;100000\n"),
        ("ts,product_id,direction,size,px,commission\n"
        "1704189600000,IBM,LONG,3,$100.50,1\n1704276000000,IBM,sell,3,110,1\n"),
        ("Report of March\nAccount;1\n\nTimestamp (ms),Code,Qty,Price USD,Commission\n"
        "1704189600000,IBM,3,100.5,1\n1704276000000,IBM,(3),110,1\n\nTotal,,,,2\n"),
        ("Date,Time,Symbol,Type,Volume,Price,Commission\n"
        "01/02/2024,10:00:00 AM,IBM,Buy,3,100.5,1\n01/13/2024,2:30 PM,IBM,Sell,3,110,1\n"),
        ("Trade Date,Symbol,Side,Type,Qty,Price,Fee,Status\n"
        "2024-01-02T10:00:00Z,IBM,buy,market,3,100.5,1,filled\n"
        "2024-01-02T11:00:00Z,IBM,buy,limit,3,90,0,canceled\n"
        "2024-01-03T10:00:00+00:00,IBM,sell,limit,3,110,1,Filled\n"),
        ("Datum,Tijd,Product,Typ,Aantal,Koers,Transactiekosten\n"
        "02-01-2024,10:00,IBM,koop,3,\"100,50\",\"-1,00\"\n23-01-2024,10:00,IBM,verkoop,3,\"110,00\",\"-1,00\"\n"),
    ],
)  # fmt: skip
def test_headings_and_formats(folder: Path, text: str) -> None:
    """The same two fills, as different programs write them."""
    report = dry(written(folder, text))

    assert [(each[:2], *map(Decimal, each[2:])) for each in short(report.first)] == [
        (each[:2], *map(Decimal, each[2:])) for each in BOTH
    ]
    assert str(report.first[0].executed_at) == "2024-01-02 10:00:00+00:00"


LONG_AND_SHORT = [("BUY", "5"), ("SELL", "6"), ("SELL", "6"), ("BUY", "4")]


@pytest.mark.parametrize(
    "text",
    [
        (
            "time,event,symbol,direction,quantity,price,pnl\n2024-01-02,OPEN,A,LONG,1,5,\n2024-01-03,CLOSE,A,LONG,1,6,1\n"
            "2024-01-04,open,A,short,1,6,\n2024-01-05,close,A,short,1,4,2\n"
        ),
        (
            "time,coin,dir,px,sz,fee,closedPnl\n"
            "1/13/2024 - 10:00:00,A,Open Long,5,1,0,0\n1/14/2024 - 10:00:00,A,Close Long,6,1,0,1\n"
            "1/15/2024 - 10:00:00,A,Open Short,6,1,0,0\n1/16/2024 - 10:00:00,A,Close Short,4,1,0,2\n"
        ),
        (
            "execTime,symbol,side,execQty,execPrice,execType\n1704189600000,A,Buy,1,5,Trade\n1704189600001,A,Sell,1,5,Funding\n"
            "1704276000000,A,Sell,1,6,Trade\n1704276000001,A,Sell Short,1,6,Trade\n1704276000002,A,Buy,1,4,Trade\n"
        ),
    ],
)
def test_long_and_short(folder: Path, text: str) -> None:
    """A direction alone is no side: what ends a long position sells; funding is no fill."""
    report = dry(written(folder, text))

    assert [(each[1], each[3]) for each in short(report.first)] == LONG_AND_SHORT
    assert report.session.realized_pnl == 3
    assert report.agrees


def test_an_option_is_not_its_underlying(folder: Path) -> None:
    """Where the column of symbols names the share, the description names the contract."""
    text = (
        "Activity Date,Instrument,Description,Trans Code,Quantity,Price,Amount\n"
        "1/19/2024,IBM,Option Expiration for IBM 1/19/2024 Call $200,OEXP,1S,,\n"
        "1/16/2024,IBM,IBM 1/19/2024 Call $200.00,STO,1,$1.50,$149.95\n"
        '1/3/2024,IBM,"Intl Business",Buy,10,$180.00,"($1,800.00)"\n'
    )
    name = "IBM 1/19/2024 Call $200"

    with pytest.raises(SourceFileError, match=r"imply a multiplier of 100"):
        dry(written(folder, text))
    report = dry(written(folder, text), multipliers={name: 100})
    assert [(each[0], each[1], each[3]) for each in short(report.first)] == [
        ("IBM", "BUY", "180.00"),
        (name, "SELL", "1.50"),
        (name, "BUY", "0"),
    ]
    assert "there is no fee column, and Amount may include fees" in str(report)


@pytest.mark.parametrize(("first", "second", "total"), [("-402", "407.95", "809.95"), ("400", "410", "810")])
def test_totals_with_and_without_fees(folder: Path, first: str, second: str, total: str) -> None:
    """Either way they are compared; the currency of a price may stand behind it without a heading."""
    text = (
        "date,product,side,size,price,,fee,total\n"
        f"2024-01-02,B,BUY,0.01,40000,EUR,2,{first}\n2024-01-03,B,SELL,0.01,41000,EUR,2.05,{second}\n"
    )

    report = dry(written(folder, text))

    assert report.session.base_currency == "EUR"
    assert (report.agrees, sum(each.booked for each in report.comparisons)) == (True, Decimal(total))


def test_newest_first_is_turned_round(folder: Path) -> None:
    """Also among fills of one moment."""
    rows = [
        "2024-01-03,IBM,sell,3,9,0",
        "2024-01-03,IBM,buy,1,7,0",
        "2024-01-02,IBM,buy,2,5,0",
        "2024-01-02,IBM,buy,1,4,0",
    ]
    text = "date,symbol,side,qty,price,fee\n" + "\n".join(rows)

    prices = [each.price for each in dry(written(folder, text), allow=["shorts"]).first]

    assert prices == [4, 5, 7, 9]


def test_round_trips(folder: Path) -> None:
    """One row makes two fills; a short one begins with the sale, one that is open has no exit."""
    text = (
        "pair,is_short,open_date,close_date,open_rate,close_rate,amount,fee_open,fee_close,profit_abs\n"
        "A/USDT,False,2024-01-02 10:00:00+00:00,2024-01-04 10:00:00+00:00,10,12,2,0.001,0.001,3.956\n"
        "B/USDT,True,2024-01-03 10:00:00+00:00,2024-01-03 12:00:00+00:00,20,15,1,0.001,0.001,4.965\n"
        "A/USDT,False,2024-01-05 10:00:00+00:00,,11,,2,0.001,0.001,\n"
    )

    report = dry(written(folder, text))

    assert short(report.first) == [
        ("A/USDT", "BUY", "2", "10", "0.020"),
        ("B/USDT", "SELL", "1", "20", "0.020"),
        ("B/USDT", "BUY", "1", "15", "0.015"),
        ("A/USDT", "SELL", "2", "12", "0.024"),
        ("A/USDT", "BUY", "2", "11", "0.022"),
    ]
    assert report.agrees
    assert report.session.base_currency == "USDT"
    assert "1 trades are still open" in str(report)


def test_rows_that_are_no_fills_are_counted(folder: Path) -> None:
    """Each by its reason; money that comes and goes is booked."""
    text = (
        "Activity Date,Instrument,Trans Code,Quantity,Price,Amount\n"
        '1/2/2024,,ACH,,,"$1,000.00"\n'
        "1/13/2024,IBM,Buy,3,$100.00,($300.00)\n"
        "1/14/2024,IBM,CDIV,,,$2.50\n"
        "1/15/2024,IBM 1/19 C,STO,1,$2.00,$200.00\n"
        "1/19/2024,IBM 1/19 C,OEXP,1,,\n"
        "1/20/2024,IBM,SLIP,,,\n"
        ",,,,,\n"
    )

    report = dry(written(folder, text), multipliers={"IBM 1/19 C": 100})

    assert [(each[1], each[3]) for each in short(report.first)] == [("BUY", "100.00"), ("SELL", "2.00"), ("BUY", "0")]
    assert report.left_out == {"'slip' is not a trade": 1, "blank row": 1}
    assert (report.flows, report.session.net_deposits, report.session.income) == (2, 1000, Decimal("2.50"))
    assert report.session.realized_pnl == 200


def test_a_multiplier_is_proposed_and_never_applied(folder: Path) -> None:
    """The totals imply fifty."""
    text = "date,symbol,side,qty,price,value\n2024-01-02,ES,buy,2,5000,500000\n2024-01-03,ES,sell,2,5001,500100\n"
    path = written(folder, text)

    with pytest.raises(SourceFileError, match=r"imply a multiplier of 50: say .*--multiplier 'ES=50'"):
        dry(path)
    assert dry(path, multipliers={"ES": 50}).session.realized_pnl == 100
    assert dry(path, multipliers={"ES": 1}).session.realized_pnl == 2


@pytest.mark.parametrize(
    ("heading", "fees", "paid"),
    [
        ("commission", ("-1", "-2"), 3),
        ("fee", ("-1", "-2"), -3),
        ("commission", ("-1", "2"), 1),
        ("fee", ("1", "2"), 3),
        ("Transaktionsgebühren", ("-1", "-2"), 3),
    ],
)
def test_fees_below_zero(folder: Path, heading: str, fees: tuple[str, str], paid: int) -> None:
    """Are costs where all are and the heading says commission, else rebates; the report says which."""
    text = f"date,symbol,side,qty,price,{heading}\n2024-01-02,A,buy,1,5,{fees[0]}\n2024-01-03,A,sell,1,5,{fees[1]}\n"

    report = dry(written(folder, text))

    assert report.session.fees_paid == paid
    assert any("below zero" in note for note in report.notes) == (fees[0] == "-1")


def test_the_caller_names_columns(folder: Path) -> None:
    """Where no heading tells."""
    text = "wann,was,wie,wieviel,wozu\n2024-01-02,A,buy,1,5\n2024-01-03,A,sell,1,6\n"
    columns = {"time": "wann", "symbol": "was", "side": "wie", "quantity": "wieviel", "price": "wozu"}

    assert dry(written(folder, text), columns=columns).session.realized_pnl == 1
    with pytest.raises(SourceFileError, match=r"there is no column 'x'; there are: wann"):
        dry(written(folder, text), columns=columns | {"price": "x"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (PLAIN.replace("2024-01-02 10:00:00", "noon"), r"row 2, column 'time': 'noon' is not a time"),
        (PLAIN.replace("100.5", "abc9"), r"row 2, column 'price': 'abc9' is not a number"),
        (PLAIN.replace("100.5", "1e999999"), r"row 2, column 'price': '1e999999' is too large or too small"),
        (PLAIN.replace("price", "x"), "no column is known to be the price"),
        (PLAIN.replace("symbol", "x"), "no column is known to be the symbol"),
        ("a,b\n1,2\n", "no row has headings of trades"),
        (PLAIN.replace("IBM,sell,3", "IBM,sell,5"), r"row 3, fill '\w+': 5 of IBM are sold, of which 3 are held"),
        ("date,symbol,side,qty,price\n01/02/2024,A,buy,1,5\n", "day and month cannot be told apart in '01/02/2024'"),
        ("date,symbol,side,qty,price\n13/02/2024,A,buy,1,5\n02/14/2024,A,buy,1,5\n", "write all dates alike"),
        (
            'date,symbol,side,qty,price\n2024-01-02,A,buy,"1,200","1,500"\n',
            "the comma in '1,500' may separate thousands or",
        ),
        ("date;symbol;side;qty;price\n2024-01-02;A;buy;1;1.500\n", "the point in '1.500' may separate thousands or"),
        ("date;symbol;side;qty;price\n2024-01-02;A;buy;1,25;1.50\n", "has a decimal point, and '1,25' in row 2"),
        ("date,symbol,side,qty,price\n", "there are no trades in it"),
        ("date,symbol,qty,price\n2024-01-02,A,1,5\n2024-01-02,A,1,5\n", "no column is known to be the side"),
    ],
)
def test_what_is_wrong_is_named(folder: Path, text: str, message: str) -> None:
    """With the file, the row, the column, and what to do."""
    path = written(folder, text)

    with pytest.raises(SourceFileError, match=message) as caught:
        dry(path)
    assert str(caught.value).startswith("trades.csv")


def test_a_zone_has_to_be_known(folder: Path) -> None:
    """In the cell, in the heading, or from the caller."""
    path = written(folder, PLAIN)

    with pytest.raises(SourceFileError, match="has no time zone; say timezone='UTC'"):
        import_file(path, None, source="csv")
    with pytest.raises(SourceFileError, match="there is no time zone 'Moon'"):
        import_file(path, None, source="csv", timezone="Moon")
    first = import_file(path, None, source="csv", timezone="Europe/Berlin").first[0]
    assert str(first.executed_at) == "2024-01-02 09:00:00+00:00"
    heading = written(folder, PLAIN.replace("time,", "Date(UTC),"))
    assert str(import_file(heading, None, source="csv").first[0].executed_at) == "2024-01-02 10:00:00+00:00"


def test_rates_book_what_is_refused_otherwise(folder: Path) -> None:
    """Other currencies, and fees in a third coin."""
    text = (
        "time,pair,side,qty,price,fee,fee currency\n"
        "2024-01-02,BTC/USDT,buy,1,100,0.01,BNB\n"
        "2024-01-03,ETH/BTC,buy,1,0.5,0,BTC\n"
        "2024-01-04,BTC/USDT,sell,1,110,0,BNB\n"
    )
    path = written(folder, text)

    with pytest.raises(SourceFileError, match=r"priced in BTC.*--rate BTC=.*paid in BNB.*--rate BNB="):
        dry(path)
    with SessionRepository(folder / "s.db") as repository:
        rates = {"BTC": 105, "BNB": 300}
        report = import_file(path, repository, source="csv", timezone="UTC", session_id="a", rates=rates)
        assert repository.check().ok
    assert report.session.balances == {"BTC": Decimal("-0.5"), "BNB": Decimal("-0.01")}
    assert report.session.fees_paid == 3
    assert report.session.realized_pnl == 10


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"\0\1\2\3" * 100, "NUL characters|no row has headings"),
        (PLAIN.encode().replace(b"IBM", b"I\0M", 1), "NUL characters"),
        (PLAIN.encode() + b"x" * (1 << 20), "longer than"),
        (PLAIN.encode() + b'"' + b"a,b\n" * 50_000, "quotation mark may not be closed"),
    ],
)
def test_hostile_files_get_an_error_of_ours(folder: Path, content: bytes, message: str) -> None:
    """Whatever is in them."""
    path = folder / "trades.csv"
    path.write_bytes(content)

    with pytest.raises(SourceFileError, match=message):
        dry(path)


def test_what_is_no_file_is_refused(folder: Path) -> None:
    """A folder, a link, nothing at all."""
    link = folder / "link.csv"
    link.symlink_to(written(folder, PLAIN))

    for path, message in ((folder, "not a file"), (link, "symbolic link"), (folder / "none", "No such file")):
        with pytest.raises(SourceFileError, match=message):
            dry(path)


class TestAgain:
    """Importing a file again, or one that has grown."""

    def test_only_what_is_new_is_added(self, folder: Path) -> None:
        """Two equal rows are two fills, also when the third comes later."""
        row = "2024-01-02 10:00:00,IBM,buy,3,100.5,1\n"
        head = PLAIN.splitlines(keepends=True)[0]
        booked = []
        with SessionRepository(folder / "s.db") as repository:
            for count in (1, 2, 2, 3):
                path = written(folder, head + row * count)
                report = import_file(path, repository, source="csv", timezone="UTC")
                booked.append((report.booked_fills, report.session.positions["IBM"].quantity))
            assert repository.check().ok

        assert booked == [(1, 3), (1, 6), (0, 6), (1, 9)]

    def test_the_order_of_the_export_does_not_matter(self, folder: Path) -> None:
        """Ids are of the content, not of the place."""
        head, *rows = PLAIN.splitlines(keepends=True)
        with SessionRepository(folder / "s.db") as repository:
            import_file(written(folder, PLAIN), repository, source="csv", timezone="UTC")
            path = written(folder, head + "".join(reversed(rows)))
            again = import_file(path, repository, source="csv", timezone="UTC")

        assert (again.booked_fills, again.fills) == (0, 2)

    def test_another_session_is_not_touched(self, folder: Path) -> None:
        """One that was imported from another source."""
        with SessionRepository(folder / "s.db") as repository:
            import_file(written(folder, PLAIN), repository, source="csv", timezone="UTC")
            with pytest.raises(SourceFileError, match="was not imported from ibkr"):
                import_file(written(folder, PLAIN), repository, source="ibkr", timezone="UTC")

    def test_ids_of_the_source_are_kept(self, folder: Path) -> None:
        """A fill that comes twice with the same id is one; with other contents they are two."""
        text = (
            "time,symbol,side,qty,price,trade id\n"
            "2024-01-02,A,buy,1,5,x\n2024-01-02,A,buy,1,5,x\n2024-01-03,A,buy,1,6,x\n2024-01-03,B,buy,1,6,x\n"
        )
        with SessionRepository(folder / "s.db") as repository:
            report = import_file(written(folder, text), repository, source="csv", timezone="UTC")
            ids = [(each.symbol, each.id) for each in repository.get_fills("trades")]

        assert ids == [("A", "x"), ("A", "x-2"), ("B", "x")]
        assert report.left_out == {"repeated: the same id and content as a row before": 1}


def test_nothing_is_stored_after_an_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the file, or while it is stored."""
    rows = "".join(f"2024-01-02 10:00:00,IBM,buy,1,{price},0\n" for price in range(1, 50))
    path = written(folder, PLAIN + rows)
    with SessionRepository(folder / "s.db") as repository:
        with pytest.raises(SourceFileError):
            import_file(written(folder, PLAIN + rows + "x,IBM,buy,1,1,1\n"), repository, source="csv", timezone="UTC")
        assert repository.count() == 0
        written(folder, PLAIN + rows)
        from paper_repo.engines.importing.booking import Books

        fills = Books.fills

        def failing(self: Books) -> Any:
            for number, fill in enumerate(fills(self)):
                if number == 30:
                    raise KeyboardInterrupt
                yield fill

        monkeypatch.setattr(Books, "fills", failing)
        with pytest.raises(KeyboardInterrupt):
            import_file(path, repository, source="csv", timezone="UTC")
        assert repository.count() == 0
        monkeypatch.undo()
        assert import_file(path, repository, source="csv", timezone="UTC").booked_fills == 51
