"""What waits to be saved beside fills and equity points: ledger entries and closed orders."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from paper_repo.domain.checked import Checked, require
from paper_repo.domain.ledger import CashFlow, LedgerEntry, Split, SymbolChange
from paper_repo.domain.orders import Order
from paper_repo.domain.secrecy import shown
from paper_repo.domain.values import count, invalid

T = TypeVar("T", bound=CashFlow | Split | SymbolChange | Order)


class Waiting(list[T], Generic[T]):
    """A list of history that waits to be saved; it knows how much of its kind the session had before.

    Args:
        items: in the order of the history.
        before: how many of the kind are stored already.
    """

    __slots__ = ("_known", "before")

    def __init__(self, items: Iterable[T] = (), before: int = 0) -> None:
        super().__init__(items)
        self.before: int = before
        self._known: dict[str, T] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (list(self), self.before)

    def add(self, item: T) -> None:
        """Append what has been booked."""
        known = self._known
        # A save may have taken away what is known; it is made anew when it is asked for then.
        if len(known) == len(self) and (not known or next(reversed(known.values())) is self[-1]):
            known[item.id] = item
        self.append(item)

    def find(self, id: str) -> T | None:
        """What waits of this id, if anything."""
        known = self._known
        if len(known) != len(self) or (known and next(reversed(known.values())) is not self[-1]):
            known = self._known = {each.id: each for each in self}
        return known.get(id)


class NewEntries(Waiting[LedgerEntry]):
    """The ledger entries that wait, each with its place among the fills.

    Args:
        places: for each entry, how many fills the session had when it was booked: the history is in one order. One that
            a program has put into the list by itself gets its place when the list is next used.
    """

    __slots__ = ("places",)

    def __init__(self, items: Iterable[LedgerEntry] = (), before: int = 0, places: Iterable[int] = ()) -> None:
        super().__init__(items, before)
        self.places: list[int] = list(places)

    def __reduce__(self) -> tuple[Any, ...]:
        return NewEntries, (list(self), self.before, self.places)

    def book(self, entry: LedgerEntry, fill_count: int) -> None:
        """Append an entry that has been booked after this many fills."""
        self.placed(fill_count)
        self.places.append(fill_count)
        self.add(entry)

    def placed(self, fill_count: int) -> list[tuple[int, LedgerEntry]]:
        """The entries, each with its place; `fill_count` is that of those that have none yet."""
        self.places += [fill_count] * (len(self) - len(self.places))
        return list(zip(self.places, self, strict=False))


class NewClosedOrders(Waiting[Order]):
    """The closed orders that wait; a program may append others that it knows of."""

    __slots__ = ()


class HistoryAttribute(Checked[Any, Any]):
    """A list of history that waits; another list put in its place changes nothing about what is stored before it."""

    def __set__(self, owner: object, value: object) -> None:
        known = owner.__dict__.get(self._name)
        super().__set__(owner, value)
        if known is not None:
            owner.__dict__[self._name].before = known.before


class HistoryCount(Checked[int, int]):
    """How much history of one kind a session has: what is stored, and what waits in the list of the name `waiting`.

    Args:
        name: of the attribute.
        waiting: of the list.
        kind: of the list, which knows how much is stored.
    """

    def __init__(self, name: str, waiting: str, kind: Callable[[], Any]) -> None:
        super().__init__(count, name)
        self._waiting = waiting
        self._kind = kind

    def __get__(self, owner: object, kind: type[Any] | None = None) -> int:
        if owner is None:
            return 0  # the default
        waiting = owner.__dict__[self._waiting]
        number: int = waiting.before + len(waiting)
        return number

    def __set__(self, owner: object, value: int) -> None:
        waiting = owner.__dict__.get(self._waiting)
        if waiting is None:
            waiting = owner.__dict__[self._waiting] = self._kind()
        before = count(value, self._name) - len(waiting)
        if before < 0:
            raise invalid(self._name, f"{value} is less than the {len(waiting)} that wait in `{self._waiting}`.")
        waiting.before = before


def new_entries(value: object, path: str) -> NewEntries:
    """The ledger entries of `value` as a list of its own."""
    items = _items(value, path)
    if isinstance(value, NewEntries):
        return NewEntries(items, value.before, value.places)
    for index, each in enumerate(items):
        if not isinstance(each, CashFlow | Split | SymbolChange):
            raise invalid(f"{path}[{index}]", f"must be a CashFlow, Split or SymbolChange, not {shown(each)}.")
    return NewEntries(items)


def new_closed_orders(value: object, path: str) -> NewClosedOrders:
    """The closed orders of `value` as a list of its own."""
    before = value.before if isinstance(value, NewClosedOrders) else 0
    return NewClosedOrders(
        (require(Order, each, f"{path}[{index}]") for index, each in enumerate(_items(value, path))), before
    )


def _items(value: object, path: str) -> list[Any]:
    if not isinstance(value, Iterable):
        raise invalid(path, f"must be a list, not {shown(value)}.")
    return list(value)
