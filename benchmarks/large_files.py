"""A file with a long history in many sessions: exported, imported, checked and copied."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from time import perf_counter

from benchmarks.bench import Bench, delete
from benchmarks.measure import Sample, take_turns
from benchmarks.report import Section, Table, multiple
from benchmarks.workload import START
from paper_repo import EquityPoint, Fill, PaperTradingSession, SessionRepository, Strategy
from paper_repo.maintenance.archive import export_archive, import_into_new_file
from paper_repo.maintenance.copy import copy_sessions

SYMBOLS = ("AAPL", "MSFT", "BTC-USD")


def large_files(bench: Bench) -> Section:
    """What is done to a whole file, in seconds, and the copy in multiples of an export and an import."""
    sessions, rows = bench.scale.file_sessions, bench.scale.file_rows
    with ExitStack() as stack:
        path, archive = bench.new_path(), Path(bench.new_path())
        stack.callback(delete, path)
        stack.callback(archive.unlink, missing_ok=True)
        fill(path, sessions, rows // sessions)
        turns = {
            "export": lambda: _export(path, archive),
            "import": lambda: _to_new_file(bench, lambda target: _import(archive, target)),
            "check": lambda: _check(path),
            "copy": lambda: _to_new_file(bench, lambda target: _copy(path, target)),
        }
        samples = take_turns(turns, bench.scale.file_rounds, "large files")
    both = Sample(tuple(map(sum, zip(samples["export"].values, samples["import"].values, strict=True))))
    seconds = [f"{each.median:.1f}" for each in samples.values()]
    return Section(
        "A large file",
        f"{sessions:,} sessions with {rows:,} fills and equity points in one SQLite file; each result is a new file. "
        "An export and an import do what a copy does, by way of an archive.",
        [Table(["", *samples, "copy / (export + import)"], [["s", *seconds, multiple(samples["copy"].over(both))]])],
    )


def fill(path: str, sessions: int, rows: int) -> None:
    """Make a file of sessions with this many rows of history each."""
    with SessionRepository(path, durability="normal") as repository, repository.atomic():
        for number in range(sessions):
            repository.save(_traded(number, rows // 2))


def _traded(number: int, fills: int) -> PaperTradingSession:
    session = PaperTradingSession(
        id=f"session-{number:06}",
        strategy=Strategy("momentum", "1.4.2", {"fast": 12, "slow": 26}),
        symbols=SYMBOLS,
        initial_cash=1_000_000,
        created_at=START + timedelta(seconds=number),
    )
    session.start(at=START + timedelta(seconds=number))
    for each in range(fills):
        at = START + timedelta(seconds=number, minutes=each + 1)
        side = "SELL" if each % 5 == 4 else "BUY"
        session.apply_fill(Fill(f"f{each}", SYMBOLS[each % 3], side, "1.5", f"{101 + each % 7}.25", "0.35", at))
        session.record_equity(EquityPoint(at, session.cash, session.equity))
    return session


def _export(path: str, archive: Path) -> float:
    with SessionRepository(path) as repository, archive.open("wb") as file:
        return _timed(lambda: export_archive(repository, file))


def _import(archive: Path, target: str) -> float:
    with archive.open("rb") as file:
        return _timed(lambda: import_into_new_file(target, file))


def _check(path: str) -> float:
    with SessionRepository(path) as repository:
        return _timed(repository.check)


def _copy(path: str, target: str) -> float:
    with SessionRepository(path) as source, SessionRepository(target) as new:
        return _timed(lambda: copy_sessions(source, new))


def _to_new_file(bench: Bench, work: Callable[[str], float]) -> float:
    target = bench.new_path()
    try:
        return work(target)
    finally:
        delete(target)


def _timed(work: Callable[[], object]) -> float:
    started = perf_counter()
    work()
    return perf_counter() - started
