"""The serialised form of every entity."""

from __future__ import annotations

import datetime
import decimal
import json
import math
import sys
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper_repo import EquityPoint, Fill, InvalidSessionError, Order, PaperTradingSession, Position, Strategy
from paper_repo.serialization import schemas
from paper_repo.serialization.json_data import json_copy
from tests.builders import START, full_session, new_fill, new_session
from tests.strategies import (
    equity_points,
    fills,
    hostile_contexts,
    json_data,
    json_objects,
    orders,
    positions,
    sessions,
    strategies,
    texts,
)

KINDS = {
    Strategy: strategies(),
    Position: positions(),
    Order: orders(),
    Fill: fills(),
    EquityPoint: equity_points(),
    PaperTradingSession: sessions() | st.builds(full_session),
}
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def serialised(**changes):
    """A session's plain data with these values in it, given by their dotted paths; `...` takes one away."""
    data = schemas.dump(full_session())
    for path, value in changes.items():
        *above, last = path.split("__")
        place = data
        for step in above:
            place = place[step]
        if value is ...:
            del place[last]
        else:
            place[last] = value
    return data


def complaints(data, kind=PaperTradingSession):
    """The messages by path with which `data` is refused."""
    with pytest.raises(InvalidSessionError) as refused:
        schemas.load(kind, data)
    return refused.value.messages


def outcome(call):
    """What `call` gives, and the messages by path with which it is refused: one of the two is empty."""
    try:
        return call(), {}
    except InvalidSessionError as error:
        return None, error.messages


class TestRoundTrip:
    """What is dumped can be loaded."""

    @each_kind
    def test_every_entity_comes_back_equal(self, kind):
        """The plain data survives JSON, and gives the same entity again."""

        @given(KINDS[kind])
        def check(entity):
            data = schemas.dump(entity)
            twin = schemas.load(kind, json.loads(json.dumps(data)))
            if kind is PaperTradingSession:
                twin.new_fills, twin.new_equity_points = list(entity.new_fills), list(entity.new_equity_points)
                twin.new_ledger_entries, twin.new_closed_orders = entity.new_ledger_entries, entity.new_closed_orders
                twin.fill_count = entity.fill_count
                twin.ledger_count, twin.closed_order_count = entity.ledger_count, entity.closed_order_count
            assert twin == entity
            assert schemas.dump(twin) == data

        check()

    @given(sessions(), hostile_contexts())
    def test_the_callers_context_changes_nothing(self, session, context):
        """Dumping and loading do not round in any decimal context of the caller."""
        with decimal.localcontext(context):
            data = schemas.dump(session)
            twin = schemas.load(PaperTradingSession, data)

        assert twin.cash.as_tuple() == session.cash.as_tuple()
        assert twin.positions == session.positions

    def test_the_form(self):
        """Amounts are decimal text, times have a fixed width, choices are names, what is missing is None."""
        fill = Fill("f-1", "AAPL", "BUY", "1.50", 1e22, 0, START)

        assert schemas.dump(fill) == {
            "id": "f-1",
            "symbol": "AAPL",
            "side": "BUY",
            "quantity": "1.50",
            "price": "1E+22",
            "fee": "0",
            "executed_at": "2026-01-05T14:30:00.000000+00:00",
            "order_id": None,
        }

    def test_the_form_of_a_session(self):
        """A session is plain data through and through, without the history that waits."""
        session = new_session(id="abc-123", positions={"A": Position.open("A", 1, 2, START)})
        session.record_fill(new_fill(1))

        data = schemas.dump(session)

        assert data["strategy"] == {"name": "sma", "version": "1", "parameters": {"fast": 10, "slow": 30}}
        assert data["symbols"] == ["AAPL", "MSFT"]
        assert data["positions"] == {
            "A": {
                "symbol": "A",
                "quantity": "1",
                "cost_basis": "2",
                "last_price": "2",
                "opened_at": "2026-01-05T14:30:00.000000+00:00",
                "realized_pnl": "0",
            }
        }
        assert (data["status"], data["version"], data["fill_count"]) == ("CREATED", 0, 1)
        assert "new_fills" not in data

    def test_what_is_dumped_shares_nothing(self):
        """Changing the plain data, or the session afterwards, does not change the other."""
        session = new_session(state={"window": [1, [2]]})

        data = schemas.dump(session)
        session.state["window"][1].append(3)

        assert data["state"] == {"window": [1, [2]]}


class TestDump:
    """What cannot be serialised is refused by its path."""

    CIRCULAR: list[object] = []
    CIRCULAR.append(CIRCULAR)

    @pytest.mark.parametrize(
        ("value", "path", "message"),
        [
            (math.nan, "", "nan cannot be kept in JSON"),
            (math.inf, "", "inf cannot be kept in JSON"),
            (-math.inf, "", "-inf cannot be kept in JSON"),
            ((1, 2), "", "a tuple would come back as a list"),
            ((), "", "a tuple would come back as a list"),
            ({1, 2}, "", "a set cannot be kept in JSON"),
            (b"bytes", "", "a bytes cannot be kept in JSON"),
            (Decimal("1.5"), "", "a Decimal cannot be kept in JSON"),
            (START, "", "a datetime cannot be kept in JSON"),
            (datetime.date(2026, 1, 5), "", "a date cannot be kept in JSON"),
            (1j, "", "a complex cannot be kept in JSON"),
            (object, "", "a type cannot be kept in JSON"),
            ({1: "one"}, ".1", "the key 1 is not text"),
            ({None: 1}, ".None", "the key None is not text"),
            ({True: 1}, ".True", "the key True is not text"),
            ({1.5: 1}, ".1.5", "the key 1.5 is not text"),
            ({("a", "b"): 1}, ".('a', 'b')", "the key ('a', 'b') is not text"),
            ({"1": "text", 1: "number"}, ".1", "the key 1 is not text"),
            ({"a": [{"b": (1,)}]}, ".a[0].b", "a tuple would come back as a list"),
            ([[1], [2, {3}]], "[1][1]", "a set cannot be kept in JSON"),
            (10**5000, "", "the number has too many digits"),
            ("ab\ud800", "", "lone surrogate at position 2"),
            ("\ud83d\ude00", "", "lone surrogate at position 0"),
            ({"\udfff": 1}, r".'\udfff'", "lone surrogate at position 0"),
            ([CIRCULAR], "", "nested too deeply, more than 200 levels, or holds itself"),
        ],
        ids=lambda value: type(value).__name__,
    )
    @pytest.mark.parametrize("field", ["strategy.parameters", "state", "metadata"])
    def test_what_json_does_not_give_back_is_refused(self, field, value, path, message):
        """A value that would come back as another one, or not at all, is refused, and the message names its place."""
        place = f"{field}.window{path}"
        if message.startswith("nested"):
            place = field
        fields = (
            {"strategy": Strategy("sma", "", {"window": value, "fine": 1})}
            if field == "strategy.parameters"
            else {field: {"window": value, "fine": 1}}
        )

        with pytest.raises(InvalidSessionError) as refused:
            schemas.dump(new_session(**fields))

        assert list(refused.value.messages) == [place]
        assert message in refused.value.messages[place][0]

    def test_every_wrong_place_is_named(self):
        """One error lists all that is wrong in a value."""
        with pytest.raises(InvalidSessionError) as refused:
            schemas.dump(new_session(state={"a": math.nan, "b": {"c": {1}, "d": 1}, "e": [b""]}))

        assert list(refused.value.messages) == ["state.a", "state.b.c", "state.e[0]"]

    def test_a_value_that_is_never_equal_is_refused(self):
        """What does not equal its own copy, for a reason nobody can see, is refused as a whole."""

        class Odd(str):
            __hash__ = str.__hash__

            def __eq__(self, other):
                return False

        with pytest.raises(InvalidSessionError, match=r"state: does not come back equal from JSON"):
            schemas.dump(new_session(state={"a": Odd("a")}))

    @given(json_data())
    def test_whatever_json_can_hold_is_kept(self, value):
        """JSON data of any shape comes back equal, with its types and the order of its keys."""
        kept = json_copy(value, "state")

        assert repr(kept) == repr(value)

    @pytest.mark.parametrize(
        ("changes", "path", "message"),
        [
            ({"positions": {"AAPL": "long"}}, "positions.AAPL", "must be of type Position, not 'long'"),
            ({"positions": {"AAPL": None}}, "positions.AAPL", "must be of type Position"),
            (
                {"positions": {"AAPL": Position.open("MSFT", 1, 2, START)}},
                "positions.AAPL",
                "is kept under another id than its own, 'MSFT'",
            ),
            ({"positions": {1: Position.open("MSFT", 1, 2, START)}}, "positions.1", "is kept under another id"),
            ({"open_orders": {"o-1": new_fill(1)}}, "open_orders.o-1", "must be of type Order"),
            (
                {"open_orders": {"o-1": Order("o-2", "A", "BUY", "MARKET", 1, created_at=START)}},
                "open_orders.o-1",
                "is kept under another id than its own, 'o-2'",
            ),
        ],
    )
    def test_wrong_parts_are_refused(self, changes, path, message):
        """Positions and orders must be what they are, and stand under their own names."""
        with pytest.raises(InvalidSessionError) as refused:
            schemas.dump(new_session(**changes))

        assert list(refused.value.messages) == [path]
        assert message in refused.value.messages[path][0]

    @pytest.mark.parametrize("depth", [1, 100, 199, 200, 500, *range(900, 1100, 30), 2000, 10_000, 100_000])
    @pytest.mark.parametrize("wrap", [lambda below: [below], lambda below: {"a": below}], ids=["lists", "dicts"])
    def test_deep_data_is_kept_or_refused(self, depth, wrap):
        """Data nested up to 200 levels comes back, the outermost counted; what is deeper is refused."""
        value = 1
        for _ in range(depth):
            value = wrap(value)

        kept, refused = outcome(lambda: json_copy({"a": value}, "state"))

        if depth < 200:
            assert kept == {"a": value}
        else:
            assert refused == {"state": ["is nested too deeply, more than 200 levels, or holds itself."]}


class TestLoad:
    """What is no serialised entity is refused by its path."""

    @pytest.mark.parametrize(
        ("changes", "path", "message"),
        [
            ({"id": ...}, "id", "Missing data for required field."),
            ({"positions__AAPL__quantity": ...}, "positions.AAPL.quantity", "Missing data for required field."),
            ({"strategy__parameters": ...}, "strategy.parameters", "Missing data for required field."),
            ({"leverage": 2}, "leverage", "Unknown field."),
            ({"positions__AAPL__margin": 1}, "positions.AAPL.margin", "Unknown field."),
            ({"open_orders__o/1__note": 1}, "open_orders.o/1.note", "Unknown field."),
            ({"id": ""}, "id", "must not be empty."),
            ({"id": None}, "id", "Field may not be null."),
            ({"name": 5}, "name", "Not a valid string."),
            ({"strategy": "sma"}, "strategy", "Invalid input type."),
            ({"strategy__parameters": [1]}, "strategy.parameters", "must be a JSON object, not a list."),
            ({"state": None}, "state", "Field may not be null."),
            ({"symbols": "AAPL"}, "symbols", "Not a valid list."),
            ({"symbols": ["AAPL", 5]}, "symbols[1]", "Not a valid string."),
            ({"symbols": ["AAPL", ""]}, "symbols[1]", "must not be empty."),
            ({"status": "IDLE"}, "status", "Must be one of: CREATED, RUNNING, PAUSED, STOPPED, FAILED."),
            ({"status": "running"}, "status", "Must be one of"),
            ({"cash": 5}, "cash", "5 is not a decimal number as text."),
            ({"cash": "five"}, "cash", "'five' is not a decimal number as text."),
            ({"cash": "NaN"}, "cash", "only finite numbers are."),
            ({"positions": []}, "positions", "Not a valid mapping type."),
            ({"positions__AAPL": 5}, "positions.AAPL", "Invalid input type."),
            (
                {"positions__AAPL__quantity": "many"},
                "positions.AAPL.quantity",
                "'many' is not a decimal number as text.",
            ),
            ({"positions__AAPL__quantity": "0"}, "positions.AAPL.quantity", "an open position holds something"),
            ({"open_orders__o/1__filled_quantity": "99"}, "open_orders.o/1.filled_quantity", "is not within 0 and"),
            ({"open_orders__o/1__side": None}, "open_orders.o/1.side", "Field may not be null."),
            ({"created_at": "2026-01-05"}, "created_at", "is no time in UTC like '2026-01-31T14:30:00.000000+00:00'."),
            ({"created_at": "2026-01-05T14:30:00.000000+01:00"}, "created_at", "is no time in UTC"),
            ({"created_at": "2026-01-05T14:30:00+00:00"}, "created_at", "is no time in UTC"),
            ({"created_at": "2026-01-05T14:30:00.000000Z"}, "created_at", "is no time in UTC"),
            ({"created_at": 1767623400}, "created_at", "1767623400 is no time in UTC"),
            ({"version": 1.5}, "version", "Not a valid integer."),
            ({"version": True}, "version", "Not a valid integer."),
            ({"version": -1}, "version", "must be a whole number from 0"),
            ({"fill_count": "3"}, "fill_count", "Not a valid integer."),
        ],
    )
    def test_wrong_data_is_refused_by_path(self, changes, path, message):
        """The one wrong value is named by its path, in words."""
        messages = complaints(serialised(**changes))

        assert list(messages) == [path]
        assert message in messages[path][0]

    def test_every_wrong_place_is_named(self):
        """One error lists all that is wrong in the data."""
        data = serialised(id=5, positions__AAPL__quantity="many", open_orders={"o-1": {}}, leverage=2)

        messages = complaints(data)

        assert {"id", "positions.AAPL.quantity", "open_orders.o-1.side", "leverage"} <= set(messages)

    def test_parts_under_another_name_are_refused(self):
        """A position that stands under another symbol than its own is not taken for either."""
        data = serialised()
        data["positions"]["IBM"] = data["positions"].pop("AAPL")

        assert complaints(data) == {"positions.IBM": ["is kept under another id than its own, 'AAPL'."]}

    @pytest.mark.parametrize("data", [None, 5, "text", [], [{}], True])
    @each_kind
    def test_what_is_no_object_is_refused(self, kind, data):
        """Data that is not a JSON object at all is named as such."""
        assert complaints(data, kind) == {"session": ["Invalid input type."]}

    @each_kind
    def test_arbitrary_data_is_refused_as_ours(self, kind):
        """Whatever JSON one loads, the answer is an entity or an `InvalidSessionError`."""

        @given(mangled(kind))
        def check(data):
            entity, refused = outcome(lambda: schemas.load(kind, data))

            assert isinstance(entity, kind) != bool(refused)
            assert all(isinstance(text, str) for several in refused.values() for text in several)

        check()


def mangled(kind):
    """Plain data of entities of this kind with some values replaced by any JSON, and any JSON at all."""
    valid = KINDS[kind].map(schemas.dump)
    nasty = json_data() | st.sampled_from(
        ["NaN", "sNaN", "1E+9999999", "Infinity", "\ud800", "0001-01-01T00:00:00.000000+00:00", 10**30, -0.0, 1e300]
    )
    changed = st.tuples(valid, st.lists(st.tuples(st.integers(0, 30), nasty), max_size=3)).map(_with_changes)
    return changed | json_objects() | json_data() | st.dictionaries(texts(), nasty)


def _with_changes(choice):
    data, changes = choice
    for place, value in changes:
        names = list(data)
        data[names[place % len(names)]] = value
    return data


def test_the_recursion_limit_is_the_usual_one():
    """The tests of deep data mean something only where Python's own limit is in force."""
    assert sys.getrecursionlimit() <= 1000
