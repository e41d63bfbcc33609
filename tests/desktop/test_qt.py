"""The Qt window: what a user does in it is in the file, and what is in the file is seen in it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from paper_repo import SessionRepository, SessionStatus
from paper_repo.demo.market import trading_days
from paper_repo.demo.strategy import new_session, trade_day
from tests.desktop.driving import Desktop, driven
from tests.facade.watching import Watch

from desktop_qt.theme import DARK, LIGHT, Theme  # isort: skip  # found by `driving`

CHANGE_IT = """
import sys
from paper_repo import SessionRepository
with SessionRepository(sys.argv[1]) as repository:
    while True:
        session = repository.get_by_id(sys.argv[2])
        {change}
        try:
            repository.save(session)
            break
        except Exception:
            continue
"""
DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def desktop(qtbot: Any, path: Path) -> Desktop:
    """The program and its user; the window is closed at the end of the test, by the test."""
    return Desktop(qtbot, path)


@pytest.fixture
def stored(path: Path) -> Iterator[SessionRepository]:
    """What is in the file, seen by somebody else than the window."""
    with SessionRepository(path) as repository:
        yield repository


def elsewhere(path: Path, session_id: str, change: str) -> None:
    """Change a session in a process of its own, as the command line or another window does."""
    subprocess.run([sys.executable, "-c", CHANGE_IT.format(change=change), str(path), session_id], check=True)


@driven
def test_a_session_is_created_started_paused_resumed_and_stopped(desktop: Desktop, stored: SessionRepository) -> None:
    """Each button takes its step, in the window and in the file."""
    window = desktop.open()
    window.speed.setValue(6)

    desktop.create("Spring")
    (session,) = stored.get_all()
    assert (session.name, session.status) == ("Spring", SessionStatus.CREATED)

    desktop.click("start")
    desktop.until(lambda: stored.get_all()[0].state["days"] >= 60)
    desktop.click("pause")
    desktop.until(lambda: window.selected.status is SessionStatus.PAUSED)
    paused = stored.get_all()[0]
    assert paused.status is SessionStatus.PAUSED
    assert "paused" in desktop.texts()[0][2]
    desktop.until(lambda: len(window.chart.drawn) == len(stored.get_equity_curve(session.id)))
    assert len(window.fills.rows) == paused.fill_count
    assert [held.symbol for held in window.positions.rows] == list(paused.positions)

    desktop.click("resume")
    desktop.until(lambda: stored.get_all()[0].version > paused.version + 3)
    desktop.click("stop")
    desktop.until(lambda: window.selected.status is SessionStatus.STOPPED)
    assert stored.get_all()[0].status is SessionStatus.STOPPED
    assert desktop.close() == 0


@driven
def test_several_sessions_trade_to_the_end_at_once(desktop: Desktop, stored: SessionRepository) -> None:
    """Three sessions of different speed of thought trade all the days there are, and end like an undisturbed run."""
    window = desktop.open()
    window.speed.setValue(6)
    window.desk.days_per_second = 10_000
    for name in ("one", "two", "three"):
        desktop.create(name)
        desktop.click("start")

    desktop.until(lambda: [each.status for each in stored.get_all()] == [SessionStatus.STOPPED] * 3)
    desktop.until(lambda: [row[2] for row in desktop.texts()] == ["■  stopped"] * 3)

    alone = new_session()
    alone.start()
    for day in trading_days():
        trade_day(alone, day)
    assert [each.equity for each in stored.get_all()] == [alone.equity] * 3
    assert {row[3] for row in desktop.texts()} == {f"{alone.equity:,.2f}"}
    desktop.close()


@driven
def test_what_was_running_is_resumed_when_the_window_is_opened_again(
    desktop: Desktop, stored: SessionRepository
) -> None:
    """Closing in mid-run leaves the session RUNNING and whole; opening again offers to resume it, and it goes on."""
    desktop.open()
    desktop.create("Interrupted")
    desktop.click("start")
    desktop.until(lambda: stored.get_all()[0].state["days"] >= 3)
    desktop.close()
    (interrupted,) = stored.get_active()
    assert len(stored.get_equity_curve(interrupted.id)) == interrupted.state["days"] + 1

    window = desktop.open()
    desktop.answer("Yes")

    desktop.until(lambda: stored.get_active()[0].state["days"] >= interrupted.state["days"] + 3)
    assert window.desk.is_trading(interrupted.id)
    desktop.close()


@driven
def test_an_offer_to_resume_may_be_declined(desktop: Desktop, stored: SessionRepository) -> None:
    """A session that is not resumed stays as it is, is shown as running elsewhere, and can be resumed by its button."""
    session = new_session("Later")
    session.start()
    stored.save(session)

    window = desktop.open()
    desktop.answer("No")
    desktop.until(lambda: window.selected is not None)
    assert "not here" in desktop.texts()[0][2]
    assert stored.get_active()[0].version == 1

    desktop.click("resume")
    desktop.until(lambda: stored.get_active()[0].version > 3)
    desktop.close()


@driven
def test_what_another_process_does_is_seen(desktop: Desktop, stored: SessionRepository, path: Path) -> None:
    """A session that another process creates, renames and deletes appears, changes and goes in the window."""
    session = new_session("Before")
    stored.save(session)
    window = desktop.open()
    desktop.until(lambda: [row[0] for row in desktop.texts()] == ["Before"])

    elsewhere(path, session.id, "session.name = 'Changed elsewhere'")
    desktop.until(lambda: [row[0] for row in desktop.texts()] == ["Changed elsewhere"])
    stored.delete(session.id)
    desktop.until(lambda: desktop.texts() == [])

    assert not window.buttons["delete"].isEnabled()
    desktop.close()


@driven
def test_a_session_that_another_process_pauses_is_let_go(
    desktop: Desktop, stored: SessionRepository, path: Path
) -> None:
    """Pausing from outside a session that is traded here stops trading; the window says who did it."""
    window = desktop.open()
    window.speed.setValue(3)
    desktop.create("Shared")
    desktop.click("start")
    desktop.until(lambda: stored.get_all()[0].state["days"] >= 3)
    session = stored.get_all()[0]

    elsewhere(path, session.id, "session.pause()")
    desktop.until(lambda: not window.desk.is_trading(session.id))

    assert "“Shared” was paused by another program" in window.message.text()
    assert window.message.isVisible()
    desktop.until(lambda: "paused" in desktop.texts()[0][2])
    assert stored.get_all()[0].status is SessionStatus.PAUSED
    desktop.close()


@driven
def test_a_locked_file_is_told_and_nothing_is_lost(desktop: Desktop, stored: SessionRepository, path: Path) -> None:
    """While another program holds the file, trading waits and the user is told; then every day is in the file."""
    window = desktop.open(busy_timeout=0.05)
    window.speed.setValue(5)
    desktop.create("Patient")
    desktop.click("start")
    desktop.until(lambda: stored.get_all()[0].state["days"] >= 2)

    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        desktop.until(lambda: "another program is writing" in window.message.text())
        held = stored.get_all()[0].state["days"]
        other.execute("ROLLBACK")

    desktop.until(lambda: stored.get_all()[0].state["days"] >= held + 3)
    desktop.click("pause")
    desktop.until(lambda: stored.get_all()[0].status is SessionStatus.PAUSED)
    session = stored.get_all()[0]
    assert len(stored.get_equity_curve(session.id)) == session.state["days"] + 1
    desktop.close()


@driven
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
    window = desktop.open()
    window.speed.setValue(6)
    desktop.create("Hungry")
    desktop.click("start")
    desktop.until(lambda: stored.get_all()[0].state["days"] >= 2)

    pages[0] = 1  # SQLite takes this for the present size of the file
    desktop.until(lambda: "the disk is full" in window.message.text())
    held = stored.get_all()[0].state["days"]
    pages[0] = 1_000_000
    desktop.until(lambda: stored.get_all()[0].state["days"] >= held + 3)

    desktop.click("pause")
    desktop.until(lambda: stored.get_all()[0].status is SessionStatus.PAUSED)
    session = stored.get_all()[0]
    assert len(stored.get_equity_curve(session.id)) == session.state["days"] + 1
    desktop.close()


@driven
def test_reset_begins_anew_and_keeps_the_old_one(desktop: Desktop, stored: SessionRepository) -> None:
    """Reset stops the session and makes a new one of the same strategy and cash; the old history stays."""
    window = desktop.open()
    window.speed.setValue(6)
    desktop.create("Again")
    desktop.click("start")
    desktop.until(lambda: stored.get_all()[0].state["days"] >= 5)

    desktop.click("reset")
    desktop.until(lambda: window.selected is not None and window.selected.name == "Again (again)")

    old, new = stored.get_all()
    assert (old.status, new.status) == (SessionStatus.STOPPED, SessionStatus.CREATED)
    assert (new.strategy, new.cash, new.metadata["parent_id"]) == (old.strategy, old.initial_cash, old.id)
    assert len(stored.get_equity_curve(old.id)) == old.state["days"] + 1
    desktop.close()


@driven
def test_delete_asks_first(desktop: Desktop, stored: SessionRepository) -> None:
    """A declined question keeps the session, a confirmed one deletes it, also while it trades."""
    window = desktop.open()
    desktop.create("Doomed")
    desktop.click("start")
    desktop.until(lambda: stored.count(status="RUNNING") == 1)

    desktop.click("delete")
    desktop.answer("Cancel")
    desktop.until(lambda: not window._tasks or stored.count() == 1)
    assert stored.count() == 1

    desktop.click("delete")
    desktop.answer("Yes")
    desktop.until(lambda: stored.count() == 0)
    desktop.until(lambda: desktop.texts() == [])
    assert desktop.window.desk.traded == []
    desktop.close()


@driven
def test_closing_under_load_leaves_everything_acknowledged_in_the_file(
    desktop: Desktop, stored: SessionRepository
) -> None:
    """Closing while 20 sessions save as fast as they can returns, and each is stored as it was saved last."""
    sessions = [new_session(f"No. {number:02}") for number in range(20)]
    stored.save_many(sessions)
    window = desktop.open()
    window.desk.days_per_second = 1000
    for session in sessions:
        window.run(window.desk.take("start", session.id))
    desktop.until(lambda: [row[2] for row in desktop.texts()].count("●  running") == 20)
    traded = window.desk.traded
    desktop.until(lambda: min(session.version for session in traded) >= 5)

    assert desktop.close() == 0

    found = {session.id: session for session in stored.get_all()}
    assert {session.id: session.version for session in traded} == {each.id: each.version for each in found.values()}
    assert all(len(stored.get_equity_curve(each.id)) == each.state["days"] + 1 for each in found.values())


@driven
def test_a_file_of_another_program_is_refused_with_a_message(desktop: Desktop, path: Path) -> None:
    """A file that is no database is told in a box, and the program ends with 1."""
    from PySide6.QtWidgets import QApplication, QMessageBox

    path.write_text("these are my notes")

    desktop.begin()
    desktop.until(lambda: any(isinstance(each, QMessageBox) for each in QApplication.topLevelWidgets()))
    box = next(each for each in QApplication.topLevelWidgets() if isinstance(each, QMessageBox))
    assert "no SQLite database" in box.text()
    desktop.click(box.buttons()[0])

    assert desktop.end() == 1
    assert path.read_text() == "these are my notes"


@pytest.mark.parametrize(("name", "theme"), [("light", LIGHT), ("dark", DARK)])
@driven
def test_screenshots(desktop: Desktop, stored: SessionRepository, tmp_path: Path, name: str, theme: Theme) -> None:
    """A picture of the window at 1280x800 in both themes; with SCREENSHOTS=1 it is kept for the README."""
    for title, fast, slow, days in (
        ("Crossover, quick", 5, 40, 250),
        ("Crossover, patient", 20, 50, 180),
        ("Crossover, nervous", 3, 20, 140),
        ("Crossover, balanced", 10, 30, 95),
    ):
        session = new_session(title)
        session.strategy.parameters.update(fast=fast, slow=slow)
        session.start()
        for day in trading_days()[:days]:
            trade_day(session, day)
        if days < 250:
            session.pause()
        else:
            session.stop(at=day.closes_at)
        stored.save(session)
    window = desktop.open(theme=theme)
    window.speed.setValue(0)
    desktop.until(lambda: len(window.chart.drawn) > 200)
    for row in (1, 2):
        window.table.selectRow(row)
        desktop.click("resume")
    window.table.selectRow(0)
    window.speed.setValue(2)
    desktop.until(
        lambda: [row[2] for row in desktop.texts()].count("●  running") == 2 and len(window.chart.drawn) > 200
    )

    picture = window.grab()
    file = (DOCS if os.environ.get("SCREENSHOTS") else tmp_path) / f"desktop-{name}.png"
    file.parent.mkdir(exist_ok=True)

    assert (picture.width(), picture.height()) == (1280, 800)
    assert picture.save(str(file))
    desktop.close()
