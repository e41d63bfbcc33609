"""What the package exports: its names, and its errors."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from types import ModuleType
from typing import get_origin, get_type_hints

import pytest

import paper_repo
import paper_repo.testing
from paper_repo import errors
from paper_repo.errors import (
    ArchiveError,
    ClaimLostError,
    ConflictError,
    CorruptRecordError,
    DuplicateFillError,
    InvalidSessionError,
    PaperRepoError,
    SessionNotFoundError,
)

COPIES: dict[str, Callable[[PaperRepoError], PaperRepoError]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{
        f"pickle protocol {protocol}": lambda error, protocol=protocol: pickle.loads(pickle.dumps(error, protocol))
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    },
}
SPECIAL = {
    ArchiveError: lambda: ArchiveError(7, "it is cut off"),
    ClaimLostError: lambda: ClaimLostError("abc-123", "one", "other", 1, 2),
    ConflictError: lambda: ConflictError("abc-123", 1, None),
    CorruptRecordError: lambda: CorruptRecordError("cannot be read", "abc-123"),
    DuplicateFillError: lambda: DuplicateFillError("abc-123", [("AAPL", "fill-1"), ("MSFT", "fill-1")]),
    InvalidSessionError: lambda: InvalidSessionError({"state.ema": ["nan cannot be kept."]}, "abc-123"),
    SessionNotFoundError: lambda: SessionNotFoundError("abc-123", "did you mean 'abc-124'?"),
}
"""The errors that are made of more than their message."""


def every_error() -> list[type[PaperRepoError]]:
    """The classes of all errors of the library."""
    return [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, PaperRepoError)]


def example(kind: type[PaperRepoError]) -> PaperRepoError:
    """An error of this class, as the library makes them, and with a note of the caller's."""
    error = SPECIAL[kind]() if kind in SPECIAL else kind("what happened; what to do")
    error.add_note("while the caller did this")
    return error


def public_callables() -> list[tuple[str, object]]:
    """What can be called or read of the package: its functions, its classes, and their methods and properties."""
    found: list[tuple[str, object]] = []
    for name in paper_repo.__all__:
        value = getattr(paper_repo, name)
        if not callable(value) or get_origin(value) is not None:  # an alias of a type
            continue
        found.append((name, value))
        for member in dir(value) if inspect.isclass(value) else ():
            static = inspect.getattr_static(value, member)
            documented = inspect.isroutine(static) or isinstance(static, property | classmethod | staticmethod)
            if not member.startswith("_") and documented:
                found.append((f"{name}.{member}", getattr(value, member)))
    return found


def documented_tree() -> dict[str, tuple[str, ...]]:
    """The bases of each error, by its name, as the drawing in the module shows them."""
    tree: dict[str, tuple[str, ...]] = {}
    above: list[str] = []
    for branch, name, other in re.findall(r"^([│├└─ ]*)(\w+Error)(?: \((\w+)\))?$", errors.__doc__ or "", re.MULTILINE):
        depth = len(branch) // 4
        tree[name] = (*above[depth - 1 : depth], *filter(None, [other])) or ("Exception",)
        above[depth:] = [name]
    return tree


@pytest.mark.parametrize("package", [paper_repo, errors, paper_repo.testing], ids=lambda package: package.__name__)
def test_all_is_sorted(package: ModuleType) -> None:
    """`__all__` is sorted and has no name twice."""
    assert package.__all__ == sorted(set(package.__all__))


def test_all_names_everything_public() -> None:
    """`__all__` has exactly the public names of the package: what it imports for its users, and no module."""
    public = {
        name
        for name in dir(paper_repo)
        if not name.startswith("_") and not isinstance(getattr(paper_repo, name), ModuleType)
    }

    assert set(paper_repo.__all__) == public


@pytest.mark.parametrize(
    ("name", "value"), public_callables(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_public_callable_is_documented(name: str, value: object) -> None:
    """Whatever help, an editor or a notebook shows of the package begins with what the caller gets."""
    documentation = inspect.getdoc(value)

    assert documentation, name
    assert not documentation.startswith(f"{name}("), "this is what a dataclass says by itself"


@pytest.mark.parametrize(
    ("name", "value"), public_callables(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_public_callable_shows_its_arguments(name: str, value: object) -> None:
    """No signature hides its arguments in `*args` or `**kwargs`; what Python itself has made is not counted."""
    if not inspect.isfunction(value):
        return
    kinds = {each.kind for each in inspect.signature(value).parameters.values()}

    assert kinds.isdisjoint({inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL})


def test_help_begins_with_a_page_for_newcomers() -> None:
    """It shows every class and function that is exported, but the errors, the reports and the types of arguments."""
    page = inspect.getdoc(paper_repo) or ""
    left_out = {
        "Amount",
        "Address",
        "Durability",
        "Journal",
        "OnDamage",
        "OrderBy",
        "Progress",
        "StatusFilter",
        "Upgrade",
        "WhichOrders",
    }
    results = {"CheckReport", "CopyReport", "Finding", "Loaded", "Salvaged", "SessionSummary", "SessionFilters"}
    results |= {"SessionQuery", "SessionChange", "SessionChanges", "AsyncSessionChanges"}
    expected = set(paper_repo.__all__) - {kind.__name__ for kind in every_error()} - left_out - results

    assert {name for name in expected if not re.search(rf"\b{name}\b", page)} == set()


def test_what_is_shown_is_what_is_imported() -> None:
    """Classes name the package as their module, and so do tracebacks and pickles; data classes, which others look into
    for the types of their fields, keep their own."""
    assert str(paper_repo.SessionRepository) == "<class 'paper_repo.SessionRepository'>"
    assert str(paper_repo.InMemorySessionRepository) == "<class 'paper_repo.InMemorySessionRepository'>"
    assert str(paper_repo.ConflictError) == "<class 'paper_repo.ConflictError'>"
    assert get_type_hints(paper_repo.Fill)["price"] is Decimal
    assert pickle.loads(pickle.dumps(paper_repo.SessionStatus.RUNNING)) is paper_repo.SessionStatus.RUNNING


def test_what_is_imported_on_demand_is_there_like_all_else() -> None:
    """A new process finds it by its name, in a star import and in `dir`; what there is not, it does not find."""
    program = """
import paper_repo
assert "paper_repo.memory" not in __import__("sys").modules
assert {"InMemorySessionRepository", "copy_sessions"} <= set(dir(paper_repo))
assert paper_repo.performance.__module__ == "paper_repo.domain.performance"
from paper_repo import *
assert InMemorySessionRepository is paper_repo.InMemorySessionRepository
assert not hasattr(paper_repo, "perfomance")
"""

    subprocess.run([sys.executable, "-c", program], check=True)


def test_every_error_is_exported() -> None:
    """Every error that leaves the library can be imported from it."""
    names = {kind.__name__ for kind in every_error()}

    assert set(errors.__all__) == names
    assert names <= set(paper_repo.__all__)


def test_the_drawing_shows_the_tree() -> None:
    """The tree in the documentation of the errors is the real one, with every base."""
    real = {kind.__name__: tuple(base.__name__ for base in kind.__bases__) for kind in every_error()}

    assert documented_tree() == real


@pytest.mark.parametrize("kind", every_error())
@pytest.mark.parametrize("way", COPIES)
def test_errors_can_be_copied(kind: type[PaperRepoError], way: str) -> None:
    """An error comes through a copy, and through the pickle of a process pool, with all that it says."""
    error = example(kind)

    twin = COPIES[way](error)

    assert type(twin) is kind
    assert twin is not error
    assert (str(twin), twin.args, vars(twin)) == (str(error), error.args, vars(error))


@pytest.mark.parametrize("kind", every_error())
def test_errors_are_documented(kind: type[PaperRepoError]) -> None:
    """Every error says what has happened when it comes."""
    assert inspect.cleandoc(vars(kind)["__doc__"])


def test_a_conflict_tells_what_to_do() -> None:
    """The message of a conflict names the session, tells the three kinds apart and says the way out of each."""
    changed, deleted, taken = (str(ConflictError("abc-123", *versions)) for versions in ((1, 3), (2, None), (0, 4)))

    assert changed == (
        "session 'abc-123' was not saved: it was loaded at version 1 and is at version 3 now; "
        "load it again with get_by_id(), book the new fills and payments that get_unrecorded() returns, "
        "repeat your other changes, and save it"
    )
    assert "has been deleted since" in deleted
    assert "fresh_copy" in deleted
    assert "already stored (version 4)" in taken
    assert "choose another id" in taken


def test_an_invalid_session_names_every_path() -> None:
    """The message of an invalid session names the session, and each path with what is wrong there."""
    error = InvalidSessionError({"cash": ["must be finite."], "state.ema": ["is nan.", "use None."]}, "abc-123")

    assert str(error) == "session 'abc-123': cash: must be finite.; state.ema: is nan. use None."
    assert error.messages == {"cash": ["must be finite."], "state.ema": ["is nan.", "use None."]}


def test_a_missing_session_may_come_with_a_hint() -> None:
    """The message of a missing session names its id, and what may be meant instead."""
    assert str(SessionNotFoundError("abc")) == "there is no session 'abc'"
    assert str(SessionNotFoundError("abc", "near: 'abd'")) == "there is no session 'abc'; near: 'abd'"
