"""An id of another type: it is told, instead of being looked for in vain."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from paper_repo import (
    InMemorySessionRepository,
    InvalidSessionError,
    SessionRepository,
    SQLiteSessionRepository,
    SyncInMemorySessionRepository,
)
from tests.builders import new_session

CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "get_by_id": lambda repository, wrong: repository.get_by_id(wrong),
    "exists": lambda repository, wrong: repository.exists(wrong),
    "delete": lambda repository, wrong: repository.delete(wrong),
    "get_fills": lambda repository, wrong: repository.get_fills(wrong),
    "get_unrecorded": lambda repository, wrong: repository.get_unrecorded(wrong, []),
    "get_equity_curve": lambda repository, wrong: repository.get_equity_curve(wrong),
    "claim": lambda repository, wrong: repository.claim(wrong, "me", 60),
    "renew": lambda repository, wrong: repository.renew(wrong, "me", 60),
    "release": lambda repository, wrong: repository.release(wrong, "me"),
    "get_ledger": lambda repository, wrong: repository.get_ledger(wrong),
    "get_cash_flows": lambda repository, wrong: repository.get_cash_flows(wrong),
    "get_orders": lambda repository, wrong: repository.get_orders(wrong),
    "get_trades": lambda repository, wrong: repository.get_trades(wrong),
    "get_performance": lambda repository, wrong: repository.get_performance(wrong),
    "get_as_of": lambda repository, wrong: repository.get_as_of(wrong, datetime.now(UTC)),
    "correct_fill": lambda repository, wrong: repository.correct_fill(wrong, "fill"),
}
OF_THE_CORE: dict[str, Callable[[Any, Any], Any]] = {
    "fill_history": lambda repository, wrong: list(repository.fill_history(wrong)),
    "equity_history": lambda repository, wrong: list(repository.equity_history(wrong)),
}


@pytest.mark.parametrize("call", (CALLS | OF_THE_CORE).values(), ids=CALLS | OF_THE_CORE)
@pytest.mark.parametrize("wrong", [5, None, new_session(), b"id"], ids=["number", "none", "session", "bytes"])
def test_the_core_says_so(path: Path, call: Callable[[Any, Any], Any], wrong: object) -> None:
    """A number, None, bytes, or the session itself."""
    with SessionRepository(path) as repository, pytest.raises(InvalidSessionError, match=r"^session_id: must be text"):
        call(repository, wrong)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.anyio
async def test_the_facade_says_so(path: Path, call: Callable[[Any, Any], Any]) -> None:
    """The same by the facade."""
    async with SQLiteSessionRepository(path) as repository:
        with pytest.raises(InvalidSessionError, match=r"^session_id: must be text"):
            await call(repository, new_session())


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.anyio
async def test_the_repositories_in_memory_say_so(call: Callable[[Any, Any], Any]) -> None:
    """The same by those that stand for them in tests."""
    with pytest.raises(InvalidSessionError, match=r"^session_id: must be text"):
        await call(InMemorySessionRepository(), new_session())
    with pytest.raises(InvalidSessionError, match=r"^session_id: must be text"):
        call(SyncInMemorySessionRepository(), new_session())


def test_the_beginning_of_an_id(path: Path) -> None:
    """So it is where ids are looked for by how they begin."""
    with SessionRepository(path) as repository, pytest.raises(InvalidSessionError, match=r"^beginning: must be text"):
        repository.find_ids(5)  # type: ignore[arg-type]
