"""The demo itself: a process that trades is killed half-way, a new one goes on, and nothing is lost or changed.

It is told as a stream of events, so that a terminal, a test or a window can show it as it happens.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from paper_repo.core.repository import SessionRepository
from paper_repo.demo.compare import Check, compare
from paper_repo.demo.market import trading_days
from paper_repo.demo.worker import ADDRESS, HIDDEN, SECRET
from paper_repo.storage.address import Address, is_server

FIRST, SECOND, UNINTERRUPTED = "first", "second", "uninterrupted"
"""The three processes that trade: one that is killed, one that goes on in its place, one that nobody disturbs."""


class DemoError(RuntimeError):
    """A process that traded ended before its work was done."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a process has stored so far; `days` and `date` are those of the last day traded."""

    session_id: str
    pid: int
    days: int
    date: str | None
    equity: Decimal
    positions: int
    orders: int
    fills: int


@dataclass(frozen=True, slots=True)
class Began:
    """A process has begun to trade, or to go on where another one was killed."""

    process: str
    report: Report


@dataclass(frozen=True, slots=True)
class Traded:
    """A day is stored."""

    process: str
    report: Report


@dataclass(frozen=True, slots=True)
class Killed:
    """The first process was killed after it had reported this, while it traded the next day."""

    report: Report


@dataclass(frozen=True, slots=True)
class Compared:
    """The end: which session it was, and what was found when it was compared with the uninterrupted one."""

    session_id: str
    checks: list[Check]

    @property
    def passed(self) -> bool:
        """Whether nothing was lost and nothing differs."""
        return all(check.passed for check in self.checks)


Event = Began | Traded | Killed | Compared


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a process keeps its session."""

    address: Address
    passphrase: str | None = field(repr=False)

    def opened(self) -> SessionRepository:
        return SessionRepository(self.address, passphrase=self.passphrase)


def run(
    path: Address, reference: Path, days_per_second: float | None = None, passphrase: str | None = None
) -> Generator[Event, None, None]:
    """Run the demo on the database `path`, and the same without interruption on another one, `reference`.

    Args:
        path: where the session is kept; other sessions in it are left alone.
        reference: where the uninterrupted session is kept.
        days_per_second: how fast the two processes on `path` trade; None for as fast as they can.
        passphrase: of both files, which are encrypted then; None for plain ones, and for a server.

    Raises:
        DemoError: a process that traded ended before its work was done.
    """
    name = str(uuid.uuid4())
    here, elsewhere = _Place(path, passphrase), _Place(reference, passphrase)
    acknowledged = yield from _until_killed(here, name, days_per_second)
    found = yield from _to_the_end(SECOND, here, name, days_per_second)
    undisturbed = yield from _to_the_end(UNINTERRUPTED, elsewhere, name, None)
    checks = [_nothing_lost(acknowledged, found)]
    with here.opened() as ours, elsewhere.opened() as other:
        checks += compare(ours, found.session_id, other, undisturbed.session_id)
    yield Compared(found.session_id, checks)


def _until_killed(place: _Place, name: str, pace: float | None) -> Generator[Event, None, Report]:
    """Let the first process trade half of the days, and kill it; returns the last thing it said."""
    half = len(trading_days()) // 2
    with _process(place, name, pace) as process:
        yield Began(FIRST, _heard(process))
        while (report := _answer(process)).days < half:
            yield Traded(FIRST, report)
        process.kill()
        process.wait()
    yield Traded(FIRST, report)
    yield Killed(report)
    return report


def _to_the_end(role: str, place: _Place, name: str, pace: float | None) -> Generator[Event, None, Report]:
    """Let a process trade to the last day; returns the first thing it said."""
    with _process(place, name, pace) as process:
        began = _heard(process)
        yield Began(role, began)
        for _ in range(began.days, len(trading_days())):
            yield Traded(role, _answer(process))
        if process.wait():
            raise DemoError(f"the process that traded ended with exit code {process.returncode}")
    return began


@contextmanager
def _process(place: _Place, name: str, pace: float | None) -> Iterator[subprocess.Popen[str]]:
    """A process that trades, in a session of its own, so that Ctrl-C in a terminal reaches this one alone."""
    # The address of a server is no argument, which everybody on the machine may read: it may hold a password.
    shown = HIDDEN if is_server(place.address) else str(place.address)
    secret = {} if place.passphrase is None else {SECRET: place.passphrase}
    command = [sys.executable, "-m", "paper_repo.demo", shown, name, *([] if pace is None else [str(pace)])]
    process = subprocess.Popen(
        command,
        env=os.environ | {ADDRESS: str(place.address)} | secret,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def _answer(process: subprocess.Popen[str]) -> Report:
    """Let the process go on, and wait for what it reports next."""
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # it has ended: what it says next, nothing, is the better complaint
        process.stdin.write("\n")
        process.stdin.flush()
    return _heard(process)


def _heard(process: subprocess.Popen[str]) -> Report:
    """What the process reports next."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise DemoError(f"the process that traded ended too early, with exit code {process.wait()}")
    report = json.loads(line)
    return Report(**{**report, "equity": Decimal(report["equity"])})


def _nothing_lost(acknowledged: Report, found: Report) -> Check:
    """Whether a new process found what the killed one had reported as stored, and the day it was at whole or not."""
    days = found.days - acknowledged.days
    right = found.session_id == acknowledged.session_id and found.pid != acknowledged.pid and days in (0, 1)
    return Check("days found after the kill", str(found.days), right)
