"""The books of a session: what fills, cash flows, rates and prices do to its amounts.

Amounts of a currency other than the base currency lie in `balances`, and count at its last rate. Whatever is booked
keeps, to the last digit,

    equity == initial_cash + opening_worth + net_deposits + realized_pnl + unrealized_pnl + income + currency_pnl
              - fees_paid + other_value

- A trade changes nothing at its own price: CASH takes its value from the balance and adds it to the position, MARGIN
  pays its profit into the balance.
- When a rate changes, all that is held in that currency changes its worth. What part of it is unrealized P&L is counted
  there; the rest, the balance and the cost of CASH positions, is `currency_pnl`.

What changes the books is worked out as a `Booking` first, so that an error leaves the session as it was.
"""

from __future__ import annotations

import dataclasses
import decimal
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from paper_repo.domain import accounting
from paper_repo.domain.booking import Booking
from paper_repo.domain.holdings import Holdings
from paper_repo.domain.instruments import Instrument, Settlement
from paper_repo.domain.ledger import CashFlow, CashFlowKind
from paper_repo.domain.positions import ONE, Position
from paper_repo.domain.trading import Fill
from paper_repo.domain.values import EXACT, ZERO, Amount, amount, identifier, invalid, positive

if TYPE_CHECKING:
    from paper_repo.domain.session import PaperTradingSession

T = TypeVar("T")


class Valuation(NamedTuple):
    """What the open positions come to, in the base currency."""

    market_value: Decimal
    worth: Decimal
    """What they add to the account: the market value of CASH positions, the unrealized P&L of the others."""
    unrealized_pnl: Decimal


def valuation(session: PaperTradingSession) -> Valuation:
    """What the open positions of `session` come to at their last prices and rates."""
    with decimal.localcontext(EXACT):
        return _valuation(session)


def _valuation(session: PaperTradingSession) -> Valuation:
    """The same, in the present decimal context."""
    value = basis = ZERO  # of CASH positions in the base currency: nearly every one
    others = []
    one, cash = ONE, Settlement.CASH
    for position in session.positions.values():
        if position.currency is None and position.settlement is cash:
            worth = position.quantity * position.last_price
            value += worth if position.multiplier is one else worth * position.multiplier
            basis += position.cost_basis
        else:
            others.append(position)
    if not others:
        return Valuation(value, value, value - basis)
    other_value = other_worth = other_gain = ZERO
    for position in others:
        rate = rate_of(session, position.currency, f"positions.{position.id}.currency")
        other_value += position.market_value * rate
        other_worth += position.worth * rate
        other_gain += position.unrealized_pnl * rate
    return Valuation(value + other_value, value + other_worth, value - basis + other_gain)


class Figures(NamedTuple):
    """What a session comes to, in the base currency."""

    equity: Decimal
    net_pnl: Decimal


def figures(session: PaperTradingSession) -> Figures:
    """The equity of a session, and what it has gained."""
    with decimal.localcontext(EXACT):
        _, worth, unrealized_pnl = _valuation(session)
        other_value = session.other_value
        equity = session.cash + worth + other_value
        if session.balances:
            equity += balances_worth(session)
        gained = session.realized_pnl + unrealized_pnl + session.income + session.currency_pnl + other_value
        return Figures(equity, gained - session.fees_paid)


def are_opening(session: PaperTradingSession) -> bool:
    """Whether the session holds what it began with, and nothing that a booking would have to explain."""
    return (
        session.cash == session.initial_cash
        and session.positions == session.opening_positions
        and session.balances == session.opening_balances
        and not any((session.realized_pnl, session.fees_paid, session.net_deposits))
        and not any((session.income, session.currency_pnl))
    )


def mark(
    session: PaperTradingSession, prices: Mapping[str, Amount], rates: Mapping[str, Amount] | None, at: datetime
) -> Booking:
    """New prices and rates, and the equity point of what the session is worth then."""
    booking = Booking()
    booking.marked_at = at
    booking.positions.update(_marked(session, prices))
    if rates is not None:
        booking.fields.update(with_rates(session, rates)._asdict())
    return booking


def _marked(session: PaperTradingSession, prices: Mapping[str, Amount]) -> dict[str, Position]:
    """By key, the positions in the symbols of `prices` at these prices."""
    positions = session.positions
    found = {
        symbol: positions[symbol].marked(price)
        for symbol, price in prices.items()
        if symbol in positions and positions[symbol].position_id is None
    }
    for key, position in positions.items():
        if position.position_id is not None and position.symbol in prices:
            found[key] = position.marked(prices[position.symbol])
    if len(found) < len(positions):
        _require_no_other_case(session, prices)
    return found


def _require_no_other_case(session: PaperTradingSession, prices: Mapping[str, Amount]) -> None:
    """Refuse the price of a symbol that differs from a held one without a price in upper and lower case only."""
    given = {symbol.casefold(): symbol for symbol in prices}
    for position in session.positions.values():
        other = given.get(position.symbol.casefold(), position.symbol)
        if position.symbol not in prices and other != position.symbol:
            raise invalid(
                f"prices.{other}", f"{position.symbol!r} is held; spell the symbol like that, or leave the price out."
            )


def balances_worth(session: PaperTradingSession) -> Decimal:
    """What the balances in other currencies are worth, in the base currency."""
    worth = ZERO
    for currency, balance in session.balances.items():
        worth = EXACT.add(worth, EXACT.multiply(balance, rate_of(session, currency, f"balances.{currency}")))
    return worth


def opening_worth(session: PaperTradingSession) -> Decimal:
    """What was held when the session began was worth then: CASH positions at their cost, balances at their rates."""
    with decimal.localcontext(EXACT):
        worth = ZERO
        for name, position in session.opening_positions.items():
            if position.settlement is Settlement.CASH:
                worth += position.cost_basis * rate_of(session, position.currency, f"opening_positions.{name}.currency")
        for currency, balance in session.opening_balances.items():
            worth += balance * rate_of(session, currency, f"opening_balances.{currency}")
        return amount(worth, "opening_worth")


def rate_of(session: PaperTradingSession, currency: str | None, path: str) -> Decimal:
    """The price of one unit of `currency` (None: the base currency) in the base currency."""
    if currency is None or currency == session.base_currency:
        return ONE
    rate = session.rates.get(currency)
    if rate is None:
        raise invalid(
            path,
            f"{currency} has no rate in {session.base_currency}; give it first: "
            f"session.update_rates({{{currency!r}: ...}}), or rates={{{currency!r}: ...}} for a new session.",
        )
    return rate


# Rates


class Rates(NamedTuple):
    """The rates of a session after a change, and what it has gained by it."""

    rates: Holdings[Decimal]
    currency_pnl: Decimal


def with_rates(session: PaperTradingSession, new: Mapping[str, Amount]) -> Rates:
    """The rates after `new` ones have come."""
    rates, gained = Holdings(session.rates), session.currency_pnl
    rates.was_changed = session.__dict__["rates"].was_changed
    for name, value in new.items():
        currency, rate = identifier(name, "rates"), positive(value, f"rates.{name}")
        if currency == session.base_currency:
            if rate != 1:
                raise invalid(f"rates.{currency}", "is the base currency, which is always worth 1.")
            continue
        before = rates.get(currency)
        rates.keep(currency, rate)
        if before is not None and before != rate:
            gained = EXACT.add(gained, EXACT.multiply(_exposed(session, currency), EXACT.subtract(rate, before)))
    return Rates(rates, amount(gained, "currency_pnl"))


def update_rates(session: PaperTradingSession, rates: Mapping[str, Amount]) -> Booking:
    """New rates, and what they gain."""
    booking = Booking()
    booking.fields.update(with_rates(session, rates)._asdict())
    return booking


def _exposed(session: PaperTradingSession, currency: str) -> Decimal:
    """What is held in `currency` beside unrealized P&L: the balance, and the cost of CASH positions."""
    held = session.balances.get(currency, ZERO)
    for position in session.positions.values():
        if position.currency == currency and position.settlement is Settlement.CASH:
            held = EXACT.add(held, position.cost_basis)
    return held


# Fills


def fill(session: PaperTradingSession, fill: Fill) -> Booking:
    """What a fill changes; it is noted with the rates by which it is booked."""
    key = fill.position_id or fill.symbol
    position = session.positions.get(key)
    if position is not None and position.symbol != fill.symbol:
        raise invalid(
            f"positions.{key}", f"is in {position.symbol}; fill {fill.id!r} of {fill.symbol} belongs to another one."
        )
    booking = Booking()
    instrument = session.instruments.get(fill.symbol)
    is_plain = position is None or (position.currency is None and position.settlement is Settlement.CASH)
    if is_plain and instrument is None and not (fill.fee_currency or fill.rate or fill.fee_rate):
        booking.fill = fill
        booking.positions[key] = _book_plain(session, booking, fill, position)
    else:
        booking.positions[key] = _book_in_currencies(session, booking, fill, position)
    return booking


def _book_plain(
    session: PaperTradingSession, booking: Booking, fill: Fill, position: Position | None
) -> Position | None:
    """Book what is paid in full, in the base currency: nearly every fill."""
    after, gain = accounting.after_fill(position, fill)
    multiplier = ONE if position is None else position.multiplier
    paid = EXACT.add(accounting.notional(fill, multiplier), fill.fee)
    booking.fields["cash"] = amount(EXACT.subtract(session.cash, paid), "cash")
    booking.fields["realized_pnl"] = amount(EXACT.add(session.realized_pnl, gain), "realized_pnl")
    booking.fields["fees_paid"] = amount(EXACT.add(session.fees_paid, fill.fee), "fees_paid")
    return after


class _Terms(NamedTuple):
    """In which currencies a fill is booked (None: the base currency), and at which rates."""

    currency: str | None
    rate: Decimal
    fee_currency: str | None
    fee_rate: Decimal
    is_fee_in_kind: bool
    """Whether the fee is paid out of the position."""
    rates: Rates


def _terms(session: PaperTradingSession, fill: Fill, spec: Position | Instrument) -> _Terms:
    currency = _foreign(session, spec.currency)
    fee_currency = _foreign(session, fill.fee_currency) if fill.fee_currency else currency
    instrument = session.instruments.get(fill.symbol) or Instrument(fill.symbol)
    is_owned = spec.settlement is Settlement.CASH  # by which a position was opened, whatever its instrument says now
    in_kind = bool(is_owned and fee_currency not in (None, currency) and fee_currency == instrument.settled_asset)
    given: dict[str, Amount] = {}
    if fill.rate is not None:
        given[currency or session.base_currency] = fill.rate
    if fill.fee_rate is not None:
        name = fee_currency or session.base_currency
        if given.setdefault(name, fill.fee_rate) != fill.fee_rate:
            raise invalid("fee_rate", f"{fill.fee_rate} of fill {fill.id!r} is not its rate {fill.rate} of {name}.")
    after = with_rates(session, given)
    path = f"new_fills.{fill.id}"
    rate = _rate_in(after, session, currency, path)
    return _Terms(
        currency,
        rate,
        fee_currency,
        ONE if in_kind else _rate_in(after, session, fee_currency, path),
        in_kind,
        after,
    )


def _book_in_currencies(
    session: PaperTradingSession, booking: Booking, fill: Fill, position: Position | None
) -> Position | None:
    spec = position or session.instruments.get(fill.symbol) or Instrument(fill.symbol)
    terms = _terms(session, fill, spec)
    after, gain = accounting.after_fill(position, fill, spec)
    is_cash = spec.settlement is Settlement.CASH
    payments = [(terms.currency, EXACT.minus(accounting.notional(fill, spec.multiplier)) if is_cash else gain)]
    if terms.is_fee_in_kind:  # as if that much were sold at the price of the fill, and the fee paid by it
        if fill.fee:
            after, more = accounting.after_trade(after, EXACT.minus(fill.fee), fill, spec)
            gain = EXACT.add(gain, more)
        fee = EXACT.multiply(accounting.value(fill.fee, fill.price, spec.multiplier), terms.rate)
    else:
        payments.append((terms.fee_currency, EXACT.minus(fill.fee)))
        fee = EXACT.multiply(fill.fee, terms.fee_rate)
    realized = EXACT.add(session.realized_pnl, EXACT.multiply(gain, terms.rate))
    booking.fields.update(terms.rates._asdict())
    booking.fields["realized_pnl"] = amount(realized, "realized_pnl")
    booking.fields["fees_paid"] = amount(EXACT.add(session.fees_paid, fee), "fees_paid")
    _pay(session, booking, payments)
    booking.fill = dataclasses.replace(
        fill,
        rate=fill.rate if terms.currency is None else terms.rate,
        fee_rate=fill.fee_rate if terms.fee_currency is None or terms.is_fee_in_kind else terms.fee_rate,
    )
    return after


def _foreign(session: PaperTradingSession, currency: str | None) -> str | None:
    """`currency`, or None if it is the base currency."""
    return None if currency == session.base_currency else currency


def _rate_in(after: Rates, session: PaperTradingSession, currency: str | None, path: str) -> Decimal:
    if currency is None:
        return ONE
    return after.rates[currency] if currency in after.rates else rate_of(session, currency, path)


def _pay(session: PaperTradingSession, booking: Booking, payments: Iterable[tuple[str | None, Decimal]]) -> None:
    """Add these payments to cash (None: the base currency) and to the balances."""
    changed: dict[str | None, Decimal] = {}
    for currency, paid in payments:
        before = changed.get(currency)
        if before is None:
            before = session.cash if currency is None else session.balances.get(currency, ZERO)
        path = "cash" if currency is None else f"balances.{currency}"
        changed[currency] = amount(EXACT.add(before, paid), path)
    for currency, balance in changed.items():
        if currency is None:
            booking.fields["cash"] = balance
        else:
            booking.balances[currency] = balance or None


# Ledger entries


def cash_flow(session: PaperTradingSession, flow: CashFlow) -> Booking:
    """What a cash flow changes; it is noted with the rate by which it is booked."""
    currency = _foreign(session, flow.currency)
    after = with_rates(session, {} if flow.rate is None else {currency or session.base_currency: flow.rate})
    rate = _rate_in(after, session, currency, f"new_ledger_entries.{flow.id}")
    worth = EXACT.multiply(flow.amount, rate)
    name = _COUNTED_IN.get(flow.kind, "income")
    added = EXACT.minus(worth) if name == "fees_paid" else worth
    booking = Booking()
    booking.fields.update(after._asdict())
    booking.fields[name] = amount(EXACT.add(getattr(session, name), added), name)
    _pay(session, booking, [(currency, flow.amount)])
    booking.entry = dataclasses.replace(flow, rate=flow.rate if currency is None else rate)
    return booking


_COUNTED_IN = {
    CashFlowKind.DEPOSIT: "net_deposits",
    CashFlowKind.WITHDRAWAL: "net_deposits",
    CashFlowKind.FEE: "fees_paid",
}


def at_rates_of(booked: object, other: T) -> T:
    """`other` at the rates by which `booked`, of the same id, was booked; rates that it has itself stay."""
    if isinstance(booked, Fill) and isinstance(other, Fill):
        return dataclasses.replace(other, rate=other.rate or booked.rate, fee_rate=other.fee_rate or booked.fee_rate)
    if isinstance(booked, CashFlow) and isinstance(other, CashFlow):
        return dataclasses.replace(other, rate=other.rate or booked.rate)
    return other
