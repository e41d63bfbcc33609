"""What every source gives: fills, cash flows, and what its file says of itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, NamedTuple, TypeAlias

from paper_repo.domain.instruments import Instrument
from paper_repo.domain.ledger import CashFlowKind
from paper_repo.domain.values import EXACT
from paper_repo.errors import SourceFileError

Allowed: TypeAlias = Literal["shorts", "foreign-rows", "unpriced-fees", "rewritten"]
"""What is refused unless `allow` names it.

- "shorts": a sale of more than is held, where the file does not say that it opens a short position.
- "foreign-rows": rows in a currency without a rate; they are left out.
- "unpriced-fees": fees in a coin without a rate; they are kept in `metadata` and not booked.
- "rewritten": a file that lacks fills of its own time that an earlier import has stored.
"""
ALLOWED: tuple[Allowed, ...] = ("shorts", "foreign-rows", "unpriced-fees", "rewritten")

DateOrder: TypeAlias = Literal["day-first", "month-first"]
DecimalSign: TypeAlias = Literal["point", "comma"]


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller of an import has said, as `import_file` documents it."""

    strategy: str | None = None
    base_currency: str | None = None
    initial_cash: Decimal | None = None
    symbol: str | None = None
    timezone: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    rates: Mapping[str, Decimal] = field(default_factory=dict)
    multipliers: Mapping[str, Decimal] = field(default_factory=dict)
    date_order: DateOrder | None = None
    decimal_sign: DecimalSign | None = None
    allow: frozenset[str] = frozenset()


class SourceFill(NamedTuple):
    """A fill as a file has it; amounts are plain decimals as text, `at` is in microseconds since 1970 in UTC.

    - `currency`: of the price; None where the file does not say it.
    - `fee_currency`: None: that of the price. `asset`: the coin that the symbol is a quantity of, where it is known.
    - `id`: None where the file has none.
    - `opens_short`: whether the file marks it as a sale that may open a short position.
    """

    row: int
    at: int
    symbol: str
    side: str
    quantity: str
    price: str
    fee: str = "0"
    currency: str | None = None
    fee_currency: str | None = None
    asset: str | None = None
    id: str | None = None
    order_id: str | None = None
    position_id: str | None = None
    opens_short: bool = False
    metadata: dict[str, Any] | None = None


class SourceFlow(NamedTuple):
    """A payment as a file has it, like `SourceFill`; `amount` is below zero for what was paid."""

    row: int
    at: int
    kind: CashFlowKind
    amount: str
    currency: str | None = None
    symbol: str | None = None
    id: str | None = None
    metadata: dict[str, Any] | None = None


Figure: TypeAlias = Literal[
    "cash", "cash of all currencies", "cash from fills", "equity", "fees", "fills", "gross profit", "net profit",
    "net profit of closed trades", "profit", "trades", "round trips", "winning trades", "losing trades", "turnover",
    "other cash",
]  # fmt: skip
"""What can be compared with what was booked; "profit" is the nearer of those before and after fees."""


class Stated(NamedTuple):
    """A figure that the file states, and by how much its own rounding may have changed it."""

    name: str
    figure: Figure
    value: Decimal
    rounding: Decimal = Decimal(0)


class Draft:
    """What has been read of a file so far; records go to `records`, everything else stays here."""

    def __init__(self, file: str, options: Options, records: Any) -> None:
        self.file = file
        self.options = options
        self.strategy: str | None = None
        self.base_currency: str | None = None
        self.initial_cash: Decimal | None = None
        self.instruments: dict[str, Instrument] = {}
        self.is_margin = False
        """Whether every symbol is settled by margin."""
        self.stated: list[Stated] = []
        self.left_out: Counter[str] = Counter()
        self.money_left_out: dict[str, dict[str | None, Decimal]] = {}
        """By reason and by currency, the amounts of rows that were left out, which were money."""
        self.balance: Stated | None = None
        """What the account held at the end, as the rows state it."""
        self.kept: dict[str, None] = {}
        """The fields that were kept in `metadata`."""
        self.unread_columns: list[str] = []
        """What the columns of a table are called that say nothing an account needs, or nothing that is known."""
        self.notes: list[str] = []
        self.reasons: list[str] = []
        """Why figures may differ from what the file states."""
        self.points: list[tuple[int, str]] = []
        """Times and equities that the file states."""
        self.metadata: dict[str, Any] = {}
        self.rows = self.times_at_clock_changes = 0
        """How many were read, and how many times are in an hour that a clock change repeats or skips."""
        self.turnover: dict[tuple[str | None, str], Stated] = {}
        """By currency and side, what the rows say that was traded."""
        self.taxes: dict[tuple[str | None, str], Decimal] = {}
        """Likewise, what taxes add to it: they make purchases dearer, and take from sales."""
        self.implied_multipliers: dict[str, Decimal] = {}
        self.last_prices: dict[str, str] = {}
        """At the end of the file, where it says them."""
        self.fee_currencies: dict[str, int] = {}
        """Of fees in neither the currency of the price nor the coin that is traded: the first row of each currency."""
        self.fees_in_asset: dict[str, int] = {}
        """By symbol, the first row whose fee is paid in the coin that is traded."""
        self.first_rows: dict[str, int] = {}
        """The first row of each symbol."""
        self.currencies: dict[str, int] = {}
        """The currencies of prices, and how many rows have each."""
        self.symbols: dict[str, tuple[str | None, str | None]] = {}
        """By symbol, the currency of its price and the asset that it is a quantity of."""
        self._records = records

    def add(self, fill: SourceFill) -> None:
        """Take a fill."""
        currency = fill.currency
        if currency is not None:
            self.currencies[currency] = self.currencies.get(currency, 0) + 1
        known = self.symbols.get(fill.symbol)
        if known is None:
            self.symbols[fill.symbol] = (currency, fill.asset)
            self.first_rows[fill.symbol] = fill.row
        elif known[0] != currency:
            raise self.wrong(
                f"{fill.symbol!r} is priced in {currency} here and in {known[0]} before; "
                "give the two symbols of their own",
                row=fill.row,
            )
        if fill.fee_currency is not None and fill.fee_currency != currency:
            self._note_fee(fill, fill.fee_currency)
        self._records.add_fill(fill)

    def _note_fee(self, fill: SourceFill, currency: str) -> None:
        rows, key = (self.fees_in_asset, fill.symbol) if currency == fill.asset else (self.fee_currencies, currency)
        if key not in rows and Decimal(fill.fee):
            rows[key] = fill.row

    @property
    def is_newest_first(self) -> bool:
        """Whether the file goes back in time, as far as it was read."""
        return bool(self._records.is_newest_first)

    def add_flow(self, flow: SourceFlow) -> None:
        """Take a payment."""
        self._records.add_flow(flow)

    def take_multiplier(self, symbol: str, multiplier: str, row: int) -> None:
        """Note the multiplier that the file states for a symbol."""
        value = Decimal(multiplier)
        known = self.instruments.get(symbol)
        if known is None and value != 1:
            self.instruments[symbol] = Instrument(symbol, multiplier=value)
        elif known is not None and known.multiplier != value:
            raise self.wrong(f"the multiplier of {symbol!r} is {value} here and {known.multiplier} before", row=row)

    def leave_out(self, reason: str, count: int = 1) -> None:
        """Count rows that are not booked."""
        self.left_out[reason] += count

    def leave_money_out(self, reason: str, currency: str | None, amount: Decimal) -> None:
        """Count the amount of a row that is not booked."""
        sums = self.money_left_out.setdefault(reason, {})
        sums[currency] = EXACT.add(sums.get(currency, Decimal(0)), amount)

    def keep(self, **fields: Any) -> dict[str, Any] | None:
        """What is kept in the metadata of one record: the fields that have a value."""
        found = {name: value for name, value in fields.items() if value not in (None, "")}
        for name in found:
            self.kept[name] = None
        return found or None

    def wrong(
        self,
        problem: str,
        *,
        row: int | None = None,
        column: str | None = None,
        fill_id: str | None = None,
        option: Allowed | None = None,
    ) -> SourceFileError:
        """The error about a place in the file."""
        return SourceFileError(problem, file=self.file, row=row, column=column, fill_id=fill_id, option=option)
