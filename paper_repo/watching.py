"""Watching for changes: what `watch` returns, for plain and for async callers.

A `Feed` looks for changes behind a position; what it has found waits in the iterator, so that nothing is lost when the
one who waits is cancelled while a thread looks.
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
"""How many changes are taken at one look."""

FoundRow = Sequence[object]
"""One change as it is stored: session id, version, whether it was deleted, position."""


class Feed(Protocol):
    """What looks for changes, at one place where sessions are kept."""

    def newest(self) -> int:
        """The position of the newest change; 0 when there was none."""

    def look(self, after: int, limit: int) -> Sequence[FoundRow]:
        """The changes behind `after`, in their order, at most `limit`.

        Raises:
            RepositoryClosedError: the repository, or this feed, was closed.
        """

    def wait(self, seconds: float) -> None:
        """Wait so long, or until it is closed."""

    def close(self) -> None:
        """Let go of the connection."""


class SessionChanges(Iterator[SessionChange]):
    """The changes of a repository as they happen; for one thread at a time. Also a context manager, which closes it."""

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
        """The position of the last change handed out, or where the watch began; None before it has begun."""
        return self._after

    @property
    def poll_interval(self) -> float:
        """How long it waits between two looks, in seconds."""
        return self._poll_interval

    def close(self) -> None:
        """End the watch, and let go of its connection. Calling it again does nothing.

        A look that is under way in another thread is not waited for: that thread lets go of the connection then.
        """
        self._ended = True
        if self._looking.acquire(blocking=False):
            try:
                if self._feed is not None:
                    self._feed.close()
            finally:
                self._looking.release()

    # Step by step, for whoever waits in another way

    def begin(self) -> None:
        """Take the point from which changes are reported, unless that has been done."""
        with self._looking:
            self._begin()
        self._close_if_ended()

    def look(self) -> bool:
        """Look once; whether there is something to take."""
        with self._looking:
            changes = [] if self._ended else [_change(*row) for row in self._look()]
            if changes:
                self._looked_up_to = changes[-1].position
            self._found.extend(changes)
        self._close_if_ended()
        return bool(self._found)

    def take(self) -> SessionChange | None:
        """The next change that was found; None when another look is needed."""
        try:
            change = self._found.popleft()
        except IndexError:
            return None
        self._after = change.position
        return change

    @property
    def ended(self) -> bool:
        """Whether it was closed, by itself or with its repository."""
        return self._ended

    def has_waited_since(self, moment: float) -> bool:
        """Whether nothing came for the timeout, counted from this moment of the monotonic clock."""
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
                        f"after={self._after} is behind the newest change of this database ({newest}): the position "
                        "comes from another one, or an older copy was restored; begin with after=0, or from now"
                    )
            except BaseException:
                feed.close()
                raise
            self._feed = feed
            self._after = self._looked_up_to = newest if self._after is None else self._after
        return self._feed


class AsyncSessionChanges(AsyncIterator[SessionChange]):
    """The changes of a repository as they happen, to await; for one task at a time.

    Also an async context manager: `async with repository.watch() as changes` has taken its point when the block begins,
    and lets go of its connection when the block ends. Without it both happen by themselves: at the first change that is
    asked for, and when nobody has the iterator any more. A cancelled wait loses nothing: the next one goes on.
    """

    def __init__(self, changes: SessionChanges, run: Callable[[Callable[[], object]], Awaitable[object]]) -> None:
        self._changes = changes
        self._run = run

    def __repr__(self) -> str:
        return f"<{type(self).__name__} after {self._changes.position}>"

    async def __aenter__(self) -> Self:
        await self._run(self._changes.begin)
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
        """The position of the last change handed out, or where the watch began; None before it has begun."""
        return self._changes.position

    async def aclose(self) -> None:
        """End the watch, and let go of its connection. Calling it again does nothing."""
        self._changes.close()


def _change(session_id: object, version: object, deleted: object, position: object) -> SessionChange:
    return SessionChange(str(session_id), int(version), bool(deleted), int(position))  # type: ignore[call-overload]


def _checked_position(after: int | None) -> int | None:
    if after is not None and (isinstance(after, bool) or not isinstance(after, int) or after < 0):
        raise ValueError(f"after is the position of a change, 0 for all there were, or None for now, not {after!r}")
    return after


def _checked_seconds(seconds: float, name: str, least: float) -> float:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not least <= seconds < 1e6:
        raise ValueError(f"{name} is a number of seconds from {least:g}, not {seconds!r}")
    return float(seconds)
