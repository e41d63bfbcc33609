"""What `check` finds: what a session's own record, lists and history say of the same thing is compared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from paper_repo import CashFlow, SessionRepository
from paper_repo.core.repository import internals_of
from paper_repo.reports import CheckReport, Finding, check_history
from tests.builders import moment, new_fill, new_session


@pytest.fixture
def repository(path: Path) -> Iterator[SessionRepository]:
    """A session with three fills, which cost a fee each."""
    session = new_session(id="one")
    for number in range(3):
        session.apply_fill(new_fill(number, fee="0.5"))
        session.mark({"AAPL": 100}, at=moment(number))
    with SessionRepository(path) as opened:
        opened.save(session)
        yield opened


def change(repository: SessionRepository, **values: Any) -> None:
    """Change columns of the session, and give it the checksums that fit them, as a program with an error might."""
    storage = internals_of(repository).storage
    statements = storage.statements
    sessions = statements.tables.sessions
    with repository.atomic():
        found = storage.fetch_one(statements.select_session, {"id": "one"})
        assert found is not None
        row = dict(zip(statements.session_columns, found, strict=True)) | values
        internals_of(repository).records.seal(row)
        changed = {*values, "checksum", "summary_checksum"}
        query = sessions.update({sessions._meta.columns[name]: row[name] for name in changed})
        storage.execute(*query.where(sessions.id == "one").sql())


def test_a_sound_repository(repository: SessionRepository) -> None:
    """Everything is counted, and nothing is found."""
    report = repository.check()

    assert (report.sessions, report.fills, report.equity_points) == (1, 3, 3)
    assert (report.problems, report.remarks) == ([], [])


@pytest.mark.parametrize(
    ("column", "value"),
    [("equity", "5"), ("net_pnl", "5"), ("position_count", 7), ("strategy_name", "another")],
)
def test_lists_and_sessions_say_the_same(repository: SessionRepository, column: str, value: object) -> None:
    """A list that shows, and sorts by, other figures than the session has is damage, though every checksum is right."""
    change(repository, **{column: value})

    report = repository.check()

    assert [str(each) for each in report.problems] == ["session 'one': lists show different figures from the session"]
    assert not report.ok


@pytest.mark.parametrize("count", [2, 4])
def test_a_session_counts_its_fills(repository: SessionRepository, count: int) -> None:
    """More or fewer than its history has are damage."""
    change(repository, fill_count=count)

    report = repository.check()

    assert len(report.problems) == 1
    assert f"it counts {count} fills, and numbers 1 to 3 are there" in str(report.problems[0])


@pytest.mark.parametrize(("fees", "cash"), [("1.4", "9698.6"), ("1.6", "9698.4")])
def test_fees_are_those_of_the_fills(repository: SessionRepository, fees: str, cash: str) -> None:
    """Books that balance, and whose fees are not those that were paid, are remarked on."""
    session = repository.get_by_id("one")
    assert session is not None
    session.cash += session.fees_paid - type(session.cash)(fees)
    session.fees_paid = fees  # type: ignore[assignment]
    repository.save(session)

    report = repository.check()

    assert report.ok
    told = f"its fees are {fees}, but those of its fills add up to 1.5"
    assert [str(each) for each in report.remarks] == [f"session 'one': {told}"]


@pytest.mark.parametrize("again", [0, 1])
def test_a_history_that_begins_later_is_remarked_on(repository: SessionRepository, again: int) -> None:
    """A session that was deleted and stored again has what was recorded since, and fees of before."""
    session = repository.get_by_id("one")
    assert session is not None
    repository.delete("one")
    session.version = 0
    for number in range(again):
        session.apply_fill(new_fill(10 + number))
    repository.save(session)

    report = repository.check()

    assert report.ok
    told = "its history begins after fill 3" if again else "it counts 3 fills, and none of them is stored"
    assert [str(each) for each in report.remarks] == [f"session 'one': {told}"]


def test_books_that_the_history_does_not_explain(path: Path, tmp_path: Path) -> None:
    """The books are rebuilt from the history and compared, where the program has not kept its own accounts."""
    session = new_session(id="one")
    session.apply_fill(new_fill(1, quantity=2, price=100, fee=0))
    with SessionRepository(path) as right, SessionRepository(tmp_path / "wrong.db") as wrong:
        right.save(session)
        stored = right.get_by_id("one")
        assert stored is not None
        wrong.restore(stored, [(1, new_fill(1, quantity=2, price=101, fee=0))])

        assert right.check().remarks == []
        remarks = [str(each) for each in wrong.check().remarks]

    assert remarks
    assert all(each.startswith("session 'one': its history does not explain its books: ") for each in remarks)


def test_what_a_finding_says() -> None:
    """It names its session, once."""
    assert str(Finding(None, "the file is damaged")) == "the file is damaged"
    assert str(Finding("one", "is damaged")) == "session 'one': is damaged"
    assert str(Finding("one", "session 'one' is damaged")) == "session 'one' is damaged"


def test_a_history_without_its_first_fill() -> None:
    """One fill that is missing at the beginning is told."""
    report, session = CheckReport(), new_session(id="one", fill_count=2)

    check_history(report, session, [(2, new_fill(2))], [], [])

    assert [str(each) for each in report.remarks] == ["session 'one': its history begins after fill 1"]


def test_a_history_that_cannot_be_booked() -> None:
    """What keeps it from being booked is told."""
    report = CheckReport()

    check_history(report, new_session(id="one"), [], [(0, CashFlow("d", "DIVIDEND", 4, moment(1), "EUR"))], [])

    (remark,) = [str(each) for each in report.remarks]
    assert remark.startswith("session 'one': its history does not explain its books: ")
    assert "EUR" in remark


def test_fees_in_another_currency_are_not_added_up() -> None:
    """Whether their rate is known or not."""
    fill = new_fill(1, symbol="BTC/USD", fee="0.001", fee_currency="BTC")
    booked = new_session(id="one", rates={"BTC": 60000})
    booked.apply_fill(fill)
    recorded = new_session(id="other", cash=7)
    recorded.record_fill(fill)
    for session in (booked, recorded):
        report = CheckReport()

        check_history(report, session, enumerate(session.new_fills, 1), [], [])

        assert report.remarks == []
