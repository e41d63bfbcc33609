"""Winners and losers among closed trades, counted one by one; and a fast way to the gains of trades in plain fills.

Most accounts trade in one currency, and their fills name no position and are never corrected. The gain of such a trade
is what its fills received, less what they paid and their fees, and no lots need to be matched. Only where a fill turns
the position is its fee divided between the two trades, as in `round_trips`.
"""

from __future__ import annotations

import decimal
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from paper_repo.domain.lots import Lot
from paper_repo.domain.trading import Side
from paper_repo.domain.values import EXACT, ROUNDED

_CACHED = 4096
"""How many parsed amounts are kept, since quantities and fees repeat."""


class TradeFigures:
    """Figures of trades, whose gains after fees are added one by one."""

    def __init__(self) -> None:
        self.count: int = 0
        self._wins = self._losses = 0
        self._won = self._lost = Decimal(0)

    def add(self, gain: Decimal) -> None:
        """Count a trade that has gained this much after its fees."""
        self.count += 1
        if gain > 0:
            self._wins += 1
            self._won = EXACT.add(self._won, gain)
        elif gain < 0:
            self._losses += 1
            self._lost = EXACT.add(self._lost, gain)

    def win_rate(self) -> float | None:
        """The share of the winners among those that won or lost."""
        decided = self._wins + self._losses
        return self._wins / decided if decided else None

    def profit_factor(self) -> float | None:
        """What the winners gained over what the losers lost."""
        return float(ROUNDED.divide(self._won, EXACT.minus(self._lost))) if self._losses else None

    def average_win(self) -> Decimal | None:
        """What a winner gained."""
        return ROUNDED.divide(self._won, Decimal(self._wins)) if self._wins else None

    def average_loss(self) -> Decimal | None:
        """What a loser lost, below zero."""
        return ROUNDED.divide(self._lost, Decimal(self._losses)) if self._losses else None


class PlainFill(NamedTuple):
    """The parts of a plain fill that count, as text."""

    symbol: str
    side: str
    quantity: str
    price: str
    fee: str


class PlainTrades:
    """The gains of the trades that plain fills make up.

    Args:
        multipliers: of the symbols whose multiplier is not 1.
    """

    def __init__(self, multipliers: Mapping[str, Decimal]) -> None:
        self._multipliers = multipliers
        self._open: dict[str, _OpenPosition] = {}
        self._amounts: dict[str, Decimal] = {}

    def closed_by(self, fills: Iterable[tuple[str, str, str, str, str]]) -> list[Decimal]:
        """What the trades have gained after fees that are closed by these fills, which follow those of before.

        Raises:
            decimal.InvalidOperation: an amount is none.
        """
        gains: list[Decimal] = []
        positions, amounts, multipliers = self._open, self._amounts, self._multipliers
        with decimal.localcontext(EXACT):  # operators are a third faster than the methods of a context
            for symbol, side, quantity_text, price, fee_text in fills:
                quantity, fee = amounts.get(quantity_text), amounts.get(fee_text)
                if quantity is None:
                    quantity = self._amount(quantity_text)
                if fee is None:
                    fee = self._amount(fee_text)
                value = quantity * Decimal(price)
                if multipliers and symbol in multipliers:
                    value *= multipliers[symbol]
                paid = value if side == "BUY" else -value
                position = positions.get(symbol)
                if position is None:
                    positions[symbol] = _OpenPosition(side, quantity, -paid - fee)
                elif position.side == side:
                    position.held += quantity
                    position.moves.append(quantity)
                    position.gain -= paid + fee
                elif quantity < position.held:
                    position.held -= quantity
                    position.moves.append(-quantity)
                    position.gain -= paid + fee
                elif quantity == position.held:
                    gains.append(position.gain - paid - fee)
                    del positions[symbol]
                else:
                    turning = PlainFill(symbol, side, quantity_text, price, fee_text)
                    gains.append(self._turn(position, turning))
        return gains

    def _turn(self, position: _OpenPosition, fill: PlainFill) -> Decimal:
        """Close a position by a fill of which something is left, which opens the other side."""
        multiplier = self._multipliers.get(fill.symbol, Decimal(1))
        quantity, price, fee = Decimal(fill.quantity), Decimal(fill.price), Decimal(fill.fee)
        lot = Lot(Side(fill.side), quantity, price, _NEVER, multiplier=multiplier, fee=fee)
        sign = 1 if fill.side == "SELL" else -1
        gain = position.gain
        for part in position.lots():
            taken = lot.take(part)
            gain += sign * taken.value - taken.fee
        rest = lot.quantity
        left = lot.take(rest)
        self._open[fill.symbol] = _OpenPosition(fill.side, rest, sign * left.value - left.fee)
        return gain

    def _amount(self, text: str) -> Decimal:
        if len(self._amounts) >= _CACHED:
            self._amounts.clear()
        return self._amounts.setdefault(text, Decimal(text))


class _OpenPosition:
    """What is held, what it has brought in so far after fees, and the quantities that were added and taken away."""

    __slots__ = ("gain", "held", "moves", "side")

    def __init__(self, side: str, held: Decimal, gain: Decimal) -> None:
        self.side = side
        self.held = held
        self.gain = gain
        self.moves = [held]

    def lots(self) -> Iterable[Decimal]:
        """What is left of each fill that has opened it, first in, first out."""
        lots: deque[Decimal] = deque()
        for move in self.moves:
            if move > 0:
                lots.append(move)
                continue
            taken = -move
            while taken:
                part = min(taken, lots[0])
                taken -= part
                lots[0] -= part
                if not lots[0]:
                    lots.popleft()
        return lots


_NEVER = datetime.min.replace(tzinfo=UTC)
