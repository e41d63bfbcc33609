"""The demo in the window: it trades, can be closed at any moment, and offers to go on."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from paper_repo import SessionRepository, SessionStatus
from paper_repo.demo.market import trading_days
from paper_repo.demo.strategy import new_session, trade_day
from tests.desktop.driving import Desktop
from tests.facade.watching import Watch

from paper_repo.desktop.dialogs import NewSessionDialog  # isort: skip  # which `driving` has looked for


def create(desktop: Desktop, name: str, *, cash: float = 1_000_000, without: tuple[str, ...] = ()) -> None:
    """Make a new session by its dialog; it is started and selected then."""
    desktop.click("new")
    dialog = desktop.dialog(NewSessionDialog)
    dialog.name.setText(name)
    dialog._cash.setValue(cash)
    for box in dialog.symbols:
        box.setChecked(box.text() not in without)
    desktop.click(dialog.buttons.button(dialog.buttons.StandardButton.Ok))
    desktop.until(lambda: desktop.window.table.selected is not None and desktop.window.table.selected.name == name)


def days(stored: SessionRepository) -> int:
    """How many days the only session has traded."""
    (session,) = stored.get_all()
    return int(session.state["days"])


def test_a_session_is_created_paused_resumed_and_stopped(desktop: Desktop, stored: SessionRepository) -> None:
    """With cash and symbols of the user's choice; each button takes its step, in the window and in the file."""
    window = desktop.open(demo=True)
    window.demo.speed.setValue(6)

    create(desktop, "Spring", cash=50_000, without=("GOOG", "IBM"))
    desktop.until(lambda: days(stored) >= 60)
    (session,) = stored.get_all()
    assert (session.initial_cash, session.symbols) == (Decimal(50_000), ("AAPL", "MSFT"))
    assert {fill.symbol for fill in stored.get_fills(session.id)} <= {"AAPL", "MSFT"}
    desktop.click("pause")
    desktop.until(lambda: window.table.selected.status is SessionStatus.PAUSED)
    (paused,) = stored.get_all()
    desktop.until(lambda: len(window.chart.curves[0].equity) == len(stored.get_equity_curve(session.id)))

    desktop.click("resume")
    desktop.until(lambda: stored.get_all()[0].version > paused.version + 3)
    desktop.click("stop")
    desktop.until(lambda: window.table.selected.status is SessionStatus.STOPPED)
    assert stored.get_all()[0].status is SessionStatus.STOPPED


def test_several_sessions_trade_to_the_end_at_once(desktop: Desktop, stored: SessionRepository) -> None:
    """Three sessions trade all the days there are, and end like an undisturbed run."""
    window = desktop.open(demo=True)
    window.demo.desk.days_per_second = 10_000
    for name in ("one", "two", "three"):
        create(desktop, name)

    desktop.until(lambda: desktop.column("Status") == ["■  stopped"] * 3)

    alone = new_session()
    alone.start()
    for day in trading_days():
        trade_day(alone, day)
    assert [each.equity for each in stored.get_all()] == [alone.equity] * 3
    assert set(desktop.column("Equity")) == {f"{alone.equity:,.2f}"}


def test_what_was_running_is_resumed_when_the_window_is_opened_again(
    desktop: Desktop, stored: SessionRepository
) -> None:
    """Closing in mid-run leaves the session RUNNING and whole; opening again offers to resume it, and it goes on."""
    desktop.open(demo=True)
    create(desktop, "Interrupted")
    desktop.until(lambda: days(stored) >= 3)
    desktop.close()
    (interrupted,) = stored.get_active()
    assert len(stored.get_equity_curve(interrupted.id)) == interrupted.state["days"] + 1

    window = desktop.open(demo=True)
    desktop.answer("Resume")

    desktop.until(lambda: days(stored) >= interrupted.state["days"] + 3)
    assert window.demo.desk.is_trading(interrupted.id)


def test_an_offer_to_resume_may_be_declined(desktop: Desktop, stored: SessionRepository) -> None:
    """A session that is not resumed stays as it is, is shown as running elsewhere, and can be resumed by its button."""
    session = new_session("Later")
    session.start()
    stored.save(session)

    window = desktop.open(demo=True)
    desktop.answer("Not now")
    desktop.until(lambda: window.table.selected is not None)
    assert "not here" in desktop.column("Status")[0]
    assert stored.get_active()[0].version == 1

    desktop.click("resume")
    desktop.until(lambda: stored.get_active()[0].version > 3)


def test_a_session_that_another_program_pauses_is_let_go(desktop: Desktop, stored: SessionRepository) -> None:
    """Pausing from outside a session that is traded here stops trading; the window says so."""
    window = desktop.open(demo=True)
    create(desktop, "Shared")
    desktop.until(lambda: days(stored) >= 3)

    while True:
        (session,) = stored.get_all()
        session.pause()
        try:
            stored.save(session)
            break
        except Exception:
            continue
    desktop.until(lambda: not window.demo.desk.is_trading(session.id))

    desktop.until(lambda: "Another program has changed it, to: paused" in window.message.text)
    desktop.until(lambda: "paused" in desktop.column("Status")[0])
    assert stored.get_all()[0].status is SessionStatus.PAUSED


def test_a_locked_file_is_told_and_nothing_is_lost(desktop: Desktop, stored: SessionRepository, path: Path) -> None:
    """While another program holds the file, trading waits and the user is told; then every day is in the file."""
    window = desktop.open(demo=True, busy_timeout=0.05)
    window.demo.speed.setValue(5)
    create(desktop, "Patient")
    desktop.until(lambda: days(stored) >= 2)

    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        desktop.until(lambda: "Another program is writing" in window.message.text)
        held = days(stored)
        other.execute("ROLLBACK")

    desktop.until(lambda: days(stored) >= held + 3)
    desktop.click("pause")
    desktop.until(lambda: stored.get_all()[0].status is SessionStatus.PAUSED)
    session = stored.get_all()[0]
    assert len(stored.get_equity_curve(session.id)) == session.state["days"] + 1


def test_a_full_disk_is_told_and_nothing_is_lost(
    desktop: Desktop, stored: SessionRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the disk is full, trading waits and the user is told; with room again every day is in the file."""
    pages = [1_000_000]
    watch = Watch()
    watch.install(monkeypatch)
    watch.before = lambda sql: (
        watch.connection.execute(f"PRAGMA max_page_count={pages[0]}") if sql.startswith("BEGIN") else None
    )
    window = desktop.open(demo=True)
    window.demo.speed.setValue(6)
    create(desktop, "Hungry")
    desktop.until(lambda: days(stored) >= 2)

    pages[0] = 1  # SQLite takes this for the present size of the file
    desktop.until(lambda: "make room, and it goes on" in window.message.text)
    held = days(stored)
    pages[0] = 1_000_000
    desktop.until(lambda: days(stored) >= held + 3)

    desktop.click("pause")
    desktop.until(lambda: stored.get_all()[0].status is SessionStatus.PAUSED)
    session = stored.get_all()[0]
    assert len(stored.get_equity_curve(session.id)) == session.state["days"] + 1


def test_beginning_anew_keeps_the_old_session(desktop: Desktop, stored: SessionRepository) -> None:
    """The session is stopped, and a new one made of the same strategy and cash; the old history stays."""
    window = desktop.open(demo=True)
    window.demo.speed.setValue(6)
    create(desktop, "Again")
    desktop.until(lambda: days(stored) >= 5)

    desktop.click("reset")
    desktop.until(lambda: window.table.selected is not None and window.table.selected.name == "Again (again)")

    old, new = stored.get_all()
    assert (old.status, new.status) == (SessionStatus.STOPPED, SessionStatus.CREATED)
    assert (new.strategy, new.cash, new.metadata["parent_id"]) == (old.strategy, old.initial_cash, old.id)
    assert len(stored.get_equity_curve(old.id)) == old.state["days"] + 1


def test_a_session_is_deleted_and_renamed_while_it_trades(desktop: Desktop, stored: SessionRepository) -> None:
    """A new name goes with the next tick; deleting ends its trading first."""
    window = desktop.open(demo=True)
    create(desktop, "Doomed")
    desktop.until(lambda: days(stored) >= 2)

    window.actions_._change(window.table.selected, lambda session: setattr(session, "name", "Renamed"))
    desktop.until(lambda: stored.get_all()[0].name == "Renamed")
    before = days(stored)
    desktop.until(lambda: days(stored) > before + 2)

    window.actions_.delete.trigger()
    desktop.answer("Delete")
    desktop.until(lambda: stored.count() == 0)
    desktop.until(lambda: desktop.texts() == [])
    assert window.demo.desk.traded == []


def test_closing_under_load_leaves_everything_acknowledged_in_the_file(
    desktop: Desktop, stored: SessionRepository
) -> None:
    """Closing while 20 sessions save as fast as they can returns, and each is stored as it was saved last."""
    sessions = [new_session(f"No. {number:02}") for number in range(20)]
    stored.save_many(sessions)
    window = desktop.open(demo=True)
    window.demo.desk.days_per_second = 1000
    for session in sessions:
        window.demo.take("start", session.id)
    desktop.until(lambda: len(window.demo.desk.traded) == 20)
    traded = window.demo.desk.traded
    desktop.until(lambda: min(session.version for session in traded) >= 5)

    desktop.close()

    found = {session.id: session for session in stored.get_all()}
    assert {session.id: session.version for session in traded} == {each.id: each.version for each in found.values()}
    assert all(len(stored.get_equity_curve(each.id)) == each.state["days"] + 1 for each in found.values())


def test_a_new_session_needs_a_symbol_and_two_different_averages(desktop: Desktop) -> None:
    """What makes no sense cannot be created, and the dialog says why."""
    desktop.open(demo=True)
    desktop.click("new")
    dialog = desktop.dialog(NewSessionDialog)
    ok = dialog.buttons.button(dialog.buttons.StandardButton.Ok)

    for box in dialog.symbols:
        box.setChecked(False)
    assert not ok.isEnabled()
    assert "symbol" in dialog.hint.text()
    dialog.symbols[0].setChecked(True)
    dialog.fast.setValue(60)
    assert not ok.isEnabled()
    dialog.slow.setValue(61)
    assert ok.isEnabled()
    dialog.reject()
