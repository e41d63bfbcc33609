"""The comparison: every contender saves and loads the same sessions, in turns."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.bench import Bench
from benchmarks.contenders import REFERENCE
from benchmarks.contenders.interface import Durability
from benchmarks.measure import Driver, Sample
from benchmarks.report import NOTHING, Section, Table, microseconds, multiple
from benchmarks.workload import Workload

Columns = dict[str, dict[str, Sample]]
"""By column and contender."""


def comparison(bench: Bench) -> Section:
    """A session of 20 positions, everything that can change changed between saves."""
    columns = _saves(bench, Workload(), with_load=True)
    return Section(
        "Saving and loading",
        "A session of 20 positions and two resting orders; between two saves all positions (quantity, cost basis, last "
        "price, realized P&L), the orders, the cash and the strategy's state change. `FULL` and `NORMAL` are SQLite's "
        f"`synchronous`. The last two columns: {bench.scale.tasks} tasks save at once, each a session of its own, cost "
        "of one save; for sqlite3 by hand the same sessions one after another. At `FULL` much depends on the disk "
        "(above): most contenders wait for it at every save, those whose saves share a commit at every hundredth.",
        [multiples(columns), times(columns)],
    )


def with_history(bench: Bench) -> Section:
    """The same with one new fill and one new equity point a save."""
    columns = _saves(bench, Workload(history=True), with_load=False)
    return Section(
        "Saving with history",
        "The same, and every save also appends one fill and one equity point.",
        [multiples(columns), times(columns)],
    )


def large_session(bench: Bench) -> Section:
    """One changed position among many, beside a session of 20."""
    large = bench.scale.large
    shapes = {
        "20, all changed": Workload(),
        "20, one changed": Workload(changed=1),
        f"{large}, one changed": Workload(positions=large, changed=1),
        f"{large}, all changed": Workload(positions=large),
    }
    columns = {title: _save(bench, "normal", workload, title) for title, workload in shapes.items()}
    one_of_20, one_of_many = columns["20, one changed"], columns[f"{large}, one changed"]
    rows = [
        [
            name,
            *(microseconds(samples[name]) for samples in columns.values()),
            f"{one_of_many[name].median / one_of_20[name].median:.1f}",
            f"{one_of_many[name].median / columns['20, all changed'][name].median:.1f}",
        ]
        for name in one_of_20
    ]
    header = ["µs", *columns, f"one of {large} / one of 20", f"one of {large} / all of 20"]
    return Section(
        "One changed position in a large session",
        "`synchronous=NORMAL`, which hides less than FULL does. Microseconds a save, and what a large session costs in "
        "multiples of one with 20 positions.",
        [Table(header, rows)],
    )


def _saves(bench: Bench, workload: Workload, *, with_load: bool) -> Columns:
    columns: Columns = {}
    together: Columns = {}
    durabilities: tuple[Durability, ...] = ("full", "normal")
    for durability in durabilities:
        title = durability.upper()
        columns[f"save, {title}"] = _save(bench, durability, workload, f"save, {title}")
        with bench.drivers(durability, workload, bench.scale.tasks, bench.awaiting) as drivers:
            label = f"{bench.scale.tasks} tasks, {title}"
            together[label] = bench.compare(
                drivers, lambda driver: driver.time_saving_at_once(bench.scale.tasks), label
            )
    if with_load:
        with bench.drivers("normal", workload) as drivers:
            columns["load"] = bench.compare(drivers, lambda driver: driver.time_load(bench.scale.saves), "load")
    return columns | together


def _save(bench: Bench, durability: Durability, workload: Workload, label: str) -> dict[str, Sample]:
    def save(driver: Driver) -> float:
        return driver.time_save(bench.scale.saves)

    with bench.drivers(durability, workload, bench.scale.saves) as drivers:
        return bench.compare(drivers, save, label)


def multiples(columns: Columns) -> Table:
    """A table of what the contenders take in each column, in multiples of the reference."""

    def cell(samples: dict[str, Sample], name: str) -> str:
        return multiple(samples[name].over(samples[REFERENCE])) if name in samples else NOTHING

    return _table(f"multiples of {REFERENCE}", columns, cell)


def times(columns: Columns) -> Table:
    """A table of what the contenders take in each column, in microseconds."""

    def cell(samples: dict[str, Sample], name: str) -> str:
        return microseconds(samples[name]) if name in samples else NOTHING

    return _table("µs", columns, cell)


def _table(corner: str, columns: Columns, cell: Callable[[dict[str, Sample], str], str]) -> Table:
    names = list(next(iter(columns.values())))
    return Table([corner, *columns], [[name, *(cell(samples, name) for samples in columns.values())] for name in names])
