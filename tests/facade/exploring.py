"""Random programs of many tasks that save, read, open blocks, fail, run out of time and cancel each other."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import anyio.lowlevel

from paper_repo import AsyncSessionRepository, BusyError, ConflictError, PaperRepoError, PaperTradingSession
from tests.builders import new_fill, new_session

SESSIONS = ("s0", "s1", "s2", "s3")
"""Sessions of which every step loads an object of its own."""
SHARED = ("t0", "t1")
"""Sessions of which all tasks of a loop have the same object."""
TASKS = 6
STEPS = 12

Step = Callable[[], Coroutine[Any, Any, None]]


class PlannedError(Exception):
    """What a step fails with on purpose."""


@dataclass
class Write:
    """A mark that was added to a session, or was to be."""

    session: PaperTradingSession
    mark: str

    @property
    def is_stored(self) -> bool:
        """Whether it is stored, as far as the session object knows."""
        return all(fill.id != self.mark for fill in self.session.new_fills)


class Explorer:
    """Runs random steps in many tasks of one event loop.

    Args:
        repository: what the tasks share.
        name: "asyncio" or "trio", whichever the loop is.
        seed: of everything that is done at random.
        refusals: what a block may be refused with, because of what others do at the same time.
        alone: whether there is no other loop, whose objects would be in conflict with those that tasks share here.
    """

    def __init__(
        self,
        repository: AsyncSessionRepository,
        name: str,
        seed: int,
        refusals: tuple[type[PaperRepoError], ...] = (BusyError,),
        alone: bool = False,
    ) -> None:
        self._repository = repository
        self._name = name
        self._refusals = refusals
        self._alone = alone
        self._random = random.Random(f"{seed} {name}")
        self._native = name == "asyncio"
        self._running: list[Callable[[], object]] = []  # what cancels each of the steps that run
        self._shared: dict[str, PaperTradingSession] = {}
        self.writes: list[list[Write]] = []  # each list is stored wholly or not at all

    async def run(self) -> None:
        """Run all tasks to their end."""
        async with anyio.create_task_group() as group:
            for _ in range(TASKS):
                group.start_soon(self._task)

    async def _task(self) -> None:
        for _ in range(STEPS):
            writes = [self._save, self._save, self._block, self._block, self._save_shared, self._save_shared]
            step = self._random.choice([*writes, self._read, self._cancel])
            if self._native and self._random.random() < 0.5:
                await self._in_task(step)
            else:
                await self._in_scope(step)

    async def _in_task(self, step: Step) -> None:
        """Run one step so that others can cancel it natively."""
        task = asyncio.ensure_future(step())
        with self._cancellable(task.cancel):
            await asyncio.wait([task])
        if not task.cancelled():
            task.result()

    async def _in_scope(self, step: Step) -> None:
        """Run one step so that others can cancel it by its scope, and perhaps with too little time."""
        with anyio.CancelScope() as scope, self._cancellable(scope.cancel):
            scope.deadline = anyio.current_time() + self._random.choice([0, 0.0005, 0.002, 60, 60, 60])
            await step()

    @contextmanager
    def _cancellable(self, cancel: Callable[[], object]) -> Iterator[None]:
        self._running.append(cancel)
        try:
            yield
        finally:
            self._running.remove(cancel)

    async def _cancel(self) -> None:
        """Cancel somebody, perhaps oneself, perhaps several times."""
        for _ in range(self._random.choice([1, 1, 3])):
            self._random.choice(self._running)()
            await anyio.lowlevel.checkpoint()

    async def _read(self) -> None:
        """Look at one session: what is seen of it fits together."""
        session = await self._load(self._random.choice(SESSIONS))
        fills = await self._repository.get_fills(session.id)
        assert session.version == session.fill_count + 1
        assert len(fills) >= session.fill_count

    async def _save(self) -> None:
        """Add a mark to one session."""
        session = await self._load(self._random.choice(SESSIONS))
        write = self._mark(session)
        self.writes.append([write])
        try:
            await self._repository.save(session)
        except (ConflictError, BusyError):
            assert not write.is_stored
        else:
            assert write.is_stored

    async def _save_shared(self) -> None:
        """Add a mark to an object that others save at the same time, perhaps in a block, which perhaps fails."""
        session_id = self._random.choice(SHARED)
        session = self._shared.get(session_id) or await self._load(session_id)
        session = self._shared.setdefault(session_id, session)
        self.writes.append([self._mark(session)])
        in_block, fails = self._random.random() < 0.5, self._random.random() < 0.3
        try:
            if not in_block:
                await self._repository.save(session)
                return
            async with self._repository.atomic():
                await self._repository.save(session)
                await anyio.lowlevel.checkpoint()
                if fails:
                    raise PlannedError
        except ConflictError:  # with another loop: that object is of no use any more
            assert not self._alone
            if self._shared.get(session_id) is session:
                del self._shared[session_id]
        except (PlannedError, BusyError):
            pass

    async def _block(self) -> None:
        """Add a mark to two sessions, with other things in between, and perhaps fail in the end."""
        first, inside, last = self._random.choices(SESSIONS, k=3)
        writes: list[Write] = []
        self.writes.append(writes)
        fails = self._random.random() < 0.2
        try:
            async with self._repository.atomic():
                writes.append(await self._add(first))
                await self._inner(inside, writes)
                writes.append(await self._add(last))
                if fails:
                    raise PlannedError
        except (PlannedError, *self._refusals):
            assert not any(write.is_stored for write in writes)
        else:
            assert all(write.is_stored for write in writes)

    async def _inner(self, session_id: str, outer: list[Write]) -> None:
        """Add a mark in a block inside, which fails half of the time; if not, it is stored if `outer` is."""
        fails = self._random.random() < 0.5
        writes: list[Write] = [] if fails else outer
        if fails:
            self.writes.append(writes)
        try:
            async with self._repository.atomic():
                writes.append(await self._add(session_id))
                if fails:
                    raise PlannedError
        except PlannedError:
            assert not any(write.is_stored for write in writes)

    async def _add(self, session_id: str) -> Write:
        session = await self._load(session_id)
        write = self._mark(session)
        await self._repository.save(session)
        assert write.mark == (await self._repository.get_fills(session_id))[-1].id
        for _ in range(self._random.randrange(4)):
            await anyio.lowlevel.checkpoint()
        return write

    async def _load(self, session_id: str) -> PaperTradingSession:
        session = await self._repository.get_by_id(session_id)
        assert session is not None
        return session

    def _mark(self, session: PaperTradingSession) -> Write:
        mark = f"{self._name} {self._random.random()}"
        session.record_fill(new_fill(1, id=mark))
        return Write(session, mark)


async def prepare(repository: AsyncSessionRepository) -> None:
    """Store the sessions that the tasks change."""
    await repository.save_many([new_session(id=session_id) for session_id in SESSIONS + SHARED])


def assert_as_told(explorers: list[Explorer], found: dict[str, tuple[int, list[str]]]) -> None:
    """Stored is exactly what the session objects say, blocks wholly or not at all, and no version is left out.

    Args:
        explorers: everybody who has written.
        found: of each session its version and the ids of its fills.
    """
    assert set(found) == {*SESSIONS, *SHARED}
    for session_id, (version, fills) in found.items():
        assert version == len(fills) + 1 or session_id in SHARED
        assert len(set(fills)) == len(fills)
    writes = [together for explorer in explorers for together in explorer.writes]
    for together in writes:
        assert len({write.is_stored for write in together}) <= 1
    stored = {(session_id, mark) for session_id, (_, fills) in found.items() for mark in fills}
    known = {(write.session.id, write.mark) for together in writes for write in together if write.is_stored}
    assert stored == known
