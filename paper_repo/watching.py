"""What `watch` returns: an iterator over changes, for blocking and for async callers.

A `Feed` polls for changes after a position. What it finds is kept in the iterator, so that nothing is lost if the
caller is cancelled while a thread polls.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from types import TracebackType
from typing import Protocol, Self

import anyio

from paper_repo.domain.changes import SessionChange
from paper_repo.errors import RepositoryClosedError

BATCH = 500
"""How many changes one poll takes at most."""

FoundRow = Sequence[object]
"""One change as it is stored: session id, version, whether it was deleted, position."""


class Feed(Protocol):
    """Polls one database, or one in-memory repository, for changes."""

    def newest(self) -> int:
        """The position of the newest change; 0 if there was none."""

    def look(self, after: int, limit: int) -> Sequence[FoundRow]:
        """The changes after the position `after`, in order, at most `limit`.

        Raises:
            RepositoryClosedError: the repository, or this feed, was closed.
        """

    def wait(self, seconds: float) -> None:
        """Wait for this time, or until the feed is closed."""

    def close(self) -> None:
        """Close the connection."""


class SessionChanges(Iterator[SessionChange]):
    """An iterator over the changes of a repository as they happen, and a context manager. For one thread at a time."""

    def __init__(
        self, open_feed: Callable[[], Feed], after: int | None, timeout: float | None, poll_interval: float
    ) -> None:
        self._open_feed = open_feed
        self._after = _checked_position(after)
        self._timeout = None if timeout is None else _checked_seconds(timeout, "timeout", 0)
        self._poll_interval = _checked_seconds(poll_interval, "poll_interval", 0.001)
        self._looking = threading.Lock()
        self._feed: Feed | None = None
        self._looked_up_to = 0
        self._found: deque[SessionChange] = deque()
        self._ended = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} after {self._after}>"

    def __enter__(self) -> Self:
        self.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __next__(self) -> SessionChange:
        quiet_since = time.monotonic()
        while (change := self.take()) is None:
            if self._ended or (not self.look() and self.has_waited_since(quiet_since)):
                self.close()
                raise StopIteration
            if not self._found and self._feed is not None:
                self._feed.wait(self._poll_interval)
        return change

    @property
    def position(self) -> int | None:
        """The position of the last change returned, or the one where the watch began; None before that."""
        return self._after

    @property
    def poll_interval(self) -> float:
        """The time between two polls, in seconds."""
        return self._poll_interval

    def close(self) -> None:
        """End the watch and close its connection. Calling it again does nothing.

        A poll that is under way in another thread is not waited for; that thread closes the connection afterwards.
        """
        self._ended = True
        if self._looking.acquire(blocking=False):
            try:
                if self._feed is not None:
                    self._feed.close()
            finally:
                self._looking.release()

    # Step by step, for a caller that waits in its own way

    def begin(self) -> None:
        """Note the position from which changes are reported, unless that was done before."""
        with self._looking:
            self._begin()
        self._close_if_ended()

    def look(self) -> bool:
        """Poll once. True if there is a change to take."""
        with self._looking:
            changes = [] if self._ended else [_change(*row) for row in self._look()]
            if changes:
                self._looked_up_to = changes[-1].position
            self._found.extend(changes)
        self._close_if_ended()
        return bool(self._found)

    def take(self) -> SessionChange | None:
        """The next change that a poll has found; None if another poll is needed."""
        try:
            change = self._found.popleft()
        except IndexError:
            return None
        self._after = change.position
        return change

    @property
    def ended(self) -> bool:
        """Whether the watch was closed, by itself or with its repository."""
        return self._ended

    def has_waited_since(self, moment: float) -> bool:
        """Whether the timeout has passed since this moment of the monotonic clock."""
        return self._timeout is not None and time.monotonic() - moment >= self._timeout

    def _close_if_ended(self) -> None:
        if self._ended:  # somebody has closed it meanwhile, and did not wait
            self.close()

    def _look(self) -> Sequence[FoundRow]:
        try:
            return self._begin().look(self._looked_up_to, BATCH)
        except RepositoryClosedError:
            if self._feed is None:
                raise
            self._ended = True
            return ()

    def _begin(self) -> Feed:
        if self._feed is None:
            feed = self._open_feed()
            try:
                newest = feed.newest()
                if self._after is not None and self._after > newest:
                    raise ValueError(
                        f"after={self._after} is beyond the newest change of this database ({newest}): the position "
                        "comes from another database, or an older copy was restored; use after=0 or after=None"
                    )
            except BaseException:
                feed.close()
                raise
            self._feed = feed
            self._after = self._looked_up_to = newest if self._after is None else self._after
        return self._feed


class AsyncSessionChanges(AsyncIterator[SessionChange]):
    """An async iterator over the changes of a repository as they happen. For one task at a time.

    It is also an async context manager: `async with repository.watch() as changes` notes its position when the block
    begins, and closes its connection when the block ends. Without the block, the watch begins with `begin()`, or when
    the first change is asked for, and its connection is closed when the iterator is no longer referenced. A cancelled
    wait loses nothing: the next one continues.
    """

    def __init__(self, changes: SessionChanges, run: Callable[[Callable[[], object]], Awaitable[object]]) -> None:
        self._changes = changes
        self._run = run

    def __repr__(self) -> str:
        return f"<{type(self).__name__} after {self._changes.position}>"

    async def begin(self) -> None:
        """Note the position from which changes are reported, unless that was done before.

        Raises:
            ValueError: the position that `after` names is not one of this database.
        """
        await self._run(self._changes.begin)

    async def __aenter__(self) -> Self:
        await self.begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def __anext__(self) -> SessionChange:
        from anyio.lowlevel import checkpoint_if_cancelled  # which is there where an event loop runs

        await checkpoint_if_cancelled()
        quiet_since = time.monotonic()
        while (change := self._changes.take()) is None:
            if self._changes.ended:
                raise StopAsyncIteration
            if await self._run(self._changes.look):
                continue
            if self._changes.has_waited_since(quiet_since):
                self._changes.close()
            elif not self._changes.ended:
                await anyio.sleep(self._changes.poll_interval)
        return change

    @property
    def position(self) -> int | None:
        """The position of the last change returned, or the one where the watch began; None before that."""
        return self._changes.position

    async def aclose(self) -> None:
        """End the watch and close its connection. Calling it again does nothing."""
        self._changes.close()


def _change(session_id: object, version: object, deleted: object, position: object) -> SessionChange:
    return SessionChange(str(session_id), int(version), bool(deleted), int(position))  # type: ignore[call-overload]


def _checked_position(after: int | None) -> int | None:
    if after is not None and (isinstance(after, bool) or not isinstance(after, int) or after < 0):
        raise ValueError(f"after must be the position of a change, 0 for all, or None for new ones, not {after!r}")
    return after


def _checked_seconds(seconds: float, name: str, least: float) -> float:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not least <= seconds < 1e6:
        raise ValueError(f"{name} must be at least {least:g} seconds, not {seconds!r}")
    return float(seconds)
