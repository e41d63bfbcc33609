"""Growth curves as SVG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.bench import Curves
from benchmarks.contenders import NAMES, REFERENCE
from benchmarks.measure import Sample

_OURS = {"SessionRepository": "#d62728", "SQLiteSessionRepository": "#1f77b4"}
_PEERS = ("#8c564b", "#7f7f7f", "#2ca02c", "#9467bd", "#bcbd22", "#17becf")


def draw(
    path: Path, title: str, x_label: str, y_label: str, curves: Curves, *, unit: float = 1e6, log: bool = True
) -> bool:
    """Write one chart with a line for each contender and its quartiles shaded.

    Args:
        unit: what a value is multiplied by, to be in the unit of `y_label`.
        log: whether both axes are logarithmic; otherwise they are linear, from zero.

    Returns:
        False when matplotlib is missing, and nothing was drawn.
    """
    try:
        import matplotlib
    except ImportError:
        return False
    matplotlib.use("svg")
    from matplotlib import pyplot

    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "paper_repo", "font.family": "sans-serif"})
    figure, axes = pyplot.subplots(figsize=(9, 5), layout="constrained")
    for name, points in curves.items():
        _line(axes, name, points, unit)
    axes.set(title=title, xlabel=x_label, ylabel=y_label)
    axes.set(xscale="log", yscale="log") if log else axes.set(xlim=(0, None), ylim=(0, None))
    axes.grid(True, which="major", alpha=0.4)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
    return True


def _line(axes: Any, name: str, points: list[tuple[int, Sample]], unit: float) -> None:
    xs = [x for x, _ in points]
    low, high = zip(*(sample.quartiles for _, sample in points), strict=True)
    color = _color(name)
    stands_out = name in _OURS or name == REFERENCE
    axes.plot(
        xs,
        [sample.median * unit for _, sample in points],
        color=color,
        linewidth=2.5 if stands_out else 1.2,
        linestyle="--" if name == REFERENCE else "-",
        marker="o",
        markersize=4 if stands_out else 2.5,
        label=name,
    )
    axes.fill_between(xs, [value * unit for value in low], [value * unit for value in high], color=color, alpha=0.15)


def _color(name: str) -> str:
    """The same color in every chart, whoever takes part."""
    peers = [each for each in NAMES if each not in _OURS and each != REFERENCE]
    return "#000000" if name == REFERENCE else _OURS.get(name) or _PEERS[peers.index(name)]
