"""The window: what a user does in it is in the file, and what is in the file is seen in it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from paper_repo import SessionRepository, SessionStatus
from paper_repo.maintenance.archive import export_archive
from tests.desktop.conftest import plain, traded
from tests.desktop.driving import Desktop

from PySide6.QtCore import QMimeData, Qt, QUrl  # isort: skip  # which `driving` has looked for
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication  # isort: skip
from PySide6.QtWidgets import QApplication, QMessageBox  # isort: skip

from paper_repo.desktop.dialogs import TextDialog  # isort: skip

COPY, NO_KEY = Qt.DropAction.CopyAction, Qt.KeyboardModifier.NoModifier

RENAME = """
import sys
from paper_repo import SessionRepository
with SessionRepository(sys.argv[1]) as repository:
    session = repository.get_by_id(sys.argv[2])
    session.name = "Changed elsewhere"
    repository.save(session)
"""


def test_what_another_process_does_is_seen(desktop: Desktop, stored: SessionRepository, path: Path) -> None:
    """A session that others create, rename and delete appears, changes and goes in the window."""
    window = desktop.open()
    session = traded("Before")
    stored.save(session)
    desktop.until(lambda: desktop.column("Name") == ["Before"])
    desktop.until(lambda: window.chart.curves)

    subprocess.run([sys.executable, "-c", RENAME, str(path), session.id], check=True)
    desktop.until(lambda: desktop.column("Name") == ["Changed elsewhere"])
    stored.delete(session.id)
    desktop.until(lambda: desktop.column("Name") == [])

    desktop.until(lambda: window.table.selected_id is None)
    assert not window.buttons["delete"].isEnabled()


def test_everything_about_the_selected_session_is_shown(desktop: Desktop, stored: SessionRepository) -> None:
    """Chart, figures and every tab show the session that is selected, as it is stored."""
    session = traded("Mine", days=120)
    stored.save(session)
    window = desktop.open()

    desktop.until(lambda: window.chart.curves)
    assert len(window.chart.curves[0].equity) == len(stored.get_equity_curve(session.id))
    desktop.until(lambda: desktop.column("Symbol", window.views["Positions"]) == list(session.positions))
    for number, (title, count) in enumerate({"Orders": None, "Fills": session.fill_count, "Trades": None}.items(), 1):
        window.tabs.setCurrentIndex(number)
        desktop.until(lambda title=title: window.views[title].rows.rowCount())
        assert count in (None, window.views[title].rows.rowCount())
    window.tabs.setCurrentIndex(6)
    desktop.until(lambda: session.id in window.views["JSON"].text.toPlainText())
    desktop.until(lambda: window.performance.figures["Closed trades"].text() != "–")


def test_times_are_told_to_the_second_with_their_zone(desktop: Desktop, stored: SessionRepository) -> None:
    """In the time zone of the user; here 5:45 before UTC."""
    stored.save(traded("Mine"))
    window = desktop.open()
    window.tabs.setCurrentIndex(2)
    desktop.until(lambda: window.views["Fills"].rows.rowCount())

    assert {each[10:] for each in desktop.column("Time", window.views["Fills"])} == {" 20:15:00 +05:45"}
    assert desktop.column("Updated")[0].endswith(" +05:45")


def test_titles_sort_in_the_database(desktop: Desktop, stored: SessionRepository) -> None:
    """A click on a title sorts by it, a second one the other way round; one without an order does nothing."""
    for name, cash in (("b", 300), ("a", 100), ("c", 200)):
        session = plain(cash)
        session.name, session.initial_cash, session.cash = name, cash, cash
        stored.save(session)
    window = desktop.open()

    desktop.click_title(window.table.view, "Name")
    desktop.until(lambda: desktop.column("Name") == ["a", "b", "c"])
    desktop.click_title(window.table.view, "Name")
    desktop.until(lambda: desktop.column("Name") == ["c", "b", "a"])
    desktop.click_title(window.table.view, "Equity")
    desktop.until(lambda: desktop.column("Name") == ["b", "c", "a"])
    desktop.click_title(window.table.view, "Strategy")
    desktop.settle()
    assert desktop.column("Name") == ["b", "c", "a"]


def test_tables_are_sorted_and_columns_chosen_by_keyboard(desktop: Desktop, stored: SessionRepository) -> None:
    """In the menu View, for the table that has the keyboard."""
    stored.save_many([plain(2), plain(1)])
    window = desktop.open()
    desktop.until(lambda: window.table.selected is not None)

    desktop.choose("View", "Sort by", "Name")
    desktop.until(lambda: desktop.column("Name") == ["No. 000001", "No. 000002"])
    desktop.choose("View", "Sort by", "Name")
    desktop.until(lambda: desktop.column("Name") == ["No. 000002", "No. 000001"])

    fills = window.views["Fills"].view
    window.tabs.setCurrentWidget(window.views["Fills"])
    fills.setFocus()
    desktop.choose("View", "Columns", "Fee")
    assert fills.isColumnHidden([column.name for column in fills.lazy_rows.columns].index("fee"))


def test_filters(desktop: Desktop, stored: SessionRepository) -> None:
    """Text, status, strategy and day of creation; Esc clears the text, and a new session that passes appears."""
    stored.save_many([plain(1), plain(2), traded("Crossover, quick")])
    window = desktop.open()
    bar = window.table.filter

    bar.text.setText("QUICK cross")
    desktop.until(lambda: desktop.column("Name") == ["Crossover, quick"])
    stored.save(traded("Crossover, very quick"))
    desktop.until(lambda: len(desktop.column("Name")) == 2)
    bar.text.setFocus()
    desktop.press(bar.text, Qt.Key.Key_Escape)
    desktop.until(lambda: len(desktop.column("Name")) == 4)

    bar.status.setCurrentIndex(bar.status.findData(SessionStatus.PAUSED))
    bar.status.activated.emit(0)
    desktop.until(lambda: len(desktop.column("Name")) == 2)
    bar.clear()
    bar.strategy.setCurrentIndex(bar.strategy.findData("hold"))
    bar.strategy.activated.emit(0)
    desktop.until(lambda: sorted(desktop.column("Name")) == ["No. 000001", "No. 000002"])
    bar.clear()
    bar.created.setCurrentIndex(1)
    desktop.until(lambda: len(desktop.column("Name")) == 4)
    bar.created.setCurrentIndex(5)
    bar.last.setDate(bar.last.date().addDays(-2))
    desktop.until(lambda: desktop.column("Name") == [])
    assert window.table.empty.isVisible()


def test_columns_are_chosen_and_remembered(desktop: Desktop, stored: SessionRepository) -> None:
    """A column that is hidden stays hidden in the next window; so does the width of another."""
    stored.save(plain(1))
    window = desktop.open()
    place = [column.title for column in window.table.rows.columns].index("Strategy")
    action = next(each for each in window.table.view.columns_menu().actions() if each.text() == "Strategy")
    action.trigger()
    window.table.view.horizontalHeader().resizeSection(0, 321)
    desktop.close()

    header = desktop.open().table.view.horizontalHeader()
    assert header.isSectionHidden(place)
    assert header.sectionSize(0) == 321


def test_several_sessions_are_laid_over_each_other(desktop: Desktop, stored: SessionRepository) -> None:
    """Ctrl-click adds a session to the chart; the crosshair then reads the growth of each."""
    stored.save_many([traded("One", fast=5), traded("Two", fast=3, slow=20)])
    window = desktop.open()
    desktop.until(lambda: len(window.chart.curves) == 1)

    desktop.click_row(window.table.view, 1, Qt.KeyboardModifier.ControlModifier)
    desktop.until(lambda: len(window.chart.curves) == 2)

    desktop.press(window.chart.canvas, Qt.Key.Key_Left)
    assert "One" in window.chart.reading.text()
    assert "Two" in window.chart.reading.text()
    assert "lowest" in window.chart.canvas.accessibleDescription()


def test_the_crosshair_reads_time_value_and_drawdown(desktop: Desktop, stored: SessionRepository) -> None:
    """Keys move it from point to point; they zoom, and Home shows all of it again."""
    session = traded("One", days=100)
    stored.save(session)
    window = desktop.open()
    desktop.until(lambda: window.chart.curves)
    canvas, curve = window.chart.canvas, stored.get_equity_curve(session.id)

    desktop.press(canvas, Qt.Key.Key_Right)
    desktop.press(canvas, Qt.Key.Key_Left)
    told = window.chart.reading.text()
    assert f"{curve[-2].equity:,.2f}" in told
    assert f"{curve[-2].at.astimezone():%Y-%m-%d %H:%M:%S} +05:45" in told
    assert "drawdown" in told

    whole = canvas.seen
    desktop.press(canvas, Qt.Key.Key_Plus)
    (first, last) = canvas.seen
    assert last - first < whole[1] - whole[0]
    desktop.press(canvas, Qt.Key.Key_Home)
    assert canvas.seen == pytest.approx(whole)


def test_a_session_is_renamed_and_gets_a_note(desktop: Desktop, stored: SessionRepository) -> None:
    """By menu or key; both are in the file."""
    session = plain(1)
    stored.save(session)
    window = desktop.open()
    desktop.until(lambda: window.table.selected is not None)

    window.actions_.rename.trigger()
    dialog = desktop.dialog(TextDialog)
    assert dialog.text() == "No. 000001"
    dialog.edit.setText("Spring")
    dialog.accept()
    desktop.until(lambda: desktop.column("Name") == ["Spring"])

    window.actions_.note.trigger()
    dialog = desktop.dialog(TextDialog)
    dialog.edit.setPlainText("worth another look")
    dialog.accept()
    desktop.until(lambda: stored.get_by_id(session.id).metadata == {"note": "worth another look"})


def test_a_session_is_stopped_from_outside(desktop: Desktop, stored: SessionRepository) -> None:
    """Only the steps that its status allows can be taken."""
    session = plain(1)
    session.start()
    stored.save(session)
    window = desktop.open()
    desktop.until(lambda: window.table.selected is not None)
    assert not window.buttons["resume"].isEnabled()

    desktop.click("stop")

    desktop.until(lambda: stored.get_by_id(session.id).status is SessionStatus.STOPPED)
    desktop.until(lambda: not window.buttons["stop"].isEnabled() and window.buttons["resume"].isEnabled())


def test_delete_asks_first_and_can_be_undone(desktop: Desktop, stored: SessionRepository) -> None:
    """A declined question keeps the session; a deleted one comes back whole, until the window is closed."""
    session = traded("Doomed")
    stored.save(session)
    fills, version = stored.get_fills(session.id), stored.get_by_id(session.id).version
    window = desktop.open()
    desktop.until(lambda: window.table.selected is not None)

    desktop.press(window.table.view, Qt.Key.Key_Delete)
    window.actions_.delete.trigger() if not desktop._visible(QMessageBox) else None
    desktop.answer("Cancel")
    assert stored.count() == 1
    window.actions_.delete.trigger()
    desktop.answer("Delete")
    desktop.until(lambda: stored.count() == 0)
    desktop.until(lambda: window.actions_.undo.isEnabled())
    assert window.message.button.text() == "Undo"

    desktop.click(window.message.button)
    desktop.until(lambda: stored.count() == 1)
    again = stored.get_by_id(session.id)
    assert (stored.get_fills(session.id), again.version, again.equity) == (fills, version, session.equity)
    desktop.until(lambda: window.table.selected_id == session.id)


def test_sessions_are_exported_and_reported(desktop: Desktop, stored: SessionRepository, tmp_path: Path) -> None:
    """An archive that imports again, fills and equity as CSV, and a report."""
    session = traded("=HYPERLINK()")
    stored.save(session)
    window = desktop.open()
    desktop.until(lambda: window.table.selected is not None)
    files = {kind: tmp_path / f"{kind}.out" for kind in ("archive", "fills", "equity")}

    for kind, file in files.items():
        window.actions_.export_to(kind, file)
    window.actions_.report_to(tmp_path / "report.html")
    desktop.until(lambda: all(file.exists() for file in files.values()) and (tmp_path / "report.html").exists())

    assert files["archive"].read_bytes().startswith(b'{"format"')
    assert len(files["fills"].read_text().splitlines()) == session.fill_count + 1
    assert len(files["equity"].read_text().splitlines()) == len(stored.get_equity_curve(session.id)) + 1
    assert "HYPERLINK" in (tmp_path / "report.html").read_text()


def test_rows_are_copied_for_a_spreadsheet(desktop: Desktop, stored: SessionRepository) -> None:
    """Ctrl+C copies the selected rows with their titles, as they are shown."""
    stored.save(plain(1))
    window = desktop.open()
    desktop.until(lambda: window.table.selected is not None)

    window.table.view.copy_rows()

    titles, row = QGuiApplication.clipboard().text().split("\n")
    assert titles.startswith("Name\tStrategy\tStatus")
    assert row.startswith("No. 000001\thold\t○  new")


def test_a_file_is_dropped_anywhere(desktop: Desktop, tmp_path: Path) -> None:
    """Whatever part of the window is below the mouse, the window takes the file."""
    window = desktop.open()
    dropped: list[list[Path]] = []
    window.files_dropped.disconnect()
    window.files_dropped.connect(dropped.append)
    window.tabs.setCurrentWidget(window.views["JSON"])
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "other.db"))])
    data.setText(str(tmp_path / "other.db"))
    below = [window.table.view.viewport(), window.chart.canvas, window.table.filter.text, window.views["JSON"].text]

    for widget in below:
        at = widget.rect().center()
        for event in (
            QDragEnterEvent(at, COPY, data, Qt.MouseButton.LeftButton, NO_KEY),
            QDropEvent(at, COPY, data, Qt.MouseButton.LeftButton, NO_KEY),
        ):
            QApplication.sendEvent(widget, event)

    assert dropped == [[tmp_path / "other.db"]] * len(below)
    assert window.table.filter.text.text() == ""


def test_dropped_files_are_opened_or_imported(desktop: Desktop, stored: SessionRepository, tmp_path: Path) -> None:
    """A database opens in a window of its own; an archive is imported; anything else is refused in a sentence."""
    other, archive, notes = tmp_path / "other.db", tmp_path / "archive.jsonl", tmp_path / "notes.txt"
    with SessionRepository(other) as repository, archive.open("wb") as file:
        repository.save(traded("Other"))
        export_archive(repository, file)
    notes.write_text("these are my notes")
    window = desktop.open()

    window.files_dropped.emit([archive])
    desktop.until(lambda: desktop.column("Name") == ["Other"])
    window.files_dropped.emit([other])
    desktop.until(lambda: len(desktop.program.windows) == 2)
    window.files_dropped.emit([notes])
    box = desktop.dialog(QMessageBox)
    assert "no file of paper-trading sessions" in box.text()
    box.accept()
    assert stored.count() == 1

    desktop.program._fill_recent(window)
    assert [action.text() for action in window.recent.actions()][:1] == [str(other)]


def test_backups(desktop: Desktop, stored: SessionRepository, path: Path, tmp_path: Path) -> None:
    """One now, where the user says; those by the clock go beside the file, and the latest ten stay."""
    stored.save(plain(1))
    window = desktop.open()

    window.backups.back_up_to(tmp_path / "now.db")
    desktop.until(lambda: "Backed up" in window.message.text)
    with SessionRepository(tmp_path / "now.db") as copy:
        assert copy.count() == 1

    folder = Path(f"{path}-backups")
    for count in range(1, 13):
        window.message.label.clear()
        window.backups.back_up_beside()
        desktop.until(lambda: "Backed up" in window.message.text)
        assert len(list(folder.glob("*.db"))) == min(count, 10)

    window.backups.set_hours(4)
    desktop.close()
    assert desktop.open().backups.hours == 4
    desktop.window.backups.set_hours(0)


def test_a_locked_file_is_told_and_the_window_works_on(desktop: Desktop, stored: SessionRepository, path: Path) -> None:
    """Renaming while another program writes is told in a sentence; afterwards it works."""
    stored.save(plain(1))
    window = desktop.open(busy_timeout=0.05)
    desktop.until(lambda: window.table.selected is not None)
    chosen = window.table.selected

    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        window.actions_._change(chosen, lambda session: setattr(session, "name", "Later"))
        desktop.until(lambda: "Another program is writing" in window.message.text)
        other.execute("ROLLBACK")

    window.actions_._change(chosen, lambda session: setattr(session, "name", "Later"))
    desktop.until(lambda: desktop.column("Name") == ["Later"])


def test_a_file_of_another_program_is_refused_with_a_message(desktop: Desktop, path: Path) -> None:
    """A file that is no database is told in a box, and the program ends with 1."""
    path.write_text("these are my notes")

    desktop.begin()
    box = desktop.dialog(QMessageBox)
    assert "was not touched" in box.text()
    box.accept()

    desktop.until(lambda: desktop.codes == [1])
    assert path.read_text() == "these are my notes"


def test_an_encrypted_file_asks_for_its_passphrase(desktop: Desktop, path: Path) -> None:
    """The wrong one is asked for again; the right one opens the file."""
    from PySide6.QtWidgets import QInputDialog

    with SessionRepository(path, passphrase="open sesame") as repository:
        repository.save(plain(1))

    desktop.begin()
    for typed in ("wrong", "open sesame"):
        dialog = desktop.dialog(QInputDialog)
        dialog.setTextValue(typed)
        dialog.accept()

    desktop.until(lambda: desktop.program.windows)
    desktop.window = desktop.program.windows[0]
    desktop.until(lambda: desktop.column("Name") == ["No. 000001"])


LOCK = """
import fcntl, sys
with open(sys.argv[1], "r+b") as file:
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 510, 0x40000002)
"""
"""Another program that locks what every connection of SQLite's to the file has locked for reading."""


@pytest.mark.skipif(os.name != "posix", reason="elsewhere locks belong to an opened file, not to the process")
@pytest.mark.parametrize("passphrase", [None, "open sesame"])
def test_the_window_keeps_its_locks_on_the_file(desktop: Desktop, path: Path, passphrase: str | None) -> None:
    """Whatever is done with the file, only SQLite opens it: closing it in any other way drops the locks on it."""
    with SessionRepository(path, passphrase=passphrase) as repository:
        repository.save_many([plain(1), plain(2)])
    if passphrase is None:
        desktop.begin()
    else:
        desktop.program.open_place(str(path), passphrase)
    desktop.until(lambda: desktop.program.windows)
    (window,) = desktop.program.windows
    desktop.until(lambda: window.table.selected is not None)

    def is_locked() -> bool:
        done = subprocess.run([sys.executable, "-c", LOCK, str(path)], capture_output=True, text=True, check=False)
        return "BlockingIOError" in done.stderr

    assert is_locked()
    window.actions_.delete_now(("000001",))
    desktop.until(lambda: window.actions_.undo.isEnabled())
    assert is_locked()
    window.files_dropped.emit([path])
    window.place_wanted.emit(str(path))
    desktop.settle()
    assert is_locked()
    assert desktop.program.windows == [window]
    assert desktop.program.dialogs == []


@pytest.mark.parametrize("passphrase", [None, "open sesame"])
def test_what_was_deleted_is_never_written_in_the_clear(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, passphrase: str | None
) -> None:
    """Of an encrypted file it is held in memory until it is brought back."""
    from paper_repo.desktop import undo

    files: list[object] = []
    create = undo.TemporaryFile
    monkeypatch.setattr(undo, "TemporaryFile", lambda: files.append(create()) or files[-1])
    with SessionRepository(path, passphrase=passphrase) as repository:
        repository.save(plain(1))
        deleted = undo.DeletedSessions(repository)
        deleted.delete(("000001",))
        assert (repository.count(), deleted.count) == (0, 1)
        assert len(files) == (1 if passphrase is None else 0)
        deleted.undo()
        assert (repository.count(), deleted.count) == (1, 0)
        deleted.delete(("000001",))
        deleted.close()


def test_the_status_line_tells_who_else_has_the_file_open(
    desktop: Desktop, stored: SessionRepository, path: Path
) -> None:
    """When it was last written, how many sessions there are, and how many other programs have it open."""
    stored.save(plain(1))
    window = desktop.open()
    holding = "import sys, sqlite3; file = sqlite3.connect(sys.argv[1]); file.execute('SELECT 1 FROM paper_trading_sessions'); "  # noqa: E501
    command = [sys.executable, "-c", holding + "print('open', flush=True); sys.stdin.read()", str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        window.status_line._look_for_users()
        desktop.until(lambda: window.status_line.users.text() == "open in 1 other program")
        other.stdin.close()
    desktop.until(lambda: window.status_line.written.text().startswith("last written 2"))
    assert window.status_line.count.text() == "1 session"


def test_the_keys_are_told(desktop: Desktop) -> None:
    """Help shows every key of the window."""
    from paper_repo.desktop.shortcuts import show_shortcuts

    box = show_shortcuts(desktop.open())

    assert all(key in box.text() for key in ("F2", "Ctrl+F", "Del", "Ctrl+Z", "Alt+1", "Home"))
    box.accept()


def test_everything_has_a_name_for_screen_readers(desktop: Desktop, stored: SessionRepository) -> None:
    """Tables, the chart, the fields of the filter and every figure."""
    stored.save(traded("Mine"))
    window = desktop.open()
    bar = window.table.filter

    named = [window.table.view, window.chart.canvas, bar.text, bar.status, bar.strategy, bar.created]
    named += [view.view for view in window.views.values() if hasattr(view, "view")]
    assert [widget.accessibleName() for widget in named if not widget.accessibleName()] == []
    assert all(label.accessibleName() for label in window.performance.figures.values())
