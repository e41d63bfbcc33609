"""When a claim's time begins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from paper_repo import SessionRepository
from paper_repo.core.repository import internals_of
from paper_repo.storage import claim_statements
from tests.builders import new_session

START = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture
def repository(path: Path) -> Iterator[SessionRepository]:
    """One session that runs, and two that others wait to claim."""
    with SessionRepository(path) as opened:
        session = new_session(id="one")
        session.start()
        opened.save(session)
        yield opened


CLAIMS: dict[str, Callable[[SessionRepository], object]] = {
    "claim": lambda repository: repository.claim("one", "me", 10),
    "claim_active": lambda repository: repository.claim_active("me", 10),
    "renew": lambda repository: repository.renew("one", "me", 10),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_the_time_begins_when_the_claim_is_granted(
    repository: SessionRepository, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Who has waited for another writer longer than the claim lasts has the whole of it still before them."""
    if name == "renew":
        assert repository.claim("one", "me", 1)

    class Clock(datetime):
        """Stands still until the lock for writing is there, and is an hour later then."""

        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return START + timedelta(hours=internals_of(repository).storage.in_transaction())

    with monkeypatch.context() as patched:
        patched.setattr(claim_statements, "datetime", Clock)
        CLAIMS[name](repository)

    storage = internals_of(repository).storage
    (expires,) = storage.fetch_all(storage.statements.tables.claims.select())
    assert expires[2] == (START + timedelta(hours=1, seconds=10)).isoformat(timespec="microseconds")
