"""`JsonView`: one session as the JSON document that is stored of it."""

from __future__ import annotations

import json
from collections.abc import Sequence

import anyio.to_thread
from PySide6.QtCore import Signal
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import QPlainTextEdit, QVBoxLayout, QWidget

from paper_repo.desktop.following import SessionFollower
from paper_repo.desktop.language import tr
from paper_repo.desktop.live import LiveRepository
from paper_repo.domain import PaperTradingSession
from paper_repo.serialization import schemas

LONGEST = 1_000_000
"""How many characters are shown; a strategy's state can be of any size."""


class JsonView(QWidget):
    """One session with all its fields as JSON, amounts as exact text; what it holds can be selected and copied.

    - `shown()`: the view shows what is stored.

    Args:
        live: where the sessions are.
        parent: the widget that this one belongs to.
    """

    shown: Signal = Signal()

    def __init__(self, live: LiveRepository, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._live = live
        self.text: QPlainTextEdit = QPlainTextEdit(self, readOnly=True, lineWrapMode=QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setAccessibleName(tr("The session as JSON"))
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.setFocusProxy(self.text)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.text)
        self.follower: SessionFollower = SessionFollower(self, live, self._load, self._show)
        self.follower.shown.connect(self.shown)

    def show_session(self, session_id: str | None) -> None:
        """Show this session, and follow its changes; None to show nothing."""
        self.follower.follow(session_id)

    async def _load(self, session_ids: Sequence[str]) -> str:
        (session_id,) = session_ids
        session = await self._live.session(session_id)
        return "" if session is None else await anyio.to_thread.run_sync(_document, session)

    def _show(self, text: str | None) -> None:
        if (text or "") == self.text.toPlainText():
            return
        bar = self.text.verticalScrollBar()
        place = bar.value()
        self.text.setPlainText(text or "")
        bar.setValue(place)


def _document(session: PaperTradingSession) -> str:
    text = json.dumps(schemas.dump(session), indent=2, ensure_ascii=False)
    return text if len(text) <= LONGEST else text[:LONGEST] + "\n…"
