"""Connections that change hands at every call."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from paper_repo import BusyError, RepositoryClosedError
from paper_repo.storage.connections import Loan
from paper_repo.storage.sqlite.connections import SQLiteConnections
from paper_repo.storage.sqlite.errors import translated


@pytest.fixture
def pool(path: Path) -> Iterator[SQLiteConnections]:
    """A pool of two connections, which waits for none."""

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(path, check_same_thread=False, isolation_level=None)

    made = SQLiteConnections("two.db", 2, 0, translated("two.db"), connect)
    yield made
    made.close(0)


@contextmanager
def lent(pool: SQLiteConnections) -> Iterator[sqlite3.Connection]:
    """A connection for the length of a block."""
    loan = Loan()
    try:
        yield pool.lend(loan)
    finally:
        pool.take_back(loan)


def test_as_few_are_used_as_are_needed(pool: SQLiteConnections) -> None:
    """A connection that was given back is lent again before another one, which keeps its cache warm."""
    with lent(pool) as first, lent(pool) as second:
        assert first is not second

    for _ in range(3):
        with lent(pool) as again:
            assert again is first


def test_one_may_be_given_back_by_another_thread(pool: SQLiteConnections) -> None:
    """Who ends a loan need not be the thread that began it."""
    loan = Loan()
    first = pool.lend(loan)

    thread = threading.Thread(target=pool.take_back, args=(loan,))
    thread.start()
    thread.join()

    assert pool.in_use() == 0
    with lent(pool) as again:
        assert again is first


def test_there_are_no_more_than_allowed(pool: SQLiteConnections) -> None:
    """Who asks for one more than there may be is told so, and has none to give back."""
    with lent(pool), lent(pool):
        refused = Loan()
        with pytest.raises(BusyError, match="all connections were in use"):
            pool.lend(refused)
        pool.take_back(refused)

        assert pool.in_use() == 2


def test_giving_back_twice_does_nothing(pool: SQLiteConnections) -> None:
    """A loan that has ended takes nothing from the one that came after it."""
    old = Loan()
    pool.lend(old)
    pool.take_back(old)
    with lent(pool) as connection:
        connection.execute("BEGIN")
        pool.take_back(old)

        assert connection.in_transaction
        assert pool.in_use() == 1


def test_a_transaction_left_open_is_rolled_back(pool: SQLiteConnections) -> None:
    """What was given back in the middle of a transaction comes without it."""
    with lent(pool) as connection:
        connection.execute("CREATE TABLE note (word)")
        connection.execute("BEGIN")
        connection.execute("INSERT INTO note VALUES ('half')")

    with lent(pool) as again:
        assert not again.in_transaction
        assert again.execute("SELECT * FROM note").fetchall() == []


def test_a_result_that_was_read_half_way_holds_nothing(pool: SQLiteConnections, path: Path) -> None:
    """The snapshot of what an interrupted call was reading ends with its loan."""
    with lent(pool) as connection:
        connection.executescript("CREATE TABLE note (word); INSERT INTO note VALUES (1), (2), (3)")
    loan = Loan()
    loan.cursor = pool.lend(loan).cursor()
    loan.cursor.execute("SELECT * FROM note").fetchone()

    pool.take_back(loan)

    with closing(sqlite3.connect(path, timeout=0)) as other:
        other.execute("DROP TABLE note")  # SQLite refuses that while anybody reads


def test_closing_waits_and_then_closes_what_is_in_use(pool: SQLiteConnections) -> None:
    """None is lent any more, and giving back what was closed does no harm."""
    loan = Loan()
    connection = pool.lend(loan)

    pool.close(0)

    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")
    pool.take_back(loan)
    with pytest.raises(RepositoryClosedError), lent(pool):
        pass
    assert pool.in_use() == 0
