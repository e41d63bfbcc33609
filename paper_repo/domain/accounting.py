"""Average-cost accounting on a position's cost basis, long and short, through zero.

The average-cost method values what is sold at the average of what was paid for all that is held (in the United States
IRS Publication 550, "Average basis"; internationally IAS 2, weighted average cost). It is applied to the *total* cost,
not to the average price: part of a position takes its share of the cost basis with it, the rest keeps the difference,
and what closes a position takes all that is left. So nothing is ever lost to rounding, and

    equity == initial_cash + realized_pnl + unrealized_pnl - fees_paid

holds to the last digit after any sequence of fills and marks.
"""

from __future__ import annotations

from decimal import Decimal

from paper_repo.domain.trading import Fill, Position
from paper_repo.domain.values import EXACT, ROUNDED

SHARE_DIGITS = 28
"""To how many significant digits of the cost basis a part of a position takes its share of it."""

_ROUNDING = ROUNDED.copy()
_ROUNDING.prec = EXACT.prec


def after_fill(position: Position | None, fill: Fill) -> tuple[Position | None, Decimal]:
    """The position that `fill` leaves behind (None: closed), and the profit or loss it realizes, before its fee."""
    traded = fill.signed_quantity
    if position is None:
        return Position.open(fill.symbol, traded, fill.price, fill.executed_at), Decimal(0)
    if _same_direction(position.quantity, traded):
        return _grown(position, traded, fill.price), Decimal(0)
    if traded.copy_abs() < position.quantity.copy_abs():
        return _reduced(position, traded, fill.price)
    gain = _gain(EXACT.minus(position.quantity), fill.price, position.cost_basis)
    rest = EXACT.add(position.quantity, traded)
    return (Position.open(fill.symbol, rest, fill.price, fill.executed_at) if rest else None), gain


def notional(fill: Fill) -> Decimal:
    """What the fill takes from cash before its fee; below zero for a sale."""
    return EXACT.multiply(fill.signed_quantity, fill.price)


def _grown(position: Position, traded: Decimal, price: Decimal) -> Position:
    return Position(
        position.symbol,
        EXACT.add(position.quantity, traded),
        EXACT.add(position.cost_basis, EXACT.multiply(traded, price)),
        price,
        position.opened_at,
        position.realized_pnl,
    )


def _reduced(position: Position, traded: Decimal, price: Decimal) -> tuple[Position, Decimal]:
    share = _share(position.cost_basis, EXACT.minus(traded), position.quantity)
    gain = _gain(traded, price, share)
    rest = Position(
        position.symbol,
        EXACT.add(position.quantity, traded),
        EXACT.subtract(position.cost_basis, share),
        price,
        position.opened_at,
        EXACT.add(position.realized_pnl, gain),
    )
    return rest, gain


def _gain(traded: Decimal, price: Decimal, cost: Decimal) -> Decimal:
    """What trading `traded` at `price` brings in beyond the cost of what it closes."""
    return EXACT.subtract(EXACT.minus(EXACT.multiply(traded, price)), cost)


def _share(basis: Decimal, part: Decimal, whole: Decimal) -> Decimal:
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
