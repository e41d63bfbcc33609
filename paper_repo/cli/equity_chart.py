"""An equity curve as a chart."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from paper_repo.cli import formatting
from paper_repo.cli.chart import draw
from paper_repo.cli.zones import UTC_ZONE, Zone
from paper_repo.domain import EquityPoint
from paper_repo.domain.downsampling import plottable


class Curve:
    """An equity curve, kept in little memory as it passes by, and drawn as a chart."""

    HEIGHT = 10

    def __init__(self, zone: Zone = UTC_ZONE) -> None:
        self._zone = zone
        self.first: datetime = datetime.min.replace(tzinfo=UTC)
        self.last: datetime = self.first
        self.times: array[float] = array("d")
        self.equities: array[float] = array("d")

    def gather(self, points: Iterable[EquityPoint]) -> Iterator[EquityPoint]:
        """The same points, remembered."""
        for point in points:
            self.first = self.first if self.times else point.at
            self.last = point.at
            self.times.append(point.at.timestamp())
            self.equities.append(plottable(point.equity))
            yield point

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        ascii_only = options.ascii_only
        width = min(options.max_width, 120 if console.is_terminal else 100)
        highest, lowest, begin = (
            Decimal(f"{value:.15g}") for value in (max(self.equities), min(self.equities), self.equities[0])
        )  # a float's own digits, not those of its binary value
        places = formatting.places_of(highest, lowest, begin)
        labels = [formatting.money(value, places) for value in (highest, lowest)]
        margin = max(map(len, labels))
        line = draw(self.times, self.equities, max(width - margin - 3, 10), self.HEIGHT, ascii_only=ascii_only)
        style = "green" if self.equities[-1] >= self.equities[0] else "red"
        start = line.row_of(self.equities[0])
        named = {0: labels[0], len(line.rows) - 1: labels[1]}
        named.setdefault(start, formatting.money(begin, places))
        for number, row in enumerate(line.rows):
            label = Text(named.get(number, "").rjust(margin), "bright_black")
            rule = ("|" if ascii_only else "┤") if number in named else ("|" if ascii_only else "│")
            yield label.append(f" {rule}").append(self._dotted(row, number == start, style, ascii_only))
        first, last = (formatting.day(at, self._zone) for at in (self.first, self.last))
        gap = max(len(line.rows[0]) - len(first) - len(last), 1)
        yield Text(" " * (margin + 2) + first + " " * gap + last, "bright_black")

    @staticmethod
    def _dotted(row: str, at_start: bool, style: str, ascii_only: bool) -> Text:
        """A row of the line, with the starting equity dotted where nothing is drawn."""
        drawn = Text(row, style)
        if not at_start:
            return drawn
        dot = "." if ascii_only else "┈"
        drawn = Text()
        for each in row:
            drawn.append(dot, "bright_black") if each == " " else drawn.append(each, style)
        return drawn
