"""Behind pgbouncer, the real one: what is stored is what was saved, and strangers share nothing but the server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from paper_repo import BusyError, SessionRepository, StorageError
from paper_repo.core.repository import internals_of
from tests.builders import new_fill, new_session
from tests.postgres.conftest import MODES
from tests.postgres.poolers import MISSING, PROGRAM, Pooler, pooling
from tests.postgres.proxies import through

THREADS = 6
"""More than a pooler has connections in transaction mode."""


def at_once(work: Callable[[int], Any], count: int = THREADS) -> None:
    """Call `work` with 0, 1, ... in so many threads at once, and raise what one of them raises."""
    together, errors = threading.Barrier(count), []

    def run(number: int) -> None:
        try:
            together.wait()
            work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=[number]) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def set_default(url: str, name: str, value: str) -> None:
    """Configure the test's database, for the sessions that begin from now on."""
    with psycopg.connect(url, autocommit=True) as connection:
        database = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("ALTER DATABASE {} SET {} = {}").format(database, sql.Identifier(name), value))


def test_readers_delete_nothing(pooled_url: str, ask: Callable[..., list[Any]]) -> None:
    """Reads beside deletions, over server connections that clients take turns with, leave every session as it was."""
    kept = [new_session(id=f"kept-{number}") for number in range(20)]
    found: list[object] = []
    with SessionRepository(pooled_url) as repository:
        repository.save_many(kept)

        def work(number: int) -> None:
            for turn in range(60):
                session = kept[(number + turn) % len(kept)]
                try:
                    if number % 2:
                        found.append(repository.exists(session.id) and repository.get_by_id(session.id) == session)
                    else:
                        found.append(not repository.delete(f"nobody-{session.id}"))
                except StorageError as error:  # who repeats a call after one must not lose a session either
                    found.append(error)

        at_once(work)

    stored = [each for (each,) in ask("SELECT id FROM paper_trading_sessions")]
    assert sorted(stored) == sorted(each.id for each in kept)
    assert found == [True] * len(found)


def test_saves_and_reads_of_many_threads_are_right(pooled_url: str) -> None:
    """Each thread finds what it has saved, fill by fill."""
    with SessionRepository(pooled_url) as repository:

        def work(number: int) -> None:
            session = new_session(id=str(number))
            for fill in range(20):
                session.record_fill(new_fill(fill))
                repository.save(session)
                assert repository.get_by_id(session.id) == session
            assert [each.id for each in repository.get_fills(session.id)] == [f"fill-{each}" for each in range(20)]

        at_once(work)


# What holds for a session of the server, which others use as well


@pytest.mark.parametrize(("durability", "setting"), [("full", "on"), ("normal", "off")])
def test_durability_is_each_clients_own(pooled_url: str, durability: str, setting: str) -> None:
    """What another client has asked for, or has left behind in the session, makes no save less durable."""
    others = {"full": "normal", "normal": "full"}
    with (
        SessionRepository(pooled_url, durability=others[durability]) as other,
        SessionRepository(pooled_url, durability=durability) as repository,
        psycopg.connect(pooled_url, autocommit=True, prepare_threshold=None) as stranger,
    ):
        other.save(new_session())
        stranger.execute("SET synchronous_commit = off")
        with repository.atomic():
            repository.save(new_session())
            (found,) = internals_of(repository).storage.execute("SHOW synchronous_commit").fetchone()

    assert found == setting


def test_strangers_keep_their_settings(transaction_pooler: Pooler, url: str) -> None:
    """A client that gets a session after a repository finds it as the server's configuration says."""
    pooled = transaction_pooler.url(urlsplit(url).path[1:])
    asked = "SELECT current_setting('lock_timeout'), current_setting('synchronous_commit')"
    with psycopg.connect(url) as direct:
        expected = direct.execute(asked).fetchall()

    with SessionRepository(pooled, durability="normal") as repository:
        repository.save(new_session())
        repository.count()
        with psycopg.connect(pooled, autocommit=True, prepare_threshold=None) as stranger:
            assert stranger.execute(asked).fetchall() == expected
            assert stranger.execute("SELECT count(*) FROM pg_prepared_statements").fetchall() == [(0,)]


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "America/Caracas", "UTC"])
def test_the_sessions_time_zone_does_not_matter(pooled_url: str, url: str, zone: str) -> None:
    """Times come back exactly, wherever the server thinks that it is."""
    moment = datetime(1999, 12, 31, 23, 59, 59, 5, tzinfo=UTC)
    session = new_session(created_at=moment)
    set_default(url, "TimeZone", zone)

    with SessionRepository(pooled_url) as repository:
        repository.save(session)
        assert repository.get_by_id(session.id) == session
        found = repository.get_by_id(session.id)

    assert found is not None
    assert (found.created_at, found.updated_at) == (moment, session.updated_at)


def test_another_date_style_is_refused(pooled_url: str, url: str) -> None:
    """Where times would come in a form that means two things, the message says what to set."""
    set_default(url, "DateStyle", "SQL, DMY")

    with pytest.raises(StorageError, match="SET DateStyle = 'ISO'"):
        SessionRepository(pooled_url).open()


def test_waiting_for_a_lock_is_bounded(pooled_url: str) -> None:
    """A session that another program has locked is waited for as long as the busy timeout says, and not for ever."""
    session = new_session()
    with SessionRepository(pooled_url, busy_timeout=0.2) as repository, SessionRepository(pooled_url) as other:
        repository.save(session)
        copy = other.get_by_id(session.id)
        assert copy is not None
        with other.atomic():
            other.save(copy)
            with pytest.raises(BusyError, match="repeat the call"):
                repository.save(session)


# What a pooler does not do


@pytest.fixture
def statement_pooler(server_url: str) -> Iterator[Pooler]:
    """A pooler that lends a connection for a single statement."""
    if PROGRAM is None:
        pytest.skip(MISSING)
    with pooling(server_url, "statement") as pooler:
        yield pooler


def test_a_pooler_without_transactions_is_refused(statement_pooler: Pooler, url: str) -> None:
    """It is told when the repository is opened, not at the first save, and with what to configure."""
    with pytest.raises(StorageError, match="set pool_mode = transaction"):
        SessionRepository(statement_pooler.url(urlsplit(url).path[1:])).open()


def test_options_that_a_pooler_refuses(pooled_url: str) -> None:
    """An address with `options` needs a pooler that takes them; the message says where to put them instead."""
    with pytest.raises(StorageError, match="refuses a parameter of this address; set it on the server"):
        SessionRepository(f"{pooled_url}?options=-csearch_path%3Dteam").open()


@pytest.mark.parametrize("mode", MODES)
def test_options_that_a_pooler_drops(server_url: str, url: str, mode: str) -> None:
    """A pooler that ignores `options` would have the tables in another schema; that is refused when opened."""
    if PROGRAM is None:
        pytest.skip(MISSING)
    with pooling(server_url, mode, ignore_startup_parameters="options") as pooler:
        address = pooler.url(urlsplit(url).path[1:])
        with pytest.raises(StorageError, match=r"drops the options of this address \(search_path\)"):
            SessionRepository(f"{address}?options=-csearch_path%3Dteam").open()
        with SessionRepository(address) as repository:
            assert repository.count() == 0


def test_a_pooler_without_a_connection_to_spare(server_url: str, url: str) -> None:
    """Who waits for one longer than the pooler wants is told so, and may repeat the call."""
    if PROGRAM is None:
        pytest.skip(MISSING)
    with pooling(server_url, "transaction", default_pool_size=1, query_wait_timeout=1) as pooler:
        address = pooler.url(urlsplit(url).path[1:])
        with SessionRepository(address) as first, SessionRepository(address) as second:
            second.open()
            with first.atomic():
                first.save(new_session(id="first"))
                with pytest.raises(BusyError, match="default_pool_size"):
                    second.save(new_session(id="second"))
            second.save(new_session(id="second"))

            assert first.count() == 2


def test_a_pooler_that_lets_wait_for_longer_than_the_busy_timeout(server_url: str, url: str) -> None:
    """The call ends by itself, and the message says who it may be that has not answered."""
    if PROGRAM is None:
        pytest.skip(MISSING)
    with pooling(server_url, "session", default_pool_size=1) as pooler:
        address = pooler.url(urlsplit(url).path[1:])
        with SessionRepository(address) as first:
            first.save(new_session())
            with pytest.raises(StorageError, match="the pooler, which may have no connection to spare"):
                SessionRepository(address, busy_timeout=0.1).open()


def test_a_statement_timeout_of_the_server_is_told(pooled_url: str, url: str) -> None:
    """A save that the server ends before it is done is an error of ours; the session is as before, and can be saved."""
    session = new_session()
    set_default(url, "statement_timeout", "100ms")
    with SessionRepository(pooled_url) as repository, psycopg.connect(url) as other:
        repository.save(session)
        other.execute("UPDATE paper_trading_sessions SET name = 'locked'")
        with pytest.raises(StorageError, match="ended the call before it was done"):
            repository.save(session)
        assert session.version == 1

        other.rollback()
        repository.save(session)
        assert session.version == 2


# What is no pooler


def test_a_session_of_its_own_is_prepared_for(url: str) -> None:
    """Connected to the server itself, also through something that only passes bytes on, statements are prepared."""
    with through(url) as proxy:
        for address in (url, proxy.url()):
            with SessionRepository(address) as repository:
                session = new_session()
                for _ in range(10):
                    repository.save(session)
                storage = internals_of(repository).storage
                with storage.connection():
                    rows = storage.execute("SELECT count(*) FROM pg_prepared_statements").fetchall()
                    zone = storage.execute("SHOW TimeZone").fetchall()

            assert rows[0][0] > 0
            assert zone == [("UTC",)]
