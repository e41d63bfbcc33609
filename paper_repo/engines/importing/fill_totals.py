"""What the rows of a table of fills state of totals, profits and balances, to be compared with what is booked."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from paper_repo.engines.importing.fill_columns import FillColumns
from paper_repo.engines.importing.proportions import ROWS, Money, Proportion
from paper_repo.engines.importing.records import Figure, SourceFill, Stated

UNSTATED_FEE = 0.005
"""The largest share of a total that a fee which no column states may be."""


class FillTotals:
    """Adds up what each row of a table states beside its fill."""

    def __init__(self, columns: FillColumns) -> None:
        self._columns = columns
        self._draft = columns.draft
        self._totals: dict[str | None, Money] = {}
        self._pnls = Money()
        self._last_balance: tuple[int, Decimal] | None = None

    def add(self, row: Sequence[str], fill: SourceFill, has_price: bool, units: tuple[str, ...]) -> None:
        """Note what a row states of its total, its profit and the balance after it."""
        columns = self._columns
        numbers, read = columns.numbers, columns.table.number
        if has_price and (total := read(numbers, row, fill.row, columns.total, units)) is not None:
            self._add_total(fill, total.text)
        if (pnl := read(numbers, row, fill.row, columns.pnl)) is not None:
            self._pnls.add(pnl.text)
        if (balance := read(numbers, row, fill.row, columns.balance, units)) is not None and (
            self._last_balance is None or fill.at >= self._last_balance[0]
        ):
            self._last_balance = (fill.at, Decimal(balance.text))

    def _add_total(self, fill: SourceFill, total: str) -> None:
        sums = self._totals.get(fill.currency)
        if sums is None:
            sums = self._totals[fill.currency] = Money()
        sums.add(total.removeprefix("-"))
        proportions = self._columns.proportions
        each = proportions.get(fill.symbol)
        if each is None:
            each = proportions[fill.symbol] = Proportion()
        if each.rows < ROWS:
            slack = max(abs(float(fill.fee)), abs(float(total)) * UNSTATED_FEE)  # fees may be in it, or not
            each.add(total, float(fill.quantity) * float(fill.price), slack)

    def state(self) -> None:
        """Give the draft what is compared."""
        columns, draft, names = self._columns, self._draft, self._columns.headings.names
        if columns.total is not None:
            name = names[columns.total]
            draft.turnover = {
                currency: Stated(f"sum of {name}", "turnover", each.sum, each.rounding)
                for currency, each in self._totals.items()
            }
            if columns.fee is None:
                draft.reasons.append(f"no column of fees is there, and {name} may contain some")
        if columns.pnl is not None and self._pnls.rows:
            name = names[columns.pnl]
            figure: Figure = "net profit of closed trades" if "net" in name.casefold() else "profit"
            draft.stated.append(Stated(f"sum of {name}", figure, self._pnls.sum, self._pnls.rounding))
        if columns.balance is not None and self._last_balance is not None:
            self._state_balance(names[columns.balance], self._last_balance[1])

    def _state_balance(self, name: str, balance: Decimal) -> None:
        if self._draft.options.initial_cash is not None:
            self._draft.stated.append(Stated("last balance", "cash", balance))
        else:
            self._draft.notes.append(f"the last {name} is {balance}; with initial_cash=... (--cash) it is compared")
