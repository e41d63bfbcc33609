"""The benchmarks run, and report on everybody who takes part; how fast anything is, no test judges."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import contenders, costs
from benchmarks.__main__ import PARTS
from benchmarks.bench import QUICK, Bench, Scale
from benchmarks.workload import Workload

ROOT = Path(__file__).parent.parent
EVERYBODY = {"sqlite3 by hand", "Peewee by hand", "SessionRepository"}
"""Whom every machine can measure, except where many tasks wait, which only some can."""

PLAIN = [each for each in contenders.find(tuple(EVERYBODY))[0] if each.name in EVERYBODY]
"""The contenders of `EVERYBODY`, none of which needs an event loop."""

QUOTED = {
    "| multiples of sqlite3 by hand |": {
        "`SessionRepository`": "SessionRepository",
        "`SQLiteSessionRepository`": "SQLiteSessionRepository",
        "aiosqlite by hand": "aiosqlite by hand",
        "Peewee by hand": "Peewee by hand",
        "SQLAlchemy asyncio": "SQLAlchemy asyncio",
    },
    "| µs, one by one, by the wait for the disk |": {
        "`SessionRepository`, full": "SessionRepository, multiples of sqlite3 by hand",
        "`SQLiteSessionRepository`, full": "SQLiteSessionRepository, multiples of sqlite3 by hand",
    },
    "| µs, at once, by the wait for the disk |": {
        "`SQLiteSessionRepository`, 100 tasks, full": "SQLiteSessionRepository, multiples of sqlite3 by hand",
        "aiosqlite by hand, in multiples of it": "aiosqlite by hand, multiples of SQLiteSessionRepository",
    },
}
"""Rows of docs/speed.md and what they are called in the results, by the header of the table that they come from."""


@pytest.mark.parametrize("part", PARTS)
def test_a_quick_run_of_each_part(part: str, tmp_path: Path) -> None:
    """It ends well, each contender having given back what it was given, and writes a table with all of them."""
    only = ["--only", "by hand", "--only", "Session"]
    places = ["--directory", str(tmp_path), "--output", str(tmp_path / "out")]
    command = [sys.executable, "-X", "dev", "-m", "benchmarks", "--quick", *only, "--part", part, *places]

    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stderr
    assert "Warning" not in run.stderr
    report = (tmp_path / "out" / "RESULTS.md").read_text()
    table = report.split("\n## ")[-1]
    rows = set(re.findall(r"^\| ([^|*`]+?) \|.*\d", table, re.MULTILINE))
    everybody = {
        "importing": set(),
        "command": set(),
        "memory": EVERYBODY - {"Peewee by hand"} | {"SQLiteSessionRepository"},
        "tasks": {"sqlite3 by hand", "SQLiteSessionRepository"},
        "disks": {"sqlite3 by hand", "SQLiteSessionRepository"},
        "ticks": {"sqlite3 by hand", "SessionRepository"},
        "many": {"sqlite3 by hand", "SessionRepository"},
        "files": {"s"},
        "server": {"asyncpg by hand", "psycopg by hand", "SessionRepository", "AsyncSessionRepository"},
    }.get(part, {*EVERYBODY, "SQLiteSessionRepository"})
    assert rows >= everybody or (part == "disks" and "strace is not installed" in table)
    assert "**missing**" not in table
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


def test_the_documentation_quotes_the_results() -> None:
    """Every multiple in the tables of docs/speed.md stands in the results; the waits for the disk are rounded."""
    results = (ROOT / "benchmarks" / "RESULTS.md").read_text()
    speed = (ROOT / "docs" / "speed.md").read_text()

    for header, rows in QUOTED.items():
        table = results.partition(header)[2]
        for row, name in rows.items():
            assert cells(speed, row) == cells(table, name), row
    waits = [float(each.replace(",", "")) / 1000 for each in cells(results, "µs, at once, by the wait for the disk")]
    assert cells(speed, "milliseconds a wait for the disk") == [f"{each:.2g}" for each in waits]


def cells(text: str, row: str) -> list[str]:
    """What stands in the first row of this name behind it, without spreads and emphasis."""
    line = re.search(rf"^\| {re.escape(row)} \|(.*)\|$", text, re.MULTILINE)
    assert line is not None, row
    return [re.sub(r"\*\*| \(.*\)", "", each.strip()) for each in line[1].split("|")]


def test_files_at_full_begin_with_a_log_of_full_length(tmp_path: Path) -> None:
    """No save that is timed makes SQLite's log longer, for which the disk would take longer than for the save alone."""
    bench = Bench(PLAIN, Scale(), tmp_path, tmp_path)

    with bench.drivers("full", Workload()) as drivers:
        before = {driver.path: log_size(driver.path) for driver in drivers.values()}
        for driver in drivers.values():
            driver.time_save(50)
        after = {driver.path: log_size(driver.path) for driver in drivers.values()}

    assert len(before) == len(PLAIN) > 1
    assert after == before


def test_files_are_opened_that_nobody_has_open(tmp_path: Path) -> None:
    """A file to be opened has no log beside it, as it has while anybody has it open, and is deleted at the end."""
    with costs._closed_files(Bench(PLAIN, QUICK, tmp_path, tmp_path)) as files:
        names = {each.name for each in tmp_path.iterdir()}

    assert names == {Path(path).name for _, path in files}
    assert len(names) == len(PLAIN)
    assert list(tmp_path.iterdir()) == []


def log_size(path: str) -> int:
    """The length of SQLite's log beside a file, in bytes."""
    return Path(f"{path}-wal").stat().st_size


def test_contenders_that_cannot_be_imported_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """One whose packages are not installed is reported with the reason, and the others run."""
    monkeypatch.setitem(contenders._MODULES, "no_such_module", ("Somebody else",))

    found, missing = contenders.find()

    assert {each.name for each in found} >= EVERYBODY
    assert "no_such_module" in missing["Somebody else"]
