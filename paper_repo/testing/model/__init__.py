"""Random programs, whose every step a repository and a model of plain dictionaries must answer alike.

One call makes a test of it:

    from my_program import MySessionRepository
    from paper_repo.testing.model import check_model


    def test_my_repository_does_what_the_model_does():
        check_model(lambda folder: MySessionRepository(folder / "sessions", busy_timeout=5))

It needs hypothesis (`pip install hypothesis`). A program saves new sessions and changed ones, one or several, loads and
deletes them, in blocks inside of blocks that fail or not, closes the repository and opens another one, and looks at
everything after every step; what a step is to give is in `reference.py`. The program that fails is shown step by step.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

try:
    import hypothesis  # noqa: F401
except ImportError as _error:
    raise ImportError("paper_repo.testing.model needs hypothesis: pip install hypothesis") from _error

from paper_repo.interface import IPaperTradingSessionRepository
from paper_repo.testing.model.driving import InTask
from paper_repo.testing.model.machine import check

__all__ = ["check_model"]


def check_model(
    make: Callable[[Path], IPaperTradingSessionRepository],
    *,
    backend: str = "asyncio",
    keeps: bool = True,
    examples: int = 20,
    shorten: bool = False,
) -> None:
    """Run random programs, and fail at the first step at which a repository does something else than the model.

    Args:
        make: a new repository on the database in this folder, which is empty when a program begins; it is called again
            with the same folder when a program closes the repository and opens another one. A synchronous one is put
            behind a `ThreadedRepository`.
        backend: the event loop, "asyncio" or "trio".
        keeps: False for a repository that forgets everything when it is closed: it is not closed in between then.
        examples: how many programs, of forty steps at most.
        shorten: make a program that fails shorter before it is shown, which takes minutes.

    Raises:
        AssertionError: the repository returned, raised or left behind something else than it should.
    """
    check(lambda path: InTask(backend, lambda: make(path.parent)), keeps, examples=examples, shorten=shorten)
