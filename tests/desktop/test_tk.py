"""The Tk window, under Xvfb or on a display: what a user does in it is in the file, and the other way round."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from paper_repo import SessionRepository, SessionStatus, SQLiteSessionRepository
from paper_repo.demo.market import trading_days
from paper_repo.demo.strategy import new_session, trade_day
from paper_repo.maintenance.archive import export_archive

pytest.importorskip("tkinter", reason="this Python has no tkinter (apt install python3-tk)", exc_type=ImportError)
sys.path.append(str(Path(__file__).parents[2] / "examples"))

PATIENCE = 60
"""How long something may take that comes for certain, in seconds."""


@pytest.fixture(scope="module")
def display() -> Iterator[None]:
    """A display: the one there is, or one that Xvfb makes."""
    if os.environ.get("DISPLAY"):
        yield
        return
    if shutil.which("Xvfb") is None:
        pytest.skip("there is no display, and no Xvfb to make one (Debian: apt install xvfb)")
    readable, writable = os.pipe()
    command = ["Xvfb", "-displayfd", str(writable), "-screen", "0", "1280x800x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[writable], stderr=subprocess.DEVNULL) as server:
        os.close(writable)
        with os.fdopen(readable) as told:
            os.environ["DISPLAY"] = f":{told.readline().strip()}"
        yield
        del os.environ["DISPLAY"]
        server.terminate()


class Window:
    """The program, and its user, whose steps Tk's own loop runs."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def until(self, condition: Callable[[], object]) -> None:
        """Let the window run until this is so."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, "it has not come"
            self.app.root.after(10, lambda: None)
            self.app.root.tk.dooneevent(0)

    def texts(self) -> list[list[str]]:
        """What stands in the table."""
        return [[str(text) for text in self.app.table.item(row, "values")] for row in self.app.table.get_children()]


@pytest.fixture
def window(display: None, path: Path) -> Iterator[Window]:
    """The window on a fresh file; closed at the end, if the test has not done so."""
    import tkinter

    from anyio.from_thread import start_blocking_portal
    from desktop_tk import App

    root = tkinter.Tk()
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(SQLiteSessionRepository(path)) as opened:
        window = Window(App(root, portal, opened))
        yield window
        if not window.app._closing:
            window.app.close()
    del root, window.app
    gc.collect()  # in this thread, the only one that may let go of Tk


@pytest.fixture
def stored(path: Path) -> Iterator[SessionRepository]:
    """What is in the file, seen by somebody else than the window."""
    with SessionRepository(path) as repository:
        yield repository


def archive(folder: Path, count: int) -> Path:
    """An archive of this many sessions, each with the history of a quarter."""
    file = folder / "archive.jsonl"
    with SessionRepository(folder / "elsewhere.db", durability="normal") as other, file.open("wb") as lines:
        session = new_session("Imported")
        session.start()
        for day in trading_days()[:60]:
            trade_day(session, day)
        fills, points = list(enumerate(session.new_fills, 1)), list(session.new_equity_points)
        orders = list(session.new_closed_orders)
        other.save(session)
        for number in range(count - 1):
            session.id = f"copy-{number}"
            other.restore(session, fills, points, (), orders)
        export_archive(other, lines)
    return file


def enabled(window: Window) -> set[str]:
    """The buttons that can be pressed."""
    return {name for name, button in window.app.buttons.items() if not button.instate(["disabled"])}


def test_buttons_take_the_steps_of_the_selected_session(window: Window, stored: SessionRepository) -> None:
    """Pause, resume and stop are in the file and in the window; only what makes sense can be pressed."""
    session = new_session("Mine")
    session.start()
    stored.save(session)
    app = window.app
    window.until(lambda: [row[:3] for row in window.texts()] == [["Mine", "running", "1,000,000.00"]])
    assert enabled(window) == {"import"}
    app.table.selection_set(session.id)
    window.until(lambda: enabled(window) == {"pause", "stop", "import"})

    for step, status, told, next_ones in (
        ("pause", "PAUSED", "Mine is paused", {"resume", "stop"}),
        ("resume", "RUNNING", "Mine is running again", {"pause", "stop"}),
        ("stop", "STOPPED", "Mine is stopped", {"resume"}),
    ):
        app.buttons[step].invoke()
        window.until(lambda status=status: [row[1] for row in window.texts()] == [status.lower()])
        assert stored.get_all()[0].status is SessionStatus(status)
        window.until(lambda next_ones=next_ones: enabled(window) == next_ones | {"import"})
        window.until(lambda told=told: app.message["text"] == told)


def test_what_another_program_was_faster_with_is_told(window: Window, stored: SessionRepository) -> None:
    """A step that is not possible any more, or a session that is gone, is a sentence, and the window works on."""
    session = new_session("Mine")
    session.start()
    stored.save(session)
    app = window.app
    window.until(window.texts)
    app.table.selection_set(session.id)
    window.until(lambda: "stop" in enabled(window))
    stored.delete(session.id)

    app._step("stop")

    window.until(lambda: "there is no session" in app.message["text"])


def test_columns_are_as_wide_as_what_stands_in_them(window: Window, stored: SessionRepository) -> None:
    """A name of any length is seen whole."""
    from tkinter import font

    name = "A strategy that trades the opening of the American market, with stops"
    stored.save(new_session(name))
    window.until(window.texts)

    assert window.app.table.column("name", "width") > font.nametofont("TkDefaultFont").measure(name)


def test_what_others_do_is_seen(window: Window, stored: SessionRepository) -> None:
    """A session that somebody else saves and deletes comes and goes."""
    session = new_session("Theirs")
    stored.save(session)
    window.until(lambda: [row[0] for row in window.texts()] == ["Theirs"])

    stored.delete(session.id)

    window.until(lambda: window.texts() == [])


def test_a_long_import_shows_its_progress(window: Window, stored: SessionRepository, tmp_path: Path) -> None:
    """While sessions are imported the window works on and shows how far it is; then all of them are in the file."""
    seen: set[float] = set()
    file = archive(tmp_path, 60)

    window.app.import_file(file)
    window.until(lambda: seen.add(float(window.app.progress["value"])) or "imported" in window.app.message["text"])

    assert window.app.message["text"] == "60 sessions imported"
    assert len(seen) > 3
    assert stored.count() == 60
    window.until(lambda: len(window.texts()) == 60)


def test_a_file_that_is_no_archive_is_told(window: Window, stored: SessionRepository, tmp_path: Path) -> None:
    """A file that is no archive is told in a sentence, and the window works on."""
    wrong = tmp_path / "notes.txt"
    wrong.write_text("these are my notes\n")

    window.app.import_file(wrong)
    window.until(lambda: "archive" in window.app.message["text"])

    stored.save(new_session("After"))
    window.until(lambda: [row[0] for row in window.texts()] == ["After"])


def test_closing_breaks_an_import_off(window: Window, path: Path, tmp_path: Path) -> None:
    """Closing in the middle of an import returns, and nothing of it is in the file."""
    file = archive(tmp_path, 60)
    window.app.import_file(file)
    window.until(lambda: float(window.app.progress["value"]) > 0)

    window.app.close()

    with SessionRepository(path) as repository:
        repository.save(new_session())  # waits until the import has let go of the file
        assert repository.count() == 1


def test_the_program_itself(display: None, path: Path) -> None:
    """Run as a program it opens the window, and exits cleanly when it is closed."""
    program = Path(__file__).parents[2] / "examples" / "desktop_tk.py"
    closing = (
        "import runpy, sys, tkinter; sys.argv = sys.argv[1:];"
        "loop = tkinter.Tk.mainloop;"
        "tkinter.Tk.mainloop = lambda root: (root.after(300, lambda: root.tk.call(root.tk.eval("
        "'wm protocol . WM_DELETE_WINDOW'))), loop(root));"
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", closing, str(program), str(path)],
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")
    assert path.exists()
