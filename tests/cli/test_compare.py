"""`paper-repo compare`: two sessions side by side."""

from __future__ import annotations

import dataclasses
import os
import random
import re
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from paper_repo import Fill, PaperTradingSession, SessionRepository, compare
from paper_repo.cli import formatting
from tests.builders import START, moment, new_session
from tests.cli.conftest import DEMO, Run, document

OPENED = """
import sys
from paper_repo.cli import main

begun = []

def watch(event, arguments):
    if event == "sqlite3.connect":
        begun.append(arguments)
    elif event == "open" and begun and str(arguments[0]) == sys.argv[-1]:
        sys.stderr.write("opened beside SQLite")

sys.addaudithook(watch)
main()
"""
"""The command, which complains when it opens the file of its last argument although SQLite has it open."""


def on_paper(fills: list[Fill], session_id: str = "paper") -> PaperTradingSession:
    """The fills a second later and a cent dearer; the fifth is missed, and one is extra."""
    session = new_session(id=session_id, name="On paper", initial_cash=1_000_000)
    for number, fill in enumerate(fills, 1):
        if number != 5:
            changed = {"price": fill.price + Decimal("0.01"), "executed_at": fill.executed_at + timedelta(seconds=1)}
            session.apply_fill(dataclasses.replace(fill, **changed))
    session.apply_fill(Fill("more", "IBM", "BUY", 3, "200.10", 1, fills[9].executed_at + timedelta(hours=3)))
    return session


@pytest.fixture
def paper(database: Path) -> str:
    """The id of a paper run of the demo's session."""
    with SessionRepository(database) as repository:
        repository.save(on_paper(repository.get_fills(DEMO)))
    return "paper"


def test_what_differs_is_told(run: Run, paper: str) -> None:
    """What was missed and extra, slippage, fees, P&L, and where they part."""
    output = run("compare", DEMO, paper, width=120).stdout

    assert re.search(r"fills +96 +96 +0", output)
    assert "95 pairs of fills match within 5 min" in output
    assert "the delay is 1 s (median)" in output
    assert re.search(r"first divergence: 2012-.* UTC, .*, not in the actual session", output)
    assert "1 fill only in the expected session (missed)" in output
    assert "1 fill only in the actual session (extra)" in output
    assert "95 matched fills at another price, the costliest first" in output
    assert "10 of 95; --limit 0 shows all" in output


def test_fills_that_match_in_part_are_counted(run: Run, database: Path) -> None:
    """Every fill has a partner, and yet of some a part is left over."""
    with SessionRepository(database) as repository:
        expected = new_session(id="planned", initial_cash=1000)
        actual = new_session(id="traded", initial_cash=1000)
        for minute, (planned, traded) in enumerate(((5, 5), (5, 3), (2, 4))):
            for session, quantity in ((expected, planned), (actual, traded)):
                session.apply_fill(Fill(f"f{minute}", "A", "BUY", quantity, 10, 0, moment(60 * minute)))
        repository.save_many([expected, actual])

    output = run("compare", "planned", "traded", width=160).stdout

    assert "3 pairs of fills match within 5 min, in part only 2 fills: what is left over is missed or extra" in output
    assert "1 fill only in the expected session (missed), 1 of them in part" in output
    assert "1 fill only in the actual session (extra), 1 of them in part" in output


def test_the_difference_of_the_pnl_is_taken_apart(run: Run, paper: str) -> None:
    """Prices, fees and the rest add up to it."""
    output = run("compare", DEMO, paper, width=200).stdout

    amounts = re.search(r"net P&L (\S+): prices (\S+), fees (\S+), missed and extra fills and the rest (\S+)", output)
    assert amounts
    whole, *parts = (Decimal(each.replace(",", "")) for each in amounts.groups())
    assert abs(whole - sum(parts)) <= Decimal("0.02")  # each is rounded


def test_a_session_agrees_with_itself(run: Run) -> None:
    """In one sentence."""
    assert "the same fills at the same prices, with the same fees" in run("compare", DEMO, DEMO).stdout
    assert document(run("compare", DEMO, DEMO, "--json"))["agrees"] is True


def test_a_document_has_every_pair(run: Run, paper: str) -> None:
    """With exact amounts."""
    found = document(run("compare", DEMO, paper, "--json"))

    assert (len(found["matched"]), len(found["missed"]), len(found["extra"])) == (95, 1, 1)
    assert found["first_divergence"] == found["missed"][0]
    assert found["first_difference_of_price"] == found["matched"][0]
    assert Decimal(found["slippage"]) == sum(Decimal(each["cost"]) for each in found["matched"])
    assert found["actual"]["net_pnl"] != found["expected"]["net_pnl"]
    assert {each["delay_seconds"] for each in found["matched"]} == {1.0}


@pytest.fixture
def long_runs(database: Path) -> tuple[PaperTradingSession, PaperTradingSession]:
    """Two sessions of many fills, of which some differ, and whose times go back now and then."""
    chance = random.Random(4)
    sessions = (new_session(id="long-1", initial_cash=10**9), new_session(id="long-2", initial_cash=10**9))
    for number in range(1500):
        at, symbol = START + timedelta(minutes=number + 30 * (number % 7 == 0)), chance.choice(("IBM", "AAPL"))
        quantity, price = chance.randint(1, 50), Decimal(chance.randint(900, 1100)) / 10
        for session in sessions:
            if chance.random() < 0.9:
                changed = chance.choice((0, 0, Decimal("0.1"), Decimal("-0.1")))
                moved = at + timedelta(seconds=chance.randint(0, 200))
                session.apply_fill(Fill(f"{number}", symbol, "BUY", quantity, price + changed, 1, moved))
    with SessionRepository(database) as repository:
        repository.save_many(sessions)
    return sessions


def test_a_long_comparison_is_what_python_gives(
    run: Run, database: Path, long_runs: tuple[PaperTradingSession, PaperTradingSession]
) -> None:
    """Pair by pair, and in the tables the costliest of all."""
    with SessionRepository(database) as repository:
        found = compare(*long_runs, *(repository.get_fills(each.id) for each in long_runs))

    told = document(run("compare", "long-1", "long-2", "--json"))
    assert [(each["expected_fill_id"], each["actual_fill_id"], each["quantity"]) for each in told["matched"]] == [
        (each.expected.id, each.actual.id, str(each.quantity)) for each in found.matched
    ]
    for name, fills in (("missed", found.missed), ("extra", found.extra)):
        assert [each["fill_id"] for each in told[name]] == [each.fill.id for each in fills]
    assert (Decimal(told["slippage"]), told["agrees"]) == (found.slippage, False)
    few = document(run("compare", "long-1", "long-2", "--json", "--limit", "3"))
    assert few == told | {name: told[name][:3] for name in ("matched", "missed", "extra")}

    output = run("compare", "long-1", "long-2", "--limit", "3", width=200).stdout
    dearest = sorted((each for each in found.matched if each.cost), key=lambda each: -abs(each.cost))
    assert f"3 of {len(dearest):,}; --limit 0 shows all" in output
    _, rows = output.split(f"{len(dearest):,} matched fills at another price, the costliest first\n")
    assert [line[:19] for line in rows.splitlines()[2:5]] == [
        f"{each.actual.executed_at:%Y-%m-%d %H:%M:%S}" for each in dearest[:3]
    ]
    delays = sorted(each.delay for each in found.matched)
    assert f"the delay is {formatting.span(delays[len(delays) // 2])} (median)" in output


def test_options_choose_what_is_compared(run: Run, paper: str) -> None:
    """Symbol, times, how far apart, and how much is shown."""
    by_symbol = document(run("compare", DEMO, paper, "--json", "--symbol", "IBM"))
    by_time = document(run("compare", DEMO, paper, "--json", "--since", "2012-06-01", "--until", "2012-09-01"))
    at_once = document(run("compare", DEMO, paper, "--json", "--within", "0s"))

    assert {each["symbol"] for each in by_symbol["matched"]} == {"IBM"}
    assert 0 < by_time["expected"]["fills"] < 96
    assert (len(at_once["matched"]), len(at_once["missed"])) == (0, 96)
    assert "--within 1d" in run("compare", DEMO, paper, "--within", "0s").stdout
    assert "of 95; --limit 0" not in run("compare", DEMO, paper, "-n", "0").stdout


def test_the_other_session_may_be_in_another_database(run: Run, database: Path, tmp_path: Path) -> None:
    """The second id is looked for there."""
    other = tmp_path / "live.db"
    with SessionRepository(database) as repository, SessionRepository(other) as live:
        live.save(on_paper(repository.get_fills(DEMO), "live-1"))

    assert "95 pairs" in run("compare", DEMO, "live", "--other-db", str(other)).stdout
    assert run("compare", DEMO, "live").exit_code == 3
    assert run("compare", DEMO, "live", "--other-db", str(tmp_path / "none.db")).exit_code == 3


def test_sessions_without_fills_and_of_other_currencies_compare(run: Run, paper: str) -> None:
    """Amounts of different currencies are not subtracted."""
    output = run("compare", paper, "odd", width=100).stdout

    assert re.search(r"net P&L .* USD +0\.00 EUR +–", output)
    assert "96 fills only in the expected session" in output


@pytest.mark.parametrize("length", ["5", "-5m", "1w", "", "99999999d"])
def test_another_length_is_a_usage_error(run: Run, length: str) -> None:
    """The message shows what one looks like."""
    result = run("compare", DEMO, DEMO, "--within", length)

    assert result.exit_code == 2
    assert "30s, 5m, 2h or 1d" in result.stderr


@pytest.mark.parametrize("width", [60, 80, 200])
def test_it_fits_its_terminal(run: Run, paper: str, width: int) -> None:
    """No number is cut."""
    output = run("compare", DEMO, paper, width=width).stdout

    assert max(map(len, output.splitlines())) <= width
    assert not re.search(r"\d…|…\d", output)


def test_a_file_is_not_opened_beside_sqlite(database: Path, paper: str) -> None:
    """Not to find out whether it is encrypted, either: closing it would drop the locks that SQLite has on it."""
    done = subprocess.run(
        [sys.executable, "-c", OPENED, "compare", DEMO, paper, "--other-db", str(database)],
        env=os.environ | {"PAPER_REPO_DB": str(database)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
