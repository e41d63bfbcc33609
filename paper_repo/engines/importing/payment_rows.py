"""Money in a table of fills that is not a trade: payments, taxes on trades, and rows that are left out."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from paper_repo.domain.ledger import CashFlowKind
from paper_repo.domain.values import EXACT
from paper_repo.engines.importing.amounts import is_zero
from paper_repo.engines.importing.fill_columns import FillColumns
from paper_repo.engines.importing.fill_totals import FillTotals
from paper_repo.engines.importing.payment_words import PAID, SIGNED
from paper_repo.engines.importing.records import SourceFill, SourceFlow
from paper_repo.engines.importing.signs import Signs
from paper_repo.errors import SourceFileError

ZERO = Decimal(0)
COSTS = (CashFlowKind.WITHDRAWAL, CashFlowKind.FEE, CashFlowKind.TAX)


class Payments:
    """Takes what moves money beside the fills of a table."""

    def __init__(self, columns: FillColumns, totals: FillTotals) -> None:
        self._columns = columns
        self._draft = columns.draft
        self._totals = totals
        self._tax_signs = [Signs(each) for each in columns.taxes]
        self._has_taxes = False
        self._costs_below: frozenset[int] = frozenset()
        """The columns of taxes in which costs are below zero."""

    def look(self, row: list[str]) -> None:
        """Look at a row before any is read."""
        for each in self._tax_signs:
            each.look(row)

    def decide(self) -> None:
        """Tell costs from refunds in the columns of taxes, once every row was looked at."""
        names = self._columns.headings.names
        self._costs_below = frozenset(each.column for each in self._tax_signs if each.below > each.above)
        for each in self._tax_signs:
            if each.above and each.below:
                side = "above" if each.column in self._costs_below else "below"
                self._draft.notes.append(f"amounts {side} zero in column {names[each.column]!r} were taken as refunds")

    def take(self, row: list[str], line: int, kind: CashFlowKind, word: str) -> str:
        """Take the payment that the word of a row says; or why it is none."""
        columns = self._columns
        found = columns.table.number(columns.numbers, row, line, columns.total)
        if found is None:
            return f"{kind.lower()} without an amount"
        value = Decimal(found.text)
        if not value:
            return f"{kind.lower()} of nothing"
        if kind is CashFlowKind.DEPOSIT and value < 0:
            kind = CashFlowKind.WITHDRAWAL
        elif value > 0 and ((kind in COSTS and word not in SIGNED) or word in PAID):
            value = -value
        at = columns.time_of(row, line)
        self._draft.add_flow(
            SourceFlow(
                line,
                at,
                kind,
                str(value),
                columns.text_in(row, columns.currency) or found.unit or columns.currency_in(columns.total),
                columns.text_in(row, columns.symbol),
                columns.text_in(row, columns.id),
                self._beside(row, line),
            )
        )
        self._totals.note_balance(row, line, at)
        return ""

    def _beside(self, row: Sequence[str], line: int) -> dict[str, str] | None:
        """The fee and the tax in the row of a payment: its amount is what has moved."""
        columns = self._columns
        fee = columns.table.number(columns.numbers, row, line, columns.fee)
        tax = self._tax_in(row, line)
        return self._draft.keep(
            fee=None if fee is None or is_zero(fee.text) else fee.text, tax=str(tax) if tax else None
        )

    def take_tax(self, row: Sequence[str], fill: SourceFill) -> Decimal:
        """Take the taxes on a fill as a payment of their own; what they come to, above zero where they are a cost."""
        if not self._tax_signs:
            return ZERO
        tax = self._tax_in(row, fill.row)
        if tax:
            self._note_taxes()
            own_id = None if fill.id is None else f"{fill.id}-tax"
            amount = str(EXACT.minus(tax))
            self._draft.add_flow(
                SourceFlow(fill.row, fill.at, CashFlowKind.TAX, amount, fill.currency, fill.symbol, own_id)
            )
        return tax

    def _note_taxes(self) -> None:
        if not self._has_taxes:
            self._has_taxes = True
            names = ", ".join(self._columns.headings.names[each] for each in self._columns.taxes)
            self._draft.notes.append(f"the taxes on trades ({names}) were booked as payments")

    def _tax_in(self, row: Sequence[str], line: int) -> Decimal:
        columns, total = self._columns, ZERO
        for column in columns.taxes:
            found = columns.table.number(columns.numbers, row, line, column)
            if found is not None:
                tax = Decimal(found.text)
                total = EXACT.subtract(total, tax) if column in self._costs_below else EXACT.add(total, tax)
        return total

    def left_out(self, row: list[str], line: int, reason: str) -> str:
        """Note the money of a row that is not booked, if it has a time: a total and a footer have none; the reason."""
        columns = self._columns
        if columns.total is None and columns.balance is None:
            return reason
        try:
            at = columns.time_of(row, line)
            amount = columns.table.number(columns.numbers, row, line, columns.total)
        except SourceFileError:
            return reason
        self._totals.note_balance(row, line, at)
        if amount is not None and not is_zero(amount.text):
            currency = columns.text_in(row, columns.currency) or amount.unit or columns.currency_in(columns.total)
            self._draft.leave_money_out(reason, currency, Decimal(amount.text))
        return reason

    def unknown(self, row: list[str], line: int, word: str) -> str:
        """Leave out a row whose word says neither a side nor a payment, and say how to teach it."""
        reason = f"{word[:40]!r} is not a trade"
        is_known = reason in self._draft.money_left_out
        self.left_out(row, line, reason)
        if not is_known and reason in self._draft.money_left_out:
            self._draft.notes.append(
                f"say what {word[:40]!r} means, or skip it: words={{{word[:40]!r}: ...}} (--word MEANING={word[:40]})"
            )
        return reason
