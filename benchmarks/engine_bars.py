"""`python -m benchmarks.engine_bars`: what the recorder of backtrader adds to a bar, turn by turn.

Printed are the CPU time of a bar on average, and how long bars take by the clock: half of them, 90 %, 99 %, 99.9 %,
99.99 %. Bars in which the system gave the processor to something else are left out, since they tell of that; with
`--all` they are not. Nor does a thread of the program itself count then that takes the processor from the engine.

The strategy trades brackets over many minutes, so that some orders always rest. It runs without the recorder, and with
it at `durability="normal"`: saved once at the end, which shows what recording takes without saving; saved in steps (the
default); and every bar saved before the next one begins.
"""

from __future__ import annotations

import argparse
import itertools
import random
import resource
import statistics
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import backtrader as bt
import pandas as pd

from paper_repo import SessionRepository
from paper_repo.engines.backtrader import SessionRecorder

SHARES = (0.5, 0.9, 0.99, 0.999, 0.9999)


class Brackets(bt.Strategy):
    """Holds one position at a time, with a stop and a limit that rest."""

    def __init__(self) -> None:
        self.average, self.count = bt.ind.SMA(period=20), 0

    def next(self) -> None:
        self.count += 1
        close = self.data.close[0]
        if not self.position and self.count % 20 == 0:
            self.buy_bracket(size=10, price=close, limitprice=close * 1.01, stopprice=close * 0.99)


def minutes(count: int) -> pd.DataFrame:
    """A walk of prices, the same in every run."""
    walk, close, rows = random.Random(2026), 100.0, []
    for number in range(count):
        close *= 1 + walk.gauss(0, 0.001)
        at = datetime(2024, 1, 1) + timedelta(minutes=number)  # noqa: DTZ001  the engine takes no zones
        rows.append((at, close, close * 1.001, close * 0.999, close, 1000))
    return pd.DataFrame(rows, columns=["at", "open", "high", "low", "close", "volume"]).set_index("at")


Bar = tuple[float, bool]
"""How long a bar took, in seconds, and whether the engine had the processor all the time."""


class Clock(bt.Analyzer):
    """Notes when each bar ends."""

    def create_analysis(self) -> None:
        self.ends: list[tuple[float, int]] = []

    def next(self) -> None:
        self.ends.append((time.perf_counter(), resource.getrusage(resource.RUSAGE_THREAD).ru_nivcsw))

    def get_analysis(self) -> list[Bar]:
        """The bars but the first."""
        return [(after[0] - before[0], after[1] == before[1]) for before, after in itertools.pairwise(self.ends)]


def seconds(prices: pd.DataFrame, recorder: dict[str, Any] | None) -> tuple[float, list[Bar]]:
    """The CPU time of a run, which is recorded with these options or not at all, and its bars."""
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(bt.feeds.PandasData(dataname=prices), name="A")
    cerebro.addstrategy(Brackets)
    cerebro.broker.setcash(100_000)
    cerebro.broker.setcommission(0.0001)
    with (
        tempfile.TemporaryDirectory() as folder,
        SessionRepository(Path(folder, "s.db"), durability="normal") as repository,
    ):
        repository.open()
        if recorder is not None:
            cerebro.addanalyzer(SessionRecorder, path=repository, session_id="a", keep=("count",), **recorder)
        cerebro.addanalyzer(Clock)
        began = time.process_time()
        (ran,) = cerebro.run()
        return time.process_time() - began, ran.analyzers.clock.get_analysis()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser("python -m benchmarks.engine_bars", description=__doc__)
    parser.add_argument("--bars", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--all", action="store_true")
    options = parser.parse_args()
    prices = minutes(options.bars)
    ways: dict[str, dict[str, Any] | None] = {
        "without a recorder": None,
        "saved at the end": {"interval": 1e9},
        "saved in steps": {},
        "saved every bar": {"interval": 0},
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    bars: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(options.rounds):
        for name, recorder in ways.items():
            cpu, each_bar = seconds(prices, recorder)
            taken[name].append(cpu)
            bars[name] += [took for took, undisturbed in each_bar if undisturbed or options.all]
    usual = {name: statistics.median(times) / options.bars * 1e6 for name, times in taken.items()}
    for name, each in usual.items():
        ordered = sorted(bars[name])
        parts = [ordered[int(len(ordered) * share)] * 1e6 for share in SHARES]
        print(
            f"{name:20} {each:7.1f} µs a bar, {each - usual['without a recorder']:7.1f} of them added; by the clock "
            + ", ".join(f"{share:.2%} {part:.0f}" for share, part in zip(SHARES, parts, strict=True))
        )


if __name__ == "__main__":
    main()
