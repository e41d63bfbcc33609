"""A repository to import into, for the tests of every source."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from paper_repo import SessionRepository


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[SessionRepository]:
    """An empty one."""
    with SessionRepository(tmp_path / "s.db") as opened:
        yield opened
