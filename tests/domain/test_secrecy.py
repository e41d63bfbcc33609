"""What messages show of values, and what they never show."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from paper_repo import Fill, InvalidSessionError, Order, PaperTradingSession, Position, Side, Strategy
from paper_repo.domain.secrecy import Passphrase, shown
from paper_repo.serialization import schemas
from tests.builders import new_session

SECRET = "the-alpha-9731"
PARAMETERS = {"alpha": SECRET}
STRATEGY = Strategy("mean", "1", PARAMETERS)

WRONG: list[Callable[[], Any]] = [
    lambda: Strategy("mean", "1", [PARAMETERS]),
    lambda: Strategy("mean", "1", SECRET),
    lambda: Strategy(PARAMETERS),
    lambda: PaperTradingSession(id="a", strategy=PARAMETERS, initial_cash=1),
    lambda: new_session(initial_cash=STRATEGY),
    lambda: new_session(name=STRATEGY),
    lambda: new_session(symbols=STRATEGY),
    lambda: new_session(symbols=[STRATEGY]),
    lambda: new_session(state=[PARAMETERS]),
    lambda: new_session(state=SECRET),
    lambda: new_session(metadata=STRATEGY),
    lambda: new_session(status=STRATEGY),
    lambda: new_session(created_at=STRATEGY),
    lambda: new_session(version=STRATEGY),
    lambda: new_session(positions={"AAPL": STRATEGY}),
    lambda: Fill("f", "AAPL", STRATEGY, 1, price=1),
    lambda: Fill("f", "AAPL", "BUY", PARAMETERS, price=1),
    lambda: schemas.load(Strategy, {"name": "mean", "version": "1", "parameters": [PARAMETERS]}),
    lambda: schemas.load(Strategy, {"name": PARAMETERS, "version": "1", "parameters": {}}),
    lambda: schemas.load(Position, dict.fromkeys(schemas.fields_of(Position), PARAMETERS)),
    lambda: schemas.load(Order, dict.fromkeys(schemas.fields_of(Order), PARAMETERS)),
]


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_no_type_error_shows_what_a_strategy_is_made_of(number: int) -> None:
    """Parameters, state and metadata that are given where something else belongs are told by their type only."""
    with pytest.raises(InvalidSessionError) as refused:
        schemas.dump(WRONG[number]())

    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        (5, "5"),
        (True, "True"),
        (1.5, "1.5"),
        (Decimal("1.50"), "Decimal('1.50')"),
        (datetime(2026, 1, 5, tzinfo=UTC), "datetime.datetime(2026, 1, 5, 0, 0, tzinfo=datetime.timezone.utc)"),
        (Side.BUY, "<Side.BUY: 'BUY'>"),
        ("ten", "'ten'"),
        ("x" * 3_000_000, f"'{'x' * 79}…"),
        (10**5000, "an int"),
        (PARAMETERS, "a dict"),
        (STRATEGY, "a Strategy"),
        ((SECRET,), "a tuple"),
        (SECRET.encode(), "a bytes"),
        (ValueError(SECRET), "a ValueError"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_numbers_times_and_short_texts_are_shown(value: object, text: str) -> None:
    """They tell what is wrong at once; of everything else the type does."""
    assert shown(value) == text


def test_a_passphrase_shows_itself_nowhere() -> None:
    """It is text for whoever uses it, and no text where variables are shown."""
    assert Passphrase(SECRET) == SECRET
    assert SECRET not in repr([Passphrase(SECRET)])
