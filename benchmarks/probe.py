"""What is measured in a process of its own: `python -m benchmarks.probe` prints JSON."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sqlite3
import statistics
import struct
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks import contenders
from benchmarks.contenders.interface import Contender, Durability
from benchmarks.machine import wait_for_disk
from benchmarks.measure import Driver
from benchmarks.workload import Workload

_TIMES = 5

MARKER = "/benchmark-marker-"
"""Removing a folder of this name, which does not exist, marks a place in a trace of system calls."""


def commits(contender: Contender, directory: str, saves: int) -> dict[str, int]:
    """Transactions committed by that many saves, by how they are made; marks where each kind begins and ends."""
    counted = {}
    durabilities: tuple[Durability, ...] = ("full", "normal")
    for durability in durabilities:
        driver = Driver(contender, f"{directory}/{durability}.db", durability, Workload())
        driver.add(saves)
        kinds: dict[str, Callable[[int], object]] = {f"one after another, {durability.upper()}": driver.time_save}
        if contender.is_async:
            kinds[f"at once, {durability.upper()}"] = driver.time_saving_at_once
        for kind, save in kinds.items():
            with closing(sqlite3.connect(driver.path)) as db:
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            with _marked(kind):
                save(saves)
            counted[kind] = _commits_in_wal(Path(driver.path + "-wal"))
        driver.close()
    return counted


def memory(contender: Contender, directory: str, saves: int, steps: int) -> list[int]:
    """Bytes of memory in use after each of `steps` shares of that many saves; the first share warms up."""
    driver = Driver(contender, f"{directory}/memory.db", "normal", Workload(history=True))
    driver.add()
    sizes = []
    for _ in range(steps):
        driver.time_save(saves // steps)
        sizes.append(_resident())
    driver.close()
    return sizes


def disk(contender: Contender, directory: str, tasks: int, saves: int) -> dict[str, float]:
    """Seconds a save of that many tasks at once, and of one after another, waiting for the disk, and seconds a wait."""
    driver = Driver(contender, f"{directory}/disk.db", "full", Workload())
    driver.add(tasks)
    driver.settle()
    at_once = statistics.median([driver.time_saving_at_once(tasks) for _ in range(_TIMES)])
    by_one = statistics.median([driver.time_save(saves) for _ in range(_TIMES)])
    driver.close()
    return {"at once": at_once, "one by one": by_one, "wait": wait_for_disk(Path(directory), _TIMES)}


@contextlib.contextmanager
def _marked(kind: str) -> Iterator[None]:
    for edge in ("begin", "end"):
        with contextlib.suppress(OSError):
            os.rmdir(f"{MARKER}{edge} {kind}")
        if edge == "begin":
            yield


def _commits_in_wal(path: Path) -> int:
    """Frames that end a transaction: those with the size of the database (sqlite.org/fileformat2.html#walformat)."""
    log = path.read_bytes()
    _, _, page_size, _, *salts = struct.unpack(">6I", log[:24])
    counted = 0
    for start in range(32, len(log) - page_size, 24 + page_size):
        _, pages, *own_salts = struct.unpack(">4I", log[start : start + 16])
        if own_salts != salts:
            break
        counted += pages > 0
    return counted


def _resident() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return pages * resource.getpagesize()


def main(directory: str, what: str, name: str, *numbers: str) -> None:
    """Measure one thing of the contender with this name, its file in a folder of its own."""
    measures: dict[str, Callable[..., Any]] = {"commits": commits, "memory": memory, "disk": disk}
    contender = next(each for each in contenders.find((name,))[0] if each.name == name)
    with tempfile.TemporaryDirectory(dir=directory) as own:
        print(json.dumps(measures[what](contender, own, *map(int, numbers))))


if __name__ == "__main__":
    main(*sys.argv[1:])
