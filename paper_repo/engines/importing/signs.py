"""On which side of zero the amounts of a column are: which of them are costs."""

from __future__ import annotations

import re
from collections.abc import Sequence

_ABOVE_ZERO = re.compile(r"[0-9.,]*[1-9][0-9.,]*").fullmatch
_NOTHING = ("nan", "none", "null", "n/a")


class Signs:
    """Counts the amounts of one column that are above zero and those below it."""

    def __init__(self, column: int) -> None:
        self.column = column
        self.above: int = 0
        self.below: int = 0

    def look(self, row: Sequence[str]) -> None:
        """Count the amount of a row."""
        cell = row[self.column]
        if _ABOVE_ZERO(cell):
            self.above += 1
            return  # as nearly always
        cell = cell.strip().replace("−", "-")
        if cell.strip("-0., ") and cell.casefold() not in _NOTHING:
            if cell[0] in "-(" or cell[-1] == "-" or cell[1:2] == "-":
                self.below += 1
            else:
                self.above += 1
