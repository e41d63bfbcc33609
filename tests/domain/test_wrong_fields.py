"""The error of a wrong value names the field that it was given for."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from paper_repo import (
    CashFlow,
    EquityPoint,
    Fill,
    Instrument,
    InvalidSessionError,
    Order,
    PaperTradingSession,
    Position,
    Split,
    Strategy,
    SymbolChange,
)
from tests.builders import START

ENTITIES = (
    CashFlow("1", "DEPOSIT", 5, START),
    EquityPoint(START, 1, 2),
    Fill("1", "AAPL", "BUY", 1, 2),
    Instrument("AAPL"),
    Order("1", "AAPL", "BUY", "LIMIT", 1, limit_price=2),
    Position("AAPL", 1, 2, 3, START),
    Split("1", "AAPL", 2, START),
    Strategy("hold"),
    SymbolChange("1", "FB", "META", START),
    PaperTradingSession(strategy=Strategy("hold"), initial_cash=1),
)
FIELDS = [(entity, each.name) for entity in ENTITIES for each in dataclasses.fields(entity) if each.init]


@pytest.mark.parametrize(
    ("entity", "name"), FIELDS, ids=lambda each: each if isinstance(each, str) else type(each).__name__
)
def test_a_wrong_value_is_named_by_its_field(entity: Any, name: str) -> None:
    """What is of no type that could stand there is refused, under the name of the field or of a part of it."""
    with pytest.raises(InvalidSessionError) as caught:
        dataclasses.replace(entity, **{name: object()})

    assert [path.partition(".")[0].partition("[")[0] for path in caught.value.messages] == [name]
