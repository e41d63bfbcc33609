"""The trades of backtesting.py, as `stats["_trades"].to_csv()` writes them: a round trip a row, its size signed.

The engine settles by margin, and holds several trades in one instrument side by side: each is a position of its own.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from paper_repo.domain.values import EXACT
from paper_repo.engines.importing.headings import Headings, folded
from paper_repo.engines.importing.proportions import Money, split_fee
from paper_repo.engines.importing.records import Draft, SourceFill, Stated
from paper_repo.engines.importing.tables import Table

ZERO = Decimal(0)
NEEDED = ("size", "entryprice", "exitprice", "entrytime", "exittime")
AMOUNTS = ("size", "entryprice", "exitprice", "commission", "pnl")


def read(path: Path, draft: Draft) -> None:
    """Read a table of trades into the draft."""
    table = Table(path, draft, is_heading=_is_heading)
    if draft.options.symbol is None:
        draft.notes.append("the file does not name its symbol; it was taken as 'ASSET' (symbol=..., --symbol)")
    draft.is_margin = True
    _Reader(table).read()


class _Reader:
    def __init__(self, table: Table) -> None:
        self._table, self._draft = table, table.draft
        self._columns = {folded(name): index for index, name in enumerate(table.headings.names)}
        amounts = [self._columns[name] for name in AMOUNTS if name in self._columns]
        times = [self._columns["entrytime"], self._columns["exittime"]]
        self._numbers, self._times = table.formats(amounts, times)
        self._symbol = self._draft.options.symbol or "ASSET"
        self._profits, self._trades = Money(), 0

    def read(self) -> None:
        """Read every row, and state what they say of the whole."""
        draft = self._draft
        for line, row in self._table.rows():
            draft.rows += 1
            if (reason := self._table.is_left_out(row)) is not None:
                draft.leave_out(reason)
            else:
                self._trade(row, line)
        draft.stated.append(Stated("trades", "trades", Decimal(self._trades)))
        if "pnl" in self._columns:
            draft.stated.append(Stated("sum of PnL", "profit", self._profits.sum, self._profits.rounding))

    def _trade(self, row: list[str], line: int) -> None:
        size, entry, exit_, commission, profit = (self._amount(row, line, name) for name in AMOUNTS)
        if not size or entry is None or exit_ is None:
            raise self._draft.wrong("the trade has no size or no price", row=line)
        self._trades += 1
        self._profits.add(str(profit or ZERO))
        fees = split_fee(commission or ZERO, [abs(EXACT.multiply(size, each)) for each in (entry, exit_)])
        kept = {"stop_loss": self._text(row, "sl"), "take_profit": self._text(row, "tp"), "tag": self._text(row, "tag")}
        for leg, price, fee in (("entry", entry, fees[0]), ("exit", exit_, fees[1])):
            at = self._table.time(self._times, row, line, self._columns[f"{leg}time"])
            self._draft.add(
                SourceFill(
                    line,
                    at,
                    self._symbol,
                    "BUY" if (size > 0) is (leg == "entry") else "SELL",
                    str(abs(size)),
                    str(price),
                    str(fee),
                    id=f"{self._trades}-{leg}",
                    position_id=str(self._trades),
                    opens_short=leg == "entry",
                    metadata=self._draft.keep(leg=leg, **kept),
                )
            )

    def _amount(self, row: list[str], line: int, name: str) -> Decimal | None:
        found = self._table.number(self._numbers, row, line, self._columns.get(name))
        return None if found is None else Decimal(found.text)

    def _text(self, row: list[str], name: str) -> str | None:
        index = self._columns.get(name)
        text = "" if index is None else row[index].strip()
        return None if text.casefold() in ("", "nan", "none") else text


def _is_heading(headings: Headings) -> bool:
    return {folded(name) for name in headings.names} >= set(NEEDED)
