"""A server that restarts, crashes, falls silent or drops connections: clear errors, no loss, and work goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import psycopg
import pytest

from paper_repo import (
    AsyncSessionRepository,
    BusyError,
    ConflictError,
    PaperRepoError,
    PaperTradingSession,
    SessionRepository,
    StorageError,
)
from tests.builders import new_fill, new_session
from tests.postgres.servers import Server, clone, new_folder, run, running

STOPS = [signal.SIGINT, signal.SIGKILL]
"""A restart by the administrator, which ends every connection, and a crash of the whole server."""


def _stored(repository: SessionRepository, session_id: str) -> PaperTradingSession:
    session = repository.get_by_id(session_id)
    assert session is not None
    return session


@pytest.mark.parametrize("how", STOPS)
def test_a_restart_between_two_calls_is_not_noticed(own_server: Server, how: signal.Signals) -> None:
    """Connections that the server has closed while nobody used them are replaced, in all threads."""
    with SessionRepository(own_server.url()) as repository:
        session = new_session()
        repository.save(session)
        _from_threads(lambda: repository.count(), 4)  # four connections in the pool

        own_server.stop(how)
        own_server.start()

        repository.save(session)
        assert _from_threads(lambda: repository.get_by_id(session.id), 4) == [session] * 4


@pytest.mark.parametrize("how", STOPS)
def test_while_the_server_is_down_every_call_is_a_clear_error(own_server: Server, how: signal.Signals) -> None:
    """It says which server it is; the session stays as it was, and is saved when the server is back."""
    with SessionRepository(own_server.url()) as repository:
        session = new_session()
        session.record_fill(new_fill(1))
        own_server.stop(how)

        for call in (lambda: repository.save(session), repository.get_active, lambda: repository.delete("x")):
            with pytest.raises(StorageError, match=f"127.0.0.1:{own_server.port}"):
                call()

        assert (session.version, len(session.new_fills)) == (0, 1)
        own_server.start()
        repository.save(session)
        assert len(repository.get_fills(session.id)) == 1


@pytest.mark.parametrize("how", STOPS)
def test_a_block_that_loses_the_server_stores_nothing(own_server: Server, how: signal.Signals) -> None:
    """The block fails, with its sessions as before; the same block again works."""
    session = new_session()
    session.record_fill(new_fill(1))

    with SessionRepository(own_server.url()) as repository:

        def block(interruption: Callable[[], None] = lambda: None) -> None:
            with repository.atomic():
                repository.save(session)
                interruption()
                session.name = "later"
                repository.save(session)

        with pytest.raises(StorageError):
            block(lambda: own_server.stop(how))
        assert (session.version, len(session.new_fills)) == (0, 1)

        own_server.start()
        assert not repository.exists(session.id)
        block()
        assert (session.version, _stored(repository, session.id).name) == (2, "later")


@pytest.mark.anyio
@pytest.mark.parametrize("how", STOPS)
async def test_the_facade_goes_on_after_a_crash(own_server: Server, how: signal.Signals) -> None:
    """Tasks that save all the time get errors while the server is down, and lose nothing that was acknowledged."""
    sessions = [new_session() for _ in range(8)]
    acknowledged = dict.fromkeys((each.id for each in sessions), 0)
    failures: list[PaperRepoError] = []
    restarted, enough = anyio.Event(), 10

    async with AsyncSessionRepository(own_server.url()) as repository:

        async def trade(session: PaperTradingSession) -> None:
            since_restart = 0
            while since_restart < enough:
                since_restart += restarted.is_set()
                try:
                    await repository.save(session)
                    acknowledged[session.id] = session.version
                except ConflictError as error:  # the COMMIT that the crash interrupted had happened
                    session.version = error.actual or 0
                except StorageError as error:
                    failures.append(error)
                    await anyio.lowlevel.checkpoint()

        async with anyio.create_task_group() as tasks:
            for session in sessions:
                tasks.start_soon(trade, session)
            while not all(acknowledged.values()):
                await anyio.lowlevel.checkpoint()
            await anyio.to_thread.run_sync(own_server.stop, how)
            while not failures:
                await anyio.lowlevel.checkpoint()
            await anyio.to_thread.run_sync(own_server.start)
            restarted.set()

        found = {each.id: each.version for each in await repository.get_all()}

    assert all(found[each] >= acknowledged[each] for each in acknowledged)
    assert failures


def test_what_was_acknowledged_survives_crashes_of_the_server(own_server: Server) -> None:
    """A program that saves while its server is killed again and again finds every acknowledged fill afterwards."""
    acknowledged: list[str] = []
    crashes = 3

    with SessionRepository(own_server.url()) as repository:
        session = new_session()
        repository.save(session)
        for crash in range(crashes):
            enough, target = threading.Event(), len(acknowledged) + 20
            killer = threading.Thread(target=lambda event=enough: (event.wait(), own_server.stop(signal.SIGKILL)))
            killer.start()
            failed = False
            while not failed:
                fill = new_fill(len(acknowledged) + crash * 1000)
                session.record_fill(fill)
                try:
                    repository.save(session)
                    acknowledged.append(fill.id)
                except StorageError:
                    failed = True
                if len(acknowledged) >= target:
                    enough.set()
            killer.join()
            own_server.start()
            session = _stored(repository, session.id)
        stored = {fill.id for fill in repository.get_fills(session.id)}

    assert len(acknowledged) >= 20 * crashes
    assert set(acknowledged) <= stored
    assert len(stored) <= len(acknowledged) + crashes  # of each crash at most the one save that it interrupted


def test_a_server_that_falls_silent_is_given_up(own_server: Server) -> None:
    """A server that is stopped, as one behind a dead network, is waited for so long as the busy timeout says.

    Whether it stores what it was sent when it goes on, nobody can know before.
    """
    with SessionRepository(own_server.url(), busy_timeout=0.2) as repository:
        session = new_session()
        repository.save(session)

        with own_server.frozen(), pytest.raises(StorageError, match=r"not known.*has not answered"):
            repository.save(session)

        assert session.version == 1
        session = _stored(repository, session.id)  # over a new connection
        repository.save(session)
        assert session.version in (2, 3)


def test_a_connection_that_the_server_drops_is_replaced(url: str, ask: Callable[..., list[Any]]) -> None:
    """In the middle of a block that is an error; for the next call there is a new connection."""
    session = new_session()

    def drop() -> None:
        ask("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'paper_repo'")

    with SessionRepository(url) as repository:
        repository.save(session)
        drop()
        repository.save(session)

        def block() -> None:
            with repository.atomic():
                repository.save(session)
                drop()
                repository.save(session)

        with pytest.raises(StorageError):
            block()
        assert session.version == 2
        repository.save(session)

    assert session.version == 3


def test_a_connection_that_was_idle_for_too_long_is_replaced(url: str, ask: Callable[..., list[Any]]) -> None:
    """A server that closes idle connections does not cost a save."""
    session = new_session()
    with SessionRepository(f"{url}?options=-cidle_session_timeout%3D50ms") as repository:
        repository.save(session)
        while ask("SELECT 1 FROM pg_stat_activity WHERE application_name = 'paper_repo'"):
            pass

        repository.save(session)

    assert session.version == 2


def test_a_server_without_connections_to_spare_is_busy(own_server: Server) -> None:
    """When the server has as many clients as it takes, the error says so, and that repeating helps."""
    with SessionRepository(own_server.url()):
        pass
    with psycopg.connect(own_server.url(), autocommit=True) as connection:
        connection.execute(
            "CREATE USER bot; GRANT ALL ON ALL TABLES IN SCHEMA public TO bot; ALTER USER bot CONNECTION LIMIT 1"
        )

    other = SessionRepository(own_server.url(user="bot"))

    with SessionRepository(own_server.url(user="bot")), pytest.raises(BusyError, match="no connection to spare"):
        other.open()

    with psycopg.connect(own_server.url(), autocommit=True) as connection:  # the server ends a client a moment later
        while connection.execute("SELECT FROM pg_stat_activity WHERE usename = 'bot'").fetchone() is not None:
            pass
    assert other.count() == 0
    other.close()


def test_a_forked_child_has_connections_of_its_own(url: str) -> None:
    """A child saves over new connections; those of the parent go on working, and are not closed by its end."""
    session, childs = new_session(), new_session()
    with SessionRepository(url) as repository:
        repository.save(session)

        child = os.fork()
        if not child:
            try:
                repository.save(childs)
                os._exit(0)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)

        repository.save(session)
        assert os.waitstatus_to_exitcode(status) == 0
        assert repository.exists(childs.id)


def test_a_forgotten_repository_does_not_delay_the_exit(url: str) -> None:
    """A program that ends without closing its repository ends at once, and what it has saved is stored."""
    program = (
        "import sys, anyio\n"
        "from paper_repo import AsyncSessionRepository, PaperTradingSession, Strategy\n"
        "async def main():\n"
        "    repository = AsyncSessionRepository(sys.argv[1])\n"
        "    await repository.save(PaperTradingSession(id='x', strategy=Strategy('s'), initial_cash=1))\n"
        "anyio.run(main)\n"
    )

    done = subprocess.run([sys.executable, "-c", program, url], timeout=30, capture_output=True, check=True)

    assert done.stderr == b""
    with SessionRepository(url) as repository:
        assert repository.exists("x")


# Two servers


def test_nothing_acknowledged_is_lost_in_a_failover(fresh_data: Path) -> None:
    """A writer goes on at the standby when that is promoted after a crash, and all that was acknowledged is there."""
    with new_folder() as folder:
        clone(fresh_data, folder / "one")
        primary = Server(folder / "one", synchronous_standby_names="*", synchronous_commit="local")
        with running(primary):
            standby = _standby(primary, folder / "two")
            with running(standby):
                _become_synchronous(primary)
                _trade_through_failover(primary, standby)


def _standby(primary: Server, folder: Path) -> Server:
    """A server that follows `primary`."""
    run("pg_basebackup", "--pgdata", folder, "--dbname", primary.url(), "--write-recovery-conf", "--checkpoint=fast")
    return Server(folder)


def _become_synchronous(primary: Server) -> None:
    """From now on a COMMIT is answered when the standby has it too."""
    with psycopg.connect(primary.url(), autocommit=True) as connection:
        while not connection.execute("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'").fetchall():
            pass
        connection.execute("ALTER DATABASE postgres SET synchronous_commit = 'on'")


def _trade_through_failover(primary: Server, standby: Server) -> None:
    url = f"postgresql://postgres@127.0.0.1:{primary.port},127.0.0.1:{standby.port}/postgres"
    acknowledged = []
    with SessionRepository(f"{url}?target_session_attrs=read-write") as repository:
        session = new_session()
        repository.save(session)
        for number in range(40):
            session.record_fill(new_fill(number))
            repository.save(session)
            acknowledged.append(f"fill-{number}")

        primary.stop(signal.SIGKILL)
        with pytest.raises(StorageError):
            repository.save(session)  # nobody is there who could take it
        run("pg_ctl", "promote", "--wait", "--pgdata", standby.data)

        session = _stored(repository, session.id)
        session.record_fill(new_fill(40))
        repository.save(session)
        assert [fill.id for fill in repository.get_fills(session.id)] == [*acknowledged, "fill-40"]


def test_a_commit_that_the_standby_may_not_have_is_not_acknowledged(fresh_data: Path) -> None:
    """When the standby is gone, a save is an error after the busy timeout: no endless wait, and no false yes."""
    with new_folder() as folder:
        clone(fresh_data, folder / "one")
        primary = Server(folder / "one")
        with running(primary), SessionRepository(primary.url(), busy_timeout=0.2) as repository:
            session = new_session()
            repository.save(session)
            with psycopg.connect(primary.url(), autocommit=True) as connection:
                connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
                connection.execute("SELECT pg_reload_conf()")

            acknowledged: list[int] = []
            with pytest.raises(StorageError, match="has not answered"):
                _save_until_it_fails(repository, session, acknowledged)

            assert session.version == len(acknowledged) + 1


def test_a_broken_off_wait_for_the_standby_is_not_a_success(fresh_data: Path) -> None:
    """When an administrator breaks that wait off, the server says yes and warns; here it is an error."""
    with new_folder() as folder:
        clone(fresh_data, folder / "one")
        with running(Server(folder / "one")) as primary, SessionRepository(primary.url()) as repository:
            session = new_session()
            repository.save(session)
            with psycopg.connect(primary.url(), autocommit=True) as connection:
                connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
                connection.execute("SELECT pg_reload_conf()")
                breaker = threading.Thread(target=_break_off_waits, args=(primary.url(),))
                breaker.start()

                with pytest.raises(StorageError, match="may be lost"):
                    _save_until_it_fails(repository, session)

                breaker.join()


def _save_until_it_fails(
    repository: SessionRepository, session: PaperTradingSession, acknowledged: list[int] | None = None
) -> None:
    while True:  # until every process of the server has read its new configuration
        repository.save(session)
        if acknowledged is not None:
            acknowledged.append(session.version)


def _break_off_waits(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        while not connection.execute(
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        ).fetchall():
            pass


def _from_threads(call: Callable[[], Any], count: int) -> list[Any]:
    """The results of `call` from so many threads at once."""
    together = threading.Barrier(count)
    results: list[Any] = []

    def work() -> None:
        together.wait()
        results.append(call())

    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
