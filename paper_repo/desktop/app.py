"""The program: one repository, opened before the window is shown and closed after everything is stored."""

from __future__ import annotations

import argparse
import asyncio
import signal
from collections.abc import Sequence
from pathlib import Path

import qasync
from PySide6.QtWidgets import QApplication, QMessageBox

from paper_repo.desktop import texts
from paper_repo.desktop.theme import Theme, apply, chosen
from paper_repo.desktop.window import Window
from paper_repo import PaperRepoError, SQLiteSessionRepository


def main(arguments: Sequence[str]) -> int:
    """Show the window until it is closed; 0 when all was stored, 1 when the file could not be opened."""
    parser = argparse.ArgumentParser(prog="paper_repo.desktop.py", description="Run paper-trading sessions in a window.")
    parser.add_argument("file", nargs="?", type=Path, default=Path("sessions.db"), help="where sessions are kept")
    parser.add_argument("--theme", choices=("system", "light", "dark"), default="system")
    parser.add_argument("--resume", action="store_true", help="resume what was running, without asking")
    options = parser.parse_args(arguments)
    app = QApplication.instance() or QApplication([])
    theme = chosen(options.theme, app)
    apply(app, theme)
    app.setQuitOnLastWindowClosed(False)  # what waits to be stored is stored after the window has gone
    with qasync.QEventLoop(app) as loop:
        program = Program(options.file, theme, resume=options.resume)
        signal.signal(signal.SIGTERM, lambda *_: program.window and program.window.close())
        return loop.run_until_complete(program.run())


class Program:
    """One run of the program.

    Args:
        busy_timeout: how long to wait for another program's write, in seconds, before the user is told.
        resume: whether what was running goes on without a question.
    """

    def __init__(self, file: Path, theme: Theme, *, busy_timeout: float = 5.0, resume: bool = False) -> None:
        self._file = file
        self._theme = theme
        self._busy_timeout = busy_timeout
        self._resume = resume
        self.window: Window | None = None

    async def run(self) -> int:
        """Open the file, show the window until it is closed, and store what is under way."""
        repository = SQLiteSessionRepository(self._file, busy_timeout=self._busy_timeout)
        try:
            await repository.open()
        except PaperRepoError as error:
            await _show_error(error)
            return 1
        async with repository:
            window = self.window = Window(repository, self._theme, str(self._file))
            closed = asyncio.Event()
            window.closed.connect(closed.set)
            window.show()
            window.run(window.follow())
            interrupted = await repository.get_active()
            if self._resume:
                window.run(window.resume(interrupted))
            elif interrupted:
                window.run(window.offer_to_resume(interrupted))
            await closed.wait()
            await window.desk.close()
            await window.finish()
        return 0


async def _show_error(error: PaperRepoError) -> None:
    closed = asyncio.Event()
    box = QMessageBox(QMessageBox.Icon.Critical, "Paper trading", texts.problem(error))
    box.finished.connect(closed.set)
    box.open()
    await closed.wait()
