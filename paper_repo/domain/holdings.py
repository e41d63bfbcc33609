"""Amounts of an account that only its bookings change; a program that assigns them keeps its own accounts.

`check()` rebuilds the books of a session from its history, unless the session says that its program keeps accounts of
its own. So that no program need think of it, a session notices when it does: when it is made with amounts that no
booking explains, or one of them is assigned, or its `positions` or `balances` are changed in place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from paper_repo.domain.checked import Check, Checked, require
from paper_repo.domain.secrecy import shown
from paper_repo.domain.values import invalid

T = TypeVar("T")
Taken = TypeVar("Taken", contravariant=True)
Given = TypeVar("Given", covariant=True)


class Holdings(dict[str, T]):
    """A dict that notices when it is changed; bookings change it by `keep`, unnoticed."""

    __slots__ = ("was_changed",)

    def __init__(self, held: Mapping[str, T] | None = None) -> None:
        if held:
            super().__init__(held)
        self.was_changed: bool = False

    def keep(self, key: str, value: T | None) -> None:
        """Put `value` under `key`, or take the key away when there is none left."""
        if value is None:
            super().pop(key, None)
        else:
            super().__setitem__(key, value)

    def __reduce__(self) -> tuple[Any, ...]:
        return Holdings, (dict(self),)

    def __setitem__(self, key: str, value: T) -> None:
        self.was_changed = True
        super().__setitem__(key, value)

    def __delitem__(self, key: str) -> None:
        self.was_changed = True
        super().__delitem__(key)

    def __ior__(self, other: Any) -> Any:  # type: ignore[misc]
        self.was_changed = True
        return super().__ior__(other)

    def clear(self) -> None:
        self.was_changed = True
        super().clear()

    def pop(self, *args: Any) -> Any:
        self.was_changed = True
        return super().pop(*args)

    def popitem(self) -> tuple[str, T]:
        self.was_changed = True
        return super().popitem()

    def setdefault(self, *args: Any) -> Any:
        self.was_changed = True
        return super().setdefault(*args)

    def update(self, *args: Any, **values: Any) -> None:
        self.was_changed = True
        super().update(*args, **values)


class Account(Checked[Taken, Given]):
    """An attribute that only bookings change, which go past it; an assignment says that the program keeps accounts."""

    def __set__(self, owner: object, value: Taken) -> None:
        super().__set__(owner, value)
        if "keeps_own_accounts" in owner.__dict__:  # the owner is made already
            owner.__dict__["keeps_own_accounts"] = True


class OwnAccounts(Checked[bool | None, bool]):
    """A session's `keeps_own_accounts`; None, when a session is made: if no booking explains its amounts."""

    def __init__(self) -> None:
        super().__init__(_flag, "keeps_own_accounts")

    def __get__(self, owner: object, kind: type[Any] | None = None) -> bool:
        if owner is None:
            return None  # type: ignore[return-value]  # the default
        fields = owner.__dict__
        flag: bool = fields["keeps_own_accounts"]
        return (
            flag
            or fields["positions"].was_changed
            or fields["balances"].was_changed
            or fields["rates"].was_changed
            or fields["opening_positions"].was_changed
            or fields["opening_balances"].was_changed
        )


def holdings(kind: type[T]) -> Check:
    """The check for a dict of these, which becomes one that notices changes; None stays what it is."""

    def check(value: Any, path: str) -> Any:
        return None if value is None else Holdings(require(dict, value, path))

    return check


def _flag(value: object, path: str) -> bool | None:
    if value is None or type(value) is bool:
        return value
    raise invalid(path, f"must be True or False, not {shown(value)}.")
