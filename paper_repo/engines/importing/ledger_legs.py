"""Ledgers of exchanges, where a trade is several rows: what was received, what was paid, and the fee.

Binance (transaction history) has legs of one second, Coinbase (account statement) legs with the id of their trade. All
legs of one trade, or of one second in one pair, make one fill at the price that all of it has cost.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

from paper_repo.domain import CashFlowKind
from paper_repo.domain.values import EXACT, ROUNDED
from paper_repo.engines.importing.headings import Headings, folded
from paper_repo.engines.importing.meanings import Vocabulary, word, words
from paper_repo.engines.importing.records import SourceFill, SourceFlow, Stated
from paper_repo.engines.importing.sorting import plain
from paper_repo.engines.importing.tables import Table

ZERO = Decimal(0)
LEGS = words("buy sell match transactionrelated transactionbuy transactionspend transactionsold transactionrevenue")
CONVERSIONS = words("binanceconvert convert largeotctrading stablecoinsautoconversion")
FEES = words("fee transactionfee")
"""What the rows of trades are called; a conversion is a trade of its own, also beside another one."""
FIAT = {"fiatdeposit": CashFlowKind.DEPOSIT, "fiatwithdraw": CashFlowKind.WITHDRAWAL}
"""Payments that only ledgers call so."""
QUOTES = (
    *("USD", "EUR", "GBP", "CHF", "JPY", "AUD", "CAD", "BRL", "TRY"),
    *("USDT", "USDC", "FDUSD", "BUSD", "TUSD", "DAI"),
    *("BTC", "ETH", "BNB"),
)
"""Of two coins that were exchanged, the first one of these is the currency of the price."""
IN_THE_ORDER_OF_THE_FILE = (
    "SELECT trade, row, at, is_fee, coin, amount, order_id FROM "
    "(SELECT *, min(row) OVER (PARTITION BY trade) AS first FROM leg) ORDER BY first, trade, row"
)
OTHER_WAY = "export the trades (trade history, fills) of the exchange instead"


class _Leg(NamedTuple):
    key: str
    row: int
    at: int
    is_fee: int
    coin: str
    amount: str
    order_id: str | None


@dataclass(frozen=True)
class _Columns:
    """Where a ledger has what."""

    time: int
    kind: int
    coin: int
    amount: int
    account: int | None = None
    balance: int | None = None
    trade_id: int | None = None
    order_id: int | None = None


@dataclass
class _Balance:
    """What an account held before the first and after the last row of the file."""

    first: tuple[int, Decimal, Decimal]
    last: tuple[int, Decimal, Decimal]

    def ends(self) -> tuple[Decimal, Decimal]:
        """Before the oldest row and after the newest, whichever of them comes first."""
        oldest, newest = (self.first, self.last) if self.first[0] <= self.last[0] else (self.last, self.first)
        return EXACT.subtract(oldest[2], oldest[1]), newest[2]


def has_headings(headings: Headings) -> bool:
    """Whether these are the headings of a ledger: an operation, a coin and a change of its balance."""
    names = {folded(each) for each in headings.names}
    return {"operation", "coin", "change"} <= names or {"amount", "amount/balanceunit", "tradeid"} <= names


def read_table(table: Table) -> None:
    """Put the rows of each trade together."""
    with closing(_Legs()) as legs:
        _Ledger(table, legs).read()


class _Legs:
    """The legs of all trades, on disk where they are many."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("CREATE TABLE leg (trade TEXT, row INTEGER, at, is_fee, coin, amount, order_id)")
        self._database.execute("BEGIN")

    def close(self) -> None:
        """Delete them."""
        self._database.close()

    def add(self, leg: _Leg) -> None:
        """Keep one."""
        self._database.execute("INSERT INTO leg VALUES (?, ?, ?, ?, ?, ?, ?)", leg)

    def trades(self) -> Iterator[list[_Leg]]:
        """The legs of each trade."""
        legs = map(_Leg._make, self._database.execute(IN_THE_ORDER_OF_THE_FILE))
        for _, found in groupby(legs, key=lambda leg: leg.key):
            yield list(found)


@dataclass
class _Ledger:
    table: Table
    legs: _Legs
    coins: Counter[str] = field(default_factory=Counter)
    balances: dict[str, _Balance] = field(default_factory=dict)
    traded: Decimal = ZERO
    """By how much all trades together have changed the cash."""

    def read(self) -> None:
        """Read it."""
        draft, table = self.table.draft, self.table
        self.words = Vocabulary(draft.options.words)
        self.columns = self._choose()
        self.numbers, self.times = table.formats(
            [self.columns.amount], [self.columns.time], table.zone_in(self.columns.time), self._count
        )
        self.base = draft.options.base_currency or self._commonest()
        draft.base_currency = self.base
        for line, row in table.rows():
            draft.rows += 1
            if (reason := table.is_left_out(row) or self._row(row, line)) is not None:
                draft.leave_out(reason)
        for legs in self.legs.trades():
            self._trade(legs)
        draft.stated.append(Stated(f"sum of {self.base} in trades", "cash from fills", self.traded))
        self._state_balances()
        draft.notes += self.words.notes

    def _choose(self) -> _Columns:
        index = {folded(name): place for place, name in reversed(list(enumerate(self.table.headings.names)))}
        is_binance = "operation" in index
        time = next((index[name] for name in ("utctime", "time", "date(utc)") if name in index), None)
        kind = index.get("operation" if is_binance else "type")
        if time is None or kind is None:
            raise self.table.draft.wrong(f"the ledger has no column of times or of types; {OTHER_WAY}")
        if is_binance:
            return _Columns(time, kind, index["coin"], index["change"], index.get("account"))
        account, balance, order = (index.get(name) for name in ("portfolio", "balance", "orderid"))
        return _Columns(
            time, kind, index["amount/balanceunit"], index["amount"], account, balance, index["tradeid"], order
        )

    def _count(self, row: list[str]) -> None:
        if word(row[self.columns.kind]) in LEGS:
            self.coins[row[self.columns.coin].strip()] += 1

    def _commonest(self) -> str:
        """The currency in which most trades are priced."""
        found = max(QUOTES, key=lambda coin: self.coins[coin])
        if not self.coins[found]:
            raise self.table.draft.wrong(
                "no leg of its trades is in a currency that is known; say which one: base_currency='USDT' "
                "(--currency USDT)"
            )
        return found

    def _row(self, row: list[str], line: int) -> str | None:
        """Take one row; or why it is none."""
        columns, table = self.columns, self.table
        kind, coin = word(row[columns.kind]), row[columns.coin].strip()
        account = row[columns.account].strip() if columns.account is not None else ""
        if "futures" in account.casefold():
            return f"account {account}: its trades are not in a ledger"
        found = table.number(self.numbers, row, line, columns.amount)
        if found is None or not coin:
            return "no amount (a total or a footer)"
        at = table.time(self.times, row, line, columns.time)
        if columns.balance is not None and coin == self.base:
            self._note_balance(account, at, Decimal(found.text), row, line)
        if kind in LEGS or kind in CONVERSIONS or kind in FEES:
            trade = "" if columns.trade_id is None else row[columns.trade_id].strip()
            if not trade and columns.trade_id is not None:
                return f"{row[columns.kind].strip()[:40]!r} without the id of a trade"
            key = f"{account}|{kind if kind in CONVERSIONS else ''}|{at}|{trade}"
            order = None if columns.order_id is None else row[columns.order_id].strip() or None
            self.legs.add(_Leg(key, line, at, kind in FEES, coin, found.text, order))
            return None
        return self._flow(row[columns.kind].strip(), kind, coin, found.text, at, line)

    def _flow(self, name: str, kind: str, coin: str, amount: str, at: int, line: int) -> str | None:
        """Take a payment in the base currency; what came and went in coins has no price."""
        if self.words.is_skipped(kind):
            return f"{name[:40]!r} is skipped, as asked"
        found = self.words.flow_of(kind) or FIAT.get(kind)
        if found is None:
            reason = f"{name[:40]!r} is not a trade"
            if coin == self.base and Decimal(amount):
                self.table.draft.leave_money_out(reason, coin, Decimal(amount))
            return reason
        if coin != self.base:
            return f"{kind} of {coin}, without a price in {self.base}"
        if not Decimal(amount):
            return f"{kind} of nothing"
        self.table.draft.add_flow(SourceFlow(line, at, found, amount, coin))
        return None

    # Trades

    def _trade(self, legs: list[_Leg]) -> None:
        """Make fills of the legs of one trade, or of one second in one pair."""
        sums, fees = _sums(legs, is_fee=False), _sums(legs, is_fee=True)
        quote = min(sums, key=self._rank, default="")
        coin = next((each for each in sums if each != quote), "")
        is_trade = len(sums) == 2 and sums[coin] * sums[quote] < 0 and self._rank(quote) <= len(QUOTES)
        if not is_trade or len(fees) > 1:
            raise self._not_told_apart(legs, sums, fees)
        parts = _parts(_amounts(legs, coin), _amounts(legs, quote))
        fee_currency, paid = next(iter(fees.items()), (quote, ZERO))
        costs = _amounts(legs, fee_currency, is_fee=True)
        if len(costs) != len(parts):
            costs = [ZERO] * (len(parts) - 1) + [paid]
        for (quantity, value), cost in zip(parts, costs, strict=True):
            self._fill(legs[0], (coin, quote), quantity, value, EXACT.minus(cost), fee_currency)
        for amounts in (sums, fees):
            self.traded = EXACT.add(self.traded, amounts.get(self.base, ZERO))

    def _fill(
        self, leg: _Leg, pair: tuple[str, str], quantity: Decimal, value: Decimal, fee: Decimal, fee_currency: str
    ) -> None:
        """Take a fill: by `quantity` and `value` what was held of the coin and of its currency has changed."""
        coin, quote = pair
        price = ROUNDED.divide(abs(value), abs(quantity))
        if fee_currency == quote:  # what the price cannot express
            fee = EXACT.subtract(fee, EXACT.add(value, EXACT.multiply(price, quantity)))
        has_id = self.columns.trade_id is not None
        self.table.draft.add(
            SourceFill(
                leg.row,
                leg.at,
                f"{coin}-{quote}" if has_id else f"{coin}{quote}",
                "BUY" if quantity > 0 else "SELL",
                plain(f"{abs(quantity):f}"),
                plain(f"{price:f}"),
                plain(f"{fee:f}"),
                quote,
                fee_currency if fee_currency != quote else None,
                coin,
                leg.key.rpartition("|")[2] if has_id else None,
                leg.order_id,
            )
        )

    def _rank(self, coin: str) -> int:
        if coin == self.base:
            return 0
        return QUOTES.index(coin) + 1 if coin in QUOTES else len(QUOTES) + 1

    def _not_told_apart(self, legs: Sequence[_Leg], sums: dict[str, Decimal], fees: dict[str, Decimal]) -> Exception:
        rows = ", ".join(str(each.row) for each in legs[:6]) + (", ..." if len(legs) > 6 else "")
        coins = ", ".join(f"{amount:+f} {coin}" for coin, amount in sums.items()) or "no leg"
        told = ", ".join(f"{amount:+f} {coin}" for coin, amount in fees.items())
        return self.table.draft.wrong(
            f"the rows {rows} belong together and make no single trade of two coins with one fee: {coins}"
            f"{told and f'; fees: {told}'}. Where the file begins or ends within a trade, export a longer time; else "
            f"{OTHER_WAY}",
            row=legs[0].row,
        )

    # The file's own balances

    def _note_balance(self, account: str, at: int, amount: Decimal, row: list[str], line: int) -> None:
        found = self.table.number(self.numbers, row, line, self.columns.balance)
        if found is not None:
            here = (at, amount, Decimal(found.text))
            self.balances.setdefault(account, _Balance(here, here)).last = here

    def _state_balances(self) -> None:
        if self.balances:
            ends = [each.ends() for each in self.balances.values()]
            draft = self.table.draft
            draft.initial_cash = sum((before for before, _ in ends), ZERO)
            draft.stated.append(Stated("last balance", "cash", sum((after for _, after in ends), ZERO)))


def _sums(legs: Sequence[_Leg], *, is_fee: bool) -> dict[str, Decimal]:
    """By coin, what all legs have changed."""
    sums: dict[str, Decimal] = {}
    for each in legs:
        if bool(each.is_fee) is is_fee:
            sums[each.coin] = EXACT.add(sums.get(each.coin, ZERO), Decimal(each.amount))
    return {coin: amount for coin, amount in sums.items() if amount}


def _amounts(legs: Sequence[_Leg], coin: str, *, is_fee: bool = False) -> list[Decimal]:
    """What each leg has changed of a coin, the smallest first."""
    return sorted((Decimal(each.amount) for each in legs if each.coin == coin and bool(each.is_fee) is is_fee), key=abs)


def _parts(quantities: list[Decimal], values: list[Decimal]) -> list[tuple[Decimal, Decimal]]:
    """The fills that several legs are of: by their size, where every price comes out even, else one at its average."""
    pairs = list(zip(quantities, values, strict=False))
    if len(quantities) == len(values) and all(map(_is_even, quantities, values)):
        return pairs
    return [(sum(quantities, ZERO), sum(values, ZERO))]


def _is_even(quantity: Decimal, value: Decimal) -> bool:
    """Whether they are a fill with a price that is exact."""
    return quantity * value < 0 and EXACT.multiply(ROUNDED.divide(value, quantity), quantity) == value
