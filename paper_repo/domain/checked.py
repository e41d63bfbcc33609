"""Attributes that check what is assigned to them, for entities that can change.

    @entity
    class Account:
        cash: Checked[Amount, Decimal] = checked(amount)

`account.cash = "100.10"` keeps `Decimal("100.10")`, and type checkers know both: what it takes and what it gives.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar, dataclass_transform

from paper_repo.domain.secrecy import kind_of, shown
from paper_repo.domain.values import invalid

Taken = TypeVar("Taken", contravariant=True)
Given = TypeVar("Given", covariant=True)
T = TypeVar("T")


Check: TypeAlias = Callable[[Any, str], Any]
"""Makes of a value, and the name of its attribute, what is kept; raises an `InvalidSessionError` for a wrong one."""


class Checked(Generic[Taken, Given]):
    """An attribute that takes a `Taken`, and gives what its check has made of it, a `Given`."""

    def __init__(self, check: Check, name: str) -> None:
        self._check = check
        self._name = name

    def __set__(self, owner: object, value: Taken) -> None:
        owner.__dict__[self._name] = self._check(value, self._name)

    if TYPE_CHECKING:  # at run time it is read from the object's own dictionary, as fast as any attribute

        def __get__(self, owner: object, kind: type[Any] | None = None) -> Given: ...


def checked(check: Check | Checked[Any, Any], **default: Any) -> Any:
    """The declaration of a checked attribute in an `entity`.

    Args:
        check: see `Check`; or the whole attribute, where it does more than to check.
        default: `default` or `default_factory`, as for `dataclasses.field`.
    """
    return dataclasses.field(metadata={"check": check}, **default)


@dataclass_transform(kw_only_default=True, field_specifiers=(checked, dataclasses.field))
def entity(kind: type[T]) -> type[T]:
    """A dataclass with keyword arguments only, whose `checked` attributes check what is assigned."""
    dataclasses.dataclass(kw_only=True)(kind)
    for each in dataclasses.fields(kind):  # type: ignore[arg-type]  # it has just become a dataclass
        if check := each.metadata.get("check"):
            setattr(kind, each.name, check if isinstance(check, Checked) else Checked(check, each.name))
    return kind


def instance_of(kind: type) -> Check:
    """The check for objects of this type, which are kept as they are."""

    def check(value: object, path: str) -> object:
        return require(kind, value, path)

    return check


def require(kind: type[T], value: object, path: str) -> T:
    """`value`, which must be of this type.

    Raises:
        InvalidSessionError: it is of another one.
    """
    if not isinstance(value, kind):
        article = "an" if kind.__name__[0] in "AEIOU" else "a"
        given = kind_of(value) if kind is dict else shown(value)  # dicts are what is secret
        raise invalid(path, f"must be {article} {kind.__name__}, not {given}.")
    return value


def no_such_attribute(owner: object, name: str) -> AttributeError:
    """The error of an assignment to an attribute that there is not, with the name that was meant, if one is near."""
    import difflib  # on demand: only mistakes need it

    names = [each.name for each in dataclasses.fields(owner)]  # type: ignore[arg-type]  # every entity is a dataclass
    near = difflib.get_close_matches(name, names, 1)
    meant = f"; did you mean {near[0]!r}?" if near else "."
    return AttributeError(
        f"a {type(owner).__name__} has no attribute {name!r}{meant} "
        "What a program wants to keep with a session belongs in its `state`, which is stored.",
        name=name,
        obj=owner,
    )
