"""The command `paper-repo list`, from its start to its end, beside what it cannot do without."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from time import perf_counter

from benchmarks.bench import Bench
from benchmarks.measure import Driver, take_turns
from benchmarks.report import Section, Table, microseconds, multiple
from benchmarks.workload import Workload

ROOT = Path(__file__).parent.parent
IMPORTS = "import typer, rich, paper_repo"
SESSIONS = 20


def command_line(bench: Bench) -> Section:
    """How long somebody waits for the list of a few sessions."""
    contender = next(each for each in bench.contenders if each.is_ours and not each.is_async)
    path = bench.new_path()
    driver = Driver(contender, path, "normal", Workload())
    driver.add(SESSIONS)
    driver.close()
    turns = {
        f"python -c '{IMPORTS}'": lambda: _run("-c", IMPORTS),
        "paper-repo list": lambda: _run("-m", "paper_repo", "list", "--db", path),
    }
    samples = take_turns(turns, bench.scale.imports, "command line")
    reference = next(iter(samples.values()))
    rows = [[f"`{name}`", multiple(each.over(reference)), microseconds(each)] for name, each in samples.items()]
    return Section(
        "The command line",
        f"In a new process each time, with the start of the interpreter; a list of {SESSIONS} sessions.",
        [Table(["", "multiples of the imports alone", "µs"], rows)],
    )


def _run(*arguments: str) -> float:
    started = perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return perf_counter() - started
