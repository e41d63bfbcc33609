"""Figures that are read in bulk: those of the entities."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paper_repo import (
    CashFlow,
    CorruptRecordError,
    EquityPoint,
    Fill,
    Instrument,
    PaperTradingSession,
    SessionRepository,
    Split,
    performance,
)
from paper_repo.core import history
from paper_repo.core.figures import read_performance
from paper_repo.core.repository import internals_of
from tests import strategies
from tests.builders import moment, new_fill, new_session
from tests.domain.test_trade_figures import plain_fills


def require_equal(repository: SessionRepository, session_id: str) -> None:
    """What is read in bulk is what follows from the entities, with the points that a watcher sees."""
    accounts, storage = internals_of(repository).accounts, internals_of(repository).storage
    session, curve = repository.get_by_id(session_id), repository.get_equity_curve(session_id)
    assert session is not None
    expected = performance(session, curve, list(accounts.history(session_id)))

    assert repository.get_performance(session_id) == expected
    seen: list[list[EquityPoint]] = []

    def watch(points):  # type: ignore[no-untyped-def]
        seen.append([])
        for point in points:
            seen[-1].append(point)
            yield point

    with repository.reading():
        assert read_performance(storage, session, watch=watch) == expected
    assert [(each.at, each.equity, each.cash) for each in seen[-1]] == [
        (each.at, each.equity, each.cash) for each in sorted(curve, key=lambda each: each.at)
    ]


@given(session=strategies.sessions())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_session(path: Path, session: PaperTradingSession) -> None:
    """Whatever it has booked."""
    with SessionRepository(path, durability="normal") as repository:
        repository.delete_many()
        repository.save(session)

        require_equal(repository, session.id)


@given(
    fills=plain_fills(), back=st.booleans(), page=st.integers(1, 7), kind=st.sampled_from(["", "flow", "split", "euro"])
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_trades(
    path: Path, monkeypatch: pytest.MonkeyPatch, fills: list[Fill], back: bool, page: int, kind: str
) -> None:
    """Plain fills in any order and in pages of any size, with multipliers; and those that are not plain."""
    monkeypatch.setattr(history, "ROWS", page)
    session = new_session(id="any", cash=None, initial_cash=1000, instruments={"ES": Instrument("ES", None, 50)})
    if kind == "euro":
        session.instruments["A"] = Instrument("A", "EUR")
        session.update_rates({"EUR": "1.25"})
    for number, fill in enumerate(fills):
        session.apply_fill(fill)
        at = moment(0) + timedelta(hours=number * 5 - (20 if back and number % 3 else 0))
        session.mark({fill.symbol: fill.price}, at=at)
        if kind == "flow" and number == 2:
            session.apply_cash_flow(CashFlow("d", "DEPOSIT", 500, at))
        if kind == "split" and number == 2:
            session.apply_split(Split("s", "A", 2, at=at))
    with SessionRepository(path, durability="normal") as repository:
        repository.delete_many()
        repository.save(session)

        require_equal(repository, session.id)


def test_a_corrected_fill(path: Path) -> None:
    """It does not count, and what replaces it does."""
    session = new_session(id="a", initial_cash=1000, cash=None)
    for number in range(4):
        session.apply_fill(new_fill(number))
    with SessionRepository(path) as repository:
        repository.save(session)
        repository.correct_fill("a", new_fill(1).id)

        require_equal(repository, "a")


@pytest.mark.parametrize(("table", "place"), [("fills", 3), ("fills", 6), ("equity", 1), ("equity", 3)])
def test_a_missing_part(path: Path, monkeypatch: pytest.MonkeyPatch, table: str, place: int) -> None:
    """A history of which a part is missing has no figures."""
    monkeypatch.setattr(history, "ROWS", 2)
    session = new_session(id="a")
    for number in range(6):
        session.record_fill(new_fill(number))
        session.record_equity(EquityPoint(moment(number), 1, 1))
    with SessionRepository(path) as repository:
        repository.save(session)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"DELETE FROM paper_trading_{table} WHERE sequence = ?", [place])

    with (
        SessionRepository(path) as repository,
        pytest.raises(CorruptRecordError, match="a part of its history is missing"),
    ):
        repository.get_performance("a")


CHANGES = ["fills SET price = '7'", "fills SET fee = 'x1'", "equity SET equity = '7'", "equity SET at = 'x'"]


@pytest.mark.parametrize("change", CHANGES)
def test_a_row_that_was_changed(path: Path, change: str) -> None:
    """A digit that is another one than was written is an error that names the session, and no figure."""
    session = new_session(id="a")
    session.record_fill(new_fill(1))
    session.record_equity(EquityPoint(moment(1), 1, 1))
    with SessionRepository(path) as repository:
        repository.save(session)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"UPDATE paper_trading_{change}")

    with SessionRepository(path) as repository, pytest.raises(CorruptRecordError, match="session 'a' is stored but"):
        repository.get_performance("a")
