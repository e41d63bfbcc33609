"""Files as programs write them, against what must come out of them, which was worked out apart from this library."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from paper_repo import SessionRepository, round_trips
from paper_repo.engines.importing import ImportReport, import_file

SAMPLES = Path(__file__).parent / "samples"
ASKED: dict[str, dict[str, Any]] = {
    "binance_trades.csv": {"source": "csv", "allow": ["foreign-rows", "unpriced-fees"]},
    "tradingview_trades.csv": {"source": "tradingview", "timezone": "UTC"},
    "ibkr_activity.csv": {"source": "ibkr"},
    "mt5_deals.html": {"source": "metatrader", "timezone": "UTC", "multipliers": {"XAUUSD": 100}},
    "freqtrade_backtest.json": {"source": "freqtrade"},
}
"""What is asked for each of them, beside its file."""


def expected(name: str) -> dict[str, Any]:
    """What must come out."""
    data: dict[str, Any] = json.loads((SAMPLES / f"{name}.expected.json").read_text(encoding="utf-8"))
    return data


def imported(name: str, repository: SessionRepository) -> ImportReport:
    """The sample, stored."""
    return import_file(SAMPLES / name, repository, session_id="sample", **ASKED[name])


@pytest.mark.parametrize("name", ASKED)
def test_a_sample_comes_out_as_worked_out(name: str, tmp_path: Path) -> None:
    """Every figure is exact, in the report and in what is stored; the check finds the books sound."""
    wanted = expected(name)

    with SessionRepository(tmp_path / "s.db") as repository:
        report = imported(name, repository)
        session = repository.get_by_id("sample")
        assert session is not None
        fills, flows = repository.get_fills("sample"), repository.get_cash_flows("sample")
        assert repository.check().ok

    assert len(fills) == report.fills == session.fill_count == wanted["fills"]
    assert session.base_currency == wanted["base_currency"]
    assert session.realized_pnl == Decimal(wanted["realized_pnl_average_cost"])
    trips = round_trips([*fills], session)
    assert sum(each.pnl for each in trips) == Decimal(wanted["realized_pnl_fifo"])
    assert session.fees_paid == Decimal(wanted["fees"])
    paid = sum((each.amount for each in flows), Decimal(0))
    assert paid == Decimal(wanted["other_cash"])
    assert session.cash - session.initial_cash == Decimal(wanted["cash_change"])
    assert session.cash - session.initial_cash - paid == Decimal(wanted["cash_change_from_fills"])
    held = {each.symbol: (each.quantity, each.cost_basis) for each in session.positions.values()}
    assert held == {
        symbol: (Decimal(each["quantity"]), Decimal(each["cost_basis"]))
        for symbol, each in wanted["open_positions"].items()
    }
    if not any(fill.position_id for fill in fills):
        assert len(trips) == report.round_trips == wanted["closed_trades_fifo"]
    if wanted["initial_cash"][-1] != ")":
        assert session.initial_cash == Decimal(wanted["initial_cash"])
    for currency, fee in wanted.get("fees_by_currency", {}).items():
        assert report.fees[currency] == Decimal(fee)
    assert sum(report.left_out.values()) >= wanted.get("skipped_rows", 0)
    assert report.agrees
    assert report.comparisons


@pytest.mark.parametrize("name", ASKED)
def test_importing_again_adds_nothing(name: str, tmp_path: Path) -> None:
    """The session is the very same, down to its version."""
    with SessionRepository(tmp_path / "s.db") as repository:
        imported(name, repository)
        before, fills = repository.get_by_id("sample"), repository.get_fills("sample")
        again = imported(name, repository)

        assert (again.booked_fills, again.booked_flows) == (0, 0)
        assert repository.get_by_id("sample") == before
        assert repository.get_fills("sample") == fills


@pytest.mark.parametrize("name", ASKED)
def test_a_dry_run_stores_nothing(name: str, tmp_path: Path) -> None:
    """It says the same, and there is no file after it."""
    path = tmp_path / "s.db"

    dry = import_file(SAMPLES / name, path, session_id="sample", dry_run=True, **ASKED[name])

    assert not path.exists()
    with SessionRepository(path) as repository:
        report = imported(name, repository)
    assert dry.comparisons == report.comparisons
    assert (dry.fills, dry.left_out) == (report.fills, report.left_out)
    assert len(dry.first) == min(5, dry.fills)
