"""How many sessions a worker wants is looked at before anything is claimed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from paper_repo import SessionRepository
from tests.builders import new_session


@pytest.mark.parametrize("limit", [-1, 1.5, "2", True])
def test_a_limit_that_makes_no_sense_is_refused(path: Path, limit: Any) -> None:
    """Nothing is claimed then."""
    session = new_session(id="one")
    session.start()
    with SessionRepository(path) as repository:
        repository.save(session)

        with pytest.raises(ValueError, match="limit"):
            repository.claim_active("me", 60, limit)

        assert [each.id for each in repository.claim_active("other", 60)] == ["one"]
