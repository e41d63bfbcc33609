"""How the cost of a save grows: with positions, sessions in the file, stored fills, and tasks at once."""

from __future__ import annotations

import os
from collections.abc import Callable

from benchmarks import charts, fill_up
from benchmarks.bench import Bench, Curves
from benchmarks.contenders import REFERENCE
from benchmarks.contenders.interface import Contender
from benchmarks.measure import Driver, Sample
from benchmarks.report import Section, Table, microseconds
from benchmarks.workload import Workload


def positions(bench: Bench) -> Section:
    """By positions in the session."""
    curves: Curves = {}
    for count in bench.scale.positions:
        with bench.drivers("normal", Workload(positions=count), bench.scale.saves) as drivers:
            _measure(bench, curves, count, drivers)
    return _section(bench, "positions", "A save by positions in the session, all of them changed", "positions", curves)


def sessions(bench: Bench) -> Section:
    """By sessions in the file."""
    return _growing(
        bench,
        "sessions",
        "A save by sessions in the file",
        "sessions in the file",
        Workload(),
        bench.scale.sessions,
        fill_up.sessions,
    )


def fills(bench: Bench) -> Section:
    """By fills that the session has already."""
    able = [each for each in bench.contenders if each.tables.fills]
    section = _growing(
        bench,
        "fills",
        "Saving one more fill by fills stored",
        "fills of the session in the file",
        Workload(history=True),
        bench.scale.fills,
        fill_up.fills,
        able,
    )
    section.text += (
        " Every save also appends one equity point; a point of the curve adds some fills of its own while it is"
        " measured. A contender without a table of fills takes no part."
    )
    return section


def tasks(bench: Bench) -> Section:
    """By tasks that save at once, waiting for the disk."""
    curves: Curves = {}
    most = max(bench.scale.at_once)
    with bench.drivers("full", Workload(), most, bench.awaiting) as drivers:
        for count in bench.scale.at_once:
            times = max(1, bench.scale.saves // count)

            def save(driver: Driver, count: int = count, times: int = times) -> float:
                return sum(driver.time_saving_at_once(count) for _ in range(times)) / times

            samples = bench.compare(drivers, save, f"{count} tasks", bench.scale.curve_rounds)
            for name, sample in samples.items():
                curves.setdefault(name, []).append((count, sample))
    section = _section(bench, "tasks", "A save by tasks that save at once", "tasks", curves)
    section.text = f"`synchronous=FULL`; {REFERENCE} saves the same sessions one after another. Microseconds a save."
    return section


def _growing(
    bench: Bench,
    name: str,
    title: str,
    label: str,
    workload: Workload,
    counts: tuple[int, ...],
    grow: Callable[[Driver, int], None],
    only: list[Contender] | None = None,
) -> Section:
    curves: Curves = {}
    with bench.drivers("normal", workload, only=only) as drivers:
        for count in counts:
            for driver in drivers.values():
                grow(driver, count)
            os.sync()  # else the system would write what was filled in while the next ones are measured
            _measure(bench, curves, count, drivers)
    return _section(bench, name, title, label, curves)


def _measure(bench: Bench, curves: Curves, x: int, drivers: dict[str, Driver]) -> None:
    samples = bench.compare(
        drivers, lambda driver: driver.time_save(bench.scale.saves), f"at {x}", bench.scale.curve_rounds
    )
    for name, sample in samples.items():
        curves.setdefault(name, []).append((x, sample))


def _section(bench: Bench, name: str, title: str, label: str, curves: Curves) -> Section:
    counts = [x for x, _ in next(iter(curves.values()))]
    rows = [
        [contender, *(microseconds(sample, spread=False) for _, sample in points), _growth(points)]
        for contender, points in curves.items()
    ]
    table = Table([f"µs, by {label}", *(f"{count:,}" for count in counts), "last / first"], rows)
    path = bench.charts / f"{name}.svg"
    drawn = charts.draw(path, title, label, "µs a save", curves)
    text = "`synchronous=NORMAL`, microseconds a save."
    return Section(title, text, [table], [path] if drawn else [])


def _growth(points: list[tuple[int, Sample]]) -> str:
    first, last = points[0][1], points[-1][1]
    return f"{last.median / first.median:.2f}"
