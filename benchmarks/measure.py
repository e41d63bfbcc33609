"""Timing: one driver for plain and awaited stores, contenders taking turns, medians with their spread."""

from __future__ import annotations

import asyncio
import gc
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, cast

from benchmarks.contenders.interface import Contender, Durability, Store
from benchmarks.workload import Workload

Turn = Callable[[], float]
"""One round of one contender: seconds an operation."""


@dataclass(frozen=True)
class Sample:
    """What the rounds of one contender gave, in the order they were run."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle value."""
        return statistics.median(self.values)

    @property
    def quartiles(self) -> tuple[float, float]:
        """The spread: a quarter of the values lies below the first, a quarter above the second."""
        if len(self.values) < 2:
            return self.median, self.median
        first, _, third = statistics.quantiles(self.values, method="inclusive")
        return first, third

    def over(self, reference: Sample) -> Sample:
        """Round by round, in multiples of `reference`, so that what slows a whole round down cancels out."""
        return Sample(tuple(mine / its for mine, its in zip(self.values, reference.values, strict=True)))


_SETTLING = 20
"""Saves between two looks at how long the log is."""


class Driver:
    """One contender's open file with its sessions; only its own calls are inside of the timed region."""

    def __init__(self, contender: Contender, path: str, durability: Durability, workload: Workload) -> None:
        self.contender = contender
        self.path = path
        self.workload = workload
        self.sessions: list[Any] = []
        self._steps = 0
        self._runner = asyncio.Runner() if contender.is_async else None
        opened = contender.open(path, durability)
        self._store = cast("Store", self._runner.run(opened) if self._runner else opened)  # type: ignore[arg-type]

    def add(self, count: int = 1) -> None:
        """Save `count` new sessions."""
        for number in range(len(self.sessions), len(self.sessions) + count):
            self.sessions.append(self.workload.session(self.contender.types, f"session-{number}"))
            self._one_by_one(self._store.save, self.sessions[-1:])

    def adopt(self, session_id: str) -> None:
        """Go on with a stored session."""
        self.sessions = [self.load(session_id)]

    def load(self, session_id: str) -> Any:
        """The stored session."""
        loaded = self._store.load(session_id)
        return self._runner.run(loaded) if self._runner else loaded

    def settle(self) -> None:
        """Save until SQLite begins its log anew, which keeps its length from then on.

        While the log grows, the disk has its new length to write at every commit, too; and who writes fewer pages a
        save would be in that state for longer.
        """
        log, before = Path(f"{self.path}-wal"), -1
        while (now := log.stat().st_size) > before:
            before = now
            self.time_save(_SETTLING)

    def check(self) -> None:
        """Refuse a contender that does not give back what it was given."""
        for session in self.sessions[:3]:
            self._one_by_one(self._store.save, [session], self._move)
            if self.load(session.id) != session:
                raise RuntimeError(f"{self.contender.name} gave back another session than it was given")

    def time_save(self, times: int) -> float:
        """Seconds a save, of one session after another."""
        sessions = [self.sessions[number % len(self.sessions)] for number in range(times)]
        return self._one_by_one(self._store.save, sessions, self._move)

    def time_load(self, times: int) -> float:
        """Seconds a load; what happens between two loads is the same as between two saves."""
        elsewhere = self.workload.session(self.contender.types, "elsewhere")
        return self._one_by_one(self._store.load, [self.sessions[0].id] * times, lambda _: self._move(elsewhere))

    def time_saving_at_once(self, tasks: int) -> float:
        """Seconds a save, `tasks` at once, each of a session of its own; one after another where nothing awaits."""
        sessions = self.sessions[:tasks]
        for session in sessions:
            self._move(session)
        if self._runner:
            return self._runner.run(_at_once(self._store.save, sessions))
        return self._one_by_one(self._store.save, sessions)

    def close(self) -> None:
        """Close the store, and its event loop."""
        closed = self._store.close()
        if self._runner:
            self._runner.run(cast("Any", closed))
            self._runner.close()

    def _move(self, session: Any) -> None:
        self._steps += 1
        self.workload.step(self.contender.types, session, self._steps)

    def _one_by_one(
        self, call: Callable[[Any], Any], arguments: Sequence[Any], before: Callable[[Any], object] = id
    ) -> float:
        if self._runner:
            return self._runner.run(_await_one_by_one(call, arguments, before))
        elapsed = 0.0
        for argument in arguments:
            before(argument)
            started = perf_counter()
            call(argument)
            elapsed += perf_counter() - started
        return elapsed / len(arguments)


async def _await_one_by_one(
    call: Callable[[Any], Any], arguments: Sequence[Any], before: Callable[[Any], object]
) -> float:
    elapsed = 0.0
    for argument in arguments:
        before(argument)
        started = perf_counter()
        await call(argument)
        elapsed += perf_counter() - started
    return elapsed / len(arguments)


async def _at_once(call: Callable[[Any], Any], arguments: Sequence[Any]) -> float:
    started = perf_counter()
    await asyncio.gather(*map(call, arguments))
    return (perf_counter() - started) / len(arguments)


def take_turns(turns: dict[str, Turn], rounds: int, label: str) -> dict[str, Sample]:
    """Let all run once in each of `rounds`, another one first each time; a first round warms up and is not counted."""
    values: dict[str, list[float]] = {name: [] for name in turns}
    order = list(turns)
    gc.collect()
    gc.freeze()
    try:
        for number in range(rounds + 1):
            progress(f"{label}: round {number} of {rounds}")
            for name in order:
                gc.collect()
                value = turns[name]()
                if number:
                    values[name].append(value)
            order.append(order.pop(0))
    finally:
        gc.unfreeze()
    return {name: Sample(tuple(each)) for name, each in values.items()}


def progress(text: str) -> None:
    """Say on stderr what is going on; on a terminal, in place."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
    elif "round" not in text or "round 0" in text:
        print(text.split(": round")[0].rstrip("\n"), file=sys.stderr, flush=True)
