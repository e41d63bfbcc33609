"""Average-cost accounting on a position's cost basis, long and short, through zero.

The average-cost method values what is sold at the average of what was paid for all that is held (in the United States
IRS Publication 550, "Average basis"; internationally IAS 2, weighted average cost). It is applied to the *total* cost,
not to the average price: part of a position takes its share of the cost basis with it, the rest keeps the difference,
and what closes a position takes all that is left. So nothing is ever lost to rounding, and

    equity == initial_cash + realized_pnl + unrealized_pnl - fees_paid

holds to the last digit after any sequence of fills and marks. Everything here is in the currency of the position; what
it is in a session's base currency is told in `books.py`.
"""

from __future__ import annotations

from decimal import Decimal

from paper_repo.domain.instruments import Instrument
from paper_repo.domain.positions import Position
from paper_repo.domain.trading import Fill
from paper_repo.domain.values import EXACT, ROUNDED, amount

SHARE_DIGITS = 28
"""To how many significant digits of the cost basis a part of a position takes its share of it."""

_ROUNDING = ROUNDED.copy()
_ROUNDING.prec = EXACT.prec


def after_fill(
    position: Position | None, fill: Fill, spec: Instrument | Position | None = None
) -> tuple[Position | None, Decimal]:
    """The position that `fill` leaves behind (None: closed), and the profit or loss it realizes, before its fee.

    Args:
        spec: the terms of what it may open: its instrument's, or those of the position that it turns.
    """
    return after_trade(position, fill.signed_quantity, fill, position or spec)


def after_trade(
    position: Position | None, traded: Decimal, fill: Fill, spec: Instrument | Position | None
) -> tuple[Position | None, Decimal]:
    """The position after `traded` (below zero for a sale) at the price of `fill`, and what that realizes."""
    if position is None:
        return _opened(traded, fill, spec), Decimal(0)
    if _same_direction(position.quantity, traded):
        return _grown(position, traded, fill.price), Decimal(0)
    if traded.copy_abs() < position.quantity.copy_abs():
        return _reduced(position, traded, fill.price)
    gain = _gain(value(EXACT.minus(position.quantity), fill.price, position.multiplier), position.cost_basis)
    rest = EXACT.add(position.quantity, traded)
    return (_opened(rest, fill, spec) if rest else None), gain


def value(quantity: Decimal, price: Decimal, multiplier: Decimal) -> Decimal:
    """What this quantity stands for at this price; below zero for a sale or a short position."""
    plain = EXACT.multiply(quantity, price)
    return plain if multiplier == 1 else EXACT.multiply(plain, multiplier)


def notional(fill: Fill, multiplier: Decimal = Decimal(1)) -> Decimal:
    """What the fill takes from cash before its fee, in the currency of its price; below zero for a sale."""
    return value(fill.signed_quantity, fill.price, multiplier)


def _opened(quantity: Decimal, fill: Fill, spec: Instrument | Position | None) -> Position:
    if spec is None and fill.position_id is None:
        return Position.open(fill.symbol, quantity, fill.price, fill.executed_at)
    spec = spec or Instrument(fill.symbol)
    return Position(
        fill.symbol,
        quantity,
        value(quantity, fill.price, spec.multiplier),
        fill.price,
        fill.executed_at,
        currency=spec.currency,
        multiplier=spec.multiplier,
        settlement=spec.settlement,
        position_id=fill.position_id,
    )


def _grown(position: Position, traded: Decimal, price: Decimal) -> Position:
    cost = EXACT.add(position.cost_basis, value(traded, price, position.multiplier))
    quantity = amount(EXACT.add(position.quantity, traded), "quantity")
    return position.after_trade(quantity, amount(cost, "cost_basis"), price, position.realized_pnl)


def _reduced(position: Position, traded: Decimal, price: Decimal) -> tuple[Position, Decimal]:
    cost = share(position.cost_basis, EXACT.minus(traded), position.quantity)
    gain = _gain(value(traded, price, position.multiplier), cost)
    rest = position.after_trade(
        amount(EXACT.add(position.quantity, traded), "quantity"),
        amount(EXACT.subtract(position.cost_basis, cost), "cost_basis"),
        price,
        amount(EXACT.add(position.realized_pnl, gain), "realized_pnl"),
    )
    return rest, gain


def _gain(paid: Decimal, cost: Decimal) -> Decimal:
    """What a trade for which `paid` goes out (below zero: comes in) brings beyond the cost of what it closes."""
    return EXACT.subtract(EXACT.minus(paid), cost)


def share(basis: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """`basis * part / whole`, rounded at the 28th digit of the basis, or at its last one if it has more."""
    if not basis:
        return basis
    last_place = min(int(basis.as_tuple().exponent), basis.adjusted() - SHARE_DIGITS + 1)
    rounding = ROUNDED.copy()
    rounding.prec = basis.adjusted() - last_place + 2
    quotient = rounding.divide(EXACT.multiply(basis, part), whole)
    return _shortest(quotient.quantize(Decimal((0, (1,), last_place)), context=_ROUNDING), basis)


def _shortest(share: Decimal, basis: Decimal) -> Decimal:
    """`share` with no more places than the basis has, where that changes nothing."""
    plain = share.quantize(basis, context=_ROUNDING)
    return plain if plain == share else share


def _same_direction(one: Decimal, other: Decimal) -> bool:
    return (one > 0) == (other > 0)
