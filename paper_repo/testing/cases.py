"""What several tests of the contract are run with."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable

import pytest

from paper_repo.errors import SessionNotFoundError
from paper_repo.interface import IPaperTradingSessionRepository
from paper_repo.testing.examples import moment, new_fill, new_session

Call = Callable[[IPaperTradingSessionRepository], Awaitable[object]]


def cases(values: Iterable[object]) -> pytest.MarkDecorator:
    """Runs a test with each of `values` as its `contract_case`.

    It is one name, and an unusual one, because a parameter replaces every fixture of its name, also one on which the
    subclass's own fixtures depend.
    """
    return pytest.mark.parametrize("contract_case", list(values))


async def _iterate(repository: IPaperTradingSessionRepository) -> object:
    return [session async for session in repository.iterate()]


async def _atomic(repository: IPaperTradingSessionRepository) -> None:
    async with repository.atomic():
        pass


EVERY_CALL: dict[str, Call] = {
    "save": lambda repository: repository.save(new_session()),
    "save_many": lambda repository: repository.save_many([new_session()]),
    "get_by_id": lambda repository: repository.get_by_id("kept"),
    "get_all": lambda repository: repository.get_all(),
    "get_active": lambda repository: repository.get_active(),
    "get_summaries": lambda repository: repository.get_summaries(),
    "iterate": _iterate,
    "exists": lambda repository: repository.exists("kept"),
    "count": lambda repository: repository.count(),
    "get_fills": lambda repository: repository.get_fills("kept"),
    "get_unrecorded": lambda repository: repository.get_unrecorded("kept", [new_fill(1)]),
    "get_equity_curve": lambda repository: repository.get_equity_curve("kept"),
    "get_ledger": lambda repository: repository.get_ledger("kept"),
    "get_cash_flows": lambda repository: repository.get_cash_flows("kept"),
    "get_orders": lambda repository: repository.get_orders("kept"),
    "get_trades": lambda repository: repository.get_trades("kept"),
    "get_performance": lambda repository: repository.get_performance("kept"),
    "get_as_of": lambda repository: repository.get_as_of("kept", moment(1)),
    "correct_fill": lambda repository: repository.correct_fill("kept", "fill-1"),
    "delete": lambda repository: repository.delete("kept"),
    "delete_many": lambda repository: repository.delete_many(),
    "claim": lambda repository: repository.claim("kept", "me", 60),
    "renew": lambda repository: repository.renew("kept", "me", 60),
    "release": lambda repository: repository.release("kept", "me"),
    "claim_active": lambda repository: repository.claim_active("me", 60),
    "check": lambda repository: repository.check(),
    "atomic": _atomic,
}
"""One call of each method, by its name; those that name a session name "kept".

Opening and closing are not among them, nor what belongs to no transaction: `watch` and `backup`.
"""

PARTS_OF_A_SESSION = (
    *("get_fills", "get_equity_curve", "get_ledger", "get_cash_flows", "get_orders"),
    *("get_trades", "get_performance", "get_as_of", "correct_fill"),
)
"""The methods that raise a `SessionNotFoundError` where there is no session of the id that they are given."""


async def require_no_session(repository: IPaperTradingSessionRepository, session_id: str) -> None:
    """Fail unless there is no session of this id, and no history."""
    assert await repository.get_by_id(session_id) is None
    assert await repository.exists(session_id) is False
    for read in (repository.get_fills, repository.get_equity_curve):
        with pytest.raises(SessionNotFoundError, match=re.escape(session_id)):
            await read(session_id)
