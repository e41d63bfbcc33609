"""Lists of trades of TradingView's strategy tester: two rows a trade, the exit mostly first.

Its commission stands in no column: it is what the net profit lacks of the difference of the prices. The exit row of a
trade that is still open is a valuation, and no fill.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from paper_repo.domain.values import EXACT
from paper_repo.engines.importing.headings import Headings, folded
from paper_repo.engines.importing.meanings import word
from paper_repo.engines.importing.proportions import split_fee
from paper_repo.engines.importing.records import Draft, SourceFill, Stated
from paper_repo.engines.importing.tables import Table

ZERO = Decimal(0)
COLUMNS = {
    "time": ("date/time", "dateandtime", "datetime"),
    "signal": ("signal",),
    "price": ("price",),
    "quantity": ("positionsize(qty)", "size(qty)", "sizeqty", "positionsizeqty", "contracts", "quantity", "qty"),
    "value": ("positionsize(value)", "size(value)", "positionvalue", "sizevalue"),
    "profit": ("netp&l", "netpnl", "p&l", "pnl", "profit", "netprofit"),
    "cumulative": ("cumulativep&l", "cumulativepnl", "cumprofit", "cumulativeprofit", "cump&l"),
}


def read(path: Path, draft: Draft) -> None:
    """Read a list of trades into the draft."""
    read_table(Table(path, draft, is_heading=has_headings))


def has_headings(headings: Headings) -> bool:
    """Whether these are the headings of a list of trades."""
    names = {folded(each) for each in headings.names}
    return bool(names & {"trade#", "tradenumber", "trade"}) and "type" in names and bool(names & set(COLUMNS["time"]))


@dataclass
class _Leg:
    line: int
    at: int
    is_long: bool
    signal: str
    price: str
    quantity: str
    value: Decimal | None
    profit: Decimal | None
    cumulative: Decimal | None


def read_table(table: Table) -> None:
    """Read the rows of a table with these headings."""
    _Reader(table).read()


class _Reader:
    def __init__(self, table: Table) -> None:
        self._table, self._draft, headings = table, table.draft, table.headings
        self._columns = {field: _column(headings, *names) for field, names in COLUMNS.items()}
        self._columns["number"] = _column(headings, "trade#", "tradenumber", "trade")
        self._columns["type"] = _column(headings, "type")
        for field in ("price", "quantity"):
            if self._columns[field] is None:
                raise self._draft.wrong(
                    f"a list of trades has a column for the {field}; export it again with all columns"
                )
        names = headings.currencies
        self._currency = names.get(self._columns["price"] or 0)
        self._account = names.get(
            self._columns["profit"] if self._columns["profit"] is not None else -1, self._currency
        )
        self._symbol = self._draft.options.symbol or "?"
        numbers = [self._columns[each] for each in ("price", "quantity", "value", "profit", "cumulative")]
        times = [self._columns["time"] or 0]
        self._numbers, self._times = table.formats([each for each in numbers if each is not None], times)
        self._last: tuple[Decimal | None, Decimal | None] = (None, None)
        self._net, self._closed = ZERO, 0
        self._multiplier: Decimal | None = self._draft.options.multipliers.get(self._symbol)

    def read(self) -> None:
        """Put the two rows of each trade together."""
        draft, pending = self._draft, dict[str, tuple[str, _Leg]]()
        if draft.options.symbol is None:
            draft.notes.append("the file does not name its symbol; it was taken as '?' (symbol=..., --symbol)")
        draft.base_currency = self._account
        for line, row in self._table.rows():
            draft.rows += 1
            reason = self._table.is_left_out(row)
            kind = word(row[self._columns["type"] or 0])
            if reason is None and not kind.startswith(("entry", "exit")):
                reason = "neither entry nor exit (a total or a footer)"
            if reason is not None:
                draft.leave_out(reason)
                continue
            number, leg = row[self._columns["number"] or 0].strip(), self._leg(row, line, kind)
            role = "entry" if kind.startswith("entry") else "exit"
            before = pending.pop(number, None)
            if leg is None:
                draft.leave_out("valuation of an open trade")
                if before is not None:
                    self._trade(number, before[1], None)
            elif before is None:
                pending[number] = (role, leg)
            elif before[0] == role:
                raise draft.wrong(f"trade {number} has two rows of its {role}", row=line)
            else:
                entry, exit_ = (before[1], leg) if role == "exit" else (leg, before[1])
                self._trade(number, entry, exit_)
        for number, (role, leg) in pending.items():
            if role == "exit":
                raise draft.wrong(f"trade {number} has an exit, and no entry", row=leg.line)
            self._trade(number, leg, None)
        self._state()

    def _leg(self, row: list[str], line: int, kind: str) -> _Leg | None:
        """One row; None for the exit of an open trade that has no price."""
        price = self._number(row, line, "price")
        quantity = self._number(row, line, "quantity")
        if kind.startswith("exit") and price is None:
            return None
        if price is None or quantity is None:
            raise self._draft.wrong("the row has no price or no quantity; export the list again", row=line)
        signal = self._columns["signal"]
        return _Leg(
            line,
            self._table.time(self._times, row, line, self._columns["time"] or 0),
            kind.endswith(("long", "buy")),
            "" if signal is None else row[signal].strip(),
            price,
            quantity.removeprefix("-"),
            *(
                None if (text := self._number(row, line, each)) is None else Decimal(text)
                for each in ("value", "profit", "cumulative")
            ),
        )

    def _number(self, row: list[str], line: int, field: str) -> str | None:
        found = self._table.number(self._numbers, row, line, self._columns[field])
        return None if found is None else found.text

    def _trade(self, number: str, entry: _Leg, exit_: _Leg | None) -> None:
        draft = self._draft
        is_open = exit_ is None or exit_.signal.casefold() == "open"
        self._require_multiplier(entry)
        fees = self._fees(entry, exit_, is_open)
        if exit_ is not None and is_open:
            draft.leave_out("valuation of an open trade")
            draft.last_prices[self._symbol] = exit_.price
        self._add(number, "entry", entry, "BUY" if entry.is_long else "SELL", fees[0], not entry.is_long)
        profit = entry.profit if exit_ is None or exit_.profit is None else exit_.profit
        if exit_ is not None and not is_open:
            self._add(number, "exit", exit_, "SELL" if entry.is_long else "BUY", fees[1], False)
            self._closed += 1
            self._net = EXACT.add(self._net, profit or ZERO)
        last = exit_ or entry
        if last.cumulative is not None:
            self._last = (last.cumulative, self._last[1] if is_open else last.cumulative)

    def _add(self, number: str, leg: str, row: _Leg, side: str, fee: Decimal, opens_short: bool) -> None:
        self._draft.add(
            SourceFill(
                row.line,
                row.at,
                self._symbol,
                side,
                row.quantity,
                row.price,
                str(fee),
                self._currency,
                self._account if self._account != self._currency else None,
                order_id=None,
                opens_short=opens_short,
                metadata=self._draft.keep(trade=number, leg=leg, signal=row.signal),
            )
        )

    def _fees(self, entry: _Leg, exit_: _Leg | None, is_open: bool) -> list[Decimal]:
        """The commissions of both sides: what the net profit lacks of the difference of the prices."""
        profit = entry.profit if exit_ is None or exit_.profit is None else exit_.profit
        if exit_ is None or profit is None or self._account != self._currency:
            return [ZERO, ZERO]
        quantity = EXACT.multiply(Decimal(entry.quantity), self._multiplier or Decimal(1))
        values = [EXACT.multiply(quantity, Decimal(each.price)) for each in (entry, exit_)]
        gross = EXACT.subtract(values[1], values[0]) if entry.is_long else EXACT.subtract(values[0], values[1])
        fee = EXACT.subtract(gross, profit)
        exponent = profit.as_tuple().exponent
        if isinstance(exponent, int) and abs(fee) <= Decimal(5).scaleb(min(exponent, 0) - 1):
            return [ZERO, ZERO]
        return [fee, ZERO] if is_open else split_fee(fee, values)

    def _require_multiplier(self, entry: _Leg) -> None:
        """Note the multiplier that the value of a position implies."""
        if self._multiplier is not None or not entry.value:
            return
        plain = EXACT.multiply(Decimal(entry.quantity), Decimal(entry.price))
        ratio = abs(entry.value) / plain if plain else Decimal(1)
        nearest = ratio.quantize(Decimal(1)) if ratio > Decimal("0.95") else ratio.quantize(Decimal("1E-4"))
        if (
            self._account == self._currency
            and nearest not in (0, 1)
            and abs(ratio - nearest) < nearest * Decimal("0.002")
        ):
            self._draft.implied_multipliers[self._symbol] = nearest.normalize() + 0

    def _state(self) -> None:
        draft = self._draft
        if self._columns["profit"] is not None:
            draft.stated.append(Stated("closed trades", "round trips", Decimal(self._closed)))
            name = self._table.headings.names[self._columns["profit"]]
            draft.stated.append(Stated(f"{name} of closed trades", "net profit of closed trades", self._net))
        total = self._last[0]
        if total is not None and self._account == self._currency:
            draft.stated.append(Stated("cumulative profit", "net profit", total))


def _column(headings: Headings, *names: str) -> int | None:
    for name in names:
        for index, each in enumerate(headings.names):
            if folded(each) == name or (
                index in headings.currencies and folded(each.removesuffix(headings.currencies[index])) == name
            ):
                return index
    return None
