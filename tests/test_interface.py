"""The synchronous core, the async facade, the fake and the interface say the same in the same words."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, get_overloads

import pytest

from paper_repo import (
    AsyncSessionRepository,
    InMemorySessionRepository,
    IPaperTradingSessionRepository,
    SessionRepository,
    SQLiteSessionRepository,
    SyncInMemorySessionRepository,
)
from paper_repo.testing import ThreadedRepository

INTERFACE = IPaperTradingSessionRepository
ASYNC = [AsyncSessionRepository, SQLiteSessionRepository, InMemorySessionRepository, ThreadedRepository]
SYNC = [SessionRepository, SyncInMemorySessionRepository]
CORE_ONLY = {
    "busy_timeout",  # what the facade waits at most
    "compact",  # for `paper-repo compact`
    "describe",  # for `paper-repo info`
    "equity_history",  # for archives
    "fill_history",  # for archives
    "ledger_history",  # for archives
    "order_history",  # for archives
    "trade_history",  # for `paper-repo trades`
    "find_ids",  # for ids that are shortened on the command line
    "is_damaged",  # for `paper-repo restore`
    "reading",  # for archives
    "restore",  # for archives
}
FACADE_ONLY = {"core"}
SYNC_NAMES = {"__aenter__": "__enter__", "__aexit__": "__exit__"}
SYNC_RESULTS = {
    "AsyncIterator[PaperTradingSession]": "Iterator[PaperTradingSession]",
    "AbstractAsyncContextManager[None]": "AbstractContextManager[None]",
    "AsyncSessionChanges": "SessionChanges",
}


def public_names(kind: type) -> set[str]:
    """The names that a caller of this class sees, without those that every object has."""
    return {name for name in dir(kind) if not name.startswith("_")}


METHODS = [*sorted(public_names(INTERFACE)), *SYNC_NAMES]


def method(kind: type, name: str) -> Callable[..., Any]:
    """The function that this method is made of."""
    return inspect.unwrap(inspect.getattr_static(kind, name) if name in vars(kind) else getattr(kind, name))


@pytest.mark.parametrize("kind", ASYNC)
def test_an_implementation_has_the_names_of_the_interface(kind: type) -> None:
    """An async implementation has every name of the interface; only the facade has one more, for its core."""
    extra = FACADE_ONLY if issubclass(kind, AsyncSessionRepository) else set()

    assert public_names(kind) == public_names(INTERFACE) | extra


def test_the_core_has_the_names_of_the_interface() -> None:
    """The synchronous core has every name of the interface, and beside them only those that are listed here."""
    assert public_names(SessionRepository) == public_names(INTERFACE) | CORE_ONLY


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("kind", ASYNC)
def test_an_implementation_has_the_signatures_of_the_interface(kind: type, name: str) -> None:
    """A method of an async implementation takes and gives what the interface says, with the same defaults."""
    assert inspect.signature(method(kind, name)) == inspect.signature(method(INTERFACE, name))


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("kind", SYNC)
def test_a_synchronous_one_has_the_signatures_of_the_interface(kind: type, name: str) -> None:
    """A method of the core, or of its fake, takes and gives what the interface says, without the waiting."""
    promised = inspect.signature(method(INTERFACE, name))
    result = SYNC_RESULTS.get(promised.return_annotation, promised.return_annotation)

    kept = inspect.signature(method(kind, SYNC_NAMES.get(name, name)))

    assert kept == promised.replace(return_annotation=result)


@pytest.mark.parametrize("name", ["get_all", "get_active", "get_summaries"])
def test_type_checkers_learn_the_same_of_lists_everywhere(name: str) -> None:
    """A list is a `Loaded` where errors are to be reported, else a plain one: so say all, by the same overloads."""
    promised = [inspect.signature(each) for each in get_overloads(method(INTERFACE, name))]

    for kind in (SessionRepository, *ASYNC):
        assert [inspect.signature(each) for each in get_overloads(method(kind, name))] == promised, kind
    assert [each.return_annotation.partition("[")[0] for each in promised] == ["Loaded", "list"]


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("kind", ASYNC)
def test_what_is_awaited_is_awaited_everywhere(kind: type, name: str) -> None:
    """A method is a coroutine in every async implementation or in none, and never in the core."""
    assert inspect.iscoroutinefunction(method(kind, name)) is inspect.iscoroutinefunction(method(INTERFACE, name))
    assert not inspect.iscoroutinefunction(method(SessionRepository, SYNC_NAMES.get(name, name)))


def test_both_repositories_on_a_file_are_made_alike() -> None:
    """The core and the facade on a file take the same arguments and defaults, and the fake has the same timeout."""
    (_, *core), (_, *facade) = (
        inspect.signature(kind).parameters.values() for kind in (SessionRepository, SQLiteSessionRepository)
    )
    assert facade == core
    for fake in (InMemorySessionRepository, SyncInMemorySessionRepository):
        timeout = inspect.signature(fake).parameters["busy_timeout"]
        assert timeout == inspect.signature(SessionRepository).parameters["busy_timeout"]


@pytest.mark.parametrize("name", sorted(public_names(INTERFACE)))
def test_every_promise_is_documented(name: str) -> None:
    """Every method of the interface says what its caller gets."""
    assert inspect.cleandoc(vars(INTERFACE)[name].__doc__)


@pytest.mark.parametrize("name", sorted(public_names(INTERFACE)))
def test_every_promise_must_be_kept(name: str) -> None:
    """Every public method of the interface is abstract, so that no implementation can forget one."""
    assert name in INTERFACE.__abstractmethods__
