"""Damaged files: what can be read of them is shown, nothing is written to them, and a sentence says what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from paper_repo import Fill, PaperTradingSession, SessionRepository
from tests.desktop.conftest import plain, traded
from tests.desktop.driving import Desktop

from PySide6.QtWidgets import QMessageBox  # isort: skip  # which `driving` has looked for

PAGE = 4096
FEW = 8


def root_page(path: Path, table: str) -> int:
    """Where the first page of a table begins in the file."""
    with closing(sqlite3.connect(path)) as file:
        (number,) = file.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    return int(number - 1) * PAGE


def overwrite(path: Path, begin: int, length: int) -> bytes:
    """Put zeros into a file; what it holds then."""
    content = bytearray(path.read_bytes())
    content[begin : begin + length] = bytes(length)
    path.write_bytes(content)
    return bytes(content)


def cut(path: Path) -> bytes:
    """Take away the second half of a file; what it holds then."""
    content = path.read_bytes()[: path.stat().st_size // 2]
    path.write_bytes(content)
    return content


DAMAGES: dict[str, Callable[[Path], bytes]] = {
    "the sessions": lambda path: overwrite(path, root_page(path, "paper_trading_sessions"), PAGE),
    "an index": lambda path: overwrite(path, root_page(path, "sessionrow_created_at_id"), PAGE),
    "the fills": lambda path: overwrite(path, root_page(path, "paper_trading_fills"), PAGE),
    "the header": lambda path: overwrite(path, 0, 100),
    "the second half": cut,
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_file_opens_read_only_with_its_sound_sessions(
    desktop: Desktop, path: Path, tmp_path: Path, name: str
) -> None:
    """With their fills and curves; nothing can be changed, the file stays as it is, and a new one can be saved."""
    with SessionRepository(path) as repository:
        repository.save_many([traded(f"No. {number}") for number in range(FEW)])
    content = DAMAGES[name](path)

    window = desktop.open()
    desktop.until(lambda: window.chart.curves)

    sound = window.table.total
    assert sound == FEW if name != "the second half" else 0 < sound < FEW
    assert "damaged, read-only" in window.windowTitle()
    assert "nothing is written to it" in window.message.text
    window.tabs.setCurrentIndex(2)
    desktop.until(lambda: window.views["Fills"].rows.rowCount())
    if name != "the fills":
        assert window.views["Fills"].rows.rowCount() == window.table.selected.fill_count
    assert [name for name, button in window.buttons.items() if button.isEnabled()] == ["report"]
    assert not window.actions_.rename.isEnabled()
    window.files_dropped.emit([_archive(tmp_path)])
    assert "Nothing can be imported" in desktop.dialog(QMessageBox).text()
    desktop.dialog(QMessageBox).accept()

    window.backups.back_up_to(tmp_path / "saved.db")
    desktop.until(lambda: "Backed up" in window.message.text)
    with SessionRepository(tmp_path / "saved.db") as saved:
        assert saved.count() == sound
        assert saved.check().problems == []
    desktop.close()
    assert path.read_bytes() == content


def _archive(folder: Path) -> Path:
    file = folder / "archive.jsonl"
    file.write_text('{"format": "paper_repo"}\n')
    return file


def test_damage_that_is_found_later_ends_writing(desktop: Desktop, path: Path) -> None:
    """In a large file only the sessions are checked at first: damage in the fills is found when they are looked at."""
    session = PaperTradingSession(id="a", name="Mine", strategy=plain(1).strategy, initial_cash=1000)
    for number in range(3_000):
        session.record_fill(Fill(str(number), "IBM", "BUY", quantity=1, price=200, metadata={"note": "x" * 4_000}))
    with SessionRepository(path, durability="normal") as repository:
        repository.save(session)
    content = overwrite(path, root_page(path, "paper_trading_fills"), PAGE)
    window = desktop.open()
    desktop.until(lambda: window.table.selected is not None)

    window.tabs.setCurrentIndex(2)
    desktop.until(lambda: "nothing more is written to it" in window.message.text)
    assert not window.buttons["delete"].isEnabled()
    desktop.click(window.message.button)

    desktop.until(lambda: desktop.program.windows and desktop.program.windows[0].is_read_only)
    desktop.window = desktop.program.windows[0]
    desktop.until(lambda: desktop.window.table.total == 1)
    assert desktop.window.message.button.text() == "Save as…"
    assert desktop.codes == []
    desktop.close()
    assert path.read_bytes() == content


def test_a_damaged_session_stands_in_its_place(desktop: Desktop, stored: SessionRepository, path: Path) -> None:
    """The sound sessions are shown and can be changed, the damaged one is named, and a sentence says what to do."""
    stored.save_many([plain(1), plain(2)])
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE paper_trading_sessions SET name = 'changed by hand' WHERE id = '000001'")

    window = desktop.open()

    desktop.until(lambda: "1 session. The others are sound." in window.message.text)
    assert "salvage" in window.message.text
    assert desktop.column("Name") == ["No. 000002", "⚠  damaged: 000001"]
    desktop.until(lambda: window.table.selected is not None)
    window.actions_._change(window.table.selected, lambda session: setattr(session, "name", "Sound"))
    desktop.until(lambda: desktop.column("Name")[0] == "Sound")


def test_a_file_without_anything_to_read_is_told(desktop: Desktop, path: Path) -> None:
    """A file of which nothing is left is told in a box, and the program ends with 1."""
    with SessionRepository(path):
        pass
    content = overwrite(path, 0, 100)

    desktop.begin()
    box = desktop.dialog(QMessageBox)
    assert "was not touched" in box.text()
    box.accept()

    desktop.until(lambda: desktop.codes == [1])
    assert path.read_bytes() == content
