"""Trades and performance of accounts that hold more than shares in one currency; sheets made by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper_repo.domain import (
    CashFlow,
    Fill,
    Instrument,
    PaperTradingSession,
    Position,
    Settlement,
    Side,
    Split,
    Strategy,
    SymbolChange,
)
from paper_repo.domain.history import booking_order, waiting_history
from paper_repo.domain.performance import performance
from paper_repo.domain.round_trips import round_trips
from paper_repo.domain.trades import trades
from paper_repo.domain.values import EXACT
from paper_repo.errors import InvalidSessionError
from tests.domain.test_replay import events, happen
from tests.domain.test_replay import new_session as new_account

START = datetime(2024, 1, 2, 14, 30, tzinfo=UTC)


def minute(number):
    """So many minutes after the start."""
    return START + timedelta(minutes=number)


def new_session(*instruments, **fields):
    """A session that knows these instruments."""
    fields = {"initial_cash": 100_000, "created_at": START, **fields}
    return PaperTradingSession(
        strategy=Strategy("any"), instruments={each.symbol: each for each in instruments}, **fields
    )


def booked(session, *items):
    """The history after these have been booked."""
    for each in items:
        if isinstance(each, Fill):
            session.apply_fill(each)
        elif isinstance(each, CashFlow):
            session.apply_cash_flow(each)
        elif isinstance(each, Split):
            session.apply_split(each)
        else:
            session.apply_symbol_change(each)
    return list(waiting_history(session))


def total(amounts):
    """The exact sum."""
    return reduce(EXACT.add, amounts, Decimal(0))


class TestFutures:
    """A contract that stands for many units, of which only the profit is paid."""

    def test_one_contract(self):
        """2 contracts of 50 units, from 4500 to 4510: a gain of 2 x 50 x 10, of an account that paid 4 in fees."""
        session = new_session(Instrument("ES", multiplier=50, settlement="MARGIN"))

        history = booked(session, Fill("1", "ES", "BUY", 2, 4500, 2, minute(1)))
        assert (session.cash, session.equity) == (99_998, 99_998)
        session.mark({"ES": 4510}, minute(2))
        assert session.equity == 99_998 + 1000
        history = booked(session, Fill("2", "ES", "SELL", 2, 4510, 2, minute(3)))

        (trade,) = trades(history, session)
        assert (trade.entry_price, trade.exit_price, trade.multiplier) == (4500, 4510, 50)
        assert (trade.pnl, trade.fees, trade.net_pnl) == (1000, 4, 996)
        assert session.equity == session.cash == 100_996

    def test_in_other_hands(self):
        """Without the session that knows the instrument, a contract is one unit."""
        (trade,) = trades([Fill("1", "ES", "BUY", 1, 4500), Fill("2", "ES", "SELL", 1, 4510)])

        assert (trade.pnl, trade.multiplier) == (10, 1)

    def test_performance(self):
        """Return, drawdown and trades are those of the account: + 1000, - 2000, of 100,000."""
        session = new_session(Instrument("ES", multiplier=50, settlement="MARGIN"))
        booked(session, Fill("1", "ES", "BUY", 2, 4500, 0, minute(1)))
        session.mark({"ES": 4510}, minute(2))
        session.mark({"ES": 4490}, minute(3))
        history = booked(session, Fill("2", "ES", "SELL", 2, 4490, 0, minute(4)))

        result = performance(session, session.new_equity_points, history)

        assert result.total_return == pytest.approx(-0.01)
        assert result.max_drawdown == pytest.approx(-2000 / 101_000)
        assert (result.trades, result.average_loss) == (1, -1000)


class TestSplits:
    """A split is no trade."""

    def test_no_trade(self):
        """10 at 100, split two for one, sold as 20 at 60: one trade that gained 200, and none besides."""
        session = new_session()

        history = booked(
            session,
            Fill("1", "A", "BUY", 10, 100, 1, minute(1)),
            Split("s", "A", 2, minute(2)),
            Fill("2", "A", "SELL", 20, 60, 1, minute(3)),
            Fill("3", "A", "BUY", 5, 50, 0, minute(4)),
            Fill("4", "A", "SELL", 5, 40, 0, minute(5)),
        )

        first, second = trades(history, session)
        assert (first.quantity, first.entry_price, first.exit_price, first.pnl, first.fees) == (20, 50, 60, 200, 2)
        assert (second.quantity, second.pnl) == (5, -50)
        assert first.entry_at == minute(1)

    def test_parts_before_and_after(self):
        """5 of 10 sold before the split, 10 of 10 after it: a trade of 20 in today's shares, at 50."""
        session = new_session()

        history = booked(
            session,
            Fill("1", "A", "BUY", 10, 100, 0, minute(1)),
            Fill("2", "A", "SELL", 5, 110, 0, minute(2)),
            Split("s", "A", 2, minute(3)),
            Fill("3", "A", "SELL", 10, 58, 0, minute(4)),
        )

        (trade,) = trades(history, session)
        assert (trade.quantity, trade.entry_price, trade.exit_price) == (20, 50, Decimal("56.5"))
        assert trade.pnl == session.realized_pnl == 130
        assert [(each.quantity, each.pnl) for each in trade.slices] == [(10, 50), (10, 80)]
        assert [(each.quantity, each.exit_price) for each in round_trips(history)] == [(5, 110), (10, 58)]

    def test_of_another_symbol(self):
        """A split of one symbol leaves the others alone, and a position that was not held yet."""
        history = [Fill("1", "A", "BUY", 10, 100), Split("s", "B", 2), Fill("2", "A", "SELL", 10, 110)]

        assert [each.pnl for each in trades(history)] == [100]

    def test_thirds(self):
        """Shares that cannot be divided evenly close as the books close, and nothing of the gain is lost."""
        session = new_session()
        booked(
            session,
            Fill("1", "A", "BUY", 10, 100, 0, minute(1)),
            Fill("2", "A", "BUY", 7, "101.37", 0, minute(2)),
            Split("s", "A", 1, minute(3), per=3),
        )
        held = session.positions["A"].quantity

        history = booked(
            session,
            Fill("3", "A", "SELL", 2, 310, 0, minute(4)),
            Fill("4", "A", "SELL", EXACT.subtract(held, 2), 290, 0, minute(5)),
        )

        (trade,) = trades(history, session)
        assert session.positions == {}
        assert trade.pnl == session.realized_pnl


class TestNewNames:
    """A symbol that gets another name."""

    def test_one_trade(self):
        """Bought under one name and sold under another: a trade under the second."""
        session = new_session(Instrument("FB", currency="EUR"), rates={"EUR": 2})

        history = booked(
            session,
            Fill("1", "FB", "BUY", 1, 100, 0, minute(1)),
            SymbolChange("c", "FB", "META", minute(2)),
            Fill("4", "META", "SELL", 1, 120, 0, minute(3)),
            Fill("5", "META", "BUY", 1, 120, 0, minute(4)),
            Fill("6", "META", "SELL", 1, 121, 0, minute(5)),
        )

        assert [(each.symbol, each.pnl) for each in trades(history, session)] == [("META", 40), ("META", 2)]
        assert session.instruments["FB"].currency == "EUR"

    def test_another_instrument(self):
        """What was held goes on as what it was, also under the name of another instrument."""
        session = new_session(Instrument("A", multiplier=2), Instrument("B", multiplier=10))

        history = booked(
            session,
            Fill("1", "A", "BUY", 1, 100, 0, minute(1)),
            SymbolChange("c", "A", "B", minute(2)),
            Fill("2", "B", "SELL", 1, 101, 0, minute(3)),
            Fill("3", "B", "BUY", 1, 100, 0, minute(4)),
            Fill("4", "B", "SELL", 1, 101, 0, minute(5)),
        )

        assert [each.pnl for each in trades(history, session)] == [2, 10]
        assert session.realized_pnl == 12


class TestHedging:
    """Several positions in one symbol."""

    def test_apart(self):
        """A long and a short position of one symbol are a trade each."""
        history = [
            Fill("1", "EURUSD", "BUY", 10, 100, position_id="long"),
            Fill("2", "EURUSD", "SELL", 10, 105, position_id="short"),
            Fill("3", "EURUSD", "SELL", 10, 103, position_id="long"),
            Fill("4", "EURUSD", "BUY", 10, 101, position_id="short"),
        ]

        first, second = trades(history)

        assert (first.symbol, first.position_id, first.side, first.pnl) == ("EURUSD", "long", Side.BUY, 30)
        assert (second.symbol, second.position_id, second.side, second.pnl) == ("EURUSD", "short", Side.SELL, 40)

    def test_renamed_and_split(self):
        """A split and a new name reach every position of the symbol."""
        history = [
            Fill("1", "A", "BUY", 10, 100, position_id="x"),
            Fill("2", "A", "BUY", 10, 90),
            Split("s", "A", 10),
            SymbolChange("c", "A", "B"),
            Fill("3", "B", "SELL", 100, 11, position_id="x"),
            Fill("4", "B", "SELL", 100, 11),
        ]

        assert [(each.symbol, each.pnl) for each in trades(history)] == [("B", 100), ("B", 200)]


class TestCurrencies:
    """Prices and fees of other currencies."""

    def test_at_the_rate_of_the_exit(self):
        """A gain of 100 EUR at 1.2; fees of 5 EUR at 1.1 and of 2 CHF at 1.25."""
        session = new_session(Instrument("SAP", currency="EUR"), rates={"EUR": "1.1", "CHF": "1.25"})
        booked(session, Fill("1", "SAP", "BUY", 10, 100, 5, minute(1)))
        session.update_rates({"EUR": "1.2"})
        history = booked(session, Fill("2", "SAP", "SELL", 10, 110, 2, minute(2), fee_currency="CHF"))
        session.update_rates({"EUR": 9, "CHF": 9})

        (trade,) = trades(history, session)

        assert (trade.entry_price, trade.exit_price, trade.currency) == (100, 110, "EUR")
        assert (trade.pnl, trade.fees) == (120, 8)
        assert (session.realized_pnl, session.fees_paid) == (120, 8)

    def test_that_were_not_booked(self):
        """A fill that notes no rate counts at that of the session, and without a session as it is."""
        session = new_session(Instrument("SAP", currency="EUR"), rates={"EUR": 2})
        history = [Fill("1", "SAP", "BUY", 1, 100), Fill("2", "SAP", "SELL", 1, 110, 1, fee_currency="EUR")]

        assert [(each.pnl, each.fees) for each in trades(history, session)] == [(20, 2)]
        assert [(each.pnl, each.fees) for each in trades(history)] == [(10, 1)]
        session.rates.clear()
        with pytest.raises(InvalidSessionError, match="EUR has no rate in USD"):
            trades(history, session)

    def test_fee_in_the_coin(self):
        """1 BTC bought for 40,000 with a fee of 0.01 BTC, the rest sold for 50,000 with a fee of 10: one trade."""
        session = new_session()

        history = booked(
            session,
            Fill("1", "BTC/USD", "BUY", 1, 40_000, "0.01", minute(1), fee_currency="BTC"),
            Fill("2", "BTC/USD", "SELL", "0.99", 50_000, 10, minute(2)),
        )

        (trade,) = trades(history, session)
        assert session.positions == {}
        assert (trade.quantity, trade.entry_price, trade.exit_price) == (Decimal("0.99"), 40_000, 50_000)
        assert (trade.pnl, trade.fees) == (9900, 410) == (session.realized_pnl, session.fees_paid)
        assert trade.net_pnl == session.net_pnl == session.cash - 100_000
        assert trades(history) == [trade]

    def test_fee_in_the_base_currency(self):
        """Dollars bought with yen by an account in dollars: their fee in dollars is paid from the cash."""
        session = new_session(Instrument("USD/JPY", currency="JPY"), rates={"JPY": "0.01"})

        history = booked(
            session,
            Fill("1", "USD/JPY", "BUY", 100, 100, 1, minute(1), fee_currency="USD"),
            Fill("2", "USD/JPY", "SELL", 100, 101, 1, minute(2), fee_currency="USD"),
        )

        (trade,) = trades(history, session)
        assert (trade.quantity, trade.pnl, trade.fees) == (100, 1, 2)

    def test_sold_with_a_fee_in_the_coin(self):
        """A fee in the coin that is sold takes that much more of it; a rebate takes less."""
        history = [
            Fill("1", "BTC-USD", "BUY", 2, 100),
            Fill("2", "BTC-USD", "SELL", "0.9", 110, "0.1", fee_currency="BTC"),
            Fill("3", "BTC-USD", "SELL", "1.1", 110, "-0.1", fee_currency="BTC"),
        ]

        (trade,) = trades(history)

        assert (trade.quantity, trade.pnl, trade.fees) == (2, 20, 0)


class TestCorrections:
    """Corrected fills."""

    def test_in_its_place(self):
        """A corrected fill does not count; what replaces it stands where it was."""
        history = [
            Fill("1", "A", "BUY", 10, 100, corrected_at=START),
            Fill("2", "A", "SELL", 4, 110),
            Fill("3", "A", "SELL", 99, 110, corrected_at=START),
            Fill("4", "A", "BUY", 4, 105, replaces="1"),
        ]

        (trade,) = trades(iter(history))

        assert (trade.side, trade.quantity, trade.pnl) == (Side.BUY, 4, 20)
        assert [each.pnl for each in round_trips(history)] == [20]
        assert performance(new_session(), [], history).average_win == 20


class TestHistory:
    """Fills and ledger entries in one order."""

    def test_places(self):
        """An entry stands behind as many fills as the session had when it was booked."""
        fills = [Fill(str(number), "A", "BUY", 1, 1) for number in range(4)]
        splits = [Split(str(number), "A", 2) for number in range(4)]

        found = booking_order(fills, zip((7, 9, 9, 11), splits, strict=True), before=7)

        one, two, three, four = splits
        assert list(found) == [one, *fills[:2], two, three, *fills[2:], four]

    def test_without_fills(self):
        """A history may have no fill, or no entry."""
        split = Split("s", "A", 2)

        assert list(booking_order([], [(0, split), (0, split)])) == [split, split]
        assert list(booking_order([], [])) == []


class TestAgreement:
    """Trades and books tell the same."""

    @given(happened=st.lists(events, max_size=25))
    def test_any_history(self, happened):
        """At rates that stay, closing everything gives trades whose gains and fees are the session's own."""
        session = new_account()
        for number, each in enumerate(happened):
            if each[0] != "rates":
                happen(session, number, *each)
        for number, (key, position) in enumerate(list(session.positions.items())):
            side = Side.SELL if position.quantity > 0 else Side.BUY
            quantity = position.quantity.copy_abs()
            session.apply_fill(
                Fill(f"end-{number}", position.symbol, side, quantity, 12, position_id=position.position_id)
            )
            assert key not in session.positions

        found = trades(waiting_history(session), session)

        paid = total(
            EXACT.multiply(each.amount, each.rate or Decimal(1))
            for each in session.new_ledger_entries
            if isinstance(each, CashFlow) and each.kind == "FEE"
        )
        assert total(each.pnl for each in found) == session.realized_pnl
        assert total(each.fees for each in found) == EXACT.add(session.fees_paid, paid)


class TestFloats:
    """Amounts given as floats."""

    def test_what_a_float_is(self):
        """A float is what it shows: 0.1 and 0.2 bought, and 0.1 + 0.2 sold, leave a short of 4E-17 for all to see."""
        session = new_session()

        booked(
            session,
            Fill("1", "A", "BUY", 0.1, 10),
            Fill("2", "A", "BUY", 0.2, 10),
            Fill("3", "A", "SELL", 0.1 + 0.2, 10),
        )

        assert session.positions["A"].quantity == Decimal("-4E-17")
        exact = new_session()
        booked(exact, Fill("1", "A", "BUY", "0.3", 10), Fill("2", "A", "SELL", Decimal("0.1") + Decimal("0.2"), 10))
        assert exact.positions == {}


class TestOpening:
    """What was held when the session began."""

    def test_one_trade(self):
        """A position held before is closed by what sells it: one trade at its cost; the next one is not shifted."""
        held = Position("A", 10, "1001.3", 105, START - timedelta(days=9))
        session = new_session(opening_positions={"A": held})

        history = booked(
            session,
            Fill("1", "A", "SELL", 10, 110, 1, minute(1)),
            Fill("2", "A", "BUY", 3, 100, 0, minute(2)),
            Fill("3", "A", "SELL", 3, 101, 0, minute(3)),
        )

        first, second = trades(history, session)
        assert (first.entry_price, first.pnl, first.entry_at) == (Decimal("100.13"), Decimal("98.7"), held.opened_at)
        assert (second.quantity, second.pnl) == (3, 3)
        assert session.realized_pnl == Decimal("101.7")

    def test_a_short_future_of_another_currency(self):
        """2 contracts of 10 units sold at 50 EUR, bought back at 48: 40 EUR at 1.5."""
        held = Position("F", -2, -1000, 50, START, currency="EUR", multiplier=10, settlement=Settlement.MARGIN)
        session = new_session(opening_positions={"F": held}, rates={"EUR": "1.5"})

        (trade,) = trades(booked(session, Fill("1", "F", "BUY", 2, 48, 1, minute(1))), session)

        assert (trade.side, trade.entry_price, trade.pnl, trade.fees) == (Side.SELL, 50, 60, Decimal("1.5"))
