"""A role with only the rights that the documentation lists."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from paper_repo import CashFlow, ReadOnlyError, SessionRepository
from tests.builders import START, full_session, new_fill, new_session

ROLE = f"bot_{os.getpid()}"
PAGE = Path(__file__).parents[2] / "docs" / "servers.md"


def documented() -> str:
    """The statements of the page."""
    return PAGE.read_text().split("```sql\n")[1].split("```")[0]


@pytest.fixture
def limited_url(url: str) -> Iterator[str]:
    """A database in which somebody else owns the tables."""
    with SessionRepository(url):
        pass
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(f"CREATE ROLE {ROLE} LOGIN".encode())
        try:
            owner.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
            owner.execute(documented().replace("TO bot", f"TO {ROLE}").encode())
            yield url.replace("://postgres@", f"://{ROLE}@")
        finally:
            owner.execute(f"DROP OWNED BY {ROLE}".encode())
            owner.execute(f"DROP ROLE {ROLE}".encode())


def test_the_documented_rights_are_enough(limited_url: str) -> None:
    """Such a role saves every kind of history, claims, watches, looks and deletes."""
    session: Any = full_session(name="full", id="full", state={})
    session.start()
    with SessionRepository(limited_url, upgrade="never") as repository:
        with repository.watch(after=0, timeout=0) as changes:
            repository.save(session)
            assert [each.session_id for each in changes] == ["full"]
        plain = new_session(status="RUNNING")
        plain.apply_fill(new_fill(1))
        plain.mark({"AAPL": "99"})
        plain.apply_cash_flow(CashFlow("dep-1", "DEPOSIT", 5, at=START))
        repository.save_many([plain])
        assert repository.claim(plain.id, "me", 60) is not None
        assert repository.release(plain.id, "me")
        assert repository.get_ledger(plain.id)
        assert repository.get_orders(plain.id) == []
        assert repository.check().ok
        assert repository.delete(plain.id)


def test_without_a_right_the_error_says_which(limited_url: str, url: str) -> None:
    """A table that was forgotten is named."""
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(f"REVOKE ALL ON paper_trading_ledger FROM {ROLE}".encode())
    session = new_session()
    session.apply_cash_flow(CashFlow("dep-1", "DEPOSIT", 5, at=START))

    with (
        SessionRepository(limited_url, upgrade="never") as repository,
        pytest.raises(ReadOnlyError, match="paper_trading_ledger"),
    ):
        repository.save(session)
