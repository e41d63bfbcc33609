"""A file of very many sessions: opening it, finding those that run, and reading all."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from time import perf_counter
from typing import Any

from benchmarks.bench import Bench, delete
from benchmarks.contenders import REFERENCE, plain
from benchmarks.contenders.sqlite3_by_hand import CREATE, INSERT
from benchmarks.measure import Sample, Turn, take_turns
from benchmarks.report import Section
from benchmarks.tables import multiples, times
from benchmarks.workload import START, Workload
from paper_repo import SessionRepository, domain

OURS = "SessionRepository"
_AT_A_TIME = 1000
_LIST = ", ".join
_INDEX = "CREATE INDEX by_status ON sessions (status, created_at, id)"
_SHOWN = ("id", "name", "status", "base_currency", "initial_cash", "cash", "realized_pnl", "fill_count", "version",
          "created_at", "updated_at")  # fmt: skip


def many(bench: Bench) -> Section:
    """Opening a file and finding what runs in it, by how many have stopped; reading all of them."""
    count = bench.scale.listed
    few, lot = count // 100, count
    columns: dict[str, dict[str, Sample]] = {}
    for stopped in (few, lot):
        files = {name: bench.new_path() for name in (REFERENCE, OURS)}
        try:
            _fill_by_hand(files[REFERENCE], stopped, bench.scale.active)
            _fill_ours(files[OURS], stopped, bench.scale.active)
            title = f"open, find the running among {stopped:,}"
            columns[title] = _compare(bench, title, files, _active_by_hand, _active_ours)
            if stopped == lot:
                for title, by_hand, ours in _READINGS:
                    columns[title] = _compare(bench, title, files, by_hand, ours, stopped + bench.scale.active)
        finally:
            for path in files.values():
                delete(path)
    return Section(
        f"A file of {count:,} sessions",
        f"Sessions of 5 positions, of which {bench.scale.active} run and the others have stopped. The first two "
        "columns open the file and load those that run, oldest first; by hand there is an index for that. The others "
        "read all sessions, the cost of one: whole, whole but never all in memory, and what a list shows of them.",
        [multiples(columns), times(columns)],
    )


def _compare(
    bench: Bench,
    title: str,
    files: dict[str, str],
    by_hand: Callable[[str], object],
    ours: Callable[[str], object],
    share: int = 1,
) -> dict[str, Sample]:
    turns = {REFERENCE: _turn(by_hand, files[REFERENCE], share), OURS: _turn(ours, files[OURS], share)}
    return take_turns(turns, bench.scale.disk_rounds, title)


def _turn(read: Callable[[str], object], path: str, share: int) -> Turn:
    def turn() -> float:
        started = perf_counter()
        read(path)
        return (perf_counter() - started) / share

    return turn


def _sessions(types: Any, stopped: int, running: int) -> Any:
    workload = Workload(positions=5)
    for number in range(stopped + running):
        session = workload.session(types, f"session-{number:07}")
        session.created_at = START + timedelta(seconds=number)
        if number < stopped:
            session.status, session.stopped_at = "STOPPED", session.created_at
        yield session


def _fill_by_hand(path: str, stopped: int, running: int) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(CREATE)
        db.execute(_INDEX)
        db.execute("BEGIN")
        db.executemany(INSERT, map(plain.to_values, _sessions(plain, stopped, running)))
        db.execute("COMMIT")


def _fill_ours(path: str, stopped: int, running: int) -> None:
    with SessionRepository(path, durability="normal") as repository:
        batch = []
        for session in _sessions(domain, stopped, running):
            batch.append(session)
            if len(batch) == _AT_A_TIME:
                repository.save_many(batch)
                batch.clear()
        repository.save_many(batch)


def _active_by_hand(path: str) -> object:
    query = f"SELECT {_LIST(plain.COLUMNS)} FROM sessions WHERE status = 'RUNNING' ORDER BY created_at, id"
    with closing(sqlite3.connect(path)) as db:
        return [plain.from_values(row) for row in db.execute(query)]


def _active_ours(path: str) -> object:
    with SessionRepository(path) as repository:
        return repository.get_active()


def _all_by_hand(path: str) -> object:
    with closing(sqlite3.connect(path)) as db:
        query = f"SELECT {_LIST(plain.COLUMNS)} FROM sessions ORDER BY created_at, id"
        return [plain.from_values(row) for row in db.execute(query).fetchall()]


def _all_ours(path: str) -> object:
    with SessionRepository(path) as repository:
        return repository.get_all()


def _each_by_hand(path: str) -> object:
    with closing(sqlite3.connect(path)) as db:
        query = f"SELECT {_LIST(plain.COLUMNS)} FROM sessions ORDER BY created_at, id"
        return sum(1 for row in db.execute(query) if plain.from_values(row))


def _each_ours(path: str) -> object:
    with SessionRepository(path) as repository:
        return sum(1 for _ in repository.iterate())


@dataclass
class _Shown:
    """What a list shows of a session."""

    id: str
    name: str
    status: str
    base_currency: str
    initial_cash: Decimal
    cash: Decimal
    realized_pnl: Decimal
    fill_count: int
    version: int
    created_at: datetime
    updated_at: datetime


def _summaries_by_hand(path: str) -> object:
    with closing(sqlite3.connect(path)) as db:
        query = f"SELECT {_LIST(_SHOWN)} FROM sessions ORDER BY created_at, id"
        return [
            _Shown(*row[:4], *map(Decimal, row[4:7]), *row[7:9], *map(datetime.fromisoformat, row[9:]))
            for row in db.execute(query).fetchall()
        ]


def _summaries_ours(path: str) -> object:
    with SessionRepository(path) as repository:
        return repository.get_summaries()


_READINGS = (
    ("`get_all`", _all_by_hand, _all_ours),
    ("`iterate`", _each_by_hand, _each_ours),
    ("`get_summaries`", _summaries_by_hand, _summaries_ours),
)
