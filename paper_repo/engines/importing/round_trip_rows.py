"""Tables with a round trip a row: each makes two fills."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from paper_repo.domain.values import EXACT
from paper_repo.engines.importing import tradingview
from paper_repo.engines.importing.amounts import Number, is_zero
from paper_repo.engines.importing.meanings import LONGS, SHORTS, currencies_of, word
from paper_repo.engines.importing.proportions import Money, Proportion
from paper_repo.engines.importing.records import SourceFill, Stated
from paper_repo.engines.importing.table_rows import Rows

ZERO = Decimal(0)


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
        return [fee, ZERO] if is_open else tradingview.split_fee(fee, values)

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
