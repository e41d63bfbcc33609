"""How the demo's paper broker executes resting orders."""

from datetime import date
from decimal import Decimal

import pytest

from paper_repo import Fill, Order, PaperTradingSession
from paper_repo.demo.broker import execute
from paper_repo.demo.market import Bar, TradingDay
from tests.builders import new_session

ROOM = 10_000_000
"""A volume that lets an order of a thousand shares trade at once."""


def day(open: str, high: str, low: str, close: str, volume: int = ROOM) -> TradingDay:
    """A day on which AAPL did this."""
    prices = (Decimal(price) for price in (open, high, low, close))
    return TradingDay(date(2026, 1, 5), {"AAPL": Bar(*prices, volume)})


def session_with(*orders: Order) -> PaperTradingSession:
    """A session in which these orders rest."""
    session = new_session(initial_cash=1_000_000)
    for order in orders:
        session.place_order(order)
    return session


def order(side: str, type: str, quantity: int = 100, id: str = "o-1", **prices: str) -> Order:
    """An order for AAPL."""
    return Order(id, "AAPL", side, type, quantity, **prices)


def traded(session: PaperTradingSession, on: TradingDay) -> list[Fill]:
    """What a whole day's execution fills."""
    return list(execute(session, on))


def test_a_market_order_trades_at_the_open() -> None:
    """The fill has the open price, the order's id, and the next id of a fill."""
    session = session_with(order("BUY", "MARKET"))

    (fill,) = traded(session, day("10", "12", "9", "11"))

    assert (fill.id, fill.price, fill.quantity, fill.order_id) == ("fill-000001", Decimal(10), Decimal(100), "o-1")
    assert session.positions["AAPL"].quantity == 100
    assert session.open_orders == {}


@pytest.mark.parametrize(
    ("resting", "prices", "expected"),
    [
        (order("SELL", "STOP", stop_price="9"), ("10", "11", "8.5", "9.5"), "9"),
        (order("SELL", "STOP", stop_price="9"), ("8", "11", "7", "9.5"), "8"),
        (order("SELL", "STOP", stop_price="9"), ("10", "11", "9.01", "9.5"), None),
        (order("BUY", "STOP", stop_price="11"), ("10", "11", "9", "10"), "11"),
        (order("BUY", "STOP", stop_price="11"), ("12", "13", "9", "10"), "12"),
        (order("BUY", "STOP", stop_price="11"), ("10", "10.99", "9", "10"), None),
        (order("BUY", "LIMIT", limit_price="9"), ("10", "11", "8.5", "9.5"), "9"),
        (order("BUY", "LIMIT", limit_price="9"), ("8", "11", "7", "9.5"), "8"),
        (order("BUY", "LIMIT", limit_price="9"), ("10", "11", "9.01", "9.5"), None),
        (order("SELL", "LIMIT", limit_price="11"), ("10", "11", "9", "10"), "11"),
        (order("SELL", "LIMIT", limit_price="11"), ("12", "13", "9", "10"), "12"),
        (order("SELL", "LIMIT", limit_price="11"), ("10", "10.99", "9", "10"), None),
    ],
)
def test_stop_and_limit_orders_trade_when_their_price_is_reached(
    resting: Order, prices: tuple[str, str, str, str], expected: str | None
) -> None:
    """A stop trades at its price or a worse open, a limit order at its price or a better open, else they rest on."""
    session = session_with(resting)

    fills = traded(session, day(*prices))

    assert [fill.price for fill in fills] == ([] if expected is None else [Decimal(expected)])
    assert ("o-1" in session.open_orders) == (expected is None)


def test_a_large_order_is_filled_in_parts() -> None:
    """No more than a ten-thousandth of the day's volume trades; the rest of the order rests on."""
    session = session_with(order("BUY", "MARKET", quantity=250))
    quiet = day("10", "12", "9", "11", volume=1_000_000)

    quantities = [fill.quantity for _ in range(3) for fill in traded(session, quiet)]

    assert quantities == [100, 100, 50]
    assert session.open_orders == {}


def test_a_day_without_volume_fills_nothing() -> None:
    """An order that finds no shares rests on."""
    session = session_with(order("BUY", "MARKET"))

    assert traded(session, day("10", "12", "9", "11", volume=5)) == []
    assert "o-1" in session.open_orders


def test_the_fee_is_by_share_with_a_least_one() -> None:
    """Half a cent a share, one dollar at least, and the session's books have it."""
    session = session_with(order("BUY", "MARKET", quantity=100), order("BUY", "MARKET", quantity=1000, id="o-2"))

    fees = [fill.fee for fill in traded(session, day("10", "12", "9", "11"))]

    assert fees == [Decimal("1.00"), Decimal("5.000")]
    assert session.fees_paid == 6


def test_an_order_for_a_symbol_without_prices_rests_on() -> None:
    """A symbol that the day does not know is left alone."""
    session = session_with(Order("o-1", "TSLA", "BUY", "MARKET", 1))

    assert traded(session, day("10", "12", "9", "11")) == []


def test_what_is_cancelled_or_placed_between_two_fills_counts() -> None:
    """An order cancelled after a fill is not executed any more, and a new one waits for the next day."""
    session = session_with(order("BUY", "MARKET"), order("BUY", "MARKET", id="o-2"))

    fills = []
    for fill in execute(session, day("10", "12", "9", "11")):
        fills.append(fill)
        session.cancel_order("o-2")
        session.place_order(order("BUY", "MARKET", id="o-3"))

    assert [fill.order_id for fill in fills] == ["o-1"]
    assert list(session.open_orders) == ["o-3"]
