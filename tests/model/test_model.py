"""Every repository does what a model of plain dictionaries does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from paper_repo import InMemorySessionRepository, SessionRepository, SQLiteSessionRepository
from paper_repo.testing.model.driving import Driver, InTask, PlainCalls
from tests.model.checking import check

IMPLEMENTATIONS: dict[str, Callable[[Path], Driver]] = {
    "core": lambda path: PlainCalls(lambda: SessionRepository(path, durability="normal")),
    "asyncio": lambda path: InTask("asyncio", lambda: SQLiteSessionRepository(path, durability="normal")),
    "trio": lambda path: InTask("trio", lambda: SQLiteSessionRepository(path, durability="normal")),
    "memory on asyncio": lambda path: InTask("asyncio", InMemorySessionRepository),
    "memory on trio": lambda path: InTask("trio", InMemorySessionRepository),
}
"""Every implementation by its name: what drives one whose database, if it has any, is to lie at this path."""


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_a_repository_does_what_the_model_does(name: str) -> None:
    """Whatever a program does, in whatever blocks: each step returns, raises and leaves behind what the model says."""
    check(IMPLEMENTATIONS[name], keeps=not name.startswith("memory"))
