"""Matching while two histories pass by, compared with the same on whole histories."""

from __future__ import annotations

import heapq
import random
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import chain
from operator import attrgetter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paper_repo import Comparison, Fill, MatchedFill, UnmatchedFill, compare
from paper_repo.domain import matching
from paper_repo.domain.comparison import Tally, compare_passing
from tests.builders import START, new_session


class Kept(Tally):
    """All that is told of."""

    def __init__(self) -> None:
        super().__init__()
        self.pairs: list[MatchedFill] = []
        self.left: list[UnmatchedFill] = []

    def add_matched(self, pair: MatchedFill) -> None:
        super().add_matched(pair)
        self.pairs.append(pair)

    def add_missed(self, fill: UnmatchedFill) -> None:
        super().add_missed(fill)
        self.left.append(fill)

    def add_extra(self, fill: UnmatchedFill) -> None:
        super().add_extra(fill)
        self.left.append(fill)


class WholeHistories:
    """The model: the closest pair of neighbours in the order of time is taken, again and again."""

    def __init__(self, firsts: Sequence[Fill], seconds: Sequence[Fill], within: timedelta) -> None:
        self._within = within
        self.matched: list[tuple[Fill, Fill, Decimal]] = []
        self.missed: list[tuple[Fill, Decimal]] = []
        self.extra: list[tuple[Fill, Decimal]] = []
        one, other = _by_instrument(firsts), _by_instrument(seconds)
        for key in sorted(one.keys() | other.keys()):
            self._match(one.get(key, []), other.get(key, []))
        for found in (self.matched, self.missed, self.extra):
            found.sort(key=lambda each: each[0].executed_at)

    def _match(self, firsts: list[Fill], seconds: list[Fill]) -> None:
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
            (self.missed if line.is_first[index] else self.extra).append((line.fills[index], line.remaining[index]))

    def _match_same(
        self, firsts: list[Fill], seconds: list[Fill], same: Callable[[Fill], object]
    ) -> tuple[list[Fill], list[Fill]]:
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
        while self._pairs and self._pairs[0][0] <= within:
            _, left, right = self._pairs[0]
            if self.remaining[left] and self.remaining[right]:
                return left, right
            heapq.heappop(self._pairs)
        return None

    def use(self, left: int, right: int, quantity: Decimal) -> None:
        for index in (left, right):
            self.remaining[index] -= quantity
        for index in (left, right):
            if not self.remaining[index]:
                self._remove(index)

    def left_over(self) -> Iterator[int]:
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
            heapq.heappush(self._pairs, (self.fills[right].executed_at - self.fills[left].executed_at, left, right))


def _by_instrument(fills: Sequence[Fill]) -> dict[tuple[str, str], list[Fill]]:
    found: defaultdict[tuple[str, str], list[Fill]] = defaultdict(list)
    for fill in sorted(fills, key=attrgetter("executed_at")):
        found[fill.symbol, fill.side].append(fill)
    return found


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Fill], list[Fill]]:
    """Two histories that have much in common, or nothing; with several fills of one moment, and in any order."""
    chance = random.Random(draw(st.integers(0, 2**32)))
    length, span = draw(st.integers(0, 60)), draw(st.sampled_from((3, 30, 600)))
    symbols, sizes = draw(st.sampled_from(("A", "AB", "ABCDE"))), draw(st.sampled_from((1, 3, 20)))
    sides: tuple[list[Fill], list[Fill]] = ([], [])
    for number in range(length):
        at = START + timedelta(seconds=chance.randint(0, span))
        one = Fill(
            f"f{number}",
            chance.choice(symbols),
            chance.choice(("BUY", "SELL", "BUY")),
            chance.randint(1, sizes),
            price=chance.randint(99, 101),
            fee="0.01",
            executed_at=at,
        )
        kind = chance.randint(0, 3)
        if kind < 3:
            sides[kind % 2].append(one)
        else:
            later = at + timedelta(seconds=chance.choice((0, 0, 1, 5)))
            sides[0].append(one)
            sides[1].append(
                Fill(chance.choice((one.id, f"g{number}")), one.symbol, one.side, one.quantity, 100, 0, later)
            )
    if draw(st.booleans()):
        for side in sides:
            chance.shuffle(side)
    return sides


@settings(deadline=None, max_examples=400)
@given(
    both=histories(),
    within=st.sampled_from((0, 1, 2, 10, 100)),
    sweep=st.sampled_from((1, 2, 7, 1000)),
    late=st.sampled_from((1, 5, 2000)),
)
def test_passing_histories_match_as_whole_ones_do(
    both: tuple[list[Fill], list[Fill]], within: int, sweep: int, late: int
) -> None:
    """Every pair, what is left of each, and their order."""
    expected, actual = new_session(id="a"), new_session(id="b")
    limit = timedelta(seconds=within)
    model = WholeHistories(*both, limit)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching, "SWEEP", sweep)
        patch.setattr(matching, "LATE", late)
        found = compare(expected, actual, *both, within=limit)
        passed = compare_passing(Kept, expected, actual, both[0].__iter__, both[1].__iter__, within=limit)

    assert [(each.expected, each.actual, each.quantity) for each in found.matched] == model.matched
    assert [(each.fill, each.quantity) for each in found.missed] == model.missed
    assert [(each.fill, each.quantity) for each in found.extra] == model.extra
    assert tuple(passed.pairs) == found.matched
    assert same_figures(passed, found)


def minutes(count: int, after: float = 0) -> Iterator[Fill]:
    """A fill every minute, so many seconds after it."""
    for number in range(count):
        at = START + timedelta(minutes=number, seconds=after)
        yield Fill(f"f{number}-{after}", "IBM", ("BUY", "SELL")[number % 3 == 0], 1 + number % 5, "9.50", 0, at)


@pytest.mark.parametrize("stands_still", [False, True])
def test_what_is_settled_is_told_before_the_histories_end(stands_still: bool) -> None:
    """Also where a fill of another symbol, which nothing matches, waits from the beginning on."""
    read = told = longest = 0

    def counted(fills: Iterable[Fill]) -> Iterator[Fill]:
        nonlocal read
        for fill in fills:
            read += 1
            yield fill

    firsts, seconds = minutes(20_000), minutes(20_000, after=3.5)
    if stands_still:
        firsts = chain([Fill("other", "AAPL", "BUY", 1, 100, 0, START)], firsts)
    for first, second, _ in matching.matches(counted(firsts), counted(seconds), timedelta(minutes=5)):
        longest = max(longest, read - told)
        told += (first is not None) + (second is not None)

    assert told == read == 40_000 + stands_still
    assert longest < 2 * matching.SWEEP


def test_a_history_that_is_nearly_in_order_is_put_in_order_as_it_passes() -> None:
    """One that is not is refused, rather than given in a wrong order."""
    fills = list(minutes(5 * matching.LATE))
    late = [*fills[1 : matching.LATE], fills[0], *fills[matching.LATE :]]
    too_late = [*fills[1:], fills[0]]

    assert list(matching.by_time(late)) == fills
    with pytest.raises(matching.OutOfOrderError, match="2026-"):
        list(matching.by_time(too_late))


def same_figures(passed: Tally, found: Comparison) -> bool:
    """Whether the one and the other tell the same."""
    return (
        (passed.matched, passed.missed, passed.extra, passed.slippage, passed.agrees)
        == (len(found.matched), len(found.missed), len(found.extra), found.slippage, found.agrees)
        and (passed.first_divergence, passed.first_difference_of_price)
        == (found.first_divergence, found.first_difference_of_price)
        and (passed.expected.fills, passed.expected.fees, passed.actual.fills, passed.actual.fees)
        == (found.expected_fills, found.expected_fees, found.actual_fills, found.actual_fees)
    )
