"""`SessionList`: the sessions that pass the filters, in the order asked for, fetched as they are seen.

Filters and order are the repository's own. A text is searched for in names, strategies, symbols and ids; no database
has an index for that, so the sessions are looked through a part at a time, and what is found is shown meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from paper_repo.desktop.following import rest
from paper_repo.desktop.language import tr
from paper_repo.desktop.lazy_rows import PAGE, LazyRows, Unreadable
from paper_repo.desktop.live import LiveRepository, Request
from paper_repo.desktop.page_fetcher import PageFetcher
from paper_repo.domain.selection import Loaded, OrderBy, Selection, SessionFilters, SessionSummary
from paper_repo.errors import CorruptDatabaseError, CorruptRecordError

LOOKED_THROUGH = 2_000
"""How many sessions are looked through for a text at first, so that something is shown soon."""

MOST_LOOKED_THROUGH = 16_000
"""Each part is twice as long as the one before, up to this: every part costs a query over all sessions."""


@dataclass
class SessionQuestion:
    """Which sessions are shown, and in which order."""

    filters: SessionFilters = field(default_factory=SessionFilters)
    text: str = ""
    order_by: OrderBy = "created_at"
    descending: bool = True

    def has_text(self, session: SessionSummary) -> bool:
        """Whether the session has every word of the text somewhere in what it is called."""
        called = " ".join((session.name, session.strategy_name, session.id, *session.symbols)).lower()
        return all(word in called for word in self.text.lower().split())


class SessionList(QObject):
    """Fetches for `rows` what is seen of the sessions asked for, and again what has changed.

    - `refreshed()`: what is seen is what is stored.
    - `damaged(errors)`: some of what is stored cannot be read: a list of `CorruptDatabaseError`.
    - `gone(ids)`: of the sessions in `watched`, these are deleted.
    """

    refreshed: Signal = Signal()
    damaged: Signal = Signal(object)
    gone: Signal = Signal(object)

    def __init__(self, live: LiveRepository, rows: LazyRows, parent: QObject) -> None:
        super().__init__(parent)
        self._live = live
        self._rows = rows
        self.question: SessionQuestion = SessionQuestion()
        self.watched: set[str] = set()
        self.seen_pages: list[int] = [0]
        self.total: int | None = None
        self._is_damaged = False
        self._request: Request | None = None
        self._search: Request | None = None
        self._found: dict[str, SessionSummary] = {}
        self._changed: set[str] = set()
        self._is_stale = False
        self._began = 0.0
        self._pause = QTimer(self, singleShot=True)
        self._pause.timeout.connect(self._refresh)
        self._fetcher = PageFetcher(rows, live, self._read_rows, lambda: self.seen_pages, self)
        live.changed.connect(self._on_change)

    @property
    def is_whole(self) -> bool:
        """Whether all the rows are held here, as the results of a search are."""
        return bool(self.question.text) or self._is_damaged

    def ask(self, question: SessionQuestion) -> None:
        """Show these sessions from now on."""
        self.question = question
        for request in (self._request, self._search):
            if request is not None:
                request.cancel()
        self._request = self._search = None
        self._fetcher.forget()
        self._pause.stop()
        self._found.clear()
        self._changed.clear()
        self._rows.forget()
        if self.is_whole:
            self._rows.set_count(0)
            self._look_through(0)
        else:
            self._is_stale = True
            self._refresh()

    def refresh(self) -> None:
        """Fetch again what is seen."""
        self._is_stale = True
        self._refresh()

    def _on_change(self, ids: frozenset[str]) -> None:
        self._changed |= ids
        self.refresh()

    def _refresh(self) -> None:
        if not self._is_stale or self._request is not None or self._pause.isActive():
            return
        self._is_stale = False
        self._began = time.monotonic()
        changed, self._changed = self._changed, set()
        if self.is_whole:
            self._request = self._live.ask(lambda _: self._read_changed(changed), self._show_changed, self._failed)
        else:
            pages = self.seen_pages[:5] or [0]
            lost = changed & self.watched
            self._request = self._live.ask(lambda _: self._read(pages, lost), self._show, self._failed)

    # Page by page

    async def _read(self, pages: Sequence[int], watched: set[str]) -> tuple[int, dict[int, list[Any]], list[Any], Any]:
        repository, question = self._live.repository, self.question
        try:
            count = await repository.count(**question.filters)
        except CorruptDatabaseError as error:
            return -1, {}, [error], set()
        found = {page: await self._read_page(page) for page in pages if page == 0 or page * PAGE < count}
        errors = [error for _, told in found.values() for error in told]
        gone = {each for each in watched if not await repository.exists(each)}
        return count, {page: rows for page, (rows, _) in found.items()}, errors, gone

    async def _read_page(self, page: int) -> tuple[list[Any], list[CorruptDatabaseError]]:
        question = self.question
        found = await self._live.repository.get_summaries(
            **question.filters,
            order_by=question.order_by,
            descending=question.descending,
            limit=PAGE,
            offset=page * PAGE,
            errors="report",
        )
        return _with_unreadable(found), found.errors

    def _show(self, found: tuple[int, dict[int, list[Any]], list[Any], set[str]]) -> None:
        self._request = None
        count, pages, errors, gone = found
        if errors:
            self.damaged.emit(errors)
        if count < 0 or any(not isinstance(error, CorruptRecordError) for error in errors):
            self._is_damaged = True  # the file itself: what can be read comes in one piece
            self._look_through(0)
            return
        self.total = count
        self._rows.set_count(count)
        self._rows.forget(keep=list(pages))
        for page, rows in pages.items():
            self._rows.fill(page, rows)
        if gone:
            self.gone.emit(gone)
        self.refreshed.emit()
        self._rest()

    async def _read_rows(self, page: int) -> list[Any]:
        return (await self._read_page(page))[0]

    # All that a search finds

    def _look_through(self, offset: int) -> None:
        question = self.question
        self._search = self._live.ask(
            lambda _: self._read_part(offset), lambda found: self._take_part(question, *found), self._failed
        )

    async def _read_part(self, offset: int) -> tuple[list[SessionSummary], list[CorruptDatabaseError], int | None]:
        length = min(max(offset, LOOKED_THROUGH), MOST_LOOKED_THROUGH)
        question = self.question
        found = await self._live.repository.get_summaries(
            **question.filters,
            order_by=question.order_by,
            descending=question.descending,
            limit=None if self._is_damaged else length,
            offset=offset,
            errors="report",
        )
        more = not self._is_damaged and len(found) + len(found.errors) >= length
        return list(filter(question.has_text, found)), found.errors, offset + length if more else None

    def _take_part(
        self,
        question: SessionQuestion,
        found: list[SessionSummary],
        errors: list[CorruptDatabaseError],
        following: int | None,
    ) -> None:
        if question is not self.question:
            return
        self._found |= {each.id: each for each in found}
        self._rows.show(list(self._found.values()) + _unreadable(errors))
        self.total = len(self._found)
        if following is None:
            self._search = None
            if errors and not self._is_damaged:
                self.damaged.emit(errors)
        else:
            self._look_through(following)
        self.refreshed.emit()

    async def _read_changed(self, changed: set[str]) -> tuple[set[str], list[SessionSummary], set[str]]:
        wanted, matching, gone = Selection.of(**self.question.filters), [], set()
        for session_id in changed:
            session = await self._live.session(session_id)
            if session is None:
                gone.add(session_id)
            elif wanted.matches(session):
                matching.append(SessionSummary.of(session))
        return changed, matching, gone

    def _show_changed(self, found: tuple[set[str], list[SessionSummary], set[str]]) -> None:
        self._request = None
        changed, matching, gone = found
        shown = {each.id: each for each in matching if self.question.has_text(each)}
        for session_id in changed:
            if session_id in shown:
                self._found[session_id] = shown[session_id]  # one that is new stands at the end
            else:
                self._found.pop(session_id, None)
        self._rows.show(list(self._found.values()))
        self.total = len(self._found)
        if gone & self.watched:
            self.gone.emit(gone & self.watched)
        self.refreshed.emit()
        self._rest()

    # Afterwards

    def _failed(self, error: Exception) -> None:
        self._request = None
        self._live.failed.emit(error)
        self._rest()

    def _rest(self) -> None:
        self._pause.start(rest(self._began, most=10))


def _with_unreadable(found: Loaded[SessionSummary]) -> list[Any]:
    return [*found, *_unreadable(found.errors)]


def _unreadable(errors: Sequence[CorruptDatabaseError]) -> list[Unreadable]:
    """The sessions that are stored and cannot be read, each in a row of its own."""
    named = [error.session_id for error in errors if isinstance(error, CorruptRecordError) and error.session_id]
    return [Unreadable(each, tr("damaged:") + f" {each}") for each in named]
