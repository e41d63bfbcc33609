"""The trades of backtesting.py, as `stats["_trades"].to_csv()` writes them: a round trip a row, its size signed.

The engine settles by margin, and holds several trades in one instrument side by side: each is a position of its own.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from paper_repo.domain.values import EXACT
from paper_repo.engines.importing import tradingview
from paper_repo.engines.importing.headings import Headings, folded
from paper_repo.engines.importing.proportions import Money
from paper_repo.engines.importing.records import Draft, SourceFill, Stated
from paper_repo.engines.importing.tables import Table

ZERO = Decimal(0)
NEEDED = ("size", "entryprice", "exitprice", "entrytime", "exittime")


def read(path: Path, draft: Draft) -> None:
    """Read a table of trades into the draft."""
    table = Table(path, draft, is_heading=_is_heading)
    columns = {folded(name): index for index, name in enumerate(table.headings.names)}
    symbol = draft.options.symbol or "ASSET"
    if draft.options.symbol is None:
        draft.notes.append("the file does not name its symbol; it was taken as 'ASSET' (symbol=..., --symbol)")
    draft.is_margin = True
    amounts = [columns[name] for name in ("size", "entryprice", "exitprice", "commission", "pnl") if name in columns]
    numbers, times = table.formats(amounts, [columns["entrytime"], columns["exittime"]])
    profits, trades = Money(), 0
    for line, row in table.rows():
        draft.rows += 1
        if (reason := table.is_left_out(row)) is not None:
            draft.leave_out(reason)
            continue
        size, entry, exit_, commission, profit = (
            None if (found := table.number(numbers, row, line, columns.get(name))) is None else Decimal(found.text)
            for name in ("size", "entryprice", "exitprice", "commission", "pnl")
        )
        if not size or entry is None or exit_ is None:
            raise draft.wrong("the trade has no size or no price", row=line)
        trades += 1
        profits.add(str(profit if profit is not None else ZERO))
        quantity, values = abs(size), [abs(EXACT.multiply(size, each)) for each in (entry, exit_)]
        fees = tradingview.split_fee(commission if commission is not None else ZERO, values)
        kept = {name: row[columns[name]].strip() for name in ("sl", "tp", "tag") if name in columns}
        kept = {name: value for name, value in kept.items() if value.casefold() not in ("nan", "none", "")}
        for leg, price, fee, column in (("entry", entry, fees[0], "entrytime"), ("exit", exit_, fees[1], "exittime")):
            draft.add(
                SourceFill(
                    line,
                    table.time(times, row, line, columns[column]),
                    symbol,
                    "BUY" if (size > 0) is (leg == "entry") else "SELL",
                    str(quantity),
                    str(price),
                    str(fee),
                    id=f"{trades}-{leg}",
                    position_id=str(trades),
                    opens_short=leg == "entry",
                    metadata=draft.keep(
                        leg=leg, stop_loss=kept.get("sl"), take_profit=kept.get("tp"), tag=kept.get("tag")
                    ),
                )
            )
    draft.stated.append(Stated("trades", "trades", Decimal(trades)))
    if "pnl" in columns:
        draft.stated.append(Stated("sum of PnL", "profit", profits.sum, profits.rounding))


def _is_heading(headings: Headings) -> bool:
    return {folded(name) for name in headings.names} >= set(NEEDED)
