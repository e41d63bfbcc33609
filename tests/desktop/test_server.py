"""A window on a PostgreSQL server: it says when the server is gone, and goes on when it is back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from paper_repo import SessionRepository
from tests.desktop.conftest import plain, traded
from tests.desktop.driving import Desktop, use_own_settings
from tests.postgres.servers import Server, initialise, new_folder, running

from PySide6.QtWidgets import QMessageBox  # isort: skip  # which `driving` has looked for


@pytest.fixture
def server() -> Iterator[Server]:
    """A running server for one test, which may stop it."""
    with new_folder() as folder:
        initialise(folder / "data")
        with running(Server(folder / "data")) as server:
            yield server


@pytest.fixture
def on_server(qtbot: Any, server: Server, tmp_path: Path) -> Iterator[Desktop]:
    """The program on that server, and its user."""
    use_own_settings(tmp_path / "settings")
    desktop = Desktop(qtbot, server.url())
    yield desktop
    desktop.close()


def test_a_server_that_is_gone_is_told_and_the_window_goes_on(on_server: Desktop, server: Server) -> None:
    """What was read stays on the screen; when the server is back all is as before."""
    with SessionRepository(server.url()) as stored:
        stored.save(plain(1))
    window = on_server.open()
    on_server.until(lambda: window.table.selected is not None)

    server.stop()
    on_server.until(lambda: "What is shown may be old; it is tried again" in window.message.text)
    assert on_server.column("Name") == ["No. 000001"]
    window.message.label.clear()
    window.actions_._change(window.table.selected, lambda session: setattr(session, "name", "Lost"))
    told = re.compile(
        "“No. 000001”: The server cannot be reached.*When it can, see what is stored, and try again.$", re.DOTALL
    )
    # In one look: the next reading may say something else in its place.
    on_server.until(lambda: told.search(window.message.text) is not None)

    server.start()
    on_server.until(lambda: "can be read again" in window.message.text)
    window.actions_._change(window.table.selected, lambda session: setattr(session, "name", "Later"))
    on_server.until(lambda: on_server.column("Name") == ["Later"])


def test_what_is_on_a_server_is_backed_up_to_a_file(on_server: Desktop, server: Server, tmp_path: Path) -> None:
    """The same sessions with the same history; the schedule, which writes beside a file, cannot be chosen."""
    session = traded("Mine")
    with SessionRepository(server.url()) as stored:
        stored.save(session)
    window = on_server.open()

    window.backups.back_up_to(tmp_path / "copy.db")
    on_server.until(lambda: "Backed up" in window.message.text)

    with SessionRepository(tmp_path / "copy.db") as copy:
        assert [each.name for each in copy.get_all()] == ["Mine"]
        assert len(copy.get_fills(session.id)) == session.fill_count
    assert window.backups.hours == 0


def test_a_server_that_is_not_there_is_told(on_server: Desktop, server: Server) -> None:
    """In a box that says what to look for; the program ends with 1."""
    server.stop()

    on_server.begin()
    box = on_server.dialog(QMessageBox)
    assert "See whether it runs" in box.text()
    box.accept()

    on_server.until(lambda: on_server.codes == [1])
