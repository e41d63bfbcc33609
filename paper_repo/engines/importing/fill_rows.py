"""Tables with a fill a row, whatever program wrote them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import tzinfo
from decimal import Decimal
from typing import Any

from paper_repo.domain.ledger import CashFlowKind
from paper_repo.engines.importing.amounts import Number, is_zero
from paper_repo.engines.importing.headings import folded
from paper_repo.engines.importing.meanings import (
    CLOSE,
    CLOSING,
    DIRECTIONS,
    DONE,
    ENDING,
    FLOWS,
    FREE,
    KINDS_OF_FILLS,
    NOT_DONE,
    OF_OPTIONS,
    OPENING,
    Side,
    currencies_of,
    side_of,
    word,
)
from paper_repo.engines.importing.proportions import ROWS, Money, Proportion
from paper_repo.engines.importing.records import SourceFill, SourceFlow, Stated
from paper_repo.engines.importing.table_rows import Rows, is_number

_PARENTHESES = re.compile(r"\([^()]*\)")
_OF_CONTRACT = re.compile(r"^option (?:expiration|assignment|exercise) (?:for|of) ", flags=re.IGNORECASE)
_LOTS = re.compile(r"[0-9][SL]\s*$")
UNSTATED_FEE = 0.005
FILLED_QUANTITIES = frozenset(
    {"filledquantity", "filledqty", "executed", "executedqty", "execqty", "filled", "lastqty", "fillquantity"}
)


class Fills(Rows):
    """A table with one fill a row."""

    def read(self) -> None:
        """Read it."""
        self._choose()
        self._scan()
        draft, table = self.draft, self.table
        for line, row in table.rows():
            draft.rows += 1
            reason = self._row(row, line)
            if reason:
                draft.leave_out(reason)
        self._state()

    def _choose(self) -> None:
        table, headings = self.table, self.headings
        self._time: int = self._filled("time", _is_date)
        self._clock: int | None = None
        if table.filled(self._time, lambda cell: ":" not in cell and not cell.replace(".", "").isdigit()):
            clocks = (each for each in headings.candidates("clock") if each != self._time)
            self._clock = next((each for each in clocks if table.filled(each, lambda cell: ":" in cell)), None)
        self._symbol = self.symbol_column()
        self._price: int = self._numeric("price", self._symbol)
        self._side = next(
            (each for each in headings.candidates("side") if table.filled(each, _is_side)), None
        )  # a column called type may hold market and limit
        self._quantity: int = self._numeric("quantity", self._price, self._symbol)
        self._action = self._action_beside(self._side)
        self._kind = headings.column("kind", self._side)
        self._description = headings.column("description", self._symbol)
        self._fee = self.optional("fee", self._price, self._quantity)
        used = (self._price, self._quantity, self._fee)
        self._total = self.optional("total", *used)
        self._pnl = self.optional("pnl", *used, self._total)
        self._balance = self.optional("balance", *used, self._total)
        self._fee_currency = headings.column("fee_currency")
        self._currency = headings.column("currency")
        if self._currency is None:
            self._currency = self._nameless_currency()
        self._multiplier = self.optional("multiplier", *used)
        self._id = headings.column("id")
        self._order_id = headings.column("order_id", self._side)
        self._status = headings.column("status", self._side)
        self._code = headings.column("code", self._symbol)
        self._tag = headings.column("tag", self._side, self._symbol)
        if self._side is None and not table.filled(self._quantity, lambda cell: is_number(cell) or cell[:1] in "-("):
            self.column("side")
        self._is_signed = self._side is None
        if self._side is None:
            negative = [row for row in table.sample if row[self._quantity].strip()[:1] in ("-", "(", "−")]
            if not negative and len(table.sample) > 1:
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
        """The currency in a column without a heading behind that of the price."""
        behind = self._price + 1
        if behind < len(self.headings.names) and not self.headings.names[behind]:
            return behind if self.table.filled(behind, lambda cell: len(cell) == 3 and cell.isupper()) else None
        return None

    def _side_of(self, row: list[str], line: int, direction: str) -> Side:
        """The side of a fill that opens or ends a long or a short position."""
        action = word(row[self._action or 0])
        if action not in OPENING and action not in ENDING:
            raise self.draft.wrong(
                f"{row[self._action or 0]!r} says neither that the fill opens nor that it ends a position",
                row=line,
                column=self.headings.names[self._action or 0],
            )
        is_long, opens = DIRECTIONS[direction], action in OPENING
        return Side("BUY" if is_long is opens else "SELL", opens_short=opens and not is_long)

    def _scan(self) -> None:
        table = self.table
        numbers = [self._price, self._quantity, self._fee, self._total, self._pnl, self._balance, self._multiplier]
        zone: tzinfo | None = table.zone_in(self._time)
        self._has_fees_below_zero = self._has_fees_above_zero = False
        self.numbers, self.times = table.formats(
            [each for each in numbers if each is not None],
            [self._time],
            zone,
            None if self._fee is None else self._watch_fee,
        )
        self._are_fees_costs = self._fee_sign()
        self._totals: dict[str | None, Money] = {}
        self._pnls = Money()
        self._last_balance: tuple[int, Decimal] | None = None
        self._pairs: dict[str, tuple[str | None, str | None, tuple[str, ...]]] = {}
        self._kinds: dict[str, tuple[Side | None, str]] = {}
        self._filled_quantity = folded(self.headings.names[self._quantity]) in FILLED_QUANTITIES

    def _watch_fee(self, row: list[str]) -> None:
        """Note whether fees are above or below zero."""
        cell = row[self._fee or 0].strip().replace("−", "-")
        if cell.strip("-0., ") and cell.casefold() not in ("nan", "none", "null", "n/a"):
            if cell[0] in "-(" or cell[-1] == "-" or cell[1:2] == "-":
                self._has_fees_below_zero = True
            else:
                self._has_fees_above_zero = True

    def _fee_sign(self) -> bool:
        """Whether fees below zero are costs: where all are, and the heading says commission."""
        if self._fee is None or not self._has_fees_below_zero:
            return False
        name = self.headings.names[self._fee]
        says_commission = "comm" in name.casefold() or "kosten" in name.casefold() or "provision" in name.casefold()
        are_costs = says_commission and not self._has_fees_above_zero
        self.draft.notes.append(
            f"amounts below zero in column {name!r} were taken as {'costs' if are_costs else 'rebates'}"
        )
        return are_costs

    def _row(self, row: list[str], line: int) -> str | None:
        """Take one row; or why it is none."""
        table, draft, numbers = self.table, self.draft, self.numbers
        status = word(row[self._status]) if self._status is not None else ""
        kind = row[self._side] if self._side is not None else ""
        known_kind = self._kinds.get(kind)
        if known_kind is None:
            known_kind = (side_of(kind) if kind.strip() else None, word(_PARENTHESES.sub("", kind)))
            if len(self._kinds) < 1000:
                self._kinds[kind] = known_kind
        side, kind_word = known_kind
        if self._kind is not None and row[self._kind].strip() and word(row[self._kind]) not in KINDS_OF_FILLS:
            return f"{row[self._kind].strip().casefold()}: no fill"
        if self._action is not None and kind_word in DIRECTIONS:
            side = self._side_of(row, line, kind_word)
        if side is None or status in NOT_DONE:
            reason = self._unusual(row, line, kind_word, status)
            if reason is not None:
                return reason
        symbol = row[self._symbol].strip() if self._symbol is not None else (draft.options.symbol or "")
        if kind_word in OF_OPTIONS and self._description is not None and " " not in symbol:
            symbol = _contract(row[self._description]) or symbol
        base, quote, known = self._pairs.get(symbol) or self._pair(symbol)
        if row[self._quantity][-1:].isalpha() and (unit := _unit_at_the_end(row[self._quantity], symbol)):
            base, quote = unit, (symbol[len(unit) :].lstrip("/-_") or None)
            known = (base, quote) if quote else (base,)
        if _LOTS.search(row[self._quantity]):  # of what expires, long or short
            row[self._quantity] = row[self._quantity].rstrip()[:-1]
        quantity = table.number(numbers, row, line, self._quantity, known)
        price = table.number(numbers, row, line, self._price, known)
        if quantity is None or (
            price is None and kind_word not in CLOSING and kind_word not in FREE and status != "cashsettled"
        ):
            return self._incomplete(row, line, quantity, price)
        if not symbol:
            return "no symbol (a total or a footer)"
        if is_zero(quantity.text):
            return "nothing was filled"
        amount = quantity.text.removeprefix("-")
        if side is not None:
            direction, opens_short = side
        elif self._is_signed:
            direction, opens_short = ("SELL" if quantity.text[0] == "-" else "BUY"), False
        elif kind_word in FREE:
            direction, opens_short = "BUY", False
        else:
            direction, opens_short = CLOSE, False
        code = row[self._code] if self._code is not None else ""
        if code and direction == "SELL" and "O" in code.replace(" ", "").split(";"):
            opens_short = True
        fee, fee_currency = self._fee_of(row, line, known)
        currency = quote or self.currency_in(self._price, self._total)
        if self._currency is not None and row[self._currency].strip():
            currency = row[self._currency].strip()
        at = table.time(self.times, row, line, self._time, self._clock)
        if self._multiplier is not None and (stated := table.number(numbers, row, line, self._multiplier)):
            draft.take_multiplier(symbol, stated.text, line)
        draft.add(
            SourceFill(
                line,
                at,
                symbol,
                direction,
                amount,
                "0" if price is None else price.text,
                fee,
                currency,
                fee_currency if fee_currency != currency else None,
                base,
                self._text(row, self._id),
                self._text(row, self._order_id),
                None,
                opens_short,
                self._kept(row, code),
            )
        )
        self._compare(row, line, symbol, amount, price, currency, at, known, fee)
        return None

    def _kept(self, row: list[str], code: str) -> dict[str, Any] | None:
        if self._tag is None and not code:
            return None
        return self.draft.keep(tag=self._text(row, self._tag), code=code.strip())

    def _unusual(self, row: list[str], line: int, kind: str, status: str) -> str | None:
        """Why a row without a side, or one that was not done, is no fill; None where it is one all the same."""
        if (reason := self.table.is_left_out(row)) is not None:
            return reason
        if status in NOT_DONE:
            filled = self.table.number(self.numbers, row, line, self._quantity) if self._filled_quantity else None
            if filled is None or is_zero(filled.text):
                return f"not filled ({row[self._status or 0].strip().casefold()})"
            if self._side is not None and not kind:
                return "no side"
            return None
        if self._is_signed or kind in CLOSING or kind in FREE:
            return None
        if kind in FLOWS:
            return self._flow(row, line, FLOWS[kind])
        if not kind:
            return "no side (a total or a footer)"
        if status == "cashsettled":
            return None
        price = row[self._price].strip()
        quantity = row[self._quantity].strip()
        if price and quantity and is_number(price) and is_number(quantity) and status in DONE:
            raise self.draft.wrong(
                f"{kind!r} is not known as a side; name another column: columns={{'side': ...}} (--map side=COLUMN)",
                row=line,
                column=self.headings.names[self._side or 0],
            )
        return f"{kind[:40]!r} is no trade"

    def _incomplete(self, row: list[str], line: int, quantity: Number | None, price: Number | None) -> str:
        missing = "quantity" if quantity is None else "price"
        if quantity is None and price is None:
            return "neither quantity nor price (a total or a footer)"
        return f"no {missing}"

    def _flow(self, row: list[str], line: int, kind: CashFlowKind) -> str | None:
        found = self.table.number(self.numbers, row, line, self._total)
        if found is None:
            return f"{kind.lower()} without an amount"
        value = Decimal(found.text)
        if not value:
            return f"{kind.lower()} of nothing"
        if kind is CashFlowKind.DEPOSIT and value < 0:
            kind = CashFlowKind.WITHDRAWAL
        elif value > 0 and kind in (CashFlowKind.WITHDRAWAL, CashFlowKind.FEE, CashFlowKind.TAX):
            value = -value
        currency = row[self._currency].strip() if self._currency is not None else ""
        symbol = row[self._symbol].strip() if self._symbol is not None else ""
        self.draft.add_flow(
            SourceFlow(
                line,
                self.table.time(self.times, row, line, self._time, self._clock),
                kind,
                str(value),
                currency or found.unit or self.currency_in(self._total),
                symbol or None,
                self._text(row, self._id),
            )
        )
        return ""

    def _fee_of(self, row: list[str], line: int, units: tuple[str, ...]) -> tuple[str, str | None]:
        fee = self.table.number(self.numbers, row, line, self._fee, units)
        if fee is None:
            return "0", None
        text = fee.text
        if self._are_fees_costs:
            text = text.removeprefix("-")
        currency = fee.unit
        if self._fee_currency is not None and row[self._fee_currency].strip():
            currency = row[self._fee_currency].strip()
        elif currency is None:
            currency = self.currency_in(self._fee)
        return text, None if is_zero(text) else currency

    def _pair(self, symbol: str) -> tuple[str | None, str | None, tuple[str, ...]]:
        """The coin and the currency of a pair, and what may be glued to its numbers."""
        base, quote = (None, None) if self._currency is not None and "/" not in symbol else currencies_of(symbol)
        found = base, quote, (base, quote) if base and quote else ()
        self._pairs[symbol] = found
        return found

    def _compare(
        self,
        row: list[str],
        line: int,
        symbol: str,
        quantity: str,
        price: Number | None,
        currency: str | None,
        at: int,
        units: tuple[str, ...],
        fee: str,
    ) -> None:
        """Note what the row states of its total, its profit and the balance after it."""
        if self._total is not None and price is not None:
            total = self.table.number(self.numbers, row, line, self._total, units)
            if total is not None:
                sums = self._totals.get(currency)
                if sums is None:
                    sums = self._totals[currency] = Money()
                sums.add(total.text.removeprefix("-"))
                each = self.proportions.get(symbol)
                if each is None:
                    each = self.proportions[symbol] = Proportion()
                if each.rows < ROWS:
                    each.add(total.text, float(quantity) * float(price.text), _slack(total.text, fee))
        if self._pnl is not None:
            pnl = self.table.number(self.numbers, row, line, self._pnl)
            if pnl is not None:
                self._pnls.add(pnl.text)
        if self._balance is not None:
            balance = self.table.number(self.numbers, row, line, self._balance, units)
            if balance is not None and (self._last_balance is None or at >= self._last_balance[0]):
                self._last_balance = (at, Decimal(balance.text))

    def _state(self) -> None:
        draft = self.draft
        if self._total is not None:
            name = self.headings.names[self._total]
            draft.turnover = {
                currency: Stated(f"sum of {name}", "turnover", each.sum, each.rounding)
                for currency, each in self._totals.items()
            }
            if self._fee is None:
                draft.reasons.append(f"no column of fees is there, and {name} may contain some")
        if self._pnl is not None and self._pnls.rows:
            name = self.headings.names[self._pnl]
            is_net = "net" in name.casefold()
            draft.stated.append(
                Stated(
                    f"sum of {name}",
                    "net profit of closed trades" if is_net else "profit",
                    self._pnls.sum,
                    self._pnls.rounding,
                )
            )
        if self._last_balance is not None and draft.options.initial_cash is not None:
            draft.stated.append(Stated("last balance", "cash", self._last_balance[1]))
        elif self._last_balance is not None:
            draft.notes.append(
                f"the last {self.headings.names[self._balance or 0]} is {self._last_balance[1]}; "
                "with initial_cash=... (--cash) it is compared"
            )
        self.propose_multipliers()
        if self.times.ambiguous:
            draft.notes.append(f"{self.times.ambiguous:,} times come twice that night; the first was taken")

    def _text(self, row: Sequence[str], index: int | None) -> str | None:
        return None if index is None else row[index].strip() or None


def _contract(description: str) -> str | None:
    """The name of an option in a description: the same when it is traded and when it expires."""
    name = re.sub(
        r"^option (?:expiration|assignment|exercise) (?:for|of) ", "", description.strip(), flags=re.IGNORECASE
    )
    return re.sub(r"\.00$", "", name)[:100] or None


def _slack(total: str, fee: str) -> float:
    """By how much a total may differ from the value of the fill, for fees that are stated or not."""
    return max(abs(float(fee)), abs(float(total)) * UNSTATED_FEE)


def _is_date(cell: str) -> bool:
    """Whether a cell may be a date: it has digits, and is no time of day alone."""
    return cell[0].isalnum() and any(each.isdigit() for each in cell) and cell[1:2] != ":" and cell[2:3] != ":"


def _is_side(cell: str) -> bool:
    kind = word(cell)
    return side_of(cell) is not None or kind in CLOSING or kind in FREE or kind in FLOWS


def _unit_at_the_end(cell: str, symbol: str) -> str | None:
    """The coin that is glued to a quantity: what the cell ends with and the pair begins with, as long as it can be."""
    for length in range(min(len(cell) - 1, len(symbol)), 1, -1):
        if symbol.startswith(cell[-length:]) and not cell[-length:].isdigit():
            return cell[-length:]
    return None
