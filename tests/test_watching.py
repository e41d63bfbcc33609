"""Watching an SQLite file: what other processes do is seen, and nothing is left behind."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import anyio
import pytest

from paper_repo import InMemorySessionRepository, RepositoryClosedError, SessionRepository, SQLiteSessionRepository
from paper_repo.core.repository import internals_of
from tests.builders import new_session
from tests.facade.watching import Gate, Watch, nothing

SAVE_IN_A_PROCESS = """
import sys
from paper_repo import PaperTradingSession, SessionRepository, Strategy
with SessionRepository(sys.argv[1]) as repository:
    session = PaperTradingSession(id=sys.argv[2], strategy=Strategy("sma"), initial_cash=1)
    for _ in range(3):
        repository.save(session)
    repository.delete(sys.argv[3])
"""
PATIENCE = 30
"""How long a change may take that comes for certain, in seconds."""


def in_a_process(path: Path, saved: str, deleted: str) -> None:
    """Save a session three times, and delete another one, in a process of its own."""
    subprocess.run([sys.executable, "-c", SAVE_IN_A_PROCESS, str(path), saved, deleted], check=True)


def test_the_plain_iterator_sees_what_another_process_does(path: Path) -> None:
    """Saves and deletions of another process are reported, several of one session as one, in the order of the last."""
    with SessionRepository(path) as repository:
        repository.save(new_session(id="old"))
        with repository.watch(timeout=PATIENCE) as changes:
            in_a_process(path, "new", "old")

            seen = [next(changes), next(changes)]

    assert [(each.session_id, each.version, each.deleted) for each in seen] == [("new", 3, False), ("old", 1, True)]
    assert seen[0].position < seen[1].position


@pytest.mark.anyio
async def test_the_facade_sees_what_another_process_does(path: Path) -> None:
    """Saves and deletions of another process are reported to a task that waits, without a hint."""
    seen = []
    async with SQLiteSessionRepository(path) as repository, repository.watch(timeout=PATIENCE) as changes:
        await repository.save(new_session(id="old"))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.to_thread.run_sync, in_a_process, path, "new", "old")
            async for change in changes:
                seen.append(change)
                if change.deleted:
                    break

    assert ("old", 1, True) in [(each.session_id, each.version, each.deleted) for each in seen]
    assert ("new", 3, False) in [(each.session_id, each.version, each.deleted) for each in seen]


def test_nothing_is_missed_between_two_looks(path: Path) -> None:
    """Whatever the moments of the looks, the last save of every session is reported in the end."""
    names = [f"s{number}" for number in range(20)]
    last: dict[str, int] = {}

    def save_all() -> None:
        sessions = [new_session(id=name) for name in names]
        for _ in range(15):
            for session in sessions:
                repository.save(session)

    with (
        SessionRepository(path, durability="normal") as repository,
        repository.watch(timeout=PATIENCE, poll_interval=0.001) as changes,
    ):
        thread = threading.Thread(target=save_all)
        thread.start()
        for change in changes:
            assert change.version > last.get(change.session_id, 0)
            last[change.session_id] = change.version
            if list(last.values()) == [15] * 20:
                break
        thread.join()

    assert last == dict.fromkeys(names, 15)


def test_a_watch_goes_on_where_an_earlier_process_stopped(path: Path) -> None:
    """What was committed while nobody watched is reported to one who gives the position that was seen last."""
    with SessionRepository(path) as repository, repository.watch(timeout=PATIENCE) as changes:
        repository.save(new_session(id="seen"))
        position = next(changes).position
    in_a_process(path, "missed", "seen")

    with SessionRepository(path) as repository:
        found = list(repository.watch(after=position, timeout=0))

    assert [(each.session_id, each.deleted) for each in found] == [("missed", False), ("seen", True)]


def test_more_changes_than_one_look_takes_are_all_reported(path: Path) -> None:
    """1,100 changes at once arrive in their order, none twice."""
    with SessionRepository(path, durability="normal") as repository:
        repository.save_many([new_session(id=f"{number:04}") for number in range(1100)])

        found = [each.session_id for each in repository.watch(after=0, timeout=0)]

    assert found == [f"{number:04}" for number in range(1100)]


def test_a_read_transaction_is_not_held_between_looks(path: Path) -> None:
    """A watch that waits keeps nobody from emptying the write-ahead log."""
    with SessionRepository(path) as repository, repository.watch(timeout=PATIENCE) as changes:
        repository.save(new_session())
        next(changes)

        connection = sqlite3.connect(path)
        blocked, in_log, moved = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        connection.close()

    assert (blocked, in_log, moved) == (0, 0, 0)


def test_the_watch_of_another_thread_ends_when_the_repository_closes(path: Path) -> None:
    """A thread that waits for changes for ever goes on as soon as the repository is closed."""
    repository = SessionRepository(path)
    begun, ended = threading.Event(), threading.Event()

    def wait() -> None:
        with repository.watch(poll_interval=1000) as changes:
            begun.set()
            ended.set() if next(changes, None) is None else None

    thread = threading.Thread(target=wait)
    thread.start()
    assert begun.wait(PATIENCE)

    repository.close()
    thread.join(PATIENCE)

    assert ended.is_set()


def test_a_closed_repository_cannot_be_watched(path: Path) -> None:
    """After close, beginning a watch is refused like any other call."""
    repository = SessionRepository(path)
    repository.open()
    repository.close()

    with pytest.raises(RepositoryClosedError):
        next(repository.watch())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_watch_goes_on_in_a_forked_child_and_in_its_parent(path: Path) -> None:
    """After a fork both processes see what is saved, each by a connection of its own."""
    with SessionRepository(path) as repository, repository.watch(timeout=PATIENCE) as changes:
        repository.save(new_session(id="before"))
        assert next(changes).session_id == "before"
        child = os.fork()
        if not child:
            os._exit(0 if next(changes).session_id == "after" else 1)
        repository.save(new_session(id="after"))

        assert next(changes).session_id == "after"
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


@pytest.mark.anyio
async def test_a_watch_without_a_block_leaves_nothing_open(path: Path) -> None:
    """A loop that is left early gives its connection back when nobody has the iterator any more."""
    async with SQLiteSessionRepository(path) as repository:
        await repository.save(new_session())

        async for _ in repository.watch(after=0):
            break

        with anyio.fail_after(PATIENCE):
            while internals_of(repository.core).storage._feeds:  # until the thread that looked last has let go of it
                await repository.exists("anything")


@pytest.mark.parametrize(
    "wrong",
    [
        {"after": -1},
        {"after": True},
        {"after": "1"},
        {"timeout": -1},
        {"timeout": "1"},
        {"timeout": 1_000_000},
        {"poll_interval": 0},
    ],
)
def test_arguments_that_make_no_sense_are_refused(path: Path, wrong: dict[str, object]) -> None:
    """A wrong position, timeout or interval is a ValueError at the call, and nothing is opened."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SessionRepository(path).watch(**wrong)
    with pytest.raises(ValueError, match=next(iter(wrong))):
        InMemorySessionRepository().watch(**wrong)
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SQLiteSessionRepository(path).watch(**wrong)

    assert not path.exists()


@pytest.mark.anyio
async def test_a_watch_says_what_it_is_and_how_far_it_has_come(path: Path) -> None:
    """Both kinds show their position, which is None before they begin."""
    async with SQLiteSessionRepository(path) as repository:
        await repository.save(new_session())
        plain, awaited = repository.core.watch(after=0, timeout=0), repository.watch(after=0, timeout=0)
        fresh = repr(repository.core.watch())

        list(plain)
        async for _ in awaited:
            pass

    assert fresh == "<SessionChanges after None>"
    assert (repr(plain), repr(awaited)) == ("<SessionChanges after 1>", "<AsyncSessionChanges after 1>")


def test_a_watch_that_was_closed_before_it_began_opens_nothing(path: Path) -> None:
    """It is at its end, and no file comes to be for it."""
    repository = SessionRepository(path)
    changes = repository.watch(after=0)

    changes.close()

    assert not changes.look()
    assert list(changes) == []
    assert not path.exists()


@pytest.mark.parametrize("plain", [True, False], ids=["plain", "awaited"])
@pytest.mark.anyio
async def test_between_two_looks_a_watch_does_nothing(path: Path, monkeypatch: pytest.MonkeyPatch, plain: bool) -> None:
    """It looks no more often than its interval says, however long it waits."""
    watch = Watch()
    watch.install(monkeypatch)
    async with SQLiteSessionRepository(path) as repository:
        options: dict[str, float] = {"timeout": 0.2, "poll_interval": 0.1}
        async with repository.watch(**options) as awaited:
            with repository.core.watch(**options) as changes:
                before = len(watch.seen)
                found = list(changes) if plain else [each async for each in awaited]
                looks = len(watch.seen) - before

    assert found == []
    assert 0 < looks <= 6  # a look is one statement, or two


@pytest.mark.anyio
async def test_a_watch_whose_repository_was_closed_ends_at_its_next_look(path: Path) -> None:
    """It does not wait another interval before it says so."""
    async with SQLiteSessionRepository(path) as repository:
        await repository.open()
        async with repository.watch(poll_interval=1000) as changes:
            await repository.close()

            with anyio.fail_after(PATIENCE):
                found = [each async for each in changes]

    assert found == []


def test_an_upgraded_file_reports_what_it_held(path: Path) -> None:
    """Sessions stored by a version that did not number changes count as changed once, in the order of their saves."""
    shutil.copy(Path(__file__).with_name("fixtures") / "desktop" / "sessions.db", path)

    with SessionRepository(path) as repository:
        found = list(repository.watch(after=0, timeout=0))

    assert [(each.session_id, each.position) for each in found] == [("b", 1), ("a", 2)]


@pytest.mark.anyio
async def test_closing_a_watch_does_not_wait_for_a_look(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The event loop goes on while a look of another task waits for the database; its connection is let go after it."""
    gate, watch, ended = Gate(), Watch(), []
    watch.install(monkeypatch)
    async with SQLiteSessionRepository(path) as repository, repository.watch() as changes:

        async def wait() -> None:
            ended.append([change async for change in changes])

        watch.before = lambda sql: gate.pass_through()
        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            await gate.reached()
            await changes.aclose()
            gate.open()  # which nobody would come to do if closing waited
        watch.before = nothing

    assert ended == [[]]
