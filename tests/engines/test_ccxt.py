"""What ccxt gives, as ours: exact amounts, fees wherever they are paid, every kind of order."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from paper_repo import (
    Fill,
    Instrument,
    Order,
    OrderStatus,
    OrderType,
    PaperTradingSession,
    Settlement,
    Strategy,
    TimeInForce,
)
from paper_repo.engines.ccxt import cash_flow, entries, fill, instrument, order, position
from tests.engines import exchanges
from tests.engines.exchanges import NOON, RECORDED


def at(ms: int) -> datetime:
    """The time of so many milliseconds after noon."""
    return datetime.fromtimestamp((NOON + ms) // 1000, UTC).replace(microsecond=ms % 1000 * 1000)


def test_trades_of_a_spot_exchange_keep_their_exact_amounts_and_the_currency_of_their_fee() -> None:
    """A fee in the bought coin, in a third coin, and a rebate in the currency of the price."""
    bought, sold, rebated = map(fill, RECORDED["binance"]["trades"])

    assert bought == Fill(
        "1001", "BTC/USDT", "BUY", "0.5", "40000.1", "0.0005", at(1250), "501", "BTC",
        metadata={"maker_or_taker": "taker"},
    )  # fmt: skip
    assert (sold.quantity, sold.fee, sold.fee_currency) == (Decimal("0.12345678"), Decimal("0.00712"), "BNB")
    assert (rebated.fee, rebated.fee_currency) == (Decimal("-0.4100001"), None)


def test_a_fee_in_the_bought_coin_is_paid_out_of_the_position() -> None:
    """What is left can be sold without dust."""
    session = PaperTradingSession(strategy=Strategy("spot"), base_currency="USDT", initial_cash=100_000)
    session.apply_fill(fill(RECORDED["binance"]["trades"][0]))

    assert session.positions["BTC/USDT"].quantity == Decimal("0.4995")
    assert session.cash == 100_000 - Decimal("20000.05")


def test_contracts_count_by_their_size() -> None:
    """Three contracts of 0.01 coins, of which half are sold for a rebate: what the exchange states, to the digit."""
    okx = RECORDED["okx"]
    traded = instrument(okx["market"])
    session = PaperTradingSession(
        strategy=Strategy("swap"), base_currency="USDT", initial_cash=1000, instruments={traded.symbol: traded}
    )
    for each in okx["trades"]:
        session.apply_fill(fill(each))

    assert (traded.multiplier, traded.settlement, traded.currency) == (Decimal("0.01"), Settlement.MARGIN, "USDT")
    theirs = position(okx["positions"][0])
    assert theirs is not None
    session.mark({traded.symbol: theirs.last_price})
    ours = session.positions[traded.symbol]
    assert (ours.quantity, ours.multiplier) == (theirs.quantity, theirs.multiplier)
    assert ours.unrealized_pnl == theirs.unrealized_pnl == Decimal(str(okx["positions"][0]["unrealizedPnl"]))
    assert session.realized_pnl == (Decimal(60100) - Decimal("60000.5")) * Decimal("1.5") * Decimal("0.01")
    assert session.fees_paid == Decimal("0.9000075") - Decimal("0.1803")


def test_the_two_sides_of_hedge_mode_are_positions_of_their_own() -> None:
    """The side that the exchange names becomes the position's id."""
    assert fill(RECORDED["binanceusdm"]["trades"][0]).position_id == "BTC/USDT:USDT short"
    assert fill(RECORDED["okx"]["trades"][0]).position_id is None
    long = position({**RECORDED["okx"]["positions"][0], "hedged": True})
    short = position({**RECORDED["okx"]["positions"][0], "hedged": True, "side": "short"})
    assert long is not None
    assert short is not None
    assert (long.id, long.quantity) == ("BTC/USDT:USDT long", Decimal("1.5"))
    assert (short.id, short.quantity) == ("BTC/USDT:USDT short", Decimal("-1.5"))


def test_a_spot_market_is_paid_in_full_and_an_inverse_contract_is_refused() -> None:
    """An inverse contract cannot be expressed, and the message says what to do."""
    assert instrument(RECORDED["binance"]["market"]) == Instrument("BTC/USDT", currency="USDT", asset="BTC")
    with pytest.raises(ValueError, match=r"BTC/USD:BTC is an inverse contract.*OTHER"):
        instrument({**RECORDED["okx"]["market"], "symbol": "BTC/USD:BTC", "inverse": True})


def test_texts_and_decimals_are_exact_beyond_the_digits_of_a_float() -> None:
    """`exchange.number = str` gives texts; both count digit by digit."""
    long = "0.123456789012345678"
    for number in (long, Decimal(long)):
        assert fill({**exchanges.trade(1, "buy", 1, 1, NOON), "amount": number}).quantity == Decimal(long)


def test_fees_in_several_currencies_are_a_fill_and_payments() -> None:
    """The fee in the currency of the price is the fill's own."""
    paid = [{"currency": "BNB", "cost": 0.01}, {"currency": "USDT", "cost": 0.2}, {"currency": "USDT", "cost": 0.1}]
    trade = exchanges.trade(7, "sell", 1, 100, NOON, fees=paid)

    booked, flow = entries(trade)

    assert isinstance(booked, Fill)
    assert (booked.fee, booked.fee_currency) == (Decimal("0.3"), None)
    assert not isinstance(flow, Fill)
    assert (flow.id, flow.kind, flow.amount, flow.currency) == ("7 fee BNB", "FEE", Decimal("-0.01"), "BNB")
    with pytest.raises(ValueError, match=r"trade 7 has fees in USDT, BNB: use entries"):
        fill(trade)


@pytest.mark.parametrize("fee", [None, {"currency": None, "cost": None}, {"currency": "USDT", "cost": 0}])
def test_a_trade_without_a_fee_has_none(fee: Any) -> None:
    """Exchanges leave it out in several ways."""
    booked = fill(exchanges.trade(1, "buy", 1, 100, NOON, fee=fee))
    assert (booked.fee, booked.fee_currency) == (0, None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": None}, "has no id"),
        ({"amount": None}, "amount of trade 1: None is not a number"),
        ({"price": float("nan")}, "price of trade 1: nan is not a finite number"),
        ({"timestamp": None}, "trade 1 has no timestamp"),
    ],
)
def test_a_trade_that_lacks_something_is_refused_by_name(change: dict[str, Any], message: str) -> None:
    """Nothing is made up."""
    with pytest.raises(ValueError, match=message):
        fill({**exchanges.trade(1, "buy", 1, 100, NOON), **change})


def test_orders_of_a_spot_exchange() -> None:
    """A limit order half-way, a market order that expired with a rest, a take-profit and a cancelled stop."""
    half, expired, profit, stop = map(order, RECORDED["binance"]["orders"])

    assert half == Order(
        "503", "BTC/USDT", "BUY", "LIMIT", "0.2", "0.05", limit_price=39000, created_at=at(120_000),
        metadata={"client_order_id": "mine-3", "type": "limit"},
    )  # fmt: skip
    assert half.status is OrderStatus.PARTIALLY_FILLED
    assert (expired.type, expired.status, expired.closed_at) == ("MARKET", "EXPIRED", at(180_000))
    assert (expired.limit_price, expired.filled_quantity) == (None, Decimal("0.1"))
    assert (profit.type, profit.limit_price, profit.stop_price) == ("LIMIT_IF_TOUCHED", 44900, 45000)
    assert (stop.type, stop.status, stop.stop_price) == ("STOP_LIMIT", "CANCELLED", 38000)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"status": "closed", "filled": 1.0}, "FILLED"),
        ({"status": "closed", "filled": None}, "FILLED"),
        ({"status": "closed", "filled": 0.5}, "CANCELLED"),
        ({"status": "canceled", "filled": 1.0}, "FILLED"),
        ({"status": "open", "filled": 0.5}, "PARTIALLY_FILLED"),
        ({"status": "rejected"}, "REJECTED"),
        ({"status": None, "filled": None}, "PENDING"),
    ],
)
def test_the_status_of_an_order_agrees_with_what_is_filled(change: dict[str, Any], status: str) -> None:
    """Exchanges say closed of what we call FILLED and of what we call CANCELLED."""
    assert order({**exchanges.order("1", "open"), **change}).status == status


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"type": "market"}, OrderType.MARKET),
        ({"type": "stop_market", "triggerPrice": 90.0}, OrderType.STOP),
        ({"type": "market", "stopLossPrice": 90.0}, OrderType.STOP),
        ({"type": "limit", "triggerPrice": 90.0}, OrderType.STOP_LIMIT),
        ({"type": "take_profit_market", "triggerPrice": 90.0}, OrderType.MARKET_IF_TOUCHED),
        ({"type": "trailing_stop_market", "trailingPercent": 2.0, "triggerPrice": 90.0}, OrderType.TRAILING_STOP),
        ({"type": None}, OrderType.LIMIT),
        ({"type": None, "price": None}, OrderType.MARKET),
    ],
)
def test_types_of_orders_can_be_placed(change: dict[str, Any], expected: OrderType) -> None:
    """Each has the prices that its type needs, so that a session takes it."""
    read = order({**exchanges.order("1", "open"), **change})
    session = PaperTradingSession(strategy=Strategy("any"), base_currency="USDT", initial_cash=1000)

    assert session.place_order(read).type is expected


def test_time_in_force_reduce_only_and_post_only() -> None:
    """PO, which ccxt has for post-only, rests until cancelled."""
    assert order(exchanges.order("1", "open", timeInForce="PO")).post_only
    assert order(exchanges.order("1", "open", timeInForce="FOK")).time_in_force is TimeInForce.FOK
    assert order(exchanges.order("1", "open", reduceOnly=True)).reduce_only


def test_what_is_not_known_of_an_order_or_a_payment_is_refused_by_name() -> None:
    """A status that ccxt does not have, and a payment that nothing tells from its repetition."""
    with pytest.raises(ValueError, match="unknown status of an order: 'frozen'"):
        order(exchanges.order("1", "frozen"))
    with pytest.raises(ValueError, match=r"a payment of 10\.5 has no id"):
        cash_flow({"id": None, "timestamp": NOON, "amount": 10.5, "currency": "USDT", "status": "ok"})


def test_a_trade_without_the_exchanges_own_answer_is_of_no_side() -> None:
    """As of a stream that keeps the unified fields only."""
    assert fill(exchanges.trade(1, "buy", 1, 100, NOON, info=None)).position_id is None


def test_an_order_for_an_amount_of_money_has_no_quantity_before_it_is_filled() -> None:
    """It is refused by name; once filled, that is its quantity."""
    with pytest.raises(ValueError, match="order 1 has no amount"):
        order(exchanges.order("1", "open", type="market", amount=None, price=None))
    assert order(exchanges.order("1", "closed", type="market", amount=None, filled=0.3)).quantity == Decimal("0.3")


def test_deposits_withdrawals_and_funding_are_payments() -> None:
    """Only those that were carried out; a withdrawal takes its fee along."""
    money = {"id": "9", "timestamp": NOON, "amount": 10.5, "currency": "USDT", "status": "ok"}
    received = cash_flow({**money, "type": "deposit"})
    sent = cash_flow({**money, "type": "withdrawal", "fee": {"cost": 0.5, "currency": "USDT"}})
    funding = cash_flow(
        {"id": "9", "timestamp": NOON, "amount": -0.25, "code": "USDT", "symbol": "BTC/USDT:USDT", "info": {}}
    )

    assert received is not None
    assert sent is not None
    assert funding is not None
    assert (received.id, received.kind, received.amount) == ("deposit 9", "DEPOSIT", Decimal("10.5"))
    assert (sent.kind, sent.amount) == ("WITHDRAWAL", Decimal(-11))
    assert (funding.kind, funding.amount, funding.symbol) == ("FUNDING", Decimal("-0.25"), "BTC/USDT:USDT")
    assert cash_flow({**money, "type": "deposit", "status": "pending"}) is None
    assert position({**RECORDED["okx"]["positions"][0], "contracts": 0.0}) is None
