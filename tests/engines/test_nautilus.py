"""Backtests of the real nautilus_trader, recorded and compared with the engine's own account (tox -e engines)."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nautilus_trader")

from nautilus_trader.common.config import ActorFactory, ImportableActorConfig

from paper_repo import OrderStatus, PaperTradingSession, SessionRepository
from paper_repo.engines.nautilus import SessionRecorder
from tests.engines import nautilus_runs
from tests.engines.nautilus_runs import Watching, modes

CENT = Decimal("0.01")
SEEDS = range(5)
CHECKOUT = Path(nautilus_runs.__file__).parents[2]


@contextmanager
def run(path: Path, mode: str, seed: int, **options: Any) -> Iterator[Watching]:
    """The recorder of a run, while the engine still knows its account."""
    engine, recorder = nautilus_runs.run(path, mode, seed, **options)
    try:
        yield recorder
    finally:
        engine.dispose()


def stored(path: Path) -> dict[str, Any]:
    """All that is stored of the session."""
    with SessionRepository(path) as repository:
        assert repository.check().problems == []
        session = repository.get_by_id("a")
        assert session is not None
        return {
            "session": session,
            "fills": repository.get_fills("a"),
            "curve": repository.get_equity_curve("a"),
            "orders": repository.get_orders("a", which="closed"),
            "trades": repository.get_trades("a"),
        }


def books(session: PaperTradingSession) -> dict[str, Any]:
    """What must be equal after an interruption."""
    names = ("cash", "balances", "positions", "realized_pnl", "fees_paid", "income", "fill_count", "equity")
    return {name: getattr(session, name) for name in names}


def closed(found: dict[str, Any]) -> set[tuple[Any, ...]]:
    """The orders that were closed; those of one moment have no order of their own."""
    return {(each.id, each.status, each.filled_quantity, each.closed_at) for each in found["orders"]}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("mode", ["shares", "netting", "hedging", "virtual", "perpetual", "coins", "yen"])
def test_a_recorded_run_agrees_with_the_engine(tmp_path: Path, mode: str, seed: int) -> None:
    """Equity of every bar, cash of every currency, every position and the fees: to the cent."""
    with run(tmp_path / "s.db", mode, seed) as recorder:
        account = recorder.portfolio.account(nautilus_runs.Venue(recorder.config.venue))
        total = {currency.code: money.as_decimal() for currency, money in account.balances_total().items()}
        positions = {each.id.value: each for each in recorder.cache.positions_open()}
        orders = {each.client_order_id.value: each for each in recorder.cache.orders()}
    found = stored(tmp_path / "s.db")
    session = found["session"]

    assert len(found["fills"]) > 50
    assert [(each.at, True) for each in found["curve"]] == [
        (point.at, abs(point.equity - equity) < CENT)
        for point, (_, equity) in zip(found["curve"], recorder.seen, strict=True)
    ]
    held = session.balances.copy()
    for each in session.positions.values():
        assert each.quantity == positions[each.id].signed_decimal_qty()
        assert abs(each.average_price - Decimal(str(positions[each.id].avg_px_open))) < Decimal("1e-6")
        if mode == "coins":
            held["BTC"] = held.get("BTC", 0) + each.quantity
    assert session.positions.keys() == positions.keys()
    assert abs(session.cash - total.pop(session.base_currency)) < CENT
    assert held == total
    closed = {each.id: each.status for each in found["orders"]}
    assert {each for each, order in orders.items() if order.is_closed} == closed.keys()
    assert {each for each, order in orders.items() if not order.is_closed} == session.open_orders.keys()
    assert {OrderStatus.FILLED} <= set(closed.values())
    assert session.status == "STOPPED"


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("mode", ["netting", "hedging", "virtual", "coins"])
def test_a_killed_run_goes_on_and_equals_an_uninterrupted_one(tmp_path: Path, mode: str, seed: int) -> None:
    """Killed twice at random bars; the backtest begins from the beginning, and nothing is booked twice."""
    draw = random.Random(seed)
    path = tmp_path / "killed.db"
    first = draw.randint(2, 200)
    program = [sys.executable, "-m", "tests.engines.nautilus_runs", str(path), mode, str(seed), str(first)]
    done = subprocess.run(program, cwd=CHECKOUT, check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL
    before = stored(path)
    assert before["session"].status == "RUNNING"
    assert len(before["curve"]) in range(max(first - 10, 0), first + 1)

    with run(path, mode, seed, resume=True):
        pass
    with run(tmp_path / "whole.db", mode, seed):
        pass

    killed, whole = stored(path), stored(tmp_path / "whole.db")
    assert killed["fills"] == whole["fills"]
    assert killed["curve"] == whole["curve"]
    assert closed(killed) == closed(whole)
    assert killed["trades"] == whole["trades"]
    assert books(killed["session"]) == books(whole["session"])


def test_several_positions_in_one_instrument_are_told_apart(tmp_path: Path) -> None:
    """Hedging mode: the engine's positions by their ids, each a trade of its own."""
    with run(tmp_path / "s.db", "hedging", 1) as recorder:
        closed = {each.id.value: each for each in recorder.cache.positions_closed()}
    found = stored(tmp_path / "s.db")

    assert len({each.position_id for each in found["fills"]}) > 10
    assert len(found["trades"]) == len(closed)
    theirs = sum(each.realized_pnl.as_decimal() for each in closed.values())
    assert abs(sum(each.net_pnl for each in found["trades"]) - theirs) < CENT


def test_another_run_under_the_same_id_is_refused(tmp_path: Path) -> None:
    """Without `resume`, whatever it is; with it, a run that is not the one that was recorded."""
    with run(tmp_path / "s.db", "netting", 1):
        pass
    before = stored(tmp_path / "s.db")
    with pytest.raises(ValueError, match=r"session 'a' is stored in .*resume=True goes on"):
        nautilus_runs.run(tmp_path / "s.db", "netting", 1)
    with pytest.raises(ValueError, match="this is not the run that was recorded"):
        nautilus_runs.run(tmp_path / "s.db", "netting", 2, resume=True)
    assert stored(tmp_path / "s.db")["fills"] == before["fills"]


def test_the_actor_is_made_of_an_importable_config() -> None:
    """As a node's or a backtest's configuration names it."""
    config = ImportableActorConfig(
        actor_path="paper_repo.engines.nautilus:SessionRecorder",
        config_path="paper_repo.engines.nautilus:SessionRecorderConfig",
        config={"path": "s.db", "session_id": "a", "venue": "SIM", "bar_types": ["AAPL.SIM-1-DAY-LAST-EXTERNAL"]},
    )

    made = ActorFactory.create(config)

    assert isinstance(made, SessionRecorder)
    assert made.config.session_id == "a"


def test_inverse_contracts_are_refused() -> None:
    """Their profit is not a difference of prices."""
    from nautilus_trader.test_kit.providers import TestInstrumentProvider

    from paper_repo.engines.nautilus import instrument

    with pytest.raises(ValueError, match=r"is an inverse or quanto contract"):
        instrument(TestInstrumentProvider.xbtusd_bitmex(), is_margin_account=True)
    assert modes()["netting"].instrument.multiplier.as_decimal() == 1
