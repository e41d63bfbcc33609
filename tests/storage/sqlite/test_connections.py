"""Connections that change hands at every call."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import peewee
import pytest
from playhouse.pool import MaxConnectionsExceeded

from paper_repo.storage.sqlite.connections import QuickSqliteDatabase


@pytest.fixture
def pool(path: Path):
    """A pool of two connections, which waits for none."""
    made = QuickSqliteDatabase(str(path), max_connections=2, check_same_thread=False)
    yield made
    made.close_all()


def used(pool: QuickSqliteDatabase) -> sqlite3.Connection:
    """The connection that this thread has used, and has given back."""
    with pool.connection_context():
        return pool.connection()


def elsewhere(pool: QuickSqliteDatabase) -> sqlite3.Connection:
    """The connection that another thread has used, and has given back."""
    found: list[sqlite3.Connection] = []
    thread = threading.Thread(target=lambda: found.append(used(pool)))
    thread.start()
    thread.join()
    return found[0]


def test_the_connection_used_last_is_given_first(pool):
    """A connection that was given back is used again, by whichever thread, before one that lay idle for longer."""
    pool.connect()
    other = elsewhere(pool)
    own = pool.connection()
    pool.close()

    assert other is not own
    assert [used(pool), elsewhere(pool)] == [own, own]


def test_there_are_no_more_than_allowed(pool):
    """Who asks for one more than there may be is told so."""
    pool.connect()
    full = threading.Barrier(2)
    ended = threading.Event()

    def hold():
        with pool.connection_context():
            full.wait()
            ended.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    full.wait()
    refused: list[BaseException] = []

    def ask():
        try:
            pool.connect()
        except MaxConnectionsExceeded as error:
            refused.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    asking.join()
    ended.set()
    thread.join()

    assert len(refused) == 1


def test_asking_twice_is_an_error(pool):
    """A thread that has a connection is given no second one, unless it says that the first will do."""
    pool.connect()

    with pytest.raises(peewee.OperationalError, match="already opened"):
        pool.connect()
    assert pool.connect(reuse_if_open=True) is False


def test_a_transaction_left_open_is_rolled_back(pool):
    """What was given back in the middle of a transaction comes without it."""
    pool.connect()
    pool.execute_sql("CREATE TABLE note (word)")
    pool.connection().execute("BEGIN")
    pool.execute_sql("INSERT INTO note VALUES ('half')")
    pool.close()

    with pool.connection_context():
        assert not pool.connection().in_transaction
        assert pool.execute_sql("SELECT * FROM note").fetchall() == []


def test_a_connection_that_was_closed_meanwhile_is_not_given_again(pool):
    """Giving back what `close_all` has closed does no harm, and the next one is new."""
    pool.connect()
    closed = pool.connection()
    thread = threading.Thread(target=pool.close_all)
    thread.start()
    thread.join()

    assert pool.close() is True
    assert used(pool) is not closed


def test_closing_without_a_connection_says_so(pool):
    """There is nothing to give back."""
    assert pool.close() is False
