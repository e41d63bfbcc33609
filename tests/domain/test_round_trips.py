"""Closed trades: first in, first out, to the last digit."""

from __future__ import annotations

import decimal
from collections import defaultdict, deque
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper_repo.domain import Fill, PaperTradingSession, Side, Strategy
from paper_repo.domain.round_trips import RoundTrip, round_trips
from paper_repo.domain.values import EXACT

START = datetime(2024, 1, 2, 9, 30, tzinfo=UTC)


def buy(quantity, price, fee=0, *, symbol="AAPL", minute=0):
    """A purchase."""
    return fill(Side.BUY, quantity, price, fee, symbol=symbol, minute=minute)


def sell(quantity, price, fee=0, *, symbol="AAPL", minute=0):
    """A sale."""
    return fill(Side.SELL, quantity, price, fee, symbol=symbol, minute=minute)


def fill(side, quantity, price, fee=0, *, symbol="AAPL", minute=0):
    """A fill so many minutes after the start."""
    return Fill("any", symbol, side, quantity, price, fee, START + timedelta(minutes=minute))


def total(amounts):
    """The exact sum."""
    return reduce(EXACT.add, amounts, Decimal(0))


amounts = st.decimals(min_value="0.0001", max_value="100000", places=4)
fees = st.decimals(min_value="-10", max_value="10", places=6)
fills = st.builds(
    fill,
    st.sampled_from(Side),
    amounts,
    amounts,
    fees,
    symbol=st.sampled_from(["AAPL", "IBM"]),
    minute=st.integers(0, 9),
)
histories = st.lists(fills, max_size=30)


def closed(history):
    """`history`, and the fills that close all it leaves open."""
    for symbol in sorted({each.symbol for each in history}):
        held = total(each.signed_quantity for each in history if each.symbol == symbol)
        if held:
            side = Side.SELL if held > 0 else Side.BUY
            history = [*history, fill(side, held.copy_abs(), "12.3456", "0.07", symbol=symbol)]
    return history


class TestMatching:
    """Which fills make up a trade."""

    def test_no_fills(self):
        """Without fills there are no trades."""
        assert round_trips([]) == []

    def test_open_position(self):
        """What is still open makes no trade."""
        assert round_trips([buy(1, 10), buy(2, 11)]) == []

    def test_long(self):
        """A purchase and its sale are one long trade, with the price and time of both."""
        history = [buy(10, "100.10", "0.25", minute=1), sell(10, "101.30", "0.50", minute=5)]

        (trade,) = round_trips(history)

        assert trade == RoundTrip(
            symbol="AAPL",
            side=Side.BUY,
            quantity=Decimal(10),
            entry_price=Decimal("100.10"),
            exit_price=Decimal("101.30"),
            entry_at=START + timedelta(minutes=1),
            exit_at=START + timedelta(minutes=5),
            pnl=Decimal("12.00"),
            fees=Decimal("0.75"),
        )
        assert trade.net_pnl == Decimal("11.25")
        assert trade.duration == timedelta(minutes=4)

    def test_short(self):
        """A short sale gains when it is bought back for less."""
        (trade,) = round_trips([sell(3, 50), buy(3, 48)])

        assert (trade.side, trade.pnl) == (Side.SELL, 6)

    def test_oldest_first(self):
        """A sale closes the oldest purchase first, and a purchase that it closes in part stays open with the rest."""
        history = [buy(10, 100), buy(10, 110), sell(15, 120), sell(5, 90)]

        trades = round_trips(history)

        assert [(each.quantity, each.entry_price, each.exit_price, each.pnl) for each in trades] == [
            (10, 100, 120, 200),
            (5, 110, 120, 50),
            (5, 110, 90, -100),
        ]

    def test_through_zero(self):
        """A sale of more than is held closes the long trade, and opens a short one with what is left of it."""
        history = [buy(2, 10, "0.20"), sell(5, 12, "0.50"), buy(3, 11, "0.30")]

        trades = round_trips(history)

        assert [(each.side, each.quantity, each.pnl, each.fees) for each in trades] == [
            (Side.BUY, 2, 4, Decimal("0.40")),
            (Side.SELL, 3, 3, Decimal("0.60")),
        ]

    def test_symbols_apart(self):
        """A sale of one symbol does not close a purchase of another; trades come in the order of their closing."""
        history = [buy(1, 10, symbol="A"), buy(1, 20, symbol="B"), sell(1, 21, symbol="B"), sell(1, 11, symbol="A")]

        trades = round_trips(history)

        assert [(each.symbol, each.pnl) for each in trades] == [("B", 1), ("A", 1)]

    def test_order_counts(self):
        """Fills are matched in the order given, so a fill that was reported late makes a duration below zero."""
        (trade,) = round_trips([buy(1, 10, minute=3), sell(1, 11, minute=1)])

        assert (trade.side, trade.duration) == (Side.BUY, timedelta(minutes=-2))

    def test_one_pass(self):
        """Fills may come from an iterator."""
        (trade,) = round_trips(iter([buy(1, 10), sell(1, 11)]))

        assert trade.pnl == 1

    @given(history=st.lists(st.builds(fill, st.sampled_from(Side), st.integers(1, 9), st.integers(1, 99)), max_size=20))
    def test_unit_by_unit(self, history):
        """Trades hold the same quantities at the same prices as when each unit is queued on its own."""
        queue, pairs = deque(), defaultdict(int)
        for each in history:
            for _ in range(int(each.quantity)):
                if queue and queue[0].side is not each.side:
                    pairs[queue[0].side, queue.popleft().price, each.price] += 1
                else:
                    queue.append(each)

        trades = round_trips(history)

        found = defaultdict(int)
        for trade in trades:
            found[trade.side, trade.entry_price, trade.exit_price] += trade.quantity
        assert found == pairs


class TestFees:
    """How fees are shared out."""

    def test_thirds(self):
        """A fee that cannot be divided evenly is shared to 28 digits, and the last part is the remainder."""
        history = [buy(3, 10, "1.00"), sell(1, 10), sell(1, 10), sell(1, 10)]

        trades = round_trips(history)

        third = Decimal("0." + 27 * "3")
        assert [each.fees for each in trades] == [third, third, Decimal("0." + 26 * "3" + "4")]

    def test_plain_parts(self):
        """A part keeps the places of its fee and gets no needless ones."""
        trades = round_trips([buy(4, 10, "10.00"), sell(1, 10), sell(3, 10)])

        assert [str(each.fees) for each in trades] == ["2.50", "7.50"]

    def test_open_part(self):
        """The part of a fee that belongs to what is still open is in no trade."""
        (trade,) = round_trips([buy(4, 10, "0.40"), sell(1, 10, "0.07")])

        assert trade.fees == Decimal("0.17")

    def test_many_digits(self):
        """A fee of more digits than its parts may have is whole where its fill is closed at once."""
        fee = "0." + "123456789" * 5

        (trade,) = round_trips([buy(3, 10, fee), sell(3, 11)])

        assert trade.fees == Decimal(fee)

    def test_rebate(self):
        """A rebate counts as a fee below zero."""
        (trade,) = round_trips([buy(1, 10, "-0.03"), sell(1, 10, "0.01")])

        assert (trade.fees, trade.net_pnl) == (Decimal("-0.02"), Decimal("0.02"))

    @given(fee=fees, sold=st.lists(amounts, min_size=1, max_size=12))
    def test_add_up(self, fee, sold):
        """The parts of a closed fill's fee add up to it exactly, and none has the other sign."""
        history = [buy(total(sold), 10, fee), *(sell(each, 10) for each in sold)]

        parts = [each.fees for each in round_trips(history)]

        assert total(parts) == fee
        assert all(EXACT.multiply(part, fee) >= 0 for part in parts)


class TestExactness:
    """Nothing is rounded, and nothing lost."""

    @given(history=histories)
    def test_gains_are_the_cash_flow(self, history):
        """When all is closed, the trades' gains and fees are exactly the cash that the fills brought in and cost."""
        history = closed(history)

        trades = round_trips(history)

        flow = total(EXACT.multiply(EXACT.minus(each.signed_quantity), each.price) for each in history)
        paid = total(each.fee for each in history)
        assert total(each.pnl for each in trades) == flow
        assert total(each.fees for each in trades) == paid
        assert total(each.net_pnl for each in trades) == EXACT.subtract(flow, paid)

    @given(history=histories)
    def test_agrees_with_the_books(self, history):
        """When all is closed, the trades' gains are exactly the realized P&L of the session's average-cost books."""
        session = PaperTradingSession(strategy=Strategy("any"), initial_cash=0)
        history = closed(history)
        for number, each in enumerate(history):
            session.apply_fill(Fill(str(number), each.symbol, each.side, each.quantity, each.price, each.fee))

        trades = round_trips(history)

        assert session.positions == {}
        assert total(each.pnl for each in trades) == session.realized_pnl
        assert total(each.fees for each in trades) == session.fees_paid

    @given(history=histories)
    def test_quantities(self, history):
        """Every trade has a quantity, and together with what is open they account for every fill."""
        trades = round_trips(history)

        held = [total(each.signed_quantity for each in history if each.symbol == symbol) for symbol in ("AAPL", "IBM")]
        matched = EXACT.multiply(total(each.quantity for each in trades), Decimal(2))
        assert all(each.quantity > 0 for each in trades)
        assert EXACT.add(matched, total(each.copy_abs() for each in held)) == total(each.quantity for each in history)

    @pytest.mark.parametrize("fee", ["1E-1000", "1E+1000", "9.99E+999", "-7E-998"])
    def test_largest_and_smallest(self, fee):
        """The largest and smallest amounts are matched and shared without an error or a rounding."""
        small, large = Decimal("1E-1000"), Decimal("1E+1000")
        history = [buy(large, small, fee), sell(small, large, fee), sell(EXACT.subtract(large, small), large, fee)]

        trades = round_trips(history)

        cash = total(EXACT.multiply(EXACT.minus(each.signed_quantity), each.price) for each in history)
        assert total(each.pnl for each in trades) == cash
        assert total(each.fees for each in trades) == EXACT.multiply(Decimal(fee), Decimal(3))

    def test_context_of_the_caller(self):
        """The caller's decimal context has no influence."""
        history = [buy(3, "1.23456789", "0.100001"), sell(1, "2.3456789"), sell(2, "3.45678901")]

        with decimal.localcontext(decimal.Context(prec=2, traps=[decimal.Inexact])):
            trades = round_trips(history)
            gains = [(each.pnl, each.net_pnl) for each in trades]

        assert trades == round_trips(history)
        assert gains == [(each.pnl, each.net_pnl) for each in trades]
        assert trades[0].pnl == Decimal("1.11111101")


class TestRoundTrip:
    """A trade as a value."""

    def test_immutable(self):
        """A trade cannot be changed, and takes no other attributes."""
        (trade,) = round_trips([buy(1, 10), sell(1, 11)])

        with pytest.raises(AttributeError):
            trade.quantity = Decimal(2)

        assert not hasattr(trade, "__dict__")
