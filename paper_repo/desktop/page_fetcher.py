"""`PageFetcher`: reads the pages of a long table that are seen, one at a time, however fast a user scrolls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from PySide6.QtCore import QObject

from paper_repo.desktop.lazy_rows import LazyRows
from paper_repo.desktop.live import LiveRepository, Request


class PageFetcher(QObject):
    """Fills `rows` with the pages that it wants.

    While one page is read, only the latest wishes are kept: a scrollbar that is dragged passes hundreds of pages, and
    those that nobody looks at any more are not worth a query.

    Args:
        rows: the table's rows.
        live: where they are read.
        read: an async function that reads the rows of the page with this number.
        seen: the numbers of the pages that are seen now.
        parent: the table.
    """

    def __init__(
        self,
        rows: LazyRows,
        live: LiveRepository,
        read: Callable[[int], Awaitable[Sequence[Any]]],
        seen: Callable[[], Sequence[int]],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._rows = rows
        self._live = live
        self._read = read
        self._seen = seen
        self._wanted: list[int] = []
        self._page = 0
        self._request: Request | None = None
        rows.wanted.connect(self._want)

    def forget(self) -> None:
        """Fetch nothing of what was wanted so far: the rows are other ones now."""
        if self._request is not None:
            self._request.cancel()
            self._request = None
        self._wanted = []

    def _want(self, pages: Sequence[int]) -> None:
        self._wanted = list(pages)
        if self._request is None:
            self._fetch_next()

    def _fetch_next(self) -> None:
        missing = [page for page in self._wanted if not self._rows.has_page(page)]
        seen = self._seen()
        self._wanted = [page for page in missing if page in seen] or missing[-1:]
        if self._wanted:
            page = self._page = self._wanted.pop(0)
            self._request = self._live.ask(lambda _: self._read(page), self._fetched, self._failed)

    def _fetched(self, rows: Sequence[Any]) -> None:
        self._request = None
        self._rows.fill(self._page, rows)
        self._fetch_next()

    def _failed(self, error: Exception) -> None:
        self._request = None
        self._wanted = []
        self._live.failed.emit(error)
