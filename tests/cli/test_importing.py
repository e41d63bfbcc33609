"""`paper-repo import --from`: files of other programs on the command line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from paper_repo import SessionRepository
from paper_repo.cli import importing
from paper_repo.cli.database import VARIABLE
from paper_repo.cli.importing import FIELDS, Refused, Source
from paper_repo.engines.importing import SOURCES
from paper_repo.engines.importing.headings import SPELLINGS
from paper_repo.engines.importing.importer import TABLES
from paper_repo.engines.importing.meanings import MEANINGS
from paper_repo.engines.importing.records import ALLOWED
from tests.cli.conftest import Run

SAMPLES = Path(__file__).parents[1] / "engines" / "importing" / "samples"
ASKED = ("--allow", "foreign-rows", "--allow", "unpriced-fees")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Where a new database may be created."""
    return tmp_path / "elsewhere.db"


@pytest.fixture
def command(run: Run, elsewhere: Path) -> Run:
    """Runs a command on that database."""
    return lambda *arguments: run(*arguments, env={VARIABLE: str(elsewhere)})


def test_the_command_knows_what_the_library_knows() -> None:
    """Its choices are written down twice, so that help needs no import."""
    assert tuple(Source) == SOURCES
    assert tuple(Refused) == ALLOWED
    assert tuple(SPELLINGS) == FIELDS
    assert importing.MEANINGS == MEANINGS
    assert importing.TABLES == TABLES


def test_a_file_becomes_a_session(command: Run, elsewhere: Path) -> None:
    """The verdict is told, the books are sound, and importing again adds nothing."""
    first = command("import", "--from", "csv", str(SAMPLES / "binance_trades.csv"), *ASKED)
    again = command("import", "--from", "csv", str(SAMPLES / "binance_trades.csv"), *ASKED)

    assert first.exit_code == again.exit_code == 0, first.output
    assert "booked 6 fills and 0 payments in the new session 'binance_trades', in USDT" in first.stdout
    assert "not booked: fees of 0.0051 BNB" in first.stdout
    assert first.stdout.endswith("verdict: equal to the file's own figures\n")
    assert "added 0 fills and 0 payments to session 'binance_trades', in USDT\nstored already: 6" in again.stdout
    assert command("check").exit_code == 0


def test_a_file_that_is_refused_leaves_no_database(command: Run, elsewhere: Path) -> None:
    """The complaint says which options to add."""
    result = command("import", "--from", "csv", str(SAMPLES / "binance_trades.csv"))

    assert result.exit_code == 1
    assert "say --rate BTC=..., or leave such rows out: --allow foreign-rows" in result.stderr
    assert "--allow unpriced-fees" in result.stderr
    assert list(elsewhere.parent.glob("elsewhere*")) == []


@pytest.mark.parametrize(
    ("text", "options", "told"),
    [
        ("1.2.2024,A,buy,1,2", [], "has no time zone; say --timezone UTC, or the zone"),
        ("01/02/2024,A,buy,1,2", ["--timezone", "UTC"], "say --dates day-first or --dates month-first"),
        (
            '1.2.2024,A,buy,1,"1,500"',
            ["--timezone", "UTC"],
            "for thousands say --decimal point, for decimals --decimal comma",
        ),
        ("1.2.2024,A,sell,1,2", ["--timezone", "UTC"], "or allow it: --allow shorts\n"),
        ("1.2.2024,A/BTC,buy,1,2", ["--timezone", "UTC", "--currency", "USD"], "say --rate BTC=..., or leave"),
        ("1.2.2024,A,buy,1,much", ["--timezone", "UTC"], "name another column with --map FIELD=COLUMN\n"),
        ("1.2.2024,,buy,1,2", ["--timezone", "UTC", "--map", "symbol=coin"], "there is no column 'coin'"),
    ],
)
def test_a_complaint_names_the_option(text: str, options: list[str], told: str, command: Run, tmp_path: Path) -> None:
    """That of the command, and no argument of Python."""
    path = tmp_path / "t.csv"
    path.write_text(f"time,symbol,side,qty,price\n{text}\n")

    result = command("import", "--from", "csv", str(path), *options)

    assert result.exit_code == 1
    assert told in result.stderr.replace("\n ", " ")
    assert not re.search(r"[a-z_]+=['\[{]", result.stderr)


def test_a_note_names_the_option(command: Run, tmp_path: Path) -> None:
    """What was assumed, as text and as data; an account that began with nothing is said to have."""
    path = tmp_path / "t.csv"
    path.write_text("time,symbol,side,qty,price\n1.2.2024 10:00,A,buy,1,2\n")
    assumed = ["the file names no currency; it was taken as USD (--currency)"]
    began = "the file does not say what the account began with; it was taken as 0, so there is no return in percent"
    assumed.append(f"{began} (--cash)")

    shown = command("import", "--from", "csv", str(path), "--timezone", "UTC", "--dry-run")
    data = command("import", "--from", "csv", str(path), "--timezone", "UTC", "--dry-run", "--json")

    assert "\n".join(assumed) in shown.stdout
    assert json.loads(data.stdout)["notes"] == assumed


def test_the_initial_cash_is_said_too_late(command: Run, tmp_path: Path) -> None:
    """The complaint names every way out, and each of them is one."""
    path = tmp_path / "t.csv"
    path.write_text("time,symbol,side,qty,price\n1.2.2024,A,buy,1,2\n")
    importing = ["import", "--from", "csv", str(path), "--timezone", "UTC"]
    assert command(*importing).exit_code == 0

    refused = command(*importing, "--cash", "20000")

    assert refused.exit_code == 1
    assert "session 't' is stored already, with an initial cash of 0, not 20000" in refused.stderr
    assert "delete the session first to start over, or give another id: --id" in refused.stderr
    assert command(*importing).exit_code == 0
    assert command(*importing, "--cash", "20000", "--id", "other").exit_code == 0
    assert command("delete", "t", "--yes").exit_code == 0
    assert command(*importing, "--cash", "20000").exit_code == 0


def test_a_dry_run_shows_the_first_fills(command: Run, elsewhere: Path) -> None:
    """And the comparison, and stores nothing."""
    result = command("import", "--from", "ibkr", str(SAMPLES / "ibkr_activity.csv"), "--dry-run")

    assert result.exit_code == 0
    assert "ACME" in result.stdout
    assert "would book 7 fills and 3 payments" in result.stdout
    assert not elsewhere.exists()


def test_options_reach_the_import(command: Run, elsewhere: Path) -> None:
    """Every one of them."""
    options = ["--timezone", "UTC", "--multiplier", "XAUUSD=100", "--id", "mt"]
    options += ["--name", "Gold", "--strategy", "trend"]

    result = command(
        "import", "--from", "metatrader", str(SAMPLES / "mt5_deals.html"), *options, "--cash", "5", "--json"
    )

    report = json.loads(result.stdout)
    assert report["agrees"] is False  # the report begins with nothing
    assert report["realized_pnl"] == "145.0000"
    with SessionRepository(elsewhere) as repository:
        session = repository.get_by_id("mt")
        assert session is not None
        assert (session.name, session.strategy.name, session.initial_cash) == ("Gold", "trend", 5)


def test_columns_rates_and_formats(command: Run, elsewhere: Path, tmp_path: Path) -> None:
    """What the file does not tell."""
    path = tmp_path / "t.csv"
    path.write_text("wann,was,side,qty,price,fee,fee currency\n01/02/2024,ETH/BTC,buy,1,0.5,1,BNB\n")
    options = ["--map", "time=wann", "--map", "symbol=was", "--rate", "BTC=100", "--rate", "BNB=2", "--currency", "USD"]

    result = command("import", "--from", "csv", str(path), *options, "--dates", "day-first", "--timezone", "+02:00")

    assert result.exit_code == 0, result.stderr
    with SessionRepository(elsewhere) as repository:
        session = repository.get_by_id("t")
        assert session is not None
        assert session.created_at.isoformat() == "2024-01-31T22:00:00+00:00"
        assert session.balances == {"BTC": session.balances["BTC"], "BNB": -1}


def test_words_and_two_columns_of_time(command: Run, elsewhere: Path, tmp_path: Path) -> None:
    """Are named as a table is; the complaint about a word names the option."""
    path = tmp_path / "t.csv"
    path.write_text(
        "Tag;um;Typ;Wertpapier;Menge;Preis;Betrag\n"
        "9.1.2024;16:56:10;Kauf;SAP;10;5;-50\n9.1.2024;17:00:00;Kauf;SAP;1;5;-5\n10.1.2024;08:00:00;Ertrag;SAP;;;7\n",
    )
    importing = ["import", "--from", "csv", str(path), "--timezone", "UTC", "--map", "time=Tag+um", "--currency", "EUR"]

    refused = command(*importing, "--strict")
    told = command(*importing, "--dry-run")
    done = command(*importing, "--strict", "--word", "dividend=Ertrag")

    assert (refused.exit_code, told.exit_code, done.exit_code) == (1, 0, 0), done.stderr
    assert "nothing was stored; verdict: equal to the file's own figures, but rows with amounts were left out: 7" in (
        refused.stderr.replace("\n ", " ")
    )
    assert "say what 'ertrag' means, or skip it: --word MEANING=ertrag" in told.stdout
    with SessionRepository(elsewhere) as repository:
        session = repository.get_by_id("t")
        assert session is not None
        assert (session.income, session.created_at.isoformat()) == (7, "2024-01-09T16:56:10+00:00")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--from", "csv", "nowhere.csv"], 3, "there is no file nowhere.csv"),
        (["--from", "csv", "-"], 2, "not standard input"),
        (["--from", "excel", "x"], 2, "excel"),
        (["--from", "csv", "--skip", "x"], 2, "--skip and --replace are for archives"),
        (["--cash", "5", "x"], 2, "name the program with --from"),
        (["--from", "csv", "--cash", "much", "x"], 2, "'much' is not an amount"),
        (["--from", "csv", "--map", "price", "x"], 2, "'price' is not NAME=VALUE"),
        (["--from", "csv", "--rate", "BTC=-1", "x"], 2, "is not an amount above zero"),
        (["--from", "csv", "--map", "bananas=Zeit", "x"], 2, "the fields are: time, clock, symbol"),
        (["--from", "csv", "--word", "income=Ertrag", "x"], 2, "it may mean: buy, sell, short, deposit"),
        (["--from", "csv", "--word", "tax=.", "x"], 2, "'.' is not a word"),
        (["--from", "lean", "--word", "tax=KESt", "tests"], 2, "lean has columns of its own"),
        (["--strict", "x"], 2, "name the program with --from"),
    ],
)
def test_wrong_arguments(arguments: list[str], code: int, message: str, command: Run) -> None:
    """Are told in one line."""
    result = command("import", *arguments)

    assert result.exit_code == code
    assert message in result.stderr
