"""Sums and proportions of what rows state: what a total implies that no column says."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from decimal import Decimal

from paper_repo.domain.values import EXACT

ZERO, HALF = Decimal(0), Decimal("0.5")
FINEST = -18
ROWS = 1000
"""How many rows of a symbol tell its multiplier."""


@dataclass(slots=True)
class Money:
    """What rows state of one amount, and how exactly."""

    sum: Decimal = ZERO
    rows: int = 0
    _places: dict[int, int] = field(default_factory=dict)

    def add(self, text: str) -> None:
        """Count one more."""
        self.rows += 1
        self.sum = EXACT.add(self.sum, Decimal(text))
        places = decimals(text)
        self._places[places] = self._places.get(places, 0) + 1

    @property
    def rounding(self) -> Decimal:
        """By how much the sum may be wrong, if every row was rounded."""
        return sum((HALF.scaleb(max(-places, FINEST)) * rows for places, rows in self._places.items()), ZERO)


class Proportion:
    """The multiplier that explains what rows state, as far as their rounding leaves it open."""

    __slots__ = ("_high", "_low", "rows")

    def __init__(self) -> None:
        self._low, self._high = 0.0, math.inf
        self.rows: int = 0

    def add(self, stated: str, computed: float, slack: float = 0.0) -> None:
        """Look at one more row.

        Args:
            stated: what the row says, as it is written.
            computed: what it would be with a multiplier of one.
            slack: what may have been added to it or taken away, as a fee.
        """
        if not computed or self.rows >= ROWS:
            return
        amount, computed = abs(float(stated)), abs(computed)
        slack = abs(slack) + 0.5000001 * 10.0 ** -decimals(stated) + amount * 1e-9
        self._low = max(self._low, (amount - slack) / computed)
        self._high = min(self._high, (amount + slack) / computed)
        self.rows += 1

    @property
    def multiplier(self) -> Decimal | None:
        """A multiplier that explains all rows: the roundest number; None where there is none, or 1 explains them."""
        if not self.rows or self._low > self._high or self._low <= 1 <= self._high or self._high <= 0:
            return None
        middle = (self._low + self._high) / 2
        for digits in range(1, 8):
            found = float(f"{middle:.{digits - 1}e}")
            if self._low <= found <= self._high:
                is_sure = found >= 2 and found == int(found)
                return _plain(found) if is_sure or self.rows >= 3 else None
        return None


def _plain(number: float) -> Decimal:
    """The number without an exponent."""
    return Decimal(f"{Decimal(repr(number)).normalize():f}")


def decimals(text: str) -> int:
    """How many decimals a number is written with."""
    if "E" in text:
        return -int(Decimal(text).as_tuple().exponent)
    _, _, fraction = text.partition(".")
    return len(fraction)


def split_fee(total: Decimal, values: list[Decimal]) -> list[Decimal]:
    """A fee of an entry and an exit, shared by what each was worth; the exit has the rest."""
    worth = values[0] + values[1]
    if not total or not worth:
        return [total, ZERO]
    places = max(int(total.as_tuple().exponent), -20) - 4
    entry = (total * values[0] / worth).quantize(Decimal((0, (1,), places))).normalize()
    entry = entry.quantize(Decimal(1)) if entry == entry.to_integral_value() else entry
    return [entry, EXACT.subtract(total, entry)]
