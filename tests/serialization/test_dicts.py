"""Entities as plain dictionaries, and back."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given

from paper_repo import (
    CashFlow,
    EquityPoint,
    Fill,
    Instrument,
    InvalidSessionError,
    Order,
    PaperTradingSession,
    Performance,
    SessionSummary,
    Split,
    Strategy,
    SymbolChange,
    compare,
    from_dict,
    performance,
    round_trips,
    to_dict,
    trades,
)
from paper_repo.serialization import schemas
from paper_repo.serialization.dicts import COMPUTED
from tests import strategies
from tests.builders import START, full_session, new_fill, new_session

STORED: list[Any] = [
    full_session(),
    *full_session().positions.values(),
    *full_session().open_orders.values(),
    new_fill(1),
    EquityPoint(START, 5, "6.50"),
    EquityPoint(START, None, 6),
    CashFlow("1", "DIVIDEND", "3.20", at=START, symbol="SAP"),
    Split("1", "AAPL", 4, at=START),
    SymbolChange("1", "FB", "META", at=START),
    Instrument("FDAX", currency="EUR", multiplier=50, settlement="MARGIN"),
    Strategy("sma", "1.0", {"fast": 10}),
]


def traded() -> PaperTradingSession:
    """A session with a trade."""
    session = new_session()
    session.apply_fill(Fill("1", "AAPL", "BUY", 10, price=5, executed_at=START))
    session.apply_fill(Fill("2", "AAPL", "SELL", 10, price=6, fee=1, executed_at=START))
    return session


@pytest.mark.parametrize("computed", [False, True])
@pytest.mark.parametrize("entity", STORED, ids=lambda each: type(each).__name__)
def test_there_and_back(entity: Any, computed: bool) -> None:
    """What is stored comes back equal, through JSON, with what is computed or without; every field is there."""
    data = json.loads(json.dumps(to_dict(entity, computed), allow_nan=False))

    assert set(data) >= set(schemas.fields_of(type(entity)))
    found = from_dict(type(entity), data)
    if isinstance(entity, PaperTradingSession):
        entity = from_dict(type(entity), to_dict(entity))  # without the history that waits
    assert found == entity


@given(strategies.sessions())
def test_any_session(session: PaperTradingSession) -> None:
    """It comes back equal but for the history that waits."""
    found = from_dict(PaperTradingSession, to_dict(session))

    assert to_dict(found) == to_dict(session)
    assert (found.equity, found.positions, found.open_orders) == (
        session.equity,
        session.positions,
        session.open_orders,
    )
    assert (found.new_fills, found.new_equity_points) == ([], [])


@pytest.mark.parametrize("kind", COMPUTED, ids=lambda each: each.__name__)
def test_what_is_computed_has_the_names_of_the_properties(kind: type[Any]) -> None:
    """Each stands in the dictionary under the name of the attribute that gives it."""
    assert all(hasattr(kind, name) or name in kind.__dataclass_fields__ for name in COMPUTED[kind])


def test_a_session_says_what_it_is_worth_when_asked() -> None:
    """Exact amounts as text, only with `computed`."""
    session = traded()

    assert "equity" not in to_dict(session)
    assert to_dict(session, computed=True)["equity"] == str(session.equity)
    assert to_dict(session, computed=True)["net_pnl"] == "9"


def test_results_are_plain_data() -> None:
    """Trades, round trips, summaries and figures can be written as JSON, and not read again."""
    session = traded()
    figures = performance(session, [], session.new_fills)
    endless = replace(figures, profit_factor=float("inf"))
    results = [*trades(session.new_fills), *round_trips(session.new_fills), SessionSummary.of(session), endless]

    for each in results:
        json.dumps(to_dict(each, computed=True), allow_nan=False)
    assert to_dict(results[0], computed=True)["net_pnl"] == "9"
    assert to_dict(results[0])["slices"][0]["side"] == "BUY"
    assert to_dict(endless)["profit_factor"] is None
    with pytest.raises(InvalidSessionError, match="entity that is stored, not Performance"):
        from_dict(Performance, to_dict(figures))


def test_a_comparison_is_plain_data() -> None:
    """With what follows from it, down to each pair, when asked."""
    session = traded()
    bought, sold = session.new_fills
    found = compare(session, session, [bought, sold], [replace(bought, price=bought.price + 1)])

    data = json.loads(json.dumps(to_dict(found, computed=True), allow_nan=False))

    assert (data["agrees"], data["slippage"], data["expected_fills"]) == (False, "10", 2)
    assert (data["matched"][0]["cost"], data["matched"][0]["slippage"], data["matched"][0]["delay"]) == ("10", "1", 0)
    assert data["matched"][0]["actual"]["price"] == "6"
    assert data["first_divergence"]["fill"] == data["missed"][0]["fill"]
    assert "slippage" not in to_dict(found)
    assert "slippage" not in to_dict(found)["matched"][0]


def test_an_own_kind_of_session_is_a_session() -> None:
    """A subclass of the program's own has the same fields."""

    class Mine(PaperTradingSession):
        pass

    assert to_dict(Mine(strategy=Strategy("x"), initial_cash=5))["initial_cash"] == "5"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: to_dict(5), "not a int"),
        (lambda: to_dict(Fill), "not a type"),
        (lambda: from_dict(int, {}), "stored, not int"),
        (lambda: from_dict("Fill", {}), "not 'Fill'"),  # type: ignore[arg-type]
        (lambda: from_dict(Fill, [1]), "must be a dict, not a list"),  # type: ignore[arg-type]
        (lambda: from_dict(Fill, to_dict(new_fill(1)) | {"prize": "1"}), "prize: Unknown field"),
        (lambda: from_dict(Fill, to_dict(new_fill(1)) | {"price": 1.5}), "price"),
        (lambda: from_dict(Order, {}), "symbol: Missing"),
        (lambda: from_dict(EquityPoint, {"at": datetime.now(UTC), "cash": "1", "equity": "1"}), "at:"),
    ],
)
def test_what_is_wrong_is_named(call: Any, message: str) -> None:
    """An error of ours says which field, or what kind of thing it takes."""
    with pytest.raises(InvalidSessionError, match=message):
        call()
