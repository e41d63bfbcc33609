"""What the rows of a table of fills state of totals, profits and balances, to be compared with what is booked."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from paper_repo.domain.values import EXACT
from paper_repo.engines.importing.fill_columns import FillColumns
from paper_repo.engines.importing.proportions import ROWS, Money, Proportion
from paper_repo.engines.importing.records import Figure, SourceFill, Stated
from paper_repo.engines.importing.turnover import EITHER

TOLD = {"BUY": "purchases", "SELL": "sales"}
UNSTATED_FEE = 0.005
"""The largest share of a total that a fee which no column states may be."""


class FillTotals:
    """Adds up what each row of a table states beside its fill."""

    def __init__(self, columns: FillColumns) -> None:
        self._columns = columns
        self._draft = columns.draft
        self._totals: dict[tuple[str | None, str], Money] = {}
        """By currency and side."""
        self._pnls = Money()
        self._last_balance: tuple[int, Decimal, Decimal] | None = None
        """The latest time, and the balances of the first and of the last row of that time."""

    def add(
        self, row: Sequence[str], fill: SourceFill, has_price: bool, units: tuple[str, ...], tax: Decimal
    ) -> None:  # fmt: skip
        """Note what a row states of its total, its profit and the balance after it."""
        columns = self._columns
        numbers, read = columns.numbers, columns.table.number
        if has_price and (total := read(numbers, row, fill.row, columns.total, units)) is not None:
            self._add_total(fill, total.text, tax)
        if (pnl := read(numbers, row, fill.row, columns.pnl)) is not None:
            self._pnls.add(pnl.text)
        self.note_balance(row, fill.row, fill.at, units)

    def note_balance(self, row: Sequence[str], line: int, at: int, units: tuple[str, ...] = ()) -> None:
        """Note the balance after a row, whatever kind of row it is."""
        columns, last = self._columns, self._last_balance
        found = columns.table.number(columns.numbers, row, line, columns.balance, units)
        if found is not None and (last is None or at >= last[0]):
            balance = Decimal(found.text)
            self._last_balance = (at, balance if last is None or at > last[0] else last[1], balance)

    def _add_total(self, fill: SourceFill, total: str, tax: Decimal) -> None:
        key = fill.currency, fill.side
        sums = self._totals.get(key)
        if sums is None:
            sums = self._totals[key] = Money()
        sums.add(total.removeprefix("-"))
        if tax:
            taxes = self._draft.taxes
            before = taxes.get(key, Decimal(0))
            taxes[key] = EXACT.add(before, tax) if fill.side == "BUY" else EXACT.subtract(before, tax)
        proportions = self._columns.proportions
        each = proportions.get(fill.symbol)
        if each is None:
            each = proportions[fill.symbol] = Proportion()
        if each.rows < ROWS:
            costs = abs(float(fill.fee)) + abs(float(tax))
            slack = max(costs, abs(float(total)) * UNSTATED_FEE)  # they may be in it, or not
            each.add(total, float(fill.quantity) * float(fill.price), slack)

    def state(self) -> None:
        """Give the draft what is compared."""
        columns, draft, names = self._columns, self._draft, self._columns.headings.names
        if columns.total is not None:
            name = names[columns.total]
            self._state_turnover(name)
            if columns.fee is None:
                draft.reasons.append(f"there is no fee column, and {name} may include fees")
        if columns.pnl is not None and self._pnls.rows:
            name = names[columns.pnl]
            figure: Figure = "net profit of closed trades" if "net" in name.casefold() else "profit"
            draft.stated.append(Stated(f"sum of {name}", figure, self._pnls.sum, self._pnls.rounding))
        self._state_balance()

    def _state_turnover(self, name: str) -> None:
        """Purchases and sales, or their one sum where a fill that closes what is open may be either."""
        draft, is_told = self._draft, all(side in TOLD for _, side in self._totals)
        for (currency, side), each in self._totals.items():
            key = currency, side if is_told else EITHER
            told = TOLD[side] if is_told else "purchases and sales"
            before = draft.turnover.get(key, Stated("", "turnover", Decimal(0)))
            draft.turnover[key] = Stated(
                f"{told} in {name}", "turnover", EXACT.add(before.value, each.sum), before.rounding + each.rounding
            )
        if not is_told:
            for (currency, _), amount in list(draft.taxes.items()):
                draft.taxes[currency, EITHER] = EXACT.add(draft.taxes.get((currency, EITHER), Decimal(0)), amount)

    def _state_balance(self) -> None:
        columns, draft, names = self._columns, self._draft, self._columns.headings.names
        if columns.balance is not None and self._last_balance is not None:
            _, first, last = self._last_balance
            draft.balance = Stated(f"last {names[columns.balance]}", "cash", first if draft.is_newest_first else last)
