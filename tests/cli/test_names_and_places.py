"""What a session without a name is called, and with how many decimals amounts stand beside each other."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from paper_repo import CashFlow, Fill, PaperTradingSession, SessionRepository
from paper_repo.cli.formatting import places_of
from tests.builders import moment, new_session
from tests.cli.conftest import Run


def small(name: str, currency: str = "USD") -> PaperTradingSession:
    """A session with an id alone, and few dollars in many digits."""
    session = new_session(id=name, name="", base_currency=currency, initial_cash=1000, created_at=moment(0))
    session.start(at=moment(0))
    session.apply_cash_flow(CashFlow("d", "DIVIDEND", "12.34567891", moment(0)))
    for number, price in enumerate(("10.12345678", "11.23456789"), 1):
        session.apply_fill(Fill(f"b{number}", "ABC", "BUY", 5, price, "0.01234567", moment(number)))
    session.apply_fill(Fill("s", "ABC", "SELL", 5, "12.34567891", "0.01234567", moment(3)))
    session.mark({"ABC": "9.87654321"}, at=moment(4))
    return session


@pytest.fixture
def stored(database: Path) -> Path:
    """The database with two such sessions, one of which has bought at other prices."""
    other = small("anna")
    other.apply_fill(Fill("x", "ABC", "BUY", 1, "7.12345678", "0.01234567", moment(5)))
    with SessionRepository(database) as repository:
        repository.save_many([small("bert"), other])
    return database


@pytest.mark.parametrize("command", [["list"], ["status"], ["show", "bert"], ["compare", "bert", "anna"]])
def test_an_id_stands_for_a_name_that_is_missing(command: list[str], stored: Path, run: Run) -> None:
    """Everywhere, and nothing else does."""
    output = run(*command, width=200).stdout

    assert "(no name)" not in output
    lines = [line for line in output.splitlines() if "bert" in line]
    assert lines
    assert command[0] not in ("list", "status") or lines[0].count("bert") == 2  # the id, and the name


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (
            ["compare", "bert", "anna"],
            ["fees 0.04 0.05 +0.01", "net P&L -13.78: prices 0.00, fees -0.01"],
        ),
        (["cash", "bert"], ["USD 967.25", "+12.35 USD"]),
        (["equity", "bert"], ["967.25 1,016.63"]),
        (["list"], ["1,016.63 USD +16.63"]),
    ],
)
def test_dollars_have_cents(command: list[str], told: list[str], stored: Path, run: Run) -> None:
    """However few they are, in tables and in the sentences below them."""
    output = " ".join(run(*command, width=200).stdout.split())

    assert [each for each in told if each not in output] == []


def test_the_total_of_positions(stored: Path, run: Run) -> None:
    """As the table says it."""
    output = run("positions", "bert", width=200).stdout

    assert "-4.01" in output.splitlines()[2]
    assert output.splitlines()[-1] == "unrealized P&L of all: -4.01 USD"


@pytest.mark.parametrize(
    ("amounts", "currency", "places"),
    [
        (("63.69760189",), "USD", 2),
        (("63.69760189",), "BTC", 8),
        (("63.69760189",), None, 8),
        (("0.00120000",), "USD", 4),
        (("5000", "0.5"), "BTC", 2),
        ((), "EUR", 2),
    ],
)
def test_places_by_currency(amounts: tuple[str, ...], currency: str | None, places: int) -> None:
    """Cents are enough where they are, unless they would hide an amount; a coin is shown with what it has."""
    assert places_of(*map(Decimal, amounts), currency=currency) == places
