"""A connection that ends between what commits and its answer: the error says it is not known, and looking tells."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import pytest

from paper_repo import (
    AsyncSessionRepository,
    BusyError,
    ConflictError,
    PaperTradingSession,
    SessionRepository,
    StorageError,
)
from tests.builders import new_fill, new_session
from tests.postgres.proxies import Proxy, through
from tests.postgres.servers import Server

UNKNOWN = "whether this was stored is not known"

CUTS = ["request", "answer"]
"""What of it is lost: then nothing is stored, or all of it; a client cannot tell which."""


@pytest.fixture(params=["server", "transaction_pooler"])
def proxy(request: pytest.FixtureRequest, url: str) -> Iterator[Proxy]:
    """What stands between a repository and its server, or the pooler in front of that."""
    behind = url
    if request.param != "server":
        behind = request.getfixturevalue(request.param).url(urlsplit(url).path[1:])
    with through(behind) as proxy:
        yield proxy


def stored(repository: SessionRepository, session_id: str) -> PaperTradingSession | None:
    """The session as the database has it."""
    return repository.get_by_id(session_id)


@pytest.mark.parametrize("cut", CUTS)
def test_a_save_whose_answer_is_lost(proxy: Proxy, cut: str) -> None:
    """It says so, the session is as before, and whoever looks before repeating it books every fill once."""
    with SessionRepository(proxy.url()) as repository:
        session = new_session()
        repository.save(session)
        session.record_fill(new_fill(1))
        proxy.cut_next(cut)

        with pytest.raises(StorageError, match=UNKNOWN) as caught:
            repository.save(session)
        assert not isinstance(caught.value, BusyError)  # which would say that it may simply be repeated
        assert (session.version, len(session.new_fills), proxy.cuts) == (1, 1, 1)

        found = stored(repository, session.id)
        assert found is not None
        assert found.version == (2 if cut == "answer" else 1)
        if found.version == session.version:
            repository.save(session)
        assert [each.id for each in repository.get_fills(session.id)] == ["fill-1"]


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("version", [0, 1])
def test_repeating_it_blindly_doubles_nothing(proxy: Proxy, cut: str, version: int) -> None:
    """A save that was stored already is a conflict, also the first one of its session."""
    with SessionRepository(proxy.url()) as repository:
        session = new_session()
        for _ in range(version):
            repository.save(session)
        session.record_fill(new_fill(1))
        proxy.cut_next(cut)
        with pytest.raises(StorageError, match=UNKNOWN):
            repository.save(session)

        if cut == "answer":
            with pytest.raises(ConflictError):
                repository.save(session)
        else:
            repository.save(session)

        assert [each.id for each in repository.get_fills(session.id)] == ["fill-1"]


@pytest.mark.parametrize("cut", CUTS)
def test_a_block_and_a_deletion_whose_answer_is_lost(proxy: Proxy, cut: str) -> None:
    """The same words, for whatever was written; nothing is done a second time by itself."""
    sessions = [new_session(id="a"), new_session(id="b")]
    with SessionRepository(proxy.url()) as repository:
        proxy.cut_next(cut)
        with pytest.raises(StorageError, match=UNKNOWN), repository.atomic():
            repository.save_many(sessions)
        assert [each.version for each in sessions] == [0, 0]
        assert repository.count() == (2 if cut == "answer" else 0)

        repository.delete_many()
        repository.save(new_session(id="c"))
        proxy.cut_next(cut)
        with pytest.raises(StorageError, match=UNKNOWN):
            repository.delete("c")
        assert repository.exists("c") is (cut == "request")
        assert proxy.cuts == 2


@pytest.mark.anyio
@pytest.mark.parametrize("cut", CUTS)
async def test_the_facades_save_whose_answer_is_lost(proxy: Proxy, cut: str) -> None:
    """The task is told, and its session is as before."""
    async with AsyncSessionRepository(proxy.url()) as repository:
        session = new_session()
        session.record_fill(new_fill(1))
        proxy.cut_next(cut)

        with pytest.raises(StorageError, match=UNKNOWN):
            await repository.save(session)
        assert (session.version, len(session.new_fills)) == (0, 1)

        if not await repository.exists(session.id):
            await repository.save(session)
        assert len(await repository.get_fills(session.id)) == 1


def test_a_commit_that_was_never_sent(own_server: Server) -> None:
    """A block whose connection was given up before its end stores nothing, and says no word of not knowing."""
    with SessionRepository(own_server.url(), busy_timeout=0.1) as repository:
        session = new_session()

        def block() -> None:
            with repository.atomic():
                repository.save(session)
                with own_server.frozen(), suppress(StorageError):
                    repository.save(session)

        with pytest.raises(StorageError) as caught:
            block()

        assert UNKNOWN not in str(caught.value)
        assert not repository.exists(session.id)
