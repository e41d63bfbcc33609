"""Who works on one file at the same time: threads, tasks of two event loops, and processes that are killed.

Whoever works in this process adds fills to sessions that all share, each numbered, and repeats a fill until its save is
acknowledged: in the end there is none missing and none twice.
"""

from __future__ import annotations

import itertools
import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio

from paper_repo import BusyError, ConflictError, Fill, SessionRepository, SQLiteSessionRepository
from tests.builders import START, new_session
from tests.processes.running import killed, started

SHARED = ("s0", "s1", "s2", "s3")
KILL_AFTER = 300
"""After how many acknowledgements a process is killed, at most."""


class Load:
    """Everybody who works until `seconds` are over.

    Args:
        path: the file.
        seed: of everything that is done at random.
    """

    def __init__(self, path: Path, seconds: float, seed: int) -> None:
        self.path = path
        self.seed = seed
        self.acknowledged: dict[str, int] = {}
        """The last number of each worker of this process whose save was acknowledged."""
        self.versions: dict[str, int] = {}
        """The last version of each session of another process that was acknowledged."""
        self.kills = 0
        self._end = time.monotonic() + seconds

    @property
    def over(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() >= self._end

    def summary(self) -> str:
        """What was done, for people."""
        here, elsewhere = sum(self.acknowledged.values()), sum(self.versions.values())
        return f"{here} saves by {len(self.acknowledged)} workers, {elsewhere} by {self.kills} processes"

    def threads(self, core: SessionRepository, facade: SQLiteSessionRepository) -> list[threading.Thread]:
        """The threads that do it all; none is started yet."""
        work: list[Callable[[], object]] = [
            lambda: self._saves(core, "thread 0"),
            lambda: self._saves(core, "thread 1"),
            lambda: self._churns(core),
            lambda: anyio.run(self._tasks, facade, "asyncio", backend="asyncio"),
            lambda: anyio.run(self._tasks, facade, "trio", backend="trio"),
            lambda: self._processes("many_tasks"),
            lambda: self._processes("core_atomic"),
        ]
        return [threading.Thread(target=each) for each in work]

    # In threads

    def _saves(self, core: SessionRepository, name: str) -> None:
        dice = random.Random(f"{self.seed} {name}")
        for number in itertools.count(1):
            while not _once(core, name, number, dice.random() < 0.2):
                pass
            self.acknowledged[name] = number
            if self.over:
                return

    def _churns(self, core: SessionRepository) -> None:
        """Make sessions, and delete them with their history."""
        while not self.over:
            session = new_session(id="short-lived")
            for number in range(20):
                session.record_fill(_fill("churn", number))
                _patiently(core.save, session)
            assert _patiently(core.delete, session.id)
            assert not core.exists(session.id)

    # On event loops

    async def _tasks(self, facade: SQLiteSessionRepository, backend: str) -> None:
        async with anyio.create_task_group() as group:
            for number in range(5):
                group.start_soon(self._task, facade, f"{backend} {number}")

    async def _task(self, facade: SQLiteSessionRepository, name: str) -> None:
        dice = random.Random(f"{self.seed} {name}")
        for number in itertools.count(1):
            while self.acknowledged.get(name) != number:
                with anyio.move_on_after(dice.choice([0, 0.001, 0.01, 60, 60])):
                    if await _once_async(facade, name, number, dice.random() < 0.2):
                        self.acknowledged[name] = number
            if self.over:
                return

    # In processes

    def _processes(self, case: str) -> None:
        dice = random.Random(f"{self.seed} {case}")
        while not self.over:
            with started("trading", case, self.path, dice.random()) as process:
                assert process.stdout is not None
                for _ in range(dice.randint(1, KILL_AFTER)):
                    self._hear(process.stdout.readline())
                    if self.over:
                        break
                rest, errors = killed(process)
                assert (process.returncode, errors) == (-signal.SIGKILL, "") or "BusyError" in errors
                for line in rest.splitlines(keepends=True):
                    self._hear(line)
            self.kills += 1

    def _hear(self, line: str) -> None:
        if line.endswith("\n"):
            names, version = line.rsplit(" ", 1)
            for name in names.split(","):
                self.versions[name] = max(int(version), self.versions.get(name, 0))


def _once(core: SessionRepository, name: str, number: int, in_block: bool) -> bool:
    """Try to store one fill; whether it is."""
    try:
        if not in_block:
            return _add(core, name, number)
        with core.atomic(), core.atomic():
            return _add(core, name, number)
    except (ConflictError, BusyError):
        return False


def _add(core: SessionRepository, name: str, number: int) -> bool:
    session = core.get_by_id(SHARED[number % len(SHARED)])
    assert session is not None
    session.record_fill(_fill(name, number))
    core.save(session)
    return True


async def _once_async(facade: SQLiteSessionRepository, name: str, number: int, in_block: bool) -> bool:
    try:
        if not in_block:
            return await _add_async(facade, name, number)
        async with facade.atomic(), facade.atomic():
            await _add_async(facade, name, number)
        return True
    except (ConflictError, BusyError):
        return False


async def _add_async(facade: SQLiteSessionRepository, name: str, number: int) -> bool:
    session = await facade.get_by_id(SHARED[number % len(SHARED)])
    assert session is not None
    session.record_fill(_fill(name, number))
    await facade.save(session)
    return True


def _fill(name: str, number: int) -> Fill:
    return Fill(f"{name} {number}", "AAPL", "BUY", 1, price="100.25", fee="0.5", executed_at=START)


def _patiently(call: Callable[[Any], object], argument: object) -> object:
    """What `call` returns, when others let it."""
    while True:
        try:
            return call(argument)
        except BusyError:
            pass
