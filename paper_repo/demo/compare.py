"""Two sessions in two files, compared to the last digit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from paper_repo.core.repository import SessionRepository
from paper_repo.errors import SessionNotFoundError
from paper_repo.serialization import schemas


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: what, what it is (an amount, or how many there are), and whether it is right."""

    what: str
    found: str
    passed: bool


def compare(ours: SessionRepository, our_id: str, theirs: SessionRepository, their_id: str) -> list[Check]:
    """Whether everything that trading has made of two sessions is the same, digit by digit.

    Raises:
        SessionNotFoundError: one of them is not there.
    """
    one, other = _contents(ours, our_id), _contents(theirs, their_id)
    return [Check(what, _brief(one[what]), one[what] == other[what]) for what in one]


def _contents(repository: SessionRepository, session_id: str) -> dict[str, Any]:
    session = repository.get_by_id(session_id)
    if session is None:
        raise SessionNotFoundError(session_id)
    data = schemas.dump(session)
    return {
        "cash": data["cash"],
        "realized P&L": data["realized_pnl"],
        "fees": data["fees_paid"],
        "equity": str(session.equity),
        "positions": data["positions"],
        "resting orders": data["open_orders"],
        "fills": [schemas.dump(fill) for fill in repository.get_fills(session_id)],
        "equity curve": [schemas.dump(point) for point in repository.get_equity_curve(session_id)],
        "the strategy's state": data["state"],
        "times saved": data["version"],
    }


def _brief(value: Any) -> str:
    return value if isinstance(value, str) else str(value if isinstance(value, int) else len(value))
