"""Orders that close after others of their session have been stored."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from paper_repo import (
    DuplicateFillError,
    Fill,
    InvalidSessionError,
    Order,
    OrderStatus,
    PaperTradingSession,
    SessionRepository,
    Strategy,
)


def limit(order_id: str) -> Order:
    """A resting order; those of this test cancel each other."""
    return Order(order_id, "IBM", "BUY", "LIMIT", 1, limit_price=100, oco_group="a" if order_id != "first" else None)


def test_two_orders_that_close_at_once_after_a_save_are_both_known(tmp_path: Path) -> None:
    """One closed order has been stored; then one cancels another, and both ids are refused from then on."""
    session = PaperTradingSession(strategy=Strategy("orders"), initial_cash=1000)
    for order_id in ("first", "second", "third"):
        session.place_order(limit(order_id))
    session.cancel_order("first")
    with pytest.raises(InvalidSessionError):
        session.place_order(limit("first"))
    with SessionRepository(tmp_path / "s.db") as repository:
        repository.save(session)

    assert session.cancel_order("second").status is OrderStatus.CANCELLED
    for order_id in ("second", "third"):
        with pytest.raises(InvalidSessionError, match="CANCELLED already"):
            session.place_order(limit(order_id))


def test_a_fill_that_comes_again_before_its_order_is_told_as_such(tmp_path: Path) -> None:
    """It was stored, and is booked again and then counted by the order: the cash is wrong, not the order."""
    session = PaperTradingSession(id="a", strategy=Strategy("orders"), initial_cash=1000)
    fill = Fill("f", "IBM", "BUY", 1, price=100, order_id="first")
    session.apply_fill(fill)
    with SessionRepository(tmp_path / "s.db") as repository:
        repository.save(session)
        session.apply_fill(fill)
        session.place_order(replace(limit("first"), quantity=Decimal(2)))

        with pytest.raises(DuplicateFillError):
            repository.save(session)
