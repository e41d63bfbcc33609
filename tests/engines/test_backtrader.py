"""Runs of the real backtrader, recorded, killed and resumed, and compared with the engine's own numbers."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("backtrader")

from paper_repo import PaperTradingSession, SessionRepository
from tests.engines.backtrader_runs import BROKERS, run
from tests.facade.seeds import ROUNDS

# The engine calls what Python 3.12 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utc:DeprecationWarning:backtrader")

CENT = Decimal("0.005")
SEEDS = 5 if int(os.environ.get(ROUNDS, "1")) > 1 else 2
"""How many random runs of each kind; `tox -e engines` asks for all."""


def exact(value: float) -> Decimal:
    """The number that a float shows."""
    return Decimal(repr(float(value)))


def stored(path: Path) -> tuple[PaperTradingSession, dict[str, Any]]:
    """The session in a file, and its whole history; nothing in the file contradicts anything else."""
    with SessionRepository(path) as repository:
        assert repository.check().problems == []
        session = repository.get_by_id("a")
        assert session is not None
        history = {
            "fills": repository.get_fills("a"),
            "orders": repository.get_orders("a", which="closed"),
            "ledger": repository.get_ledger("a"),
            "equity": repository.get_equity_curve("a"),
        }
        return session, history


def journal(folder: Path) -> list[dict[str, Any]]:
    """What the engine has stated of each bar; of one that was repeated, the last time."""
    lines = [json.loads(line) for line in (folder / "journal.txt").read_text().splitlines()]
    return list({line["at"]: line for line in lines}.values())


def same(session: PaperTradingSession) -> dict[str, Any]:
    """All of a session but how often and when it was saved."""
    names = {field.name for field in dataclasses.fields(session)} - {"version", "updated_at"}
    return {name: getattr(session, name) for name in names}


def assert_same_numbers(folder: Path, *, at_every_bar: bool) -> None:
    """The session has the engine's numbers."""
    session, history = stored(folder / "s.db")
    lines = journal(folder)
    assert len(lines) == len(history["equity"])
    for line, point in zip(lines, history["equity"], strict=True):
        assert (point.cash, point.equity) == (exact(line["cash"]), exact(line["value"]))
        if at_every_bar:
            assert_same_books(line)
    last = lines[-1]
    assert abs(session.equity - exact(last["value"])) < CENT
    assert {symbol: each.quantity for symbol, each in session.positions.items()} == pytest.approx(
        {symbol: exact(size) for symbol, (size, _) in last["positions"].items()}, abs=Decimal("1e-9")
    )
    for symbol, (_, price) in last["positions"].items():
        assert abs(session.positions[symbol].average_price - exact(price)) < CENT


def assert_same_books(line: dict[str, Any]) -> None:
    """What the session held at the end of a bar is what the engine says: nothing had to be made up."""
    ours = {name: Decimal(value) for name, value in line["books"].items()}
    assert abs(ours["equity"] - exact(line["value"])) < CENT
    assert abs(ours["realized"] - exact(line["realized"])) < CENT
    assert abs(ours["fees"] - exact(line["fees"])) < CENT
    assert abs(ours["net"] - exact(line["net"])) < CENT
    assert ours["other"] == 0


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("broker", BROKERS)
def test_recorded_run_has_the_engines_numbers_on_every_bar(tmp_path: Path, broker: str, seed: int) -> None:
    """Equity, cash, realized and net P&L, fees, interest and positions agree to the cent, with every kind of order."""
    ran = run(tmp_path, broker, seed, recorder={"interval": 0, "resume": False})

    assert_same_numbers(tmp_path, at_every_bar=True)
    session, history = stored(tmp_path / "s.db")
    assert len(history["fills"]) == ran.analyzers.journal.executions > 30
    assert len(session.open_orders) == len(ran.broker.pending) + len(ran.broker.submitted)
    assert len(history["orders"]) + len(session.open_orders) == ran.analyzers.journal.orders


def test_each_number_of_an_execution_is_the_engines_float_as_it_is_shown(tmp_path: Path) -> None:
    """Also with the error of the engine's arithmetic; what the session computes from these numbers adds none."""
    ran = run(tmp_path, "spot", 1, recorder={"resume": False})
    session, history = stored(tmp_path / "s.db")

    booked = [(each.signed_quantity, each.price, each.fee) for each in history["fills"]]
    assert sorted(booked) == sorted(tuple(map(exact, bit)) for bit in ran.analyzers.journal.bits)
    assert any(len(str(fee)) > 15 for _, _, fee in booked)
    assert session.cash == 100_000 - sum(quantity * price + fee for quantity, price, fee in booked)


@pytest.mark.parametrize(("broker", "seeds"), [(broker, SEEDS if broker == "several" else 1) for broker in BROKERS])
def test_run_that_is_killed_and_resumed_equals_an_uninterrupted_one(tmp_path: Path, broker: str, seeds: int) -> None:
    """Killed with SIGKILL in four random bars: every bar, fill and order is the same, and all that is kept to go on."""
    seeds *= int(os.environ.get(ROUNDS, "1"))
    command = [sys.executable, "-m", "tests.engines.backtrader_runs", str(tmp_path), broker, str(seeds), "4"]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

    for seed in range(seeds):
        whole, killed = tmp_path / f"{seed}-whole", tmp_path / f"{seed}-killed"
        assert_same_numbers(killed, at_every_bar=False)
        session, history = stored(killed / "s.db")
        expected_session, expected_history = stored(whole / "s.db")
        assert history == expected_history
        assert same(session) == same(expected_session)
        stated = ("at", "cash", "value", "positions", "bars")
        assert [[line[name] for name in stated] for line in journal(killed)] == [
            [line[name] for name in stated] for line in journal(whole)
        ]
