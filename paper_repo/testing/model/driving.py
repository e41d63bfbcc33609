"""How a machine that takes one step after another drives a repository: by plain calls, or in one task of a loop."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, AbstractContextManager, ExitStack
from typing import Any, Protocol

import anyio
from anyio.from_thread import start_blocking_portal

from paper_repo import IPaperTradingSessionRepository, SessionRepository


class PlannedError(Exception):
    """What a block fails with on purpose."""


class Driver(Protocol):
    """A repository and its open blocks."""

    def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """What the method returns, called by whom the blocks belong to."""

    def call_outside(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """What the method returns, called by somebody else."""

    def begin(self) -> None:
        """Enter a block."""

    def end(self, error: Exception | None) -> None:
        """Leave the innermost block, with `error` if there is one."""

    def reopen(self) -> None:
        """Close the repository, and open the database with a new one."""

    def close(self) -> None:
        """Close the repository, and end what runs."""


class PlainCalls:
    """A synchronous repository, used in the machine's own thread.

    Args:
        make: a new repository on the same database.
    """

    def __init__(self, make: Callable[[], SessionRepository]) -> None:
        self._make = make
        self._repository = make()
        self._blocks: list[AbstractContextManager[None]] = []

    def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        found = getattr(self._repository, method)(*args, **kwargs)
        return list(found) if method == "iterate" else found

    def call_outside(self, method: str, *args: Any, **kwargs: Any) -> Any:
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(self.call, method, *args, **kwargs).result()

    def begin(self) -> None:
        block = self._repository.atomic()
        block.__enter__()
        self._blocks.append(block)

    def end(self, error: Exception | None) -> None:
        assert not self._blocks.pop().__exit__(type(error) if error else None, error, None)

    def reopen(self) -> None:
        self._repository.close()
        self._repository = self._make()

    def close(self) -> None:
        self._repository.close()


class InTask:
    """An async repository, used by one task of an event loop of its own.

    Args:
        backend: "asyncio" or "trio".
        make: a new repository on the same database.
    """

    def __init__(self, backend: str, make: Callable[[], IPaperTradingSessionRepository]) -> None:
        self._make = make
        self._repository = make()
        self._blocks: list[AbstractAsyncContextManager[None]] = []
        self._wishes, given = anyio.create_memory_object_stream[Any](1)
        self._exit = ExitStack()
        self._portal = self._exit.enter_context(start_blocking_portal(backend))
        self._task = self._portal.start_task_soon(self._fulfil, given)

    async def _fulfil(self, wishes: Any) -> None:
        """Do what is asked for, all in this task, for blocks belong to the task that enters them."""
        async with wishes:
            async for work, answer in wishes:
                try:
                    answer.set_result(await work())
                except Exception as error:  # noqa: BLE001, RUF100  # which is what the machine looks at
                    answer.set_exception(error)

    def _ask(self, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        answer: Future[Any] = Future()
        self._portal.call(self._wishes.send, (work, answer))
        return answer.result()

    async def _call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        if method == "iterate":
            return [session async for session in self._repository.iterate(*args, **kwargs)]
        return await getattr(self._repository, method)(*args, **kwargs)

    def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return self._ask(lambda: self._call(method, *args, **kwargs))

    def call_outside(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return self._portal.call(lambda: self._call(method, *args, **kwargs))

    def begin(self) -> None:
        block = self._repository.atomic()
        self._ask(block.__aenter__)
        self._blocks.append(block)

    def end(self, error: Exception | None) -> None:
        block = self._blocks.pop()
        assert not self._ask(lambda: block.__aexit__(type(error) if error else None, error, None))

    def reopen(self) -> None:
        self._ask(self._repository.close)
        self._repository = self._make()

    def close(self) -> None:
        try:
            self._ask(self._repository.close)
        finally:
            self._portal.call(self._wishes.aclose)
            self._task.result()
            self._exit.close()
