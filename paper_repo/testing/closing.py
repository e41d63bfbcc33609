"""What a repository promises about being opened and closed."""

from __future__ import annotations

import anyio
import pytest

from paper_repo.domain import PaperTradingSession
from paper_repo.errors import RepositoryClosedError
from paper_repo.interface import IPaperTradingSessionRepository
from paper_repo.testing.cases import EVERY_CALL
from paper_repo.testing.examples import new_session, traded_session


class ClosingContract:
    """Opening and closing."""

    async def test_opening_again_does_nothing(self, repository: IPaperTradingSessionRepository) -> None:
        """`open` on an open repository does nothing."""
        session = new_session()
        await repository.save(session)

        await repository.open()

        assert await repository.get_all() == [session]

    async def test_it_is_a_context_manager(self, repository: IPaperTradingSessionRepository) -> None:
        """`async with` gives the repository itself, open, and closes it at the end."""
        async with repository as entered:
            await entered.save(new_session())

        assert entered is repository
        with pytest.raises(RepositoryClosedError):
            await repository.count()

    async def test_it_is_closed_by_an_error_too(self, repository: IPaperTradingSessionRepository) -> None:
        """An error that leaves `async with` closes the repository, and comes out."""
        with pytest.raises(LookupError, match="mine"):
            async with repository:
                raise LookupError("mine")

        with pytest.raises(RepositoryClosedError):
            await repository.count()

    async def test_closing_twice_does_nothing(self, repository: IPaperTradingSessionRepository) -> None:
        """`close` on a closed repository does nothing."""
        await repository.close()

        await repository.close()

        with pytest.raises(RepositoryClosedError):
            await repository.count()

    async def test_several_tasks_may_close(self, repository: IPaperTradingSessionRepository) -> None:
        """Several tasks may close the repository at once."""
        await repository.save(new_session())

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(repository.close)

        with pytest.raises(RepositoryClosedError):
            await repository.count()

    async def test_a_closed_one_is_not_opened_again(self, repository: IPaperTradingSessionRepository) -> None:
        """`open` after `close` is an error: a program that goes on needs a new repository."""
        await repository.close()

        with pytest.raises(RepositoryClosedError):
            await repository.open()

    async def test_a_closed_one_refuses_every_call(self, repository: IPaperTradingSessionRepository) -> None:
        """After `close` every call is an error."""
        await repository.save(new_session(id="kept"))
        await repository.close()

        for name, call in EVERY_CALL.items():
            with pytest.raises(RepositoryClosedError):
                pytest.fail(f"{name} gave {await call(repository)!r}")

    async def test_a_session_that_a_closed_one_refuses_is_as_it_was(
        self, repository: IPaperTradingSessionRepository
    ) -> None:
        """A save that is refused because the repository is closed leaves the session as it was."""
        session = traded_session()
        await repository.close()

        with pytest.raises(RepositoryClosedError):
            await repository.save(session)

        assert (session.version, len(session.new_fills)) == (0, 2)

    async def test_a_save_at_the_time_of_closing_is_done_or_refused(
        self, repository: IPaperTradingSessionRepository
    ) -> None:
        """A save at the time of closing is done, or refused and the session is as it was; nothing waits for ever."""
        refused: list[str] = []
        sessions = [traded_session() for _ in range(10)]

        async def save(session: PaperTradingSession) -> None:
            try:
                await repository.save(session)
            except RepositoryClosedError:
                refused.append(session.id)

        async with anyio.create_task_group() as tasks:
            for session in sessions:
                tasks.start_soon(save, session)
            tasks.start_soon(repository.close)

        for session in sessions:
            expected = (0, 2) if session.id in refused else (1, 0)
            assert (session.version, len(session.new_fills)) == expected
