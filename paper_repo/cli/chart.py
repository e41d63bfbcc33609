"""A line chart for a terminal, drawn with braille characters of two by four dots, or with asterisks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bit of each dot of a braille character, by row and column (Unicode, chapter 21.1, "Braille")."""

_BLANK = 0x2800


@dataclass(frozen=True, slots=True)
class Line:
    """A drawn line: rows of text from the top, and the lowest and highest value that they reach."""

    rows: list[str]
    low: float
    high: float

    def row_of(self, value: float) -> int:
        """The row in which `value` lies."""
        return _scaled(value, self.high, self.low, len(self.rows))


def draw(xs: Sequence[float], ys: Sequence[float], width: int, height: int, *, ascii_only: bool = False) -> Line:
    """Draw the line through the points (`xs` ascending) in `width` by `height` characters.

    Raises:
        ValueError: there is no point.
    """
    if not xs:
        raise ValueError("a line needs at least one point")
    low, high = min(ys), max(ys)
    if low == high:
        low, high = low - 1, high + 1
    across, down = (1, 1) if ascii_only else (2, 4)
    cells = [[0] * width for _ in range(height)]
    columns = (_scaled(x, xs[0], xs[-1], width * across) for x in xs)
    rows = (_scaled(y, high, low, height * down) for y in ys)
    for column, row in _connected(zip(columns, rows, strict=True)):
        cells[row // down][column // across] |= 1 if ascii_only else DOTS[row % 4][column % 2]
    return Line(["".join(_character(cell, ascii_only) for cell in row) for row in cells], low, high)


def _character(dots: int, ascii_only: bool) -> str:
    if not dots:
        return " "
    return "*" if ascii_only else chr(_BLANK + dots)


def _scaled(value: float, first: float, last: float, steps: int) -> int:
    """Which of `steps` equal parts of the way from `first` to `last` `value` lies in."""
    if first == last:
        return 0
    return min(max(int((value - first) / (last - first) * steps), 0), steps - 1)


def _connected(points: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The dots and the lines between them; points at the same dot count once."""
    before: tuple[int, int] | None = None
    for point in points:
        if point == before:
            continue
        yield from _between(before or point, point)
        before = point


def _between(start: tuple[int, int], end: tuple[int, int]) -> Iterator[tuple[int, int]]:
    steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
    for step in range(steps + 1):
        yield tuple(round(a + (b - a) * step / steps) for a, b in zip(start, end, strict=True))  # type: ignore[misc]
