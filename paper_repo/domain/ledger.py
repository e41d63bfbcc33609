"""Ledger entries: what changes an account beside its fills, as deposits, dividends, splits and new names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

from paper_repo.domain import one_line
from paper_repo.domain.secrecy import shown
from paper_repo.domain.values import (
    Amount,
    amount,
    choice,
    identifier,
    instant,
    invalid,
    json_object,
    naming,
    optional_identifier,
    optional_positive,
    positive,
    utc_now,
)
from paper_repo.errors import InvalidSessionError


class CashFlowKind(StrEnum):
    """What a cash flow is: DEPOSIT, WITHDRAWAL, DIVIDEND, INTEREST, FUNDING, TAX, FEE or OTHER."""

    DEPOSIT = "DEPOSIT"
    WITHDRAWAL = "WITHDRAWAL"
    DIVIDEND = "DIVIDEND"
    INTEREST = "INTEREST"
    FUNDING = "FUNDING"
    TAX = "TAX"
    FEE = "FEE"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
@one_line.described(one_line.cash_flow)
class CashFlow:
    """Money that comes in (`amount` above zero) or goes out (below) without a trade.

    - `currency`: of the amount; None: the session's base currency.
    - `symbol`: what it was paid for, as the share of a dividend.
    - `rate`: the price of one unit of `currency` in the base currency at that time. A session that books the flow uses
      the rate that it knows, and notes it here; given, it becomes the session's rate.
    """

    id: str
    kind: CashFlowKind
    amount: Decimal
    at: datetime = field(default_factory=utc_now)
    currency: str | None = None
    symbol: str | None = None
    rate: Decimal | None = None
    metadata: dict[str, Any] = field(default_factory=dict, hash=False)

    if TYPE_CHECKING:

        def __init__(
            self,
            id: str,
            kind: CashFlowKind | str,
            amount: Amount,
            at: datetime = ...,
            currency: str | None = ...,
            symbol: str | None = ...,
            rate: Amount | None = ...,
            metadata: dict[str, Any] = ...,
        ) -> None: ...

    def __post_init__(self) -> None:
        try:
            self._check()
        except InvalidSessionError as error:
            raise naming(error, f"cash flow {shown(self.id)}") from None

    def _check(self) -> None:
        _set(self, "id", identifier(self.id, "id"))
        _set(self, "kind", choice(CashFlowKind, self.kind, "kind"))
        _set(self, "amount", amount(self.amount, "amount"))
        _set(self, "at", instant(self.at, "at"))
        _set(self, "currency", optional_identifier(self.currency, "currency"))
        _set(self, "symbol", optional_identifier(self.symbol, "symbol"))
        _set(self, "rate", optional_positive(self.rate, "rate"))
        json_object(self.metadata, "metadata")
        if self.kind is CashFlowKind.DEPOSIT and self.amount < 0:
            raise invalid("amount", f"a deposit of {self.amount} is a WITHDRAWAL.")
        if self.kind is CashFlowKind.WITHDRAWAL and self.amount > 0:
            raise invalid("amount", f"a withdrawal takes money out: give {-self.amount}, or make it a DEPOSIT.")


@dataclass(frozen=True, slots=True)
@one_line.described(one_line.split)
class Split:
    """A split of a share: `ratio` new ones for every `per` old ones, as 2 for 1, or 1 for 10 (a reverse split)."""

    id: str
    symbol: str
    ratio: Decimal
    at: datetime = field(default_factory=utc_now)
    per: Decimal = Decimal(1)
    metadata: dict[str, Any] = field(default_factory=dict, hash=False)

    if TYPE_CHECKING:

        def __init__(
            self,
            id: str,
            symbol: str,
            ratio: Amount,
            at: datetime = ...,
            per: Amount = ...,
            metadata: dict[str, Any] = ...,
        ) -> None: ...

    def __post_init__(self) -> None:
        try:
            self._check()
        except InvalidSessionError as error:
            raise naming(error, f"split {shown(self.id)}") from None

    def _check(self) -> None:
        _set(self, "id", identifier(self.id, "id"))
        _set(self, "symbol", identifier(self.symbol, "symbol"))
        _set(self, "ratio", positive(self.ratio, "ratio"))
        _set(self, "at", instant(self.at, "at"))
        _set(self, "per", positive(self.per, "per"))
        json_object(self.metadata, "metadata")


@dataclass(frozen=True, slots=True)
@one_line.described(one_line.symbol_change)
class SymbolChange:
    """A symbol that has got another name; positions, orders and the instrument go on under `new_symbol`."""

    id: str
    symbol: str
    new_symbol: str
    at: datetime = field(default_factory=utc_now)
    metadata: dict[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        try:
            self._check()
        except InvalidSessionError as error:
            raise naming(error, f"symbol change {shown(self.id)}") from None

    def _check(self) -> None:
        _set(self, "id", identifier(self.id, "id"))
        _set(self, "symbol", identifier(self.symbol, "symbol"))
        _set(self, "new_symbol", identifier(self.new_symbol, "new_symbol"))
        _set(self, "at", instant(self.at, "at"))
        json_object(self.metadata, "metadata")
        if self.symbol == self.new_symbol:
            raise invalid("new_symbol", f"{self.symbol!r} is the symbol that it has already.")


LedgerEntry: TypeAlias = CashFlow | Split | SymbolChange
"""Whatever changes an account beside its fills; ids are unique among all ledger entries of a session."""


def cash_flows(entries: Iterable[LedgerEntry], kind: CashFlowKind | str | None = None) -> list[CashFlow]:
    """The cash flows among ledger entries; of one kind, if it is given."""
    wanted = None if kind is None else choice(CashFlowKind, kind, "kind")
    return [each for each in entries if isinstance(each, CashFlow) and wanted in (None, each.kind)]


_set = object.__setattr__
