"""What an import makes of records whatever their source: it stores, adds, refuses and says what it took for granted."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from paper_repo import SessionRepository, SourceFileError
from paper_repo.engines.importing import ImportReport, import_file, storing

HEAD = "time,symbol,side,qty,price,fee\n"
BUY = "2024-01-02 10:00:00,IBM,buy,3,100.5,1\n"
SELL = "2024-01-03 10:00:00,IBM,sell,3,110,1\n"
PAID = "time,symbol,side,qty,price,fee,fee currency\n"


def written(folder: Path, text: str) -> Path:
    """A file with this text."""
    path = folder / "trades.csv"
    path.write_text(text, encoding="utf-8")
    return path


def imported(folder: Path, text: str, to: SessionRepository | Path | None, **options: Any) -> ImportReport:
    """What an import of this text says."""
    return import_file(written(folder, text), to, source=options.pop("source", "csv"), timezone="UTC", **options)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"source": "excel"}, "source is one of freqtrade, .*, not 'excel'"),
        ({"allow": ["anything"]}, "allow has shorts, .*, not 'anything'"),
        ({"columns": {"bananas": "time"}}, "columns has no field 'bananas'; there are: time, clock, symbol, "),
        ({"columns": {"time": "a"}, "source": "lean"}, "columns are for csv and ibkr, not for lean"),
        ({"words": {"x": "tax"}, "source": "metatrader"}, "words are for csv and ibkr, not for metatrader"),
    ],
)
def test_wrong_arguments(options: dict[str, Any], told: str, tmp_path: Path) -> None:
    """Are told before the file is read."""
    with pytest.raises(ValueError, match=told) as caught:
        imported(tmp_path, "", None, **options)
    assert not isinstance(caught.value, SourceFileError)


def test_the_path_of_a_repository_will_do(tmp_path: Path) -> None:
    """It is opened, and closed again."""
    assert imported(tmp_path, HEAD + BUY, tmp_path / "s.db").booked_fills == 1

    with SessionRepository(tmp_path / "s.db") as repository:
        assert repository.count() == 1


def test_a_dry_run_gives_the_session_that_an_import_stores(tmp_path: Path, repository: SessionRepository) -> None:
    """With its books and the length of its history, whether it is new or goes on; its history itself is not kept."""
    text, flow = f"{HEAD[:-1]},total\n{BUY[:-1]},\n", "2024-01-04 10:00:00,,deposit,,,,50\n"
    for rows in (text + flow, text + flow + f"{SELL[:-1]},\n"):
        dry = imported(tmp_path, rows, repository, dry_run=True).session
        stored = imported(tmp_path, rows, repository).session
        for name in ("cash", "positions", "realized_pnl", "fees_paid", "net_deposits", "fill_count", "ledger_count"):
            assert getattr(dry, name) == getattr(stored, name), name


def test_a_dry_run_on_a_stored_session(tmp_path: Path, repository: SessionRepository) -> None:
    """Says what would be added, and adds nothing."""
    imported(tmp_path, HEAD + BUY, repository)
    before = repository.get_by_id("trades")

    report = imported(tmp_path, HEAD + BUY + SELL, repository, dry_run=True)

    assert (report.fills, report.booked_fills, report.session.cash) == (2, 1, Decimal("26.5"))
    assert repository.get_by_id("trades") == before


def test_a_file_in_pieces_is_the_file(
    tmp_path: Path, repository: SessionRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many records are saved at once, new or added to what is stored."""
    text = HEAD + "".join(f"2024-01-{day:02} 10:00:00,IBM,buy,1,{day},0\n" for day in range(1, 8))
    whole = imported(tmp_path, text, repository, session_id="whole").session
    monkeypatch.setattr(storing, "CHUNK", 2)

    pieces = imported(tmp_path, text, repository, session_id="pieces").session
    imported(tmp_path, "".join(text.splitlines(keepends=True)[:3]), repository, session_id="grown")
    grown = imported(tmp_path, text, repository, session_id="grown").session

    assert whole.positions == pieces.positions == grown.positions
    assert whole.cash == pieces.cash == grown.cash == -28
    assert repository.check().ok


def test_a_file_that_has_grown_by_a_payment_and_a_rate(tmp_path: Path, repository: SessionRepository) -> None:
    """Both are added; what was stored keeps its own."""
    head = "time,symbol,type,qty,price,amount,currency\n"
    rows = "2024-01-02,A,buy,1,5,5,USD\n"
    imported(tmp_path, head + rows, repository, base_currency="USD")

    grown = rows + "2024-01-03,,deposit,,,100,USD\n2024-01-04,B,buy,1,2,2,EUR\n"
    report = imported(tmp_path, head + grown, repository, base_currency="USD", rates={"EUR": "1.5"})

    assert (report.booked_fills, report.booked_flows) == (1, 1)
    assert (report.session.cash, report.session.balances) == (95, {"EUR": -2})
    assert report.session.rates["EUR"] == Decimal("1.5")
    assert imported(tmp_path, head + grown, repository).booked_fills == 0


def test_a_session_lasts_from_its_first_to_its_last_record(tmp_path: Path, repository: SessionRepository) -> None:
    """Also where these are payments, in a file that is new or has grown by one."""
    rows = "time,symbol,type,qty,price,amount\n2024-01-01,,deposit,,,100\n2024-01-02,A,buy,1,5,5\n"
    imported(tmp_path, rows, repository, session_id="grown")
    rows += "2024-01-05,,deposit,,,50\n"

    for name in ("grown", "whole"):
        session = imported(tmp_path, rows, repository, session_id=name).session
        last = repository.get_equity_curve(name)[-1]
        assert session.stopped_at is not None
        assert [each.day for each in (session.created_at, session.stopped_at, last.at)] == [1, 5, 5]
        assert last.equity == 150


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"base_currency": "EUR"}, "'trades' is stored already, in USD, and the file is in EUR; give another id"),
        ({"multipliers": {"IBM": 5}}, "'trades' is stored already, with IBM as .*; give another id"),
        ({"initial_cash": 5}, "with an initial cash of 0, not 5; .* delete the session first .* another id"),
    ],
)
def test_terms_that_differ_from_those_that_are_stored(
    options: dict[str, Any], told: str, tmp_path: Path, repository: SessionRepository
) -> None:
    """Are refused, and nothing changes."""
    imported(tmp_path, HEAD + BUY, repository)

    with pytest.raises(SourceFileError, match=told):
        imported(tmp_path, HEAD + BUY + SELL, repository, **options)
    assert len(repository.get_fills("trades")) == 1


DEALS = "Time|Deal|Symbol|Type|Direction|Volume|Price|Order|Commission|Swap|Profit|Balance|Comment"
DEAL = "{0}|2|US500|buy|in|1|5000|2|0|0|0|0|"
IBKR = (
    "Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Quantity,T. Price,Proceeds,Comm/Fee,Code"
)
CLOCK_CHANGES = {
    "fills": ("csv", f"{HEAD}{{0}},IBM,buy,1,5,0"),
    "round trips": ("csv", "symbol,side,qty,entry time,exit time,entry price,exit price\nA,long,1,{0},2024-11-09,5,6"),
    "ledger": ("csv", "Time,Account,Operation,Coin,Change\n{0},Spot,Buy,BTC,1\n{0},Spot,Buy,USDT,-5"),
    "tradingview": ("tradingview", "Trade #,Type,Date/Time,Price USD,Contracts\n1,Entry long,{0},100,10"),
    "backtesting": ("backtesting", "Size,EntryPrice,ExitPrice,EntryTime,ExitTime\n1,5,6,{0},2024-11-09"),
    "ibkr": ("ibkr", f"{IBKR}\nTrades,Data,Trade,Stocks,USD,ACME,{{0}},10,10.5,-105,-1,O"),
    "metatrader": ("metatrader", "<table><tr><td>" + f"{DEALS}<tr><td>{DEAL}".replace("|", "<td>") + "</table>"),
}
"""By kind of table, its source, and its text around a time."""


@pytest.mark.parametrize("kind", CLOCK_CHANGES)
def test_a_time_at_a_clock_change_is_noted(kind: str, tmp_path: Path) -> None:
    """Whatever the source: in an hour that comes twice, and in one that is skipped."""
    source, text = CLOCK_CHANGES[kind]
    note = "times fall in an hour that a clock change repeats or skips; they were taken by the clock before the change"

    for local, utc, is_noted in (
        ("2024-10-27 02:30:00", "00:30", True),
        ("2024-03-31 02:30:00", "01:30", True),
        ("2024-10-27 04:30:00", "03:30", False),
    ):
        path = written(tmp_path, text.format(local))
        report = import_file(path, None, source=source, timezone="Europe/Berlin", symbol="A")  # type: ignore[arg-type]

        assert f"{report.first[0].executed_at:%H:%M}" == utc
        assert any(each.endswith(note) for each in report.notes) is is_noted


class TestInitialCash:
    """What the account began with."""

    NOTE = (
        "the file does not say what the account began with; it was taken as 0, so there is no return in percent "
        "(initial_cash=..., --cash)"
    )

    def test_it_is_noted_where_nobody_says_it(self, tmp_path: Path) -> None:
        """And not where it was said."""
        assert self.NOTE in imported(tmp_path, HEAD + BUY, None).notes
        assert self.NOTE not in imported(tmp_path, HEAD + BUY, None, initial_cash=0).notes

    def test_an_account_that_begins_with_a_deposit_had_none(self, tmp_path: Path) -> None:
        """A deposit after the first fill says nothing of what was there before."""
        head, fill = "time,symbol,type,qty,price,amount\n", "2024-01-02,A,buy,1,5,5\n"

        assert self.NOTE not in imported(tmp_path, head + "2024-01-01,,deposit,,,100\n" + fill, None).notes
        assert self.NOTE in imported(tmp_path, head + fill + "2024-01-03,,deposit,,,100\n", None).notes


class TestWhatIsRefused:
    """Unless it is asked for; the error names the option that would let it through."""

    def test_a_sale_of_more_than_is_held(self, tmp_path: Path) -> None:
        """Is refused, unless the difference is a rounding error of floats."""
        with pytest.raises(SourceFileError, match=r"row 3, fill .* 4 of IBM are sold, of which 3 are held") as caught:
            imported(tmp_path, HEAD + BUY + SELL.replace(",3,", ",4,"), None)
        dust = imported(tmp_path, HEAD + BUY + SELL.replace(",3,", ",3.000000000001,"), None)

        assert caught.value.option == "shorts"
        assert any(note.startswith("1 sales exceed what was held by a rounding error of floats") for note in dust.notes)

    def test_prices_and_fees_without_a_rate(self, tmp_path: Path) -> None:
        """One option is named where one is enough; a fee of nothing needs no rate."""
        fee = PAID + "2024-01-02,A/USD,buy,1,5,{},BNB\n"
        both = fee.format(1) + "2024-01-02,B/EUR,buy,1,5,0,EUR\n"

        options = []
        for text in (fee.format(1), both.replace(",1,BNB", ",0,BNB"), both):
            with pytest.raises(SourceFileError, match="of which no rate in USD is given") as caught:
                imported(tmp_path, text, None, base_currency="USD")
            options.append(caught.value.option)

        assert options == ["unpriced-fees", "foreign-rows", None]
        assert imported(tmp_path, fee.format(0), None).fees == {}

    def test_a_file_that_lacks_what_is_stored(self, tmp_path: Path, repository: SessionRepository) -> None:
        """Its fills are added when that is allowed."""
        imported(tmp_path, HEAD + BUY + SELL, repository)
        other = HEAD + BUY.replace("100.5", "100.6") + SELL

        told = "2 fills of the time of this file, of which the file has 1: its source has rewritten its history"
        with pytest.raises(SourceFileError, match=told) as caught:
            imported(tmp_path, other, repository)

        assert caught.value.option == "rewritten"
        assert len(repository.get_fills("trades")) == 2
        assert imported(tmp_path, other, repository, allow=["rewritten"]).booked_fills == 1

    def test_the_end_of_a_position_that_is_not_open(self, tmp_path: Path) -> None:
        """An expiry needs what expires."""
        with pytest.raises(SourceFileError, match=r"row 2, fill .* closes a position in IBM, and none is open"):
            imported(tmp_path, HEAD + BUY.replace("buy", "expired"), None)


def test_a_fee_as_large_as_what_was_bought(tmp_path: Path) -> None:
    """Is no part of it: what was bought is booked, and the file's fee is kept."""
    found = imported(tmp_path, PAID + "2024-01-02,A/USD,buy,1,5,2,A\n", None)

    assert (found.first[0].quantity, found.first[0].fee) == (1, 0)
    assert found.first[0].metadata["fee"] == "2"


class TestAFileThatGoesOn:
    """Where the session ends, or somewhat before: what is stored of the time before it counts."""

    HEAD = "time,symbol,type,qty,price,fee,pnl,amount,balance\n"
    ROWS = (
        "2024-01-01 10:00,,deposit,,,,,1000,1000\n",
        "2024-01-02 10:00,A,buy,10,20,1,,201,799\n",
        "2024-01-02 11:00,B,buy,4,50,1,,201,598\n",
        "2024-01-03 10:00,A,sell,4,25,1,18.6,99,697\n",
        "2024-01-04 10:00,A,dividend,,,,,6,703\n",
        "2024-01-05 10:00,A,sell,6,22,1,10.4,131,834\n",
        "2024-01-05 11:00,A,sell short,5,22,1,,109,943\n",
        "2024-01-08 10:00,A,buy,8,20,1,8,161,782\n",
        "2024-01-09 10:00,,withdrawal,,,,,-100,682\n",
        "2024-01-10 10:00,B,sell,4,55,0,19,220,902\n",
    )

    @pytest.mark.parametrize("start", range(1, len(ROWS)))
    def test_it_comes_to_what_the_whole_file_comes_to(
        self, start: int, tmp_path: Path, repository: SessionRepository
    ) -> None:
        """Wherever the first file ends and the second one begins, which is compared by what it has itself."""
        whole = imported(tmp_path, self.HEAD + "".join(self.ROWS), repository, session_id="whole").session

        for end in range(max(start, 2), len(self.ROWS)):
            name = f"{start}-{end}"
            imported(tmp_path, self.HEAD + "".join(self.ROWS[:end]), repository, session_id=name)
            dry = imported(tmp_path, self.HEAD + "".join(self.ROWS[start:]), repository, session_id=name, dry_run=True)
            report = imported(tmp_path, self.HEAD + "".join(self.ROWS[start:]), repository, session_id=name)

            session = report.session
            for field in ("cash", "positions", "realized_pnl", "fees_paid", "income", "net_deposits", "stopped_at"):
                assert getattr(session, field) == getattr(whole, field) == getattr(dry.session, field), (name, field)
            days = {each.at.date(): each.equity for each in repository.get_equity_curve("whole")}
            assert {each.at.date(): each.equity for each in repository.get_equity_curve(name)} == days, name
            assert report.booked_fills + report.booked_flows == len(self.ROWS) - end
            told = {each.name: each for each in report.comparisons}
            assert told["last balance"].is_equal, str(told["last balance"])
            assert report.fills == sum(",buy," in each or ",sell" in each for each in self.ROWS[start:])
        assert repository.check().ok

    def test_a_balance_needs_the_cash_at_the_beginning(self, tmp_path: Path, repository: SessionRepository) -> None:
        """Where nobody has said what a session began with, no balance is compared; a sum that was given is known."""
        head = "time,symbol,type,qty,price,amount,balance\n"
        rows = ["2024-01-01,A,buy,1,10,10,90\n", "2024-01-02,,deposit,,,5,95\n2024-01-03,A,buy,1,10,10,85\n"]

        for name, cash, compared in (("unknown", None, []), ("given", 100, ["last balance"])):
            imported(tmp_path, head + rows[0], repository, session_id=name, initial_cash=cash)
            for text in (rows[1], "".join(rows)):
                report = imported(tmp_path, head + text, repository, session_id=name)
                assert [each.name for each in report.comparisons if each.name == "last balance"] == compared
                assert report.agrees

    def test_profits_before_it_are_not_its_own(self, tmp_path: Path, repository: SessionRepository) -> None:
        """Each part agrees with its own column of profits, and with the number of its own trades."""
        head = "time,symbol,side,qty,price,net pnl\n"
        rows = [
            f"2024-01-{day:02},A,{'buy' if day % 2 else 'sell'},1,{day},{'' if day % 2 else '1'}\n"
            for day in range(1, 9)
        ]

        for part in (rows[:4], rows[4:]):
            report = imported(tmp_path, head + "".join(part), repository)
            assert [str(each) for each in report.comparisons] == ["sum of net pnl: 2 in the file, 2 booked: equal"]
            assert (report.trades, report.round_trips) == (2, 2)
        assert report.session.realized_pnl == 4

    def test_what_is_sold_may_be_an_instrument_of_the_session(
        self, tmp_path: Path, repository: SessionRepository
    ) -> None:
        """Bought in another currency and with a multiplier, neither of which the second file names."""
        head = "time,symbol,side,qty,price,currency\n"
        options: dict[str, Any] = {"base_currency": "USD", "multipliers": {"A": 10}}
        imported(tmp_path, f"{head}2024-01-02,A,buy,3,5,EUR\n", repository, rates={"EUR": 2}, **options)

        report = imported(tmp_path, f"{head}2024-01-03,A,sell,3,6,EUR\n", repository, **options)

        assert (report.session.positions, report.session.realized_pnl) == ({}, 60)

    def test_a_fill_that_was_corrected_is_not_missed(self, tmp_path: Path, repository: SessionRepository) -> None:
        """The file has it as it was; what replaces it is in the session alone."""
        imported(tmp_path, HEAD + BUY, repository)
        (fill,) = repository.get_fills("trades")
        replacement = dataclasses.replace(fill, id="right", price=Decimal(101), replaces=fill.id)
        repository.correct_fill("trades", fill.id, replacement)

        report = imported(tmp_path, HEAD + BUY + SELL, repository)

        assert (report.booked_fills, report.session.realized_pnl) == (1, 27)

    def test_its_currency_is_that_of_the_session(self, tmp_path: Path, repository: SessionRepository) -> None:
        """Where the file names none; else it is dollars."""
        imported(tmp_path, HEAD + BUY, repository, base_currency="EUR")

        report = imported(tmp_path, HEAD + SELL, repository)

        assert (report.session.base_currency, report.session.positions) == ("EUR", {})
        assert not any("names no currency" in note for note in report.notes)


class TestWhichSession:
    """The report says whether it was made or added to, and where it may have been meant for another one."""

    def test_new_or_added_to(self, tmp_path: Path, repository: SessionRepository) -> None:
        """As text and as data."""
        for text, told, is_new in (
            (HEAD + BUY, "booked 1 fill and 0 payments in the new session 'trades', in USD", True),
            (HEAD + BUY + SELL, "added 1 fill and 0 payments to session 'trades', in USD", False),
        ):
            report = imported(tmp_path, text, repository)
            assert told in str(report).splitlines()
            assert (report.is_new, report.to_dict()["new_session"]) == (is_new, is_new)
        dry = imported(tmp_path, HEAD + BUY + SELL, repository, dry_run=True)
        assert "would add 0 fills and 0 payments to session 'trades', in USD" in str(dry).splitlines()

    def test_another_session_with_its_fills(self, tmp_path: Path, repository: SessionRepository) -> None:
        """A grown file under another name was perhaps to be added."""
        imported(tmp_path, HEAD + BUY, repository, session_id="other")
        imported(tmp_path, HEAD + BUY + SELL, repository, session_id="depot")
        told = (
            "session 'depot' has the first fills of this file as well; to add to that one, give its id: "
            "session_id='depot' (--id depot)"
        )

        assert told in imported(tmp_path, HEAD + BUY + SELL, repository, session_id="grown", dry_run=True).notes
        assert told in imported(tmp_path, HEAD + BUY + SELL, repository, session_id="grown").notes
        assert not any("as well" in note for note in imported(tmp_path, HEAD + SELL, None, allow=["shorts"]).notes)


def test_cash_that_may_count_twice(tmp_path: Path) -> None:
    """What the caller says beside the deposit with which the file begins."""
    head = "time,symbol,type,qty,price,amount\n"
    rows = "2024-01-01,,deposit,,,100\n2024-01-02,A,buy,1,5,5\n"
    told = (
        "the account began with 100, as you say, and the file begins with a deposit of 100: if both are the same "
        "money, it counts twice, and the initial cash is to be left out (initial_cash=..., --cash)"
    )

    assert told in imported(tmp_path, head + rows, None, initial_cash=100).notes
    for text, cash in ((head + rows, None), (head + rows, 0), (HEAD + BUY, 100)):
        assert not any("counts twice" in note for note in imported(tmp_path, text, None, initial_cash=cash).notes)


def test_strict_stores_what_agrees_only(tmp_path: Path, repository: SessionRepository) -> None:
    """Figures that differ, or money that is left out, are an error that names them."""
    head = "time,symbol,type,qty,price,amount\n"
    buy, other = "2024-01-02,A,buy,1,5,{}\n", "2024-01-03,,thing,,,7\n"

    for text, told in (
        (
            head + buy.format(6),
            "nothing was stored; purchases in amount: 6 in the file, 5 booked: differs by -1; verdict: 1 of 1",
        ),
        (
            head + buy.format(5) * 2 + other,
            "nothing was stored; verdict: equal .*, but rows with amounts were left out: 7 USD",
        ),
    ):
        with pytest.raises(SourceFileError, match=told):
            imported(tmp_path, text, repository, strict=True)
        assert repository.count() == 0
    assert imported(tmp_path, head + buy.format(5), repository, strict=True).agrees
    with pytest.raises(SourceFileError, match="nothing was stored"):
        imported(tmp_path, head + buy.format(5) * 3 + other, repository, strict=True)
    assert len(repository.get_fills("trades")) == 1
