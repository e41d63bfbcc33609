"""Errors of the server at any statement: all or nothing is stored, no connection is lost, and everything goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from paper_repo import ConflictError, SessionRepository, StorageError
from paper_repo.core.repository import internals_of
from tests.facade.watching import nothing
from tests.faults.acting import (
    ACTIONS,
    Sessions,
    at,
    atomic,
    reads_of,
    save,
    save_async,
    sessions_to_save,
    statements_of,
)
from tests.postgres.watching import Watch, assert_nobody_is_left, assert_nobody_works, stored

Fault = Callable[[Watch], None]


@pytest.fixture
def server(emptied_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection beside the repository's."""
    with psycopg.connect(emptied_url, autocommit=True) as connection:
        yield connection
        assert_nobody_is_left(connection)


@pytest.fixture
def repository(watch: Watch, server: psycopg.Connection[Any], emptied_url: str) -> Iterator[SessionRepository]:
    """The repository whose statements are watched."""
    with SessionRepository(emptied_url) as repository:
        yield repository


# What goes wrong, just before a statement


def raised_by_the_server(watch: Watch, code: str) -> None:
    """Let the server raise an error with this code, which ends the transaction if there is one."""
    psycopg.Cursor(watch.connection).execute(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{code}'; END $$")


def is_refused(watch: Watch) -> None:
    """Somebody else has held a lock for too long."""
    raised_by_the_server(watch, "55P03")


def is_turned_back(watch: Watch) -> None:
    """The transaction has to give way to another one."""
    raised_by_the_server(watch, "40P01")


def loses_its_connection(watch: Watch) -> None:
    """The server ends the connection."""
    with psycopg.connect(**watch.connection.info.get_parameters(), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [watch.connection.info.backend_pid])


def loses_the_answer(watch: Watch) -> None:
    """The server has done what it was asked for, but the connection ends before it can say so."""
    loses_its_connection(watch)
    psycopg.Cursor(watch.connection).execute("SELECT 1")


def ctrl_c(watch: Watch) -> None:
    """The user presses Ctrl-C."""
    raise KeyboardInterrupt


def commits(sql: str, statements: list[str]) -> bool:
    """Whether this one of the statements of an action commits: COMMIT does, and what stores without a BEGIN."""
    return sql == "COMMIT" or ("BEGIN" not in statements and 'UPDATE "paper_trading_sessions"' in sql)


def versions_of(sessions: Sessions) -> list[int]:
    """What the session objects say."""
    return [session.version for session in sessions]


def done_by(action: Callable[..., None]) -> list[int]:
    """The versions after `action`, when it is done."""
    return [2, 0] if action is save else [2, 1]


def assert_sound(repository: SessionRepository, sessions: Sessions, server: psycopg.Connection[Any]) -> None:
    """Nothing is open, every session object agrees with the database, and the next save of it works."""
    assert_nobody_works(server)
    assert not internals_of(repository).storage._connections.in_use()
    found = stored(server)
    for session in sessions:
        version, fills = found.get(session.id, (0, []))
        assert session.version == version
        assert [fill.id for fill in session.new_fills] == ([] if fills else ["fill-1"])
        assert len(session.new_equity_points) == len(session.new_fills)
    repository.save_many(sessions)
    found = stored(server)
    assert [found[session.id] for session in sessions] == [(session.version, ["fill-1"]) for session in sessions]


@pytest.mark.parametrize("fault", [is_refused, is_turned_back, loses_its_connection], ids=lambda fault: fault.__name__)
@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.__name__)
def test_an_error_at_any_statement(
    repository: SessionRepository,
    watch: Watch,
    server: psycopg.Connection[Any],
    action: Callable[..., None],
    fault: Fault,
) -> None:
    """Whichever statement fails: the call raises an error of this library and nothing is stored, or it succeeds."""
    failures = 0

    for number, sql in enumerate(statements_of(repository, watch, action)):
        sessions = sessions_to_save(repository)
        watch.before = at(number, fault, watch)
        error = None
        try:
            action(repository, sessions)
        except Exception as raised:
            error = raised
        watch.before = nothing

        versions = versions_of(sessions)
        if error is None:
            assert versions == done_by(action), sql
        else:
            failures += 1
            assert isinstance(error, StorageError), sql
            assert versions == [1, 0] or (action is save_async and versions in ([2, 0], [1, 1])), sql
        assert_sound(repository, sessions, server)

    assert failures or fault is is_turned_back  # which is done again by itself where that is safe


@pytest.mark.parametrize("action", [save, atomic], ids=lambda action: action.__name__)
def test_an_answer_that_is_lost(
    repository: SessionRepository, watch: Watch, server: psycopg.Connection[Any], action: Callable[..., None]
) -> None:
    """When it is of what commits, all is stored and a repeated save a conflict, never done twice; else nothing is."""
    statements = statements_of(repository, watch, action)

    for number, sql in enumerate(statements):
        sessions = sessions_to_save(repository)
        watch.after = at(number, loses_the_answer, watch)
        error = None
        try:
            action(repository, sessions)
        except StorageError as raised:
            error = raised
        watch.after = nothing

        if not commits(sql, statements):
            assert versions_of(sessions) == ([1, 0] if error else done_by(action)), sql
            assert_sound(repository, sessions, server)
            continue
        found = stored(server)
        assert error is not None
        assert versions_of(sessions) == [1, 0]
        assert [found.get(session.id, (0, []))[0] for session in sessions] == done_by(action)
        with pytest.raises(ConflictError):
            repository.save(sessions[0])
        assert stored(server) == found
        assert_nobody_works(server)
    assert any(commits(sql, statements) for sql in statements)


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("action", [save, atomic], ids=lambda action: action.__name__)
def test_ctrl_c_at_any_statement(
    repository: SessionRepository,
    watch: Watch,
    server: psycopg.Connection[Any],
    action: Callable[..., None],
    side: str,
) -> None:
    """Whichever statement Ctrl-C interrupts: all or nothing is stored, and the sessions know which."""
    for number, sql in enumerate(statements_of(repository, watch, action)):
        sessions = sessions_to_save(repository)
        setattr(watch, side, at(number, ctrl_c, watch))
        with pytest.raises(KeyboardInterrupt):
            action(repository, sessions)
        setattr(watch, side, nothing)

        assert versions_of(sessions) in ([1, 0], done_by(action)), sql
        assert_sound(repository, sessions, server)


@pytest.mark.parametrize("fault", [is_refused, loses_its_connection, ctrl_c], ids=lambda fault: fault.__name__)
def test_an_error_while_reading(
    repository: SessionRepository, watch: Watch, server: psycopg.Connection[Any], fault: Fault
) -> None:
    """A read that fails raises an error of this library, or is done again by itself; it leaves no connection behind."""
    for read in reads_of(repository):
        expected = read()
        watch.before = at(0, fault, watch)
        try:
            found = read()
        except (KeyboardInterrupt, StorageError) as error:
            assert isinstance(error, KeyboardInterrupt) == (fault is ctrl_c)  # noqa: PT017
            found = read()
        watch.before = nothing

        assert found == expected
        assert not internals_of(repository).storage._connections.in_use()
        assert_nobody_works(server)
