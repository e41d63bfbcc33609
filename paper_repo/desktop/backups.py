"""`Backups`: a backup now, where the user says, or again and again beside the file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.to_thread
from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QFileDialog, QMenu

from paper_repo.core.repository import SessionRepository
from paper_repo.desktop.language import tr
from paper_repo.desktop.naming import named
from paper_repo.desktop.settings import settings
from paper_repo.errors import StorageError
from paper_repo.interface import IPaperTradingSessionRepository
from paper_repo.maintenance.copy import copy_sessions
from paper_repo.storage.new_files import new_file_beside, publish

if TYPE_CHECKING:
    from paper_repo.desktop.window import SessionWindow

KEPT = 10
"""How many of the backups that were made by the clock are kept."""

HOUR_MILLISECONDS = 3_600_000


class Backups(QObject):
    """The backups of one window's file.

    Scheduled ones go to a folder beside the file (`sessions.db-backups/`), while the window is open; the latest ten
    of them stay.
    """

    def __init__(self, window: SessionWindow, place: str) -> None:
        super().__init__(window)
        self._window = window
        self._place = place
        self._is_file = "://" not in place and not window.is_read_only
        """Whether backups can be made beside the file: of a damaged one, what could be read lies elsewhere."""
        title = tr("&Save what could be read…") if window.is_read_only else tr("&Back up now…")
        self.now: QAction = named(QAction(title, window, shortcut=QKeySequence("Ctrl+B")), "backup")
        self.now.triggered.connect(lambda _=False: self._ask_where())
        window.addAction(self.now)
        self._clock = QTimer(self)
        self._clock.timeout.connect(self.back_up_beside)
        self.set_hours(_hours(settings().value(self._key(), 0)))

    @property
    def hours(self) -> int:
        """How many hours are between two scheduled backups; 0 for none."""
        return self._clock.interval() // HOUR_MILLISECONDS if self._clock.isActive() else 0

    def set_hours(self, hours: int) -> None:
        """Back up at this interval, in hours; 0 for never."""
        self._clock.stop()
        if hours and self._is_file:
            self._clock.start(hours * HOUR_MILLISECONDS)
        if self._is_file:
            settings().setValue(self._key(), hours)

    def fill(self, menu: QMenu) -> None:
        """Put a backup now, and the choice of a schedule, into a menu."""
        menu.addAction(self.now)
        schedule = menu.addMenu(tr("Back up by the &clock"))
        group = QActionGroup(schedule)
        for title, hours in ((tr("Never"), 0), (tr("Every hour"), 1), (tr("Every 4 hours"), 4), (tr("Every day"), 24)):
            action = schedule.addAction(title)
            action.setCheckable(True)
            action.setChecked(hours == self.hours)
            action.setEnabled(self._is_file)
            action.triggered.connect(lambda _=False, hours=hours: self.set_hours(hours))
            group.addAction(action)

    def back_up_to(self, target: Path) -> None:
        """Write a backup to this file; one that is there is replaced when the new one is complete.

        What is on a server is copied to a file, session by session, as others go on writing.
        """

        core = self._window.live.core

        async def work(repository: IPaperTradingSessionRepository) -> None:
            if "://" not in self._place or core is None:
                await repository.backup(target, overwrite=True)
            else:
                await anyio.to_thread.run_sync(_copy, core, target)

        self._window.live.ask(
            work, lambda _: self._window.message.tell(tr("Backed up to") + f" {target}"), self._window.tell_error
        )

    def back_up_beside(self) -> None:
        """Write a backup to the folder beside the file, and remove those made there before the latest ten."""
        folder = Path(f"{self._place}-backups")
        target = folder / f"{Path(self._place).stem}-{datetime.now().astimezone():%Y%m%d-%H%M%S-%f}.db"

        async def work(repository: IPaperTradingSessionRepository) -> None:
            await anyio.to_thread.run_sync(lambda: folder.mkdir(mode=0o700, exist_ok=True))
            await repository.backup(target)
            await anyio.to_thread.run_sync(_keep_latest, folder, f"{Path(self._place).stem}-*.db")

        self._window.live.ask(
            work, lambda _: self._window.message.tell(tr("Backed up to") + f" {target}"), self._window.tell_error
        )

    def _ask_where(self) -> None:
        stem = "sessions" if "://" in self._place else Path(self._place).stem
        name = f"{stem}-{datetime.now().astimezone():%Y-%m-%d-%H%M}.db"
        dialog = QFileDialog(self._window, tr("Back up"), "", tr("Database") + " (*.db)")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.selectFile(name)
        dialog.fileSelected.connect(lambda chosen: self.back_up_to(Path(chosen)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _key(self) -> str:
        return f"backup/{self._place.replace('/', '|')}"


def _copy(core: SessionRepository, target: Path) -> None:
    with new_file_beside(target, True) as partial:
        with SessionRepository(partial) as copy:
            report = copy_sessions(core, copy)
        if not report.complete:
            raise StorageError(
                f"{target}: not written, since these sessions cannot be copied: "
                + ", ".join([*report.unreadable, *report.refused, *report.differing])
            )
        publish(partial, target, True)


def _keep_latest(folder: Path, pattern: str) -> None:
    for old in sorted(folder.glob(pattern))[:-KEPT]:
        old.unlink(missing_ok=True)


def _hours(value: object) -> int:
    return int(value) if isinstance(value, int | str) and str(value).isdigit() else 0
