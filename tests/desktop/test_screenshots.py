"""Pictures of the window in both themes; with SCREENSHOTS=1 those of the manual are taken anew."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from paper_repo import SessionRepository
from tests.desktop.conftest import traded
from tests.desktop.driving import Desktop

from paper_repo.desktop.theme import DARK, LIGHT, Theme  # isort: skip  # which `driving` has looked for

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(("name", "dress"), [("light", LIGHT), ("dark", DARK)])
def test_screenshots(desktop: Desktop, stored: SessionRepository, tmp_path: Path, name: str, dress: Theme) -> None:
    """The whole window at 1280x800, with four sessions, one of them in the chart."""
    for title, fast, slow, days in (
        ("Crossover, nervous", 3, 20, 140),
        ("Crossover, balanced", 10, 30, 95),
        ("Crossover, patient", 20, 50, 180),
        ("Crossover, quick", 5, 40, 250),
    ):
        stored.save(traded(title, days=days, fast=fast, slow=slow))
    window = desktop.open(demo=True, dress=dress)
    window.resize(1280, 800)
    window.status_line.place.setText("sessions.db")
    desktop.until(lambda: window.chart.curves and len(window.chart.curves[0].equity) > 200)
    desktop.until(lambda: window.performance.figures["Closed trades"].text() != "–")
    desktop.until(lambda: desktop.column("Symbol", window.views["Positions"]))
    desktop.until(lambda: window.status_line.written.text())
    window.views["Positions"].view.scrollTo(window.views["Positions"].rows.index(0, 0))
    desktop.settle()

    picture = window.grab()
    file = (DOCS if os.environ.get("SCREENSHOTS") else tmp_path) / f"desktop-{name}.png"

    assert (picture.width(), picture.height()) == (1280, 800)
    assert picture.save(str(file))
