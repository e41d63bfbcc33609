"""Replaying a history: the books rebuilt from what was booked, exactly."""

from __future__ import annotations

import contextlib
import dataclasses
import decimal
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper_repo.domain import (
    CashFlow,
    CashFlowKind,
    Fill,
    Instrument,
    Order,
    PaperTradingSession,
    Position,
    Settlement,
    Side,
    Split,
    Strategy,
    SymbolChange,
)
from paper_repo.domain.history import waiting_history
from paper_repo.domain.replay import as_of, differences, replay
from paper_repo.domain.values import EXACT
from paper_repo.errors import InvalidSessionError
from tests.strategies import hostile_contexts, prices, quantities

START = datetime(2024, 1, 2, 14, 30, tzinfo=UTC)
SYMBOLS = ("AAPL", "ES", "SAP", "BTC/USDT", "N225")
AMOUNTS = (
    "cash",
    "realized_pnl",
    "fees_paid",
    "net_deposits",
    "income",
    "currency_pnl",
    "balances",
    "rates",
    "positions",
    "equity",
    "opening_worth",
)


def new_session(**fields):
    """A session that knows a share, a future, a share and a future of other currencies, and a coin."""
    fields = {
        "initial_cash": 100_000,
        "rates": {"EUR": "1.1", "JPY": "0.007", "BTC": 50_000, "USDT": "0.999"},
        "instruments": {
            each.symbol: each
            for each in (
                Instrument("ES", multiplier=50, settlement=Settlement.MARGIN),
                Instrument("SAP", currency="EUR"),
                Instrument("N225", currency="JPY", multiplier=1000, settlement=Settlement.MARGIN),
                Instrument("BTC/USDT", currency="USDT"),
            )
        },
        "created_at": START,
        **fields,
    }
    return PaperTradingSession(strategy=Strategy("any"), **fields)


def minute(number):
    """So many minutes after the start."""
    return START + timedelta(minutes=number)


def amounts_of(session):
    """All that the books say."""
    return {name: getattr(session, name) for name in AMOUNTS}


small = st.decimals(min_value="-20", max_value="20", places=3)
rates = st.decimals(min_value="0.001", max_value="2", places=4)
currencies = st.sampled_from([None, "USD", "EUR", "JPY", "BTC", "USDT"])
NEW = ("NEW1", "NEW2", "NEW3")
renamed = st.sampled_from([*SYMBOLS, *NEW])
events = st.one_of(
    st.tuples(
        st.just("fill"),
        renamed,
        st.sampled_from(Side),
        quantities(),
        prices(),
        small,
        currencies,
        st.sampled_from([None, None, "hedge"]),
    ),
    st.tuples(st.just("flow"), st.sampled_from(CashFlowKind), small, currencies),
    st.tuples(st.just("split"), renamed, st.sampled_from([(2, 1), (1, 3), (3, 7), ("1.05", 1)])),
    st.tuples(st.just("change"), renamed, st.sampled_from([*SYMBOLS[1:], *NEW])),
    st.tuples(st.just("rates"), currencies, rates),
    st.tuples(st.just("mark"), renamed, prices()),
)


def happen(session, number, name, *what):
    """Let one event happen to the session; what its rules refuse does not happen."""
    label, at = f"{name}-{number}", minute(number)
    given = [each.new_symbol for each in session.new_ledger_entries if isinstance(each, SymbolChange)]
    if name == "fill" and what[0] in NEW and what[0] not in given:
        return
    if name == "change" and (what[1] in given or (what[0] in NEW and what[0] not in given)):
        return
    with contextlib.suppress(InvalidSessionError):
        match name:
            case "fill":
                symbol, side, quantity, price, fee, fee_currency, position = what
                position = position and f"{position} {symbol}"
                session.apply_fill(
                    Fill(label, symbol, side, quantity, price, fee, at, None, fee_currency, position_id=position)
                )
            case "flow":
                kind, amount, currency = what
                session.apply_cash_flow(CashFlow(label, kind, amount, at, currency))
            case "split":
                symbol, (ratio, per) = what
                session.apply_split(Split(label, symbol, ratio, at, per))
            case "change":
                session.apply_symbol_change(SymbolChange(label, *what, at))
            case "rates":
                currency, rate = what
                session.update_rates({currency: rate} if currency else {})
            case "mark":
                symbol, price = what
                session.mark({symbol: price}, at)


class TestReplay:
    """What a history gives."""

    @given(happened=st.lists(events, max_size=25))
    def test_any_history(self, happened):
        """Whatever has happened in whatever order, the books rebuilt from the history are those of the session."""
        session = new_session()
        for number, each in enumerate(happened):
            happen(session, number, *each)

        rebuilt = replay(session, waiting_history(session))

        assert amounts_of(rebuilt) == amounts_of(session)
        assert differences(session, rebuilt) == []
        assert not session.keeps_own_accounts
        assert not rebuilt.keeps_own_accounts

    @given(happened=st.lists(events, max_size=12), context=hostile_contexts())
    def test_context_of_the_caller(self, happened, context):
        """The caller's decimal context has no influence."""
        session = new_session()
        for number, each in enumerate(happened):
            happen(session, number, *each)

        with decimal.localcontext(context):
            rebuilt = replay(session, waiting_history(session))

        assert amounts_of(rebuilt) == amounts_of(session)

    @given(happened=st.lists(events, max_size=12))
    def test_what_was_held(self, happened):
        """What was held when the session began is there when it is replayed."""
        session = new_session(
            opening_positions={
                "AAPL": Position("AAPL", 7, 1000, 150, START),
                "hedge SAP": Position("SAP", -3, -300, 101, START, currency="EUR", position_id="hedge SAP"),
                "ES": Position("ES", 2, 450_000, 4510, START, multiplier=50, settlement="MARGIN"),
            },
            opening_balances={"EUR": 500},
        )
        for number, each in enumerate(happened):
            happen(session, number, *each)

        assert amounts_of(replay(session, waiting_history(session))) == amounts_of(session)

    def test_the_rest_is_that_of_the_session(self):
        """Orders, state and what the program states are not of the books, and stay; the session is left alone."""
        session = new_session(other_value=12, state={"day": 3})
        session.place_order(Order("o1", "AAPL", "BUY", "LIMIT", 10, limit_price=90))
        session.apply_fill(Fill("f1", "AAPL", "BUY", 4, 90, order_id="o1"))
        before = dataclasses.replace(session)

        rebuilt = replay(session, waiting_history(session))

        assert rebuilt.open_orders == session.open_orders
        assert (rebuilt.id, rebuilt.other_value, rebuilt.state) == (session.id, 12, {"day": 3})
        assert (rebuilt.fill_count, list(rebuilt.new_fills)) == (1, [])
        assert session == before

    def test_a_split_does_not_reach_orders_again(self):
        """A resting order that a split has changed is not changed by its replay."""
        session = new_session()
        session.place_order(Order("o1", "AAPL", "BUY", "LIMIT", 10, limit_price=90))
        session.apply_split(Split("s1", "AAPL", 2))

        assert replay(session, waiting_history(session)).open_orders["o1"].quantity == 20

    def test_at_other_rates_now(self):
        """A fill is booked again at the rate of its time, not at today's."""
        session = new_session()
        session.apply_fill(Fill("1", "SAP", "BUY", 10, 100, 1))
        session.update_rates({"EUR": 2})
        session.apply_fill(Fill("2", "SAP", "SELL", 10, 110, 1))
        session.update_rates({"EUR": "0.5"})

        rebuilt = replay(session, waiting_history(session))

        assert (rebuilt.realized_pnl, rebuilt.fees_paid) == (200, Decimal("3.1"))
        assert rebuilt.currency_pnl == session.currency_pnl


class TestCorrections:
    """Fills that were corrected."""

    def test_a_busted_fill(self):
        """A fill that was taken back does not count."""
        session = new_session()
        session.apply_fill(Fill("1", "AAPL", "BUY", 10, 100, 1))
        busted = Fill("2", "AAPL", "BUY", 10, 900, 1, corrected_at=minute(9))

        rebuilt = replay(session, [*waiting_history(session), busted])

        assert differences(session, rebuilt) == []

    def test_in_its_place(self):
        """What replaces a fill is booked where the fill was: before the split and the sale."""
        expected = new_session()
        first, bought, split = Fill("0", "AAPL", "BUY", 1, 90), Fill("3", "AAPL", "BUY", 10, 100), Split("s", "AAPL", 2)
        sold = Fill("2", "AAPL", "SELL", 12, 60)
        expected.apply_fill(first)
        expected.apply_fill(bought)
        expected.apply_split(split)
        expected.apply_fill(sold)
        wrong = Fill("1", "AAPL", "BUY", 10, 1000, corrected_at=minute(5))
        right = dataclasses.replace(bought, replaces="1")

        rebuilt = replay(expected, [first, wrong, split, sold, right])

        assert amounts_of(rebuilt) == amounts_of(expected)

    def test_again_and_again(self):
        """A replacement may be replaced, by several and in another symbol, and each stands where the first one was."""
        history = [
            Fill("1", "AAPL", "BUY", 1, 1, corrected_at=START),
            Fill("1", "SAP", "BUY", 1, 7),
            Fill("2", "AAPL", "BUY", 1, 2, corrected_at=START, replaces="1"),
            Fill("3", "AAPL", "BUY", 1, 3, replaces="2"),
            Fill("4", "IBM", "BUY", 1, 4, replaces="2"),
        ]
        expected = new_session()
        for each in (history[3], history[4], history[1]):
            expected.apply_fill(dataclasses.replace(each, replaces=None))

        rebuilt = replay(expected, history)

        assert amounts_of(rebuilt) == amounts_of(expected)
        assert list(rebuilt.positions) == ["AAPL", "IBM", "SAP"]

    def test_what_replaces_nothing(self):
        """A replacement whose original is not in the history stands where it is."""
        expected = new_session()
        expected.apply_fill(Fill("2", "AAPL", "BUY", 1, 2))

        rebuilt = replay(expected, [Fill("2", "AAPL", "BUY", 1, 2, replaces="1")])

        assert differences(expected, rebuilt) == []


class TestDifferences:
    """What no history explains."""

    def test_named(self):
        """Every amount that differs is named, with both values."""
        session = new_session()
        session.apply_fill(Fill("1", "AAPL", "BUY", 10, 100, 1))
        session.apply_fill(Fill("2", "SAP", "BUY", 10, 100, 1))
        session.apply_cash_flow(CashFlow("3", "DIVIDEND", 5))
        other = replay(session, [Fill("1", "AAPL", "BUY", 9, 100, 1), Fill("9", "IBM", "SELL", 1, 10)])

        assert differences(session, other) == [
            "cash is 99004, its history gives 99109",
            "fees_paid is 2.1, its history gives 1",
            "income is 5, its history gives 0",
            "balances.EUR is -1001, its history gives 0",
            "positions.AAPL.quantity is 10, its history gives 9",
            "positions.AAPL.cost_basis is 1000, its history gives 900",
            "positions.IBM: nothing is held, its history gives -1",
            "positions.SAP: 10 is held, its history gives nothing",
        ]

    def test_own_accounts(self):
        """A program that keeps its own accounts is never wrong."""
        session = new_session()
        session.record_fill(Fill("1", "AAPL", "BUY", 10, 100, 1))

        assert differences(session, replay(session, waiting_history(session))) == []

    def test_lost_digit(self):
        """The last digit counts."""
        session = new_session()
        session.apply_fill(Fill("1", "AAPL", "BUY", 3, "0." + 27 * "3"))
        rebuilt = replay(session, [Fill("1", "AAPL", "BUY", 3, "0." + 26 * "3" + "4")])

        assert len(differences(session, rebuilt)) == 2


class TestAsOf:
    """The books as they were."""

    def session(self):
        session = new_session()
        session.apply_fill(Fill("1", "AAPL", "BUY", 10, 100, 1, minute(1)))
        session.apply_cash_flow(CashFlow("2", "DEPOSIT", 500, minute(2)))
        session.apply_split(Split("3", "AAPL", 2, minute(3)))
        session.apply_fill(Fill("4", "AAPL", "SELL", 20, 60, 1, minute(4)))
        session.mark({}, minute(5))
        return session

    @pytest.mark.parametrize(
        ("at", "cash", "quantity", "equity", "fills", "entries"),
        [
            (0, 100_000, 0, 100_000, 0, 0),
            (1, 98_999, 10, 99_999, 1, 0),
            (2, 99_499, 10, 100_499, 1, 1),
            (3, 99_499, 20, 100_499, 1, 2),
            (4, 100_698, 0, 100_698, 2, 2),
            (99, 100_698, 0, 100_698, 2, 2),
        ],
    )
    def test_at_each_moment(self, at, cash, quantity, equity, fills, entries):
        """Up to a moment, and with it, everything is booked; what came later is not."""
        session = self.session()

        then = as_of(session, waiting_history(session), minute(at))

        held = then.positions["AAPL"].quantity if then.positions else 0
        assert (then.cash, held, then.equity) == (cash, quantity, equity)
        assert (then.fill_count, then.ledger_count) == (fills, entries)
        assert then.version == 0

    def test_rates_of_then(self):
        """Rates are those that were noted last; the identity holds."""
        session = new_session()
        session.apply_fill(Fill("1", "SAP", "BUY", 10, 100, 0, minute(1)))
        session.update_rates({"EUR": 2})
        session.apply_fill(Fill("2", "SAP", "SELL", 10, 100, 0, minute(2)))

        then = as_of(session, waiting_history(session), minute(1))

        assert then.rates["EUR"] == Decimal("1.1")
        assert then.equity == 100_000

    @given(happened=st.lists(events, max_size=15), at=st.integers(0, 15))
    def test_identity(self, happened, at):
        """At any time equity is what the books say it came from."""
        session = new_session()
        for number, each in enumerate(happened):
            happen(session, number, *each)

        then = as_of(session, waiting_history(session), minute(at))

        parts = (then.initial_cash, then.opening_worth, then.net_deposits, then.net_pnl)
        total = Decimal(0)
        for part in parts:
            total = EXACT.add(total, part)
        assert then.equity == total
