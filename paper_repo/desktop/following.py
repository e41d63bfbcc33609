"""`SessionFollower`: keeps a widget at what is stored of one session, and reads nothing for one that nobody sees."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from PySide6.QtCore import QEvent, QObject, QTimer, Signal
from PySide6.QtWidgets import QWidget

from paper_repo.desktop.live import LiveRepository, Request
from paper_repo.errors import SessionNotFoundError

REST = 3.0
"""After a reading, at least this many times its duration passes before the next: a long history takes long to read."""


LEAST_REST = 0.3
"""The least pause between two readings, in seconds: what changes all the time need not be drawn all the time."""


def rest(began: float, most: float = 60) -> int:
    """How long to rest after a reading that began then, in milliseconds.

    Args:
        began: when, as `time.monotonic` tells it.
        most: the longest rest in seconds.
    """
    return int(1000 * min(max(REST * (time.monotonic() - began), LEAST_REST), most))


class SessionFollower(QObject):
    """Reads one session for a widget whenever it changes, and lets the widget show it.

    - `shown()`: the widget shows what is stored.

    Args:
        widget: which is to show it; nothing is read while it is hidden.
        live: where the session is.
        load: an async function that reads what the widget shows of the session with this id.
        show: shows it, in Qt's thread; gets None where no session is chosen, or it is deleted.
    """

    shown: Signal = Signal()

    def __init__(
        self,
        widget: QWidget,
        live: LiveRepository,
        load: Callable[[str], Awaitable[Any]],
        show: Callable[[Any], object],
    ) -> None:
        super().__init__(widget)
        self._widget = widget
        self._live = live
        self._load = load
        self._show = show
        self.session_id: str | None = None
        self._request: Request | None = None
        self._is_stale = False
        self._began = 0.0
        self._pause = QTimer(self, singleShot=True)
        self._pause.timeout.connect(self._refresh)
        live.changed.connect(self._changed)
        widget.installEventFilter(self)

    def follow(self, session_id: str | None) -> None:
        """Show this session from now on; None for none."""
        if self._request is not None:
            self._request.cancel()
            self._request = None
        self._pause.stop()
        self.session_id = session_id
        self._is_stale = True
        if session_id is None:
            self._is_stale = False
            self._show(None)
            self.shown.emit()
        self._refresh()

    def refresh(self) -> None:
        """Read it again."""
        self._is_stale = True
        self._refresh()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Read what has changed while the widget was hidden."""
        if event.type() == QEvent.Type.Show:
            QTimer.singleShot(0, self, self._refresh)
        return False

    def _changed(self, ids: frozenset[str]) -> None:
        if self.session_id is not None and (not ids or self.session_id in ids):
            self.refresh()

    def _refresh(self) -> None:
        session_id = self.session_id
        if not self._is_stale or session_id is None or self._request is not None or self._pause.isActive():
            return
        if not self._widget.isVisible():
            return
        self._is_stale = False
        self._began = time.monotonic()
        self._request = self._live.ask(lambda _: self._read(session_id), self._loaded, self._failed)

    async def _read(self, session_id: str) -> Any:
        try:
            return await self._load(session_id)
        except SessionNotFoundError:  # it was deleted
            return None

    def _loaded(self, found: Any) -> None:
        self._request = None
        self._show(found)
        self.shown.emit()
        self._rest()

    def _failed(self, error: Exception) -> None:
        self._request = None
        self._live.failed.emit(error)
        self._rest()

    def _rest(self) -> None:
        self._pause.start(rest(self._began))
