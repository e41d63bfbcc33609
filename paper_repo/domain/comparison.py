"""Two sessions side by side: the same strategy as a backtest and as a paper run, or on paper and live.

A fill of the one session is matched with the fill of the same symbol and side that is nearest to it in time in the
other, the closest pairs first. A fill that a broker has made in slices matches several, each for its own quantity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial, reduce
from typing import TYPE_CHECKING, TypeVar

from paper_repo.domain import one_line
from paper_repo.domain.history import Booked, in_force
from paper_repo.domain.lots import Holding, Lot, lot_of
from paper_repo.domain.matching import OutOfOrderError, by_time, executed_at, matches
from paper_repo.domain.trading import Fill, Side
from paper_repo.domain.values import EXACT

if TYPE_CHECKING:
    from paper_repo.domain.session import PaperTradingSession

T = TypeVar("T", bound="Tally")

WITHIN = timedelta(minutes=5)
"""How far apart in time two fills are at most that are taken for the same."""

_ONE, _ZERO = Decimal(1), Decimal(0)


@dataclass(frozen=True, slots=True)
@one_line.described(one_line.matched_fill)
class MatchedFill:
    """A quantity that both sessions have traded: `expected` in the first, `actual` in the second.

    - `quantity`: how much of the two fills belongs together; a fill that matches several belongs to several of these.
    - `cost`: what the difference of their prices has cost, in the base currency of the second session; below zero where
      its price was the better one.
    """

    expected: Fill
    actual: Fill
    quantity: Decimal
    cost: Decimal

    @property
    def slippage(self) -> Decimal:
        """How much worse the price of the second session was, for one unit and in the currency of the price."""
        paid = EXACT.subtract(self.actual.price, self.expected.price)
        return paid if self.actual.side is Side.BUY else EXACT.minus(paid)

    @property
    def delay(self) -> timedelta:
        """How much later the second session traded; below zero where it was earlier."""
        return self.actual.executed_at - self.expected.executed_at


@dataclass(frozen=True, slots=True)
@one_line.described(one_line.unmatched_fill)
class UnmatchedFill:
    """A quantity that only one of the sessions has traded: all of a fill, or what others leave of it."""

    fill: Fill
    quantity: Decimal


@dataclass(frozen=True, slots=True)
@one_line.described(one_line.comparison)
class Comparison:
    """How a second session has traded what a first one did.

    - `matched`: what both have traded; `missed`: only the first; `extra`: only the second. Each in the order of time.
    - `expected_fills`, `actual_fills`: how many fills were compared of each.
    - `expected_fees`, `actual_fees`: the fees of these, each in the base currency of its session.
    - `expected_pnl`, `actual_pnl`: the net P&L of the whole sessions.
    """

    matched: tuple[MatchedFill, ...]
    missed: tuple[UnmatchedFill, ...]
    extra: tuple[UnmatchedFill, ...]
    expected_fills: int
    actual_fills: int
    expected_fees: Decimal
    actual_fees: Decimal
    expected_pnl: Decimal
    actual_pnl: Decimal

    def _repr_html_(self) -> str:
        from paper_repo.domain import html_tables  # on demand: few programs are notebooks

        return html_tables.comparison(self)

    @property
    def slippage(self) -> Decimal:
        """What the differences of the prices have cost in all; below zero where the second session traded better."""
        return self._tally().slippage

    @property
    def first_divergence(self) -> UnmatchedFill | None:
        """The earliest fill that only one of the sessions has; None where both traded the same quantities."""
        return self._tally().first_divergence

    @property
    def first_difference_of_price(self) -> MatchedFill | None:
        """The earliest matched fill whose price differs; None where all prices are equal."""
        return self._tally().first_difference_of_price

    @property
    def agrees(self) -> bool:
        """Whether both sessions traded the same quantities at the same prices, with the same fees in all."""
        return self._tally().agrees

    def _tally(self) -> Tally:
        tally = Tally(Compared(self.expected_fills, self.expected_fees), Compared(self.actual_fills, self.actual_fees))
        for pair in self.matched:
            tally.add_matched(pair)
        for fill in self.missed:
            tally.add_missed(fill)
        for fill in self.extra:
            tally.add_extra(fill)
        return tally


@dataclass(slots=True)
class Compared:
    """How many fills of a session were compared, and their fees in its base currency."""

    fills: int = 0
    fees: Decimal = _ZERO

    def counted(self, fills: Iterable[Fill], session: PaperTradingSession) -> Iterator[Fill]:
        """The same fills, counted while they pass by."""
        for fill in fills:
            self.fills += 1
            self.fees = EXACT.add(self.fees, _fee(fill, session))
            yield fill


class Tally:
    """What two sessions differ by, counted while their fills pass by in the order of time."""

    def __init__(self, expected: Compared | None = None, actual: Compared | None = None) -> None:
        self.expected: Compared = expected or Compared()
        self.actual: Compared = actual or Compared()
        self.matched = self.missed = self.extra = 0
        self.slippage: Decimal = _ZERO
        self.first_missed: UnmatchedFill | None = None
        self.first_extra: UnmatchedFill | None = None
        self.first_difference_of_price: MatchedFill | None = None

    def add_matched(self, pair: MatchedFill) -> None:
        """Count what both have traded."""
        self.matched += 1
        self.slippage = EXACT.add(self.slippage, pair.cost)
        if self.first_difference_of_price is None and pair.slippage:
            self.first_difference_of_price = pair

    def add_missed(self, fill: UnmatchedFill) -> None:
        """Count what only the first session has traded."""
        self.missed += 1
        self.first_missed = self.first_missed or fill

    def add_extra(self, fill: UnmatchedFill) -> None:
        """Count what only the second session has traded."""
        self.extra += 1
        self.first_extra = self.first_extra or fill

    @property
    def first_divergence(self) -> UnmatchedFill | None:
        """The earliest fill that only one of the sessions has."""
        found = [each for each in (self.first_missed, self.first_extra) if each is not None]
        return min(found, key=lambda each: each.fill.executed_at) if found else None

    @property
    def agrees(self) -> bool:
        """Whether both sessions traded the same quantities at the same prices, with the same fees in all."""
        same = not self.missed and not self.extra and self.first_difference_of_price is None
        return same and self.expected.fees == self.actual.fees


def compare(
    expected: PaperTradingSession,
    actual: PaperTradingSession,
    expected_history: Iterable[Booked],
    actual_history: Iterable[Booked],
    *,
    within: timedelta = WITHIN,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Comparison:
    """Compare two sessions fill by fill: a backtest with a paper run, or a paper run with a live one.

        found = compare(backtest, paper, repository.get_fills(backtest.id), repository.get_fills(paper.id))
        print(len(found.missed), len(found.extra), found.slippage, found.first_divergence)

    Fills match by symbol and side, and by time: each with the nearest one of the other session, the closest pairs
    first; of one moment, those of the same id, or else of the same quantity and price. Prices and quantities are
    compared as they were booked; splits and changes of symbols are passed over, and what is called differently in the
    two sessions does not match.

    Args:
        expected: the session that says what should have been traded.
        actual: the session to be judged.
        expected_history, actual_history: the fills of each, in any order. A corrected fill does not count, what
            replaces it does; ledger entries are passed over.
        within: how far apart in time two fills are at most that are taken for the same: seconds for a paper run beside
            a live one, a day for a backtest on daily bars.
        since, until: aware datetimes; only fills executed from the first (included) to the second (excluded).

    Raises:
        ValueError: `within` is below zero.
    """
    lists = _Lists()
    both = ((expected_history, since, until), (actual_history, since, until))
    firsts, seconds = (sorted(_compared(*each), key=executed_at) for each in both)
    _tell(lists, expected, actual, firsts, seconds, within)
    return Comparison(
        tuple(lists.pairs),
        tuple(lists.only_expected),
        tuple(lists.only_actual),
        lists.expected.fills,
        lists.actual.fills,
        lists.expected.fees,
        lists.actual.fees,
        expected.net_pnl,
        actual.net_pnl,
    )


class _Lists(Tally):
    """All differences."""

    def __init__(self) -> None:
        super().__init__()
        self.pairs: list[MatchedFill] = []
        self.only_expected: list[UnmatchedFill] = []
        self.only_actual: list[UnmatchedFill] = []

    def add_matched(self, pair: MatchedFill) -> None:
        super().add_matched(pair)
        self.pairs.append(pair)

    def add_missed(self, fill: UnmatchedFill) -> None:
        super().add_missed(fill)
        self.only_expected.append(fill)

    def add_extra(self, fill: UnmatchedFill) -> None:
        super().add_extra(fill)
        self.only_actual.append(fill)


def compare_passing(
    make: Callable[[], T],
    expected: PaperTradingSession,
    actual: PaperTradingSession,
    expected_history: Callable[[], Iterable[Booked]],
    actual_history: Callable[[], Iterable[Booked]],
    *,
    within: timedelta = WITHIN,
    since: datetime | None = None,
    until: datetime | None = None,
) -> T:
    """Compare two sessions as `compare` does while their histories pass by: memory does not grow with them.

    A history that is far from the order of time is held after all, and one with corrected fills from the first of these
    on.

    Args:
        make: makes the tally that is told of the differences; if a history has to be held, it is made anew.
        expected, actual: the sessions.
        expected_history, actual_history: each gives the history from its beginning, whenever it is called.
        within, since, until: as for `compare`.
    """

    def compared(in_order: Callable[[Iterable[Fill]], Iterable[Fill]]) -> T:
        found = make()
        firsts, seconds = (_compared(read(), since, until) for read in (expected_history, actual_history))
        _tell(found, expected, actual, in_order(firsts), in_order(seconds), within)
        return found

    try:
        return compared(by_time)
    except OutOfOrderError:
        return compared(partial(sorted, key=executed_at))


def _tell(
    found: Tally,
    expected: PaperTradingSession,
    actual: PaperTradingSession,
    firsts: Iterable[Fill],
    seconds: Iterable[Fill],
    within: timedelta,
) -> None:
    """Tell `found` of all pairs of fills, and of what is left, in the order of time, in which the fills must be."""
    if within < timedelta(0):
        raise ValueError(f"within must not be below zero, it is {within}")
    both = found.expected.counted(firsts, expected), found.actual.counted(seconds, actual)
    for first, second, quantity in matches(*both, within):
        if first is None:
            assert second is not None
            found.add_extra(UnmatchedFill(second, quantity))
        elif second is None:
            found.add_missed(UnmatchedFill(first, quantity))
        else:
            found.add_matched(MatchedFill(first, second, quantity, _cost(first, second, quantity, actual)))


def _compared(history: Iterable[Booked], since: datetime | None, until: datetime | None) -> Iterator[Fill]:
    """The fills in force within these times."""
    for each in in_force(history):
        if not isinstance(each, Fill) or (since is not None and each.executed_at < since):
            continue
        if until is None or each.executed_at < until:
            yield each


def _cost(expected: Fill, actual: Fill, quantity: Decimal, session: PaperTradingSession) -> Decimal:
    """What the difference of two prices costs for this quantity, in the base currency of the second session."""
    lot = _lot(actual, session)
    worse = EXACT.subtract(actual.price, expected.price)
    amount = EXACT.multiply(worse if actual.side is Side.BUY else EXACT.minus(worse), quantity)
    return reduce(EXACT.multiply, (amount, _multiplier(actual, session), lot.rate))


def _fee(fill: Fill, session: PaperTradingSession) -> Decimal:
    """The fee of a fill in the base currency of its session."""
    lot = _lot(fill, session)
    return lot.take(lot.quantity).fee


def _lot(fill: Fill, session: PaperTradingSession) -> Lot:
    return lot_of(fill, Holding.of(fill, session), session)


def _multiplier(fill: Fill, session: PaperTradingSession) -> Decimal:
    instrument = session.instruments.get(fill.symbol)
    return _ONE if instrument is None else instrument.multiplier
