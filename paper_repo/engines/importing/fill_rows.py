"""Tables with a fill a row, whatever program wrote them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from paper_repo.engines.importing.amounts import Number, is_zero
from paper_repo.engines.importing.fill_columns import FillColumns
from paper_repo.engines.importing.fill_totals import FillTotals
from paper_repo.engines.importing.meanings import (
    CLOSE,
    DIRECTIONS,
    DONE,
    ENDING,
    FREE,
    KINDS_OF_FILLS,
    NOT_DONE,
    OF_OPTIONS,
    OPENING,
    Side,
    currencies_of,
    word,
)
from paper_repo.engines.importing.payment_rows import Payments
from paper_repo.engines.importing.records import SourceFill
from paper_repo.engines.importing.signs import Signs
from paper_repo.engines.importing.table_rows import is_number
from paper_repo.engines.importing.tables import Table

_PARENTHESES = re.compile(r"\([^()]*\)")
_OF_CONTRACT = re.compile(r"^option (?:expiration|assignment|exercise) (?:for|of) ", flags=re.IGNORECASE)
COMMISSION = ("comm", "kosten", "provision", "gebühr", "gebuehr", "entgelt", "spesen", "courtage")
"""What headings of fees have in them whose amounts below zero are costs, and no rebates."""
_LOTS = re.compile(r"[0-9][SL]$")
MOST_KINDS = 1000
"""How many different cells of a column of sides are remembered; there are a few, where it is one."""


class Fills(FillColumns):
    """A table with one fill a row."""

    def __init__(self, table: Table) -> None:
        super().__init__(table)
        self._has_options = False
        self._totals = FillTotals(self)
        self._payments = Payments(self, self._totals)
        self._fee_signs = None if self.fee is None else Signs(self.fee)
        self.numbers, self.times = table.formats(self.amounts, [self.time], table.zone_in(self.time), self._watch())
        self._are_fees_costs = self._fee_sign()
        self._payments.decide()
        self._pairs: dict[str, tuple[str | None, str | None, tuple[str, ...]]] = {}
        self._kinds: dict[str, tuple[Side | None, str]] = {}

    def read(self) -> None:
        """Read it."""
        for line, row in self.table.rows():
            self.draft.rows += 1
            reason = self._row(row, line)
            if reason:
                self.draft.leave_out(reason)
        self._totals.state()
        self.note_unread([*self.used, self.description if self._has_options else None])
        self.finish()

    def _watch(self) -> Callable[[list[str]], object] | None:
        """What looks at every row before any is read."""
        if not self.taxes:
            return None if self._fee_signs is None else self._fee_signs.look
        looks = [self._payments.look, *([self._fee_signs.look] if self._fee_signs else [])]
        return lambda row: [look(row) for look in looks]

    def _fee_sign(self) -> bool:
        """Whether fees below zero are costs: where all are, and the heading says commission."""
        signs = self._fee_signs
        if signs is None or not signs.below:
            return False
        name = self.headings.names[signs.column]
        says_commission = any(each in name.casefold() for each in COMMISSION)
        are_costs = says_commission and not signs.above
        self.draft.notes.append(
            f"amounts below zero in column {name!r} were taken as {'costs' if are_costs else 'rebates'}"
        )
        return are_costs

    def _row(self, row: list[str], line: int) -> str | None:
        """Take one row; or why it is none."""
        status = word(row[self.status]) if self.status is not None else ""
        side, kind = self._kind_of(row[self.side] if self.side is not None else "")
        if self.kind is not None and row[self.kind].strip() and word(row[self.kind]) not in KINDS_OF_FILLS:
            return f"{row[self.kind].strip().casefold()}: no fill"
        if self.action is not None and kind in DIRECTIONS:
            side = self._side_of(row, line, kind)
        if side is None or status in NOT_DONE:
            reason = self._unusual(row, line, kind, status)
            if reason is not None:
                return reason
        symbol = self._symbol_of(row, kind)
        pair = self._pairs.get(symbol) or self._pair(symbol)
        if row[self.quantity].rstrip()[-1:].isalpha():
            pair = self._unglued(row, symbol) or pair
        quantity = self.table.number(self.numbers, row, line, self.quantity, pair[2])
        price = self.table.number(self.numbers, row, line, self.price, pair[2])
        is_free = self.words.is_free(kind) or status == "cashsettled"
        if quantity is None or (price is None and not is_free):
            return self._payments.left_out(row, line, _missing(quantity, price))
        if not symbol:
            return self._payments.left_out(row, line, "no symbol (a total or a footer)")
        if is_zero(quantity.text):
            return self._payments.left_out(row, line, "nothing was filled")
        self._take(row, line, symbol, side or self._unsaid(kind, quantity), quantity, price, pair)
        return None

    def _take(
        self,
        row: list[str],
        line: int,
        symbol: str,
        side: Side,
        quantity: Number,
        price: Number | None,
        pair: tuple[str | None, str | None, tuple[str, ...]],
    ) -> None:
        """Take the fill of a row."""
        draft, table = self.draft, self.table
        base, quote, units = pair
        code = row[self.code] if self.code is not None else ""
        marks_opening = code != "" and side.side == "SELL" and "O" in code.replace(" ", "").split(";")
        fee, fee_currency = self._fee_of(row, line, units)
        currency = self.text_in(row, self.currency) or quote or self.currency_in(self.price, self.total)
        if self.multiplier is not None and (stated := table.number(self.numbers, row, line, self.multiplier)):
            draft.take_multiplier(symbol, stated.text, line)
        fill = SourceFill(
            line,
            self.time_of(row, line),
            symbol,
            side.side,
            quantity.text.removeprefix("-"),
            "0" if price is None else price.text,
            fee,
            currency,
            fee_currency if fee_currency != currency else None,
            base,
            self.text_in(row, self.id),
            self.text_in(row, self.order_id),
            None,
            side.opens_short or marks_opening,
            self._kept(row, code),
        )
        draft.add(fill)
        self._totals.add(row, fill, price is not None, units, self._payments.take_tax(row, fill))

    def _kind_of(self, cell: str) -> tuple[Side | None, str]:
        """The side that a cell says, and its word."""
        found = self._kinds.get(cell)
        if found is None:
            kind = word(_PARENTHESES.sub("", cell))
            found = (self.words.side_of(cell, kind), kind)
            if len(self._kinds) < MOST_KINDS:
                self._kinds[cell] = found
        return found

    def _unsaid(self, kind: str, quantity: Number) -> Side:
        """The side of a fill whose row has no word for it."""
        if self.side is None:
            return Side("SELL" if quantity.text[0] == "-" else "BUY")
        return Side("BUY" if kind in FREE else CLOSE)

    def _symbol_of(self, row: list[str], kind: str) -> str:
        symbol = row[self.symbol].strip() if self.symbol is not None else (self.draft.options.symbol or "")
        if kind in OF_OPTIONS and self.description is not None and " " not in symbol:
            self._has_options = True
            return _contract(row[self.description]) or symbol
        return symbol

    def _unglued(self, row: list[str], symbol: str) -> tuple[str, str | None, tuple[str, ...]] | None:
        """The pair, where a coin is glued to the quantity; the S or L of lots that expire is taken away."""
        cell = row[self.quantity].rstrip()
        unit = _unit_at_the_end(cell, symbol)
        if unit is None:
            if _LOTS.search(cell):  # short or long
                row[self.quantity] = cell[:-1]
            return None
        quote = symbol[len(unit) :].lstrip("/-_") or None
        return unit, quote, ((unit, quote) if quote else (unit,))

    def _side_of(self, row: list[str], line: int, direction: str) -> Side:
        """The side of a fill that opens or ends a long or a short position."""
        action = word(row[self.action or 0])
        if action not in OPENING and action not in ENDING:
            raise self.draft.wrong(
                f"{row[self.action or 0]!r} says neither that the fill opens nor that it ends a position",
                row=line,
                column=self.headings.names[self.action or 0],
            )
        is_long, opens = DIRECTIONS[direction], action in OPENING
        return Side("BUY" if is_long is opens else "SELL", opens_short=opens and not is_long)

    def _kept(self, row: list[str], code: str) -> dict[str, Any] | None:
        if self.tag is None and not code:
            return None
        return self.draft.keep(tag=self.text_in(row, self.tag), code=code.strip())

    def _unusual(self, row: list[str], line: int, kind: str, status: str) -> str | None:
        """Why a row without a side, or one that was not done, is no fill; None where it is one all the same."""
        if (reason := self.table.is_left_out(row)) is not None:
            return reason
        if status in NOT_DONE:
            filled = self.table.number(self.numbers, row, line, self.quantity) if self.is_filled_quantity else None
            if filled is None or is_zero(filled.text):
                return f"not filled ({row[self.status or 0].strip().casefold()})"
            if self.side is not None and not kind:
                return "no side"
            return None
        if self.side is None or self.words.is_free(kind):
            return None
        if self.words.is_skipped(kind):
            return f"{kind[:40]!r} is skipped, as asked"
        if (flow := self.words.flow_of(kind)) is not None:
            return self._payments.take(row, line, flow, kind)
        if not kind:
            return self._payments.left_out(row, line, "no side (a total or a footer)")
        if status == "cashsettled":
            return None
        price = row[self.price].strip()
        quantity = row[self.quantity].strip()
        if price and quantity and is_number(price) and is_number(quantity) and status in DONE:
            raise self.draft.wrong(
                f"{kind!r} is not known as a side; name another column: columns={{'side': ...}} (--map side=COLUMN)",
                row=line,
                column=self.headings.names[self.side or 0],
            )
        return self._payments.unknown(row, line, kind)

    def _fee_of(self, row: list[str], line: int, units: tuple[str, ...]) -> tuple[str, str | None]:
        fee = self.table.number(self.numbers, row, line, self.fee, units)
        if fee is None:
            return "0", None
        text = fee.text
        if self._are_fees_costs:
            text = text.removeprefix("-")
        currency = fee.unit
        if self.fee_currency is not None and row[self.fee_currency].strip():
            currency = row[self.fee_currency].strip()
        elif currency is None:
            currency = self.currency_in(self.fee)
        return text, None if is_zero(text) else currency

    def _pair(self, symbol: str) -> tuple[str | None, str | None, tuple[str, ...]]:
        """The coin and the currency of a pair, and what may be glued to its numbers."""
        base, quote = (None, None) if self.currency is not None and "/" not in symbol else currencies_of(symbol)
        found = base, quote, (base, quote) if base and quote else ()
        self._pairs[symbol] = found
        return found


def _missing(quantity: Number | None, price: Number | None) -> str:
    """Why a row without one of them is no fill."""
    if quantity is None and price is None:
        return "neither quantity nor price (a total or a footer)"
    return "no quantity" if quantity is None else "no price"


def _contract(description: str) -> str | None:
    """The name of an option in a description: the same when it is traded and when it expires."""
    return _OF_CONTRACT.sub("", description.strip()).removesuffix(".00")[:100] or None


def _unit_at_the_end(cell: str, symbol: str) -> str | None:
    """The coin that is glued to a quantity: what the cell ends with and the pair begins with, as long as it can be."""
    for length in range(min(len(cell) - 1, len(symbol)), 1, -1):
        if symbol.startswith(cell[-length:]) and not cell[-length:].isdigit():
            return cell[-length:]
    return None
