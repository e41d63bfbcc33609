"""How often a server is asked for one save, and what becomes of what goes out at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from paper_repo import (
    AsyncSessionRepository,
    ConflictError,
    EquityPoint,
    PaperTradingSession,
    SessionRepository,
    StorageError,
)
from paper_repo.core.repository import internals_of
from paper_repo.core.saves import Save
from paper_repo.core.together import MOST
from paper_repo.storage.postgres import round_trips
from paper_repo.storage.postgres.storage import PostgresStorage
from tests.builders import moment, new_fill, new_session
from tests.postgres.watching import Watch, stored


@pytest.fixture
def server(emptied_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection beside the repository's."""
    with psycopg.connect(emptied_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def repository(watch: Watch, emptied_url: str) -> Iterator[SessionRepository]:
    """The repository whose statements are watched."""
    with SessionRepository(emptied_url) as repository:
        yield repository


def traded(session: PaperTradingSession, first: int, count: int = 1) -> None:
    """Let a session trade, with an equity point for each fill."""
    for number in range(first, first + count):
        session.apply_fill(new_fill(number))
        session.record_equity(EquityPoint(moment(number), session.cash, session.equity))


def test_a_save_is_one_statement(repository: SessionRepository, watch: Watch, server: psycopg.Connection[Any]) -> None:
    """The first one, one without history, and one with several fills and points."""
    session = new_session()
    before = len(watch.seen)
    for number, fills in enumerate([0, 0, 1, 3, 0, 2]):
        traded(session, 10 * number, fills)
        repository.save(session)

    assert len(watch.seen) == before + 6
    assert stored(server)[session.id] == (6, [fill.id for fill in repository.get_fills(session.id)])
    assert [fill.id for fill in repository.get_fills(session.id)] == [f"fill-{n}" for n in (20, 30, 31, 32, 50, 51)]
    points = [moment(n) for n in (20, 30, 31, 32, 50, 51)]
    assert [point.at for point in repository.get_equity_curve(session.id)] == points
    assert repository.get_by_id(session.id) == session
    assert repository.check().problems == []


def test_a_conflict_stores_no_history(repository: SessionRepository, server: psycopg.Connection[Any]) -> None:
    """Of a session that somebody else has saved, and of one that was deleted; the object keeps its history."""
    session = new_session()
    repository.save(session)
    stale = repository.get_by_id(session.id)
    assert stale is not None
    traded(session, 1)
    repository.save(session)
    traded(stale, 2, 2)

    with pytest.raises(ConflictError, match="at version 2 now"):
        repository.save(stale)

    assert (stale.version, len(stale.new_fills), len(stale.new_equity_points)) == (1, 2, 2)
    assert stored(server) == {session.id: (2, ["fill-1"])}

    repository.delete(session.id)
    with pytest.raises(ConflictError):
        repository.save(stale)
    assert stored(server) == {}


def test_a_fill_that_was_recorded_twice_is_skipped(
    repository: SessionRepository, server: psycopg.Connection[Any]
) -> None:
    """The server refuses the one statement, and the save is done step by step."""
    session = new_session()
    session.record_fill(new_fill(1))
    repository.save(session)
    for number in (1, 2):
        session.record_fill(new_fill(number))

    repository.save(session)

    assert stored(server) == {session.id: (2, ["fill-1", "fill-2"])}
    assert (session.version, session.fill_count, list(session.new_fills)) == (2, 2, [])


def test_a_very_long_history(repository: SessionRepository, server: psycopg.Connection[Any]) -> None:
    """A save with more than one statement should hold is stored step by step."""
    session = new_session()
    traded(session, 1, MOST)

    repository.save(session)

    assert stored(server) == {session.id: (1, [f"fill-{number}" for number in range(1, MOST + 1)])}
    assert repository.get_by_id(session.id) == session


@pytest.mark.anyio
async def test_saves_that_wait_together_need_no_transaction_around_them(
    watch: Watch, emptied_url: str, server: psycopg.Connection[Any]
) -> None:
    """Each is one statement, alone or with others; the end of what was sent commits them."""
    from tests.postgres.test_group_commit import saved

    async with AsyncSessionRepository(emptied_url) as repository:
        await repository.count()
        sessions = [new_session(id=f"session-{number}") for number in range(5)]
        for session in sessions:
            traded(session, 1)
        before = len(watch.seen)

        await repository.save(sessions[0])
        traded(sessions[0], 2)
        assert await saved(repository, *sessions) == [None] * 5

        verbs = [sql.split()[0] for sql in watch.seen[before:]]
        assert verbs.count("WITH") == 6
        assert set(verbs) <= {"WITH", "BEGIN", "COMMIT"}  # a connection's first transaction is begun by itself
    fills = {session.id: (1, ["fill-1"]) for session in sessions[1:]}
    assert stored(server) == {"session-0": (2, ["fill-1", "fill-2"]), **fills}


def test_one_that_the_server_refuses_stores_none_of_those_sent_with_it(
    repository: SessionRepository, server: psycopg.Connection[Any]
) -> None:
    """Whatever was sent before it in the same transaction is taken back, and another attempt may follow."""
    sessions = [new_session(id=name) for name in "ab"]
    repository.save_many(sessions)
    internals = internals_of(repository)
    traded(sessions[0], 1)
    saves = [Save.capture(each) for each in sessions]

    with internals.storage.atomic(begins_late=True):
        changes = []
        for save in saves:
            internals.records.bind(save)
            changes.append(internals.records.changes(save))
        changes[1][0][1]["cash"] = "what is no amount"
        with pytest.raises(Exception, match="what is no amount"):
            internals.storage.append_together(changes, is_all=True)
        assert stored(server) == {"a": (1, []), "b": (1, [])}
        changes[1][0][1]["cash"] = "1"
        assert internals.storage.append_together(changes, is_all=True) == [1, 1]
    assert stored(server) == {"a": (2, ["fill-1"]), "b": (2, [])}


def test_where_a_pipeline_is_no_transaction_one_is_begun(
    repository: SessionRepository, server: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As CockroachDB may be: what goes out together is committed when the block is left, and not before."""
    monkeypatch.setattr(PostgresStorage, "pipelines_are_transactions", False)
    sessions = [new_session(id=name) for name in "ab"]
    repository.save_many(sessions)
    internals = internals_of(repository)
    changes = []

    with internals.storage.atomic(begins_late=True):
        for session in sessions:
            session.record_fill(new_fill(1))
            save = Save.capture(session)
            internals.records.bind(save)
            changes.append(internals.records.changes(save))
        assert internals.storage.append_together(changes, is_all=True) == [1, 1]
        assert stored(server) == {"a": (1, []), "b": (1, [])}

    assert stored(server) == {"a": (2, ["fill-1"]), "b": (2, ["fill-1"])}


def test_one_that_cannot_even_be_sent_stores_none_of_those_sent_before_it(
    repository: SessionRepository, server: psycopg.Connection[Any]
) -> None:
    """The end of what was sent does not commit it, and the next transaction works."""
    sessions = [new_session(id=name) for name in "ab"]
    repository.save_many(sessions)
    internals = internals_of(repository)

    def block() -> None:
        with internals.storage.atomic(begins_late=True):
            changes = []
            for save in map(Save.capture, sessions):
                internals.records.bind(save)
                changes.append(internals.records.changes(save))
            changes[1][0][1]["cash"] = object()
            internals.storage.append_together(changes, is_all=True)

    with pytest.raises(StorageError, match="adapt"):
        block()

    assert stored(server) == {"a": (1, []), "b": (1, [])}
    repository.save_many(sessions)
    assert stored(server) == {"a": (2, []), "b": (2, [])}


def test_a_connection_that_was_silent_for_long_begins_by_itself(
    repository: SessionRepository, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its BEGIN, which may be repeated over a new connection, goes out before anything that must not be."""
    monkeypatch.setattr(round_trips, "_FRESH", 0.0)
    session = new_session()
    before = len(watch.seen)

    repository.save(session)

    assert [sql.split()[0] for sql in watch.seen[before:]] == ["BEGIN", "INSERT", "COMMIT"]
    assert repository.get_by_id(session.id) == session


def test_a_statement_that_does_not_belong_to_the_transaction_any_more(repository: SessionRepository) -> None:
    """After what has committed the transaction nothing more is written in it."""
    storage = internals_of(repository).storage
    assert isinstance(storage, PostgresStorage)
    session = new_session()
    repository.save(session)
    delete = storage.claims.release, {"id": session.id, "owner": "nobody"}

    with storage.atomic(begins_late=True):
        assert storage.append_together([[delete]], is_all=True) == [0]
        with pytest.raises(StorageError, match="leave the block"):
            storage.change(*delete)
