"""`python -m benchmarks`: run every contender side by side, and write RESULTS.md and its charts."""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import (
    command_line,
    contenders,
    costs,
    curves,
    disks,
    large_files,
    machine,
    many,
    on_server,
    report,
    tables,
    ticks,
)
from benchmarks.bench import QUICK, Bench, Scale
from benchmarks.measure import progress

HERE = Path(__file__).parent
PARTS: dict[str, Callable[[Bench], report.Section]] = {
    "comparison": tables.comparison,
    "history": tables.with_history,
    "large": tables.large_session,
    "ticks": ticks.ticks,
    "many": many.many,
    "server": on_server.on_server,
    "commits": costs.commits,
    "opening": costs.opening,
    "importing": costs.importing,
    "command": command_line.command_line,
    "positions": curves.positions,
    "sessions": curves.sessions,
    "fills": curves.fills,
    "tasks": curves.tasks,
    "files": large_files.large_files,
    "disks": disks.disks,
    "memory": costs.memory,
}


def main(arguments: list[str] | None = None) -> int:
    """Measure what was asked for; the report goes to RESULTS.md, or to stdout for a part or a quick run."""
    options = _parser().parse_args(arguments)
    found, missing = contenders.find(tuple(options.only))
    with tempfile.TemporaryDirectory(dir=options.directory, prefix="paper-repo-benchmarks-") as directory:
        _warn(Path(directory), missing)
        output = Path(options.output or (directory if _is_partial(options) else HERE)).resolve()
        bench = Bench(found, _scale(options), Path(directory), output / "charts")
        sections = [machine.machine(Path(directory)), machine.versions(found, missing)]
        for part in options.part or PARTS:
            progress(f"{part}\n")
            sections.append(PARTS[part](bench))
        text = report.markdown(sections, output)
        if output == Path(directory).resolve():
            print(text)
        else:
            output.mkdir(parents=True, exist_ok=True)
            (output / "RESULTS.md").write_text(text, encoding="utf-8")
            progress(f"written: {output / 'RESULTS.md'}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    add = parser.add_argument
    add("--quick", action="store_true", help="everything in seconds, on so little that it says nothing about speed")
    add("--only", action="append", default=[], metavar="NAME", help="contenders whose name contains NAME; repeatable")
    add("--part", action="append", choices=list(PARTS), help="only this part; repeatable")
    add("--rounds", type=int, help="rounds of the comparison; a curve takes at most as many")
    add("--directory", help="where the databases are made: on the disk to measure; default: the temporary folder")
    add("--output", help="folder of RESULTS.md and charts/; default: this package, or stdout when not all is run")
    return parser


def _scale(options: argparse.Namespace) -> Scale:
    scale = QUICK if options.quick else Scale()
    if options.rounds is None:
        return scale
    fewer = min(options.rounds, scale.curve_rounds), min(options.rounds, scale.imports)
    return dataclasses.replace(scale, rounds=options.rounds, curve_rounds=fewer[0], imports=fewer[1])


def _is_partial(options: argparse.Namespace) -> bool:
    return bool(options.quick or options.only or options.part)


def _warn(directory: Path, missing: dict[str, str]) -> None:
    for name, reason in missing.items():
        progress(f"missing: {name}: {reason}\n")
    if machine.file_system(directory) == "tmpfs":
        progress(f"{directory} is in memory: waiting for the disk costs nothing there; choose another --directory\n")


if __name__ == "__main__":
    sys.exit(main())
