"""Reports of NautilusTrader; the samples were written by the engine itself."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from paper_repo import SessionRepository, SourceFileError
from paper_repo.engines.importing import import_file

SAMPLES = Path(__file__).parent / "samples"


@pytest.mark.parametrize(
    ("name", "cash", "open_positions"),
    [("net", "999630.19713300", 1), ("hedge", "999897.44713300", 15), ("spot", "979946.95625500", 1)],
)
def test_reports_of_nautilus(name: str, cash: str, open_positions: int, repository: SessionRepository) -> None:
    """The cash that the engine's account had at the end, to the last digit: netting, hedging and spot."""
    path = SAMPLES / f"nautilus_{name}_fills.csv"

    report = import_file(path, repository, source="nautilus", session_id="n", initial_cash=1_000_000)

    assert report.session.cash == Decimal(cash)
    assert len(report.session.positions) == open_positions
    assert [each.name for each in report.comparisons] == [f"total of USDT in nautilus_{name}_account.csv"]
    assert report.agrees
    assert repository.check().ok


@pytest.mark.parametrize("name", ["nautilus_spot_positions.csv", "nautilus_net_orders.csv"])
def test_coarser_reports_of_nautilus(name: str, repository: SessionRepository) -> None:
    """Averages make the same books, but for what floats leave."""
    cash = {"nautilus_spot_positions.csv": "979946.956255", "nautilus_net_orders.csv": "999630.197133"}

    report = import_file(SAMPLES / name, repository, source="nautilus", session_id="n", initial_cash=1_000_000)

    assert round(report.session.cash, 6) == Decimal(cash[name])
    assert report.agrees
