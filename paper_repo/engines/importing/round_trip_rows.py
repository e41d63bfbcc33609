"""Tables with a round trip a row: each makes two fills."""

from __future__ import annotations

from decimal import Decimal

from paper_repo.domain.values import EXACT
from paper_repo.engines.importing.amounts import NOTHING, Number, is_zero
from paper_repo.engines.importing.meanings import currencies_of, word
from paper_repo.engines.importing.proportions import Money, Proportion, split_fee
from paper_repo.engines.importing.records import SourceFill, Stated
from paper_repo.engines.importing.table_rows import Rows
from paper_repo.engines.importing.times import is_clock

ZERO = Decimal(0)


class RoundTrips(Rows):
    """A table with one round trip a row: an entry and an exit."""

    def read(self) -> None:
        """Read it."""
        self._choose()
        self._pnls, self._open = Money(), 0
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
        self.finish()

    def _choose(self) -> None:
        headings, table = self.headings, self.table
        self._entry_time = self.time_columns("entry_time", _is_no_clock)
        self._exit_time = self.time_columns("exit_time", _is_no_clock)
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
        self._side = next(
            (each for each in headings.candidates("side") if table.filled(each, self._is_direction)), None
        )
        self._multiplier = self.optional("multiplier", *used)
        self._id, self._order_id = headings.column("id"), headings.column("order_id")
        self._currency, self._fee_currency = headings.column("currency"), headings.column("fee_currency")
        self._tag = headings.column("tag", self._symbol, self._side)
        fees = (self._fee, self._entry_fee, self._exit_fee, self._entry_rate, self._exit_rate)
        numbers = (*used, *fees, self._pnl, self._multiplier)
        days = [self._entry_time.day, self._exit_time.day]
        self.numbers, self.times = table.formats(
            [each for each in numbers if each is not None],
            days,
            table.zone_in(days[0]) or table.zone_in(days[1]),
        )
        labels = (self._symbol, self._side, self._is_short, self._is_open, self._id, self._order_id, self._tag)
        currencies = (self._currency, self._fee_currency)
        self.note_unread([*numbers, *self._entry_time, *self._exit_time, *labels, *currencies])

    def _row(self, row: list[str], line: int) -> str | None:
        """Take one row; or why it is none."""
        table, numbers = self.table, self.numbers
        if (reason := table.is_left_out(row)) is not None:
            return reason
        quantity = table.number(numbers, row, line, self._quantity)
        entry = table.number(numbers, row, line, self._entry_price)
        if quantity is None or entry is None:
            return "neither quantity nor entry price (a total or a footer)"
        if is_zero(quantity.text):
            return "nothing was filled"
        symbol = row[self._symbol].strip() if self._symbol is not None else (self.draft.options.symbol or "")
        if not symbol:
            return "no symbol (a total or a footer)"
        prices = [entry]
        if (exit_ := self._exit_of(row, line)) is not None:
            prices.append(exit_)
        else:
            self._open += 1
        is_short = self._direction(row, line, quantity.text[0] == "-")
        self._take(row, line, symbol, quantity.text.removeprefix("-"), prices, is_short)
        return None

    def _exit_of(self, row: list[str], line: int) -> Number | None:
        """The price of the exit; None where the trade is still open."""
        found = self.table.number(self.numbers, row, line, self._exit_price)
        if row[self._exit_time.day].strip().casefold() in NOTHING:
            return None
        if self._is_open is not None and row[self._is_open].strip().casefold() in ("true", "1", "yes"):
            return None
        return found

    def _take(
        self, row: list[str], line: int, symbol: str, quantity: str, prices: list[Number], is_short: bool
    ) -> None:  # fmt: skip
        """Take the fills of a row: the entry, and the exit if there was one."""
        draft, table = self.draft, self.table
        values = [EXACT.multiply(Decimal(quantity), Decimal(each.text)) for each in prices]
        fees = self._fees(row, line, [abs(each) for each in values])
        base, quote = currencies_of(symbol)
        currency = self.text_in(row, self._currency) or quote or self.currency_in(self._entry_price, self._pnl)
        own_id = self.text_in(row, self._id)
        metadata = draft.keep(tag=self.text_in(row, self._tag))
        if self._multiplier is not None and (stated := table.number(self.numbers, row, line, self._multiplier)):
            draft.take_multiplier(symbol, stated.text, line)
        times = (self._entry_time, self._exit_time)
        for leg, column, price, fee in zip(("entry", "exit"), times, prices, fees, strict=False):
            draft.add(
                SourceFill(
                    line,
                    table.time(self.times, row, line, *column),
                    symbol,
                    "SELL" if is_short is (leg == "entry") else "BUY",
                    quantity,
                    price.text,
                    str(fee),
                    currency,
                    self.text_in(row, self._fee_currency),
                    base,
                    f"{own_id}-{leg}" if own_id else None,
                    self.text_in(row, self._order_id),
                    None,
                    is_short and leg == "entry",
                    metadata,
                )
            )
        if len(prices) == 2:
            self._compare(row, line, symbol, values, is_short, fees)

    def _is_direction(self, cell: str) -> bool:
        return self.words.is_short(word(cell)) is not None

    def _direction(self, row: list[str], line: int, is_negative: bool) -> bool:
        """Whether the trade was a short one."""
        if self._is_short is not None:
            return row[self._is_short].strip().casefold() in ("true", "1", "1.0", "yes", "short", "t", "y")
        if self._side is None:
            return is_negative
        kind = word(row[self._side])
        if (is_short := self.words.is_short(kind)) is not None:
            return is_short
        raise self.draft.wrong(
            f"{row[self._side]!r} is neither long nor short; name another column: columns={{'side': ...}} "
            "(--map side=COLUMN)",
            row=line,
            column=self.headings.names[self._side],
        )

    def _fees(self, row: list[str], line: int, values: list[Decimal]) -> list[Decimal]:
        """The fees of entry and exit: each as stated, or by its rate, or its share of what both have cost."""
        number, numbers = self.table.number, self.numbers
        columns = ((self._entry_fee, self._entry_rate), (self._exit_fee, self._exit_rate))
        found = []
        for (amount, rate), value in zip(columns, values, strict=False):
            if (stated := number(numbers, row, line, amount)) is not None:
                found.append(abs(Decimal(stated.text)))
            elif (by_rate := number(numbers, row, line, rate)) is not None:
                found.append(EXACT.multiply(Decimal(by_rate.text), value))
            else:
                found.append(ZERO)
        if any(found) or (total := number(numbers, row, line, self._fee)) is None:
            return found
        fee = abs(Decimal(total.text))
        return split_fee(fee, values) if len(values) == 2 else [fee]

    def _compare(
        self, row: list[str], line: int, symbol: str, values: list[Decimal], is_short: bool, fees: list[Decimal]
    ) -> None:  # fmt: skip
        if self._pnl is None or (pnl := self.table.number(self.numbers, row, line, self._pnl)) is None:
            return
        self._pnls.add(pnl.text)
        gross = (values[0] - values[1]) if is_short else (values[1] - values[0])
        self.proportions.setdefault(symbol, Proportion()).add(pnl.text, float(gross), float(sum(fees)))


def _is_no_clock(cell: str) -> bool:
    return not is_clock(cell)
