"""`LiveRepository`: an async repository for widgets, with calls beside Qt's event loop and changes as a signal.

The calls run in an event loop of their own, in a thread; what comes of them is handed over to the thread of the
`LiveRepository`, so that no widget ever waits for the disk, or is touched by another thread.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeAlias

import shiboken6
from PySide6.QtCore import QObject, Qt, Signal

from paper_repo.core.repository import SessionRepository
from paper_repo.domain import PaperTradingSession
from paper_repo.errors import CorruptDatabaseError, RepositoryClosedError, StorageError
from paper_repo.facade.repository import AsyncSessionRepository
from paper_repo.interface import IPaperTradingSessionRepository

Work: TypeAlias = Callable[[IPaperTradingSessionRepository], Awaitable[Any]]
Receiver: TypeAlias = Callable[[Any], object]

GATHER_SECONDS = 0.1
"""Changes that come this soon after each other are told together."""

RETRY_SECONDS = 0.5
"""How long to wait before a database that cannot be watched is tried again."""

CLOSING_SECONDS = 10.0
"""How long closing waits for saves that are under way, on a slow disk or a server that does not answer."""


class Request:
    """A call that is under way; `cancel` says that nobody waits for it any more.

    Its functions are let go of in Qt's thread: they may be the last to hold a widget, which must end there.
    """

    def __init__(self, work: Work, then: Receiver | None, failed: Receiver | None) -> None:
        self.cancelled: bool = False
        self.done: bool = False
        self.work: Work = work
        self._receivers: tuple[Receiver | None, Receiver | None] = then, failed

    def cancel(self) -> None:
        """Forget what comes of it. A save that has begun is completed all the same."""
        self.cancelled = True

    def end(self, has_failed: bool) -> Receiver | None:
        """Let go of its functions; the one that is to get what has come of it."""
        receiver = self._receivers[has_failed]
        self.done = True
        self.work, self._receivers = _nothing, (None, None)
        return receiver


async def _nothing(repository: IPaperTradingSessionRepository) -> None:
    pass


class LiveRepository(QObject):
    """An async repository as widgets use it: calls whose results come back to Qt's thread, and changes as a signal.

    Create it in Qt's thread, after the `QApplication`. It is a context manager that closes the repository at the end;
    `close` does the same.

    - `changed(ids)`: sessions have been saved or deleted since, by whatever program: a frozenset of their ids. Emitted
      at most ten times a second, whatever happens.
    - `failed(error)`: the database cannot be read or watched at the moment; it is tried again twice a second.
    - `recovered()`: it can be read again.

    Args:
        repository: any repository with the async interface.
        parent: the Qt object that this one belongs to.
    """

    changed: Signal = Signal(object)
    failed: Signal = Signal(object)
    recovered: Signal = Signal()
    _arrived = Signal(object)

    def __init__(self, repository: IPaperTradingSessionRepository, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._repository = repository
        self._tasks: set[asyncio.Task[Any]] = set()
        self._sessions: dict[str, tuple[int, asyncio.Task[PaperTradingSession | None]]] = {}
        self._generation = 0
        self._is_probing = False
        self._is_closed = False
        self._loop = asyncio.new_event_loop()
        self._end = asyncio.Event()
        self._arrived.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        self._thread = threading.Thread(target=self._run, name="paper_repo window", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def repository(self) -> IPaperTradingSessionRepository:
        """The repository itself, which other threads and event loops can use at the same time."""
        return self._repository

    @property
    def core(self) -> SessionRepository | None:
        """The synchronous repository beneath it, for blocking work in a thread; None where there is none."""
        return self._repository.core if isinstance(self._repository, AsyncSessionRepository) else None

    @property
    def is_closed(self) -> bool:
        """Whether it was closed; nothing is asked or told any more."""
        return self._is_closed

    def ask(
        self,
        work: Work,
        then: Callable[[Any], object] | None = None,
        failed: Callable[[Exception], object] | None = None,
    ) -> Request:
        """Call `work` with the repository beside Qt's event loop; what comes of it is handed back to Qt's thread.

        Args:
            work: an async function that gets the repository; it must not touch a widget.
            then: is called with the result in Qt's thread, unless it belongs to a widget that is gone by then.
            failed: is called with the error instead, in Qt's thread; by default an error is told by `failed`.
        """
        request = Request(work, then, failed or self.failed.emit)
        if not self._is_closed:
            self._loop.call_soon_threadsafe(self._start, request)
        return request

    async def session(self, session_id: str) -> PaperTradingSession | None:
        """The stored session, for `work` to await: several widgets that ask for it after one change share one read.

        The object is shared: it must not be changed.
        """
        generation, task = self._sessions.get(session_id, (-1, None))
        if task is None or generation != self._generation:
            task = asyncio.get_running_loop().create_task(self._repository.get_by_id(session_id))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())  # who asked may be gone by then
            self._keep(task)
            if len(self._sessions) > 100:
                self._sessions.clear()
            self._sessions[session_id] = self._generation, task
        return await asyncio.shield(task)

    def close(self, before: Callable[[], Awaitable[object]] | None = None) -> None:
        """Finish what is being saved, and close the repository. Calling it again does nothing.

        Args:
            before: an async function to be awaited first, such as one that ends what is traded.
        """
        if self._is_closed:
            return
        self._is_closed = True
        self._loop.call_soon_threadsafe(self._begin_end, before)
        self._thread.join(CLOSING_SECONDS)

    # In the thread with the event loop

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._live())
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    async def _live(self) -> None:
        self._keep(self._loop.create_task(self._follow()))
        await self._end.wait()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._repository.close()

    def _begin_end(self, before: Callable[[], Awaitable[object]] | None) -> None:
        async def end() -> None:
            try:
                if before is not None:
                    await before()
            finally:
                self._end.set()

        self._closing = self._loop.create_task(end())

    def _start(self, request: Request) -> None:
        self._keep(self._loop.create_task(self._told(request)))

    def _keep(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _told(self, request: Request) -> None:
        if request.cancelled:
            self._hand_over(request, None)
            return
        try:
            result = await request.work(self._repository)
        except RepositoryClosedError:
            request.cancel()
            self._hand_over(request, None)
        except Exception as error:
            self._hand_over(request, error, has_failed=True)
            if isinstance(error, StorageError) and not isinstance(error, CorruptDatabaseError):
                self._look_whether_it_is_there()
        else:
            self._hand_over(request, result)

    async def _follow(self) -> None:
        """Tell every change, until the repository is closed."""
        is_failing = False
        while True:
            try:
                async with self._repository.watch() as changes:
                    if is_failing:
                        is_failing = False
                        self._tell_changed(frozenset())  # whatever has happened meanwhile
                    await self._gather(changes)
                return
            except RepositoryClosedError:
                return
            except Exception as error:
                if not is_failing:
                    self._tell(partial(self.failed.emit, error))
                    self._look_whether_it_is_there()
                is_failing = True
                await asyncio.sleep(RETRY_SECONDS)

    def _look_whether_it_is_there(self) -> None:
        if not self._is_probing:
            self._is_probing = True
            self._keep(self._loop.create_task(self._probe()))

    async def _probe(self) -> None:
        """Tell when a database that cannot be read can be read again; nothing where it can, as when it is locked."""
        was_away = False
        while not await self._can_read():
            was_away = True
            await asyncio.sleep(RETRY_SECONDS)
        self._is_probing = False
        if was_away:
            self._tell(self.recovered.emit)
            self._tell_changed(frozenset())  # whatever has happened meanwhile

    async def _can_read(self) -> bool:
        try:
            await self._repository.count()
        except (RepositoryClosedError, CorruptDatabaseError):
            return True  # it is not going to be better
        except Exception:
            return False
        return True

    async def _gather(self, changes: Any) -> None:
        found: set[str] = set()

        async def tell_later() -> None:
            await asyncio.sleep(GATHER_SECONDS)
            told = frozenset(found)
            found.clear()
            self._tell_changed(told)

        async for change in changes:
            if not found:
                self._keep(asyncio.get_running_loop().create_task(tell_later()))
            found.add(change.session_id)

    def _tell_changed(self, ids: frozenset[str]) -> None:
        self._generation += 1
        self._tell(partial(self.changed.emit, ids))

    def _tell(self, call: Callable[[], object]) -> None:
        self._hand_over(Request(_nothing, lambda _: call(), None), None)

    def _hand_over(self, request: Request, result: object, *, has_failed: bool = False) -> None:
        try:
            self._arrived.emit((request, has_failed, result))
        except RuntimeError:  # Qt has gone before this thread
            pass

    # In Qt's thread

    def _deliver(self, arrived: tuple[Request, bool, object]) -> None:
        request, has_failed, result = arrived
        receiver = request.end(has_failed)
        if receiver is not None and not request.cancelled and not self._is_closed and _is_there(receiver):
            receiver(result)


def _is_there(receiver: Receiver) -> bool:
    """Whether the Qt object that is to be called, if it is one, still exists."""
    while isinstance(receiver, partial):
        receiver = receiver.func
    owner = getattr(receiver, "__self__", None)
    return not isinstance(owner, QObject) or shiboken6.isValid(owner)
