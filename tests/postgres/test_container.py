"""The container's registration on a server."""

from __future__ import annotations

import pytest
import svcs

from paper_repo import IPaperTradingSessionRepository, SessionRepository
from paper_repo.container import register
from tests.builders import new_session


@pytest.mark.anyio
async def test_a_url_is_registered_as_a_path_is(url: str) -> None:
    """The facade and the core of one registration keep their sessions in the same database."""
    session = new_session()
    async with svcs.Registry() as registry:
        register(registry, url)

        async with svcs.Container(registry) as container:
            await (await container.aget(IPaperTradingSessionRepository)).save(session)
            found = container.get(SessionRepository).get_by_id(session.id)

    assert found == session
