"""The repository on PostgreSQL does what a model of plain dictionaries does."""

from __future__ import annotations

from pathlib import Path

import pytest

from paper_repo import AsyncSessionRepository, SessionRepository
from paper_repo.testing.model.driving import Driver, InTask, PlainCalls
from tests.model.checking import check


@pytest.mark.parametrize("name", ["core", "asyncio", "trio"])
def test_a_repository_does_what_the_model_does(shared_url: str, name: str) -> None:
    """Whatever a program does, in whatever blocks: each step returns, raises and leaves behind what the model says."""

    def implementation(path: Path) -> Driver:
        with SessionRepository(shared_url) as repository:
            repository.delete_many()
        if name == "core":
            return PlainCalls(lambda: SessionRepository(shared_url))
        return InTask(name, lambda: AsyncSessionRepository(shared_url))

    check(implementation)
