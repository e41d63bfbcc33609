"""The books: any events in any order, against a model of an account that is written in fractions."""

from __future__ import annotations

import copy
import dataclasses
import decimal
import os
import pickle
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paper_repo.domain import (
    CashFlow,
    CashFlowKind,
    Fill,
    Instrument,
    PaperTradingSession,
    Position,
    Settlement,
    Split,
    Strategy,
    SymbolChange,
)
from paper_repo.errors import InvalidSessionError
from tests.builders import START, moment, new_fill, new_session
from tests.facade.seeds import ROUNDS
from tests.strategies import fees, hostile_contexts, prices, quantities

INSTRUMENTS = [
    Instrument("AAPL"),
    Instrument("SAP", currency="EUR"),
    Instrument("OPT", multiplier=100),
    Instrument("ES", multiplier=50, settlement="MARGIN"),
    Instrument("FDAX", currency="EUR", multiplier=25, settlement="MARGIN"),
    Instrument("NK", currency="JPY", multiplier="0.5"),
    Instrument("BTC/USD"),
    Instrument("ETH-EUR", currency="EUR", asset="ETH"),
]
TIMES_AS_MANY = int(os.environ.get(ROUNDS, "1"))
SYMBOLS = [each.symbol for each in INSTRUMENTS]
FOREIGN = ("EUR", "JPY")
NEARLY = Fraction(1, 10**9)
"""What a share of the cost that is rounded to 28 digits may differ by."""


class Account:
    """An account as one would explain it, without rounding: what is held, what it is worth, what it has gained."""

    def __init__(self, session):
        self.money = {"USD": Fraction(session.initial_cash)} | exact(session.opening_balances)
        self.rates = {"USD": Fraction(1)} | exact(session.rates)
        self.held = {key: Held.of(each) for key, each in session.opening_positions.items()}
        self.names = {each.symbol: each for each in session.instruments.values()}
        self.deposits = self.income = self.fees = self.realized = self.currency_gain = self.other = Fraction(0)

    def worth(self):
        """The equity."""
        held = sum(each.worth() * self.rates[each.currency] for each in self.held.values())
        return sum(amount * self.rates[name] for name, amount in self.money.items()) + held + self.other

    def unrealized(self):
        """The gain of what is held."""
        return sum(each.gain() * self.rates[each.currency] for each in self.held.values())

    def pay(self, currency, amount):
        """Money that comes in."""
        self.money[currency] = self.money.get(currency, Fraction(0)) + amount

    def fill(self, fill):
        """A trade and its fee."""
        spec = self.names.get(fill.symbol, Instrument(fill.symbol))
        currency, key = spec.currency or "USD", fill.position_id or fill.symbol
        if fill.rate is not None:
            self.set_rates({currency: fill.rate})
        held = self.held.pop(key, None) or Held(spec, fill.position_id)
        traded, price = Fraction(fill.signed_quantity), Fraction(fill.price)
        gain = held.trade(traded, price)
        self.pay(currency, gain if held.is_margin else -traded * price * held.multiplier)
        fee, asset = Fraction(fill.fee), spec.asset or fill.symbol.replace("-", "/").split("/")[0]
        if fill.fee_currency == asset and not held.is_margin:
            gain += held.trade(-fee, price)
            self.fees += fee * price * held.multiplier * self.rates[currency]
        else:
            paid_in = fill.fee_currency or currency
            self.pay(paid_in, -fee)
            self.fees += fee * self.rates[paid_in]
        self.realized += gain * self.rates[currency]
        if held.quantity:
            self.held[key] = held

    def mark(self, new_prices, rates):
        """New prices."""
        self.set_rates(rates)
        for each in self.held.values():
            if each.symbol in new_prices:
                each.last = Fraction(new_prices[each.symbol])

    def set_rates(self, rates):
        """New rates: money, and what was paid for shares, gain what they change by."""
        for currency, rate in rates.items():
            change = Fraction(rate) - self.rates[currency]
            cost = sum(each.cost for each in self.held.values() if each.currency == currency and not each.is_margin)
            self.currency_gain += (self.money.get(currency, 0) + cost) * change
            self.rates[currency] += change

    def flow(self, flow):
        """Money without a trade."""
        currency, amount = flow.currency or "USD", Fraction(flow.amount)
        worth = amount * self.rates[currency]
        self.pay(currency, amount)
        if flow.kind in ("DEPOSIT", "WITHDRAWAL"):
            self.deposits += worth
        elif flow.kind == "FEE":
            self.fees -= worth
        else:
            self.income += worth

    def split(self, split):
        """More shares for the same cost; 28 digits of what never ends."""
        for each in self.held.values():
            if each.symbol == split.symbol:
                each.quantity = part(each.quantity * Fraction(split.ratio), Fraction(split.per))
                each.last = part(each.last * Fraction(split.per), Fraction(split.ratio))

    def rename(self, change):
        """Another symbol for the same thing."""
        if change.symbol in self.names:
            spec = self.names.pop(change.symbol)
            self.names[change.new_symbol] = dataclasses.replace(spec, symbol=change.new_symbol)
        for key, each in list(self.held.items()):
            if each.symbol == change.symbol:
                each.symbol = change.new_symbol
                self.held[each.position_id or each.symbol] = self.held.pop(key)


class Held:
    """What is held of one thing."""

    def __init__(self, spec, position_id):
        self.symbol, self.position_id = spec.symbol, position_id
        self.currency, self.multiplier = spec.currency or "USD", Fraction(spec.multiplier)
        self.is_margin = spec.settlement is Settlement.MARGIN
        self.quantity = self.cost = self.last = Fraction(0)

    @classmethod
    def of(cls, position):
        """A position."""
        held = cls(position, position.position_id)
        held.quantity, held.cost = Fraction(position.quantity), Fraction(position.cost_basis)
        held.last = Fraction(position.last_price)
        return held

    def trade(self, traded, price):
        """Buy (or sell) at this price; the gain of what is closed by it, at average cost."""
        closed, self.last = Fraction(0), price
        if self.quantity * traded < 0:
            closed = min(abs(traded), abs(self.quantity)) * (1 if traded > 0 else -1)
        cost = self.cost * -closed / self.quantity if closed else Fraction(0)
        self.cost += (traded - closed) * price * self.multiplier - cost
        self.quantity += traded
        return -closed * price * self.multiplier - cost

    def gain(self):
        """Its value less its cost."""
        return self.quantity * self.last * self.multiplier - self.cost

    def worth(self):
        """What the account has of it."""
        return self.gain() if self.is_margin else self.gain() + self.cost


def part(whole, parts):
    """A part; rounded half to even at the 28th digit if it has no end there, and never if there is only one."""
    value = whole / parts
    if parts == 1 or not value:
        return value
    place = Fraction(1)
    while abs(value) / place >= 10**28:
        place *= 10
    while abs(value) / place < 10**27:
        place /= 10
    return round(value / place) * place


def exact(amounts):
    """The same numbers as fractions."""
    return {name: Fraction(each) for name, each in amounts.items()}


def identity(session):
    """What the equity must be, to the last digit."""
    gains = (session.realized_pnl, session.unrealized_pnl, session.income, session.currency_pnl, session.other_value)
    begin = (session.initial_cash, session.opening_worth, session.net_deposits)
    return sum(map(Fraction, begin + gains)) - Fraction(session.fees_paid)


def new_account(**changes):
    """A session that holds a bit of everything from the beginning."""
    fields = {
        "instruments": {each.symbol: each for each in INSTRUMENTS[1:6] + INSTRUMENTS[7:]},
        "rates": {"EUR": "1.1", "JPY": "0.0067"},
        "opening_balances": {"EUR": "1000.50"},
        "opening_positions": {
            "SAP": Position("SAP", 10, "1000.30", 101, START, currency="EUR"),
            "es-1": Position("ES", -2, -400_000, 4001, START, multiplier=50, settlement="MARGIN", position_id="es-1"),
        },
    }
    strategy = Strategy("books")
    return PaperTradingSession(id="a", strategy=strategy, initial_cash=10_000, created_at=START, **(fields | changes))


# Events: a name, and what it takes


def stories(*, max_size):
    """Events of a few symbols each, so that they meet."""
    few = st.lists(st.sampled_from(SYMBOLS), min_size=1, max_size=3, unique=True)
    return few.flatmap(lambda symbols: st.lists(events(symbols), max_size=max_size))


def events(symbols):
    """Anything that may happen to an account in these symbols."""
    symbols, currencies = st.sampled_from(symbols), st.sampled_from([None, "USD", *FOREIGN])
    rates = st.dictionaries(st.sampled_from(FOREIGN), st.decimals("0.0001", "100", places=5), max_size=2)
    amount = st.decimals(min_value="0.01", max_value=10**6, places=4)
    fill = st.tuples(
        st.just("fill"),
        symbols,
        st.sampled_from(["BUY", "SELL"]),
        quantities() | st.integers(1, 3),
        prices(),
        fees(),
        st.sampled_from([None, "USD", "EUR", "asset", "asset"]),
        st.sampled_from([None, None, None, "1"]),
        st.none() | st.decimals("0.0001", "100", places=5),
    )
    return st.one_of(
        fill,
        fill,
        st.tuples(st.just("close"), st.integers(0, 9), prices(), fees()),
        st.tuples(st.just("mark"), st.dictionaries(symbols, prices(), max_size=4), rates),
        st.tuples(st.just("rates"), rates),
        st.tuples(st.just("flow"), st.sampled_from(CashFlowKind), amount, st.booleans(), currencies),
        st.tuples(st.just("split"), symbols, st.sampled_from([1, 2, 3, "1.5"]), st.sampled_from([1, 3, 7, 10])),
        st.tuples(st.just("rename"), symbols),
        st.tuples(st.just("other"), prices()),
        st.tuples(st.just("wrong"), st.sampled_from(sorted(WRONG))),
        st.tuples(st.just("again")),
    )


class Story:
    """A session and its model, to which the same things happen."""

    def __init__(self, session=None):
        self.session = session or new_account()
        self.account = Account(self.session)
        self.symbols = {each: each for each in SYMBOLS}
        """By the first name of a thing, the present one."""
        self.last = None
        self.number = 0

    def happen(self, name, *values):
        """One event."""
        self.number += 1
        getattr(self, name)(*values)
        self.compare()

    def fill(self, symbol, side, quantity, price, fee, fee_currency, position, rate):
        """A trade."""
        now, spec = self.symbols[symbol], self.session.instruments.get(self.symbols[symbol])
        if fee_currency == "asset":
            is_margin = spec is not None and spec.settlement is Settlement.MARGIN
            fee_currency = None if is_margin else spec.settled_asset if spec else Instrument(now).settled_asset
        self.apply(
            Fill(
                f"f-{self.number}",
                now,
                side,
                quantity,
                price,
                fee,
                moment(self.number),
                fee_currency=fee_currency,
                position_id=position and f"{symbol}#{position}",
                rate=rate if spec and spec.currency in FOREIGN else None,
            )
        )

    def close(self, place, price, fee):
        """A trade that leaves nothing."""
        held = list(self.session.positions.values())
        if held:
            one = held[place % len(held)]
            side, quantity = ("SELL", one.quantity) if one.quantity > 0 else ("BUY", one.quantity.copy_negate())
            self.apply(
                Fill(
                    f"f-{self.number}", one.symbol, side, quantity, price, fee, START, position_id=one.position_id,
                    fee_currency="USD",
                )
            )  # fmt: skip

    def apply(self, fill):
        """A fill, on both."""
        self.session.apply_fill(fill)
        self.account.fill(fill)
        self.last = lambda: self.session.apply_fill(fill)

    def mark(self, new_prices, rates):
        """Prices and rates."""
        now = {self.symbols[name]: price for name, price in new_prices.items()}
        point = self.session.mark(now, moment(self.number), rates=rates)
        self.account.mark(now, rates)
        assert (point.cash, point.equity) == (self.session.cash, self.session.equity)
        assert point is self.session.new_equity_points[-1]

    def rates(self, rates):
        """Rates alone."""
        self.session.update_rates(rates)
        self.account.set_rates(rates)

    def flow(self, kind, amount, comes_in, currency):
        """Money."""
        comes_in = kind == "DEPOSIT" or (comes_in and kind != "WITHDRAWAL")
        flow = CashFlow(f"e-{self.number}", kind, amount if comes_in else amount.copy_negate(), START, currency)
        self.session.apply_cash_flow(flow)
        self.account.flow(flow)
        self.last = lambda: self.session.apply_cash_flow(flow)

    def split(self, symbol, ratio, per):
        """More or fewer shares."""
        split = Split(f"e-{self.number}", self.symbols[symbol], ratio, START, per)
        self.session.apply_split(split)
        self.account.split(split)
        self.last = lambda: self.session.apply_split(split)

    def rename(self, symbol):
        """Another symbol."""
        change = SymbolChange(f"e-{self.number}", self.symbols[symbol], f"{symbol}-{self.number}", START)
        self.symbols[symbol] = change.new_symbol
        self.session.apply_symbol_change(change)
        self.account.rename(change)
        self.last = lambda: self.session.apply_symbol_change(change)

    def other(self, value):
        """What the program says."""
        self.session.other_value = value
        self.account.other = Fraction(value)

    def again(self):
        """The same message from a broker, a second time."""
        if self.last is not None:
            before = everything(self.session)
            self.last()
            assert everything(self.session) == before

    def wrong(self, name):
        """What is refused changes nothing."""
        before = everything(self.session)
        with pytest.raises(InvalidSessionError):
            WRONG[name](self.session)
        assert everything(self.session) == before

    def compare(self):
        """The equity is right to the last digit; of its parts, what follows from a rounded share, nearly."""
        session, account = self.session, self.account
        equity = Fraction(session.equity)
        assert equity == account.worth() == identity(session)
        assert Fraction(session.net_pnl) == equity - sum(
            map(Fraction, (session.initial_cash, session.opening_worth, session.net_deposits))
        )
        for amount, expected in (
            (session.net_deposits, account.deposits),
            (session.income, account.income),
            (session.fees_paid, account.fees),
        ):
            assert Fraction(amount) == expected
        near(session.realized_pnl, account.realized)
        near(session.unrealized_pnl, account.unrealized())
        near(session.currency_pnl, account.currency_gain)
        near(session.cash, account.money["USD"])
        assert exact(session.rates).items() <= account.rates.items()
        for currency in FOREIGN:
            near(session.balances.get(currency, 0), account.money.get(currency, 0))
        assert all(session.balances.values())
        assert session.positions.keys() == account.held.keys()
        for key, each in session.positions.items():
            held = account.held[key]
            assert (each.id, each.symbol, each.currency or "USD") == (key, held.symbol, held.currency)
            assert (Fraction(each.quantity), Fraction(each.last_price)) == (held.quantity, held.last)
            near(each.cost_basis, held.cost)
        assert not session.keeps_own_accounts


def near(amount, expected):
    """Equal but for what is rounded at the 28th digit."""
    assert abs(Fraction(amount) - expected) <= NEARLY * max(1, abs(expected))


def everything(session):
    """All that a session holds, copied; dicts as lists, so that their order counts too."""
    copied = pickle.loads(pickle.dumps(session))
    fields = {name: list(each.items()) if isinstance(each, dict) else each for name, each in vars(copied).items()}
    return fields | {"booked": copied.new_fills.booked, "places": copied.new_ledger_entries.places}


def fill(**changes):
    """A fill with an id of its own."""
    return new_fill(1, **({"id": "wrong"} | changes))


HUGE = Decimal("9E+1000")
WRONG = {
    "a flow in an unknown currency": lambda each: each.apply_cash_flow(CashFlow("w", "OTHER", 1, START, "GBP")),
    "a fee in an unknown currency": lambda each: each.apply_fill(fill(fee_currency="GBP")),
    "the base currency at a price": lambda each: each.update_rates({"EUR": 3, "USD": 2}),
    "a flow with a rate of the base": lambda each: each.apply_cash_flow(CashFlow("w", "TAX", 1, START, None, rate=2)),
    "a rate of nothing": lambda each: each.update_rates({"EUR": 3, "JPY": 0}),
    "two rates of one currency": lambda each: each.apply_fill(
        fill(symbol="GBX", rate=1, fee_rate=2, fee_currency="USD")
    ),
    "a wrong price after a right one": lambda each: each.mark(
        {one.symbol: 1 for one in each.positions.values()} | {_last_symbol(each): "x"}, rates={"EUR": 3}
    ),
    "a wrong rate beside right prices": lambda each: each.mark(dict.fromkeys(SYMBOLS, 1), rates={"EUR": -1}),
    "a mark at no time": lambda each: each.mark({"SAP": 1}, START.replace(tzinfo=None), rates={"EUR": 2}),
    "a mark that is too large": lambda each: each.mark(
        dict.fromkeys([one.symbol for one in each.positions.values()] or ["x"], HUGE), rates={"EUR": HUGE, "USD": 5}
    ),
    "too much cash": lambda each: each.apply_fill(fill(side="SELL", quantity=HUGE, price=HUGE)),
    "too much of a deposit": lambda each: each.apply_cash_flow(CashFlow("w", "DEPOSIT", HUGE, START, "EUR", rate=HUGE)),
    "another symbol's position": lambda each: each.apply_fill(fill(position_id=_some_key(each))),
}


def _some_key(session):
    """The key of a position in another symbol than a fill's; of one that is opened for it, if there is none."""
    for key, position in session.positions.items():
        if position.symbol != "AAPL":
            return key
    raise InvalidSessionError({"positions": ["nothing is held"]})


def _last_symbol(session):
    """Of what is held."""
    for position in reversed(session.positions.values()):
        return position.symbol
    raise InvalidSessionError({"positions": ["nothing is held"]})


# Tests


@settings(max_examples=150 * TIMES_AS_MANY)
@given(stories(max_size=25), hostile_contexts())
def test_any_events_against_fractions(several, context):
    """The identity holds exactly after each of them, and every part is what the model says."""
    story = Story()
    with decimal.localcontext(context):
        for event in several:
            story.happen(*event)


@settings(max_examples=40 * TIMES_AS_MANY)
@given(stories(max_size=8), stories(max_size=8))
def test_copies_go_on_alike(before, after):
    """A copy holds everything, and what happens to it is what would have happened to the original, and only to it."""
    story = Story()
    for event in before:
        story.happen(*event)
    session = story.session
    kept = everything(session)
    for copied in (copy.copy, copy.deepcopy, dataclasses.replace, lambda each: pickle.loads(pickle.dumps(each))):
        twin = Story(copied(session))
        twin.account, twin.symbols = copy.deepcopy(story.account), dict(story.symbols)
        twin.number = story.number
        assert everything(twin.session) == kept
        for event in after:
            twin.happen(*event)
        assert everything(session) == kept


@settings(max_examples=40 * TIMES_AS_MANY)
@given(stories(max_size=12))
def test_a_fresh_copy_begins_with_the_same(several):
    """The opening is the same, at the rates of today; its books are sound and its own."""
    story = Story()
    for event in several:
        story.happen(*event)
    fresh = story.session.fresh_copy()

    assert fresh.positions == fresh.opening_positions == story.session.opening_positions
    assert fresh.balances == fresh.opening_balances == story.session.opening_balances
    assert (fresh.rates, fresh.cash, fresh.net_deposits) == (story.session.rates, 10_000, 0)
    assert not fresh.keeps_own_accounts
    Story(fresh).compare()


class TestWorkedExamples:
    """Cases that one reckons by hand."""

    def test_a_futures_contract(self):
        """Ten points with two contracts of 50 are 1,000, less two fees; cash never pays the notional."""
        session = new_session(
            instruments={"ES": Instrument("ES", multiplier=50, settlement="MARGIN")}, initial_cash=10_000
        )
        session.apply_fill(new_fill(1, symbol="ES", quantity=2, price=4000, fee=2))
        session.mark({"ES": 4010}, START)

        assert (session.cash, session.equity, session.market_value) == (9998, 10_998, 401_000)
        session.apply_fill(new_fill(2, symbol="ES", side="SELL", quantity=2, price=4010, fee=2))
        assert (session.cash, session.equity, session.realized_pnl, session.positions) == (10_996, 10_996, 1000, {})

    def test_a_foreign_share_with_a_dividend_and_a_split(self):
        """Bought on credit in its currency; the rate moves the cost, the price the rest."""
        session = new_session(instruments={"SAP": Instrument("SAP", currency="EUR")}, initial_cash=10_000)
        session.update_rates({"EUR": "1.10"})
        session.apply_fill(new_fill(1, symbol="SAP", quantity=10, price=100, fee=5))
        session.mark({"SAP": 110}, START, rates={"EUR": "1.20"})
        session.apply_cash_flow(CashFlow("d", "DIVIDEND", 20, START, "EUR", "SAP"))
        session.apply_split(Split("s", "SAP", 2, START))

        assert session.balances == {"EUR": -985}
        assert (session.positions["SAP"].quantity, session.positions["SAP"].last_price) == (20, 55)
        assert (session.unrealized_pnl, session.income) == (120, 24)
        assert session.fees_paid == Decimal("5.5")
        assert session.currency_pnl == Decimal("-0.5")
        assert session.equity == 10_000 + 120 + 24 - Decimal("5.5") - Decimal("0.5")

    def test_a_fee_in_the_bought_coin(self):
        """It is paid out of the position, and counts at the price of the fill."""
        session = new_session(initial_cash=10_000)
        session.apply_fill(new_fill(1, symbol="BTC/USD", quantity=1, price=5000, fee="0.001", fee_currency="BTC"))

        assert session.cash == 5000
        assert session.positions["BTC/USD"].quantity == Decimal("0.999")
        assert (session.fees_paid, session.realized_pnl, session.equity) == (5, 0, 9995)

    def test_a_fee_in_a_coin_that_has_become_dearer(self):
        """As if it were sold at that price: what it has gained is realized."""
        session = new_session(initial_cash=10_000)
        session.apply_fill(new_fill(1, symbol="BTC/USD", quantity=1, price=5000, fee=0))
        session.apply_fill(
            new_fill(2, symbol="BTC/USD", side="SELL", quantity="0.5", price=6000, fee="0.1", fee_currency="BTC")
        )

        assert (session.cash, session.fees_paid, session.realized_pnl) == (8000, 600, 600)
        assert (session.positions["BTC/USD"].quantity, session.positions["BTC/USD"].cost_basis) == (
            Decimal("0.4"),
            2000,
        )
        assert session.equity == 8000 + 2400

    def test_a_future_pays_no_fee_in_kind(self):
        """A future that was renamed to a coin's symbol is still a future: nothing of the coin is owned to pay with."""
        session = new_session(
            rates={"BTC": 5000},
            instruments={"ES": Instrument("ES", multiplier=50, settlement="MARGIN"), "BTC/USD": Instrument("BTC/USD")},
        )
        session.apply_fill(new_fill(1, symbol="ES", quantity=2, price=4500, fee=0))
        session.apply_symbol_change(SymbolChange("c", "ES", "BTC/USD"))
        session.apply_fill(new_fill(2, symbol="BTC/USD", quantity=1, price=4600, fee="0.001", fee_currency="BTC"))

        assert session.positions["BTC/USD"].quantity == 3
        assert (session.fees_paid, session.balances) == (5, {"BTC": Decimal("-0.001")})
        assert session.equity == identity(session) == 10_000 + 2 * 100 * 50 - 5

    def test_a_position_keeps_its_terms_through_zero(self):
        """An instrument that is stated otherwise meanwhile counts from the next position on."""
        session = new_session(instruments={"X": Instrument("X", multiplier=10)}, initial_cash=1000)
        session.apply_fill(new_fill(1, symbol="X", quantity=1, price=10, fee=0))
        session.instruments["X"] = Instrument("X", multiplier=5, currency="EUR", settlement="MARGIN")
        session.apply_fill(new_fill(2, symbol="X", side="SELL", quantity=3, price=12, fee=0))

        assert session.equity == identity(session) == 1020
        assert (session.positions["X"].multiplier, session.positions["X"].quantity) == (10, -2)
        session.apply_fill(new_fill(3, symbol="X", quantity=2, price=12, fee=0))
        session.update_rates({"EUR": 2})
        session.apply_fill(new_fill(4, symbol="X", quantity=1, price=12, fee=0))
        assert session.positions["X"].settlement is Settlement.MARGIN

    def test_a_multiplier_that_is_forgotten_meanwhile(self):
        """The position knows it: what is turned is worth what it was."""
        session = new_session(instruments={"X": Instrument("X", multiplier=10)}, initial_cash=1000)
        session.apply_fill(new_fill(1, symbol="X", quantity=1, price=10, fee=0))
        session.instruments.clear()
        session.apply_fill(new_fill(2, symbol="X", side="SELL", quantity=3, price=12, fee=0))

        assert session.equity == identity(session) == 1020

    def test_opening_positions_and_balances(self):
        """They are worth their cost at the rates of the beginning, and a change of the rate is currency P&L."""
        session = new_account()
        begin = session.opening_worth
        session.update_rates({"EUR": 2})

        assert begin == Decimal("1000.30") * Decimal("1.1") + Decimal("1000.50") * Decimal("1.1")
        assert session.opening_worth == begin
        assert session.currency_pnl == Decimal("2000.80") * Decimal("0.9")

    def test_an_opening_without_its_rate_is_refused(self):
        """The message says how to give it."""
        with pytest.raises(
            InvalidSessionError, match=r"opening_positions\.SAP\.currency: EUR has no rate .*rates=\{'EUR'"
        ):
            new_account(rates={})

    @pytest.mark.parametrize(
        "event",
        [
            new_fill(1, rate=1),
            new_fill(1, symbol="BTC/USD", fee_currency="BTC", fee_rate=9),
            new_fill(1, symbol="SAP", fee_rate="1.1"),
            CashFlow("x", "OTHER", 1, START, "USD", rate=1),
            CashFlow("x", "OTHER", 1, START, "EUR"),
            CashFlow("x", "OTHER", 1, START, "EUR", rate=3),
        ],
    )
    def test_what_says_its_rate_is_known_again(self, event):
        """A rate that could be left out does not make it another event."""
        session = new_account()
        book = session.apply_fill if isinstance(event, Fill) else session.apply_cash_flow
        book(event)
        before = everything(session)
        book(event)

        assert everything(session) == before

    @pytest.mark.parametrize("held", ["net", "hedged", "named like it"])
    def test_a_new_name_that_is_taken_is_refused(self, held):
        """Whichever way something is held under it."""
        key, symbol = {"net": ("NEW", "NEW"), "hedged": ("p", "NEW"), "named like it": ("NEW", "MSFT")}[held]
        session = new_session(cash=1000)
        session.apply_fill(new_fill(1, quantity=1))
        session.apply_fill(new_fill(2, symbol=symbol, quantity=1, position_id=None if key == symbol else key))
        before = everything(session)

        with pytest.raises(InvalidSessionError, match="there is a position in NEW already"):
            session.apply_symbol_change(SymbolChange("c", "AAPL", "NEW", START))
        assert everything(session) == before

    def test_an_instrument_of_the_new_name_stays(self):
        """Who has stated it already means it; that of the old name is known on, for the history."""
        session = new_session(instruments={"A": Instrument("A"), "B": Instrument("B", multiplier=2)})
        session.apply_symbol_change(SymbolChange("c", "A", "B", START))

        assert session.instruments == {"A": Instrument("A"), "B": Instrument("B", multiplier=2)}

    def test_the_numbers_of_the_largest_size_are_refused_and_not_half_booked(self):
        """Four factors of two thousand digits each are no reason for a decimal's own error."""
        size = Decimal("1" * 1001 + "." + "1" * 1000)
        instrument = Instrument("X", currency="EUR", multiplier=size)
        session = new_session(instruments={"X": instrument}, cash=0, rates={"EUR": size})
        before = everything(session)

        with pytest.raises(InvalidSessionError):
            session.apply_fill(new_fill(1, symbol="X", quantity=size, price=size, fee=0))
        assert everything(session) == before


class TestOwnAccounts:
    """A session notices when its program keeps accounts of its own; bookings are no reason."""

    CHANGES = {
        "cash": lambda each: setattr(each, "cash", 5),
        "cash +=": lambda each: setattr(each, "cash", each.cash + 1),
        "initial_cash": lambda each: setattr(each, "initial_cash", 5),
        "realized_pnl": lambda each: setattr(each, "realized_pnl", 5),
        "fees_paid": lambda each: setattr(each, "fees_paid", 5),
        "net_deposits": lambda each: setattr(each, "net_deposits", 5),
        "income": lambda each: setattr(each, "income", 5),
        "currency_pnl": lambda each: setattr(each, "currency_pnl", 5),
        "opening_worth": lambda each: setattr(each, "opening_worth", 5),
        "positions =": lambda each: setattr(each, "positions", {}),
        "balances =": lambda each: setattr(each, "balances", {}),
        "rates =": lambda each: setattr(each, "rates", {"EUR": 3}),
        "opening_positions =": lambda each: setattr(each, "opening_positions", {}),
        "opening_balances =": lambda each: setattr(each, "opening_balances", {}),
        "record_fill": lambda each: each.record_fill(new_fill(7)),
        "positions[]": lambda each: each.positions.__setitem__("SAP", each.positions["SAP"].marked(1)),
        "del positions[]": lambda each: each.positions.__delitem__("SAP"),
        "positions.clear": lambda each: each.positions.clear(),
        "positions.pop": lambda each: each.positions.pop("SAP"),
        "positions.popitem": lambda each: each.positions.popitem(),
        "positions.update": lambda each: each.positions.update(SAP=each.positions["SAP"].marked(1)),
        "positions.setdefault": lambda each: each.positions.setdefault("Y", Position.open("Y", 1, 1, START)),
        "positions |=": lambda each: each.positions.__ior__({"Y": Position.open("Y", 1, 1, START)}),
        "balances[]": lambda each: each.balances.__setitem__("EUR", Decimal(1)),
        "rates[]": lambda each: each.rates.__setitem__("EUR", Decimal(1)),
        "opening_positions[]": lambda each: each.opening_positions.popitem(),
        "opening_balances[]": lambda each: each.opening_balances.clear(),
    }

    @pytest.mark.parametrize("name", CHANGES)
    def test_every_way_is_noticed(self, name):
        """And it stays so: after more bookings, in copies, in pickles and in what replaces it."""
        session = new_account()
        assert not session.keeps_own_accounts

        self.CHANGES[name](session)

        assert session.keeps_own_accounts
        for twin in (copy.copy(session), copy.deepcopy(session), pickle.loads(pickle.dumps(session))):
            assert twin.keeps_own_accounts
        assert dataclasses.replace(session).keeps_own_accounts
        session.update_rates({"EUR": 7})
        session.apply_cash_flow(CashFlow("c", "DEPOSIT", 1, START))
        assert session.keeps_own_accounts
        session.keeps_own_accounts = True
        assert session.keeps_own_accounts

    def test_reading_is_none(self):
        """Whatever only looks."""
        session = new_account()
        assert session.positions.copy() | session.balances | dict(session.rates)
        assert session.positions.get("SAP") in session.positions.values()
        session.other_value = 5
        session.state["x"] = 1

        assert not session.keeps_own_accounts

    @pytest.mark.parametrize("changes", [{"cash": 5}, {"positions": {}}, {"balances": {}}, {"income": 1}])
    def test_made_with_what_no_booking_explains(self, changes):
        """As a program that goes on from its own books."""
        assert new_account(**changes).keeps_own_accounts
