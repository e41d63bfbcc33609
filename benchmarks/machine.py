"""What the figures were measured on."""

from __future__ import annotations

import importlib.metadata
import inspect
import os
import platform
import sqlite3
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.contenders.interface import Contender
from benchmarks.report import Section, Table


def machine(directory: Path) -> Section:
    """Processor, system, file system and disk of `directory`, Python and SQLite."""
    facts = {
        "processor": f"{_from_file('/proc/cpuinfo', 'model name') or platform.processor()}, {os.cpu_count()} logical",
        "memory": _from_file("/proc/meminfo", "MemTotal"),
        "system": f"{platform.system()} {platform.release()}",
        "file system": file_system(directory),
        "disk": f"{wait_for_disk(directory) * 1e6:,.0f} µs until 4 KiB behind a file are on it (median)",
        "Python": f"{platform.python_implementation()} {platform.python_version()}, {platform.python_compiler()}",
        "SQLite": sqlite3.sqlite_version,
    }
    return Section("The machine", "", [Table(["", ""], [[name, fact] for name, fact in facts.items()], figures=False)])


def versions(contenders: list[Contender], missing: dict[str, str]) -> Section:
    """Who took part, what each does and in which versions; and who did not, and why."""
    rows = [[each.name, _summary(each), ", ".join(map(version, each.packages))] for each in contenders]
    rows += [[name, "**missing**", reason] for name, reason in missing.items()]
    return Section("The contenders", "", [Table(["", "what it does", "versions"], rows, figures=False)])


def version(package: str) -> str:
    """Name and version of an installed distribution."""
    try:
        return f"{package} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        return f"{package} (not installed, from this folder)"


def file_system(directory: Path) -> str:
    """The type of the file system that `directory` lies on, or "unknown"."""
    try:
        mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    except OSError:
        return "unknown"
    where = directory.resolve()
    above = [(point, kind) for point, kind in mounts if where.is_relative_to(point)]
    return max(above, key=lambda each: len(each[0]), default=("", "unknown"))[1]


def wait_for_disk(directory: Path, times: int = 200) -> float:
    """How long a write of a page and a sync of it take in `directory`, in seconds; the median."""
    waits = []
    with tempfile.TemporaryFile(dir=directory) as file:
        for _ in range(times):
            started = perf_counter()
            os.write(file.fileno(), bytes(4096))
            os.fsync(file.fileno())
            waits.append(perf_counter() - started)
    return median(waits)


def _summary(contender: Contender) -> str:
    module = inspect.getmodule(contender.open)
    return (inspect.getdoc(module) or "").partition("\n")[0]


def _from_file(path: str, name: str) -> str:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")
