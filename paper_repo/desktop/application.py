"""The program of `paper-repo open`: its windows, the files that they show, and its beginning and end."""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import anyio.to_thread
from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QInputDialog,
    QLineEdit,
    QMessageBox,
    QWidget,
)

from paper_repo.core.repository import SessionRepository, internals_of
from paper_repo.desktop import texts, theme
from paper_repo.desktop.language import chosen_language, speak, tr
from paper_repo.desktop.live import LiveRepository
from paper_repo.desktop.recovery import Recovery, RecoveryStoppedError, may_be_ours
from paper_repo.desktop.settings import recent_places, remember_place
from paper_repo.desktop.window import SessionWindow
from paper_repo.errors import CorruptDatabaseError, ForeignDatabaseError, WrongPassphraseError
from paper_repo.facade.repository import AsyncSessionRepository
from paper_repo.interface import IPaperTradingSessionRepository
from paper_repo.maintenance.archive import Imported, import_archive
from paper_repo.maintenance.salvage.salvage import Salvaged
from paper_repo.storage.sqlite.encryption import looks_encrypted

SIGNAL_MILLISECONDS = 200
"""How often Python is given a chance to notice Ctrl-C, which Qt's own loop does not do."""

SWITCH_SECONDS = 0.001
"""How long other threads may run on when the window has something to do."""


class Application(QObject):
    """Opens windows on databases, until the last one is closed.

    - `ended(code)`: the last window is closed, or the first could not be opened (1).
    """

    ended: Signal = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.windows: list[SessionWindow] = []
        self._waiting: list[LiveRepository | Recovery] = []
        self.dialogs: list[QWidget] = []

    def open(
        self, core: SessionRepository, *, demo: bool = False, resume: bool = False, passphrase: str | None = None
    ) -> None:
        """Open a window on this database; one on what can be read of it where it is damaged, or a message.

        Args:
            core: the database; it is closed with the window.
            demo: whether the demo's strategy can be run in it.
            resume: with `demo`, whether what was running goes on without a question.
            passphrase: of an encrypted file, in case it has to be read once more because it is damaged.
        """
        live = LiveRepository(AsyncSessionRepository(core), self)
        self._waiting.append(live)

        def show(_: object) -> None:
            self._waiting.remove(live)
            place = internals_of(core).storage.name
            self._show(SessionWindow(live, place, demo=demo, resume=resume))

        live.ask(_open, show, partial(self._not_opened, live, passphrase))

    def open_place(self, place: str, passphrase: str | None = None) -> None:
        """Open a window on the file at this path, or on this server; a file that a window shows comes to the front."""
        if "://" not in place and not Path(place).is_file():
            self._tell(tr("There is no file") + f" {place}")
            return
        window = self._window_on(place)
        if window is not None:
            window.raise_()
            window.activateWindow()
            return
        try:
            self.open(SessionRepository(place, passphrase=passphrase), passphrase=passphrase)
        except ValueError as error:
            self._tell(str(error))

    def close(self) -> None:
        """Close every window, and stop what would become one."""
        for waiting in self._waiting:
            if isinstance(waiting, Recovery):
                waiting.stop()
        for window in list(self.windows):
            window.close()

    def _show(self, window: SessionWindow) -> None:
        remember_place(window.place)
        self.windows.append(window)
        window.closed.connect(partial(self._forget, window))
        window.place_wanted.connect(partial(self._ask_for_place, window))
        window.files_dropped.connect(partial(self._take_files, window))
        window.recovery_wanted.connect(partial(self._recover_instead, window))
        window.recent.aboutToShow.connect(partial(self._fill_recent, window))
        window.show()
        if window.demo is not None:
            window.demo.offer_to_resume()

    def _forget(self, window: SessionWindow) -> None:
        self.windows.remove(window)
        window.deleteLater()
        self._end_if_alone(0)

    def _end_if_alone(self, code: int) -> None:
        if not self.windows and not self._waiting and not self.dialogs:
            self.ended.emit(code)

    # What cannot be opened

    def _not_opened(self, live: LiveRepository, passphrase: str | None, error: Exception) -> None:
        place = "" if live.core is None else internals_of(live.core).storage.name
        live.close()
        live.deleteLater()
        is_foreign = isinstance(error, ForeignDatabaseError)
        if isinstance(error, CorruptDatabaseError) or (is_foreign and may_be_ours(place)):
            self._recover(place, passphrase, error)
        elif isinstance(error, WrongPassphraseError) or (is_foreign and looks_encrypted(Path(place))):
            self._ask_for_passphrase(place)
        else:
            self._tell(f"{place}: {texts.not_opened(error)}")
        self._waiting.remove(live)

    def _recover_instead(self, window: SessionWindow) -> None:
        """Show what can be read of a file that turned out to be damaged while a window had it open."""
        self._recover(window.place, None, CorruptDatabaseError(window.place), instead_of=window)

    def _recover(
        self, place: str, passphrase: str | None, error: Exception, instead_of: SessionWindow | None = None
    ) -> None:
        """Open a window on what can be read of a damaged file."""
        recovery = Recovery(place, passphrase, self)
        self._waiting.append(recovery)
        recovery.succeeded.connect(partial(self._show_recovered, recovery))
        recovery.failed.connect(partial(self._not_recovered, recovery, error))
        if instead_of is not None:
            instead_of.close()
        recovery.start()

    def _show_recovered(self, recovery: Recovery, found: Salvaged) -> None:
        live = LiveRepository(AsyncSessionRepository(recovery.core), self)
        window = SessionWindow(live, recovery.place, recovered=found)
        window.closed.connect(recovery.close)
        self._show(window)
        self._waiting.remove(recovery)

    def _not_recovered(self, recovery: Recovery, error: Exception, reason: Exception) -> None:
        recovery.close()
        if not isinstance(reason, RecoveryStoppedError):
            self._tell(f"{recovery.place}: {texts.not_opened(error)}")
        self._waiting.remove(recovery)
        self._end_if_alone(1)

    def _ask_for_passphrase(self, place: str) -> None:
        dialog = QInputDialog(self._parent())
        dialog.setWindowTitle(tr("Passphrase"))
        dialog.setLabelText(tr("This file is encrypted. Its passphrase:") + f"\n{place}")
        dialog.setTextEchoMode(QLineEdit.EchoMode.Password)
        dialog.textValueSelected.connect(lambda text: self.open_place(place, text))
        self._keep(dialog)
        dialog.open()

    def _tell(self, text: str) -> None:
        box = QMessageBox(QMessageBox.Icon.Critical, tr("Paper trading"), text, parent=self._parent())
        box.setTextFormat(Qt.TextFormat.PlainText)
        self._keep(box)
        box.open()

    def _keep(self, dialog: QInputDialog | QMessageBox) -> None:
        self.dialogs.append(dialog)

        def done() -> None:
            self.dialogs.remove(dialog)
            dialog.deleteLater()
            QTimer.singleShot(0, self, lambda: self._end_if_alone(1))

        dialog.finished.connect(done)

    def _parent(self) -> QWidget | None:
        return self.windows[-1] if self.windows else None

    # Which file

    def _ask_for_place(self, window: SessionWindow, place: str | None) -> None:
        if place is not None:
            self.open_place(place)
            return
        folder = str(Path(window.place).parent) if "://" not in window.place else ""
        self._choose(
            window,
            tr("Open database"),
            folder,
            tr("Databases") + " (*.db *.sqlite *.sqlite3);;" + tr("All files") + " (*)",
        )

    def _choose(self, window: SessionWindow, title: str, folder: str, kinds: str) -> None:
        dialog = QFileDialog(window, title, folder, kinds)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(lambda chosen: self._take_files(window, [Path(chosen)]))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _fill_recent(self, window: SessionWindow) -> None:
        window.recent.clear()
        for place in recent_places():
            action = window.recent.addAction(place)
            action.triggered.connect(lambda _=False, place=place: self.open_place(place))
        window.recent.setEnabled(True)

    def _take_files(self, window: SessionWindow, paths: Sequence[Path] | None) -> None:
        """Open databases, import archives; None to be asked for an archive."""
        if paths is None:
            self._choose(
                window, tr("Import archive"), "", tr("Archives") + " (*.jsonl *.json);;" + tr("All files") + " (*)"
            )
            return
        for path in paths:
            if self._window_on(path) is not None or not _is_text(path):
                self.open_place(str(path))
            elif window.is_read_only:
                self._tell(tr("Nothing can be imported into a damaged file. Save what could be read of it first."))
            else:
                import_into(window, path)

    def _window_on(self, place: str | Path) -> SessionWindow | None:
        """The window that has this file open.

        Nothing else in this process may open such a file, not even to look at it, nor SQLite when the window has it
        open with SQLCipher: closing it would take away all the locks that the process has on it
        (https://www.sqlite.org/howtocorrupt.html, 2.2).
        """
        path = Path(place)
        for window in self.windows:
            core = window.live.core
            file = None if core is None else Path(internals_of(core).storage.name)
            if file is not None and file.is_file() and path.is_file() and file.samefile(path):
                return window
        return None


async def _open(repository: IPaperTradingSessionRepository) -> None:
    """Open the database, and look whether its sessions can be read."""
    await repository.open()
    await repository.count()


def import_into(window: SessionWindow, path: Path) -> None:
    """Import an archive into the database of a window; sessions that are stored already stay as they are."""
    core = window.live.core
    if core is None:
        return

    def read() -> Imported:
        with path.open("rb") as file:
            return import_archive(core, file, on_conflict="skip")

    def told(done: Imported) -> None:
        skipped = f" {tr('Already there:')} {texts.sessions(done.skipped)}." if done.skipped else ""
        window.message.tell(f"{tr('Imported:')} {texts.sessions(done.added)}.{skipped}")

    window.message.tell(tr("Importing") + f" {path.name} …", stays=True)
    window.live.ask(lambda _: anyio.to_thread.run_sync(read), told, window.tell_error)


def run(
    core: SessionRepository,
    *,
    demo: bool = False,
    resume: bool = False,
    dress: str = "system",
    language: str = "system",
) -> int:
    """Show a window on a database until the last window is closed; 0 then, 1 when it could not be opened.

    Args:
        core: the database; it is closed at the end.
        demo: whether the demo's strategy can be run in it.
        resume: with `demo`, whether what was running goes on without a question.
        dress: "light", "dark", or "system" to follow the desktop.
        language: "en", "de", or "system" to follow the desktop.
    """
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        app = QApplication(["paper-repo"])
    app.setApplicationName("paper_repo")
    app.setQuitOnLastWindowClosed(False)  # what waits to be stored is stored after the window has gone
    speak(app, chosen_language(language))
    if dress == "system":
        theme.follow_system(app)
    else:
        theme.apply(app, theme.chosen(dress, app))
    program = Application()
    program.ended.connect(app.exit)
    ticks = QTimer(interval=SIGNAL_MILLISECONDS)
    ticks.timeout.connect(lambda: None)
    ticks.start()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: program.close())
    program.open(core, demo=demo, resume=resume)
    give_way_to_the_window()
    return app.exec()


def give_way_to_the_window() -> None:
    """Let other threads of this program hold up the window for as short as Python allows.

    What is imported stays until the program ends: the garbage collector need not go through it each time. A thread that
    runs Python code is interrupted after a millisecond instead of five, when the window has something to do.
    """
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(SWITCH_SECONDS)


def _is_text(path: Path) -> bool:
    """Whether the file may be an archive, which is lines of JSON."""
    try:
        with path.open("rb") as file:
            return file.read(1) == b"{"
    except OSError:
        return False
