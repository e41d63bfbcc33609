"""What was bought and what was sold, beside what the rows of a table say of it.

Both are compared apart: in one sum, the fees of purchases and of sales would cancel each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from paper_repo.domain import Side
from paper_repo.domain.values import EXACT
from paper_repo.engines.importing.records import Stated
from paper_repo.engines.importing.verdict import ComparedFigure, compared

ZERO = Decimal(0)
EITHER = ""
"""Instead of a side: both in one sum, where the rows do not tell which one a fill has."""


class Turnover:
    """Adds up the fills in the base currency.

    Args:
        stated: what the rows say, by side.
        taxes: by side, the taxes in rows that say it.
    """

    def __init__(self, stated: Mapping[str, Stated], taxes: Mapping[str, Decimal]) -> None:
        self._stated = stated
        self._taxes = taxes
        self._traded = dict.fromkeys((*Side, EITHER), ZERO)
        self._fees = dict.fromkeys((*Side, EITHER), ZERO)
        self.is_stated: bool = bool(stated)

    def add(self, side: Side, value: Decimal, fee: Decimal) -> None:
        """Count a fill: what it was worth at its price, and what it cost beside that."""
        cost = fee if side is Side.BUY else EXACT.minus(fee)
        for each in (side, EITHER):
            self._traded[each] = EXACT.add(self._traded[each], value)
            if fee:
                self._fees[each] = EXACT.add(self._fees[each], cost)

    def compared(self) -> list[ComparedFigure]:
        """What is stated beside what was booked: without fees, with them, or with taxes too, whichever is nearest."""
        sides = list(self._stated)
        with_fees = {side: EXACT.add(self._traded[side], self._fees[side]) for side in sides}
        with_taxes = {side: EXACT.add(with_fees[side], self._taxes.get(side, ZERO)) for side in sides}
        nearest = min((self._traded, with_fees, with_taxes), key=self._distance)
        return [compared(each, nearest[side]) for side, each in sorted(self._stated.items())]

    def _distance(self, booked: Mapping[str, Decimal]) -> Decimal:
        return sum((abs(booked[side] - each.value) for side, each in self._stated.items()), ZERO)
