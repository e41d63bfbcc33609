"""`SessionFollower`: keeps a widget at what is stored of a session, and reads nothing for one that nobody sees."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from weakref import WeakMethod

from PySide6.QtCore import QEvent, QObject, QTimer, Signal
from PySide6.QtWidgets import QWidget

from paper_repo.desktop.live import LiveRepository, Request
from paper_repo.errors import SessionNotFoundError

REST = 3.0
"""The pause after a reading, in multiples of its duration: a long history takes long to read."""

LEAST_REST = 0.3
"""The shortest pause between two readings, in seconds: about as often as the eye can follow figures that change."""


def rest(began: float, most: float = 60) -> int:
    """How long to rest after a reading that began then, in milliseconds.

    Args:
        began: when, as `time.monotonic` tells it.
        most: the longest rest in seconds.
    """
    return int(1000 * min(max(REST * (time.monotonic() - began), LEAST_REST), most))


class SessionFollower(QObject):
    """Reads one session, or several, for a widget whenever one changes, and lets the widget show it.

    - `shown()`: the widget shows what is stored.

    Args:
        widget: which is to show it; nothing is read while it is hidden.
        live: where the sessions are.
        load: an async method of the widget that reads what it shows of the sessions with these ids.
        show: a method of the widget that shows it, in Qt's thread; gets None where no session is chosen.
        one_by_one: whether `load` gets the ids of those sessions alone that have changed, and `show` what was read of
            them, because the widget keeps the others; otherwise all of them are read when one has changed.
    """

    shown: Signal = Signal()

    def __init__(
        self,
        widget: QWidget,
        live: LiveRepository,
        load: Callable[[Sequence[str]], Awaitable[Any]],
        show: Callable[[Any], object],
        *,
        one_by_one: bool = False,
    ) -> None:
        super().__init__(widget)
        self._live = live
        # A widget that its program lets go of must end at once, in its own thread, and not when a collector finds it.
        self._load, self._show = WeakMethod(load), WeakMethod(show)
        self._one_by_one = one_by_one
        self._ids: tuple[str, ...] = ()
        self._stale: set[str] = set()
        self._request: Request | None = None
        self._began = 0.0
        self._pause = QTimer(self, singleShot=True)
        self._pause.timeout.connect(self._refresh)
        live.changed.connect(self._changed)
        widget.installEventFilter(self)

    @property
    def session_ids(self) -> tuple[str, ...]:
        """The ids of the sessions, in the order in which they were given."""
        return self._ids

    @property
    def session_id(self) -> str | None:
        """The id of the session, or of the first one."""
        return self._ids[0] if self._ids else None

    def follow(self, session_id: str | None) -> None:
        """Show this session from now on; None for none."""
        self.follow_all([] if session_id is None else [session_id])

    def follow_all(self, session_ids: Sequence[str]) -> None:
        """Show these sessions from now on."""
        if self._request is not None:
            self._request.cancel()
            self._request = None
        self._pause.stop()
        self._ids = tuple(session_ids)
        self._stale = set(self._ids)
        if not self._ids:
            self._display(None)
        self._refresh()

    def refresh(self) -> None:
        """Read all of it again."""
        self._stale = set(self._ids)
        self._refresh()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Read what has changed while the widget was hidden."""
        if event.type() == QEvent.Type.Show:
            QTimer.singleShot(0, self, self._refresh)
        return False

    def _changed(self, ids: frozenset[str]) -> None:
        self._stale |= ids.intersection(self._ids) if ids else set(self._ids)
        self._refresh()

    def _refresh(self) -> None:
        load = self._load()
        if not self._stale or self._request is not None or self._pause.isActive():
            return
        widget = self.parent()
        if load is None or not isinstance(widget, QWidget) or not widget.isVisible():
            return
        ids = [each for each in self._ids if each in self._stale or not self._one_by_one]
        self._stale = set()
        self._began = time.monotonic()
        self._request = self._live.ask(lambda _: _read(load, ids), self._loaded, self._failed)

    def _loaded(self, found: Any) -> None:
        self._request = None
        self._display(found)
        self._rest()

    def _display(self, found: Any) -> None:
        show = self._show()
        if show is not None:
            show(found)
            self.shown.emit()

    def _failed(self, error: Exception) -> None:
        self._request = None
        self._live.failed.emit(error)
        self._rest()

    def _rest(self) -> None:
        self._pause.start(rest(self._began))


async def _read(load: Callable[[Sequence[str]], Awaitable[Any]], ids: Sequence[str]) -> Any:
    try:
        return await load(ids)
    except SessionNotFoundError:  # it was deleted
        return None
