"""Reports of MetaTrader 5, also in some other languages than English, and statements of MetaTrader 4, as HTML.

Deals are fills that are settled by margin; balance deals are payments; a swap is booked with the fee of the deal that
it comes with. The contract size stands in no report: the profits imply it, and it has to be confirmed. In a hedging
account every position is one of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from paper_repo.domain import CashFlowKind
from paper_repo.domain.values import EXACT, ROUNDED
from paper_repo.engines.importing.amounts import NumberEvidence, NumberReader
from paper_repo.engines.importing.cells import number_in, time_in
from paper_repo.engines.importing.html_rows import html_rows
from paper_repo.engines.importing.metatrader_words import ACCOUNT, POSITIONS, english
from paper_repo.engines.importing.proportions import Proportion
from paper_repo.engines.importing.records import Draft, SourceFill, SourceFlow, Stated
from paper_repo.engines.importing.times import TimeReader, zone_named

ZERO = Decimal(0)
PAYMENTS = {
    "credit": CashFlowKind.OTHER,
    "correction": CashFlowKind.OTHER,
    "bonus": CashFlowKind.OTHER,
    "charge": CashFlowKind.FEE,
    "commission": CashFlowKind.FEE,
    "interest": CashFlowKind.INTEREST,
    "dividend": CashFlowKind.DIVIDEND,
    "franked dividend": CashFlowKind.DIVIDEND,
    "tax": CashFlowKind.TAX,
}
DEALS = ("time", "deal", "symbol", "type", "direction", "volume", "price")
KNOWN = frozenset({*DEALS, "order", "commission", "fee", "swap", "profit", "balance", "comment", ""})
CLOSED = ("ticket", "opentime", "type", "size", "item")
AMOUNTS = ("volume", "price", "commission", "fee", "swap", "profit", "balance", "size", "taxes", "price2")
_ACCOUNT = re.compile(r"\(\s*([A-Z]{3,5})\b[^)]*\)")
_PAIR = re.compile(r"^#?([A-Z]{3})/?([A-Z]{3})(?![A-Z0-9])")
_CURRENCIES = frozenset("USD EUR GBP JPY CHF AUD CAD NZD SEK NOK DKK PLN HUF CZK TRY ZAR MXN SGD HKD CNH".split())  # noqa: SIM905


@dataclass
class _Deal:
    row: int
    at: int
    time: str
    id: str
    order: str
    symbol: str
    side: str
    direction: str
    volume: Decimal
    price: Decimal
    costs: Mapping[str, Decimal]
    profit: Decimal
    comment: str
    position: str | None = None


@dataclass
class _Open:
    id: str
    side: str
    volume: Decimal
    price: Decimal


def read(path: Path, draft: Draft) -> None:
    """Read a report into the draft."""
    _Report(path, draft).read()


@dataclass
class _Report:
    path: Path
    draft: Draft
    headings: list[str] = field(default_factory=list)
    deals: list[_Deal] = field(default_factory=list)
    payments: list[SourceFlow] = field(default_factory=list)
    closings: dict[tuple[str, str, str, Decimal], list[str]] = field(default_factory=dict)
    """By symbol, time, side and volume of a closing deal, the positions that it may have closed."""
    is_hedging: bool = False
    balance: Decimal | None = None

    def read(self) -> None:
        """Read it twice: the formats first."""
        self._survey()
        draft, section, names = self.draft, "", list[str]()
        for number, row in enumerate(html_rows(self.path), 1):
            filled = [cell for cell in row if cell]
            draft.rows += 1
            if len(filled) == 1 and len(filled[0]) < 40:
                section, names = filled[0].rstrip(":").casefold(), []
                draft.leave_out("heading of a section")
            elif _is_heading(row):
                names = _names(row)
                self._require_known(names, row, number)
                draft.leave_out("headings")
            elif names[: len(DEALS)] == list(DEALS):
                self._deal(_by_name(names, row), number)
            elif names[: len(CLOSED)] == list(CLOSED):
                self._closed(_by_name(names, row), number)
            else:
                if section in POSITIONS:
                    self._position(row)
                draft.leave_out(f"{section or 'head of the report'}: not booked")
        self._finish()

    def _survey(self) -> None:
        evidence, names = NumberEvidence(), list[str]()
        has_deals = False
        for number, row in enumerate(html_rows(self.path), 1):
            text = " ".join(row[:6])
            if self.draft.base_currency is None and text.casefold().startswith(ACCOUNT):
                match = _ACCOUNT.search(text) or re.search(r"\b([A-Z]{3})\b", text)
                self.draft.base_currency = match[1] if match else None
                self.is_hedging = "hedg" in text.casefold()
            if _is_heading(row):
                names, has_deals = _names(row), True
            elif names:
                for name, cell in zip(names, row, strict=False):
                    if name in AMOUNTS:
                        evidence.add(cell, number)
        if not has_deals:
            raise self.draft.wrong(
                "it has no table of deals (Time, Deal, Symbol, Type, Direction, Volume, Price) or closed transactions. "
                "Of other languages than English only German, Spanish, Portuguese, Russian, Chinese and Japanese are "
                "read: switch the terminal to English (View, Languages), start it again, and save the report once more "
                "as HTML"
            )
        self._numbers = NumberReader(evidence.decide(self.draft.file, ",", self.draft.options.decimal_sign))
        self._times = TimeReader(self.draft, zone_named(self.draft.options.timezone))

    def _require_known(self, names: list[str], row: list[str], number: int) -> None:
        """Refuse a table of deals with a column that might hold money and is not known."""
        if names[: len(DEALS)] == list(DEALS):
            for name, heading in zip(names, row, strict=True):
                if name not in KNOWN:
                    raise self.draft.wrong(f"the table of deals has a column that is not known: {heading}", row=number)

    def _number(self, row: Mapping[str, str], number: int, name: str) -> Decimal | None:
        found = number_in(self.draft, self._numbers, row, number, name)
        return None if found is None else Decimal(found)

    def _time(self, text: str, number: int, fill_id: str) -> int:
        return time_in(self.draft, self._times, text, number, "Time", fill_id=fill_id)

    # MetaTrader 5

    def _deal(self, row: Mapping[str, str], number: int) -> None:
        kind, deal_id = row["type"].casefold(), row["deal"]
        if not row["time"] or not deal_id:
            self.draft.leave_out("deals: totals")
            return
        at = self._time(row["time"], number, deal_id)
        balance = self._number(row, number, "balance")
        self.balance = self.balance if balance is None else balance
        if kind not in ("buy", "sell"):
            if row["symbol"] and row["volume"] and "cancel" not in kind:
                raise self.draft.wrong(f"deal {deal_id} is of a type that is not known: {row['type']}", row=number)
            self._payment(row, number, at, kind, deal_id)
            return
        volume, price = self._number(row, number, "volume"), self._number(row, number, "price")
        if not volume or price is None:
            self.draft.leave_out("deals: nothing was filled")
            return
        costs = {name: self._number(row, number, name) or ZERO for name in ("commission", "fee", "swap")}
        self.deals.append(
            _Deal(
                number, at, row["time"], deal_id, row.get("order", ""), row["symbol"], kind.upper(),
                row["direction"].casefold(), volume, price, costs, self._number(row, number, "profit") or ZERO,
                row.get("comment", ""),
            )
        )  # fmt: skip

    def _payment(self, row: Mapping[str, str], number: int, at: int, kind: str, deal_id: str) -> None:
        amount = self._number(row, number, "profit") or ZERO
        for name in ("commission", "fee", "swap"):
            amount = EXACT.add(amount, self._number(row, number, name) or ZERO)
        if not amount:
            self.draft.leave_out(f"deals: {kind or 'no type'} of nothing")
            return
        known = PAYMENTS.get(kind, CashFlowKind.OTHER)
        if kind == "balance":
            known = CashFlowKind.DEPOSIT if amount > 0 else CashFlowKind.WITHDRAWAL
        metadata = self.draft.keep(comment=row.get("comment", ""), type=kind)
        self.payments.append(
            SourceFlow(number, at, known, str(amount), self.draft.base_currency, None, deal_id, metadata)
        )

    def _position(self, row: list[str]) -> None:
        """Note which position a deal has closed: time, position, symbol, type, volume, price, ..., time of the exit."""
        times = [index for index, cell in enumerate(row) if re.fullmatch(r"\d{4}\.\d{2}\.\d{2} [\d:]+", cell)]
        if len(times) != 2 or times[0] != 0:
            return
        try:
            volume = self._numbers.read(row[4])
        except ValueError:
            return
        if volume is not None and row[3].casefold() in ("buy", "sell"):
            side = "SELL" if row[3].casefold() == "buy" else "BUY"
            self.closings.setdefault((row[2], row[times[1]], side, Decimal(volume.text)), []).append(row[1])

    # MetaTrader 4

    def _closed(self, row: Mapping[str, str], number: int) -> None:
        kind, ticket = row["type"].casefold(), row["ticket"]
        if not ticket.isdigit():
            self.draft.leave_out("closed transactions: totals")
            return
        at = self._time(row["opentime"], number, ticket)
        if kind not in ("buy", "sell"):
            if "balance" in kind or "credit" in kind:
                cells = [cell for cell in row.values() if cell]
                self._payment({**row, "profit": cells[-1], "comment": row["size"]}, number, at, kind, ticket)
            else:
                self.draft.leave_out(f"closed transactions: {kind or 'no type'}, not filled")
            return
        self.is_hedging = True
        volume = self._number(row, number, "size")
        prices = self._number(row, number, "price"), self._number(row, number, "price2")
        if not volume or None in prices:
            self.draft.leave_out("closed transactions: nothing was filled")
            return
        costs = {name: self._number(row, number, name) or ZERO for name in ("commission", "taxes", "swap")}
        symbol, profit = row["item"].upper(), self._number(row, number, "profit") or ZERO
        out, nothing = ("SELL" if kind == "buy" else "BUY"), dict.fromkeys(costs, ZERO)
        closed = self._time(row.get("closetime", ""), number, ticket)
        for leg, side, when, text, price, cost, gain in (
            ("in", kind.upper(), at, row["opentime"], prices[0], nothing, ZERO),
            ("out", out, closed, row.get("closetime", ""), prices[1], costs, profit),
        ):
            self.deals.append(
                _Deal(
                    number, when, text, f"{ticket}-{leg}", ticket, symbol, side, leg, volume, price or ZERO, cost, gain,
                    "", ticket,
                )
            )  # fmt: skip

    # All of it

    def _finish(self) -> None:
        draft = self.draft
        draft.is_margin = True
        self.deals.sort(key=lambda deal: deal.at)
        proportions = self._match()
        for symbol, each in proportions.items():
            if each.multiplier is not None and symbol not in draft.options.multipliers:
                draft.implied_multipliers[symbol] = each.multiplier
        for flow in self.payments:
            draft.add_flow(flow)
        for deal in self.deals:
            self._add(deal)
        costs = [cost for deal in self.deals for cost in deal.costs.values()]
        draft.stated.append(Stated("profits of all deals", "gross profit", _sum([each.profit for each in self.deals])))
        draft.stated.append(Stated("commissions and swaps", "fees", EXACT.minus(_sum(costs))))
        if self.balance is not None:
            draft.stated.append(Stated("last balance", "cash of all currencies", self.balance))

    def _add(self, deal: _Deal) -> None:
        cost = EXACT.minus(_sum(list(deal.costs.values())))
        kept = {name: str(each) for name, each in deal.costs.items() if each and name != "commission"}
        self.draft.add(
            SourceFill(
                deal.row,
                deal.at,
                deal.symbol,
                deal.side,
                str(deal.volume),
                str(deal.price),
                str(cost),
                self._currency(deal.symbol),
                self.draft.base_currency if self._currency(deal.symbol) != self.draft.base_currency else None,
                id=deal.id,
                order_id=deal.order or None,
                position_id=deal.position,
                opens_short=True,
                metadata=self.draft.keep(comment=deal.comment, direction=deal.direction, **kept),
            )
        )

    def _currency(self, symbol: str) -> str | None:
        """In which currency a pair is priced; everything else is priced in that of the account."""
        match = _PAIR.match(symbol)
        if match and match[2] in _CURRENCIES and (match[1] in _CURRENCIES or match[1] in ("XAU", "XAG")):
            return match[2]
        return self.draft.base_currency

    def _match(self) -> dict[str, Proportion]:
        """Give deals of a hedging account their positions; the proportion of profits to differences of prices."""
        found: dict[str, Proportion] = {}
        positions: dict[str, list[_Open]] = {}
        for deal in self.deals:
            held = positions.setdefault(deal.symbol, [])
            closed = self._closed_by(deal, held)
            gain = sum((_gain(each, deal, volume) for each, volume in closed), ZERO)
            if deal.profit and closed and self._currency(deal.symbol) == self.draft.base_currency:
                found.setdefault(deal.symbol, Proportion()).add(str(deal.profit), float(gain))
            rest = EXACT.subtract(deal.volume, _sum([volume for _, volume in closed]))
            if rest > 0:
                self._open(deal, held, rest)
            positions[deal.symbol] = [each for each in held if each.volume]
        return found

    def _open(self, deal: _Deal, held: list[_Open], volume: Decimal) -> None:
        if self.is_hedging:
            deal.position = deal.position or deal.order or deal.id
            held.append(_Open(deal.position, deal.side, volume, deal.price))
        elif held:
            total = EXACT.add(held[0].volume, volume)
            value = held[0].volume * held[0].price + volume * deal.price
            held[0].volume, held[0].price = total, ROUNDED.divide(value, total)
        else:
            held.append(_Open(deal.symbol, deal.side, volume, deal.price))

    def _closed_by(self, deal: _Deal, held: list[_Open]) -> list[tuple[_Open, Decimal]]:
        """What a deal closes of the positions that are open, and how much of it."""
        if self.is_hedging and deal.direction == "in":
            return []
        fitting = [each for each in held if each.side != deal.side and each.volume]
        known = self.closings.get((deal.symbol, deal.time, deal.side, deal.volume), [])
        fitting.sort(key=lambda each: (each.id != deal.position, each.id not in known, each.volume != deal.volume))
        taken, rest = [], deal.volume
        for each in fitting[:1] if self.is_hedging else fitting:
            volume = min(each.volume, rest)
            taken.append((_Open(each.id, each.side, volume, each.price), volume))
            each.volume, rest = EXACT.subtract(each.volume, volume), EXACT.subtract(rest, volume)
        if self.is_hedging and taken:
            deal.position = taken[0][0].id
            if deal.position in known:
                known.remove(deal.position)
        return taken


def _gain(position: _Open, deal: _Deal, volume: Decimal) -> Decimal:
    difference = deal.price - position.price
    return volume * (difference if position.side == "BUY" else -difference)


def _sum(amounts: list[Decimal]) -> Decimal:
    total = ZERO
    for each in amounts:
        total = EXACT.add(total, each)
    return total


def _names(row: list[str]) -> list[str]:
    """The names of the columns; the second price is that of the exit."""
    names: list[str] = []
    for name in english(row):
        names.append(f"{name}2" if name in names and name else name)
    return names


def _by_name(names: list[str], row: list[str]) -> dict[str, str]:
    """The cells of a row by the names of their columns; those that it lacks are blank."""
    return dict.fromkeys(names, "") | dict(zip(names, row, strict=False))


def _is_heading(row: list[str]) -> bool:
    if english(row[:1]) not in ([DEALS[0]], [CLOSED[0]]):  # most rows are none
        return False
    names = _names(row)
    return names[: len(DEALS)] == list(DEALS) or names[: len(CLOSED)] == list(CLOSED)
