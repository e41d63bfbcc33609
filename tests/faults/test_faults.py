"""Errors of the database at any moment: all or nothing is stored, and everything goes on afterwards."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from paper_repo import (
    BusyError,
    DiskFullError,
    SessionRepository,
    SQLiteSessionRepository,
    StorageError,
)
from paper_repo.core.repository import internals_of
from tests.builders import new_fill, new_session
from tests.facade.cancelling import stored
from tests.facade.watching import (
    Watch,
    assert_no_transaction_is_open,
    busy_error,
    interrupt,
    nothing,
    writing_elsewhere,
)
from tests.faults.acting import (
    ACTIONS,
    Sessions,
    at,
    atomic,
    reads_of,
    save,
    save_async,
    save_many,
    sessions_to_save,
    statements_of,
)
from tests.processes.running import run

Fault = Callable[[Watch], None]
MORE_THAN_CONNECTIONS = 17
"""More often than a repository has connections, so that one lost each time is noticed."""


# What goes wrong, just before a statement or instead of it


def fails(watch: Watch) -> None:
    """The statement is not run."""
    raise busy_error()


def ends_the_transaction(watch: Watch) -> None:
    """SQLite rolls back by itself, as it does when the disk is full."""
    if watch.connection.in_transaction:
        watch.connection.rollback()
    raise busy_error()


def is_interrupted(watch: Watch) -> None:
    """SQLite interrupts the statement, which rolls back by itself; a COMMIT or the like cannot be interrupted."""
    interrupt(watch.connection)


def ctrl_c(watch: Watch) -> None:
    """The user presses Ctrl-C."""
    raise KeyboardInterrupt


def assert_sound(repository: SessionRepository, sessions: Sessions) -> None:
    """No transaction is open, every session object agrees with the file, and the next save of it works."""
    path = internals_of(repository).storage.name
    assert_no_transaction_is_open(path)
    for session in sessions:
        version, fills = stored(path, session.id)
        assert session.version == version
        assert [fill.id for fill in session.new_fills] == ([] if fills else ["fill-1"])
        assert len(session.new_equity_points) == len(session.new_fills)
        repository.save(session)
        assert stored(path, session.id) == (version + 1, ["fill-1"])
        assert repository.get_by_id(session.id) == session


@pytest.mark.parametrize("fault", [fails, ends_the_transaction, is_interrupted], ids=lambda fault: fault.__name__)
@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.__name__)
def test_an_error_at_any_statement(path: Path, watch: Watch, action: Callable[..., None], fault: Fault) -> None:
    """Whichever statement fails: the call raises an error of this library and nothing is stored, or it succeeds."""
    with SessionRepository(path) as repository:
        statements = statements_of(repository, watch, action)

        for number, sql in enumerate(statements):
            sessions = sessions_to_save(repository)
            watch.before = at(number, fault, watch)
            error = None
            try:
                action(repository, sessions)
            except Exception as raised:
                error = raised
            happened, watch.before = watch.before is nothing, nothing

            versions = [session.version for session in sessions]
            if not happened:  # tasks have shared their transactions otherwise than the first time, in fewer statements
                assert (action, error, versions) == (save_async, None, [2, 1]), sql
            elif error is None:
                assert fault is is_interrupted, sql
                assert versions == ([2, 0] if action is save else [2, 1]), sql
            else:
                assert isinstance(error, StorageError), sql
                assert versions == [1, 0] or (action is save_async and versions in ([2, 0], [1, 1])), sql
            assert_sound(repository, sessions)


@pytest.mark.parametrize("depth", [1, 2])
def test_ctrl_c_before_a_block_is_left(path: Path, depth: int) -> None:
    """A block that was never left, because Ctrl-C came just before its end, ends with the repository."""
    session = new_session()

    def be_interrupted() -> None:
        with SessionRepository(path) as repository:
            blocks = [repository.atomic() for _ in range(depth)]
            for block in blocks:
                block.__enter__()
            repository.save(session)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        be_interrupted()

    assert session.version == 0
    with SessionRepository(path) as repository:
        assert repository.count() == 0
        repository.save(session)


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("action", [save, save_many, atomic], ids=lambda action: action.__name__)
def test_ctrl_c_at_any_statement(path: Path, watch: Watch, action: Callable[..., None], side: str) -> None:
    """Whichever statement Ctrl-C interrupts: all or nothing is stored, and the sessions know which."""
    with SessionRepository(path) as repository:
        statements = statements_of(repository, watch, action)

        for number, sql in enumerate(statements):
            sessions = sessions_to_save(repository)
            setattr(watch, side, at(number, ctrl_c, watch))
            with pytest.raises(KeyboardInterrupt):
                action(repository, sessions)
            setattr(watch, side, nothing)

            versions = [session.version for session in sessions]
            assert versions in ([1, 0], [2, 0] if action is save else [2, 1]), sql
            assert_sound(repository, sessions)


@pytest.mark.parametrize("fault", [fails, is_interrupted, ctrl_c], ids=lambda fault: fault.__name__)
def test_an_error_while_reading(path: Path, watch: Watch, fault: Fault) -> None:
    """A read that fails raises an error of this library, leaves no connection behind, and can be repeated."""
    with SessionRepository(path) as repository:
        for read in reads_of(repository):
            expected = read()
            for _ in range(MORE_THAN_CONNECTIONS):
                watch.before = at(0, fault, watch)
                with pytest.raises(KeyboardInterrupt if fault is ctrl_c else StorageError):
                    read()
                assert read() == expected


def test_an_error_while_writing_leaves_no_connection_behind(path: Path, watch: Watch) -> None:
    """More writes can fail than there are connections, wherever they fail."""
    with SessionRepository(path, busy_timeout=0.5) as repository:
        statements = statements_of(repository, watch, atomic)
        for _ in range(MORE_THAN_CONNECTIONS):
            for number in range(len(statements)):
                sessions = sessions_to_save(repository)
                watch.before = at(number, fails, watch)
                with pytest.raises(StorageError):
                    atomic(repository, sessions)
                watch.before = nothing

        assert_sound(repository, sessions_to_save(repository))


@pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning")  # Peewee drops one that Ctrl-C interrupts
@pytest.mark.parametrize(
    ("fault", "side"),
    [(fails, "before"), (ends_the_transaction, "before"), (ctrl_c, "before"), (ctrl_c, "after")],
    ids=["fails", "ends_the_transaction", "ctrl_c-before", "ctrl_c-after"],
)
def test_an_error_while_the_file_is_created(tmp_path: Path, watch: Watch, fault: Fault, side: str) -> None:
    """Whichever statement of the first opening fails: opening again, by this repository or another one, works."""
    with SessionRepository(tmp_path / "counted.db") as repository:
        repository.open()
        count = len(watch.seen)

    for number in range(count):
        repository = SessionRepository(tmp_path / f"{number}.db")
        setattr(watch, side, at(number, fault, watch))
        with suppress(StorageError, KeyboardInterrupt):
            repository.open()
        setattr(watch, side, nothing)

        with SessionRepository(tmp_path / f"{number}.db") as another, repository:
            sessions = sessions_to_save(repository)
            repository.save_many(sessions)
            assert [session.id for session in another.get_all()] == [session.id for session in repository.get_all()]


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.__name__)
def test_a_full_disk(path: Path, watch: Watch, action: Callable[..., None]) -> None:
    """A write for which there is no room raises `DiskFullError`; when there is room again, it works."""
    with SessionRepository(path) as repository:
        sessions = sessions_to_save(repository)
        for session in sessions:
            session.state["much"] = "x" * 200_000

        def leave_no_room(sql: str) -> None:
            pages = watch.connection.cursor().connection
            if sql.startswith("BEGIN"):
                limit(pages)

        def limit(connection: sqlite3.Connection) -> None:
            watch.before = nothing
            (count,) = connection.execute("PRAGMA page_count").fetchone()
            connection.execute(f"PRAGMA max_page_count = {count}")
            watch.before = leave_no_room

        watch.before = leave_no_room
        with pytest.raises(DiskFullError, match="no room left"):
            action(repository, sessions)
        watch.before = nothing

        assert [session.version for session in sessions] == [1, 0]
        watch.before = lambda sql: sql.startswith("BEGIN") and make_room(watch)
        action(repository, sessions)
        assert_sound(repository, sessions)


def make_room(watch: Watch) -> None:
    """Take the limit away that the connection got."""
    before, watch.before = watch.before, nothing
    watch.connection.execute("PRAGMA max_page_count = 1000000000")
    watch.before = before


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.__name__)
def test_a_commit_that_is_refused(path: Path, watch: Watch, action: Callable[..., None]) -> None:
    """A COMMIT that SQLite refuses leaves its transaction open, which is rolled back then."""
    with SessionRepository(path) as repository:
        sessions = sessions_to_save(repository)

        def break_commit(sql: str) -> None:
            if sql.startswith("COMMIT") and watch.seen[-2].startswith(("INSERT", "UPDATE", "RELEASE")):
                watch.before = nothing
                watch.connection.execute(
                    "CREATE TABLE orphan (id REFERENCES paper_trading_sessions DEFERRABLE INITIALLY DEFERRED)"
                )
                watch.connection.execute("INSERT INTO orphan VALUES ('nobody')")

        watch.before = break_commit
        with pytest.raises(StorageError, match="FOREIGN KEY"):
            action(repository, sessions)

        versions = [session.version for session in sessions]
        assert versions == [1, 0] or (action is save_async and versions == [1, 1])  # the second came too late to share
        assert_sound(repository, sessions)


def test_a_disk_that_is_full_for_everybody(path: Path) -> None:
    """When the system itself refuses to let the file grow, a save raises and can be repeated when there is room."""
    result = run("filling", path)

    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "refused, then saved\n" * 3


def test_another_writer_that_does_not_end(path: Path) -> None:
    """Whoever waits longer than the busy timeout for another program gets a `BusyError`, and can repeat the call."""
    with SessionRepository(path, busy_timeout=0.05) as repository:
        session = new_session()

        with writing_elsewhere(path), pytest.raises(BusyError, match=r"sessions\.db: .*repeat"):
            repository.save(session)

        repository.save(session)
        assert repository.get_by_id(session.id) == session


def test_writers_that_wait_for_another_program_wait_together(path: Path, watch: Watch) -> None:
    """Tasks that wait for another program at the same time lose patience at the same time, not one after the other."""
    blocks = 6

    async def main() -> None:
        async with SQLiteSessionRepository(path, busy_timeout=0.2) as repository:
            before = watch.count("BEGIN")

            async def enter() -> None:
                async with repository.atomic():
                    raise AssertionError("the block was entered")

            with writing_elsewhere(path):
                results = await asyncio.gather(*[enter() for _ in range(blocks)], return_exceptions=True)

            assert [type(result) for result in results] == [BusyError] * blocks
            assert watch.count("BEGIN") - before < blocks
            await repository.save(new_session())

    asyncio.run(main())


@pytest.mark.parametrize("history", [False, True])
def test_going_on_after_an_error_has_ended_the_transaction(path: Path, watch: Watch, history: bool) -> None:
    """A block that goes on all the same writes nothing on its own: every further write says so, and so does the end."""
    with SessionRepository(path) as repository:
        sessions = [new_session(), new_session(), new_session()]
        repository.save_many(sessions)
        if history:
            sessions[2].apply_fill(new_fill(1))

        def go_on() -> None:
            with repository.atomic():
                repository.save(sessions[0])
                watch.before = at(0, ends_the_transaction, watch)
                with pytest.raises(StorageError):
                    repository.save(sessions[1])
                with pytest.raises(StorageError, match="has rolled it back"):
                    repository.save(sessions[2])
                with pytest.raises(StorageError, match="has rolled it back"):
                    repository.delete(sessions[2].id)

        with pytest.raises(StorageError):
            go_on()

        assert [session.version for session in sessions] == [1, 1, 1]
        assert [stored(path, session.id)[0] for session in sessions] == [1, 1, 1]
        assert_no_transaction_is_open(path)
        repository.save_many(sessions)
