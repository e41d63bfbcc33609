"""Hypothesis strategies for everything that a session can hold.

Each one is a function, so that a database that cannot hold some character (PostgreSQL and NUL) can leave it out:
`sessions(texts(without="\\0"))`.
"""

from __future__ import annotations

import dataclasses
import decimal
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

from hypothesis import strategies as st

from paper_repo.domain import (
    CashFlow,
    CashFlowKind,
    EquityPoint,
    Fill,
    Instrument,
    Order,
    OrderStatus,
    OrderType,
    PaperTradingSession,
    Position,
    SessionStatus,
    Settlement,
    Side,
    Split,
    Strategy,
    SymbolChange,
    TimeInForce,
)

DIGITS = 40
EXPONENTS = 60


def amounts(*, digits=DIGITS, exponents=EXPONENTS):
    """Exact decimals of either sign with so many digits, in plain and in scientific form, zeros of every kind too."""
    return st.builds(
        lambda sign, number, exponent: Decimal(f"{sign}{number}E{exponent}"),
        st.sampled_from(["", "-"]),
        st.integers(0, 10**digits - 1),
        st.integers(-exponents, exponents),
    )


def positive_amounts(*, digits=DIGITS, exponents=EXPONENTS):
    """Exact decimals above zero."""
    return st.builds(
        lambda number, exponent: Decimal(f"{number}E{exponent}"),
        st.integers(1, 10**digits - 1),
        st.integers(-exponents, exponents),
    )


def nonzero_amounts(*, digits=DIGITS, exponents=EXPONENTS):
    """Exact decimals of either sign, but never zero."""
    return st.builds(
        lambda number, positive: number if positive else number.copy_negate(),
        positive_amounts(digits=digits, exponents=exponents),
        st.booleans(),
    )


def quantities():
    """Amounts as they are traded: whole ones, and small parts of crypto coins."""
    return st.decimals(min_value="0.00000001", max_value="1000000", places=8)


def prices():
    """Prices as they occur: mostly above zero, sometimes zero or (crude oil, electricity) below."""
    return st.decimals(min_value="-50", max_value="100000", places=6)


def fees():
    """Fees, and rebates, which are fees below zero."""
    return st.decimals(min_value="-10", max_value="100", places=4)


def instants():
    """Aware times of any zone, to the microsecond, over all the years that there are."""
    zones = st.one_of(st.just(UTC), st.integers(-23 * 60, 23 * 60).map(lambda each: timezone(timedelta(minutes=each))))
    return st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29), timezones=zones)  # noqa: DTZ001


def texts(*, min_size=0, max_size=20, without=""):
    """Any Unicode text: every character but surrogates, NUL and control characters included."""
    letters = st.characters(exclude_categories=["Cs"], exclude_characters=without)
    return st.text(letters, min_size=min_size, max_size=max_size)


def names(text=None):
    """Text that is not empty, without white space at its ends."""
    return (texts() if text is None else text).map(str.strip).filter(bool)


def json_data(text=None):
    """Whatever JSON can hold."""
    text = texts() if text is None else text
    leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), text)
    return st.recursive(
        leaves, lambda below: st.lists(below, max_size=3) | st.dictionaries(text, below, max_size=3), max_leaves=8
    )


def json_objects(text=None):
    """A JSON object, as `state`, `metadata` and `parameters` are."""
    text = texts() if text is None else text
    return st.dictionaries(text, json_data(text), max_size=3)


def strategies(text=None):
    """Strategies with any parameters."""
    text = texts() if text is None else text
    return st.builds(Strategy, name=text, version=text, parameters=json_objects(text))


def positions(text=None):
    """Open positions, long and short."""
    return st.builds(
        Position,
        symbol=names(text),
        quantity=nonzero_amounts(),
        cost_basis=amounts(),
        last_price=amounts(),
        opened_at=instants(),
        realized_pnl=amounts(),
        **_seldom(
            currency=names(text),
            multiplier=positive_amounts(),
            settlement=st.sampled_from(Settlement),
            metadata=json_objects(text),
        ),
    )


def orders(text=None):
    """Resting orders, filled in part or not at all."""
    return st.builds(
        _order,
        filled=st.sampled_from([Decimal(0), Decimal("Infinity")]) | positive_amounts(),
        id=names(text),
        symbol=names(text),
        side=st.sampled_from(Side),
        type=st.sampled_from(OrderType),
        quantity=positive_amounts(),
        limit_price=st.none() | amounts(),
        stop_price=st.none() | amounts(),
        time_in_force=st.sampled_from(TimeInForce),
        created_at=instants(),
        **_seldom(
            status=st.sampled_from([OrderStatus.PENDING, OrderStatus.OPEN]),
            trail_amount=positive_amounts(),
            trail_percent=positive_amounts(),
            expires_at=instants(),
            reduce_only=st.booleans(),
            post_only=st.booleans(),
            parent_id=names(text),
            oco_group=names(text),
            position_id=names(text),
            metadata=json_objects(text),
        ),
    )


def fills(text=None):
    """Fills of any size, at any price, of an order or of none."""
    text = texts() if text is None else text
    return st.builds(
        Fill,
        id=names(text),
        symbol=names(text),
        side=st.sampled_from(Side),
        quantity=positive_amounts(),
        price=amounts(),
        fee=amounts(),
        executed_at=instants(),
        order_id=st.none() | text,
        **_seldom(
            fee_currency=names(text),
            position_id=names(text),
            rate=positive_amounts(),
            fee_rate=positive_amounts(),
            corrected_at=instants(),
            replaces=names(text),
            metadata=json_objects(text),
        ),
    )


def _seldom(**fields):
    """Fields that most entities leave as they are: each is given in one of four, and all of them default otherwise."""
    return {name: st.one_of(*[st.just(_DEFAULTS[name])] * 3, each) for name, each in fields.items()}


_DEFAULTS = dict.fromkeys(
    ("currency", "position_id", "trail_amount", "trail_percent", "expires_at", "parent_id", "oco_group", "fee_currency",
     "rate", "fee_rate", "corrected_at", "replaces")
) | {
    "multiplier": Decimal(1), "settlement": Settlement.CASH, "status": OrderStatus.OPEN, "metadata": {},
    "reduce_only": False, "post_only": False,
}  # fmt: skip


def amounts_by_currency(text=None):
    """Amounts by currency, as balances and rates are."""
    return st.dictionaries(names(text), amounts(), max_size=2)


def ledger_entries(text=None):
    """Ledger entries of each kind."""
    return st.one_of(
        st.builds(
            CashFlow,
            id=names(text),
            kind=st.sampled_from([CashFlowKind.FEE, CashFlowKind.OTHER, CashFlowKind.DIVIDEND]),
            amount=amounts(),
            at=instants(),
            currency=st.none() | names(text),
            symbol=st.none() | names(text),
            rate=st.none() | positive_amounts(),
            metadata=json_objects(text),
        ),
        st.builds(
            Split, id=names(text), symbol=names(text), ratio=positive_amounts(), at=instants(), per=positive_amounts()
        ),
        st.builds(
            SymbolChange, id=names(text), symbol=names(text), new_symbol=st.just("new \N{SNOWMAN}"), at=instants()
        ),
    )


def _instruments(text=None):
    return st.builds(
        Instrument,
        symbol=names(text),
        currency=st.none() | names(text),
        multiplier=positive_amounts(),
        settlement=st.sampled_from(Settlement),
        asset=st.none() | names(text),
        metadata=json_objects(text),
    )


def equity_points():
    """Equity points."""
    return st.builds(EquityPoint, at=instants(), cash=amounts(), equity=amounts())


def histories(text=None, *, max_size=3):
    """Fills with an id of their own each."""
    return st.lists(fills(text), max_size=max_size, unique_by=lambda fill: fill.id)


def sessions(text=None):
    """Whole sessions that were never saved, with history that waits; the books need not balance."""
    text = texts() if text is None else text
    return st.builds(
        _session,
        fills=histories(text),
        points=st.lists(equity_points(), max_size=3),
        id=names(text),
        name=text,
        strategy=strategies(text),
        symbols=st.lists(names(text), max_size=3),
        base_currency=names(text),
        status=st.sampled_from(SessionStatus),
        initial_cash=amounts(),
        cash=amounts(),
        positions=st.lists(positions(text), max_size=2).map(lambda held: {each.symbol: each for each in held}),
        open_orders=st.lists(orders(text), max_size=2).map(lambda resting: {each.id: each for each in resting}),
        realized_pnl=amounts(),
        fees_paid=amounts(),
        state=json_objects(text),
        metadata=json_objects(text),
        error=st.none() | text,
        created_at=instants(),
        started_at=st.none() | instants(),
        stopped_at=st.none() | instants(),
        updated_at=st.none() | instants(),
        account=st.just({})
        | st.fixed_dictionaries(
            {},
            optional={
                "instruments": st.lists(_instruments(text), max_size=2).map(
                    lambda few: {each.symbol: each for each in few}
                ),
                "balances": amounts_by_currency(text),
                "rates": amounts_by_currency(text),
                "opening_balances": amounts_by_currency(text),
                "net_deposits": amounts(),
                "income": amounts(),
                "currency_pnl": amounts(),
                "other_value": amounts(),
            },
        ),
        entries=st.just([]) | st.lists(ledger_entries(text), max_size=2, unique_by=lambda each: each.id),
        closed=st.just([]) | st.lists(closed_orders(text), max_size=2, unique_by=lambda each: each.id),
    )


def closed_orders(text=None):
    """Orders that are closed."""
    statuses = st.sampled_from([OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED])
    return st.builds(
        lambda order, status, at: dataclasses.replace(order, filled_quantity=0, status=status, closed_at=at),
        orders(text),
        statuses,
        instants(),
    )


def trades(symbols=("AAPL", "EURUSD"), *, max_size=20):
    """Realistic fills of these symbols, each with an id of its own, in random order of sides and sizes."""
    one = st.tuples(st.sampled_from(symbols), st.sampled_from(Side), quantities(), prices(), fees())
    return st.lists(one, max_size=max_size).map(
        lambda several: [
            Fill(f"fill-{place}", *each, executed_at=datetime(2024, 1, 2, tzinfo=UTC) + timedelta(minutes=place))
            for place, each in enumerate(several)
        ]
    )


def hostile_contexts():
    """Decimal contexts that would round, or raise, wherever the caller's own context were used."""
    every_trap = list(decimal.Context().flags)
    return st.sampled_from(
        [
            decimal.Context(prec=3),
            decimal.Context(prec=1, rounding=decimal.ROUND_UP, Emin=-3, Emax=3),
            decimal.Context(prec=3, traps=every_trap),
            decimal.Context(prec=28, capitals=0, clamp=1, traps=[decimal.Inexact, decimal.FloatOperation]),
        ]
    )


def _order(filled, quantity, **fields):
    return Order(quantity=quantity, filled_quantity=min(filled, quantity), **fields)


def _session(fills, points, account, entries, closed, **fields):
    currencies = {each.currency for each in fields["positions"].values()} | {each.fee_currency for each in fills}
    currencies = {*currencies, *(each.currency for each in account.get("instruments", {}).values())} - {None}
    account = {"opening_worth": 0, **account}
    account["rates"] = dict.fromkeys(
        [*currencies, *account.get("balances", ()), *account.get("opening_balances", ())], Decimal(2)
    ) | account.get("rates", {})
    session = PaperTradingSession(**fields, **account)
    for place, entry in enumerate(entries):
        session.new_ledger_entries.book(entry, min(place, len(fills)))
    session.new_closed_orders.extend(each for each in closed if each.id not in session.open_orders)
    for fill in fills:
        session.record_fill(fill)
    for point in points:
        session.record_equity(point)
    return session
