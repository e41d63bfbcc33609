"""In which currencies and by which multipliers a file is booked, and what of it is refused unless it is asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from paper_repo.domain import Instrument, Settlement
from paper_repo.engines.importing.records import Allowed, Draft


class Terms:
    """In which currencies and by which multipliers the records of a file are booked.

    Raises:
        SourceFileError: something is refused unless it is asked for; the message says how.
    """

    def __init__(self, draft: Draft, known_rates: Mapping[str, Decimal], known_base: str | None = None) -> None:
        self._draft = draft
        options = draft.options
        self.rates: dict[str, Decimal] = {**options.rates, **known_rates}
        known_base = None if draft.currencies else known_base
        self.base: str = options.base_currency or draft.base_currency or known_base or self._commonest()
        self.foreign: set[str] = set()
        """The symbols whose rows are left out."""
        self.instruments: dict[str, Instrument] = {}
        self._problems: list[str] = []
        self._ways_out: set[Allowed | None] = set()
        self._book_currencies()
        self._book_multipliers()
        self._require_priced_fees()
        if self._problems:
            only = self._ways_out.pop() if len(self._ways_out) == 1 else None
            raise draft.wrong("; ".join(self._problems), option=only)

    def is_margin(self, symbol: str) -> bool:
        """Whether a symbol is settled by margin."""
        instrument = self.instruments.get(symbol)
        return instrument is not None and instrument.settlement is Settlement.MARGIN

    def is_priced(self, currency: str) -> bool:
        """Whether an amount in this currency has a worth in the base currency."""
        return currency == self.base or currency in self.rates

    def _refuse(self, problem: str, option: Allowed | None = None) -> None:
        self._problems.append(problem)
        self._ways_out.add(option)

    def _commonest(self) -> str:
        found = self._draft.currencies
        if found:
            return max(found, key=lambda name: found[name])
        self._draft.notes.append("the file names no currency; it was taken as USD (base_currency=..., --currency)")
        return "USD"

    def _book_currencies(self) -> None:
        allowed = self._draft.options.allow
        missing: dict[str, str] = {}
        for symbol, (currency, _) in self._draft.symbols.items():
            if currency in (None, self.base):
                continue
            if currency in self.rates:
                self._instrument(symbol, currency=currency)
            elif "foreign-rows" in allowed:
                self.foreign.add(symbol)
            else:
                missing.setdefault(str(currency), symbol)
        for currency, symbol in missing.items():
            self._refuse(
                f"{symbol} (row {self._draft.first_rows[symbol]}) is priced in {currency}, of which no rate in "
                f"{self.base} is given: say rates={{{currency!r}: ...}} (--rate {currency}=...), or leave such rows "
                "out: allow=['foreign-rows'] (--allow foreign-rows)",
                "foreign-rows",
            )

    def _require_priced_fees(self) -> None:
        draft = self._draft
        if "unpriced-fees" in draft.options.allow:
            return
        found = dict(draft.fee_currencies)
        for symbol, row in draft.fees_in_asset.items():
            asset = draft.symbols[symbol][1]
            if asset is not None and self.is_margin(symbol):  # else it is taken out of what was bought
                found.setdefault(asset, row)
        for currency, row in found.items():
            if not self.is_priced(currency):
                self._refuse(
                    f"the fee in row {row} is paid in {currency}, of which no rate in {self.base} is given: say "
                    f"rates={{{currency!r}: ...}} (--rate {currency}=...), or keep such fees in the metadata "
                    "and book none: allow=['unpriced-fees'] (--allow unpriced-fees)",
                    "unpriced-fees",
                )

    def _book_multipliers(self) -> None:
        draft = self._draft
        for symbol, instrument in draft.instruments.items():
            self._instrument(
                symbol,
                multiplier=instrument.multiplier,
                settlement=instrument.settlement,
                metadata=instrument.metadata,
                asset=instrument.asset,
            )
        for symbol in draft.symbols:
            if draft.is_margin:
                self._instrument(symbol, settlement=Settlement.MARGIN)
            if symbol in draft.options.multipliers:
                self._instrument(symbol, multiplier=draft.options.multipliers[symbol])
            elif symbol in draft.implied_multipliers and symbol not in draft.instruments:
                implied = draft.implied_multipliers[symbol]
                self._refuse(
                    f"the amounts of {symbol} imply a multiplier of {implied}: say "
                    f"multipliers={{{symbol!r}: {implied}}} "
                    f"(--multiplier '{symbol}={implied}'), or 1 to book them without one"
                )

    def _instrument(self, symbol: str, **changes: Any) -> None:
        known = self.instruments.get(symbol) or Instrument(symbol)
        changed = dataclasses.replace(known, **changes)
        if changed != Instrument(symbol):
            self.instruments[symbol] = changed
