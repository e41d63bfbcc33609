"""How the cost of a save depends on the disk: the same machine, its waits for the disk made longer."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
from statistics import median

from benchmarks import charts, costs
from benchmarks.bench import Bench, Curves
from benchmarks.contenders import REFERENCE
from benchmarks.measure import Sample, Turn, progress, take_turns
from benchmarks.report import Section, Table, microseconds, multiple

TITLE = "A save by what the disk takes"
CORE, FACADE, PEER = "SessionRepository", "SQLiteSessionRepository", "aiosqlite by hand"
MULTIPLES = {"at once": [(FACADE, REFERENCE), (PEER, FACADE)], "one by one": [(CORE, REFERENCE), (FACADE, REFERENCE)]}
"""Of which contender multiples of which other one are told."""

_Points = dict[str, list[Sample]]
"""For each contender a sample at every wait."""


def disks(bench: Bench) -> Section:
    """By how long a call of fsync or fdatasync takes."""
    text = (
        f"`synchronous=FULL`, microseconds a save: of {bench.scale.tasks} tasks at once, then of one after another; of "
        f"the peers, {PEER} alone takes part. strace lets every fsync and fdatasync end later by the time added; a "
        "wait is what a page written and synced behind a file then takes, in the same process (median over the "
        "contenders)."
    )
    if not _can_delay():
        return Section(TITLE, f"{text} **Missing**: strace is not installed, or may not trace here.")
    names = [each.name for each in bench.contenders if each.name in (REFERENCE, CORE, FACADE, PEER)]
    waits: list[float] = []
    found: dict[str, _Points] = {"at once": {}, "one by one": {}}
    for added in bench.scale.added_waits:
        measured: dict[str, list[dict[str, float]]] = {}
        turns = {name: _turn(bench, name, added, measured) for name in names}
        take_turns(turns, bench.scale.disk_rounds, f"{added} µs added")
        waits.append(median(each["wait"] for rounds in measured.values() for each in rounds) * 1e6)
        for way, name in itertools.product(found, names):
            values = [each[way] for each in measured[name][1:]]  # the first round warms up
            found[way].setdefault(name, []).append(Sample(tuple(values)))
    found["at once"].pop(CORE, None)  # one call after another is all that it has
    tables = [_table(way, waits, points) for way, points in found.items()]
    path = bench.charts / "disks.svg"
    curves: Curves = {
        name: list(zip(map(round, waits), samples, strict=True)) for name, samples in found["at once"].items()
    }
    drawn = charts.draw(path, f"{TITLE}, at once", "µs a wait for the disk", "µs a save", curves)
    return Section(TITLE, text, tables, [path] if drawn else [])


def _table(way: str, waits: list[float], points: _Points) -> Table:
    header = [f"µs, {way}, by the wait for the disk", *(f"{wait:,.0f}" for wait in waits)]
    rows = [[name, *(microseconds(each, spread=False) for each in samples)] for name, samples in points.items()]
    for name, other in MULTIPLES[way]:
        if {name, other} <= points.keys():
            pairs = zip(points[name], points[other], strict=True)
            rows.append([f"{name}, multiples of {other}", *(multiple(mine.over(its)) for mine, its in pairs)])
    return Table(header, rows)


def _turn(bench: Bench, name: str, added: int, measured: dict[str, list[dict[str, float]]]) -> Turn:
    def turn() -> float:
        numbers = bench.scale.tasks, bench.scale.saves
        found: dict[str, float] = json.loads(costs.probe_in_process(bench, _slower(added), "disk", name, *numbers))
        measured.setdefault(name, []).append(found)
        return found["at once"]

    return turn


def _slower(microseconds: int) -> list[str]:
    """The command that runs another one with longer waits for the disk; nothing else of it is traced."""
    if not microseconds:
        return []
    later = f"inject=fsync,fdatasync:delay_exit={microseconds}"
    return ["strace", "-f", "--seccomp-bpf", "-qqq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e", later]


def _can_delay() -> bool:
    if shutil.which("strace") is None:
        progress("disks: strace is missing\n")
        return False
    return subprocess.run([*_slower(1), "true"], capture_output=True, check=False).returncode == 0
