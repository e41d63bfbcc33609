"""A save in steps: it stores what a save does, and between two steps the database is anybody's."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from paper_repo import (
    CashFlow,
    ConflictError,
    DuplicateFillError,
    EquityPoint,
    InvalidSessionError,
    Order,
    PaperTradingSession,
    SessionRepository,
)
from paper_repo.core.repository import internals_of
from tests.builders import moment, new_fill, new_session

TABLES = ("sessions", "fills", "equity", "ledger", "orders")


@pytest.fixture
def repository(path: Path) -> Iterator[SessionRepository]:
    """An open, empty repository."""
    with SessionRepository(path) as opened:
        yield opened


def save_in_steps(repository: SessionRepository, session: PaperTradingSession) -> int:
    """Store a session in steps, and say how many."""
    return sum(1 for _ in internals_of(repository).write_in_steps(session))


def traded(session: PaperTradingSession, day: int) -> None:
    """A day of all kinds of history: fills of an order, a payment, an order that is cancelled, one that rests, a curve.

    Each has more than one step prepares.
    """
    for number in range(day * 100, day * 100 + 50):
        order_id = f"o{number}"
        session.place_order(Order(order_id, "AAPL", "BUY", "LIMIT", 2, limit_price=10, created_at=moment(number)))
        session.apply_fill(new_fill(number, symbol="AAPL", order_id=order_id, quantity=1, price=10))
        session.apply_cash_flow(CashFlow(f"c{number}", "DIVIDEND", "0.1", moment(number), symbol="AAPL"))
        if number % 100 != 49:
            session.cancel_order(order_id, moment(number))
        session.record_equity(EquityPoint(moment(number), session.cash, session.equity))


def rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """All that a file has, but what is by chance in it or says when it was written."""
    found = {}
    with closing(sqlite3.connect(path)) as connection:
        for table in TABLES:
            cursor = connection.execute(f"SELECT * FROM paper_trading_{table} ORDER BY 1, 2")
            names = [each[0] for each in cursor.description]
            left_out = {"updated_at", "generation", "checksum", "summary_checksum"} if table == "sessions" else set()
            found[table] = [
                tuple(value for name, value in zip(names, row, strict=True) if name not in left_out)
                for row in cursor.fetchall()
            ]
    return found


def test_it_stores_what_a_save_does(tmp_path: Path) -> None:
    """Row by row, the first time and later, whatever there is to store; the object is as after a save."""
    sessions = {}
    for name in ("whole", "steps"):
        session = sessions[name] = new_session(id="a")
        with SessionRepository(tmp_path / name) as repository:
            for day in range(3):
                traded(session, day)
                if name == "whole":
                    repository.save(session)
                else:
                    assert save_in_steps(repository, session) > 10
                assert [*session.new_fills, *session.new_equity_points, *session.new_closed_orders] == []
            session.name = "renamed"
            save = repository.save if name == "whole" else lambda each: save_in_steps(repository, each)
            save(session)
            assert repository.check().ok

    assert rows(tmp_path / "steps") == rows(tmp_path / "whole")
    assert len(rows(tmp_path / "steps")["fills"]) == 150
    assert sessions["steps"].version == sessions["whole"].version == 4


def test_others_write_between_two_steps(path: Path, repository: SessionRepository) -> None:
    """Nothing is locked while the program does something else."""
    session = new_session()
    traded(session, 1)
    with SessionRepository(path, busy_timeout=0.01) as other:
        for step, _ in enumerate(internals_of(repository).write_in_steps(session)):
            other.save(new_session(id=f"other-{step}"))
            repository.save(new_session(id=f"own-{step}"))
    assert len(repository.get_fills(session.id)) == 50


def test_it_conflicts_with_what_was_saved_meanwhile(path: Path, repository: SessionRepository) -> None:
    """Nothing is stored then, and the object keeps its history."""
    session = new_session(id="a")
    repository.save(session)
    traded(session, 1)
    steps = internals_of(repository).write_in_steps(session)
    next(steps)
    with SessionRepository(path) as other:
        theirs = other.get_by_id("a")
        theirs.name = "theirs"
        other.save(theirs)

    with pytest.raises(ConflictError):
        list(steps)

    assert (session.version, len(session.new_fills), len(session.new_closed_orders)) == (1, 50, 49)
    assert repository.get_by_id("a").name == "theirs"
    assert repository.get_fills("a") == repository.get_equity_curve("a") == []


def test_what_is_stored_already_is_refused_as_by_a_save(repository: SessionRepository) -> None:
    """A fill that was booked twice; what was only recorded is left out."""
    session = new_session(id="a")
    session.apply_fill(new_fill(1))
    repository.save(session)
    session.apply_fill(new_fill(2))
    session.new_fills.book(new_fill(1))
    with pytest.raises(DuplicateFillError):
        save_in_steps(repository, session)
    assert len(session.new_fills) == 2

    session = repository.get_by_id("a")
    session.record_fill(new_fill(1))
    session.record_fill(new_fill(3))
    save_in_steps(repository, session)
    assert [each.id for each in repository.get_fills("a")] == [new_fill(1).id, new_fill(3).id]
    assert session.fill_count == 2


def test_orders_that_contradict_what_is_stored_are_refused(repository: SessionRepository) -> None:
    """An order under the id of one that was closed before."""
    session = new_session(id="a")
    traded(session, 1)
    repository.save(session)
    session.open_orders["o100"] = Order("o100", "AAPL", "BUY", "LIMIT", 2, limit_price=10, created_at=moment(1))
    with pytest.raises(InvalidSessionError, match="an order of this id was closed before"):
        save_in_steps(repository, session)


def test_what_cannot_be_stored_is_named(repository: SessionRepository) -> None:
    """By the session and its place in the whole history, as by a save."""
    session = new_session(id="a")
    traded(session, 1)
    session.new_equity_points.append("no point")
    with pytest.raises(InvalidSessionError, match=r"session 'a'.*new_equity_points\[50\]"):
        save_in_steps(repository, session)


def test_in_a_transaction_it_is_a_save(repository: SessionRepository) -> None:
    """It is rolled back with it."""
    session = new_session(id="a")
    traded(session, 1)
    with suppress(ZeroDivisionError), repository.atomic():
        assert save_in_steps(repository, session) == 0
        assert repository.get_by_id("a") == session
        raise ZeroDivisionError
    assert repository.get_by_id("a") is None
    assert (session.version, len(session.new_fills)) == (0, 50)


def test_one_that_is_given_up_has_done_nothing(repository: SessionRepository) -> None:
    """At whichever step."""
    session = new_session(id="a")
    traded(session, 1)
    count = save_in_steps(repository, new_session(id="b"))
    for done in range(count):
        steps = internals_of(repository).write_in_steps(session)
        for _ in range(done):
            next(steps)
        steps.close()
    save_in_steps(repository, session)
    assert len(repository.get_fills("a")) == 50
