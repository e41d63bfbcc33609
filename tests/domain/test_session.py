"""`PaperTradingSession`: what may be assigned, its lifecycle, its orders and its history."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import uuid
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper_repo import (
    EquityPoint,
    InvalidSessionError,
    InvalidTransitionError,
    Order,
    PaperTradingSession,
    Position,
    SessionStatus,
    Strategy,
)
from paper_repo.domain.status import STEPS
from tests.builders import START, full_session, moment, new_fill, new_session
from tests.strategies import equity_points, prices, sessions, trades

TOKYO = timezone(timedelta(hours=9))
NAIVE = datetime(2026, 1, 5)  # noqa: DTZ001
LEGAL = {
    ("CREATED", "start"): "RUNNING",
    ("RUNNING", "pause"): "PAUSED",
    ("PAUSED", "resume"): "RUNNING",
    ("RUNNING", "stop"): "STOPPED",
    ("PAUSED", "stop"): "STOPPED",
    ("RUNNING", "fail"): "FAILED",
    ("PAUSED", "fail"): "FAILED",
    ("STOPPED", "start"): "RUNNING",
    ("FAILED", "start"): "RUNNING",
    ("STOPPED", "resume"): "RUNNING",
    ("FAILED", "resume"): "RUNNING",
}
STEP_NAMES = ("start", "pause", "resume", "stop", "fail")


def take(session, step, **arguments):
    """Take this step of the lifecycle."""
    if step == "fail":
        arguments["error"] = "feed lost"
    getattr(session, step)(**arguments)


def copies(session):
    """A copy made in each way that Python knows."""
    return [
        copy.copy(session),
        copy.deepcopy(session),
        pickle.loads(pickle.dumps(session)),
        dataclasses.replace(session),
    ]


def order(number=1, **changes):
    """A resting order to buy ten."""
    fields = {"id": f"o-{number}", "symbol": "AAPL", "side": "BUY", "type": "LIMIT", "quantity": 10, "limit_price": 99}
    return Order(**(fields | changes))


class TestFields:
    """What a session is made of, and what may be assigned to it."""

    def test_defaults(self):
        """A strategy and the starting cash are enough."""
        session = PaperTradingSession(strategy=Strategy("sma"), initial_cash=100)

        assert uuid.UUID(session.id).version == 4
        assert (session.status, session.version, session.fill_count) == (SessionStatus.CREATED, 0, 0)
        assert (session.cash, session.base_currency, session.symbols) == (100, "USD", ())
        assert session.created_at.tzinfo is UTC
        assert (session.started_at, session.stopped_at, session.updated_at, session.error) == (None, None, None, None)

    def test_no_two_sessions_share_anything(self):
        """Every session has an id and containers of its own."""
        one, other = new_session(), new_session()

        assert one.id != other.id
        assert all(
            getattr(one, name) is not getattr(other, name)
            for name in ("positions", "open_orders", "state", "metadata", "new_fills", "new_equity_points")
        )

    @pytest.mark.parametrize("cash", [{}, {"cash": None}])
    def test_cash_is_the_initial_cash_at_first(self, cash):
        """Cash that is not given, or None, is what the session starts with."""
        assert new_session(initial_cash="1000.50", **cash).cash == Decimal("1000.50")

    def test_cash_may_differ_from_the_start(self):
        """A session that is taken over from elsewhere has its own cash."""
        assert new_session(initial_cash=1000, cash="12.5").cash == Decimal("12.5")

    @pytest.mark.parametrize(
        ("name", "given", "kept"),
        [
            ("id", "abc-123", "abc-123"),
            ("name", "", ""),
            ("symbols", ["AAPL", "MSFT"], ("AAPL", "MSFT")),
            ("status", "running", SessionStatus.RUNNING),
            ("initial_cash", "100.10", Decimal("100.10")),
            ("cash", 0.1, Decimal("0.1")),
            ("realized_pnl", -3, Decimal(-3)),
            ("fees_paid", "1E-9", Decimal("1E-9")),
            ("error", None, None),
            ("created_at", datetime(2026, 1, 5, 9, tzinfo=TOKYO), datetime(2026, 1, 5, tzinfo=UTC)),
            ("started_at", None, None),
            ("stopped_at", START, START),
            ("version", 3, 3),
        ],
    )
    def test_what_is_assigned_becomes_exact(self, name, given, kept):
        """Assigning converts at once, just as constructing does."""
        session = new_session()

        setattr(session, name, given)

        assert getattr(session, name) == kept
        assert type(getattr(session, name)) is type(kept)
        assert getattr(new_session(**{name: given}), name) == kept

    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            ("id", "", "must not be empty"),
            ("id", None, "must be text"),
            ("name", b"name", "must be text"),
            ("strategy", "sma", "must be a Strategy, not 'sma'"),
            ("strategy", {"name": "sma"}, "must be a Strategy"),
            ("symbols", "AAPL", "must be several texts"),
            ("base_currency", "", "must not be empty"),
            ("status", "IDLE", "must be one of CREATED, RUNNING, PAUSED, STOPPED, FAILED"),
            ("initial_cash", True, "is not an amount"),
            ("cash", float("nan"), "only finite numbers"),
            ("positions", [], "must be a dict"),
            ("open_orders", None, "must be a dict"),
            ("realized_pnl", "Infinity", "only finite numbers"),
            ("fees_paid", object, "is not an amount"),
            ("state", [1], "must be a dict"),
            ("metadata", "tags", "must be a dict"),
            ("error", 5, "must be text"),
            ("created_at", NAIVE, "datetime.now(timezone.utc)"),
            ("created_at", None, "must be a datetime"),
            ("started_at", NAIVE, "has no time zone"),
            ("stopped_at", "now", "must be a datetime"),
            ("updated_at", NAIVE, "has no time zone"),
            ("version", -1, "must be a whole number from 0"),
            ("fill_count", 1.0, "must be a whole number from 0"),
        ],
    )
    def test_what_cannot_be_kept_is_refused_at_once(self, name, value, message):
        """A wrong value is refused by its field's name when it is assigned or constructed, and changes nothing."""
        session = new_session()
        before = getattr(session, name)

        with pytest.raises(InvalidSessionError) as assigned:
            setattr(session, name, value)
        with pytest.raises(InvalidSessionError) as constructed:
            new_session(**{name: value})

        assert message in assigned.value.messages[name][0]
        assert constructed.value.messages == assigned.value.messages
        assert getattr(session, name) is before

    @pytest.mark.parametrize(("name", "meant"), [("csh", "did you mean 'cash'?"), ("chart", "attribute 'chart'.")])
    def test_an_attribute_that_does_not_exist_is_refused(self, name, meant):
        """A slip would be lost without a word; what a program wants to keep has a place of its own."""
        session = new_session()

        with pytest.raises(AttributeError, match="belongs in its `state`, which is stored") as refused:
            setattr(session, name, 5)

        assert meant in str(refused.value)
        assert not hasattr(session, name)

    def test_a_callers_own_kind_may_have_more_attributes(self):
        """What a class declares can be assigned."""

        class Own(PaperTradingSession):
            chart: object = None

        session = Own(strategy=Strategy("sma"), initial_cash=1)
        session.chart = 5

        assert session.chart == 5

    def test_what_a_repository_remembers_is_seen_by_nobody(self):
        """It is no attribute of a trading account, and goes with no copy of one."""
        session, other = new_session(id="same"), new_session(id="same")
        session._tracking = "remembered"
        names = {each.name for each in dataclasses.fields(session)}

        assert session == other
        assert "remembered" not in repr(session)
        assert vars(session).keys() == names - {"fill_count", "ledger_count", "closed_order_count"}
        assert "_tracking" not in dir(session)
        for twin in copies(session):
            assert twin == session
            assert twin._tracking is None

    def test_copies_share_no_container(self):
        """What happens to a copy does not happen to the original: not even to a shallow one."""
        session = new_session()
        session.apply_fill(new_fill(1))

        for twin in copies(session):
            before = copy.deepcopy(session)
            twin.apply_fill(new_fill(2))
            twin.place_order(order())
            twin.mark({"AAPL": 7})
            twin.state["seen"] = True
            twin.metadata["seen"] = True

            assert session == before

    def test_history_waits_in_copies_too(self):
        """A copy counts its fills as the original does, and knows which of them were booked."""
        session = new_session(fill_count=3)
        session.apply_fill(new_fill(1))
        session.record_fill(new_fill(2))
        session.record_equity(EquityPoint(moment(1), 1, 1))

        for twin in copies(session):
            assert (twin.fill_count, twin.new_fills.before) == (5, 3)
            assert (twin.new_fills, twin.new_equity_points) == (session.new_fills, session.new_equity_points)
            assert twin.new_fills.booked == [("AAPL", "fill-1")]

    def test_the_count_follows_the_fills_that_wait(self):
        """Taking one away by hand, or putting other ones in their place, needs no counting."""
        session = new_session(fill_count=3)
        session.record_fill(new_fill(1))
        session.record_fill(new_fill(2))
        counts = [session.fill_count]

        session.new_fills.pop()
        counts.append(session.fill_count)
        session.new_fills = [new_fill(5), new_fill(6), new_fill(7)]
        counts.append(session.fill_count)
        session.new_fills.clear()
        counts.append(session.fill_count)

        assert counts == [5, 4, 6, 3]

    def test_fewer_fills_than_wait_are_refused(self):
        """What waits is part of the count."""
        session = new_session()
        session.record_fill(new_fill(1))

        with pytest.raises(InvalidSessionError, match="fill_count: 0 is less than the 1 that wait in `new_fills`"):
            session.fill_count = 0

        assert session.fill_count == 1

    @pytest.mark.parametrize("name", ["new_fills", "new_equity_points"])
    def test_history_is_a_list(self, name):
        """Anything else is refused when it is assigned."""
        with pytest.raises(InvalidSessionError, match=f"{name}: must be a list of"):
            setattr(new_session(), name, 5)

    def test_no_cash_is_the_initial_cash_later_too(self):
        """None puts the session back to what it has begun with."""
        session = new_session(initial_cash=5, cash=1)

        session.cash = None

        assert session.cash == 5

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda session: session.apply_fill({}), "fill: must be a Fill, not a dict"),
            (lambda session: session.record_fill(None), "fill: must be a Fill, not None"),
            (lambda session: session.record_equity(1), "point: must be an EquityPoint, not 1"),
            (lambda session: session.place_order("o"), "order: must be an Order, not 'o'"),
            (lambda session: session.mark([]), "prices: must be a mapping of symbols to prices, not a list"),
        ],
    )
    def test_wrong_arguments_are_named(self, call, message):
        """Whoever passes another type learns what is wanted; nothing has changed."""
        session = new_session()
        before = copy.deepcopy(session)

        with pytest.raises(InvalidSessionError, match=message):
            call(session)

        assert session == before

    @given(sessions())
    def test_copies_are_equal_and_independent(self, session):
        """Copying and pickling, as process pools do, keep everything, waiting history too."""
        twins = [copy.deepcopy(session), pickle.loads(pickle.dumps(session))]

        assert twins == [session, session]
        twins[0].new_fills.append(new_fill(1))
        assert twins[0] != session


class TestWorth:
    """What a session is worth."""

    def test_long_and_short_positions_count(self):
        """Equity is cash and the market value of all positions; a short one counts below zero."""
        session = new_session(
            initial_cash=1000,
            cash=500,
            positions={"A": Position("A", 10, 480, 50, START), "B": Position("B", -2, -30, 20, START)},
            realized_pnl=40,
            fees_paid=3,
        )

        assert session.market_value == 460
        assert session.unrealized_pnl == 10
        assert session.equity == 960
        assert session.net_pnl == 47

    def test_without_positions_it_is_cash(self):
        """A flat session is worth its cash."""
        session = new_session(initial_cash="10.10")

        assert (session.market_value, session.unrealized_pnl, session.equity) == (0, 0, Decimal("10.10"))


class TestLifecycle:
    """Which step may follow which status."""

    @pytest.mark.parametrize("step", STEP_NAMES)
    @pytest.mark.parametrize("status", SessionStatus)
    def test_each_step_from_each_status(self, status, step):
        """Every legal step leads where it should; any other one is refused and changes nothing."""
        session = new_session(status=status)
        before = copy.deepcopy(session)

        if (status, step) in LEGAL:
            take(session, step)

            assert session.status == LEGAL[status, step]
        else:
            with pytest.raises(InvalidTransitionError, match=f"is {status}: {step}\\(\\) is not possible now, only "):
                take(session, step)

            assert session == before

    @pytest.mark.parametrize("status", SessionStatus)
    def test_a_refusal_lists_what_is_possible(self, status):
        """The message names the session and every step that its status allows."""
        session = new_session(id="abc-123", status=status)
        possible = [f"{step}()" for step in STEP_NAMES if (status, step) in LEGAL]
        step = next(step for step in STEP_NAMES if (status, step) not in LEGAL)

        with pytest.raises(InvalidTransitionError) as refused:
            take(session, step)

        assert "'abc-123'" in str(refused.value)
        told = str(refused.value).rpartition("only ")[2]
        assert told.replace(" or ", ", ").split(", ") == possible

    def test_every_status_but_created_can_be_reached_and_left(self):
        """There is no status a session gets stuck in."""
        assert {target for _, target in STEPS.values()} == set(SessionStatus) - {SessionStatus.CREATED}
        assert {source for sources, _ in STEPS.values() for source in sources} == set(SessionStatus)

    def test_times_of_a_life(self):
        """The first start and the latest end are remembered; going on forgets the end."""
        session = new_session()

        session.start(at=moment(1))
        session.pause(at=moment(2))
        session.resume(at=moment(3))
        session.stop(at=moment(4))
        ended = session.started_at, session.stopped_at
        session.resume(at=moment(5))

        assert ended == (moment(1), moment(4))
        assert (session.started_at, session.stopped_at) == (moment(1), None)

    def test_starting_again_keeps_the_first_start(self):
        """`started_at` is when trading began, not when it began again."""
        session = new_session(status="STOPPED", started_at=moment(1), stopped_at=moment(2))

        session.start(at=moment(3))

        assert (session.started_at, session.stopped_at) == (moment(1), None)

    @pytest.mark.parametrize("step", ["start", "resume"])
    def test_why_it_failed_is_forgotten_when_it_goes_on(self, step):
        """`error` is why the session is FAILED now."""
        session = new_session(status="RUNNING")

        session.fail("feed lost", at=moment(1))
        failed = session.error, session.stopped_at
        take(session, step)

        assert failed == ("feed lost", moment(1))
        assert (session.error, session.stopped_at) == (None, None)

    def test_an_exception_may_be_the_error(self):
        """What is given as the error is kept as its text."""
        session = new_session(status="RUNNING")

        session.fail(TimeoutError("no quote for 30 s"))

        assert session.error == "no quote for 30 s"

    def test_steps_happen_now_unless_told_otherwise(self):
        """A step without a time takes the present moment, in UTC."""
        session = new_session()
        earliest = datetime.now(UTC)

        session.start()
        session.stop()

        assert earliest <= session.started_at <= session.stopped_at <= datetime.now(UTC)
        assert session.stopped_at.tzinfo is UTC

    @pytest.mark.parametrize(("status", "step"), LEGAL)
    def test_a_naive_time_takes_no_step(self, status, step):
        """A time without a zone is refused, and the session stays as it was."""
        session = new_session(status=status)
        before = copy.deepcopy(session)

        with pytest.raises(InvalidSessionError, match=r"at: .* has no time zone"):
            take(session, step, at=NAIVE)

        assert session == before

    def test_an_error_that_is_no_unicode_takes_no_step(self):
        """A text that cannot be stored is refused, and the session goes on running."""
        session = new_session(status="RUNNING")

        with pytest.raises(InvalidSessionError, match="error: has a lone surrogate"):
            session.fail("\ud800")

        assert session.status is SessionStatus.RUNNING


class TestOrders:
    """Resting orders and their fills."""

    def test_partial_fills_work_an_order_off(self):
        """Each fill takes from what remains; the last one takes the order away."""
        session = new_session()
        session.place_order(order(quantity="1.0"))

        session.apply_fill(new_fill(1, quantity="0.4", order_id="o-1"))
        rested = session.open_orders["o-1"]
        session.apply_fill(new_fill(2, quantity="0.6", order_id="o-1"))

        assert (rested.filled_quantity, rested.remaining_quantity) == (Decimal("0.4"), Decimal("0.6"))
        assert session.open_orders == {}
        assert session.positions["AAPL"].quantity == 1

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"quantity": "7.01"}, "has 7 left, less than its fill 'fill-2' of 7.01"),
            ({"side": "SELL"}, "is to BUY AAPL, its fill 'fill-2' is a SELL of AAPL"),
            ({"symbol": "MSFT"}, "is to BUY AAPL, its fill 'fill-2' is a BUY of MSFT"),
        ],
    )
    def test_a_fill_that_contradicts_its_order_changes_nothing(self, changes, message):
        """Too much, the wrong side or another symbol: the fill is refused, and not half booked."""
        session = new_session()
        session.place_order(order())
        session.apply_fill(new_fill(1, quantity=3, order_id="o-1"))
        before = copy.deepcopy(session)

        with pytest.raises(InvalidSessionError) as refused:
            session.apply_fill(new_fill(2, order_id="o-1", **changes))

        assert message in refused.value.messages["open_orders.o-1"][0]
        assert session == before

    def test_a_fill_of_an_order_that_does_not_rest_is_booked(self):
        """A market order need not rest first; its id is kept with the fill."""
        session = new_session()

        session.apply_fill(new_fill(1, order_id="market-1"))

        assert session.new_fills[0].order_id == "market-1"
        assert session.positions["AAPL"].quantity == 1

    def test_an_id_rests_once(self):
        """A second order of the same id does not replace the first."""
        session = new_session()
        session.place_order(order())

        with pytest.raises(InvalidSessionError, match=r"open_orders\.o-1: an order with this id is resting already"):
            session.place_order(order(quantity=99))

        assert session.open_orders["o-1"].quantity == 10

    def test_cancelling_gives_the_order_back(self):
        """A cancelled order rests no more; it waits to become history."""
        session = new_session()
        resting = session.place_order(order())

        cancelled = session.cancel_order("o-1", at=START)

        assert session.open_orders == {}
        assert session.new_closed_orders == [cancelled]
        assert cancelled == dataclasses.replace(resting, status="CANCELLED", closed_at=START)

    @pytest.mark.parametrize(("resting", "listed"), [([], "none"), ([2, 3], "o-2, o-3")])
    def test_cancelling_what_does_not_rest_is_refused(self, resting, listed):
        """The message lists what rests."""
        session = new_session()
        for number in resting:
            session.place_order(order(number))

        with pytest.raises(InvalidSessionError, match=rf"o-1: no resting order has this id; resting: {listed}\."):
            session.cancel_order("o-1")


class TestFills:
    """Booking fills, and keeping them as history."""

    def test_a_fill_is_booked_everywhere(self):
        """Cash, position, fees, count and history all follow one call."""
        session = new_session(initial_cash=1000)

        session.apply_fill(new_fill(1, quantity=2, price=100, fee="0.5"))

        assert session.cash == Decimal("799.5")
        assert session.fees_paid == Decimal("0.5")
        assert session.positions == {"AAPL": Position("AAPL", 2, 200, 100, moment(1))}
        assert (session.fill_count, session.new_fills) == (1, [new_fill(1, quantity=2, price=100, fee="0.5")])

    def test_a_closed_position_is_gone(self):
        """What is flat is no open position, and its profit is realized."""
        session = new_session()

        session.apply_fill(new_fill(1, quantity=2, price=100, fee=0))
        session.apply_fill(new_fill(2, quantity=2, price=103, fee=0, side="SELL"))

        assert session.positions == {}
        assert session.realized_pnl == 6

    @given(trades(max_size=8), st.data())
    def test_a_fill_that_waits_is_booked_once(self, several, data):
        """A broker that reports a fill again changes nothing, however often and late."""
        once, again = new_session(id="same"), new_session(id="same")

        for place, fill in enumerate(several):
            once.apply_fill(fill)
            again.apply_fill(fill)
            again.apply_fill(several[data.draw(st.integers(0, place))])

        assert again == once

    def test_another_fill_of_an_id_that_waits_is_refused(self):
        """Two different fills cannot have one id."""
        session = new_session()
        session.apply_fill(new_fill(1))
        before = copy.deepcopy(session)

        with pytest.raises(
            InvalidSessionError,
            match=r"new_fills\.fill-1: another fill with this id waits to be saved, and differs in price",
        ):
            session.apply_fill(new_fill(1, price=1))

        assert session == before

    def test_a_fill_taken_away_by_hand_may_come_again(self):
        """What counts as waiting is what stands in `new_fills`, whoever changed it."""
        session = new_session()
        session.apply_fill(new_fill(1))
        session.new_fills.clear()

        session.apply_fill(new_fill(1))

        assert session.positions["AAPL"].quantity == 2

    @pytest.mark.parametrize(
        ("stand", "come_again"), [([2, 3], [1]), ([1, 2], [3]), ([2, 3, 4], [1]), ([4, 2, 5], [1, 3]), ([4], [1])]
    )
    def test_some_of_the_fills_taken_away_by_hand_may_come_again(self, stand, come_again):
        """Whichever of several was taken away, or others put in their place: those that stand there are not booked."""
        session = new_session()
        for number in (1, 2, 3):
            session.apply_fill(new_fill(number))
        session.new_fills[:] = [new_fill(number) for number in stand]

        for number in (*stand, *come_again, *stand):
            session.apply_fill(new_fill(number))

        assert session.positions["AAPL"].quantity == 3 + len(come_again)
        assert session.new_fills == [new_fill(number) for number in (*stand, *come_again)]

    def test_looking_anew_at_what_waits_changes_nothing(self):
        """A fill that waits is not booked again after a save or a rollback has had the list looked at anew."""
        session = new_session()
        session.apply_fill(new_fill(1))

        session.new_fills = list(session.new_fills)
        session.apply_fill(new_fill(1))
        session.apply_fill(new_fill(2))

        assert session.positions["AAPL"].quantity == 2

    @pytest.mark.parametrize(
        ("first", "second", "path"),
        [
            ({"price": "9E+1000"}, {"price": "9E+1000"}, "cost_basis"),
            ({"price": "9E+1000"}, {"price": "9E+1000", "symbol": "MSFT"}, "cash"),
            ({"fee": "9E+1000"}, {"fee": "9E+1000", "price": "-9E+1000"}, "fees_paid"),
        ],
    )
    def test_books_that_would_overflow_change_nothing(self, first, second, path):
        """A fill whose sums are too large to be kept is refused by the field's name, and not half booked."""
        session = new_session(initial_cash=0)
        session.apply_fill(new_fill(1, **first))
        before = copy.deepcopy(session)

        with pytest.raises(InvalidSessionError) as refused:
            session.apply_fill(new_fill(2, **second))

        assert list(refused.value.messages) == [path]
        assert session == before

    def test_gains_that_would_overflow_change_nothing(self):
        """A fill that realizes more than can be kept is refused, and not half booked."""
        session = new_session()
        session.apply_fill(new_fill(1, price="9E+1000", side="SELL"))
        session.cash = 0
        before = copy.deepcopy(session)

        with pytest.raises(InvalidSessionError, match="realized_pnl: the amount is outside"):
            session.apply_fill(new_fill(2, price="-9E+1000"))

        assert session == before

    def test_recording_does_not_book(self):
        """A program with accounting of its own keeps its fills without changing cash or positions."""
        session = new_session()

        session.record_fill(new_fill(1))

        assert (session.cash, session.positions) == (10000, {})
        assert (session.fill_count, session.new_fills) == (1, [new_fill(1)])


class TestMarks:
    """Last prices and equity points."""

    def test_a_mark_sets_prices_and_keeps_a_point(self):
        """Each named position takes its price; the point is what the session is worth then."""
        session = new_session(initial_cash=1000)
        session.apply_fill(new_fill(1, quantity=2, price=100, fee=0))
        session.apply_fill(new_fill(2, quantity=1, price=10, fee=0, symbol="MSFT"))

        point = session.mark({"AAPL": "110.5", "IBM": 1}, at=moment(3))

        assert point == EquityPoint(moment(3), 790, "1021.0")
        assert session.new_equity_points == [point]
        assert {symbol: each.last_price for symbol, each in session.positions.items()} == {
            "AAPL": Decimal("110.5"),
            "MSFT": 10,
        }

    def test_a_mark_happens_now_unless_told_otherwise(self):
        """A mark without a time takes the present moment, in UTC."""
        earliest = datetime.now(UTC)

        point = new_session().mark({})

        assert earliest <= point.at <= datetime.now(UTC)

    @pytest.mark.parametrize(
        ("arguments", "path"),
        [
            ({"prices": {"AAPL": 5, "MSFT": float("nan")}}, "last_price"),
            ({"prices": {"AAPL": 5}, "at": NAIVE}, "at"),
            ({"prices": {"AAPL": "9E+1000", "MSFT": "9E+1000"}}, "equity"),
            ({"prices": {"AAPL": 5, "msft": 6}}, "prices.msft"),
        ],
    )
    def test_a_mark_that_is_refused_changes_nothing(self, arguments, path):
        """Not one price is set when another one, the time or the sum is wrong."""
        session = new_session()
        session.apply_fill(new_fill(1))
        session.apply_fill(new_fill(2, symbol="MSFT"))
        before = copy.deepcopy(session)

        with pytest.raises(InvalidSessionError) as refused:
            session.mark(**arguments)

        assert list(refused.value.messages) == [path]
        assert session == before

    @given(st.lists(equity_points(), max_size=4))
    def test_points_may_be_recorded_directly(self, points):
        """A program with accounting of its own keeps its points in order."""
        session = new_session()

        for point in points:
            session.record_equity(point)

        assert session.new_equity_points == points


class TestFreshCopy:
    """Starting over."""

    def test_it_starts_anew(self):
        """A fresh copy has the set-up of the session, and nothing of what happened to it."""
        session = full_session(id="first")

        copied = session.fresh_copy()

        expected = PaperTradingSession(
            id=copied.id,
            name=session.name,
            strategy=session.strategy,
            symbols=session.symbols,
            base_currency=session.base_currency,
            initial_cash=session.initial_cash,
            metadata={"tags": ["paper", "\N{HEAVY BLACK HEART}"], "parent_id": "first"},
            created_at=copied.created_at,
        )
        assert copied == expected
        assert copied.id != "first"
        assert copied.created_at > session.created_at

    def test_it_may_have_another_name(self):
        """The name of the new session can be chosen, even an empty one."""
        assert new_session(name="one").fresh_copy("two").name == "two"
        assert new_session(name="one").fresh_copy("").name == ""
        assert new_session(name="one").fresh_copy().name == "one"

    def test_it_shares_nothing(self):
        """Changing the copy's parameters or metadata, however deep, leaves the session alone."""
        session = new_session(strategy=Strategy("sma", "", {"windows": [5, {"n": [1]}]}), metadata={"tags": ["a"]})

        copied = session.fresh_copy()
        copied.strategy.parameters["windows"][1]["n"].append(2)
        copied.metadata["tags"].append("b")

        assert session.strategy.parameters == {"windows": [5, {"n": [1]}]}
        assert session.metadata == {"tags": ["a"]}

    @given(trades(max_size=5), prices())
    def test_the_original_is_untouched(self, several, price):
        """Trading in a copy does not reach the session it was made from."""
        session = new_session()
        for fill in several:
            session.apply_fill(fill)
        before = copy.deepcopy(session)

        copied = session.fresh_copy()
        copied.start()
        copied.apply_fill(new_fill(1, price=price))

        assert session == before
