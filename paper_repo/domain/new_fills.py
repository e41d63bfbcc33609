"""The fills that wait to be saved."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

from paper_repo.domain.secrecy import shown
from paper_repo.domain.trading import Fill
from paper_repo.domain.values import invalid

FillKey: TypeAlias = tuple[str, str]
"""What makes a fill of a session the same one when it comes again: its symbol and its id."""


def fill_key(fill: Fill) -> FillKey:
    """The key of `fill`: many exchanges number the fills of each symbol by themselves."""
    return fill.symbol, fill.id


class NewFills(list[Fill]):
    """A list of fills that also knows how many the session had before them, and which of them were booked.

    Args:
        fills: in the order of the history.
        before: how many fills the session has that are stored already.
        booked: the keys of those that have changed cash and positions; the others were only recorded.
    """

    __slots__ = ("_known", "_last", "_of_orders", "before", "booked")

    def __init__(self, fills: Iterable[Fill] = (), before: int = 0, booked: Iterable[FillKey] = ()) -> None:
        super().__init__(fills)
        self.before: int = before
        self.booked: list[FillKey] = list(booked)
        self._known: dict[FillKey, Fill] = {}
        self._of_orders: dict[str, dict[FillKey, Fill]] = {}
        self._last: tuple[int, Fill | None] = 0, None  # the last fill that `_of_orders` has seen, and its number

    def __reduce__(self) -> tuple[Any, ...]:
        return NewFills, (list(self), self.before, self.booked)

    def book(self, fill: Fill) -> None:
        """Append a fill that has been booked."""
        self.booked.append(fill_key(fill))  # first: a save that is called in between may not take it for recorded
        self.record(fill)

    def record(self, fill: Fill) -> None:
        """Append a fill that has not been booked."""
        self.append(fill)
        if len(self._known) == len(self) - 1:  # else it is made anew when it is asked for
            self._known[fill_key(fill)] = fill

    def look_anew(self) -> None:
        """Look at what waits, the next time: a save has taken fills away, or a rollback has given some back."""
        self._known = {}
        self._last = 0, None

    def find(self, fill: Fill) -> Fill | None:
        """The fill of this symbol and id that waits already, if there is one."""
        known = self._known
        if len(known) != len(self) or (known and next(reversed(known.values())) not in self[-1:]):
            known = self._known = {fill_key(each): each for each in self if isinstance(each, Fill)}
        return known.get(fill_key(fill))

    def booked_for(self, order_id: str) -> list[Fill]:
        """The fills of this order that wait and have been booked."""
        seen, last = self._last
        if not seen or seen > len(self) or self[seen - 1] is not last:
            seen, self._of_orders = 0, {}
        for fill in self[seen:]:
            if fill.order_id is not None:
                self._of_orders.setdefault(fill.order_id, {})[fill_key(fill)] = fill
        self._last = len(self), self[-1] if self else None
        found = self._of_orders.get(order_id, {})
        return [fill for key, fill in found.items() if key in self.booked]


def new_fills(value: object, path: str) -> NewFills:
    """The fills of `value` as a list of its own."""
    if isinstance(value, NewFills):
        return NewFills(value, value.before, value.booked)
    if not isinstance(value, Iterable):
        raise invalid(path, f"must be a list of fills, not {shown(value)}.")
    return NewFills(value)
