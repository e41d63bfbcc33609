"""The immutable things a session holds."""

from __future__ import annotations

import dataclasses
import decimal
import pickle
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given

from paper_repo import (
    EquityPoint,
    Fill,
    InvalidSessionError,
    Order,
    OrderType,
    Position,
    Side,
    Strategy,
    TimeInForce,
)
from paper_repo.domain.values import EXACT
from tests.builders import START, moment, new_fill
from tests.strategies import (
    amounts,
    equity_points,
    fills,
    hostile_contexts,
    nonzero_amounts,
    orders,
    positions,
    strategies,
)

NAIVE = datetime(2026, 1, 5)  # noqa: DTZ001


def new_position(**changes):
    """A long position with these fields changed."""
    fields = {"symbol": "AAPL", "quantity": 3, "cost_basis": "301.5", "last_price": "99", "opened_at": START}
    return Position(**(fields | changes))


def new_order(**changes):
    """A limit order with these fields changed."""
    fields = {"id": "o-1", "symbol": "AAPL", "side": "BUY", "type": "LIMIT", "quantity": 10, "limit_price": "99.5"}
    return Order(**(fields | changes))


def refusal(make, **changes):
    """The messages by path with which `make` refuses these changes."""
    with pytest.raises(InvalidSessionError) as refused:
        make(**changes)
    return refused.value.messages


@pytest.mark.parametrize(
    ("make", "changes", "message"),
    [
        (new_order, {"quantity": 0}, "order 'o-1': quantity: must be above zero, not 0."),
        (new_order, {"id": 5}, "order 5: id: must be text, not 5."),
        (
            lambda **changes: new_fill(7, **changes),
            {"price": "x"},
            "price: 'x' is not an amount; write it like '1234.56'.",
        ),
    ],
)
def test_errors_name_the_order_or_fill(make, changes, message):
    """Of thousands that a program makes, the one that is wrong is named; so it is after the error was pickled."""
    with pytest.raises(InvalidSessionError) as refused:
        make(**changes)

    named = message if message.startswith("order") else f"fill {new_fill(7).id!r}: {message}"
    assert str(refused.value) == str(pickle.loads(pickle.dumps(refused.value))) == named
    assert list(refused.value.messages) == list(changes)


@pytest.mark.parametrize("strategy", [strategies(), positions(), orders(), fills(), equity_points()])
def test_entities_are_frozen(strategy):
    """No field of an entity can be assigned, so that one may be shared without fear."""

    @given(strategy)
    def check(entity):
        for field in dataclasses.fields(entity):
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(entity, field.name, getattr(entity, field.name))

    check()


class TestStrategy:
    """Strategies."""

    def test_a_name_is_enough(self):
        """Version and parameters are empty unless given, and no two strategies share their parameters."""
        one, other = Strategy("sma"), Strategy("sma")

        assert (one.version, one.parameters) == ("", {})
        assert one.parameters is not other.parameters

    @pytest.mark.parametrize("field", ["name", "version"])
    def test_texts_are_checked(self, field):
        """A name that is no text is refused by its path."""
        assert refusal(Strategy, **({"name": "sma"} | {field: 5})) == {field: ["must be text, not 5."]}

    @pytest.mark.parametrize(
        ("parameters", "kind"), [(None, "a NoneType"), ([1, 2], "a list"), ("fast=10", "a str"), (5, "an int")]
    )
    def test_parameters_are_a_dict(self, parameters, kind):
        """What is not a JSON object is refused at once, without being quoted: parameters are nobody's business."""
        assert refusal(Strategy, name="sma", parameters=parameters) == {"parameters": [f"must be a dict, not {kind}."]}


class TestPosition:
    """Positions."""

    def test_prices_make_a_position(self):
        """`Position.open` takes a price and keeps the exact cost."""
        position = Position.open("AAPL", "-2.5", "100.10", START)

        assert position == Position("AAPL", Decimal("-2.5"), Decimal("-250.250"), Decimal("100.10"), START)
        assert position.average_price == Decimal("100.10")
        assert position.realized_pnl == 0

    @pytest.mark.parametrize(("quantity", "price", "path"), [("some", 1, "quantity"), (1, "any", "price")])
    def test_what_makes_no_position_is_refused(self, quantity, price, path):
        """`Position.open` names its own argument, the price too, which no field is called by."""
        assert list(refusal(Position.open, symbol="A", quantity=quantity, price=price, at=START)) == [path]

    def test_what_it_is_worth(self):
        """Market value and unrealized P&L follow the last price, long and short."""
        long, short = new_position(), new_position(quantity=-3, cost_basis="-301.5")

        assert (long.market_value, long.unrealized_pnl) == (297, Decimal("-4.5"))
        assert (short.market_value, short.unrealized_pnl) == (-297, Decimal("4.5"))

    def test_average_price_has_28_digits(self):
        """The average price is the one value that may be rounded."""
        assert str(new_position(cost_basis=100).average_price) == "33." + 26 * "3"

    @given(positions(), amounts(), hostile_contexts())
    def test_the_callers_context_changes_nothing(self, position, price, context):
        """Derived amounts and a mark are the same in every decimal context of the caller."""
        expected = position.average_price, position.market_value, position.unrealized_pnl, position.marked(price)

        with decimal.localcontext(context):
            seen = position.average_price, position.market_value, position.unrealized_pnl, position.marked(price)

        assert seen == expected
        assert expected[1] == EXACT.multiply(
            EXACT.multiply(position.quantity, position.last_price), position.multiplier
        )
        assert expected[2] == EXACT.subtract(expected[1], position.cost_basis)

    @given(positions(), amounts())
    def test_a_mark_changes_the_last_price_alone(self, position, price):
        """Marking gives a new position at another price."""
        marked = position.marked(price)

        assert marked == dataclasses.replace(position, last_price=price)

    @given(nonzero_amounts(), amounts(), hostile_contexts())
    def test_opening_is_exact(self, quantity, price, context):
        """The cost basis is quantity times price to the last digit, in any decimal context."""
        with decimal.localcontext(context):
            position = Position.open("AAPL", quantity, price, START)

        assert position.cost_basis == EXACT.multiply(quantity, price)
        assert position.unrealized_pnl == 0

    @pytest.mark.parametrize(
        ("changes", "path", "message"),
        [
            ({"symbol": ""}, "symbol", "must not be empty"),
            ({"quantity": 0}, "quantity", "an open position holds something"),
            ({"quantity": "0E-5"}, "quantity", "an open position holds something"),
            ({"quantity": float("nan")}, "quantity", "only finite numbers"),
            ({"cost_basis": True}, "cost_basis", "is not an amount"),
            ({"last_price": None}, "last_price", "is not an amount"),
            ({"realized_pnl": "much"}, "realized_pnl", "is not an amount"),
            ({"opened_at": NAIVE}, "opened_at", "has no time zone"),
        ],
    )
    def test_wrong_values_are_refused(self, changes, path, message):
        """Each refusal names the field."""
        messages = refusal(new_position, **changes)

        assert list(messages) == [path]
        assert message in messages[path][0]


class TestOrder:
    """Orders."""

    def test_names_become_choices_and_numbers_become_exact(self):
        """Side, type and time in force may be given by name, amounts as any number."""
        order = new_order(side="sell", type="stop_limit", quantity=1.5, stop_price=100, time_in_force="day")

        assert (order.side, order.type, order.time_in_force) == (Side.SELL, OrderType.STOP_LIMIT, TimeInForce.DAY)
        assert (order.quantity, order.stop_price) == (Decimal("1.5"), Decimal(100))

    def test_defaults(self):
        """A new order is good till cancelled, unfilled and made now, in UTC."""
        order = Order("o-1", "AAPL", "BUY", "MARKET", 1)

        assert (order.time_in_force, order.filled_quantity) == (TimeInForce.GTC, 0)
        assert (order.limit_price, order.stop_price) == (None, None)
        assert order.created_at.tzinfo is UTC

    @given(orders(), hostile_contexts())
    def test_what_remains_is_exact(self, order, context):
        """The remaining quantity and the filled one make the whole, in any decimal context."""
        with decimal.localcontext(context):
            remaining = order.remaining_quantity

        assert EXACT.add(remaining, order.filled_quantity) == order.quantity
        assert remaining >= 0

    @pytest.mark.parametrize(
        ("changes", "path", "message"),
        [
            ({"id": ""}, "id", "must not be empty"),
            ({"symbol": None}, "symbol", "must be text"),
            ({"side": "LONG"}, "side", "must be one of BUY, SELL"),
            ({"type": "TRAILING"}, "type", "must be one of MARKET, LIMIT, STOP, STOP_LIMIT"),
            ({"quantity": 0}, "quantity", "must be above zero"),
            ({"filled_quantity": "half"}, "filled_quantity", "is not an amount"),
            ({"filled_quantity": -1}, "filled_quantity", "-1 is not within 0 and the quantity 10"),
            ({"filled_quantity": 11}, "filled_quantity", "11 is not within 0 and the quantity 10"),
            ({"limit_price": float("inf")}, "limit_price", "only finite numbers"),
            ({"stop_price": "low"}, "stop_price", "is not an amount"),
            ({"time_in_force": "FOREVER"}, "time_in_force", "must be one of DAY, GTC, IOC, FOK"),
            ({"created_at": NAIVE}, "created_at", "has no time zone"),
        ],
    )
    def test_wrong_values_are_refused(self, changes, path, message):
        """Each refusal names the field."""
        messages = refusal(new_order, **changes)

        assert list(messages) == [path]
        assert message in messages[path][0]


class TestFill:
    """Fills."""

    def test_signed_quantity(self):
        """A sale counts below zero."""
        assert new_fill(1, quantity=2).signed_quantity == 2
        assert new_fill(1, quantity=2, side="SELL").signed_quantity == -2

    @given(fills(), hostile_contexts())
    def test_signed_quantity_is_exact(self, fill, context):
        """No digit of a sale is rounded by the caller's decimal context."""
        with decimal.localcontext(context):
            signed = fill.signed_quantity

        assert signed.copy_abs().as_tuple() == fill.quantity.as_tuple()

    def test_defaults(self):
        """A fill without a fee costs none, belongs to no order and was executed now."""
        fill = Fill("f-1", "AAPL", "BUY", 1, 100)

        assert (fill.fee, fill.order_id) == (0, None)
        assert fill.executed_at.tzinfo is UTC

    def test_times_are_kept_in_utc(self):
        """A time of another zone is the same moment in UTC, so that equal fills are equal."""
        tokyo = timezone(timedelta(hours=9))

        assert new_fill(1, executed_at=moment(1).astimezone(tokyo)) == new_fill(1)
        assert new_fill(1, executed_at=moment(1).astimezone(tokyo)).executed_at.tzinfo is UTC

    @pytest.mark.parametrize(
        ("changes", "path", "message"),
        [
            ({"id": ""}, "id", "must not be empty"),
            ({"id": "\udfff"}, "id", "lone surrogate"),
            ({"symbol": ""}, "symbol", "must not be empty"),
            ({"side": None}, "side", "must be one of BUY, SELL, not None"),
            ({"quantity": "-1"}, "quantity", "must be above zero"),
            ({"price": False}, "price", "is not an amount"),
            ({"fee": "NaN"}, "fee", "only finite numbers"),
            ({"executed_at": NAIVE}, "executed_at", "has no time zone"),
            ({"order_id": 7}, "order_id", "must be text"),
        ],
    )
    def test_wrong_values_are_refused(self, changes, path, message):
        """Each refusal names the field."""
        messages = refusal(new_fill, number=1, **changes)

        assert list(messages) == [path]
        assert message in messages[path][0]


class TestEquityPoint:
    """Equity points."""

    @pytest.mark.parametrize(
        ("changes", "path"), [({"at": NAIVE}, "at"), ({"cash": "x"}, "cash"), ({"equity": float("nan")}, "equity")]
    )
    def test_wrong_values_are_refused(self, changes, path):
        """Each refusal names the field."""
        assert list(refusal(EquityPoint, **({"at": START, "cash": 1, "equity": 2} | changes))) == [path]
