"""`Recovery`: what can be read of a damaged file, as a file of its own while a window shows it."""

from __future__ import annotations

import threading
from pathlib import Path
from tempfile import TemporaryDirectory

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QProgressDialog

from paper_repo.core.repository import SessionRepository
from paper_repo.desktop.language import tr
from paper_repo.errors import PaperRepoError
from paper_repo.maintenance.salvage.salvage import Salvaged, salvage

_OUR_TABLES = b"paper_trading_sessions"
_START = 64 << 10


class RecoveryStoppedError(PaperRepoError):
    """The user has cancelled the recovery."""


class Recovery(QObject):
    """Reads a damaged file, which stays as it is, into a new one in a folder that goes with the window.

    - `succeeded(found)`: `core` has what could be read; `found` is a `Salvaged`.
    - `failed(error)`: no session could be found, or the recovery was stopped.

    Args:
        place: the damaged file, which this program must not have open.
        passphrase: of the damaged file, when it is encrypted.
        parent: the Qt object that this one belongs to.
    """

    succeeded: Signal = Signal(object)
    failed: Signal = Signal(object)
    _advanced = Signal(int, int)
    _ended = Signal(object)

    def __init__(self, place: str, passphrase: str | None, parent: QObject) -> None:
        super().__init__(parent)
        self.place = place
        self._passphrase = passphrase
        self._folder = TemporaryDirectory(prefix="paper_repo-recovered-", ignore_cleanup_errors=True)
        self._copy = Path(self._folder.name) / Path(place).name
        self._is_stopped = False
        self.core: SessionRepository = SessionRepository(self._copy, passphrase=passphrase)
        text = tr("The file is damaged. Reading what can be read of it:") + f"\n{place}"
        self._progress = QProgressDialog(text, tr("Cancel"), 0, 0)
        self._progress.canceled.connect(self.stop)
        self._advanced.connect(self._show_progress, Qt.ConnectionType.QueuedConnection)
        self._ended.connect(self._end, Qt.ConnectionType.QueuedConnection)
        self._thread = threading.Thread(target=self._read, name="paper_repo recovery", daemon=True)

    def start(self) -> None:
        """Begin to read, beside Qt's event loop."""
        self._thread.start()

    def stop(self) -> None:
        """Stop reading; `failed` is emitted when that has happened."""
        self._is_stopped = True

    def close(self) -> None:
        """Remove what was read; its repository must be closed."""
        self._folder.cleanup()
        self.deleteLater()

    # In the thread that reads

    def _read(self) -> None:
        found: Salvaged | Exception
        try:
            found = salvage(self.place, self._copy, passphrase=self._passphrase, progress=self._advance)
        except Exception as error:
            found = error
        self._ended.emit(found)

    def _advance(self, done: int, total: int) -> None:
        if self._is_stopped:
            raise RecoveryStoppedError
        self._advanced.emit(done, total)

    # In Qt's thread

    def _show_progress(self, done: int, total: int) -> None:
        self._progress.setMaximum(total)
        self._progress.setValue(min(done, total - 1))  # at the maximum Qt hides it, before the window is there

    def _end(self, found: Salvaged | Exception) -> None:
        self._thread.join()
        self._progress.deleteLater()
        if isinstance(found, Salvaged):
            self.succeeded.emit(found)
        else:
            self.failed.emit(found)


def may_be_ours(place: str) -> bool:
    """Whether a file that cannot be opened has held sessions: the names of its tables stand near its start."""
    try:
        with Path(place).open("rb") as file:
            return _OUR_TABLES in file.read(_START)
    except OSError:
        return False
