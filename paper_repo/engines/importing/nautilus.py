"""Reports of NautilusTrader as CSV: of fills (a fill a row), of order fills (an order a row) or of positions.

They are what `trader.generate_fills_report().to_csv(...)` and its siblings write.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

from paper_repo.domain.values import EXACT
from paper_repo.engines.importing.amounts import NumberReader
from paper_repo.engines.importing.headings import Headings
from paper_repo.engines.importing.proportions import Money, split_fee
from paper_repo.engines.importing.records import Draft, SourceFill, Stated
from paper_repo.engines.importing.tables import Table
from paper_repo.engines.importing.text_files import TextFile
from paper_repo.engines.importing.times import TimeReader, zone_named

ZERO = Decimal(0)
FILLS = {"trade_id", "last_qty", "last_px", "order_side", "ts_event"}
ORDERS = {"filled_qty", "avg_px", "side", "ts_last"}
POSITIONS = {"avg_px_open", "avg_px_close", "ts_opened", "ts_closed", "entry"}
_MONEY = re.compile(r"(-?[0-9][0-9_,]*(?:\.[0-9]+)?(?:[eE]-?[0-9]+)?)\s+([A-Z0-9]{2,12})")
PERPETUAL = ("-PERP", "PERP.", "_PERP", "SWAP")


def read(path: Path, draft: Draft) -> None:
    """Read a report into the draft."""
    table = Table(path, draft, is_heading=_is_heading)
    names = set(table.headings.names)
    reader = _Report(table)
    if names >= FILLS:
        reader.read(reader.fill)
        _compare_with_account(path, draft)
    elif names >= ORDERS:
        draft.notes.append("a report of orders: each is one fill at its average price")
        reader.read(reader.order)
        _compare_with_account(path, draft)
    else:
        draft.notes.append("a report of positions: each is one fill at its average entry, and one at its average exit")
        reader.read(reader.position)
        reader.state_positions()


def _compare_with_account(path: Path, draft: Draft) -> None:
    """State the cash of the report of the account beside this one: `run_account.csv` for `run_fills.csv`."""
    sibling = path.with_name(re.sub(r"(?:order_)?fills|orders", "account", path.name))
    if sibling == path or not sibling.is_file():
        return
    totals: dict[str, str] = {}
    names: list[str] = []
    for _, row in TextFile(sibling).rows():
        if not names:
            names = row
        elif {"total", "currency"} <= set(names) and len(row) == len(names):
            totals[row[names.index("currency")]] = row[names.index("total")]
    currency = draft.options.base_currency or max(draft.currencies, key=lambda name: draft.currencies[name], default="")
    if currency in totals and NumberReader(".").read(totals[currency]) and draft.options.initial_cash is not None:
        draft.stated.append(Stated(f"total of {currency} in {sibling.name}", "cash", Decimal(totals[currency])))


def _is_heading(headings: Headings) -> bool:
    names = set(headings.names)
    return names >= FILLS or names >= ORDERS or names >= POSITIONS


class _Report:
    def __init__(self, table: Table) -> None:
        self._table, self._draft = table, table.draft
        self._columns = {name: index for index, name in enumerate(table.headings.names)}
        self._numbers, self._times = NumberReader("."), TimeReader(self._draft, zone_named("UTC"))
        self._profits, self._closed = Money(), 0

    def read(self, take: Callable[[list[str], int], str | None]) -> None:
        """Read every row."""
        for line, row in self._table.rows():
            self._draft.rows += 1
            reason = self._table.is_left_out(row)
            if reason is None:
                reason = take(row, line)
            if reason is not None:
                self._draft.leave_out(reason)

    def fill(self, row: list[str], line: int) -> str | None:
        """A row of the report of fills."""
        fee, fee_currency = self._commission(self._text(row, "commission"), line)
        self._add(
            row, line, self._text(row, "order_side"), self._amount(row, line, "last_qty"),
            self._amount(row, line, "last_px"), fee, fee_currency, self._time(row, line, "ts_event"),
            self._text(row, "trade_id"),
        )  # fmt: skip
        return None

    def order(self, row: list[str], line: int) -> str | None:
        """A row of the report of order fills."""
        quantity = self._amount(row, line, "filled_qty")
        if not quantity:
            return "orders that were not filled"
        fee, fee_currency = self._commission(self._text(row, "commissions"), line)
        self._add(
            row, line, self._text(row, "side"), quantity, self._amount(row, line, "avg_px"), fee, fee_currency,
            self._time(row, line, "ts_last"), self._text(row, "client_order_id"),
        )  # fmt: skip
        return None

    def position(self, row: list[str], line: int) -> str | None:
        """A row of the report of positions."""
        peak, entry = self._amount(row, line, "peak_qty"), self._amount(row, line, "avg_px_open")
        exit_, is_short = self._amount(row, line, "avg_px_close"), self._text(row, "entry") == "SELL"
        rest = self._amount(row, line, "quantity") if "quantity" in self._columns else ZERO
        if not peak or entry is None:
            return "positions without a quantity"
        fee, fee_currency = self._commission(self._text(row, "commissions"), line)
        closed = peak - (rest or ZERO) if exit_ else ZERO
        fees = split_fee(fee, [peak * entry, closed * (exit_ or ZERO)])
        own = self._text(row, "position_id")
        self._add(
            row, line, "SELL" if is_short else "BUY", peak, entry, fees[0], fee_currency,
            self._time(row, line, "ts_opened"), f"{own}-entry",
        )  # fmt: skip
        if closed and exit_:
            self._add(
                row, line, "BUY" if is_short else "SELL", closed, exit_, fees[1], fee_currency,
                self._time(row, line, "ts_closed"), f"{own}-exit",
            )  # fmt: skip
        if not rest:
            self._closed += 1
            self._profits.add(str(self._commission(self._text(row, "realized_pnl"), line)[0]))
        return None

    def state_positions(self) -> None:
        """State what the report of positions says."""
        self._draft.stated.append(Stated("closed positions", "trades", Decimal(self._closed)))
        self._draft.stated.append(
            Stated("realized_pnl", "net profit of closed trades", self._profits.sum, self._profits.rounding)
        )

    def _add(
        self, row: list[str], line: int, side: str, quantity: Decimal | None, price: Decimal | None, fee: Decimal,
        fee_currency: str | None, at: int, own_id: str,
    ) -> None:  # fmt: skip
        draft, instrument = self._draft, self._text(row, "instrument_id")
        if side not in ("BUY", "SELL") or not quantity or price is None or not instrument:
            raise draft.wrong("the row has no side, quantity, price or instrument", row=line, fill_id=own_id or None)
        symbol = instrument.rpartition(".")[0] or instrument
        base, quote = _pair(symbol)
        currency = self._text(row, "currency") or quote or fee_currency
        is_derivative = any(sign in instrument.upper() for sign in PERPETUAL) or base is None
        position = self._text(row, "position_id")
        kept = {
            name: self._text(row, name)
            for name in ("liquidity_side", "strategy_id", "order_type", "account_id", "tags")
        }
        draft.strategy = draft.strategy or kept["strategy_id"] or None
        draft.is_margin = draft.is_margin or (is_derivative and "PERP" in instrument.upper())
        draft.add(
            SourceFill(
                line,
                at,
                symbol,
                side,
                str(quantity),
                str(price),
                str(fee),
                currency or None,
                fee_currency,
                base,
                own_id or None,
                self._text(row, "venue_order_id") or self._text(row, "client_order_id") or None,
                position if position and position.casefold() not in ("nan", "none") else None,
                opens_short=True,  # the engine's account decides whether it may
                metadata=draft.keep(
                    instrument_id=instrument, **{k: v for k, v in kept.items() if v.casefold() not in ("nan", "none")}
                ),
            )
        )

    def _commission(self, text: str, line: int) -> tuple[Decimal, str | None]:
        """The one amount in a cell such as `1.50 USDT` or `['1.50 USDT']`."""
        found = _MONEY.findall(text)
        currencies = {currency for _, currency in found}
        if len(currencies) > 1:
            raise self._draft.wrong(f"{text[:60]!r} has several currencies", row=line, column="commission")
        total = ZERO
        for amount, _ in found:
            total = EXACT.add(total, Decimal(amount.replace("_", "").replace(",", "")))
        return total, next(iter(currencies), None)

    def _text(self, row: Sequence[str], name: str) -> str:
        index = self._columns.get(name)
        return "" if index is None else row[index].strip()

    def _amount(self, row: Sequence[str], line: int, name: str) -> Decimal | None:
        found = self._table.number(self._numbers, row, line, self._columns.get(name))
        return None if found is None else Decimal(found.text)

    def _time(self, row: Sequence[str], line: int, name: str) -> int:
        return self._table.time(self._times, row, line, self._columns[name])


def _pair(symbol: str) -> tuple[str | None, str | None]:
    symbol = symbol.removesuffix("-PERP")
    match = re.fullmatch(r"([A-Z0-9]{2,10})[/-]([A-Z]{3,5})(?:[-.:].*)?", symbol)
    if match:
        return match[1], match[2]
    for quote in ("USDT", "USDC", "BUSD", "USD"):
        name = symbol.partition("-")[0]
        if name.endswith(quote) and len(name) > len(quote) + 1:
            return name[: -len(quote)], quote
    return None, None
