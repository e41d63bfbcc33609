"""Fast serialisation: the same as marshmallow's, only faster."""

from __future__ import annotations

import dataclasses
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paper_repo import EquityPoint, Fill, Order, PaperTradingSession, Position, SessionRepository
from paper_repo.errors import InvalidSessionError
from paper_repo.serialization import fast, fast_writing, schemas
from paper_repo.testing.accounts import rich_session, with_orders
from tests import strategies
from tests.builders import START, full_session, new_fill, new_session

KINDS: dict[type[Any], st.SearchStrategy[Any]] = {
    Position: strategies.positions(),
    Order: strategies.orders(),
    Fill: strategies.fills(),
    EquityPoint: strategies.equity_points(),
}
NO_AMOUNTS = ["NaN", "Infinity", "-Infinity", "sNaN", "1E+5000", "1E-5000", "", "one", 1, 1.5, None, True, [], "1_0"]
NO_TIMES = ["", "2026-01-01", "2026-01-01T00:00:00+00:00", "2026-01-01T00:00:00.000000", "2026-W01-1", 5, None]


def by_marshmallow(session: PaperTradingSession) -> dict[str, Any]:
    """What `to_columns` is to give, by way of marshmallow."""
    data = fast.NO_ACCOUNT | schemas.dump(session)
    data["keeps_own_accounts"] = int(data["keeps_own_accounts"] is not False)
    return {name: fast.to_json(each) if isinstance(each, dict | list) else each for name, each in data.items()}


def test_data_that_holds_itself_does_not_fill_the_stack() -> None:
    """It is refused without going down to the last frame, where a finalizer that happens to be called would fail."""
    circle: dict[str, Any] = {}
    circle["me"] = [circle]
    depths = [0]

    def count(frame: object, event: str, arg: object) -> None:
        depths.append(depths[-1] + {"call": 1, "return": -1}.get(event, 0))

    with pytest.raises(ValueError, match="Circular reference"):
        fast_writing.json_text("state", circle, {})
    before = sys.getprofile()
    sys.setprofile(count)
    try:
        with pytest.raises(InvalidSessionError, match=r"state: is nested too deeply, .*, or holds itself"):
            fast.to_columns(new_session(state=circle))
    finally:
        sys.setprofile(before)

    assert max(depths) < 100


@given(st.data())
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_entities_are_written_and_read_as_by_marshmallow(kind: type[Any], data: st.DataObject) -> None:
    """The fast functions give marshmallow's data and marshmallow's entity."""
    entity = data.draw(KINDS[kind])
    plain = schemas.dump(entity)

    assert fast.load(kind, plain) == schemas.load(kind, plain) == entity
    assert fast.dump(entity) == plain


@given(strategies.sessions())
def test_sessions_are_written_and_read_as_by_marshmallow(session: PaperTradingSession) -> None:
    """A session's columns are marshmallow's data with JSON text for what has parts, and give the session back."""
    columns = fast.to_columns(session)
    again = fast.from_columns(columns)
    session.new_fills.clear()
    session.new_equity_points.clear()
    session.new_ledger_entries.clear()
    session.new_closed_orders.clear()
    session.fill_count = columns["fill_count"]
    session.ledger_count = columns["ledger_count"] or 0
    session.closed_order_count = columns["closed_order_count"] or 0

    assert columns == by_marshmallow(session)
    assert again == session
    assert vars(again).keys() == vars(session).keys()


@given(strategies.sessions(), st.data())
def test_known_texts_change_nothing(session: PaperTradingSession, data: st.DataObject) -> None:
    """Texts kept from earlier times are used for the same objects only, however many of them change each time."""
    known: fast.Known = {}
    for _ in range(4):
        columns = fast.to_columns(session, known)

        assert columns == by_marshmallow(session)
        for symbol in data.draw(st.sets(st.sampled_from(list(session.positions)))) if session.positions else ():
            session.positions[symbol] = _marked(session, symbol)


def test_texts_of_what_has_not_changed_are_not_written_again() -> None:
    """Of equal data the text of the last time is given back, the very same; of other data beside it a new one."""
    shared = ["x", {"a": 1.5}]
    session = new_session(state={"one": shared, "other": shared}, metadata={"n": 1}, symbols=("AAPL", "MSFT"))
    known: fast.Known = {}
    before = fast.to_columns(session, known)

    session.state = {"one": ["x", {"a": 1.5}], "other": ["x", {"a": 1.5}]}
    session.metadata["n"] = 2
    again = fast.to_columns(session, known)

    assert again["state"] is before["state"]
    assert again["symbols"] is before["symbols"]
    assert (before["metadata"], again["metadata"]) == ('{"n":1}', '{"n":2}')


def test_times_are_written_again_where_they_have_changed_only() -> None:
    """A position that was opened anew has its new time; of those that are closed, not many times are kept."""
    session = full_session()
    known: fast.Known = {}
    for number in range(100):
        for opened_at in (START, START + timedelta(days=number)):
            session.positions = {f"S{number}": Position(f"S{number}", 1, 100, 101, opened_at)}
            assert fast.to_columns(session, known) == by_marshmallow(session)

    assert len(known["positions.times"]) < 20


def test_times_of_new_objects_are_kept() -> None:
    """A position that is marked is another object of the same time, which is not written again."""
    session = full_session()
    known: fast.Known = {}
    fast.to_columns(session, known)
    times = dict(known["positions.times"])

    session.positions = {symbol: _marked(session, symbol) for symbol in session.positions}
    fast.to_columns(session, known)

    assert known["positions.times"].keys() == session.positions.keys()
    assert all(known["positions.times"][symbol] is times[symbol] for symbol in session.positions)


@pytest.mark.parametrize("data", [{"a": "\ud83d\ude00"}, {"a": ["\ud800"]}, {"\udfff": 1}])
def test_halves_of_characters_are_refused_in_data(data: dict[str, Any]) -> None:
    """A lone surrogate, of which there is no UTF-8, is refused; a character beyond the first 65,536 is kept."""
    with pytest.raises(InvalidSessionError, match="state"):
        fast.to_columns(new_session(state=data))

    session = new_session(state={"a": "\N{CHART WITH UPWARDS TREND}", "\N{CHART WITH UPWARDS TREND}": 1})
    assert fast.from_columns(fast.to_columns(session)) == session


def test_an_account_that_uses_everything_does_without_marshmallow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instruments, hedged positions, orders of every kind, fills in another currency or with metadata."""
    session = with_orders(rich_session())
    entities = [*session.new_fills, *session.open_orders.values(), *session.new_closed_orders]
    assert any(fill.metadata for fill in session.new_fills)

    def asked(*_: object) -> None:
        raise AssertionError("marshmallow was asked")

    monkeypatch.setattr(schemas, "dump", asked)
    monkeypatch.setattr(schemas, "load", asked)

    assert fast.from_columns(fast.to_columns(session)).positions == session.positions
    for each in entities:
        assert fast.load(type(each), fast.dump(each)) == each


def test_entities_of_the_callers_own_kinds_are_written_as_by_marshmallow() -> None:
    """What the functions were not built for goes through marshmallow, and comes out in the same form."""
    own = {kind: type(f"Own{kind.__name__}", (kind,), {}) for kind in (Position, Fill)}
    position, fill = (
        own[type(each)](**{field.name: getattr(each, field.name) for field in dataclasses.fields(each)})
        for each in (Position.open("AAPL", 1, 2, START), new_fill(1))
    )
    session = new_session(positions={"AAPL": position}, state={"a": [1]}, symbols=["AAPL"])

    assert fast.to_columns(session) == by_marshmallow(session)
    assert fast.dump(fill) == fast.dump(new_fill(1))


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("name", "\ud800"),
        ("name", 5),
        ("error", 5),
        ("symbols", '["AAPL", 5]'),
        ("symbols", '["AAPL", ""]'),
        ("symbols", '{"AAPL": 1}'),
        ("symbols", '"AAPL"'),
        ("state", "[]"),
        ("strategy", '{"name": "sma", "version": "1"}'),
        ("positions", "[]"),
        ("positions", '{"AAPL": null}'),
        ("open_orders", '{"o": {}}'),
        ("status", "running"),
        ("status", None),
        ("cash", 5),
        ("cash", None),
        ("version", True),
        ("version", "1"),
        ("version", -1),
        ("fill_count", -1),
        ("id", ""),
        ("created_at", None),
        ("other", 1),
    ],
)
def test_wrong_columns_are_judged_as_by_marshmallow(name: str, wrong: object) -> None:
    """A session with a column that is wrong is refused with marshmallow's messages."""
    columns = fast.to_columns(full_session()) | {name: wrong}
    parts = [each for each, value in schemas.dump(full_session()).items() if isinstance(value, dict | list)]
    plain = {each: value for each, value in columns.items() if value is not None or each not in fast.NO_ACCOUNT}
    plain |= {each: fast.from_json(columns[each]) for each in parts}
    plain["keeps_own_accounts"] = bool(plain["keeps_own_accounts"])

    refused = _outcome(lambda kind, data: fast.from_columns(data), columns, PaperTradingSession)

    assert isinstance(refused, dict)
    assert refused == _outcome(schemas.load, plain, PaperTradingSession)


@pytest.mark.parametrize("other", [True, 1.0, [1], {"1": 1}, {"a": 1, "b": 2}], ids=repr)
def test_changes_inside_of_data_are_written(other: object) -> None:
    """What was written of a session's data is written anew when anything in it has changed, its type or order too."""
    session = new_session(state={"x": 1, "y": [{"b": 2, "a": 1}]})
    known: fast.Known = {}
    fast.to_columns(session, known)

    session.state["x"] = session.state["y"][0] = other  # type: ignore[index]

    assert fast.to_columns(session, known)["state"] == fast.to_json({"x": other, "y": [other]})


def test_data_that_json_makes_other_data_of_is_refused_the_second_time_too() -> None:
    """A list that was stored and is a tuple now would not come back equal."""
    session = new_session(state={"window": [1, 2]})
    known: fast.Known = {}
    fast.to_columns(session, known)

    session.state["window"] = (1, 2)

    for _ in range(2):
        with pytest.raises(InvalidSessionError, match=r"state\.window"):
            fast.to_columns(session, known)


def test_a_position_under_another_name_is_refused_the_third_time_too() -> None:
    """A position that was written under its own symbol is not taken for right under another one."""
    session = full_session()
    known: fast.Known = {}
    for _ in range(3):
        fast.to_columns(session, known)
    symbol, position = next(iter(session.positions.items()))
    session.positions = {("OTHER" if each == symbol else each): held for each, held in session.positions.items()}

    with pytest.raises(InvalidSessionError, match="OTHER"):
        fast.to_columns(session, known)

    assert position.symbol == symbol


def _marked(session: PaperTradingSession, symbol: str) -> Position:
    return session.positions[symbol].marked("12.5")


@pytest.mark.parametrize("wrong", NO_AMOUNTS, ids=repr)
def test_wrong_amounts_are_judged_as_by_marshmallow(wrong: object) -> None:
    """What is no amount is refused with marshmallow's message, and what marshmallow takes is taken."""
    plain = {"at": "2026-01-01T00:00:00.000000+00:00", "cash": wrong, "equity": "1"}

    assert _outcome(fast.load, plain) == _outcome(schemas.load, plain)


@pytest.mark.parametrize("wrong", NO_TIMES, ids=repr)
def test_wrong_times_are_judged_as_by_marshmallow(wrong: object) -> None:
    """What is no time in UTC is refused with marshmallow's message."""
    plain = {"at": wrong, "cash": "1", "equity": "1"}

    assert _outcome(fast.load, plain) == _outcome(schemas.load, plain)
    assert isinstance(_outcome(fast.load, plain), dict)


@pytest.mark.parametrize(
    "entity",
    [
        new_fill(1, order_id="o-1", fee="0.25"),
        new_fill(2),
        Order("o", "AAPL", "SELL", "STOP_LIMIT", 3, limit_price=1, stop_price=2, time_in_force="DAY", created_at=START),
        EquityPoint(START, 1, 2),
        EquityPoint(START, None, 2),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_plain_entity_is_read_without_marshmallow(entity: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nearly all of a history are plain, and each comes back equal by the fast functions alone."""
    plain = fast.dump(entity)
    monkeypatch.setattr(schemas, "load", None)
    monkeypatch.setattr(schemas, "dump", None)

    assert fast.load(type(entity), plain) == entity
    assert fast.dump(entity) == plain


@pytest.mark.parametrize("name", [" a", "a ", "\x85", "a\x1f", "\u2003a", ""], ids=ascii)
@pytest.mark.parametrize(
    ("entity", "field"),
    [
        (Position("AAPL", 1, 10, 10, START), "symbol"),
        (new_fill(1), "symbol"),
        (new_fill(1), "id"),
        (Order("o", "AAPL", "BUY", "MARKET", 1), "symbol"),
        (Order("o", "AAPL", "BUY", "MARKET", 1), "id"),
    ],
    ids=lambda each: each if isinstance(each, str) else type(each).__name__,
)
def test_names_that_begin_or_end_with_white_space_are_refused(entity: Any, field: str, name: str) -> None:
    """Nobody sees it, and a position would not be found under its symbol."""
    plain = schemas.dump(entity) | {field: name}

    found = _outcome(fast.load, plain, type(entity))

    assert isinstance(found, dict)
    assert found == _outcome(schemas.load, plain, type(entity))


@given(strategies.positions(), st.sampled_from(list(schemas.fields_of(Position))), strategies.json_data())
def test_damaged_positions_are_judged_as_by_marshmallow(position: Position, name: str, wrong: Any) -> None:
    """Whatever stands in a field, the fast function and marshmallow come to the same result."""
    plain = schemas.dump(position) | {name: wrong}

    assert _outcome(fast.load, plain, Position) == _outcome(schemas.load, plain, Position)


@settings(max_examples=10, deadline=None)
@given(st.data())
@pytest.mark.parametrize("kind", [Fill, Order, Position], ids=lambda kind: kind.__name__)
def test_wrong_fields_are_judged_as_by_marshmallow(kind: type[Any], data: st.DataObject) -> None:
    """Also those that few have, and white space that nobody sees."""
    whole = schemas.dump(data.draw(KINDS[kind]))
    plain = {name: value for name, value in whole.items() if name not in schemas.defaults_of(kind)}

    for name in schemas.fields_of(kind):
        for wrong in (None, "", " x", "x ", "0", "-1", "NaN", 5, True, [], {}, "\ud800"):
            for changed in (whole | {name: wrong}, plain | {name: wrong}):
                assert _outcome(fast.load, changed, kind) == _outcome(schemas.load, changed, kind), (name, wrong)


def _outcome(load: Any, plain: dict[str, Any], kind: type[Any] = EquityPoint) -> object:
    try:
        return load(kind, plain)
    except InvalidSessionError as error:
        return error.messages


@given(strategies.sessions())
def test_columns_that_are_no_json_are_named(session: PaperTradingSession) -> None:
    """A JSON column that holds something else is refused by its name."""
    columns = fast.to_columns(session) | {"positions": '{"AAPL": '}

    with pytest.raises(InvalidSessionError, match="positions: is not JSON"):
        fast.from_columns(columns)


def test_text_behind_json_is_refused() -> None:
    """JSON text must be one value and nothing else."""
    with pytest.raises(ValueError, match="more behind position 2"):
        fast.from_json("{} {}")


def test_a_session_of_everything_needs_no_help(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """A session is saved and loaded without marshmallow, unless it holds what few accounts do."""
    session = full_session()
    for schema in schemas._SCHEMAS.values():
        monkeypatch.setattr(schema, "dump", None)
        monkeypatch.setattr(schema, "load", None)

    with SessionRepository(path) as repository:
        repository.save(session)

        assert repository.get_by_id(session.id) == session
        assert session.positions
        assert session.open_orders
        assert repository.get_fills(session.id)
        assert repository.get_equity_curve(session.id)


@pytest.mark.parametrize("zero", ["0E-1000", "0E+1000", "-0E-1000", "0.00"])
def test_a_zero_keeps_its_places(zero: str) -> None:
    """A zero with more places than an ordinary amount has comes back as it was written."""
    columns = fast.to_columns(new_session(cash=zero, state={}))

    assert str(fast.from_columns(columns).cash) == columns["cash"]
    assert fast.load(EquityPoint, fast.dump(EquityPoint(START, zero, 1))) == EquityPoint(START, zero, 1)
    assert str(fast.load(EquityPoint, fast.dump(EquityPoint(START, zero, 1))).cash) == columns["cash"]
