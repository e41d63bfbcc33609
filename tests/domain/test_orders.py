"""Orders with a life: what an order must say, how it is filled and closed, and what that does to other orders."""

from __future__ import annotations

import copy
import dataclasses
import os
import random
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper_repo.domain import Order, OrderStatus, OrderType, Position, Split, SymbolChange, TimeInForce
from paper_repo.errors import InvalidSessionError
from tests.builders import START, moment, new_fill, new_session
from tests.facade.seeds import ROUNDS
from tests.faults.interrupting import Interrupter
from tests.strategies import orders

CLOSED = ("CANCELLED", "REJECTED", "EXPIRED")


def order(number=1, **changes):
    """A resting order to buy ten."""
    fields = {
        "id": f"o-{number}",
        "symbol": "AAPL",
        "side": "BUY",
        "type": "LIMIT",
        "quantity": 10,
        "limit_price": 99,
        "created_at": START,
    }
    return Order(**(fields | changes))


def fill_of(number=1, order_number=1, **changes):
    """A fill of four of an order."""
    return new_fill(number, **({"quantity": 4, "order_id": f"o-{order_number}"} | changes))


def statuses(session):
    """By id, the status of every order that rests or waits to become history."""
    return {each.id: str(each.status) for each in [*session.open_orders.values(), *session.new_closed_orders]}


def refusal(action):
    """The messages of what `action` is refused with."""
    with pytest.raises(InvalidSessionError) as refused:
        action()
    return refused.value.messages


def unchanged(session, action):
    """The message with which `action` is refused; the session is the same after it, to the order of its dicts."""
    before = everything(session)
    messages = refusal(action)
    assert everything(session) == before
    return "; ".join(f"{path}: {text}" for path, texts in messages.items() for text in texts)


def everything(session):
    """All that a session holds, copied; dicts as lists, so that their order counts too."""
    copied = copy.deepcopy(session)
    fields = {name: list(each.items()) if isinstance(each, dict) else each for name, each in vars(copied).items()}
    return fields | {"booked": copied.new_fills.booked, "places": copied.new_ledger_entries.places}


class TestStatus:
    """The status of an order agrees with its quantities."""

    @pytest.mark.parametrize(
        ("given", "filled", "becomes"),
        [
            ("OPEN", 0, "OPEN"),
            ("OPEN", 4, "PARTIALLY_FILLED"),
            ("OPEN", 10, "FILLED"),
            ("PENDING", 0, "PENDING"),
            ("PENDING", 4, "PARTIALLY_FILLED"),
            ("PARTIALLY_FILLED", 0, "OPEN"),
            ("PARTIALLY_FILLED", 10, "FILLED"),
            ("FILLED", 10, "FILLED"),
            ("CANCELLED", 0, "CANCELLED"),
            ("cancelled", 4, "CANCELLED"),
            ("EXPIRED", 4, "EXPIRED"),
            ("REJECTED", 0, "REJECTED"),
        ],
    )
    def test_it_follows_what_has_traded(self, given, filled, becomes):
        """An order that rests is as far filled as it says."""
        assert order(status=given, filled_quantity=filled).status == becomes

    @pytest.mark.parametrize(("status", "filled"), [("FILLED", 0), ("FILLED", 9), *((each, 10) for each in CLOSED)])
    def test_a_contradiction_is_refused(self, status, filled):
        """FILLED is what is full, and nothing else; the message names the order."""
        messages = refusal(lambda: order(status=status, filled_quantity=filled))

        assert messages == {"status": [f"{status} contradicts the {filled} of 10 that have been filled so far."]}

    def test_a_closed_order_has_a_time(self):
        """The one that is given, or the only one that is known; a resting order has none."""
        assert order(status="CANCELLED", closed_at=moment(3)).closed_at == moment(3)
        assert order(status="CANCELLED").closed_at == START
        assert order().closed_at is None
        assert list(refusal(lambda: order(closed_at=moment(3)))) == ["closed_at"]

    @given(orders())
    def test_it_is_the_same_again(self, one):
        """What a constructor makes of an order, it makes of the result too."""
        again = dataclasses.replace(one)

        assert (again, again.status, again.closed_at) == (one, one.status, one.closed_at)
        assert (one.status is OrderStatus.FILLED) is (not one.remaining_quantity)
        assert one.status.is_closed is (one.closed_at is not None)

    @pytest.mark.parametrize(
        ("changes", "path"),
        [
            ({"quantity": 0}, "quantity"),
            ({"filled_quantity": 11}, "filled_quantity"),
            ({"side": "HOLD"}, "side"),
            ({"trail_percent": -1}, "trail_percent"),
            ({"reduce_only": 1}, "reduce_only"),
            ({"parent_id": ""}, "parent_id"),
            ({"metadata": None}, "metadata"),
            ({"status": "LOST"}, "status"),
        ],
    )
    def test_errors_name_the_order(self, changes, path):
        """Whoever makes a thousand orders learns which one is wrong."""
        with pytest.raises(InvalidSessionError, match=r"^order 'o-1': ") as caught:
            order(**changes)

        assert list(caught.value.messages) == [path]


class TestComplete:
    """What an order of a type needs is seen when it is placed: stored ones may lack it, and are read all the same."""

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"limit_price": None}, "o-1.limit_price: a LIMIT order needs one"),
            ({"type": "STOP"}, "o-1.stop_price: a STOP order needs one"),
            ({"type": "STOP_LIMIT"}, "o-1.stop_price: a STOP_LIMIT order needs one"),
            ({"type": "STOP_LIMIT", "limit_price": None, "stop_price": 1}, "o-1.limit_price: a STOP_LIMIT order"),
            ({"type": "MARKET_IF_TOUCHED"}, "o-1.stop_price: "),
            ({"type": "LIMIT_IF_TOUCHED"}, "o-1.stop_price: "),
            ({"type": "LIMIT_ON_OPEN", "limit_price": None}, "o-1.limit_price: "),
            ({"type": "LIMIT_ON_CLOSE", "limit_price": None}, "o-1.limit_price: "),
            ({"type": "TRAILING_STOP"}, "o-1.trail_amount: a TRAILING_STOP order needs either"),
            ({"type": "TRAILING_STOP", "trail_amount": 1, "trail_percent": 1}, "o-1.trail_amount: "),
            ({"type": "TRAILING_STOP_LIMIT"}, "o-1.trail_amount: "),
            ({"trail_amount": 1}, "o-1.trail_amount: the stop of a LIMIT order does not trail"),
            ({"trail_percent": 1}, "o-1.trail_percent: the stop of a LIMIT order does not trail"),
            ({"time_in_force": "GTD"}, "o-1.expires_at: a GTD order needs one"),
            ({"expires_at": moment(5)}, "o-1.expires_at: a GTC order does not expire"),
            ({"time_in_force": "GTD", "expires_at": START}, "o-1.expires_at: "),
            ({"type": "MARKET", "post_only": True}, "o-1.post_only: a MARKET order always takes"),
            ({"parent_id": "o-1"}, "o-1.parent_id: an order cannot be its own parent"),
        ],
    )
    def test_an_order_that_nobody_could_execute_is_refused(self, changes, message):
        """It can be made, and not placed."""
        session, incomplete = new_session(), order(**changes)

        assert message in unchanged(session, lambda: session.place_order(incomplete))

    @pytest.mark.parametrize("kind", OrderType)
    def test_every_type_can_be_placed(self, kind):
        """With the fields that it needs."""
        trail = {"trail_percent": 2} if "TRAILING" in kind else {}
        session = new_session()

        session.place_order(order(type=kind, stop_price=98, **trail))

        assert session.open_orders["o-1"].type is kind

    @pytest.mark.parametrize("force", TimeInForce)
    def test_every_time_in_force_can_be_placed(self, force):
        """With the time that it needs."""
        session = new_session()

        session.place_order(
            order(time_in_force=force, expires_at=moment(5) if force is TimeInForce.GTD else None, post_only=True)
        )

        assert session.open_orders["o-1"].time_in_force is force


class TestPlacing:
    """An id is used once, and fills that came before their order count."""

    def test_an_id_that_was_closed_is_refused(self):
        """The message says what has become of it."""
        session = new_session()
        session.place_order(order())
        session.cancel_order("o-1")

        message = unchanged(session, lambda: session.place_order(order()))

        assert "an order with this id is CANCELLED already; choose another id" in message

    def test_a_closed_order_does_not_rest(self):
        """What is closed is history, and goes there."""
        session, closed = new_session(), order(status="REJECTED")

        assert "new_closed_orders" in unchanged(session, lambda: session.place_order(closed))
        session.new_closed_orders.append(closed)
        assert "is REJECTED already" in unchanged(session, lambda: session.place_order(order()))

    def test_fills_before_their_order_count_for_it(self):
        """The stream of fills may be faster than the answer to the order."""
        session = new_session()
        session.apply_fill(fill_of(1))
        session.apply_fill(fill_of(2, order_number=2))

        placed = session.place_order(order())
        session.apply_fill(fill_of(3))

        assert placed == order(filled_quantity=4)
        assert placed.status == "PARTIALLY_FILLED"
        assert session.open_orders == {"o-1": order(filled_quantity=8)}

    def test_an_order_that_is_filled_before_it_is_placed_is_closed_at_once(self):
        """At the time of the fill that has filled it."""
        session = new_session()
        for number in (1, 2):
            session.apply_fill(fill_of(number, quantity=5))

        placed = session.place_order(order())

        assert placed == order(filled_quantity=10, closed_at=moment(2))
        assert (session.open_orders, session.new_closed_orders) == ({}, [placed])

    def test_what_an_order_comes_with_is_not_counted_twice(self):
        """A broker's order says how much of it has traded: that includes the fills that are booked already."""
        session = new_session()
        session.apply_fill(fill_of(1))

        assert session.place_order(order(filled_quantity=4)).filled_quantity == 4

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"quantity": 3}, "is to trade 3, less than its fills of 4"),
            ({"symbol": "MSFT"}, "is to BUY MSFT, its fill 'fill-1' is a BUY of AAPL"),
            ({"side": "SELL"}, "is to SELL AAPL, its fill 'fill-1' is a BUY of AAPL"),
            ({"position_id": "p"}, "is for position 'p', its fill 'fill-1' for None"),
        ],
    )
    def test_an_order_that_contradicts_its_fills_is_refused(self, changes, message):
        """Either has the wrong id."""
        session = new_session()
        session.apply_fill(fill_of(1))

        assert message in unchanged(session, lambda: session.place_order(order(**changes)))

    def test_recorded_fills_are_the_programs_own_business(self):
        """Whoever keeps accounts keeps orders too."""
        session = new_session()
        session.record_fill(fill_of(1))

        assert session.place_order(order()).filled_quantity == 0

    def test_fills_are_found_after_any_change_of_what_waits(self):
        """A save takes fills away and a rollback gives them back; what is counted is what waits then."""
        session = new_session()
        for number in range(1, 5):
            session.apply_fill(fill_of(number, order_number=number % 2))
        drawn = random.Random(5)

        for _ in range(50):
            count = drawn.randrange(5)
            kept = list(session.new_fills)
            del session.new_fills[:count]
            assert session.new_fills.booked_for("o-1") == [each for each in kept[count:] if each.order_id == "o-1"]
            session.new_fills[:0] = kept[:count]
            assert session.new_fills.booked_for("o-0") == [each for each in kept if each.order_id == "o-0"]


class TestFilling:
    """An order and its fills cannot get out of step."""

    def test_a_filled_order_becomes_history(self):
        """With the time of its last fill."""
        session = new_session()
        session.place_order(order())
        session.apply_fill(fill_of(1))
        session.apply_fill(fill_of(2, quantity=6))

        assert session.open_orders == {}
        assert session.new_closed_orders == [order(filled_quantity=10, closed_at=moment(2))]
        assert session.new_closed_orders[0].status is OrderStatus.FILLED
        assert session.closed_order_count == 1

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"quantity": "10.01"}, "has 10 left, less than its fill 'fill-1' of 10.01"),
            ({"symbol": "MSFT"}, "is a BUY of MSFT"),
            ({"side": "SELL"}, "is a SELL of AAPL"),
            ({"position_id": "q"}, "is for position 'p', its fill 'fill-1' for 'q'"),
            ({"position_id": None}, "is for position 'p', its fill 'fill-1' for None"),
        ],
    )
    def test_a_fill_of_something_else_is_refused(self, changes, message):
        """Nothing has changed: neither the order nor the books."""
        session = new_session()
        session.place_order(order(position_id="p"))

        assert message in unchanged(session, lambda: session.apply_fill(fill_of(**({"position_id": "p"} | changes))))

    def test_an_order_without_a_position_takes_the_fills_of_any(self):
        """A broker may tell with the fill which position it has opened."""
        session = new_session()
        session.place_order(order())
        session.apply_fill(fill_of(1, position_id="p"))

        assert session.open_orders["o-1"].filled_quantity == 4

    @pytest.mark.parametrize("how", ["filled", "cancelled", "rejected", "expired"])
    def test_a_fill_of_a_closed_order_is_refused(self, how):
        """The message says since when, and how to book what has really happened."""
        session = new_session()
        session.place_order(order(time_in_force="DAY", expires_at=moment(8)))
        {
            "filled": lambda: session.apply_fill(fill_of(1, quantity=10, executed_at=moment(9))),
            "cancelled": lambda: session.cancel_order("o-1", at=moment(9)),
            "rejected": lambda: session.reject_order("o-1", at=moment(9)),
            "expired": lambda: session.expire_orders(at=moment(9)),
        }[how]()

        message = unchanged(session, lambda: session.apply_fill(fill_of(2)))

        assert f"has been {how.upper()} since {moment(9)}, so fill 'fill-2' of 4 cannot be its own" in message
        session.apply_fill(fill_of(2, order_id=None))

    def test_the_same_fill_again_is_no_second_one(self):
        """A broker repeats itself; the order counts it once, even when it has been filled by it."""
        session = new_session()
        session.place_order(order(quantity=4))
        for _ in range(3):
            session.apply_fill(fill_of(1))

        assert session.fill_count == session.closed_order_count == 1

    def test_a_full_order_that_rests_is_closed_like_others(self):
        """A program, or an older one, may have left one."""
        session = new_session(open_orders={"o-1": order(filled_quantity=10)})

        assert "has been FILLED since" in unchanged(session, lambda: session.apply_fill(fill_of(1)))
        assert session.cancel_order("o-1", at=moment(2)) == order(filled_quantity=10, closed_at=moment(2))


class TestReduceOnly:
    """A reduce_only order never opens or turns a position."""

    @pytest.mark.parametrize(("held", "side"), [(10, "SELL"), (-10, "BUY")])
    def test_it_takes_from_what_is_held(self, held, side):
        """Part of it, and all of it."""
        session = new_session(positions={"AAPL": Position.open("AAPL", held, 100, START)})
        session.place_order(order(side=side, reduce_only=True))
        session.apply_fill(fill_of(1, side=side))
        session.apply_fill(fill_of(2, side=side, quantity=6))

        assert (session.positions, session.open_orders) == ({}, {})

    @pytest.mark.parametrize(
        ("held", "side", "said"),
        [
            (3, "SELL", "3 are held of AAPL"),
            (3, "BUY", "3 are held of AAPL"),
            (-3, "BUY", "-3 are held of AAPL"),
            (-3, "SELL", "-3 are held of AAPL"),
            (0, "BUY", "nothing is held of AAPL"),
        ],
    )
    def test_what_would_open_enlarge_or_turn_is_refused(self, held, side, said):
        """And nothing has changed."""
        session = new_session(positions={"AAPL": Position.open("AAPL", held, 100, START)} if held else {})
        session.place_order(order(side=side, reduce_only=True))

        assert f"is reduce_only, but {said}" in unchanged(session, lambda: session.apply_fill(fill_of(1, side=side)))

    def test_it_looks_at_the_position_of_the_fill(self):
        """In hedge mode each position is reduced by itself."""
        held = dataclasses.replace(Position.open("AAPL", 10, 100, START), position_id="p")
        session = new_session(positions={"p": held})
        session.place_order(order(side="SELL", reduce_only=True))

        assert "nothing is held" in unchanged(session, lambda: session.apply_fill(fill_of(1, side="SELL")))
        session.apply_fill(fill_of(1, side="SELL", position_id="p"))
        assert session.positions["p"].quantity == 6


class TestParents:
    """Children open when their parent has filled, and are cancelled when it is closed in any other way."""

    def bracket(self):
        """An entry with a stop and a target, of which the stop has a child of its own."""
        session = new_session()
        session.place_order(order(1))
        session.place_order(order(2, side="SELL", parent_id="o-1"))
        session.place_order(order(3, side="SELL", parent_id="o-1"))
        session.place_order(order(4, parent_id="o-3"))
        session.place_order(order(5))
        return session

    def test_they_wait_for_it(self):
        """Until the last part of it has traded."""
        session = self.bracket()
        session.apply_fill(fill_of(1))

        assert statuses(session) == {
            "o-1": "PARTIALLY_FILLED",
            "o-2": "PENDING",
            "o-3": "PENDING",
            "o-4": "PENDING",
            "o-5": "OPEN",
        }
        session.apply_fill(fill_of(2, quantity=6))
        assert statuses(session) == {"o-1": "FILLED", "o-2": "OPEN", "o-3": "OPEN", "o-4": "PENDING", "o-5": "OPEN"}

    @pytest.mark.parametrize("how", ["cancel_order", "reject_order"])
    def test_they_are_cancelled_with_it(self, how):
        """And their children with them, at the same time."""
        session = self.bracket()
        getattr(session, how)("o-1", at=moment(9))

        assert list(session.open_orders) == ["o-5"]
        assert {each.closed_at for each in session.new_closed_orders} == {moment(9)}
        assert [each.status for each in session.new_closed_orders[1:]] == ["CANCELLED"] * 3

    def test_a_child_of_a_filled_parent_opens_at_once(self):
        """Even when it says that it waits."""
        session = new_session()
        session.place_order(order(1))
        session.apply_fill(fill_of(1, quantity=10))

        assert session.place_order(order(2, parent_id="o-1", status="PENDING")).status == "OPEN"

    def test_a_child_of_a_cancelled_parent_is_refused(self):
        """It could never open."""
        session = new_session()
        session.place_order(order(1))
        session.cancel_order("o-1")

        message = unchanged(session, lambda: session.place_order(order(2, parent_id="o-1")))

        assert "its parent 'o-1' is CANCELLED, so it can never open" in message

    @pytest.mark.parametrize("status", ["OPEN", "PENDING"])
    def test_a_child_of_an_unknown_parent_is_what_it_says(self, status):
        """The parent may have been filled and stored long ago."""
        assert new_session().place_order(order(parent_id="old", status=status)).status == status

    def test_a_child_that_trades_early_is_believed(self):
        """The market knows better; when its parent fills, it stays as it is."""
        session = self.bracket()
        session.apply_fill(fill_of(1, order_number=2, side="SELL"))
        session.apply_fill(fill_of(2, quantity=10))

        assert statuses(session)["o-2"] == "PARTIALLY_FILLED"

    def test_a_parent_that_fills_before_it_is_placed_opens_them(self):
        """Whatever the order in which a broker tells of them."""
        session = new_session()
        session.apply_fill(fill_of(1, quantity=10))
        session.place_order(order(2, parent_id="o-1", status="PENDING"))
        session.place_order(order(1))

        assert statuses(session) == {"o-2": "OPEN", "o-1": "FILLED"}

    def test_a_circle_of_parents_ends(self):
        """Each of them is closed once."""
        session = new_session(
            open_orders={"o-1": order(1, parent_id="o-2"), "o-2": order(2, parent_id="o-1", oco_group="g")}
        )
        session.cancel_order("o-1")

        assert statuses(session) == {"o-1": "CANCELLED", "o-2": "CANCELLED"}

    def test_a_long_chain_of_parents_is_closed(self):
        """However long it is."""
        session = new_session()
        for number in range(1, 1500):
            session.place_order(order(number, parent_id=f"o-{number - 1}"))
        session.cancel_order("o-1")

        assert (len(session.open_orders), len(session.new_closed_orders)) == (0, 1499)


class TestGroups:
    """The first order of an oco_group that is filled or closed cancels the others."""

    def group(self):
        """A target and a stop that exclude each other, a child of the stop, and another group."""
        session = new_session()
        session.place_order(order(1, oco_group="g"))
        session.place_order(order(2, oco_group="g"))
        session.place_order(order(3, parent_id="o-2"))
        session.place_order(order(4, oco_group="h"))
        return session

    @pytest.mark.parametrize(("quantity", "status"), [(4, "PARTIALLY_FILLED"), (10, "FILLED")])
    def test_a_fill_cancels_the_others(self, quantity, status):
        """The first part that trades does: two orders for the same shares would trade them twice."""
        session = self.group()
        session.apply_fill(fill_of(1, quantity=quantity))

        assert statuses(session) == {"o-1": status, "o-2": "CANCELLED", "o-3": "CANCELLED", "o-4": "OPEN"}
        assert {each.closed_at for each in session.new_closed_orders} == {moment(1)}

    @pytest.mark.parametrize(("how", "status"), [("cancel_order", "CANCELLED"), ("reject_order", "REJECTED")])
    def test_closing_one_cancels_the_others(self, how, status):
        """A group is one decision."""
        session = self.group()
        closed = getattr(session, how)("o-1", at=moment(7))

        assert closed.status == status
        assert statuses(session) == {"o-4": "OPEN", "o-1": status, "o-2": "CANCELLED", "o-3": "CANCELLED"}

    def test_those_that_expire_together_expire(self):
        """And are not cancelled by each other."""
        session = new_session()
        for number in (1, 2, 3):
            until = None if number == 3 else moment(number)
            session.place_order(order(number, oco_group="g", time_in_force="DAY" if until else "GTC", expires_at=until))

        expired = session.expire_orders(at=moment(5))

        assert [each.id for each in expired] == ["o-1", "o-2"]
        assert statuses(session) == {"o-1": "EXPIRED", "o-2": "EXPIRED", "o-3": "CANCELLED"}

    def test_a_refused_fill_cancels_nothing(self):
        """The fill would have cancelled the other."""
        session = self.group()

        unchanged(session, lambda: session.apply_fill(fill_of(1, quantity=11)))


class TestClosing:
    """`cancel_order`, `reject_order` and `expire_orders`."""

    def test_a_rejected_order_keeps_the_reason(self):
        """Beside what its metadata held; the order that was placed is not changed."""
        session = new_session()
        placed = order(metadata={"tag": "x"})
        session.place_order(placed)

        rejected = session.reject_order("o-1", at=moment(2), reason="no funds")

        assert rejected.metadata == {"tag": "x", "reason": "no funds"}
        assert (rejected.status, rejected.closed_at, placed.metadata) == ("REJECTED", moment(2), {"tag": "x"})
        assert session.new_closed_orders == [rejected]

    def test_what_has_been_filled_of_it_stays(self):
        """A cancelled order tells how much of it has traded."""
        session = new_session()
        session.place_order(order())
        session.apply_fill(fill_of(1))

        assert session.cancel_order("o-1", at=moment(2)) == order(
            filled_quantity=4, status="CANCELLED", closed_at=moment(2)
        )

    @pytest.mark.parametrize(("at", "expired"), [(4, []), (5, ["o-1"]), (60, ["o-1", "o-2"])])
    def test_what_has_a_time_expires(self, at, expired):
        """From that moment on; what has none stays."""
        session = new_session()
        session.place_order(order(1, time_in_force="GTD", expires_at=moment(5)))
        session.place_order(order(2, time_in_force="DAY", expires_at=moment(6)))
        session.place_order(order(3, time_in_force="DAY"))
        session.place_order(order(4))

        closed = session.expire_orders(at=moment(at))

        assert [each.id for each in closed] == expired
        assert all((each.status, each.closed_at) == ("EXPIRED", moment(at)) for each in closed)
        assert session.new_closed_orders == closed

    def test_now_is_the_default(self):
        """As it is for the steps of a session."""
        session = new_session()
        session.place_order(order(1, time_in_force="DAY", expires_at=START + timedelta(seconds=1)))
        session.place_order(order(2))

        before = session.expire_orders()[0].closed_at
        assert before <= session.cancel_order("o-2").closed_at

    @pytest.mark.parametrize(
        "action",
        [
            lambda session, at: session.cancel_order("o-1", at=at),
            lambda session, at: session.reject_order("o-1", at=at),
            lambda session, at: session.expire_orders(at=at),
        ],
    )
    def test_a_time_without_a_zone_is_refused(self, action):
        """Before anything has changed."""
        session = new_session()
        session.place_order(order())

        assert "at: " in unchanged(session, lambda: action(session, START.replace(tzinfo=None)))

    def test_a_closed_order_is_not_closed_again(self):
        """The message says what it is."""
        session = new_session()
        session.place_order(order())
        session.cancel_order("o-1", at=moment(2))

        message = unchanged(session, lambda: session.reject_order("o-1"))

        assert f"no longer rests: it has been CANCELLED since {moment(2)}" in message


class TestAmending:
    """`amend_order` changes what rests, and refuses what could not rest."""

    def test_what_is_given_changes(self):
        """All else stays, what has been filled too."""
        session = new_session()
        session.place_order(order())
        session.apply_fill(fill_of(1))

        amended = session.amend_order("o-1", quantity=20, limit_price="98.5")

        assert amended == order(quantity=20, limit_price="98.5", filled_quantity=4)
        assert session.open_orders == {"o-1": amended}

    @pytest.mark.parametrize(
        ("placed", "changes", "after"),
        [
            ({}, {"type": "stop_limit", "stop_price": 5}, {"type": "STOP_LIMIT", "stop_price": 5}),
            (
                {"type": "TRAILING_STOP", "trail_amount": 1},
                {"trail_percent": 2},
                {"trail_amount": None, "trail_percent": 2},
            ),
            (
                {"time_in_force": "GTD", "expires_at": moment(5)},
                {"time_in_force": "gtc"},
                {"time_in_force": "GTC", "expires_at": None},
            ),
            ({"time_in_force": "GTD", "expires_at": moment(5)}, {"time_in_force": "day"}, {"time_in_force": "DAY"}),
            ({"status": "PENDING"}, {"status": "OPEN"}, {"status": "OPEN"}),
            ({"metadata": {"a": 1}}, {"metadata": {}}, {"metadata": {}}),
        ],
    )
    def test_what_excludes_another_field_takes_its_place(self, placed, changes, after):
        """A trailing distance the other one, and what does not expire its time."""
        session = new_session()
        session.place_order(order(**placed))

        assert session.amend_order("o-1", **changes) == order(**(placed | after))

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"quantity": 3}, "filled_quantity: 4 is not within 0 and the quantity 3"),
            ({"quantity": 4}, "would be FILLED with a quantity of 4, of which 4 are filled; close it by cancel_order"),
            ({"status": "CANCELLED"}, "would be CANCELLED"),
            ({"type": "STOP"}, "a STOP order needs one"),
            ({"limit_price": "x"}, "limit_price: 'x' is not an amount"),
        ],
    )
    def test_what_could_not_rest_is_refused(self, changes, message):
        """And nothing has changed."""
        session = new_session()
        session.place_order(order())
        session.apply_fill(fill_of(1))

        assert message in unchanged(session, lambda: session.amend_order("o-1", **changes))

    def test_only_what_rests_can_be_amended(self):
        """The message lists what does."""
        session = new_session()
        session.place_order(order())

        message = unchanged(session, lambda: session.amend_order("o-2", quantity=1))

        assert message == "open_orders.o-2: no resting order has this id; resting: o-1."


class TestSplitsAndNewNames:
    """What happens to a share happens to its orders."""

    @pytest.mark.parametrize(
        ("ratio", "per", "quantity", "filled", "limit", "stop", "trail"),
        [(2, 1, 20, 8, "49.5", 49, "0.5"), (1, 2, 5, 2, 198, 196, 2), (3, 2, 15, 6, 66, None, None)],
    )
    def test_a_split(self, ratio, per, quantity, filled, limit, stop, trail):
        """Quantities go with it, prices against it; percentages stay."""
        fields = {} if stop is None else {"stop_price": 98}
        if trail is not None:
            fields |= {"type": "TRAILING_STOP_LIMIT", "trail_amount": 1}
        session = new_session()
        session.place_order(order(1, filled_quantity=4, **fields))
        session.place_order(order(2, symbol="MSFT"))

        session.apply_split(Split("s", "AAPL", ratio, per=per, at=START))

        more = {} if stop is None else {"stop_price": stop}
        if trail is not None:
            more |= {"type": "TRAILING_STOP_LIMIT", "trail_amount": trail}
        assert session.open_orders == {
            "o-1": order(1, quantity=quantity, filled_quantity=filled, limit_price=limit, **more),
            "o-2": order(2, symbol="MSFT"),
        }

    def test_a_third_leaves_what_rests_resting(self):
        """Rounding neither fills an order nor empties it."""
        session = new_session()
        filled, quantity = Decimal("1E+28"), Decimal(10000000000000000000000000001)
        session.place_order(order(quantity=quantity, filled_quantity=filled))

        session.apply_split(Split("s", "AAPL", 1, per=3, at=START))

        assert session.open_orders["o-1"].remaining_quantity == Decimal("0.3333333333333333333333333333")

    def test_a_new_name(self):
        """Orders go on under it, in their place."""
        session = new_session()
        for number, symbol in enumerate(("AAPL", "MSFT", "AAPL"), 1):
            session.place_order(order(number, symbol=symbol))

        session.apply_symbol_change(SymbolChange("c", "AAPL", "PEAR", at=START))

        assert [each.symbol for each in session.open_orders.values()] == ["PEAR", "MSFT", "PEAR"]
        session.apply_fill(fill_of(1, symbol="PEAR"))
        assert session.open_orders["o-1"].filled_quantity == 4


def steps():
    """What may happen to a few orders, in any order; much of it is refused."""
    numbers, groups = st.integers(1, 5), st.sampled_from([None, "g", "h"])
    return st.lists(
        st.one_of(
            st.tuples(st.just("place"), numbers, groups, st.none() | numbers, st.integers(5, 9), st.booleans()),
            st.tuples(st.just("fill"), numbers, st.sampled_from(["BUY", "SELL"]), st.integers(1, 6)),
            st.tuples(st.just("close"), numbers, st.sampled_from(["cancel_order", "reject_order"])),
            st.tuples(st.just("expire"), st.integers(1, 30)),
            st.tuples(st.just("amend"), numbers, st.integers(1, 12)),
        ),
        max_size=30,
    )


def step(session, number, name, *values):
    """One of them."""
    if name == "place":
        own, group, parent, until, reduces = values
        session.place_order(
            order(
                own,
                oco_group=group,
                parent_id=parent and f"o-{parent}",
                time_in_force="DAY",
                expires_at=moment(until),
                reduce_only=reduces,
            )
        )
    elif name == "fill":
        own, side, quantity = values
        session.apply_fill(fill_of(number, own, side=side, quantity=quantity))
    elif name == "close":
        own, how = values
        getattr(session, how)(f"o-{own}", at=moment(number))
    elif name == "expire":
        session.expire_orders(at=moment(*values))
    else:
        own, quantity = values
        session.amend_order(f"o-{own}", quantity=quantity)


@given(steps())
def test_orders_and_fills_never_get_out_of_step(several):
    """Whatever happens: an order has traded what its fills say, rests or is closed, and once only."""
    session = new_session()
    for number, values in enumerate(several):
        before = everything(session)
        try:
            step(session, number, *values)
        except InvalidSessionError:
            assert everything(session) == before
        resting, closed = session.open_orders, session.new_closed_orders
        ids = [*resting, *(each.id for each in closed)]
        assert len(ids) == len(set(ids))
        assert all(key == each.id and not each.status.is_closed for key, each in resting.items())
        assert all(each.status.is_closed and each.closed_at for each in closed)
        for each in [*resting.values(), *closed]:
            fills = [fill for fill in session.new_fills if fill.order_id == each.id]
            assert each.filled_quantity == sum(fill.quantity for fill in fills)
            assert {fill.side for fill in fills} <= {each.side}
        for each in resting.values():
            parent = next((one for one in closed if one.id == each.parent_id), None)
            has_cancelled_it = parent and parent.oco_group and parent.oco_group == each.oco_group
            assert parent is None or parent.status is OrderStatus.FILLED or (has_cancelled_it and each.filled_quantity)
            if each.parent_id in resting and not each.filled_quantity:
                placed_first = list(resting).index(each.parent_id) < list(resting).index(each.id)
                assert each.status is OrderStatus.PENDING or not placed_first


def scene():
    """A session in which every call does much: a bracket, a group, waiting fills and entries."""
    session = new_session(id="scene", positions={"AAPL": Position.open("AAPL", 10, 100, START)})
    session.place_order(order(1, oco_group="g", time_in_force="DAY", expires_at=moment(5)))
    session.place_order(order(2, oco_group="g"))
    session.place_order(order(3, parent_id="o-1"))
    session.apply_fill(new_fill(9, order_id="o-8"))
    return session


EVERY = int(os.environ.get(ROUNDS, "1")) > 1
SAMPLED = 25
"""How many points of each call are tried in a normal run; with more rounds all of them are."""

NEVER = 1_000_000_000

INTERRUPTED = {
    "apply_fill": lambda session: session.apply_fill(fill_of(1, quantity=10)),
    "closing fill": lambda session: session.apply_fill(fill_of(1, side="SELL", quantity=19, order_id=None)),
    "place_order": lambda session: session.place_order(order(8)),
    "cancel_order": lambda session: session.cancel_order("o-1", at=moment(9)),
    "reject_order": lambda session: session.reject_order("o-2", at=moment(9), reason="no funds"),
    "expire_orders": lambda session: session.expire_orders(at=moment(9)),
    "amend_order": lambda session: session.amend_order("o-1", quantity=11),
    "apply_split": lambda session: session.apply_split(Split("s", "AAPL", 2, at=START)),
    "apply_symbol_change": lambda session: session.apply_symbol_change(SymbolChange("c", "AAPL", "PEAR", at=START)),
    "mark": lambda session: session.mark({"AAPL": 5}, at=moment(9)),
}


@pytest.mark.parametrize("name", INTERRUPTED)
def test_an_exception_at_any_point_leaves_all_or_nothing(name):
    """Ctrl-C at any line of a call: the session is as it was, or as it is after the call; the next calls work."""
    call, start = INTERRUPTED[name], scene()
    session = copy.deepcopy(start)
    counter = Interrupter(NEVER, KeyboardInterrupt)
    assert counter.run(lambda: call(session)) is None
    before, after = everything(start), everything(session)
    points = range(counter.passed)
    for number in points if EVERY else random.Random(name).sample(points, min(SAMPLED, len(points))):
        session = copy.deepcopy(start)
        interrupter = Interrupter(number, KeyboardInterrupt)
        interrupter.run(lambda session=session: call(session))
        assert everything(session) in (before, after), interrupter.where
        session.place_order(order(20))
        session.apply_fill(fill_of(20, 20, quantity=10, symbol="AAPL"))
