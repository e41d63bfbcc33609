"""What is no duration of a save: commits and waits for the disk, opening, importing, memory."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks import charts, probe
from benchmarks.bench import Bench, Curves, delete
from benchmarks.contenders.interface import Contender
from benchmarks.measure import Driver, Sample, Turn, progress, take_turns
from benchmarks.report import NOTHING, Section, Table, microseconds, multiple
from benchmarks.tables import multiples, times
from benchmarks.workload import Workload

ROOT = Path(__file__).parent.parent
DEPENDENCIES = "import peewee, marshmallow, anyio"
IMPORTS = (DEPENDENCIES, "import paper_repo", "from paper_repo import SessionRepository, SQLiteSessionRepository")


def commits(bench: Bench) -> Section:
    """Commits and fsyncs for 100 saves."""
    saves = bench.scale.tasks
    rows = []
    for contender in bench.contenders:
        progress(f"commits: {contender.name}")
        counted, syncs = _traced(bench, contender, saves)
        kinds = [f"{order}, {mode}" for mode in ("FULL", "NORMAL") for order in ("one after another", "at once")]
        cells = [f"{counted[kind]} / {syncs.get(kind, '?')}" if kind in counted else NOTHING for kind in kinds]
        rows.append([contender.name, *cells])
    orders = ("one after another", f"{saves} at once")
    header = ["", *(f"{mode}, {order}" for mode in ("FULL", "NORMAL") for order in orders)]
    return Section(
        f"Commits and fsyncs for {saves} saves",
        "Transactions committed (counted in the write-ahead log) / calls of fsync and fdatasync (counted with strace; "
        "`?`: not measured, strace is missing or may not trace). The log is empty before, so its header is a "
        "call more.",
        [Table(header, rows)],
    )


def opening(bench: Bench) -> Section:
    """Opening an existing file and loading one session from it."""
    with _closed_files(bench) as files:
        columns = {"nobody has it open": _openings(bench, files, "opening")}
    with bench.drivers("full", Workload()) as drivers:
        files = [(driver.contender, driver.path) for driver in drivers.values()]
        columns["somebody has it open"] = _openings(bench, files, "opening, shared")
    return Section(
        "Opening an existing file",
        "Open the file (WAL, foreign keys, synchronous=FULL) and load one session of 20 positions, in a process that "
        "has done so before; closing is outside of the clock. A program opens its file once, so that each opening is a "
        "turn of its own: in a loop, the processor would have the code of every step at hand from the one before.",
        [multiples(columns), times(columns)],
    )


def importing(bench: Bench) -> Section:
    """Importing the package, beside importing what it depends on."""
    turns: dict[str, Turn] = {}
    missing = []
    for statement in IMPORTS:
        try:
            _import(statement)
        except subprocess.CalledProcessError as error:
            missing.append([f"`{statement}`", "**missing**", error.stderr.strip().splitlines()[-1]])
        else:
            turns[statement] = lambda statement=statement: _import(statement)  # type: ignore[misc]
    samples = take_turns(turns, bench.scale.imports, "importing")
    reference = samples.get(DEPENDENCIES)
    rows = [
        [f"`{name}`", multiple(each.over(reference)) if reference else NOTHING, microseconds(each)]
        for name, each in samples.items()
    ]
    return Section(
        "Importing",
        "In a new process each time, without the start of the interpreter, from compiled files.",
        [Table(["", "multiples of the dependencies alone", "µs"], rows + missing)],
    )


def memory(bench: Bench) -> Section:
    """Memory in use while saves go on."""
    saves, steps = bench.scale.memory_saves, bench.scale.memory_steps
    curves: Curves = {}
    for contender in bench.ours:
        progress(f"memory: {contender.name}, {saves} saves")
        sizes = json.loads(probe_in_process(bench, [], "memory", contender.name, saves, steps))
        curves[contender.name] = [
            (saves // steps * number, Sample((size / 2**20,))) for number, size in enumerate(sizes, 1)
        ]
    counts = [f"{x:,}" for x, _ in next(iter(curves.values()))]
    rows = [[name, *(f"{sample.median:.1f}" for _, sample in points)] for name, points in curves.items()]
    path = bench.charts / "memory.svg"
    drawn = charts.draw(path, f"Memory over {saves:,} saves", "saves", "MiB resident", curves, unit=1, log=False)
    return Section(
        f"Memory over {saves:,} saves",
        "MiB resident, one session saved again and again, each time with one more fill and equity point.",
        [Table(["MiB after", *counts], rows)],
        [path] if drawn else [],
    )


def _traced(bench: Bench, contender: Contender, saves: int) -> tuple[dict[str, int], dict[str, int]]:
    """Commits, and calls that wait for the disk, by how the saves are made."""
    with tempfile.NamedTemporaryFile("r", dir=bench.directory) as trace:
        strace = ["strace", "-f", "-qq", "-o", trace.name, "-e", "trace=fsync,fdatasync,rmdir"]
        try:
            output = probe_in_process(bench, strace if shutil.which("strace") else [], "commits", contender.name, saves)
        except subprocess.CalledProcessError:
            output = probe_in_process(bench, [], "commits", contender.name, saves)
        return json.loads(output), _syncs(trace.read())


def _syncs(trace: str) -> dict[str, int]:
    marked = re.findall(rf'"{probe.MARKER}begin ([^"]+)"(.*?)"{probe.MARKER}end \1"', trace, re.DOTALL)
    return {kind: len(re.findall(r"\b(?:fsync|fdatasync)\(", calls)) for kind, calls in marked}


def probe_in_process(bench: Bench, prefix: list[str], *arguments: object) -> str:
    """What `benchmarks.probe` prints for these arguments, run by the command `prefix`."""
    return _run([*prefix, sys.executable, "-m", "benchmarks.probe", str(bench.directory), *map(str, arguments)])


@contextmanager
def _closed_files(bench: Bench) -> Iterator[list[tuple[Contender, str]]]:
    """Each contender with a file of one saved session, which nobody has open; deleted at the end."""
    with ExitStack() as stack:
        files = [(contender, bench.new_path()) for contender in bench.contenders]
        for contender, path in files:
            stack.callback(delete, path)
            driver = Driver(contender, path, "full", Workload())
            driver.add()
            driver.close()
        yield files


def _openings(bench: Bench, files: list[tuple[Contender, str]], label: str) -> dict[str, Sample]:
    """The seconds that each contender takes to open its file."""
    turns = {contender.name: _opening(contender, path) for contender, path in files}
    return take_turns(turns, bench.scale.rounds * bench.scale.saves, label)


def _opening(contender: Contender, path: str) -> Turn:
    async def one_async() -> float:
        started = perf_counter()
        store: Any = await contender.open(path, "full")  # type: ignore[misc]
        await store.load("session-0")
        elapsed = perf_counter() - started
        await store.close()
        return elapsed

    def one() -> float:
        started = perf_counter()
        store: Any = contender.open(path, "full")
        store.load("session-0")
        elapsed = perf_counter() - started
        store.close()
        return elapsed

    return (lambda: asyncio.run(one_async())) if contender.is_async else one


def _import(statement: str) -> float:
    clock = "from time import perf_counter as clock; started = clock()"
    return float(_run([sys.executable, "-c", f"{clock}\n{statement}\nprint(clock() - started)"]))


def _run(command: list[str]) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
