"""Tables of trades whatever program wrote them: a fill a row, or a round trip a row."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from decimal import Decimal
from pathlib import Path
from typing import Any

from paper_repo.domain.ledger import CashFlowKind
from paper_repo.domain.values import EXACT
from paper_repo.engines.importing import ledger_legs, tradingview
from paper_repo.engines.importing.amounts import Number, NumberReader, is_zero
from paper_repo.engines.importing.headings import Headings, folded
from paper_repo.engines.importing.meanings import (
    CLOSE,
    CLOSING,
    DIRECTIONS,
    DONE,
    ENDING,
    FLOWS,
    FREE,
    KINDS_OF_FILLS,
    LONGS,
    NOT_DONE,
    OF_OPTIONS,
    OPENING,
    SHORTS,
    Side,
    currencies_of,
    side_of,
    word,
)
from paper_repo.engines.importing.proportions import ROWS, Money, Proportion, split_fee
from paper_repo.engines.importing.records import Draft, SourceFill, SourceFlow, Stated
from paper_repo.engines.importing.tables import Table
from paper_repo.engines.importing.times import TimeReader

ZERO = Decimal(0)
_PARENTHESES = re.compile(r"\([^()]*\)")
_OF_CONTRACT = re.compile(r"^option (?:expiration|assignment|exercise) (?:for|of) ", flags=re.IGNORECASE)
_LOTS = re.compile(r"[0-9][SL]\s*$")
UNSTATED_FEE = 0.005
FILLED_QUANTITIES = frozenset(
    {"filledquantity", "filledqty", "executed", "executedqty", "execqty", "filled", "lastqty", "fillquantity"}
)


def read(path: Path, draft: Draft) -> None:
    """Read a table of trades into the draft."""
    table = Table(path, draft, is_heading=_is_heading)
    if tradingview.has_headings(table.headings):
        tradingview.read_table(table)
    elif ledger_legs.has_headings(table.headings):
        ledger_legs.read_table(table)
    elif _is_round_trips(table):
        RoundTrips(table).read()
    else:
        Fills(table).read()


def _is_heading(headings: Headings) -> bool:
    return headings.fields >= 4 or tradingview.has_headings(headings) or ledger_legs.has_headings(headings)


def _is_round_trips(table: Table) -> bool:
    return bool(table.headings.candidates("entry_price") and table.headings.candidates("exit_price"))


def is_number(cell: str) -> bool:
    """Whether a cell begins or ends as a number does."""
    return any(each.isdigit() for each in cell) and not cell[:1].isalpha()


@dataclass
class Rows:
    """What fills and round trips have in common."""

    table: Table
    numbers: NumberReader = field(init=False)
    times: TimeReader = field(init=False)
    proportions: dict[str, Proportion] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.draft: Draft = self.table.draft
        self.headings: Headings = self.table.headings

    def column(self, name: str, *without: int | None) -> int:
        """The column of a field that has to be there."""
        found = self.headings.column(name, *without)
        if found is None:
            have = ", ".join(each for each in self.headings.names if each)
            raise self.draft.wrong(
                f"no column is known to be the {name.replace('_', ' ')}; name it: columns={{{name!r}: ...}} "
                f"(--map {name}=COLUMN). There are: {have}"
            )
        return found

    def symbol_column(self) -> int | None:
        """The column of symbols; None where the caller says the symbol."""
        found = self.headings.column("symbol")
        if found is None and self.draft.options.symbol is None:
            raise self.draft.wrong(
                "no column is known to be the symbol; say what was traded: symbol='BTCUSDT' (--symbol BTCUSDT), or "
                "name the column: columns={'symbol': ...} (--map symbol=COLUMN)"
            )
        return found

    def optional(self, name: str, *without: int | None) -> int | None:
        """The column of a field that may be there, if it has numbers."""
        return next(
            (
                each
                for each in self.headings.candidates(name)
                if each not in without and self.table.filled(each, is_number)
            ),
            None,
        )

    def _numeric(self, name: str, *without: int | None) -> int:
        """The column of a field that has to be there: the likeliest that has numbers."""
        found = self.optional(name, *without)
        return self.column(name, *without) if found is None else found

    def _filled(self, name: str, test: Callable[[str], bool]) -> int:
        """The likeliest column of a field that has to be there, of whose cells most pass a test."""
        found = next((each for each in self.headings.candidates(name) if self.table.filled(each, test)), None)
        return self.column(name) if found is None else found

    def currency_in(self, *columns: int | None) -> str | None:
        """The currency that the headings of these columns name."""
        return next((self.headings.currencies[each] for each in columns if each in self.headings.currencies), None)

    def propose_multipliers(self) -> None:
        """Note what the totals of the rows imply."""
        for symbol, each in self.proportions.items():
            multiplier = each.multiplier
            if multiplier is not None and symbol not in self.draft.options.multipliers:
                self.draft.implied_multipliers[symbol] = multiplier


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


class RoundTrips(Rows):
    """A table with one round trip a row: an entry and an exit."""

    def read(self) -> None:
        """Read it."""
        self._choose()
        self._pnls, self._trades, self._open = Money(), 0, 0
        for line, row in self.table.rows():
            self.draft.rows += 1
            reason = self._row(row, line)
            if reason is not None:
                self.draft.leave_out(reason)
        draft = self.draft
        if self._pnls.rows:
            draft.stated.append(
                Stated(f"sum of {self.headings.names[self._pnl or 0]}", "profit", self._pnls.sum, self._pnls.rounding)
            )
        if self._open:
            draft.notes.append(f"{self._open:,} trades are still open: their entries were booked")
        self.propose_multipliers()

    def _choose(self) -> None:
        headings, table = self.headings, self.table
        self._entry_time, self._exit_time = self.column("entry_time"), self.column("exit_time")
        self._entry_price, self._exit_price = self.column("entry_price"), self.column("exit_price")
        prices = (self._entry_price, self._exit_price)
        self._symbol = self.symbol_column()
        self._quantity: int = self._numeric("quantity", *prices, self._symbol)
        used = (*prices, self._quantity)
        self._fee, self._pnl = self.optional("fee", *used), self.optional("pnl", *used)
        self._entry_fee, self._exit_fee = self.optional("entry_fee", *used), self.optional("exit_fee", *used)
        self._entry_rate, self._exit_rate = (
            self.optional("entry_fee_rate", *used),
            self.optional("exit_fee_rate", *used),
        )
        self._is_short, self._is_open = headings.column("is_short"), headings.column("is_open")
        self._side = next((each for each in headings.candidates("side") if table.filled(each, _is_direction)), None)
        self._multiplier = self.optional("multiplier", *used)
        self._id, self._order_id = headings.column("id"), headings.column("order_id")
        self._currency, self._fee_currency = headings.column("currency"), headings.column("fee_currency")
        self._tag = headings.column("tag", self._symbol, self._side)
        numbers = (*used, self._fee, self._pnl, self._entry_fee, self._exit_fee, self._entry_rate, self._exit_rate)
        self.numbers, self.times = table.formats(
            [each for each in numbers if each is not None],
            [self._entry_time, self._exit_time],
            table.zone_in(self._entry_time) or table.zone_in(self._exit_time),
        )

    def _row(self, row: list[str], line: int) -> str | None:
        table, draft, numbers = self.table, self.draft, self.numbers
        if (reason := table.is_left_out(row)) is not None:
            return reason
        quantity = table.number(numbers, row, line, self._quantity)
        entry = table.number(numbers, row, line, self._entry_price)
        if quantity is None or entry is None:
            return "neither quantity nor entry price (a total or a footer)"
        if is_zero(quantity.text):
            return "nothing was filled"
        exit_ = table.number(numbers, row, line, self._exit_price)
        is_open = (
            exit_ is None
            or not row[self._exit_time].strip()
            or row[self._exit_time].strip().casefold() in ("nan", "nat")
        )
        if self._is_open is not None and row[self._is_open].strip().casefold() in ("true", "1", "yes"):
            is_open = True
        is_short = self._direction(row, line, quantity.text[0] == "-")
        symbol = row[self._symbol].strip() if self._symbol is not None else (draft.options.symbol or "")
        if not symbol:
            return "no symbol (a total or a footer)"
        amount = Decimal(quantity.text.removeprefix("-"))
        values = [EXACT.multiply(amount, Decimal(each.text)) for each in (entry, exit_) if each is not None]
        fees = self._fees(row, line, [abs(each) for each in values], is_open)
        base, quote = currencies_of(symbol)
        currency = self._text(row, self._currency) or quote or self.currency_in(self._entry_price, self._pnl)
        own_id = self._text(row, self._id)
        metadata = draft.keep(tag=self._text(row, self._tag))
        if self._multiplier is not None and (stated := table.number(numbers, row, line, self._multiplier)):
            draft.take_multiplier(symbol, stated.text, line)
        legs: list[tuple[str, int, Number, int, str, bool]] = [
            ("entry", self._entry_time, entry, 0, "SELL" if is_short else "BUY", is_short)
        ]
        if not is_open and exit_ is not None:
            legs.append(("exit", self._exit_time, exit_, 1, "BUY" if is_short else "SELL", False))
        for leg, column, price, index, side, opens_short in legs:
            draft.add(
                SourceFill(
                    line,
                    table.time(self.times, row, line, column),
                    symbol,
                    side,
                    str(amount),
                    price.text,
                    str(fees[index]),
                    currency,
                    self._text(row, self._fee_currency),
                    base,
                    f"{own_id}-{leg}" if own_id else None,
                    self._text(row, self._order_id),
                    None,
                    opens_short,
                    metadata,
                )
            )
        self._open += is_open
        if not is_open and exit_ is not None:
            self._compare(row, line, symbol, values, is_short, fees)
        return None

    def _direction(self, row: list[str], line: int, is_negative: bool) -> bool:
        """Whether the trade was a short one."""
        if self._is_short is not None:
            return row[self._is_short].strip().casefold() in ("true", "1", "1.0", "yes", "short", "t", "y")
        if self._side is None:
            return is_negative
        kind = word(row[self._side])
        if kind in LONGS or kind in SHORTS:
            return kind in SHORTS
        raise self.draft.wrong(
            f"{row[self._side]!r} is neither long nor short; name another column: columns={{'side': ...}} "
            "(--map side=COLUMN)",
            row=line,
            column=self.headings.names[self._side],
        )

    def _fees(self, row: list[str], line: int, values: list[Decimal], is_open: bool) -> list[Decimal]:
        """The fees of entry and exit: each as stated, or by its rate, or its share of what both have cost."""
        found = []
        for amount, rate, value in zip(
            (self._entry_fee, self._exit_fee), (self._entry_rate, self._exit_rate), (*values, ZERO)[:2], strict=False
        ):
            stated = self.table.number(self.numbers, row, line, amount)
            by_rate = self.table.number(self.numbers, row, line, rate) if stated is None else None
            if by_rate is not None:
                found.append(EXACT.multiply(Decimal(by_rate.text), value))
            else:
                found.append(ZERO if stated is None else abs(Decimal(stated.text)))
        found += [ZERO] * (2 - len(found))
        if any(found) or self._fee is None:
            return found
        total = self.table.number(self.numbers, row, line, self._fee)
        fee = ZERO if total is None else abs(Decimal(total.text))
        return [fee, ZERO] if is_open else split_fee(fee, values)

    def _compare(
        self, row: list[str], line: int, symbol: str, values: list[Decimal], is_short: bool, fees: list[Decimal]
    ) -> None:  # fmt: skip
        if self._pnl is None or (pnl := self.table.number(self.numbers, row, line, self._pnl)) is None:
            return
        self._pnls.add(pnl.text)
        gross = (values[0] - values[1]) if is_short else (values[1] - values[0])
        self.proportions.setdefault(symbol, Proportion()).add(pnl.text, float(gross), float(sum(fees)))

    def _text(self, row: Sequence[str], index: int | None) -> str | None:
        return None if index is None else row[index].strip() or None


def _is_direction(cell: str) -> bool:
    return word(cell) in LONGS or word(cell) in SHORTS
