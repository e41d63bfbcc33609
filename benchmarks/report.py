"""The results as Markdown."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.measure import Sample

NOTHING = "–"
INTRODUCTION = """\
Written by `python -m benchmarks`.

**Read the multiples.** Microseconds differ from machine to machine and from hour to hour; how many times the cost of
hand-written sqlite3 something takes differs far less. Every multiple compares two contenders within one run: they take
turns, another one first in each round, and a figure is the median over the rounds with its quartiles in brackets. A
multiple is taken round by round, so it need not be exactly the quotient of the two medians.

Every contender keeps the same information, exact amounts included, and must give back what it was given before it is
timed. Each save writes new objects with new values (SQLite skips a write of identical bytes). Making them is what the
program does between two calls, loads included, and is outside of the clock. All peers share one set of plain
dataclasses and one way to turn them into columns and JSON; `paper_repo` saves and checks its own entities."""


@dataclass
class Table:
    """A header, and rows of text; figures are put to the right."""

    header: list[str]
    rows: list[list[str]]
    figures: bool = True

    def markdown(self) -> str:
        """The table."""
        rule = ["---", *("---:" if self.figures else "---" for _ in self.header[1:])]
        return "\n".join("| " + " | ".join(row) + " |" for row in [self.header, rule, *self.rows])


@dataclass
class Section:
    """A title, what was measured, and what came out."""

    title: str
    text: str
    tables: list[Table] = field(default_factory=list)
    charts: list[Path] = field(default_factory=list)

    def markdown(self, beside: Path) -> str:
        """The section for a file in the folder `beside`."""
        images = [f"![{self.title}]({path.relative_to(beside).as_posix()})" for path in self.charts]
        parts = [f"## {self.title}", self.text, *(table.markdown() for table in self.tables), *images]
        return "\n\n".join(filter(None, parts))


def markdown(sections: list[Section], beside: Path) -> str:
    """The whole report."""
    return "\n\n".join(["# Benchmarks", INTRODUCTION, *(section.markdown(beside) for section in sections)]) + "\n"


def multiple(sample: Sample) -> str:
    """A ratio with its quartiles."""
    if set(sample.values) == {1.0}:
        return "1"
    first, third = sample.quartiles
    return f"**{_short(sample.median)}** ({_short(first)}–{_short(third)})"


def microseconds(sample: Sample, *, spread: bool = True) -> str:
    """A duration, with its quartiles unless they are in the way."""
    first, third = (f"{value * 1e6:,.0f}" for value in sample.quartiles)
    return f"{sample.median * 1e6:,.0f}" + (f" ({first}–{third})" if spread else "")


def _short(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio < 2 else f"{ratio:.1f}" if ratio < 20 else f"{ratio:.0f}"
