"""Lots: what of each fill of an open position is not closed yet, with its cost and the fee that goes with it."""

from __future__ import annotations

from collections import deque
from datetime import datetime
from decimal import Decimal
from functools import lru_cache, reduce
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from paper_repo.domain import accounting, books, corporate_actions
from paper_repo.domain.instruments import Instrument, Settlement
from paper_repo.domain.ledger import Split
from paper_repo.domain.positions import ONE, Position
from paper_repo.domain.trading import Fill, Side
from paper_repo.domain.values import EXACT

if TYPE_CHECKING:
    from paper_repo.domain.session import PaperTradingSession

T = TypeVar("T")

_FEE_DIGITS = 28
"""To how many significant digits of a fee its parts are taken; the last part is what remains, whatever its digits."""


class Taken(NamedTuple):
    """What goes with a part of a lot."""

    value: Decimal
    """`quantity * price * multiplier`, in the currency of the price."""
    fee: Decimal
    """In the base currency."""


class Lot:
    """What of a fill is not matched yet: its quantity, its value, and the part of its fee that goes with it."""

    __slots__ = (
        "_fee",
        "_fee_of_fill",
        "_multiplier",
        "_value",
        "at",
        "price",
        "quantity",
        "rate",
        "side",
    )

    def __init__(
        self,
        side: Side,
        quantity: Decimal,
        price: Decimal,
        at: datetime,
        *,
        multiplier: Decimal = ONE,
        rate: Decimal = ONE,
        fee: Decimal = Decimal(0),
        value: Decimal | None = None,
    ) -> None:
        self.side: Side = side
        self.quantity: Decimal = quantity
        self.price: Decimal = price
        self.at: datetime = at
        self.rate: Decimal = rate
        self._multiplier = multiplier
        self._fee = self._fee_of_fill = fee
        self._value = value
        """None: quantity by price and multiplier; what was split, or held before, has a price that may be rounded."""

    def take(self, quantity: Decimal) -> Taken:
        """Take `quantity` out of the lot; the value and the fee that go with it."""
        taken = Taken(self._take_value(quantity), self._take_fee(quantity))
        self.quantity = EXACT.subtract(self.quantity, quantity)
        return taken

    def _take_value(self, quantity: Decimal) -> Decimal:
        if self._value is None:
            return accounting.value(quantity, self.price, self._multiplier)
        value = self._value if quantity == self.quantity else accounting.share(self._value, quantity, self.quantity)
        self._value = EXACT.subtract(self._value, value)
        return value

    def _take_fee(self, quantity: Decimal) -> Decimal:
        fee = self._fee if quantity == self.quantity else self._share_of_fee(quantity)
        self._fee = EXACT.subtract(self._fee, fee)
        return fee

    def _share_of_fee(self, quantity: Decimal) -> Decimal:
        unit = _last_place(self._fee_of_fill.adjusted())
        units = EXACT.divide_int(EXACT.multiply(self._fee, quantity), EXACT.multiply(self.quantity, unit))
        share = EXACT.multiply(units, unit).normalize(EXACT)
        zero = EXACT.subtract(self._fee_of_fill, self._fee_of_fill)
        return EXACT.add(share, zero)  # this zero brings the fee's places back

    def split(self, split: Split) -> None:
        """Give it the quantity and the price of after a split; its value stays."""
        if self._value is None:
            self._value = accounting.value(self.quantity, self.price, self._multiplier)
        self.quantity = quantity_after(split, self.quantity)
        self.price = price_after(split, self.price)


@lru_cache(256)
def _last_place(exponent: int) -> Decimal:
    """One unit of the last place that a part of a fee may have, of which the first digit stands at this place."""
    return Decimal((0, (1,), exponent - _FEE_DIGITS + 1))


class Holding(Generic[T]):
    """An open position as its lots, the oldest first, and what has been closed of it so far."""

    __slots__ = ("currency", "lots", "multiplier", "position_id", "settlement", "slices", "symbol")

    def __init__(self, spec: Position | Instrument, symbol: str, position_id: str | None) -> None:
        self.symbol: str = symbol
        self.position_id: str | None = position_id
        self.currency: str | None = spec.currency
        self.multiplier: Decimal = spec.multiplier
        self.settlement: Settlement = spec.settlement
        self.lots: deque[Lot] = deque()
        self.slices: list[T] = []

    @classmethod
    def of(cls, fill: Fill, session: PaperTradingSession | None) -> Holding[T]:
        """The one that `fill` opens, still empty."""
        instrument = None if session is None else session.instruments.get(fill.symbol)
        return cls(instrument or _PLAIN, fill.symbol, fill.position_id)

    def split(self, split: Split) -> None:
        """Split every lot, so that they add up to what the books hold, in spite of roundings."""
        whole = quantity_after(split, _total(self.lots))
        for lot in self.lots:
            lot.split(split)
        largest = max(self.lots, key=lambda lot: lot.quantity)
        largest.quantity = EXACT.add(largest.quantity, EXACT.subtract(whole, _total(self.lots)))


_PLAIN = Instrument("any")


def quantity_after(split: Split, quantity: Decimal) -> Decimal:
    """What a quantity becomes by a split."""
    return corporate_actions.times(quantity, split.ratio, split.per)


def price_after(split: Split, price: Decimal) -> Decimal:
    """What a price becomes by a split."""
    return corporate_actions.times(price, split.per, split.ratio)


def _total(lots: deque[Lot]) -> Decimal:
    return reduce(EXACT.add, (lot.quantity for lot in lots), Decimal(0))


def opening_holdings(session: PaperTradingSession | None) -> dict[str, Holding[T]]:
    """What the session held when it began: a lot each, at its cost, without a fee."""
    holdings: dict[str, Holding[T]] = {}
    for position in () if session is None else session.opening_positions.values():
        is_long = position.quantity > 0
        holding: Holding[T] = Holding(position, position.symbol, position.position_id)
        lot = Lot(
            Side.BUY if is_long else Side.SELL,
            position.quantity.copy_abs(),
            position.average_price,
            position.opened_at,
            value=position.cost_basis if is_long else EXACT.minus(position.cost_basis),
        )
        holding.lots.append(lot)
        holdings[position.id] = holding
    return holdings


def lot_of(fill: Fill, holding: Holding[T], session: PaperTradingSession | None) -> Lot:
    """What `fill` buys or sells of a position."""
    multiplier, rate = holding.multiplier, ONE
    if holding.currency is not None:
        rate = fill.rate or _rate(session, holding.currency, fill)
    if fill.fee_currency is None:
        fee = fill.fee if rate == 1 else EXACT.multiply(fill.fee, rate)
        return Lot(fill.side, fill.quantity, fill.price, fill.executed_at, multiplier=multiplier, rate=rate, fee=fee)
    if not _is_paid_in_kind(fill, holding, session):
        fee = EXACT.multiply(fill.fee, fill.fee_rate or _rate(session, fill.fee_currency, fill))
        return Lot(fill.side, fill.quantity, fill.price, fill.executed_at, multiplier=multiplier, rate=rate, fee=fee)
    traded = EXACT.subtract(fill.signed_quantity, fill.fee)  # the books sell the fee, at the price of the fill
    return Lot(
        Side.BUY if traded > 0 else Side.SELL,
        traded.copy_abs(),
        fill.price,
        fill.executed_at,
        multiplier=multiplier,
        rate=rate,
        fee=EXACT.multiply(accounting.value(fill.fee, fill.price, multiplier), rate),
    )


def _rate(session: PaperTradingSession | None, currency: str, fill: Fill) -> Decimal:
    """The rate that a fill does not note: the session's; without a session, a currency is as good as the base."""
    return ONE if session is None else books.rate_of(session, currency, f"history.{fill.id}")


def _is_paid_in_kind(fill: Fill, holding: Holding[T], session: PaperTradingSession | None) -> bool:
    instrument = session.instruments.get(fill.symbol) if session is not None else None
    if session is not None and fill.fee_currency == session.base_currency:
        return False
    spec = instrument or _unlisted(fill.symbol, holding.settlement)
    return fill.fee_currency not in (None, holding.currency) and fill.fee_currency == spec.settled_asset


@lru_cache(256)
def _unlisted(symbol: str, settlement: Settlement) -> Instrument:
    """What stands for an instrument that the session does not have: to make one for each fill takes longer than all."""
    return Instrument(symbol, settlement=settlement)
