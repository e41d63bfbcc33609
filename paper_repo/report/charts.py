"""The charts of a report: drawn as SVG here, so that they are there on paper and without scripts too.

The picture stretches to the width it is given, and its lines do not; so the numbers beside it are text of the page,
which stands at even distances: a chart has its highest value on top, its lowest at the bottom, and the rest between.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from paper_repo.domain.downsampling import plottable
from paper_repo.report.formatting import plain

WIDTH, HEIGHT = 1000, 300
COLOURS, DASHES = 8, 3
_FEWEST, _MOST = 3, 10
"""How many steps there are between the lowest and the highest line."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart: times in milliseconds, and values."""

    name: str
    times: Sequence[float]
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines over the same time.

    `kind` says how the page's script writes a value: "money" or "percent"; `fill` draws the area up to zero; `small` is
    for a chart below another one, which has the legend, and always shows zero; `since_start` says that times are
    counted from the start of each line.
    """

    name: str
    title: str
    lines: Sequence[Line]
    kind: str
    show: Callable[[float], str]
    fill: bool = False
    small: bool = False
    since_start: bool = False

    def html(self) -> str:
        """The chart with its title, its numbers, its legend, and its data for the script."""
        drawn = [Line(line.name, line.times, [plottable(each) for each in line.values]) for line in self.lines]
        low, high, steps = _bounds([value for line in drawn for value in line.values], self.small)
        start = min(line.times[0] for line in drawn)
        end = max(line.times[-1] for line in drawn)
        frame = _Frame(start, end, low, high)
        labels = "".join(
            f"<span>{plain(self.show(high - (high - low) * step / steps))}</span>" for step in range(steps + 1)
        )
        show_time = _passed if self.since_start else _date
        dates = "".join(f"<span>{show_time(start + (end - start) * step / 3, end - start)}</span>" for step in range(4))
        lines = "".join(frame.path(line, number, self.fill) for number, line in enumerate(drawn))
        data = {
            "kind": self.kind, "since": self.since_start, "start": start, "end": end, "low": low, "high": high,
            "lines": [
                {"name": line.name, "t": line.times, "v": [_short(each) for each in line.values]} for line in drawn
            ],
        }  # fmt: skip
        together = ' data-together="1"' if len(self.lines) > 1 else ""
        what = f"{plain(self.title)}, from {show_time(start, 0)} to {show_time(end, 0)}"
        return (
            f'<figure class="chart{" small" if self.small else ""}" id="{self.name}"{together}>'
            f'<figcaption><span>{plain(self.title)}</span><output aria-live="polite"></output></figcaption>'
            f'<div class="frame"><div class="labels" aria-hidden="true">{labels}</div>'
            f'<div class="plot" tabindex="0" role="group" aria-roledescription="chart" '
            f'aria-label="{what}. Left and right arrow keys read the points out.">'
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
            f'{frame.grid(steps)}<rect class="range" y="0" width="0" height="{HEIGHT}"/>{lines}'
            f'<line class="cursor" y1="0" y2="{HEIGHT}" x1="-9" x2="-9"/></svg></div></div>'
            f'<div class="dates" aria-hidden="true">{dates}</div>{self._legend()}'
            f'<script type="application/json">{json_for_html(data)}</script></figure>'
        )

    def _legend(self) -> str:
        if len(self.lines) == 1 or self.small:
            return ""
        items = "".join(
            f'<li><button type="button" data-line="{number}"><svg class="swatch" viewBox="0 0 24 8" aria-hidden="true">'
            f'<path class="line {_classes(number)}" d="M0 4H24"/></svg>{plain(line.name)}</button></li>'
            for number, line in enumerate(self.lines)
        )
        return f'<ul class="legend">{items}</ul>'


class _Frame:
    """From values to places in the picture."""

    def __init__(self, start: float, end: float, low: float, high: float) -> None:
        self._start, self._span = start, (end - start) or 1
        self._low, self._range = low, high - low

    def x(self, time: float) -> float:
        return round((time - self._start) / self._span * WIDTH, 1)

    def y(self, value: float) -> float:
        return round(HEIGHT - (value - self._low) / self._range * HEIGHT, 1)

    def grid(self, steps: int) -> str:
        lines = (f"M0 {HEIGHT * step / steps:g}H{WIDTH}" for step in range(steps + 1))
        return f'<path class="grid" d="{"".join(lines)}"/>'

    def path(self, line: Line, number: int, fill: bool) -> str:
        places = [f"{self.x(time):g} {self.y(value):g}" for time, value in zip(line.times, line.values, strict=True)]
        drawn = "M" + "L".join(places if len(places) > 1 else [*places, f"{WIDTH} {places[0].split()[1]}"])
        path = f'<path class="line {_classes(number)}" data-line="{number}" d="{drawn}"/>'
        if not fill:
            return path
        zero, first, last = self.y(0), self.x(line.times[0]), self.x(line.times[-1])
        return f'<path class="area {_classes(number)}" d="{drawn}L{last:g} {zero:g}L{first:g} {zero:g}Z"/>{path}'


def json_for_html(data: object) -> str:
    """JSON that can stand in a script element: nothing in it ends the element or begins another one."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def milliseconds(at: datetime) -> float:
    """Since 1970, as a browser counts."""
    return round(at.timestamp() * 1000)


def _bounds(values: Sequence[float], to_zero: bool) -> tuple[float, float, int]:
    """The lowest and highest value of the picture, and the steps between: every line stands at a round number.

    The step is the smallest that does not make too many of them, so that little of the picture is empty.
    """
    most = _MOST // 2 if to_zero else _MOST  # which is drawn in a small chart
    low, high = (min(*values, 0.0), 0.0) if to_zero else (min(values), max(values))
    if low == high:
        margin = abs(low) * 0.01 or 0.01
        low, high = low - margin, high if to_zero else high + margin
    for step in _round_steps((high - low) / most):
        below = math.floor(low / step)
        steps = max(math.ceil(high / step) - below, _FEWEST if not to_zero else 1)
        bottom, top = below * step, (below + steps) * step
        if steps <= most and bottom <= low and top >= high:
            return bottom, 0.0 if to_zero else top, steps
    return low, high, _FEWEST


def _round_steps(least: float) -> Iterator[float]:
    """Round numbers from `least` on."""
    size = math.floor(math.log10(least))
    yield from (
        digit * 10.0**power
        for power in range(size, size + 3)
        for digit in (1, 2, 2.5, 5)
        if digit * 10.0**power >= least
    )


def _classes(number: int) -> str:
    return f"c{number % COLOURS} d{number // COLOURS % DASHES}"


def _short(value: float) -> float:
    """Nine significant digits: more than a screen has pixels, and fewer bytes."""
    return float(f"{value:.9g}")


def _date(milliseconds: float, span: float) -> str:
    """The day, or within two days the time too."""
    at = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return f"{at:%m-%d %H:%M}" if 0 < span < 2 * 86_400_000 else f"{at:%Y-%m-%d}"


def _passed(milliseconds: float, span: float) -> str:
    """How many days after the start, or within two days how many hours."""
    hours = milliseconds / 3_600_000
    return f"hour {hours:,.0f}" if 0 < span < 2 * 86_400_000 else f"day {hours / 24:,.0f}"
