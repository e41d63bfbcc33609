"""Behind pgbouncer, what goes on for longer than one call: watching, claims, writers, upgrades, restarts."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import anyio
import psycopg
import pytest

from paper_repo import (
    AsyncSessionRepository,
    BusyError,
    ClaimLostError,
    ConflictError,
    PaperRepoError,
    SessionRepository,
    StorageError,
)
from paper_repo.storage.postgres.storage import UPGRADE_LOCK
from paper_repo.storage.schema import MIGRATIONS
from tests.builders import new_fill, new_session
from tests.postgres.conftest import MODES
from tests.postgres.poolers import MISSING, PROGRAM, Pooler, pooling
from tests.postgres.servers import Server

SESSIONS = 12
"""More than the pooler has connections in transaction mode."""


# Watching


def test_every_change_is_reported_once_and_in_order(pooled_url: str) -> None:
    """Each look may be answered by another session of the server than the one before."""
    sessions = [new_session(id=str(number)) for number in range(4)]
    with (
        SessionRepository(pooled_url) as repository,
        SessionRepository(pooled_url) as other,
        repository.watch(timeout=5) as changes,
    ):
        for turn in range(5):
            for session in sessions:
                other.save(session)
                found = next(changes)
                assert (found.session_id, found.version, found.deleted) == (session.id, turn + 1, False)
        assert other.delete("2")
        assert next(changes).deleted


@pytest.mark.anyio
async def test_a_watch_sees_what_parallel_writers_commit(pooled_url: str) -> None:
    """A number that is taken first may be committed last; the watch waits for it and passes over none."""
    last: dict[str, int] = {}
    async with (
        AsyncSessionRepository(pooled_url) as repository,
        AsyncSessionRepository(pooled_url) as other,
        other.watch(poll_interval=0.001) as changes,
        anyio.create_task_group() as tasks,
    ):

        async def trade(number: int) -> None:
            session = new_session(id=str(number))
            for _ in range(10):
                await repository.save(session)

        for number in range(SESSIONS):
            tasks.start_soon(trade, number)
        with anyio.fail_after(60):
            async for change in changes:
                assert change.version > last.get(change.session_id, 0)
                last[change.session_id] = change.version
                if len(last) == SESSIONS and set(last.values()) == {10}:
                    break


# Claims


def test_two_workers_never_have_the_same_session(pooled_url: str) -> None:
    """Claims are rows, by the server's clock: they outlive the server session in which they were made."""
    with SessionRepository(pooled_url) as first, SessionRepository(pooled_url) as second:
        for number in range(SESSIONS):
            session = new_session(id=str(number))
            session.start()
            first.save(session)

        ours = first.claim_active("first", ttl=60, limit=5)
        theirs = second.claim_active("second", ttl=60)

        assert len(ours) == 5
        assert {each.id for each in ours}.isdisjoint(each.id for each in theirs)
        assert len(ours) + len(theirs) == SESSIONS
        assert second.claim(ours[0].id, "second", ttl=60) is None
        with pytest.raises(ClaimLostError):
            second.renew(ours[0].id, "second", ttl=60)
        first.renew(ours[0].id, "first", ttl=60)
        assert first.release(ours[0].id, "first")
        assert second.claim(ours[0].id, "second", ttl=60) is not None


# Writers


@pytest.mark.anyio
async def test_the_facades_writers_are_right(pooled_url: str) -> None:
    """Many tasks save, in blocks and without, over fewer server connections than there are writers and readers."""
    async with AsyncSessionRepository(pooled_url) as repository:

        async def trade(number: int) -> None:
            session = new_session(id=str(number))
            for fill in range(10):
                session.record_fill(new_fill(fill))
                if fill % 3:
                    await repository.save(session)
                else:
                    async with repository.atomic():
                        await repository.save(session)
                assert await repository.get_by_id(session.id) == session

        async with anyio.create_task_group() as tasks:
            for number in range(SESSIONS):
                tasks.start_soon(trade, number)

        for number in range(SESSIONS):
            fills = await repository.get_fills(str(number))
            assert [each.id for each in fills] == [f"fill-{fill}" for fill in range(10)]


# Upgrades


def test_programs_that_start_at_once_upgrade_once(pooler: Pooler, bare_url: str) -> None:
    """The lock that one of them holds belongs to its transaction, and so ends with it."""
    url = pooler.url(urlsplit(bare_url).path[1:])
    program = (
        "import sys; from paper_repo import SessionRepository, PaperTradingSession, Strategy\n"
        "with SessionRepository(sys.argv[1], busy_timeout=30) as repository:\n"
        "    repository.save(PaperTradingSession(strategy=Strategy('s'), initial_cash=1))\n"
    )
    programs = [
        subprocess.Popen([sys.executable, "-c", program, url], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        for _ in range(5)
    ]

    assert [each.communicate()[1] for each in programs] == [b""] * 5
    with psycopg.connect(bare_url) as connection:
        assert connection.execute("SELECT count(*) FROM paper_trading_sessions").fetchall() == [(5,)]
        names = connection.execute("SELECT name FROM paper_trading_migrations ORDER BY name").fetchall()
        assert [name for (name,) in names] == [script.stem for script in sorted(MIGRATIONS.glob("[0-9]*.py"))]
        assert connection.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").fetchall() == [(0,)]


def test_waiting_for_an_upgrade_is_bounded(pooler: Pooler, bare_url: str) -> None:
    """Who waits for another program's upgrade for longer than the busy timeout is told so, and may repeat the call."""
    with psycopg.connect(bare_url) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [UPGRADE_LOCK])
        with pytest.raises(BusyError, match="repeat the call"):
            SessionRepository(pooler.url(urlsplit(bare_url).path[1:]), busy_timeout=0.1).open()


# Restarts


@pytest.fixture(params=MODES)
def own_pooler(request: pytest.FixtureRequest, own_server: Server) -> Iterator[Pooler]:
    """A pooler and a server behind it for one test alone."""
    if PROGRAM is None:
        pytest.skip(MISSING)
    with pooling(own_server.url(), request.param, default_pool_size=16) as pooler:
        yield pooler


def restart_the_server(server: Server, pooler: Pooler) -> None:
    """As an administrator does it, which ends every connection."""
    server.stop(signal.SIGINT)
    server.start()


def crash_the_server(server: Server, pooler: Pooler) -> None:
    """Kill all of it, and start it again."""
    server.stop(signal.SIGKILL)
    server.start()


def restart_the_pooler(server: Server, pooler: Pooler) -> None:
    """With all that its clients have open."""
    pooler.stop()
    pooler.start()


def crash_the_pooler(server: Server, pooler: Pooler) -> None:
    """Kill it, and start it again."""
    pooler.stop(signal.SIGKILL)
    pooler.start()


RESTARTS = [restart_the_server, crash_the_server, restart_the_pooler, crash_the_pooler]


@pytest.mark.parametrize("restart", RESTARTS)
def test_a_restart_between_two_calls(
    own_server: Server, own_pooler: Pooler, restart: Callable[[Server, Pooler], None]
) -> None:
    """Nobody notices it, but perhaps the first call after it, which fails with an error of ours."""
    with SessionRepository(own_pooler.url()) as repository, repository.watch(timeout=5) as changes:
        session = new_session()
        session.record_fill(new_fill(1))
        repository.save(session)
        assert next(changes).version == 1

        restart(own_server, own_pooler)

        until_it_works(lambda: repository.get_by_id(session.id))
        assert repository.get_by_id(session.id) == session
        repository.save(session)
        change = until_it_works(lambda: next(changes))

        assert (change.version, session.version) == (2, 2)
        assert len(repository.get_fills(session.id)) == 1


@pytest.mark.parametrize("restart", RESTARTS)
def test_a_restart_inside_a_block(
    own_server: Server, own_pooler: Pooler, restart: Callable[[Server, Pooler], None]
) -> None:
    """The block fails, nothing of it is stored, and its sessions are as before; the same block again works."""
    session = new_session()
    session.record_fill(new_fill(1))
    with SessionRepository(own_pooler.url()) as repository:

        def block(interruption: Callable[[], None]) -> None:
            with repository.atomic():
                repository.save(session)
                interruption()
                session.name = "later"
                repository.save(session)

        with pytest.raises(StorageError):
            block(lambda: restart(own_server, own_pooler))
        assert (session.version, len(session.new_fills)) == (0, 1)

        assert not until_it_works(lambda: repository.exists(session.id))
        block(lambda: None)
        assert (session.version, len(repository.get_fills(session.id))) == (2, 1)


@pytest.mark.anyio
@pytest.mark.parametrize("restart", RESTARTS)
async def test_a_restart_while_many_save(
    own_server: Server, own_pooler: Pooler, restart: Callable[[Server, Pooler], None]
) -> None:
    """Tasks get errors of ours meanwhile, and every fill that was acknowledged is stored once."""
    acknowledged: dict[str, list[str]] = {str(number): [] for number in range(6)}
    restarted = anyio.Event()
    async with AsyncSessionRepository(own_pooler.url()) as repository:

        async def trade(session_id: str) -> None:
            session = new_session(id=session_id)
            number = since_restart = 0
            while since_restart < 5:
                number += 1
                fill = new_fill(number)
                session.record_fill(fill)
                try:
                    await repository.save(session)
                    acknowledged[session_id].append(fill.id)
                    since_restart += restarted.is_set()
                except PaperRepoError:
                    session = await reloaded(session_id)

        async def reloaded(session_id: str) -> Any:
            while True:
                try:
                    return await repository.get_by_id(session_id) or new_session(id=session_id)
                except StorageError:
                    await anyio.lowlevel.checkpoint()

        with anyio.fail_after(60):
            async with anyio.create_task_group() as tasks:
                for session_id in acknowledged:
                    tasks.start_soon(trade, session_id)
                while not all(acknowledged.values()):
                    await anyio.lowlevel.checkpoint()
                await anyio.to_thread.run_sync(restart, own_server, own_pooler)
                restarted.set()

        for session_id, fills in acknowledged.items():
            stored = [each.id for each in await repository.get_fills(session_id)]
            assert set(fills) <= set(stored)
            assert len(stored) == len(set(stored))


def until_it_works(call: Callable[[], Any]) -> Any:
    """The result of `call`, which may fail at first with errors of ours."""
    for _ in range(2000):
        try:
            return call()
        except ConflictError:
            raise
        except StorageError as error:
            failure = error
    raise failure
