"""Sums and proportions of what rows state: what a total implies that no column says."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from paper_repo.domain.values import EXACT

ZERO, HALF = Decimal(0), Decimal("0.5")


@dataclass(slots=True)
class Money:
    """What rows state of one amount, and how exactly."""

    sum: Decimal = ZERO
    rounding: Decimal = ZERO
    rows: int = 0

    def add(self, value: Decimal) -> None:
        """Count one more."""
        self.rows += 1
        self.sum = EXACT.add(self.sum, value)
        exponent = value.as_tuple().exponent
        self.rounding += HALF.scaleb(max(exponent, -18)) if isinstance(exponent, int) else ZERO


@dataclass(slots=True)
class Proportion:
    """The ratio of what rows state and what they should, as long as it is the same for all of them."""

    low: float = float("inf")
    high: float = 0.0
    rows: int = 0

    def add(self, stated: float, computed: float) -> None:
        """Look at one more row."""
        if computed:
            ratio = abs(stated / computed)
            self.low, self.high = min(self.low, ratio), max(self.high, ratio)
            self.rows += 1

    @property
    def multiplier(self) -> Decimal | None:
        """A multiplier that explains all of them; None where there is none but one."""
        if not self.rows or self.high - self.low > 0.01 * self.high:
            return None
        middle = (self.low + self.high) / 2
        nearest = round(middle) if middle > 0.95 else round(middle, 4)
        if nearest in (0, 1) or abs(middle - nearest) > 0.005 * middle:
            return None
        return Decimal(repr(nearest))
