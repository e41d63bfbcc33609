"""The demo from end to end: real processes, a real SIGKILL, real files."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from paper_repo import SessionNotFoundError, SessionRepository, SessionStatus
from paper_repo.demo.compare import compare
from paper_repo.demo.market import trading_days
from paper_repo.demo.run import SECOND, Began, Compared, DemoError, Event, Killed, Traded, run
from paper_repo.demo.strategy import new_session, trade_day


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Event]]:
    """One demo, run to its end on the file `demo.db` beside another demo's session that was left RUNNING."""
    folder = tmp_path_factory.mktemp("demo")
    with SessionRepository(folder / "demo.db") as repository:
        left_over = new_session("left over", demo_run="another one")
        left_over.start()
        repository.save(left_over)
    return folder, list(run(folder / "demo.db", folder / "reference.db"))


def test_the_first_process_is_killed_half_way_and_is_gone(told: tuple[Path, list[Event]]) -> None:
    """It had stored half of the days when the signal came, and it did not end by itself."""
    (killed,) = (event for event in told[1] if isinstance(event, Killed))

    assert killed.report.days == len(trading_days()) // 2
    with pytest.raises(ProcessLookupError):
        os.kill(killed.report.pid, 0)


def test_a_new_process_goes_on_where_the_file_says(told: tuple[Path, list[Event]]) -> None:
    """It finds the same session with at least every day that was reported as stored, and resting orders in it."""
    (killed,) = (event for event in told[1] if isinstance(event, Killed))
    (began,) = (event for event in told[1] if isinstance(event, Began) and event.process == SECOND)

    assert began.report.session_id == killed.report.session_id
    assert began.report.pid != killed.report.pid
    assert began.report.days in (killed.report.days, killed.report.days + 1)
    assert began.report.orders > 0


def test_every_day_is_told(told: tuple[Path, list[Event]]) -> None:
    """Together the two processes report all days, but for the one at the kill, which may be stored and not reported."""
    days = [event.report.days for event in told[1] if isinstance(event, Traded) and event.process != "uninterrupted"]

    assert sorted({*days, len(trading_days()) // 2 + 1}) == list(range(1, len(trading_days()) + 1))


def test_the_resumed_run_equals_the_uninterrupted_one(told: tuple[Path, list[Event]]) -> None:
    """Every check passes, and there is one for cash, positions, fills, the equity curve and the rest."""
    end = told[1][-1]

    assert isinstance(end, Compared)
    assert end.passed
    assert [check.what for check in end.checks if not check.passed] == []
    assert {"cash", "positions", "fills", "equity curve", "resting orders"} <= {check.what for check in end.checks}


def test_the_file_has_the_stopped_session_and_leaves_others_alone(told: tuple[Path, list[Event]]) -> None:
    """The demo's session is STOPPED with its whole history; the one that was there before is as it was."""
    folder, events = told
    end = events[-1]
    assert isinstance(end, Compared)

    with SessionRepository(folder / "demo.db") as repository:
        session = repository.get_by_id(end.session_id)
        active = repository.get_active()

        assert session is not None
        assert session.status is SessionStatus.STOPPED
        assert session.state["days"] == len(trading_days())
        assert len(repository.get_fills(session.id)) == session.fill_count > 50
        assert len(repository.get_equity_curve(session.id)) == len(trading_days()) + 1
        assert [(each.name, each.version) for each in active] == [("left over", 1)]


def test_what_was_changed_in_between_is_found(tmp_path: Path) -> None:
    """A cent that somebody adds while the session waits for its new process is found by the comparison."""
    path, events = tmp_path / "demo.db", list[Event]()

    for event in run(path, tmp_path / "reference.db"):
        events.append(event)
        if isinstance(event, Killed):
            with SessionRepository(path) as repository:
                (session,) = repository.get_active()
                session.cash += Decimal("0.01")
                repository.save(session)

    end = events[-1]
    assert isinstance(end, Compared)
    assert not end.passed
    different = {check.what for check in end.checks if not check.passed}
    assert different >= {"cash", "equity", "equity curve", "times saved"}
    assert "positions" not in different


def test_a_run_that_is_given_up_leaves_no_process(tmp_path: Path) -> None:
    """Whoever closes the demo in the middle (Ctrl-C does) has its process ended."""
    with closing(run(tmp_path / "demo.db", tmp_path / "reference.db", 50)) as events:
        began = next(events)

    assert isinstance(began, Began)
    with pytest.raises(ProcessLookupError):
        os.kill(began.report.pid, 0)


def test_a_process_that_cannot_trade_is_reported(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A file in a folder that does not exist ends the demo with an error that tells the exit code."""
    with pytest.raises(DemoError, match="ended too early, with exit code 1"):
        list(run(tmp_path / "missing" / "demo.db", tmp_path / "reference.db"))

    assert "does not exist" in capfd.readouterr().err


def test_a_process_that_nobody_listens_to_ends_by_itself(tmp_path: Path) -> None:
    """When whoever started it is gone, it stops trading with exit code 1, and what it stored can be resumed."""
    command = [sys.executable, "-m", "paper_repo.demo", str(tmp_path / "demo.db"), "alone"]

    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (1, "")
    with SessionRepository(tmp_path / "demo.db") as repository:
        (session,) = repository.get_active()
        assert session.state["days"] == 1


def test_a_difference_in_the_last_digit_is_found(tmp_path: Path) -> None:
    """Two sessions that differ in one cent of cash, one fill's time and the way a number is written are not equal."""
    one = new_session()
    for day in trading_days()[:60]:
        trade_day(one, day)
    other = new_session()
    for day in trading_days()[:60]:
        trade_day(other, day)
    other.cash += 1
    other.fees_paid = other.fees_paid.quantize(other.fees_paid / 1_000_000)
    other.new_fills[0] = replace(other.new_fills[0], id="another")

    with SessionRepository(tmp_path / "a.db") as here, SessionRepository(tmp_path / "b.db") as there:
        here.save(one)
        there.save(other)
        checks = compare(here, one.id, there, other.id)

    assert {check.what for check in checks if not check.passed} == {"cash", "fees", "equity", "fills"}


def test_a_session_that_is_not_there_cannot_be_compared(path: Path) -> None:
    """Its id is named."""
    with SessionRepository(path) as repository, pytest.raises(SessionNotFoundError, match="'nobody'"):
        compare(repository, "nobody", repository, "nobody")
