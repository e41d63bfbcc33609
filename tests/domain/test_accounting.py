"""Average-cost accounting: exact, long and short, through zero."""

from __future__ import annotations

import decimal
from decimal import Decimal
from functools import reduce

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from paper_repo import Position
from paper_repo.domain import accounting
from paper_repo.domain.values import EXACT
from tests.builders import START, moment, new_fill, new_session
from tests.strategies import amounts, fills, hostile_contexts, positive_amounts, prices, trades

SYMBOLS = ("AAPL", "EURUSD")
THIRDS = [
    new_fill(1, quantity=3, price=100, fee=0),
    *(new_fill(place, side="SELL", quantity=1, price="33.33", fee=0) for place in (2, 3, 4)),
]


def total(several):
    """The exact sum."""
    return reduce(EXACT.add, several, Decimal(0))


def paid(several):
    """What these fills took from cash, before fees."""
    return total(EXACT.multiply(each.signed_quantity, each.price) for each in several)


def after(several):
    """The position that these fills of one symbol leave, and all that they realize."""
    position, gains = None, []
    for fill in several:
        position, gain = accounting.after_fill(position, fill)
        gains.append(gain)
    return position, total(gains)


def closing(several, price):
    """The fill that closes what these fills of one symbol leave open, if they leave anything."""
    held = total(each.signed_quantity for each in several)
    side = "SELL" if held > 0 else "BUY"
    return [new_fill(999, id="closing", side=side, quantity=held.copy_abs(), price=price)] if held else []


class TestOneFill:
    """What a single fill does to a position: (quantity, cost basis) before, the trade, what is left, what it gains."""

    @pytest.mark.parametrize(
        ("held", "trade", "left", "gain"),
        [
            pytest.param(None, ("BUY", 10, 5), (10, 50), 0, id="opens long"),
            pytest.param(None, ("SELL", 10, 5), (-10, -50), 0, id="opens short"),
            pytest.param((10, 50), ("BUY", 5, 8), (15, 90), 0, id="adds to long"),
            pytest.param((-10, -50), ("SELL", 5, 8), (-15, -90), 0, id="adds to short"),
            pytest.param((10, 50), ("SELL", 4, 8), (6, 30), 12, id="takes from long with profit"),
            pytest.param((10, 50), ("SELL", 4, 3), (6, 30), -8, id="takes from long with loss"),
            pytest.param((-10, -50), ("BUY", 4, 3), (-6, -30), 8, id="takes from short with profit"),
            pytest.param((-10, -50), ("BUY", 4, 8), (-6, -30), -12, id="takes from short with loss"),
            pytest.param((10, 50), ("SELL", 10, 8), None, 30, id="closes long"),
            pytest.param((-10, -50), ("BUY", 10, 8), None, -30, id="closes short"),
            pytest.param((10, 50), ("SELL", 12, 8), (-2, -16), 30, id="turns long into short"),
            pytest.param((-10, -50), ("BUY", 12, 3), (2, 6), 20, id="turns short into long"),
            pytest.param((10, 0), ("SELL", 4, 8), (6, 0), 32, id="takes from what cost nothing"),
            pytest.param((10, -50), ("SELL", 4, -8), (6, -30), -12, id="takes from what was bought below zero"),
        ],
    )
    def test_position_and_gain(self, held, trade, left, gain):
        """Each kind of fill leaves the position and realizes the gain that one reckons by hand."""
        before = None if held is None else Position("AAPL", *held, last_price=5, opened_at=START)
        side, quantity, price = trade

        position, realized = accounting.after_fill(before, new_fill(1, side=side, quantity=quantity, price=price))

        assert realized == gain
        assert (None if position is None else (position.quantity, position.cost_basis)) == left

    def test_a_grown_position_keeps_its_opening_and_its_gains(self):
        """Adding to a position changes its quantity, cost and price only."""
        before = Position("AAPL", 10, 50, 5, START, realized_pnl=7)

        position, _ = accounting.after_fill(before, new_fill(9, quantity=1, price=6))

        assert position == Position("AAPL", 11, 56, 6, START, realized_pnl=7)

    def test_a_turned_position_is_a_new_one(self):
        """What is left after going through zero was opened by this fill, and has realized nothing yet."""
        before = Position("AAPL", 10, 50, 5, START, realized_pnl=7)

        position, _ = accounting.after_fill(before, new_fill(9, side="SELL", quantity=11, price=6))

        assert position == Position("AAPL", -1, -6, 6, moment(9))

    @pytest.mark.parametrize("context", [decimal.Context(prec=3), decimal.Context(prec=28)])
    def test_almost_all_is_not_all(self, context):
        """A fill one digit short of closing leaves that digit, however few digits the caller's context has."""
        bought = "1234567890123456789012345678901234567890.4"
        sold = "1234567890123456789012345678901234567890.3"

        with decimal.localcontext(context):
            position, gain = after(
                [new_fill(1, quantity=bought, price=2), new_fill(2, side="SELL", quantity=sold, price=3)]
            )

        assert position.quantity == Decimal("0.1")
        assert position.opened_at == moment(1)
        assert EXACT.add(position.cost_basis, EXACT.subtract(EXACT.multiply(Decimal(sold), 3), gain)) == EXACT.multiply(
            Decimal(bought), 2
        )

    @given(st.sampled_from([2, 3, 7]), positive_amounts())
    def test_a_share_has_28_digits(self, parts, cost):
        """One of several parts takes its share of the cost, right to 28 digits."""
        before = Position("AAPL", parts, cost, 1, START)

        position, _ = accounting.after_fill(before, new_fill(1, side="SELL", quantity=1, price=1))
        share = EXACT.subtract(cost, position.cost_basis)

        error = EXACT.subtract(EXACT.multiply(share, parts), cost).copy_abs()
        assert EXACT.multiply(error, Decimal("1E+26")) <= cost

    def test_a_share_has_no_more_than_28_digits(self):
        """A share that never ends is rounded at the 28th digit of the cost."""
        before = Position("AAPL", 3, 10, 1, START)

        position, _ = accounting.after_fill(before, new_fill(1, side="SELL", quantity=1, price=1))

        assert position.cost_basis == Decimal("6.66666666666666666666666667")

    def test_no_places_are_added_without_need(self):
        """A share that comes out even looks like the cost it is taken from."""
        before = Position("AAPL", 4, "100.20", 1, START)

        position, gain = accounting.after_fill(before, new_fill(1, side="SELL", quantity=1, price="30.00"))

        assert (str(position.cost_basis), str(gain)) == ("75.15", "4.95")

    @given(fills())
    def test_notional_is_what_cash_pays(self, fill):
        """A purchase takes its notional from cash, a sale brings it in."""
        assert accounting.notional(fill) == EXACT.multiply(fill.signed_quantity, fill.price)


class TestSequences:
    """What holds after any sequence of fills."""

    @example(THIRDS, Decimal(7))
    @given(trades(("AAPL",)), prices())
    def test_a_closed_position_leaves_no_rounding_behind(self, several, price):
        """What is realized between flat and flat is exactly what came in less what was paid, fees apart."""
        several = several + closing(several, price)

        position, realized = after(several)

        assert position is None
        assert realized == EXACT.minus(paid(several))

    @given(st.lists(st.tuples(positive_amounts(), amounts(), st.sampled_from(["BUY", "SELL"])), max_size=8), amounts())
    def test_forty_digits_leave_no_rounding_behind(self, several, price):
        """Quantities and prices of 40 digits and any size are no different."""
        several = [
            new_fill(place, quantity=quantity, price=cost, side=side)
            for place, (quantity, cost, side) in enumerate(several)
        ]
        several += closing(several, price)

        position, realized = after(several)

        assert position is None
        assert realized == EXACT.minus(paid(several))

    @example(THIRDS, {})
    @given(trades(SYMBOLS), st.dictionaries(st.sampled_from(SYMBOLS), prices()))
    def test_the_accounting_identity(self, several, marks):
        """Equity is initial cash plus realized and unrealized P&L less fees, exactly, after every fill and mark."""
        session = new_session(initial_cash="12345.6789")

        for fill in several:
            session.apply_fill(fill)
            assert session.equity == identity(session)
        session.mark(marks, START)

        assert session.equity == identity(session)
        assert session.cash == EXACT.subtract(EXACT.subtract(session.initial_cash, paid(several)), session.fees_paid)
        assert session.fees_paid == total(each.fee for each in several)

    @given(trades(SYMBOLS, max_size=8), st.dictionaries(st.sampled_from(SYMBOLS), prices()), hostile_contexts())
    def test_the_callers_context_changes_nothing(self, several, marks, context):
        """The books are the same whatever decimal context the caller has, one that raises at every rounding too."""
        expected, session = booked(several, marks), None

        with decimal.localcontext(context):
            session = booked(several, marks)
            derived = session.equity, session.net_pnl, session.unrealized_pnl, session.market_value

        assert session == expected
        assert derived == (expected.equity, expected.net_pnl, expected.unrealized_pnl, expected.market_value)
        assert session.equity == identity(session)

    @given(trades(SYMBOLS))
    def test_a_position_knows_what_it_has_realized(self, several):
        """The realized P&L of an open position is what its symbol has realized since it was last flat or turned."""
        session = new_session()
        since = dict.fromkeys(SYMBOLS, Decimal(0))

        for fill in several:
            before, realized = session.positions.get(fill.symbol), session.realized_pnl
            session.apply_fill(fill)
            position = session.positions.get(fill.symbol)
            same = before is not None and position is not None and (before.quantity > 0) == (position.quantity > 0)
            gain = EXACT.subtract(session.realized_pnl, realized)
            since[fill.symbol] = EXACT.add(since[fill.symbol], gain) if same else Decimal(0)

        assert {symbol: each.realized_pnl for symbol, each in session.positions.items()} == {
            symbol: since[symbol] for symbol in session.positions
        }

    @given(trades(SYMBOLS))
    def test_quantities_add_up(self, several):
        """A session holds what was bought less what was sold, and nothing of what is flat."""
        session = booked(several, {})

        held = {symbol: total(each.signed_quantity for each in several if each.symbol == symbol) for symbol in SYMBOLS}

        assert {symbol: each.quantity for symbol, each in session.positions.items()} == {
            symbol: quantity for symbol, quantity in held.items() if quantity
        }

    def test_default_contexts_of_the_program_change_nothing(self):
        """A program that makes every new decimal context raise at a rounding can still sell a third."""
        with decimal.localcontext(), pytest.MonkeyPatch.context() as patch:
            patch.setitem(decimal.DefaultContext.traps, decimal.Inexact, True)
            position, _ = after(THIRDS[:2])

        assert position.quantity == 2


def booked(several, marks):
    """A session with these fills applied, and marked."""
    session = new_session(id="same")
    for fill in several:
        session.apply_fill(fill)
    session.mark(marks, START)
    return session


def identity(session):
    """The other side of the accounting identity."""
    gains = EXACT.add(session.realized_pnl, session.unrealized_pnl)
    return EXACT.subtract(EXACT.add(session.initial_cash, gains), session.fees_paid)
