"""Which column of a table with a fill a row holds which field."""

from __future__ import annotations

from collections.abc import Sequence

from paper_repo.engines.importing.headings import folded
from paper_repo.engines.importing.meanings import DIRECTIONS, ENDING, OPENING, word
from paper_repo.engines.importing.table_rows import Rows, is_number
from paper_repo.engines.importing.tables import Table
from paper_repo.engines.importing.times import is_day

FILLED_QUANTITIES = frozenset(
    {"filledquantity", "filledqty", "executed", "executedqty", "execqty", "filled", "lastqty", "fillquantity"}
)
"""Headings of a quantity that was filled, even of an order that was cancelled later."""


class FillColumns(Rows):
    """The columns of a table with a fill a row; None where there is none."""

    def __init__(self, table: Table) -> None:
        super().__init__(table)
        self._choose_time()
        self._choose_trade()
        self._choose_amounts()
        self._choose_labels()
        self._check_side()

    def _choose_time(self) -> None:
        self.time, self.clock = self.time_columns("time", _is_date)

    def _choose_trade(self) -> None:
        headings, table = self.headings, self.table
        self.symbol: int | None = self.symbol_column()
        self.price: int = self._numeric("price", self.symbol)
        self.side: int | None = headings.mapped.get("side")
        if self.side is None:  # a column called type may hold market and limit
            sides = (each for each in headings.candidates("side") if table.filled(each, self.words.knows))
            self.side = next(sides, None)
        self.quantity: int = self._numeric("quantity", self.price, self.symbol)
        self.action: int | None = self._action_beside(self.side)
        self.kind: int | None = headings.column("kind", self.side)
        self.description: int | None = headings.column("description", self.symbol)

    def _choose_amounts(self) -> None:
        headings = self.headings
        self.fee: int | None = self.optional("fee", self.price, self.quantity)
        self.taxes: list[int] = self.numeric("tax", self.price, self.quantity, self.fee)
        used = (self.price, self.quantity, self.fee, *self.taxes)
        self.total: int | None = self.optional("total", *used)
        self.pnl: int | None = self.optional("pnl", *used, self.total)
        self.balance: int | None = self.optional("balance", *used, self.total)
        self.multiplier: int | None = self.optional("multiplier", *used)
        days = [each for each in range(len(headings.names)) if self.table.filled(each, is_day)]
        self.fee_currency: int | None = headings.column("fee_currency")
        self.currency = headings.column("currency", *days)  # in Germany, Valuta is a day
        if self.currency is None:
            self.currency = self._nameless_currency()

    def _choose_labels(self) -> None:
        headings = self.headings
        self.id: int | None = headings.column("id")
        self.order_id: int | None = headings.column("order_id", self.side)
        self.status: int | None = headings.column("status", self.side)
        self.code: int | None = headings.column("code", self.symbol)
        self.tag: int | None = headings.column("tag", self.side, self.symbol)

    def _check_side(self) -> None:
        """Where no column is the side, the quantity has to be one with a sign."""
        if self.side is not None:
            return
        if not self.table.filled(self.quantity, is_number):
            self.column("side")
        cells = [row[self.quantity].strip() for row in self.table.sample]
        if len(cells) > 1 and not any(cell.startswith(("-", "(", "−")) or cell.endswith("-") for cell in cells):
            raise self.draft.wrong(
                "no column is known to be the side, and no quantity is below zero; name it: "
                "columns={'side': ...} (--map side=COLUMN)"
            )

    def _action_beside(self, side: int | None) -> int | None:
        """The column that says whether a fill opens or ends what the side only calls long or short."""
        if side is None or not self.table.filled(side, lambda cell: word(cell) in DIRECTIONS):
            return None
        for each in self.headings.candidates("action"):
            if each != side and self.table.filled(each, lambda cell: word(cell) in OPENING or word(cell) in ENDING):
                return each
        return None

    def _nameless_currency(self) -> int | None:
        """The column to the right of the price, where it has no heading and holds currencies."""
        column = self.price + 1
        if column < len(self.headings.names) and not self.headings.names[column]:
            return column if self.table.filled(column, lambda cell: len(cell) == 3 and cell.isupper()) else None
        return None

    def time_of(self, row: Sequence[str], line: int) -> int:
        """When a row was."""
        return self.table.time(self.times, row, line, self.time, self.clock)

    @property
    def amounts(self) -> list[int]:
        """Those that hold numbers."""
        found = (self.price, self.quantity, self.fee, *self.taxes, self.total, self.pnl, self.balance, self.multiplier)
        return [each for each in found if each is not None]

    @property
    def used(self) -> list[int | None]:
        """Those that are read at all."""
        labels = (self.symbol, self.side, self.action, self.kind, self.id, self.order_id, self.status, self.code)
        return [*self.amounts, self.time, self.clock, *labels, self.tag, self.currency, self.fee_currency]

    @property
    def is_filled_quantity(self) -> bool:
        """Whether the quantity is what was filled, and not what was ordered."""
        return folded(self.headings.names[self.quantity]) in FILLED_QUANTITIES


def _is_date(cell: str) -> bool:
    """Whether a cell may be a date: it has digits, and is no time of day alone."""
    return cell[0].isalnum() and any(each.isdigit() for each in cell) and cell[1:2] != ":" and cell[2:3] != ":"
