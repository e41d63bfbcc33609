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

TRANSLATED = [
    (
        "Konto:",
        "Trades",
        "Zeit|Trade|Symbol|Typ|Richtung|Volumen|Preis|Auftrag|Kommission|Kosten|Swap|Gewinn|Kontostand|Kommentar",
    ),
    (
        "Cuenta de trading:",
        "Transacciones",
        "Hora|Transacción|Símbolo|Tipo|Dirección|Volumen|Precio|Orden|Comisión|(fee)|Swap|Beneficio|Saldo|Comentario",
    ),
    (
        "Conta:",
        "Transações",
        "Horário|Oferta|Ativo|Tipo|Direção|Volume|Preço|Ordem|Comissão|Taxa|Swap|Lucro|Saldo|Comentário",
    ),
    (
        "Торговый счет:",
        "Сделки",
        "Время|Сделка|Символ|Тип|Направление|Объем|Цена|Ордер|Комиссия|(fee)|Своп|Прибыль|Баланс|Комментарий",
    ),
    ("账户:", "成交", "时间|成交|交易品种|类型|趋势|交易量|价位|订单|手续费|费用|库存费|盈利|结余|注释"),
    (
        "口座:",
        "約定",
        "時間|約定|銘柄|タイプ|新規・決済|数量|価格|注文|手数料|(fee)|スワップ|損益|残高|コメント",
    ),
]
"""How a report in another language begins: the account, the section of the deals, and their headings."""


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

    @pytest.mark.parametrize(("account", "section", "headings"), TRANSLATED)
    def test_in_other_languages(self, account: str, section: str, headings: str, tmp_path: Path) -> None:
        """The report is the same but for its headings; the fee is between commission and swap, whatever its name."""
        rows = [row.split("|") for row in self.NETTING[3:]]
        with_fee = ["|".join([*row[:9], "-0.25" if row[2] else "0.00", *row[9:]]) for row in rows]
        with_fee[-1] = with_fee[-1].replace("1 034.50", "1 033.50")
        first = f"{account}|1 (USD, Demo, Netting)"
        found = dry(tmp_path, first, section, headings, *with_fee)

        assert found.agrees
        assert (found.session.cash, found.session.base_currency) == (Decimal("1033.5"), "USD")
        assert found.fees == {"USD": Decimal("1.5")}
        assert short(found) == short(dry(tmp_path, *self.NETTING))
        older = "|".join(each for number, each in enumerate(headings.split("|")) if number != 9)
        older = older.replace("Hora|", "Fecha/Hora|")
        assert dry(tmp_path, first, section, older, *self.NETTING[3:]).session.cash == Decimal("1034.5")

    @pytest.mark.parametrize("section", ["Positionen", "Posiciones", "Posições", "Позиции", "持仓"])
    def test_positions_in_other_languages(self, section: str, tmp_path: Path) -> None:
        """They tell what a deal has closed, too."""
        found = dry(
            tmp_path,
            "Konto:|1 (USD, Demo, Hedge)",
            section,
            "2024.03.01 11:00:00|3|US500|buy|1|5010|||2024.03.01 12:00:00|5020|0.00|0.00|10.00",
            "Trades",
            "Zeit|Trade|Symbol|Typ|Richtung|Volumen|Preis|Auftrag|Kommission|Swap|Gewinn|Kontostand|Kommentar",
            *self.NETTING[3:6],
            "2024.03.01 12:00:00|4|US500|sell|out|1|5020|4|0.00|0.00|10.00|1 010.00|",
        )
        assert short(found)[-1] == ("SELL", "1", "5020", "3")

    @pytest.mark.parametrize(
        ("heading", "row", "problem"),
        [
            (DEALS.replace("Profit", "Steuer"), "", "row 3: the table of deals has a column that is not known: Steuer"),
            (DEALS, "2024.03.01 10:00:00|2|US500|compra|in|1|5000|2|0|0|0|1 000.00|",
             "row 5: deal 2 is of a type that is not known: compra"),
        ],
    )  # fmt: skip
    def test_what_is_not_known_is_refused(self, heading: str, row: str, problem: str, tmp_path: Path) -> None:
        """A column that might hold money, and a deal that might be a fill."""
        with pytest.raises(SourceFileError, match=problem):
            dry(tmp_path, *self.NETTING[:2], heading, self.NETTING[3], row)

    def test_no_table_of_deals(self, tmp_path: Path) -> None:
        """A report in a language that is not read, say: the message says how to get it in English."""
        unknown = "Čas|Obchod|Symbol|Typ|Směr|Objem|Cena|Příkaz|Komise|Swap|Zisk|Zůstatek|Komentář"
        with pytest.raises(SourceFileError, match=r"no table of deals .* switch the terminal to English .* as HTML"):
            dry(tmp_path, "Účet:|1 (USD)", unknown)


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
