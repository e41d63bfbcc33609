"""The commands that look into a session's account: trades, orders, positions, cash."""

from __future__ import annotations

import json
import re
import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest

from paper_repo import SessionRepository
from tests.cli.conftest import DEMO, Run, document

COMMANDS = ["trades", "orders", "positions", "cash"]


class TestTrades:
    """`paper-repo trades`."""

    def test_the_latest_trades_are_shown_with_their_figures(self, run: Run) -> None:
        """A trade in a line, and how many are left out."""
        output = run("trades", DEMO, "-n", "2", width=200).stdout

        assert re.search(r"MSFT +short +6,917 +29\.7588 +27\.6849 +2012-10-01 14:30:00", output)
        assert "+14,275.79" in output
        assert "the latest 2 of 24 closed trades; --limit 0 shows all" in output

    def test_a_document_has_what_the_repository_gives(self, run: Run, database: Path) -> None:
        """All of them, with every digit."""
        found = document(run("trades", DEMO, "--json"))["trades"]
        with SessionRepository(database) as repository:
            stored = repository.get_trades(DEMO)

        assert [each["number"] for each in found] == list(range(1, 25))
        assert [Decimal(each["net_pnl"]) for each in found] == [each.net_pnl for each in stored]
        assert [each["slices"] for each in found] == [len(each.slices) for each in stored]
        assert [each["duration_seconds"] for each in found] == [each.duration.total_seconds() for each in stored]

    def test_symbol_and_time_of_the_exit_choose(self, run: Run) -> None:
        """The numbers stay those of the whole history."""
        chosen = document(run("trades", DEMO, "--json", "--symbol", "IBM", "--since", "2012-10-23"))["trades"]

        assert {each["symbol"] for each in chosen} == {"IBM"}
        assert all(each["exit_at"] >= "2012-10-23" for each in chosen)
        assert chosen[-1]["number"] > len(chosen)

    def test_a_trade_in_another_currency_names_it(self, run: Run, account: str) -> None:
        """Its prices are in that one, its gain in the base currency."""
        output = run("trades", account, "--symbol", "SAPX", width=200).stdout

        assert " in " in output.splitlines()[0]
        assert " EUR " in output


class TestOrders:
    """`paper-repo orders`."""

    @pytest.mark.parametrize(
        ("arguments", "ids"),
        [
            ([], ["o-4", "o-5", "o-1", "o-2", "o-3"]),
            (["--which", "open"], ["o-1", "o-2", "o-3"]),
            (["--which", "closed"], ["o-4", "o-5"]),
            (["--status", "pending", "--status", "FILLED"], ["o-5", "o-3"]),
            (["--symbol", "SAPX"], ["o-4"]),
            (["--since", "2026-01-05T14:39", "--which", "closed"], ["o-5"]),
            (["--limit", "1"], ["o-3"]),
        ],
    )
    def test_what_is_chosen(self, run: Run, account: str, arguments: list[str], ids: list[str]) -> None:
        """Closed ones first, in the order in which they were closed."""
        found = document(run("orders", account, "--json", *arguments))["orders"]

        assert [each["id"] for each in found] == ids

    def test_status_and_conditions_are_shown(self, run: Run, account: str) -> None:
        """In words."""
        output = run("orders", account, width=220).stdout

        assert "cancelled" in output
        assert "GTD until 2026-01-08 09:10:00 UTC, trails by 2 %, reduce-only, one of group g" in output
        assert "after o-1" in output

    def test_a_document_says_what_has_happened(self, run: Run, account: str) -> None:
        """The status of each, and all keys of all orders."""
        found = document(run("orders", account, "--json"))["orders"]

        assert [each["status"] for each in found] == ["CANCELLED", "FILLED", "OPEN", "OPEN", "PENDING"]
        assert [each["remaining_quantity"] for each in found] == ["1", "0", "2", "1", "1"]
        assert len({tuple(each) for each in found}) == 1


class TestPositions:
    """`paper-repo positions`."""

    def test_a_plain_account_shows_no_column_for_others(self, run: Run) -> None:
        """No currency, multiplier or settlement where all are the usual ones."""
        output = run("positions", DEMO, width=200).stdout

        assert output.splitlines()[0].split() == [
            *("symbol", "side", "quantity", "average", "last", "value", "unrealized", "since", "(UTC)")
        ]
        assert "unrealized P&L of all: +64,499.31 USD" in output

    def test_futures_and_hedges_are_told_apart(self, run: Run, account: str) -> None:
        """By multiplier, settlement and position."""
        output = run("positions", account, width=200).stdout

        assert re.search(r"ES +– +long +2 +.* 50 +margin", output)
        assert re.search(r"ES +hedge +short +-1 +.* 50 +margin", output)

    def test_a_document_has_value_and_profit(self, run: Run, account: str) -> None:
        """In the currency of each; `worth` is what the account is worth more by it."""
        found = document(run("positions", account, "--json", "--symbol", "ES"))["positions"]

        assert [each["settlement"] for each in found] == ["MARGIN", "MARGIN"]
        assert all(Decimal(each["worth"]) == Decimal(each["unrealized_pnl"]) for each in found)


class TestCash:
    """`paper-repo cash`."""

    def test_balances_and_payments_are_shown(self, run: Run, account: str) -> None:
        """Each currency with its worth; each payment with its currency, in the order of the books."""
        output = run("cash", account, width=100).stdout

        assert re.search(r"EUR +[-0-9.,]+ +1\.12 +[-0-9.,]+", output)
        assert [line.split()[2] for line in output.splitlines() if line.startswith("2026")] == [
            *("deposit", "dividend", "split", "new", "fee")
        ]
        assert "+4.10 EUR  SAP" in output
        assert re.search(r"split +3 for 2  SAP", output)
        assert "SAP, now SAPX" in output

    def test_a_session_without_payments_has_its_cash(self, run: Run) -> None:
        """And says that there were none."""
        output = run("cash", DEMO).stdout

        assert "726,484.92" in output
        assert "no cash flows" in output

    @pytest.mark.parametrize(
        ("arguments", "ids"),
        [
            ([], ["d-1", "d-2", "s-1", "c-1", "d-3"]),
            (["--kind", "dividend", "--kind", "FEE"], ["d-2", "d-3"]),
            (["--symbol", "SAP"], ["d-2", "s-1", "c-1"]),
            (["--until", "2026-01-05T14:32"], ["d-1"]),
            (["-n", "2"], ["c-1", "d-3"]),
        ],
    )
    def test_what_is_chosen(self, run: Run, account: str, arguments: list[str], ids: list[str]) -> None:
        """By kind, symbol and time."""
        assert [each["id"] for each in document(run("cash", account, "--json", *arguments))["entries"]] == ids

    def test_a_document_has_all_balances(self, run: Run, account: str) -> None:
        """The base currency first; amounts are exact."""
        found = document(run("cash", account, "--json"))

        assert [each["currency"] for each in found["balances"]] == ["USD", "EUR"]
        assert [each["type"] for each in found["entries"]] == [
            *("cash_flow", "cash_flow", "split", "symbol_change", "cash_flow")
        ]


class TestShow:
    """What `paper-repo show` says of such an account."""

    def test_currencies_payments_and_closed_orders_are_told(self, run: Run, account: str) -> None:
        """Where there are some."""
        output = run("show", account, width=120).stdout

        for each in ("2 currencies", "deposits", "income", "currency P&L", "held at start"):
            assert each in output
        assert re.search(r"closed orders +2", output)
        assert re.search(r"ledger entries +5", output)
        assert re.search(r"closed trades +2,", output)

    def test_a_plain_account_says_nothing_of_it(self, run: Run, database: Path) -> None:
        """A newcomer sees what a newcomer has."""
        output = run("show", "run-1", width=120).stdout

        for each in ("currenc", "deposits", "income", "closed orders", "ledger"):
            assert each not in output

    def test_a_corrected_fill_is_marked(self, run: Run, account: str) -> None:
        """And so is the one that replaces it."""
        output = run("fills", account, width=120).stdout

        assert re.search(r"5,001\.00 .*corrected", output)
        assert re.search(r"5,002\.00 .*replaces f-4", output)
        assert "0.001 BTC" in output


@pytest.mark.parametrize("name", [*COMMANDS, "fills", "show"])
@pytest.mark.parametrize("width", [60, 80, 200, None])
def test_tables_fit_and_cut_no_number(run: Run, account: str, name: str, width: int | None) -> None:
    """At every width, for a plain account and for one that has everything."""
    for session_id in (DEMO, account):
        output = run(name, session_id, width=width).stdout

        assert max(map(len, output.splitlines())) <= (width or 1000)
        assert not re.search(r"\d…|…\d", output)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_session_that_has_nothing_says_so(run: Run, name: str) -> None:
    """In a sentence, and as an empty list."""
    words = {"trades": "closed trades", "orders": "orders", "positions": "open positions", "cash": "cash flows"}
    result = run(name, "run-1")

    assert result.exit_code == 0
    assert f"no {words[name]}" in result.stdout
    assert list(document(run(name, "run-1", "--json")).values())[-1] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_a_session_that_there_is_not_is_not_found(run: Run, name: str) -> None:
    """Exit code 3, one line."""
    result = run(name, "nobody")

    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (3, "", 1)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("trades", "UPDATE paper_trading_fills SET price = 'much'"),
        ("orders", "UPDATE paper_trading_orders SET quantity = 'much'"),
        ("cash", "UPDATE paper_trading_ledger SET at = 'once'"),
        ("positions", "UPDATE paper_trading_sessions SET positions = '['"),
        ("compare", "UPDATE paper_trading_fills SET price = 'much'"),
    ],
)
def test_damage_is_told_in_one_line(run: Run, database: Path, account: str, name: str, damage: str) -> None:
    """With exit code 1, and nothing of a table; a document that has begun ends there, and is none."""
    with sqlite3.connect(database) as connection:
        connection.execute(damage)
    connection.close()

    again = [account] if name == "compare" else []
    shown, document = run(name, account, *again), run(name, account, *again, "--json")

    assert (shown.exit_code, shown.stdout, shown.stderr.count("\n")) == (1, "", 1)
    assert (document.exit_code, document.stderr.count("\n")) == (1, 1)
    with pytest.raises(json.JSONDecodeError):
        json.loads(document.stdout)
