"""What an import compares with the figures of a file: trades matched first in first out, and sums over all fills."""

from __future__ import annotations

from collections import deque
from decimal import Decimal

from paper_repo.domain import Fill, Instrument, PaperTradingSession
from paper_repo.domain.positions import ONE
from paper_repo.domain.trading import Side
from paper_repo.domain.values import EXACT, ROUNDED

ZERO = Decimal(0)


class _Holding:
    """An open position: its lots, the oldest first, and what has been paid and received for it since it was opened."""

    __slots__ = ("is_long", "lots", "paid")

    def __init__(self, is_long: bool) -> None:
        self.is_long = is_long
        self.lots: deque[tuple[Decimal, Decimal, Decimal, Decimal]] = deque()
        """What is left of each, what one unit was worth, and the quantity and the fee that it came with."""
        self.paid = ZERO
        """With fees, in the base currency; below zero for what was received."""


class Tally:
    """Counts the trades of a session as its fills are booked; what is closed is forgotten.

    What trades have gained needs no matching: it is what came in less what went out, and less what is still open.
    """

    def __init__(self, session: PaperTradingSession) -> None:
        self._instruments: dict[str, Instrument] = session.instruments
        self._open: dict[str, _Holding] = {}
        self._closed = ZERO
        self._before = ZERO
        self.fills: int = 0
        self.round_trips: int = 0
        self.trades: int = 0
        self.won: int = 0
        self.lost: int = 0

    def begin(self) -> None:
        """Count from here on: what was added so far is only what the account began with."""
        self._before = self.net_pnl
        self.fills = self.round_trips = self.trades = self.won = self.lost = 0

    def add(self, fill: Fill) -> None:
        """Count a fill that was booked."""
        self.fills += 1
        key = fill.position_id or fill.symbol
        is_long = fill.side is Side.BUY
        holding = self._open.get(key)
        if holding is None:
            holding = self._open[key] = _Holding(is_long)
        left = quantity = fill.quantity
        unit, fee = self._unit(fill), _fee(fill)
        value = EXACT.multiply(quantity, unit)
        if holding.is_long is is_long:
            holding.lots.append((quantity, unit, quantity, fee))
            self._pay(holding, value, fee, is_long)
            return
        lots = holding.lots
        while left and lots:
            held = lots[0][0]
            self.round_trips += 1
            if held <= left:
                lots.popleft()
                left = EXACT.subtract(left, held)
            else:
                lots[0] = (EXACT.subtract(held, left), *lots[0][1:])
                left = ZERO
        if left:
            rest_value, rest_fee = EXACT.multiply(left, unit), _share(fee, left, quantity)
            value, fee = EXACT.subtract(value, rest_value), EXACT.subtract(fee, rest_fee)
        self._pay(holding, value, fee, is_long)
        if not lots:
            self._close(self._open.pop(key))
        if left:
            turned = self._open[key] = _Holding(is_long)
            turned.lots.append((left, unit, left, rest_fee))
            self._pay(turned, rest_value, rest_fee, is_long)

    @property
    def net_pnl(self) -> Decimal:
        """Of all that was closed, after its fees."""
        total = EXACT.subtract(self._closed, self._before)
        for holding in self._open.values():
            total = EXACT.subtract(total, holding.paid)
            for left, unit, quantity, fee in holding.lots:
                value = EXACT.multiply(left, unit)
                paid = EXACT.add(value if holding.is_long else EXACT.minus(value), _share(fee, left, quantity))
                total = EXACT.add(total, paid)
        return total

    def _unit(self, fill: Fill) -> Decimal:
        """What one unit was worth, in the base currency."""
        unit = fill.price
        instrument = self._instruments.get(fill.symbol)
        if instrument is not None and instrument.multiplier != ONE:
            unit = EXACT.multiply(unit, instrument.multiplier)
        return unit if fill.rate is None else EXACT.multiply(unit, fill.rate)

    def _pay(self, holding: _Holding, value: Decimal, fee: Decimal, is_long: bool) -> None:
        paid = EXACT.add(holding.paid, value) if is_long else EXACT.subtract(holding.paid, value)
        holding.paid = EXACT.add(paid, fee)

    def _close(self, holding: _Holding) -> None:
        self.trades += 1
        self.won += holding.paid < 0
        self.lost += holding.paid > 0
        self._closed = EXACT.subtract(self._closed, holding.paid)


def _fee(fill: Fill) -> Decimal:
    return fill.fee if fill.fee_rate is None else EXACT.multiply(fill.fee, fill.fee_rate)


def _share(amount: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    if part == whole or not amount:
        return amount
    return ROUNDED.divide(EXACT.multiply(amount, part), whole)
