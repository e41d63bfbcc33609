"""A table that fits its terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from paper_repo.cli.terminal import output

_GAP, _SHORTEST_NAME = 2, 8

_ASCII_HEAD = box.Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)
"""`SIMPLE_HEAD` for a terminal that has ASCII only."""


class FittedTable:
    """A table without a frame that fits its terminal: it leaves out whole columns rather than digits.

    A heading that begins with ">" is for numbers. The columns `expendable` go first, in this order, then the text in
    the column `shortened` is cut.
    """

    def __init__(
        self,
        headings: Sequence[str],
        rows: Iterable[Sequence[Text | str]] = (),
        *,
        expendable: Sequence[str] = (),
        shortened: int | None = None,
    ) -> None:
        self._headings = headings
        self._rows: list[list[Text]] = []
        self._expendable = expendable
        self._shortened = shortened
        for row in rows:
            self.add_row(*row)

    def add_row(self, *cells: Text | str) -> None:
        """One more row, with a cell for each heading."""
        self._rows.append([cell if isinstance(cell, Text) else Text(cell) for cell in cells])

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        widths = self._widths()
        least = [min(width, _SHORTEST_NAME) if n == self._shortened else width for n, width in enumerate(widths)]
        shown = list(range(len(self._headings)))
        for heading in self._expendable:
            if self._needed(least, shown) > options.max_width:
                shown = [column for column in shown if self._headings[column] != heading]
        if self._shortened in shown:
            room = options.max_width - self._needed(widths, shown) + widths[self._shortened]
            for row in self._rows:
                row[self._shortened].truncate(max(room, _SHORTEST_NAME), overflow="ellipsis")
        yield self._table(shown, _ASCII_HEAD if options.ascii_only else box.SIMPLE_HEAD)

    def _widths(self) -> list[int]:
        headings = [cell_len(heading.removeprefix(">")) for heading in self._headings]
        return [
            max(found) for found in zip(headings, *([cell.cell_len for cell in row] for row in self._rows), strict=True)
        ]

    @staticmethod
    def _needed(widths: Sequence[int], shown: Sequence[int]) -> int:
        return sum(widths[column] for column in shown) + _GAP * (len(shown) - 1)

    def _table(self, shown: Sequence[int], frame: box.Box) -> Table:
        table = Table(box=frame, pad_edge=False, padding=(0, 1, 0, 0), header_style="bright_black", show_edge=False)
        for column in shown:
            heading = self._headings[column]
            justify: Literal["left", "right"] = "right" if heading.startswith(">") else "left"
            table.add_column(heading.removeprefix(">"), justify=justify, no_wrap=True)
        for row in self._rows:
            table.add_row(*(row[column] for column in shown))
        return table


def print_rows(table: FittedTable, rows: int, noun: str, plural: str = "") -> None:
    """Print a table to standard output, or that there is nothing in it."""
    output().print(table if rows else f"no {plural or noun + 's'}")
