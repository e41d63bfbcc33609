"""The demo's strategy, run over its whole year in memory."""

from __future__ import annotations

from decimal import Decimal

from paper_repo import OrderType, PaperTradingSession, Side
from paper_repo.demo.market import trading_days
from paper_repo.demo.strategy import new_session, trade_day
from paper_repo.serialization import schemas


def traded(days: int) -> PaperTradingSession:
    """The demo's session after this many days."""
    session = new_session()
    for day in trading_days()[:days]:
        trade_day(session, day)
    return session


def test_the_books_balance_after_every_day() -> None:
    """Equity is the starting cash and what was won or lost, to the last digit, whatever the strategy does."""
    session = new_session()

    for day in trading_days():
        trade_day(session, day)

        assert session.equity == session.initial_cash + session.net_pnl


def test_the_year_shows_a_bit_of_everything() -> None:
    """Long and short positions, fills in parts, stops and gains taken, and orders that rest at the end."""
    sides, parts, purposes = set(), 0, set()
    session = new_session()

    for day in trading_days():
        trade_day(session, day)
        sides |= {position.quantity > 0 for position in session.positions.values()}
        parts += any(order.filled_quantity for order in session.open_orders.values())
    purposes = {str(fill.order_id).partition("-")[0] for fill in session.new_fills}

    assert sides == {True, False}
    assert parts > 0
    assert purposes == {"entry", "stop", "gain"}
    assert {order.type for order in session.open_orders.values()} >= {OrderType.STOP, OrderType.LIMIT}


def test_two_runs_are_equal_to_the_last_digit() -> None:
    """Ids, times and amounts of two runs are the same; nothing of them comes from the clock or from chance."""
    one, other = traded(251), traded(251)

    assert one.new_fills == other.new_fills
    assert one.new_equity_points == other.new_equity_points
    assert schemas.dump(one)["state"] == schemas.dump(other)["state"]
    assert schemas.dump(one)["open_orders"] == schemas.dump(other)["open_orders"]


def test_a_session_loaded_from_its_plain_data_goes_on_the_same() -> None:
    """All that the strategy must remember is in the session: after each of these days it can be put away and loaded."""
    whole = traded(120)
    session = new_session()

    for number, day in enumerate(trading_days()[:120]):
        if number % 7 == 0:
            session = schemas.load(PaperTradingSession, schemas.dump(session))
        trade_day(session, day)

    assert schemas.dump(session)["positions"] == schemas.dump(whole)["positions"]
    assert schemas.dump(session)["open_orders"] == schemas.dump(whole)["open_orders"]
    assert schemas.dump(session)["state"] == schemas.dump(whole)["state"]
    assert str(session.cash) == str(whole.cash)


def test_nothing_is_traded_before_the_averages_are_known() -> None:
    """There are no orders while there are fewer closes than the slow average needs, and orders on the day there are."""
    slow = new_session().strategy.parameters["slow"]

    before, then = traded(slow - 1), traded(slow)

    assert before.open_orders == {}
    assert {order.type for order in then.open_orders.values()} == {OrderType.MARKET}


def test_equity_is_known_from_the_start() -> None:
    """The first point of the curve is the starting cash, before anything has traded; then each day adds one."""
    session = traded(3)

    assert session.new_equity_points[0].equity == session.initial_cash == Decimal(1_000_000)
    assert len(session.new_equity_points) == 4


def test_a_whole_position_is_always_protected() -> None:
    """Whenever a position has reached the side that the strategy wants, one stop of its size and other side rests."""
    session = new_session()
    looked_at = 0

    for day in trading_days():
        trade_day(session, day)
        entries = {order.symbol for order in session.open_orders.values() if order.type is OrderType.MARKET}
        for symbol, position in session.positions.items():
            if symbol not in entries:
                looked_at += 1
                (stop,) = (
                    order
                    for order in session.open_orders.values()
                    if order.symbol == symbol and order.type is OrderType.STOP
                )
                assert stop.quantity == abs(position.quantity)
                assert stop.side is (Side.SELL if position.quantity > 0 else Side.BUY)

    assert looked_at > 100


def test_labels_become_metadata() -> None:
    """What the caller says of the session is kept with it."""
    assert new_session("mine", demo_run="7").metadata == {"demo_run": "7"}
    assert new_session("mine").name == "mine"
