"""How the cost of a save by many tasks depends on the disk: the same machine, its waits for the disk made longer."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

from benchmarks import charts, costs
from benchmarks.bench import Bench, Curves
from benchmarks.contenders import REFERENCE
from benchmarks.measure import Sample, Turn, progress, take_turns
from benchmarks.report import Section, Table, microseconds, multiple

TITLE = "A save of many tasks by what the disk takes"
OURS, PEER = "SQLiteSessionRepository", "aiosqlite by hand"


def disks(bench: Bench) -> Section:
    """By how long a call of fsync or fdatasync takes."""
    text = (
        f"`synchronous=FULL`, {bench.scale.tasks} tasks at once, microseconds a save. strace lets every fsync and "
        "fdatasync end later by the time added; a wait is what a page written and synced behind a file then takes, "
        "in the same process (median over the contenders)."
    )
    if not _can_delay():
        return Section(TITLE, f"{text} **Missing**: strace is not installed, or may not trace here.")
    curves: Curves = {}
    waits, ours, peers = [], [], []
    for added in bench.scale.added_waits:
        found: dict[str, list[float]] = {}
        turns = {each.name: _turn(bench, each.name, added, found) for each in bench.awaiting}
        samples = take_turns(turns, bench.scale.disk_rounds, f"{added} µs added")
        waits.append(Sample(tuple(wait for each in found.values() for wait in each)).median)
        for name, sample in samples.items():
            curves.setdefault(name, []).append((round(waits[-1] * 1e6), sample))
        ours.append(_over(samples, OURS, REFERENCE))
        peers.append(_over(samples, PEER, OURS))
    rows = [[name, *(microseconds(sample, spread=False) for _, sample in points)] for name, points in curves.items()]
    rows += [[f"{OURS}, multiples of {REFERENCE}", *ours], [f"{PEER}, multiples of {OURS}", *peers]]
    header = ["µs, by the wait for the disk", *(f"{wait * 1e6:,.0f}" for wait in waits)]
    path = bench.charts / "disks.svg"
    drawn = charts.draw(path, TITLE, "µs a wait for the disk", "µs a save", curves)
    return Section(TITLE, text, [Table(header, rows)], [path] if drawn else [])


def _turn(bench: Bench, name: str, added: int, waits: dict[str, list[float]]) -> Turn:
    def turn() -> float:
        measured: dict[str, Any] = json.loads(
            costs.probe_in_process(bench, _slower(added), "disk", name, bench.scale.tasks)
        )
        waits.setdefault(name, []).append(measured["wait"])
        return float(measured["save"])

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


def _over(samples: dict[str, Sample], name: str, reference: str) -> str:
    return multiple(samples[name].over(samples[reference])) if {name, reference} <= samples.keys() else "–"
