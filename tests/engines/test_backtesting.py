"""Runs of the real backtesting.py, recorded and compared with the engine's own numbers."""

from __future__ import annotations

import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("backtesting")

import pandas as pd
from backtesting import Backtest, Strategy

import paper_repo.demo
from paper_repo import SessionRepository
from paper_repo.engines.backtesting import record

# The engine calls what pandas 3.1 deprecates, and warns of trades that these tests leave open.
pytestmark = pytest.mark.filterwarnings(
    "ignore:DatetimeIndex.dayofweek is deprecated", "ignore:Some trades remain open at the end"
)

CENT = Decimal("0.005")
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "fees": {"commission": 0.002, "spread": 0.001},
    "margin": {"margin": 0.2, "commission": 0.001},
    "hedging": {"hedging": True, "margin": 0.5, "commission": 0.001},
    "left open": {"finalize_trades": False, "commission": 0.001},
}


def prices() -> pd.DataFrame:
    """A year of daily prices of AAPL, as the engine wants them."""
    table = pd.read_csv(Path(paper_repo.demo.__file__).with_name("prices.csv"), parse_dates=["date"])
    table = table[table["symbol"] == "AAPL"].set_index("date").drop(columns="symbol")
    return table.rename(columns=str.capitalize)


class Random(Strategy):  # type: ignore[misc]
    """Buys, sells short, closes in part and sets stops, as a seed says."""

    seed = 0

    def init(self) -> None:
        self.random = random.Random(self.seed)

    def next(self) -> None:
        price, what = self.data.Close[-1], self.random.random()
        if what < 0.15:
            self.buy(size=self.random.randint(1, 6), sl=price * 0.93, tp=price * 1.08, tag="up")
        elif what < 0.3:
            self.sell(size=self.random.randint(1, 6), tag="down")
        elif what < 0.4:
            self.position.close(0.5)
        elif what < 0.45:
            self.position.close()


def run(seed: int, options: dict[str, Any]) -> Any:
    """What the engine states of a run with this seed."""
    return Backtest(prices(), Random, **{"cash": 100_000, "finalize_trades": True, **options}).run(seed=seed)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_recorded_run_agrees_with_the_engine_to_the_cent(tmp_path: Path, options: dict[str, Any], seed: int) -> None:
    """Equity of every bar is the engine's; fees, profit and final equity agree to the cent."""
    stats = run(seed, options)
    record(stats, tmp_path / "s.db", session_id="a", symbol="AAPL")

    trades = stats["_trades"]
    with SessionRepository(tmp_path / "s.db") as repository:
        session, curve, fills = repository.get_by_id("a"), repository.get_equity_curve("a"), repository.get_fills("a")
    assert session is not None
    left = stats["_strategy"].trades
    assert len(trades) > 5
    assert len(fills) == 2 * len(trades) + len(left)
    assert len(session.positions) == len(left)
    assert abs(session.equity - Decimal(str(stats["Equity Final [$]"]))) < CENT
    expected = [Decimal(f"{float(value):.15g}") for value in stats["_equity_curve"]["Equity"]]
    assert [point.equity for point in curve] == expected
    if not left:
        assert abs(session.fees_paid - Decimal(str(stats.get("Commissions [$]", 0)))) < CENT
        assert abs(session.realized_pnl - session.fees_paid - Decimal(str(trades["PnL"].sum()))) < CENT


def test_fills_keep_tag_and_stops_of_their_trade(tmp_path: Path) -> None:
    """Tag and stop price are in the metadata of the stored fill."""
    stats = run(1, {})
    session = record(stats, tmp_path / "s.db", session_id="a")
    with SessionRepository(tmp_path / "s.db") as repository:
        fills = {fill.id: fill for fill in repository.get_fills(session.id)}
    for number, trade in enumerate(stats["_trades"].to_dict("records"), 1):
        kept = fills[f"{number}-entry"].metadata
        assert kept["tag"] == trade["Tag"]
        assert ("stop_loss" in kept) == (not pd.isna(trade["SL"]))


def test_prices_without_times_are_refused_and_nothing_is_stored(tmp_path: Path) -> None:
    """A run over numbered bars says what is missing, and makes no file."""
    with pytest.warns(UserWarning, match="not datetime"):
        stats = Backtest(prices().reset_index(drop=True), Random, cash=100_000, finalize_trades=True).run()
    with pytest.raises(ValueError, match="DatetimeIndex"):
        record(stats, tmp_path / "s.db", session_id="a")
    assert not (tmp_path / "s.db").exists()


@pytest.mark.parametrize("seed", [0, 1, 2, 4, 5])
def test_a_fixed_fee_is_booked_once_for_an_entry_that_is_closed_in_parts(tmp_path: Path, seed: int) -> None:
    """The engine states it for every part and has taken it once; every trade stays one, and the equity agrees."""
    stats = run(seed, {"commission": (1.0, 0.001)})
    session = record(stats, tmp_path / "s.db", session_id="a")

    assert not stats["_strategy"].trades
    overstated = session.fees_paid - Decimal(str(stats["Commissions [$]"]))
    entries = {(trade.entry_bar, id(trade.entry_price)) for trade in stats["_strategy"].closed_trades}
    assert abs(overstated - (len(entries) - len(stats["_trades"]))) < CENT
    assert overstated < -1
    assert abs(session.equity - Decimal(str(stats["Equity Final [$]"]))) < CENT
    assert session.fill_count == 2 * len(stats["_trades"])


class Reckless(Strategy):  # type: ignore[misc]
    """Buys as much as it can, twice, before the price falls."""

    def init(self) -> None:
        pass

    def next(self) -> None:
        if len(self.data) < 5:
            self.buy(size=0.5)


def test_a_run_that_has_lost_more_than_it_had_ends_with_the_engines_equity(tmp_path: Path) -> None:
    """The engine sets its equity to 0; what it has written off is a cash flow, and the trades keep their losses."""
    falling = prices().astype(float)
    falling.iloc[20:] *= 0.7
    stats = Backtest(falling, Reckless, cash=100_000, margin=0.05, finalize_trades=True).run()
    assert stats["Equity Final [$]"] == 0
    session = record(stats, tmp_path / "s.db", session_id="a")

    with SessionRepository(tmp_path / "s.db") as repository:
        curve, (written_off,) = repository.get_equity_curve("a"), repository.get_cash_flows("a")
        assert repository.check().problems == []
    assert session.equity == 0
    assert session.realized_pnl + session.unrealized_pnl < -100_000
    assert written_off.amount == session.income > 0
    assert written_off.at == next(point.at for point in curve if point.equity == 0)


def test_trades_that_contradict_the_engines_equity_are_refused_with_the_difference(tmp_path: Path) -> None:
    """A final equity that the trades do not come to is not stored."""
    stats = run(0, {})
    stats["Equity Final [$]"] += 35
    with pytest.raises(ValueError, match=r"a difference of -35\.0"):
        record(stats, tmp_path / "s.db", session_id="a")
    assert not (tmp_path / "s.db").exists()


def test_recording_under_a_stored_id_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    """The second run does not replace the first."""
    record(run(1, {}), tmp_path / "s.db", session_id="a")
    with SessionRepository(tmp_path / "s.db") as repository:
        before = repository.get_fills("a")
        with pytest.raises(paper_repo.ConflictError):
            record(run(2, {}), repository, session_id="a")
        assert repository.get_fills("a") == before
