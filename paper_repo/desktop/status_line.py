"""`StatusLine`: which file it is, when it was last written, and by how many other programs it is open."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import anyio.to_thread
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QLabel, QStatusBar, QWidget

from paper_repo.desktop import texts
from paper_repo.desktop.language import tr
from paper_repo.desktop.live import LiveRepository
from paper_repo.interface import IPaperTradingSessionRepository

PROCESSES = Path("/proc")
LOOK_MILLISECONDS = 5000
"""How often to look who else has the file open."""


class StatusLine(QStatusBar):
    """The line at the bottom of the window; it follows what is stored."""

    def __init__(self, live: LiveRepository, place: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._live = live
        self._path = Path(place) if "://" not in place else None
        self.place: QLabel = QLabel(place, self)
        self.written: QLabel = QLabel(self)
        self.users: QLabel = QLabel(self)
        self.count: QLabel = QLabel(self)
        self.setSizeGripEnabled(False)
        self.addWidget(self.place, 1)
        for label in (self.count, self.users, self.written):
            self.addPermanentWidget(label)
        live.changed.connect(self._read_written)
        self._looking = QTimer(self, interval=LOOK_MILLISECONDS)
        self._looking.timeout.connect(self._look_for_users)
        self._looking.start()
        self._read_written()
        self._look_for_users()

    def show_count(self, total: int | None, selected: int) -> None:
        """Say how many sessions there are, and how many are selected."""
        told = "" if total is None else texts.sessions(total)
        self.count.setText(told + (f", {texts.whole(selected)} " + tr("selected") if selected > 1 else ""))

    def _read_written(self) -> None:
        async def latest(repository: IPaperTradingSessionRepository) -> datetime | None:
            found = await repository.get_summaries(order_by="updated_at", descending=True, limit=1, errors="report")
            return found[0].updated_at if found else None

        self._live.ask(latest, self._show_written, lambda _: None)

    def _show_written(self, at: datetime | None) -> None:
        self.written.setText("" if at is None else tr("last written") + f" {texts.moment(at)}")

    def _look_for_users(self) -> None:
        path = self._path
        if path is not None and PROCESSES.is_dir():
            self._live.ask(lambda _: anyio.to_thread.run_sync(others_with, path), self._show_users, lambda _: None)

    def _show_users(self, number: int) -> None:
        programs = texts.counted(number, tr("other program"), tr("other programs"))
        self.users.setText(tr("open in") + f" {programs}" if number else tr("open here only"))


def others_with(path: Path) -> int:
    """How many other processes of this user have the file open, where the system tells (Linux)."""
    try:
        wanted = path.stat()
    except OSError:
        return 0
    return sum(_has_open(process, wanted) for process in PROCESSES.iterdir() if process.name.isdigit())


def _has_open(process: Path, wanted: os.stat_result) -> bool:
    if process.name == str(os.getpid()):
        return False
    try:
        with os.scandir(process / "fd") as descriptors:
            for descriptor in descriptors:
                found = descriptor.stat()
                if (found.st_ino, found.st_dev) == (wanted.st_ino, wanted.st_dev):
                    return True
    except OSError:
        pass  # it has ended, or belongs to somebody else
    return False
