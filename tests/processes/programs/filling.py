"""Saves until the system does not let the file grow any more, then with more room.

Usage: python filling.py PATH. Prints a line for each of the ways to save.
"""

from __future__ import annotations

import asyncio
import resource
import signal
import sys
from collections.abc import Callable

from paper_repo import PaperTradingSession, SessionRepository, SQLiteSessionRepository, StorageError, Strategy

ROOM = 400_000


def save(path: str, session: PaperTradingSession) -> Callable[[], None]:
    """By a plain call."""
    repository = SessionRepository(path)
    return lambda: repository.save(session)


def atomic(path: str, session: PaperTradingSession) -> Callable[[], None]:
    """In a transaction."""
    repository = SessionRepository(path)

    def act() -> None:
        with repository.atomic():
            repository.save(session)
            repository.get_by_id(session.id)

    return act


def facade(path: str, session: PaperTradingSession) -> Callable[[], None]:
    """Through the async repository."""
    repository = SQLiteSessionRepository(path)
    return lambda: asyncio.run(repository.save(session))


def limit(size: int) -> None:
    """Let no file of this process grow beyond `size`."""
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))


def main(path: str) -> None:
    """Run into the limit in each of the ways."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    for way in (save, atomic, facade):
        session = PaperTradingSession(strategy=Strategy("sma"), initial_cash=10000)
        act = way(f"{path}.{way.__name__}", session)
        act()
        limit(ROOM)
        try:
            while True:
                session.state["much"] = session.state.get("much", "") + "x" * 10_000
                act()
        except StorageError:
            failed = session.version
        limit(resource.RLIM_INFINITY)
        act()
        assert session.version == failed + 1
        with SessionRepository(f"{path}.{way.__name__}") as again:
            assert again.get_by_id(session.id) == session
        sys.stdout.write("refused, then saved\n")


if __name__ == "__main__":
    main(sys.argv[1])
