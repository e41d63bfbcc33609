"""What lists cost: `python -m benchmarks.lists [--sessions N]`.

Figures are medians within one run, to be read as multiples of one `get_by_id`:

- the 50 sessions with the most equity, and the summaries of all, among 10,000 sessions of 50 positions each;
- `get_active()` with 5 sessions running among 100 and among 100,000 stopped ones;
- a page of 100 fills at the beginning, in the middle and at the end of a history of 1,000,000.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from paper_repo import Fill, PaperTradingSession, Position, SessionRepository, SessionStatus, Strategy

START = datetime(2026, 1, 1, tzinfo=UTC)


def session(number: int, positions: int, status: SessionStatus) -> PaperTradingSession:
    """A session that differs from the others in its cash and its prices."""
    held = {
        f"S{place:03}": Position(f"S{place:03}", 10, 1000 + place, Decimal(number * 7 + place) / 100, START)
        for place in range(positions)
    }
    return PaperTradingSession(
        id=f"{number:07}",
        strategy=Strategy("crossover", "1", {"fast": 10, "slow": 30}),
        symbols=held,
        initial_cash=100_000,
        cash=Decimal(number * 9973 % 100_003) / 100,
        positions=held,
        status=status,
        created_at=START + timedelta(seconds=number),
    )


def fill(repository: SessionRepository, sessions: Iterable[PaperTradingSession]) -> None:
    """Store many sessions, a thousand at a time."""
    batch: list[PaperTradingSession] = []
    for each in sessions:
        batch.append(each)
        if len(batch) == 1000:
            repository.save_many(batch)
            batch.clear()
    repository.save_many(batch)


def median(work: Callable[[], object], rounds: int = 15) -> float:
    """How long `work` takes, in microseconds."""
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return statistics.median(times) * 1e6


def show(name: str, microseconds: float, unit: float) -> None:
    """One line of the table."""
    print(f"| {name} | {microseconds:,.0f} | {microseconds / unit:,.1f} |")


def large_lists(folder: Path, count: int) -> None:
    """Lists among many sessions with many positions."""
    with SessionRepository(folder / "large.db", durability="normal") as repository:
        fill(repository, (session(number, 50, SessionStatus.STOPPED) for number in range(count)))
        unit = median(lambda: repository.get_by_id("0000007"), 101)
        show(f"`get_by_id`, {count:,} sessions of 50 positions", unit, unit)
        top = median(lambda: repository.get_summaries(order_by="equity", descending=True, limit=50))
        show("`get_summaries(order_by='equity', limit=50)`", top, unit)
        summaries = median(repository.get_summaries, 3)
        show("`get_summaries()`, all", summaries, unit)
        everything = median(repository.get_all, 1)
        show(f"`get_all()`, all: {everything / summaries:.1f} times the summaries", everything, unit)


def active_among(folder: Path, stopped: int) -> float:
    """What it costs to find 5 running sessions among this many stopped ones."""
    with SessionRepository(folder / f"active-{stopped}.db", durability="normal") as repository:
        fill(repository, (session(number, 1, SessionStatus.STOPPED) for number in range(stopped)))
        fill(repository, (session(stopped + number, 1, SessionStatus.RUNNING) for number in range(5)))
        return median(repository.get_active, 101)


def long_history(folder: Path, count: int) -> None:
    """Pages of a long history."""
    with SessionRepository(folder / "long.db", durability="normal") as repository:
        one = session(1, 1, SessionStatus.RUNNING)
        for begin in range(0, count, 10_000):
            for number in range(begin, min(begin + 10_000, count)):
                one.record_fill(Fill(f"{number}", "AAPL", "BUY", 1, "1.5", executed_at=START))
            repository.save(one)
        unit = median(lambda: repository.get_fills(one.id, limit=100), 51)
        show(f"`get_fills(limit=100)`, the first of {count:,}", unit, unit)
        for name, place in (("the middle", count // 2), ("the end", count - 100)):
            show(
                f"the same in {name}",
                median(lambda after=place: repository.get_fills(one.id, after=after, limit=100), 51),
                unit,
            )


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=10_000, help="default: 10,000; the other counts go with it")
    count = parser.parse_args().sessions
    print("| | µs | multiples |\n|---|---:|---:|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        large_lists(folder, count)
        few, many = active_among(folder, 100), active_among(folder, count * 10)
        show("`get_active()`, 5 of 105", few, few)
        show(f"`get_active()`, 5 of {count * 10 + 5:,}", many, few)
        long_history(folder, count * 100)
    print("done", file=sys.stderr)


if __name__ == "__main__":
    main()
