"""Tables as brokers export them: time of day apart, payments among the trades, taxes, balances, other columns."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from paper_repo import SessionRepository, SourceFileError
from paper_repo.engines.importing import ImportReport, import_file

REST = "Typ;Wertpapier;Stück;Kurs;Gebühr"


def imported(
    folder: Path, *lines: str, to: SessionRepository | None = None, name: str = "depot", **options: Any
) -> ImportReport:
    """What comes out of a file with these lines."""
    path = folder / f"{name}.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return import_file(path, to, source="csv", **{"timezone": "Europe/Berlin", "base_currency": "EUR", **options})


def times(report: ImportReport) -> list[str]:
    """When its first fills were executed, in the zone of the file."""
    return [str(each.executed_at.replace(tzinfo=None)) for each in report.first]


class TestTimeOfDay:
    """Day and time of day in two columns make the time."""

    @pytest.mark.parametrize(
        "headings",
        [
            "Datum;Uhrzeit", "Datum;Zeit", "Datum;Time", "Date;Uhrzeit", "Trade Date;Trade Time", "Date;Time",
            "Dato;Tid", "Datum;Tijd", "Handelstag;Handelszeit", "Fecha;Hora", "Data;Ora", "Datum;abgerechnet um",
            "Buchungstag;x",
        ],
    )  # fmt: skip
    @pytest.mark.parametrize(
        ("day", "clock"),
        [
            ("09.01.2025", "16:56:10"),
            ("2025-01-09", "04:56:10 PM"),
            ("09.01.25", "16:56:10 Uhr"),
            ("20250109", "16:56:10"),
        ],
    )
    def test_by_known_words_or_by_their_cells(self, tmp_path: Path, headings: str, day: str, clock: str) -> None:
        """The report says which were put together."""
        report = imported(tmp_path, f"{headings};{REST}", f"{day};{clock};Kauf;ALV;6;252,79;3,90", timezone="UTC")

        assert times(report) == ["2025-01-09 16:56:10"]
        first, second = headings.split(";")
        assert f"the time of a row is that of {first!r} and {second!r} together" in report.notes
        assert report.unread_columns == ()

    def test_a_file_with_the_newest_first(self, tmp_path: Path) -> None:
        """Buys before it sells, on one day."""
        rows = ("09.01.2025;16:56:10;Verkauf;ALV;6;252,79;3,90", "09.01.2025;09:56:10;Kauf;ALV;6;250,79;3,90")

        assert [each.side for each in imported(tmp_path, f"Datum;Uhrzeit;{REST}", *rows).first] == ["BUY", "SELL"]

    def test_days_as_spreadsheets_write_them(self, tmp_path: Path) -> None:
        """With a midnight behind each; a row without a time of day is of midnight."""
        rows = ("2025-01-09 00:00:00;16:56:10;Kauf;ALV;6;252,79;3,90", "2025-01-10 00:00:00;;Kauf;ALV;6;252,79;3,90")

        assert times(imported(tmp_path, f"Datum;Uhrzeit;{REST}", *rows, timezone="UTC")) == [
            "2025-01-09 16:56:10",
            "2025-01-10 00:00:00",
        ]

    @pytest.mark.parametrize("columns", ["wann+um", "um+wann", "Wann + Um"])
    def test_by_hand(self, tmp_path: Path, columns: str) -> None:
        """Named in either order, also beside another column of times of day."""
        rows = (f"wann;geöffnet;um;{REST}", "09.01.2025;08:00;16:56:10;Kauf;ALV;6;252,79;3,90")

        assert times(imported(tmp_path, *rows, columns={"time": columns}, timezone="UTC")) == ["2025-01-09 16:56:10"]
        with pytest.raises(SourceFileError, match=r"there is no column 'noch'; there are: wann"):
            imported(tmp_path, *rows, columns={"time": "wann+noch"})

    def test_two_times_of_day_are_not_told_apart(self, tmp_path: Path) -> None:
        """Both are named as not read, and that there is no time of day."""
        report = imported(
            tmp_path, f"Datum;{REST};offen;zu", "09.01.2025;Kauf;ALV;6;252,79;3,90;08:00;16:56", timezone="UTC"
        )

        assert report.unread_columns == ("offen", "zu")
        assert "'Datum' has no time of day; midnight was taken" in report.notes

    def test_round_trips(self, tmp_path: Path) -> None:
        """Of their entry and of their exit."""
        for headings in ("Entry Date,Entry Time,Exit Date,Exit Time", "Open Date,Time,Close Date,Time"):
            report = imported(
                tmp_path,
                f"symbol,side,qty,{headings},Entry Price,Exit Price",
                "A,long,1,2025-01-09,09:30,2025-01-10,15:45,5,6",
                timezone="UTC",
            )
            assert times(report) == ["2025-01-09 09:30:00", "2025-01-10 15:45:00"]


def test_headings_of_a_german_bank(tmp_path: Path) -> None:
    """In which Valuta is a day, and no currency."""
    report = imported(
        tmp_path,
        "Buchungstag;Valuta;Auftragsart;WKN;Name;Nominale;Ausführungskurs;Provision;Kurswert",
        "09.01.2025;11.01.2025;Kauf;840400;ALLIANZ;6;252,79;3,90;1.516,74",
    )

    assert [(each.symbol, each.quantity, each.price, each.fee) for each in report.first] == [
        ("840400", 6, Decimal("252.79"), Decimal("3.90"))
    ]
    assert (report.agrees, report.unread_columns) == (True, ("Valuta", "Name"))


class TestColumnsThatAreNotRead:
    """None is dropped silently."""

    def test_they_are_named(self, tmp_path: Path) -> None:
        """Of a table of fills, and of round trips; not those that are read or kept."""
        fills = imported(
            tmp_path, f"Datum;{REST};Depot;Comment;Handelsplatz", "09.01.2025;Kauf;ALV;6;2,79;3,90;1;mine;XETRA"
        )
        trips = imported(
            tmp_path, "symbol,qty,open_date,close_date,open_rate,close_rate,stake", "A,1,2025-01-09,2025-01-10,5,6,5"
        )

        assert fills.unread_columns == ("Depot", "Handelsplatz")
        assert "columns not read: Depot, Handelsplatz" in str(fills)
        assert fills.to_dict()["unread_columns"] == ["Depot", "Handelsplatz"]
        assert fills.kept == ("tag",)
        assert trips.unread_columns == ("stake",)


STATEMENT = f"Datum;{REST};Betrag;Saldo"
"""Payments among the trades, newest first: a dividend, and the tax on it, are the last rows of the account."""
ACCOUNT = (
    "15.05.2025 08:00;{};ALV;;;;-10,92;10.437,69",
    "15.05.2025 08:00;Dividende;ALV;;;;41,40;10.448,61",
    "03.05.2025 10:00;Verkauf;ALV;3;260,00;3,90;776,10;10.407,21",
    "02.05.2025 10:00;Kauf;ALV;6;60,50;5,89;-368,89;9.631,11",
    "01.05.2025 10:00;Einzahlung;;;;;10.000,00;10.000,00",
)


def account(word: str, **options: Any) -> Any:
    """Lines of a file in which the tax is called so."""
    return STATEMENT, *(each.format(word) for each in ACCOUNT)


class TestPayments:
    """Money that moves without a trade."""

    @pytest.mark.parametrize("rows", [slice(None), slice(None, None, -1)])
    def test_the_last_balance_may_be_that_of_a_payment(self, tmp_path: Path, rows: slice) -> None:
        """Of two rows at one time the last one, whichever way the file goes; a deposit at the beginning is the cash."""
        head, *lines = account("Quellensteuer")

        for options in ({}, {"initial_cash": 0}):
            report = imported(tmp_path, head, *lines[rows], **options)
            assert [str(each) for each in report.comparisons] == [
                "last Saldo: 10437.69 in the file, 10437.69 booked: equal",
                "purchases in Betrag: 368.89 in the file, 368.89 booked: equal",
                "sales in Betrag: 776.1 in the file, 776.1 booked: equal",
            ]
            assert report.agrees

    def test_what_is_left_out_is_no_agreement(self, tmp_path: Path) -> None:
        """A row with a time and an amount is money; the report names the word, and how to say what it means."""
        report = imported(tmp_path, *account("Sonstiges"), "Summe;;;;;;10.437,69;")

        assert not report.agrees
        assert report.money_left_out == {"'sonstiges' is not a trade": {"EUR": Decimal("-10.92")}}
        assert "left out: 1 row: 'sonstiges' is not a trade (-10.92 EUR)" in str(report)
        assert "words={'sonstiges': ...} (--word MEANING=sonstiges)" in str(report)
        assert str(report).endswith(
            "verdict: 1 of 3 figures differ; 1 row left out ('sonstiges' is not a trade (-10.92 EUR)); "
            "1 row left out (no side (a total or a footer))"
        )

    def test_equal_figures_are_not_all(self, tmp_path: Path) -> None:
        """The sum of the trades agrees, and yet money is missing."""
        report = imported(tmp_path, *(each.rpartition(";")[0] for each in account("Sonstiges")))

        assert all(each.is_equal for each in report.comparisons)
        assert not report.agrees
        assert str(report).endswith(
            "verdict: equal to the file's own figures, but rows with amounts were left out: -10.92 EUR"
        )
        nothing = imported(
            tmp_path, f"Datum;{REST};Betrag", *["1.5.2025;Kauf;A;1;5;0;"] * 2, "2.5.2025;Sonstiges;;;;;7"
        )
        assert str(nothing).endswith("verdict: rows with amounts were left out: 7 EUR")
        assert not nothing.agrees

    def test_the_caller_says_what_a_word_means(self, tmp_path: Path) -> None:
        """A payment, a side, or nothing to be booked."""
        lines = account("Sonst. Ertrag")
        taxed = imported(tmp_path, *lines, words={"sonst ertrag": "tax"})
        skipped = imported(tmp_path, *lines, words={"Sonst. Ertrag": "skip"})

        assert taxed.agrees
        assert taxed.session.cash == Decimal("10437.69")
        assert skipped.left_out == {"'sonstertrag' is skipped, as asked": 1}
        assert (skipped.money_left_out, skipped.session.cash) == ({}, Decimal("10448.61"))
        assert [each.is_equal for each in skipped.comparisons] == [True, True, True]
        for word, side in (("buy", "BUY"), ("sell", "SELL"), ("short", "SELL")):
            allow = ["shorts"] if word == "sell" else []
            row = "1.5.2025;Zins;A;1;5;0"
            assert imported(tmp_path, f"Datum;{REST}", row, words={"zins": word}, allow=allow).first[0].side == side

    def test_a_column_that_is_named_is_taken(self, tmp_path: Path) -> None:
        """Also where few of its words are known, and few of its cells are filled."""
        rows = ["1.5.2025;Kauf;A;1;5;;-5;"] + [f"{day}.5.2025;Sonstiges;A;;;;7;" for day in range(2, 6)]
        rows.append("6.5.2025;Kauf;A;1;5;;-5;2")

        with pytest.raises(SourceFileError, match="no column is known to be the side"):
            imported(tmp_path, f"Datum;{REST};Betrag;Spesen", *rows)
        report = imported(tmp_path, f"Datum;{REST};Betrag;Spesen", *rows, columns={"side": "Typ", "fee": "Spesen"})
        assert (report.fills, report.session.fees_paid) == (2, 2)

    @pytest.mark.parametrize(
        ("words", "told"),
        [
            ({"x": "income"}, "words has buy, sell, short, deposit, .*, skip, not 'income'"),
            ({" ": "tax"}, "is not a word"),
        ],
    )
    def test_words_that_mean_nothing(self, tmp_path: Path, words: dict[str, str], told: str) -> None:
        """Are refused before the file is read."""
        with pytest.raises(ValueError, match=told):
            imported(tmp_path, words=words)

    @pytest.mark.parametrize(
        ("words", "amount", "booked"),
        [
            ("Quellensteuer Steuer Steuern Steuer(n) Kapitalertragsteuer KESt KESt. Abgeltungssteuer", "5", -5),
            ("Solidaritätszuschlag Solidaritaetszuschlag Källskatt Impôt Ritenuta", "-5", -5),
            ("Steuererstattung Gebührenerstattung Steuerausgleich", "5", 5),
            ("Gebühr Gebuehr Gebühren Depotgebühr Entgelt Depotentgelt Spesen Frais Comisión", "5", -5),
            ("Zinsgutschrift Zinsen Habenzinsen Intereses Intérêts Ränta", "5", 5),
            ("Sollzinsen", "5", -5),
            (
                "Dividendengutschrift Ausschüttung Ausschuettung Dividende Dividendo Utdelning Erträgnisgutschrift",
                "5",
                5,
            ),
            ("Überweisung Ueberweisung Einzahlung Zahlungseingang Virement Wpłata", "5", 5),
            ("Überweisung Auszahlung Zahlungsausgang", "-5", -5),
            ("Auszahlung Retrait Opname Prelievo", "5", -5),
        ],
    )
    def test_words_of_brokers(self, tmp_path: Path, words: str, amount: str, booked: int) -> None:
        """In their languages, with umlauts or without."""
        head, rows = f"Datum;{REST};Betrag", [f"1.5.2025;{each};;;;;{amount}" for each in words.split()]
        kauf = "1.5.2025;Sparplan;A;1;5;0;5"

        report = imported(tmp_path, head, *rows, *[kauf] * (len(rows) + 1))

        assert (report.flows, report.left_out) == (len(rows), {})
        assert report.session.cash == booked * len(rows) - 5 * (len(rows) + 1)

    def test_a_fee_beside_a_payment_is_kept(self, tmp_path: Path) -> None:
        """Its amount is what has moved."""
        with SessionRepository(tmp_path / "s.db") as repository:
            rows = ("1.5.2025;Dividende;A;;;2;7;1", "2.5.2025;Kauf;A;1;5;0;5;0")
            report = imported(tmp_path, f"Datum;{REST};Betrag;Steuer", *rows, to=repository)
            flows = repository.get_cash_flows("depot")

        assert [(str(each.amount), each.metadata) for each in flows] == [("7", {"fee": "2", "tax": "1"})]
        assert report.kept == ("fee", "tax")


def test_fees_that_are_not_read_show_in_the_totals(tmp_path: Path) -> None:
    """Those of purchases and of sales do not cancel each other."""
    head = "Datum;Typ;Wertpapier;Stück;Kurs;Handelsplatzentgelt;Betrag"
    rows = ("1.5.2025;Kauf;A;3;150;2;-452", "2.5.2025;Verkauf;A;3;160,5;2;479,5")

    report = imported(tmp_path, head, *rows)

    assert report.unread_columns == ("Handelsplatzentgelt",)
    assert [str(each) for each in report.comparisons] == [
        "purchases in Betrag: 452 in the file, 450 booked: differs by -2",
        "sales in Betrag: 479.5 in the file, 481.5 booked: differs by 2",
    ]
    assert report.verdict.endswith("; columns not read: Handelsplatzentgelt")
    assert imported(tmp_path, head, *rows, columns={"fee": "Handelsplatzentgelt"}).agrees


def test_a_fill_that_closes_what_is_open_may_be_either(tmp_path: Path) -> None:
    """Then purchases and sales are one sum."""
    rows = ("1.5.2025;Kauf;A;3;5;0;-15", "2.5.2025;cash settled;A;3;6;0;18")

    report = imported(tmp_path, f"Datum;{REST};Betrag", *rows, rows[0])

    assert [str(each) for each in report.comparisons] == [
        "purchases and sales in Betrag: 48 in the file, 48 booked: equal"
    ]


class TestTaxes:
    """Columns of taxes beside those of fees."""

    HEAD = f"Datum;{REST};Steuer;Betrag"
    BUY = "09.01.2025 10:00;Kauf;ALV;6;252,79;3,90;0,00;-1.520,64"

    @pytest.mark.parametrize(
        ("tax", "amount", "paid"),
        [("15,82", "1.557,02", "-15.82"), ("-15,82", "1.557,02", "-15.82"), ("15,82", "1.572,84", "-15.82")],
    )
    def test_they_reduce_the_cash(self, tmp_path: Path, tax: str, amount: str, paid: str) -> None:
        """As payments of their own, whether the amount of the row counts them or not."""
        sale = f"13.01.2025 11:00;Verkauf;ALV;6;262,79;3,90;{tax};{amount}"
        with SessionRepository(tmp_path / "s.db") as repository:
            report = imported(tmp_path, self.HEAD, self.BUY, sale, to=repository)
            again = imported(tmp_path, self.HEAD, self.BUY, sale, to=repository)
            flows = repository.get_cash_flows("depot")
            assert repository.check().ok

        assert [(each.kind, str(each.amount), each.symbol) for each in flows] == [("TAX", paid, "ALV")]
        assert report.session.fees_paid == Decimal("7.80")
        assert report.session.cash == Decimal("1557.02") - Decimal("1520.64")
        assert report.agrees
        assert "the taxes on trades (Steuer) were booked as payments" in report.notes
        assert (again.booked_fills, again.booked_flows) == (0, 0)

    def test_some_are_refunds(self, tmp_path: Path) -> None:
        """The rarer sign, where both are there."""
        rows = [f"1{day}.01.2025 10:00;Kauf;ALV;1;5;0;{tax};" for day, tax in enumerate(("-2", "-2", "1"))]
        report = imported(tmp_path, self.HEAD, *rows)

        assert report.session.cash == -15 - 4 + 1
        assert "amounts above zero in column 'Steuer' were taken as refunds" in report.notes

    def test_several_of_them(self, tmp_path: Path) -> None:
        """Are added; of a currency that is left out they are left out too."""
        head = f"Datum;{REST};Kapitalertragsteuer;Soli;Kirchensteuer;Währung"
        rows = ("13.01.2025 11:00;Kauf;A;6;2;0;2;0,5;0,25;EUR", "13.01.2025 11:00;Kauf;B;6;2;0;2;0;0;USD")
        report = imported(tmp_path, head, *rows, allow=["foreign-rows"])

        assert report.session.cash == Decimal("-14.75")
        assert report.left_out == {"priced in USD, without a rate": 1, "paid in USD, without a rate": 1}
