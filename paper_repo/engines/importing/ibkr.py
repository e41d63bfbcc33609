"""Activity statements of Interactive Brokers as CSV: sections, each with headings of its own.

A row that begins with a section's name and `Data` belongs to it. Of the section Trades only the rows `Trade` are fills
(or `Order`, where a statement has no others): `Order`, `ClosedLot` and `SubTotal` say the same thing again. Times are
those of New York, as the broker documents. Flex queries are one table, and read as such.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from paper_repo.domain import CashFlowKind, Instrument, Settlement
from paper_repo.domain.values import EXACT
from paper_repo.engines.importing import delimited
from paper_repo.engines.importing.amounts import NumberEvidence, NumberReader, is_zero
from paper_repo.engines.importing.cells import number_in, time_in
from paper_repo.engines.importing.headings import folded
from paper_repo.engines.importing.proportions import Proportion
from paper_repo.engines.importing.records import Draft, SourceFill, SourceFlow, Stated
from paper_repo.engines.importing.text_files import TextFile
from paper_repo.engines.importing.times import TimeReader, zone_named

ZERO = Decimal(0)
NEW_YORK = "America/New_York"
MARGIN = ("futures", "cfd")
"""What the names of asset categories that are settled by margin begin with."""
FLOWS: dict[str, CashFlowKind] = {
    "deposits & withdrawals": CashFlowKind.DEPOSIT,
    "dividends": CashFlowKind.DIVIDEND,
    "payment in lieu of dividends": CashFlowKind.DIVIDEND,
    "withholding tax": CashFlowKind.TAX,
    "interest": CashFlowKind.INTEREST,
    "broker interest paid": CashFlowKind.INTEREST,
    "broker interest received": CashFlowKind.INTEREST,
    "bond interest received": CashFlowKind.INTEREST,
    "bond interest paid": CashFlowKind.INTEREST,
    "fees": CashFlowKind.FEE,
    "other fees": CashFlowKind.FEE,
    "commission adjustments": CashFlowKind.FEE,
    "transaction fees": CashFlowKind.TAX,
    "sales tax": CashFlowKind.TAX,
}
"""What the rows of sections are, whose amounts are not in fills."""


def read(path: Path, draft: Draft) -> None:
    """Read a statement into the draft."""
    text = TextFile(path)
    _, first = next(iter(text.rows()), (0, []))
    if len(first) >= 2 and first[1].strip() in ("Header", "Data", "SubTotal", "Total"):
        _Statement(text, draft).read()
    else:
        delimited.read(path, draft)


class _Statement:
    def __init__(self, text: TextFile, draft: Draft) -> None:
        self._text, self._draft = text, draft
        self._multipliers: dict[str, str] = {}
        self._proportions: dict[str, Proportion] = {}
        self._booked_level = "trade"
        self._fees = self._realized = ZERO

    def read(self) -> None:
        """Read it twice: first what its other sections say of instruments and formats, then its trades."""
        self._survey()
        draft = self._draft
        for line, section, kind, row in self._rows():
            draft.rows += 1
            if kind != "data":
                draft.leave_out(f"{section}: {kind}")
            elif section == "trades":
                self._trade(row, line)
            elif section == "cash report":
                self._cash(row, line)
            elif section in FLOWS:
                self._flow(FLOWS[section], section, row, line)
            else:
                draft.leave_out(f"{section}: not booked")
        self._state()

    def _rows(self) -> Iterator[tuple[int, str, str, dict[str, str]]]:
        """The rows of all sections: the line, the name of the section, the kind of the row, its cells by heading."""
        headings: dict[str, list[str]] = {}
        for line, row in self._text.rows():
            if len(row) < 2:
                continue
            section, kind = row[0].strip().lstrip("\ufeff").casefold(), row[1].strip().casefold()
            if kind == "header":
                headings[section] = [folded(each) for each in row[2:]]
                continue
            names = headings.get(section)
            if names is None:
                raise self._draft.wrong(f"section {row[0][:60]!r} has no headings", row=line)
            yield line, section, kind, dict(zip(names, row[2:], strict=False))

    def _survey(self) -> None:
        evidence, levels = NumberEvidence(), set[str]()
        for line, section, kind, row in self._rows():
            if kind != "data":
                continue
            if section == "account information" and folded(row.get("fieldname", "")) == "basecurrency":
                self._draft.base_currency = row.get("fieldvalue", "").strip() or None
            elif section == "financial instrument information":
                for symbol in row.get("symbol", "").split(","):
                    self._multipliers[symbol.strip()] = row.get("multiplier", "").strip()
            elif section == "trades":
                levels.add(row.get("datadiscriminator", "").strip().casefold())
                for name in ("quantity", "tprice", "proceeds", "comm/fee"):
                    evidence.add(row.get(name, ""), line)
            elif section in FLOWS:
                evidence.add(row.get("amount", ""), line)
        self._booked_level = "trade" if "trade" in levels or "order" not in levels else "order"
        self._numbers = NumberReader(evidence.decide(self._draft.file, ",", self._draft.options.decimal_sign))
        chosen = self._draft.options.timezone
        self._times = TimeReader(self._draft, zone_named(chosen) if chosen else ZoneInfo(NEW_YORK))
        if chosen is None:
            self._draft.notes.append(f"times were taken as {NEW_YORK} (timezone=..., --timezone)")

    def _trade(self, row: Mapping[str, str], line: int) -> None:
        draft = self._draft
        level = row.get("datadiscriminator", "").strip()
        if level.casefold() != self._booked_level:
            draft.leave_out(f"trades: {level or 'no kind'}, a repetition")
            return
        category, symbol = row.get("assetcategory", "").strip(), row.get("symbol", "").strip()
        if category.casefold().startswith("forex"):
            draft.leave_out("trades: Forex, a change of currencies")
            return
        quantity, price = self._number(row, line, "quantity"), self._number(row, line, "tprice")
        if quantity is None or price is None or is_zero(quantity):
            draft.leave_out("trades: nothing was filled")
            return
        proceeds, fee = self._number(row, line, "proceeds"), self._number(row, line, "comm/fee")
        currency = row.get("currency", "").strip() or None
        code = row.get("code", "").replace(" ", "")
        amount, is_sale = quantity.removeprefix("-"), quantity[0] == "-"
        self._require_instrument(category, symbol)
        if proceeds is not None:
            proportion = self._proportions.setdefault(symbol, Proportion())
            proportion.add(proceeds, float(amount) * float(price))
        cost = ZERO if fee is None else EXACT.minus(Decimal(fee))
        realized = self._number(row, line, "realizedp/l")
        base = draft.base_currency
        if currency in (None, base):
            self._fees = EXACT.add(self._fees, cost)
            self._realized = EXACT.add(self._realized, Decimal(realized or "0"))
        draft.add(
            SourceFill(
                line,
                time_in(draft, self._times, row.get("date/time", ""), line, "date/time"),
                symbol,
                "SELL" if is_sale else "BUY",
                amount,
                price,
                str(cost),
                currency,
                opens_short=is_sale and "O" in code.split(";"),
                metadata=draft.keep(code=code, exchange=row.get("exchange", "").strip().strip("-"), category=category),
            )
        )

    def _require_instrument(self, category: str, symbol: str) -> None:
        if symbol in self._draft.instruments:
            return
        kind = category.casefold()
        stated = self._multipliers.get(symbol, "")
        multiplier = Decimal(stated.replace(",", "")) if stated.replace(",", "").replace(".", "").isdigit() else None
        if multiplier is None:
            multiplier = Decimal(100) if "option" in kind and "future" not in kind else Decimal(1)
        is_margin = kind.startswith(MARGIN) and "option" not in kind
        settlement = Settlement.MARGIN if is_margin else Settlement.CASH
        if multiplier != 1 or settlement is Settlement.MARGIN:
            self._draft.instruments[symbol] = Instrument(symbol, multiplier=multiplier, settlement=settlement)

    def _flow(self, kind: CashFlowKind, section: str, row: Mapping[str, str], line: int) -> None:
        draft = self._draft
        currency = row.get("currency", "").strip()
        at = row.get("settledate", "").strip() or row.get("date", "").strip() or row.get("date/time", "").strip()
        if not currency or currency.casefold().startswith("total") or not at:
            draft.leave_out(f"{section}: total")
            return
        amount = self._number(row, line, "amount")
        if amount is None or is_zero(amount):
            draft.leave_out(f"{section}: no amount")
            return
        if kind is CashFlowKind.DEPOSIT and amount[0] == "-":
            kind = CashFlowKind.WITHDRAWAL
        description = row.get("description", "").strip()
        symbol = description.partition("(")[0].strip() if kind in (CashFlowKind.DIVIDEND, CashFlowKind.TAX) else ""
        draft.add_flow(
            SourceFlow(
                line,
                time_in(draft, self._times, at, line, "date"),
                kind,
                amount,
                currency,
                symbol if symbol.isupper() and len(symbol) <= 12 else None,
                metadata=draft.keep(description=description),
            )
        )

    def _cash(self, row: Mapping[str, str], line: int) -> None:
        """The cash at the beginning and at the end, in the base currency."""
        self._draft.leave_out("cash report: compared")
        currency, what = row.get("currency", "").strip().casefold(), folded(row.get("currencysummary", ""))
        amount = self._number(row, line, "total")
        if currency != "base currency summary" or amount is None:
            return
        if what == "startingcash":
            self._draft.initial_cash = Decimal(amount)
        elif what == "endingcash":
            self._draft.stated.append(Stated("ending cash", "cash of all currencies", Decimal(amount)))

    def _number(self, row: Mapping[str, str], line: int, name: str) -> str | None:
        return number_in(self._draft, self._numbers, row, line, name)

    def _state(self) -> None:
        draft = self._draft
        for symbol, each in self._proportions.items():
            known = draft.instruments.get(symbol)
            implied = each.multiplier
            if implied is not None and (known is None or known.multiplier not in (implied, Decimal(1))):
                draft.implied_multipliers[symbol] = implied
                if known is not None and known.multiplier != implied:
                    draft.instruments.pop(symbol)
        draft.stated.append(Stated("commissions", "fees", self._fees))
        draft.stated.append(
            Stated("realized profit after commissions", "net profit of closed trades", self._realized, Decimal("0.005"))
        )
