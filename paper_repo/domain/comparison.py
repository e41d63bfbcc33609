"""Two sessions side by side: the same strategy as a backtest and as a paper run, or on paper and live.

A fill of the one session is matched with the fill of the same symbol and side that is nearest to it in time in the
other, the closest pairs first. A fill that a broker has made in slices matches several, each for its own quantity.
"""

from __future__ import annotations

import heapq
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import reduce
from operator import attrgetter
from typing import TYPE_CHECKING

from paper_repo.domain import one_line
from paper_repo.domain.history import Booked, in_force
from paper_repo.domain.lots import Holding, Lot, lot_of
from paper_repo.domain.trading import Fill, Side
from paper_repo.domain.values import EXACT

if TYPE_CHECKING:
    from paper_repo.domain.session import PaperTradingSession

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
        return reduce(EXACT.add, (each.cost for each in self.matched), _ZERO)

    @property
    def first_divergence(self) -> UnmatchedFill | None:
        """The earliest fill that only one of the sessions has; None where both traded the same quantities."""
        found = [*self.missed[:1], *self.extra[:1]]
        return min(found, key=lambda each: each.fill.executed_at) if found else None

    @property
    def first_difference_of_price(self) -> MatchedFill | None:
        """The earliest matched fill whose price differs; None where all prices are equal."""
        return next((each for each in self.matched if each.slippage), None)

    @property
    def agrees(self) -> bool:
        """Whether both sessions traded the same quantities at the same prices, with the same fees in all."""
        same = not self.missed and not self.extra and self.first_difference_of_price is None
        return same and self.expected_fees == self.actual_fees


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
    if within < timedelta(0):
        raise ValueError(f"within must not be below zero, it is {within}")
    firsts = _compared(expected_history, since, until)
    seconds = _compared(actual_history, since, until)
    pairs = _paired(firsts, seconds, within)
    matched = sorted(pairs.matched, key=lambda each: each[0].executed_at)
    return Comparison(
        tuple(MatchedFill(*each, _cost(*each, actual)) for each in matched),
        tuple(sorted(pairs.missed, key=attrgetter("fill.executed_at"))),
        tuple(sorted(pairs.extra, key=attrgetter("fill.executed_at"))),
        sum(map(len, firsts.values())),
        sum(map(len, seconds.values())),
        _fees(firsts, expected),
        _fees(seconds, actual),
        expected.net_pnl,
        actual.net_pnl,
    )


_ByInstrument = dict[tuple[str, Side], list[Fill]]


def _compared(history: Iterable[Booked], since: datetime | None, until: datetime | None) -> _ByInstrument:
    """The fills in force within these times, by symbol and side, each list in the order of time."""
    found: defaultdict[tuple[str, Side], list[Fill]] = defaultdict(list)
    for each in in_force(history):
        if not isinstance(each, Fill) or (since is not None and each.executed_at < since):
            continue
        if until is None or each.executed_at < until:
            found[each.symbol, each.side].append(each)
    for fills in found.values():
        fills.sort(key=attrgetter("executed_at"))
    return found


def _paired(firsts: _ByInstrument, seconds: _ByInstrument, within: timedelta) -> _Pairs:
    pairs = _Pairs(within)
    for key in sorted(firsts.keys() | seconds.keys()):
        pairs.match(firsts.get(key, []), seconds.get(key, []))
    return pairs


class _Pairs:
    """What belongs together of two sessions, and what is left of each."""

    def __init__(self, within: timedelta) -> None:
        self._within = within
        self.matched: list[tuple[Fill, Fill, Decimal]] = []
        self.missed: list[UnmatchedFill] = []
        self.extra: list[UnmatchedFill] = []

    def match(self, firsts: list[Fill], seconds: list[Fill]) -> None:
        """Match the fills of one symbol and side, both in the order of time.

        In one list in the order of time, the closest two of different sessions are neighbours: what lay between them
        would be closer to one of them. So the closest pair of neighbours is taken, again and again, and what is used up
        leaves the list, which makes new neighbours. Of fills of one moment, those of the same id belong together, and
        then those of the same quantity and price.
        """
        for same in (attrgetter("executed_at", "id", "quantity"), attrgetter("executed_at", "quantity", "price")):
            firsts, seconds = self._match_same(firsts, seconds, same)
        line = _Line(firsts, seconds)
        while (pair := line.closest(self._within)) is not None:
            left, right = pair
            quantity = min(line.remaining[left], line.remaining[right])
            first, second = (left, right) if line.is_first[left] else (right, left)
            self.matched.append((line.fills[first], line.fills[second], quantity))
            line.use(left, right, quantity)
        for index in line.left_over():
            unmatched = UnmatchedFill(line.fills[index], line.remaining[index])
            (self.missed if line.is_first[index] else self.extra).append(unmatched)

    def _match_same(
        self, firsts: list[Fill], seconds: list[Fill], same: Callable[[Fill], object]
    ) -> tuple[list[Fill], list[Fill]]:
        """Match the fills of which `same` gives the same; what is left of both."""
        waiting: defaultdict[object, deque[Fill]] = defaultdict(deque)
        for fill in seconds:
            waiting[same(fill)].append(fill)
        rest = []
        for fill in firsts:
            if found := waiting[same(fill)]:
                self.matched.append((fill, found.popleft(), fill.quantity))
            else:
                rest.append(fill)
        left = {id(fill) for each in waiting.values() for fill in each}
        return rest, [fill for fill in seconds if id(fill) in left]


class _Line:
    """The fills of two sessions in the order of time, of which pairs of neighbours are used up."""

    def __init__(self, firsts: list[Fill], seconds: list[Fill]) -> None:
        both = [*((each, True) for each in firsts), *((each, False) for each in seconds)]
        both.sort(key=lambda each: each[0].executed_at)  # stable: of the same time, the first session's come first
        self.fills = [each for each, _ in both]
        self.is_first = [first for _, first in both]
        self.remaining = [each.quantity for each in self.fills]
        self._next = list(range(1, len(both) + 1))
        self._previous = list(range(-1, len(both) - 1))
        self._pairs: list[tuple[timedelta, int, int]] = []
        for left in range(len(both) - 1):
            self._offer(left, left + 1)

    def closest(self, within: timedelta) -> tuple[int, int] | None:
        """The closest pair of neighbours from different sessions of which both have something left."""
        while self._pairs and self._pairs[0][0] <= within:
            _, left, right = self._pairs[0]
            if self.remaining[left] and self.remaining[right]:
                return left, right
            heapq.heappop(self._pairs)
        return None

    def use(self, left: int, right: int, quantity: Decimal) -> None:
        """Take this quantity from both; what has nothing left leaves the line."""
        for index in (left, right):
            self.remaining[index] = EXACT.subtract(self.remaining[index], quantity)
        for index in (left, right):
            if not self.remaining[index]:
                self._remove(index)

    def left_over(self) -> Iterator[int]:
        """What has found no other, or not for all of its quantity."""
        return (index for index, quantity in enumerate(self.remaining) if quantity)

    def _remove(self, index: int) -> None:
        before, after = self._previous[index], self._next[index]
        if before >= 0:
            self._next[before] = after
        if after < len(self.fills):
            self._previous[after] = before
        if before >= 0 and after < len(self.fills):
            self._offer(before, after)

    def _offer(self, left: int, right: int) -> None:
        if self.is_first[left] is not self.is_first[right]:
            distance = self.fills[right].executed_at - self.fills[left].executed_at
            heapq.heappush(self._pairs, (distance, left, right))


def _cost(expected: Fill, actual: Fill, quantity: Decimal, session: PaperTradingSession) -> Decimal:
    """What the difference of two prices costs for this quantity, in the base currency of the second session."""
    lot = _lot(actual, session)
    worse = EXACT.subtract(actual.price, expected.price)
    amount = EXACT.multiply(worse if actual.side is Side.BUY else EXACT.minus(worse), quantity)
    return reduce(EXACT.multiply, (amount, _multiplier(actual, session), lot.rate))


def _fees(fills: _ByInstrument, session: PaperTradingSession) -> Decimal:
    """The fees of all of these, in the base currency of their session."""
    lots = (_lot(each, session) for found in fills.values() for each in found)
    return reduce(EXACT.add, (lot.take(lot.quantity).fee for lot in lots), _ZERO)


def _lot(fill: Fill, session: PaperTradingSession) -> Lot:
    return lot_of(fill, Holding.of(fill, session), session)


def _multiplier(fill: Fill, session: PaperTradingSession) -> Decimal:
    instrument = session.instruments.get(fill.symbol)
    return _ONE if instrument is None else instrument.multiplier
