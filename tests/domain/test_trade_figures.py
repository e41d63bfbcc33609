"""The gains of trades in plain fills: exactly those of the round trips that the fills are matched to."""

from __future__ import annotations

import decimal
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper_repo import Fill, Instrument, PaperTradingSession, Strategy
from paper_repo.domain.trade_figures import PlainTrades, TradeFigures
from paper_repo.domain.trades import closed_positions, total
from tests import strategies
from tests.builders import moment

FEES = st.sampled_from(["0", "0.1", "-0.25", "1E-30", "0.3333333333333333333333333333", "7"])
QUANTITIES = st.one_of(st.integers(1, 4).map(str), st.sampled_from(["0.3", "1E+1", "0.1000", "2.5"]))
PRICES = st.one_of(st.sampled_from(["1", "10.05", "-37.63", "0", "99.999999"]), strategies.prices().map(str))


@st.composite
def plain_fills(draw: st.DrawFn) -> list[Fill]:
    """Fills that open, add to, take from, close and turn positions, in any order."""
    parts = st.tuples(st.sampled_from(["A", "ES"]), st.sampled_from(["BUY", "SELL"]), QUANTITIES, PRICES, FEES)
    return [
        Fill(str(number), symbol, side, quantity, price, fee, moment(number))
        for number, (symbol, side, quantity, price, fee) in enumerate(draw(st.lists(parts, max_size=30)))
    ]


def texts(fills: list[Fill]) -> list[tuple[str, str, str, str, str]]:
    """What is stored of them."""
    return [(each.symbol, str(each.side), str(each.quantity), str(each.price), str(each.fee)) for each in fills]


@given(fills=plain_fills(), size=st.integers(1, 5), context=strategies.hostile_contexts())
def test_the_gains_are_those_of_the_round_trips(fills: list[Fill], size: int, context: decimal.Context) -> None:
    """To the last digit, whatever comes at once, in any decimal context, which is left as it was."""
    session = PaperTradingSession(
        strategy=Strategy("s"), initial_cash=1, instruments={"ES": Instrument("ES", None, 50)}
    )
    expected = [total(slices, lambda each: each.net_pnl) for slices in closed_positions(fills, session)]

    trades, found = PlainTrades({"ES": Decimal(50)}), []
    with decimal.localcontext(context):
        for begin in range(0, len(fills), size):
            found += trades.closed_by(texts(fills[begin : begin + size]))
        assert decimal.getcontext().prec == context.prec

    assert found == expected


def test_a_fill_that_turns_a_position() -> None:
    """It closes one trade and opens the next; its fee is shared out, and nothing of it is lost."""
    trades = PlainTrades({})

    assert trades.closed_by([("A", "BUY", "1", "10", "0"), ("A", "BUY", "2", "10", "0")]) == []
    assert trades.closed_by([("A", "SELL", "4", "11", "1")]) == [Decimal("2.25")]
    assert trades.closed_by([("A", "BUY", "1", "10", "0")]) == [Decimal("0.75")]


def test_what_is_no_amount() -> None:
    """A damaged text is an error, and no trade."""
    with pytest.raises(decimal.InvalidOperation):
        PlainTrades({}).closed_by([("A", "BUY", "x1", "10", "0")])


def test_figures() -> None:
    """A trade that came out at zero is neither won nor lost; without any there is nothing to tell."""
    figures = TradeFigures()
    assert (figures.count, figures.win_rate(), figures.profit_factor()) == (0, None, None)
    assert (figures.average_win(), figures.average_loss()) == (None, None)
    for gain in (2, -1, 0, 4):
        figures.add(Decimal(gain))

    assert (figures.count, figures.win_rate(), figures.profit_factor()) == (4, 2 / 3, 6.0)
    assert (figures.average_win(), figures.average_loss()) == (3, -1)
