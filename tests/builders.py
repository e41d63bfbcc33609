"""Sessions for tests: those of the published contract, and one that only a file can hold."""

from __future__ import annotations

from typing import Any

from paper_repo import PaperTradingSession
from paper_repo.testing.examples import START as START
from paper_repo.testing.examples import moment as moment
from paper_repo.testing.examples import new_fill as new_fill
from paper_repo.testing.examples import new_session as new_session
from paper_repo.testing.examples import unusual_session


def full_session(**changes: Any) -> PaperTradingSession:
    """A session in which every field has a value, and an unusual one; fills and equity points wait to be saved."""
    fields: dict[str, Any] = {
        "id": "abc-123 'quoted' \N{SNOWMAN}",
        "name": 'Ünïcode \N{BULLET} "run"\n\t\\ \x00 \N{CHART WITH UPWARDS TREND}',
        "cash": "-0.00",
        "state": {"ema": 0.1 + 0.2, "big": 10**40, "text": "\N{EURO SIGN}\x00\ud7ff", "": {"": [[{}]]}, "z": 1, "a": 2},
    }
    return unusual_session(**(fields | changes))
