"""What is done while something goes wrong, and how to let it go wrong at a certain statement."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from paper_repo import AsyncSessionRepository, PaperTradingSession, SessionRepository
from paper_repo.core.repository import internals_of
from tests.builders import new_fill, new_session
from tests.facade.watching import nothing

Sessions = list[PaperTradingSession]


class UndoneError(Exception):
    """What a part of a transaction is rolled back with on purpose."""


# What is done


def save(repository: SessionRepository, sessions: Sessions) -> None:
    """One save."""
    repository.save(sessions[0])


def save_many(repository: SessionRepository, sessions: Sessions) -> None:
    """A save of several sessions."""
    repository.save_many(sessions)


def atomic(repository: SessionRepository, sessions: Sessions) -> None:
    """A transaction with a part that is kept and one that is not."""
    with repository.atomic():
        repository.save(sessions[0])
        with repository.atomic():
            repository.save(sessions[1])
        with suppress(UndoneError), repository.atomic():
            repository.delete(sessions[0].id)
            raise UndoneError


def save_async(repository: SessionRepository, sessions: Sessions) -> None:
    """Saves that share a transaction of the async repository."""

    async def main() -> None:
        facade = AsyncSessionRepository(internals_of(repository).storage.name)
        try:
            results = await asyncio.gather(*map(facade.save, sessions), return_exceptions=True)
        finally:
            await facade.close()
        for error in results:
            if error is not None:
                raise error

    asyncio.run(main())


def block(repository: SessionRepository, sessions: Sessions) -> None:
    """A block of the async repository."""

    async def main() -> None:
        async with AsyncSessionRepository(internals_of(repository).storage.name) as facade, facade.atomic():
            await facade.save(sessions[0])
            async with facade.atomic():
                await facade.save(sessions[1])

    asyncio.run(main())


ACTIONS = [save, save_many, atomic, save_async, block]


class Watch(Protocol):
    """What sees every statement, on whatever database."""

    seen: list[str]
    before: Callable[[str], object]
    after: Callable[[str], object]


def sessions_to_save(repository: SessionRepository) -> Sessions:
    """Two sessions, one of them stored before, with history that waits."""
    sessions = [new_session(), new_session()]
    repository.save(sessions[0])
    for session in sessions:
        session.apply_fill(new_fill(1))
        session.mark({"AAPL": "99"}, new_fill(1).executed_at)
    return sessions


def reads_of(repository: SessionRepository) -> list[Callable[[], object]]:
    """Every way to read, after a session was saved."""
    session = sessions_to_save(repository)[0]
    repository.save(session)
    return [
        lambda: repository.get_by_id(session.id),
        repository.get_all,
        lambda: list(repository.iterate()),
        lambda: repository.get_fills(session.id),
        lambda: repository.get_equity_curve(session.id),
        lambda: repository.exists(session.id),
        repository.count,
    ]


def statements_of(repository: SessionRepository, watch: Watch, action: Callable[..., None]) -> list[str]:
    """The statements that `action` runs."""
    sessions = sessions_to_save(repository)
    start = len(watch.seen)
    action(repository, sessions)
    return watch.seen[start:]


def at(number: int, fault: Callable[[Any], None], watch: Watch) -> Callable[[str], None]:
    """A hook that lets `fault` happen at the statement of this number, from 0, and never again."""
    passed = iter(range(number))

    def hook(sql: str) -> None:
        if next(passed, None) is None:
            watch.before = watch.after = nothing
            fault(watch)

    return hook
