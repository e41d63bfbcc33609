"""Which fills of two histories belong together, found while both pass by in the order of their times.

The closest two fills of one symbol and side belong together, then the closest of what is left, and so on. No pair needs
the whole histories for that: two fills belong together as soon as each is the nearest one to the other, and nothing
that is still to come can be nearer. So the memory this takes grows with what was traded within the time in which fills
match, and not with the histories.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from heapq import merge
from itertools import groupby, islice
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple, TypeAlias

from paper_repo.domain.trading import Fill, Side
from paper_repo.domain.values import EXACT

SWEEP = 1000
"""After how many fills, at least, all symbols are looked through for what is settled."""

LATE = 2000
"""How many fills a history may have recorded before one that was executed earlier, to be put in order as it passes."""

executed_at = attrgetter("executed_at")


class Found(NamedTuple):
    """A quantity that both histories have, or only one: then the other fill is None."""

    first: Fill | None
    second: Fill | None
    quantity: Decimal


class OutOfOrderError(ValueError):
    """A history is too far from the order of time to be put in order while it passes by."""


def by_time(fills: Iterable[Fill]) -> Iterator[Fill]:
    """The fills in the order of time; those of one moment in the order in which they come.

    Raises:
        OutOfOrderError: a fill comes after too many others that were executed later.
    """
    following, waiting = iter(fills), list[Fill]()
    passed: datetime | None = None
    while more := list(islice(following, LATE)):
        waiting = sorted(waiting + more, key=executed_at)
        if passed is not None and waiting[0].executed_at < passed:
            raise OutOfOrderError(f"a fill of {waiting[0].executed_at} comes after one of {passed}")
        ready, waiting = waiting[:-LATE], waiting[-LATE:]
        if ready:
            passed = ready[-1].executed_at
        yield from ready
    yield from waiting


def matches(firsts: Iterable[Fill], seconds: Iterable[Fill], within: timedelta) -> Iterator[Found]:
    """What belongs together of two histories, and what is left of each, in the order of time.

    That is the time of the first fill of a pair; what is of one moment comes by symbol and side.

    Args:
        firsts, seconds: the fills of each history in the order of time.
        within: how far apart in time two fills are at most that belong together.
    """
    lines: dict[_Key, _Line] = {}
    ranked: list[_Ranked] = []
    passed = 0
    for now, moment in _moments(firsts, seconds):
        for key, (some, others) in moment.items():
            line = lines.get(key)
            if line is None:
                line = lines[key] = _Line(key, within, ranked.append)
            line.add(now, some, others)
            passed += len(some) + len(others)
        if passed >= max(SWEEP, len(lines)):
            passed = 0
            for line in lines.values():
                line.settle(now)
            lines = {key: line for key, line in lines.items() if line.waits}
            ranked.sort()
            settled = bisect_left(ranked, min((line.since for line in lines.values()), default=now), key=itemgetter(0))
            yield from (each[-1] for each in ranked[:settled])
            del ranked[:settled]
    for line in lines.values():
        line.settle(None)
    yield from (each[-1] for each in sorted(ranked))


_Key: TypeAlias = tuple[str, Side]
_Moment: TypeAlias = dict[_Key, tuple[list[Fill], list[Fill]]]
_Ranked: TypeAlias = tuple[datetime, _Key, int, tuple[Any, ...], Found]
"""When, of what, whether it is matched (0), or only in the first (1) or the second history (2), and its order there."""


def _moments(firsts: Iterable[Fill], seconds: Iterable[Fill]) -> Iterator[tuple[datetime, _Moment]]:
    """What both have executed at one time, by symbol and side."""
    both = merge(((fill, 0) for fill in firsts), ((fill, 1) for fill in seconds), key=_time_of)
    for now, fills in groupby(both, _time_of):
        moment: _Moment = {}
        for fill, which in fills:
            moment.setdefault((fill.symbol, fill.side), ([], []))[which].append(fill)
        yield now, moment


def _time_of(each: tuple[Fill, int]) -> datetime:
    return each[0].executed_at


class _Waiting:
    """A fill that may still match another one, with what is left of its quantity and its place in the line."""

    __slots__ = ("at", "fill", "place", "quantity")

    def __init__(self, fill: Fill, place: int) -> None:
        self.fill = fill
        self.at = fill.executed_at
        self.quantity = fill.quantity
        self.place = place


class _Run:
    """Fills of one of the histories, between which there is none of the other."""

    __slots__ = ("fills", "is_first")

    def __init__(self, is_first: bool) -> None:
        self.is_first = is_first
        self.fills = deque[_Waiting]()


class _Line:
    """The fills of one symbol and side of both histories in the order of time, of which what is settled leaves.

    Two fills of different histories are neighbours where two runs meet. Those that wait are closer and closer from left
    to right: a pair waits because of a closer one to its right, or is the last one. So where the last is settled, those
    before it are looked at again.
    """

    def __init__(self, key: _Key, within: timedelta, tell: Callable[[_Ranked], object]) -> None:
        self._key = key
        self._within = within
        self._tell = tell
        self._runs: list[_Run] = []
        self._count = 0

    @property
    def waits(self) -> bool:
        """Whether anything is not settled."""
        return bool(self._runs)

    @property
    def since(self) -> datetime:
        """The time of the earliest fill that waits."""
        return self._runs[0].fills[0].at

    def add(self, now: datetime, firsts: list[Fill], seconds: list[Fill]) -> None:
        """Take what was executed at this time, which is later than before.

        Of fills of one moment, those of the same id belong together, and then those of the same quantity and price.
        """
        self.settle(now)
        if firsts and seconds:
            for same in _SAME:
                firsts, seconds = self._match_same(firsts, seconds, same)
        for fills, is_first in ((firsts, True), (seconds, False)):
            if fills and (not self._runs or self._runs[-1].is_first is not is_first):
                self._runs.append(_Run(is_first))
            for fill in fills:
                self._runs[-1].fills.append(_Waiting(fill, self._next_place()))

    def settle(self, now: datetime | None) -> None:
        """Tell what nothing that is executed at this time or later changes; None: nothing more is executed."""
        at = lowest = len(self._runs) - 2
        while at >= max(lowest, 0):
            if self._is_settled(at, now):
                self._match(at)
                lowest = min(lowest, at - 2)
                at = min(at + 1, len(self._runs) - 2)
            else:
                at -= 1
        self._drop(now)

    def _is_settled(self, at: int, now: datetime | None) -> bool:
        """Whether the two fills where these two runs meet are each the nearest one to the other, also in future.

        Of two pairs with the same distance, the earlier one comes first.
        """
        left, right = self._runs[at].fills[-1], self._runs[at + 1].fills[0]
        distance = right.at - left.at
        if distance > self._within:
            return False
        if at and left.at - self._runs[at - 1].fills[-1].at <= distance:
            return False
        following = self._runs[at + 2].fills[0].at if at + 2 < len(self._runs) else now
        return following is None or following - right.at >= distance

    def _match(self, at: int) -> None:
        left, right = self._runs[at].fills[-1], self._runs[at + 1].fills[0]
        quantity = min(left.quantity, right.quantity)
        first, second = (left, right) if self._runs[at].is_first else (right, left)
        order = (2, right.at - left.at, left.at, -left.place, right.place)
        self._tell((first.at, self._key, 0, order, Found(first.fill, second.fill, quantity)))
        for each in (left, right):
            each.quantity = EXACT.subtract(each.quantity, quantity)
        if not left.quantity:
            self._runs[at].fills.pop()
        if not right.quantity:
            self._runs[at + 1].fills.popleft()
        self._close_up(at)

    def _close_up(self, at: int) -> None:
        """Take out which of these two runs are empty, and join those between which there is nothing any more."""
        left, right = self._runs[at : at + 2]
        if left.fills and right.fills:
            return
        around = self._runs[max(at - 1, 0) : at + 3]
        kept: list[_Run] = []
        for run in around:
            if kept and kept[-1].is_first is run.is_first:
                kept[-1] = _joined(kept[-1], run)
            elif run.fills:
                kept.append(run)
        self._runs[max(at - 1, 0) : at + 3] = kept

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
                order = (1, self._next_place())
                self._tell((fill.executed_at, self._key, 0, order, Found(fill, found.popleft(), fill.quantity)))
            else:
                rest.append(fill)
        left = {id(fill) for each in waiting.values() for fill in each}
        return rest, [fill for fill in seconds if id(fill) in left]

    def _drop(self, now: datetime | None) -> None:
        """Tell which of the earliest fills have nothing near enough to come."""
        while self._runs:
            run = self._runs[0]
            following = self._runs[1].fills[0].at if len(self._runs) > 1 else now
            while run.fills and (following is None or following - run.fills[0].at > self._within):
                self._tell(self._left_over(run.fills.popleft(), run.is_first))
            if run.fills:
                return
            del self._runs[0]

    def _left_over(self, each: _Waiting, is_first: bool) -> _Ranked:
        if is_first:
            return each.at, self._key, 1, (each.place,), Found(each.fill, None, each.quantity)
        return each.at, self._key, 2, (each.place,), Found(None, each.fill, each.quantity)

    def _next_place(self) -> int:
        self._count += 1
        return self._count


def _joined(left: _Run, right: _Run) -> _Run:
    if len(left.fills) < len(right.fills):
        right.fills.extendleft(reversed(left.fills))
        return right
    left.fills.extend(right.fills)
    return left


_SAME = (attrgetter("id", "quantity"), attrgetter("quantity", "price"))
"""What two fills of one moment are taken for the same by."""
