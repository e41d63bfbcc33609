"""The contract suite: what `IPaperTradingSessionRepository` promises, as tests for any implementation of it.

A few lines in a test module run it, on asyncio and, where it is installed, on trio:

    import pytest

    from my_program import MySessionRepository
    from paper_repo.testing import SessionRepositoryContract


    class TestMySessionRepository(SessionRepositoryContract):
        @pytest.fixture
        async def repository(self, tmp_path, busy_timeout):
            async with MySessionRepository(tmp_path / "sessions", busy_timeout=busy_timeout) as repository:
                yield repository

It needs pytest (`pip install pytest`); the event loops come from the pytest plugin that is part of anyio. A synchronous
implementation is tested behind a `ThreadedRepository`. A test that does not apply is taken out by its name, which best
says why: `test_names_are_in_code_point_order = None`.

`pytest -k "cancelled or out_of_time"` runs those of its tests alone in which something is cancelled. Random programs
that are compared with a model step by step are in `paper_repo.testing.model`.
"""

from __future__ import annotations

try:
    import pytest
except ImportError as _error:
    raise ImportError("paper_repo.testing needs pytest: pip install pytest") from _error

pytest.register_assert_rewrite(
    *(f"paper_repo.testing.{part}" for part in (
        "accounts", "booking", "cancellation", "claiming", "closing", "conflicts", "exactness", "history", "model",
        "queries", "saving", "sharing", "transactions", "watching",
    ))
)  # fmt: skip

from paper_repo.testing.contract import SessionRepositoryContract  # noqa: E402  # its asserts are rewritten first
from paper_repo.testing.threads import ThreadedRepository  # noqa: E402

__all__ = ["SessionRepositoryContract", "ThreadedRepository"]
