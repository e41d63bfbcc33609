"""Copying sessions from one repository to another: everything, once, verified, and resumable."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from paper_repo import SessionRepository, StorageError
from paper_repo.core import bulk
from paper_repo.core.bulk import TOGETHER
from paper_repo.maintenance.copy import copy_sessions, digest
from tests.builders import full_session, moment, new_fill, new_session
from tests.storage.sqlite.damage import content


def fill(path: Path, sessions: int = 5) -> None:
    """Fill a new file."""
    with SessionRepository(path) as repository:
        for number in range(sessions):
            session = new_session(id=f"session-{number}")
            session.apply_fill(new_fill(number))
            repository.save(session)
            session.apply_fill(new_fill(number + 100))
            repository.save(session)
        repository.save(full_session())


def test_everything_is_copied_as_it_is(path: Path, tmp_path: Path) -> None:
    """Every session with its history, version and times is at the target; copying again copies nothing."""
    fill(path)
    steps: list[tuple[int, int]] = []

    with SessionRepository(path) as source, SessionRepository(tmp_path / "other.db") as target:
        target.save(new_session(id="already there"))
        first = copy_sessions(source, target, progress=lambda *step: steps.append(step))
        second = copy_sessions(source, target)

        assert {each: found for each, found in content(target).items() if each != "already there"} == content(source)
    assert len(first.copied) == len(second.present) == 6
    assert second.copied == []
    assert first.complete
    assert second.complete
    assert first.only_in_target == ["already there"]
    assert steps[-1] == (6, 6)


def test_what_differs_is_named_and_left(path: Path, tmp_path: Path) -> None:
    """A session that is at the target already, and is another one, is not overwritten."""
    fill(path, 2)
    with SessionRepository(path) as source, SessionRepository(tmp_path / "other.db") as target:
        target.save(new_session(id="session-1", name="mine"))

        report = copy_sessions(source, target)

        assert report.differing == ["session-1"]
        assert not report.complete
        found = target.get_by_id("session-1")
    assert found is not None
    assert found.name == "mine"


def test_what_cannot_be_read_is_named_and_the_others_are_copied(path: Path, tmp_path: Path) -> None:
    """A damaged record, of a session or of its history, is reported with its reason; nothing of it is at the target."""
    fill(path, 3)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE paper_trading_sessions SET cash = '1' WHERE id = 'session-0'")
        connection.execute("UPDATE paper_trading_fills SET price = '1' WHERE session_id = 'session-1' AND sequence = 2")

    with SessionRepository(path) as source, SessionRepository(tmp_path / "other.db") as target:
        report = copy_sessions(source, target)

        assert sorted(report.unreadable) == ["session-0", "session-1"]
        assert "checksum" in report.unreadable["session-1"]
        assert sorted(target.find_ids("", limit=None)) == sorted(report.copied)
    assert len(report.copied) == 2
    assert not report.complete


KILLED = """
import os, signal, sys
from paper_repo import SessionRepository
from paper_repo.maintenance.copy import copy_sessions

def kill(done, total):
    if done < total:
        os.kill(os.getpid(), signal.SIGKILL)

with SessionRepository(sys.argv[1]) as source, SessionRepository(sys.argv[2]) as target:
    copy_sessions(source, target, progress=kill)
"""


def test_a_killed_copy_goes_on(path: Path, tmp_path: Path) -> None:
    """After SIGKILL in the middle the next call finds what was copied, and copies the rest."""
    fill(path, TOGETHER)
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), str(tmp_path / "other.db")], check=False)
    assert done.returncode == -signal.SIGKILL

    with SessionRepository(path) as source, SessionRepository(tmp_path / "other.db") as target:
        report = copy_sessions(source, target)

        assert content(target) == content(source)
    assert (len(report.present), len(report.copied)) == (TOGETHER, 1)


def test_a_damaged_one_among_many(path: Path, tmp_path: Path) -> None:
    """What shares its transaction with a session that cannot be read, or is refused, is copied all the same."""
    fill(path, 9)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE paper_trading_fills SET fee = '7' WHERE session_id = 'session-3'")
        connection.execute("DELETE FROM paper_trading_fills WHERE session_id = 'session-5' AND sequence = 2")

    with SessionRepository(path) as source, SessionRepository(tmp_path / "other.db") as target:
        report = copy_sessions(source, target)

        assert sorted(report.unreadable) == ["session-3", "session-5"]
        assert len(report.copied) == len(target.find_ids("", limit=None)) == 8
        assert report.only_in_target == []


def test_what_was_stored_again_after_a_deletion(path: Path, tmp_path: Path) -> None:
    """Its history begins at a later number, which is no damage."""
    with SessionRepository(path) as source, SessionRepository(tmp_path / "other.db") as target:
        session = new_session(id="again")
        session.apply_fill(new_fill(1))
        source.save(session)
        source.delete("again")
        session.version = 0
        session.apply_fill(new_fill(2))
        source.save(session)
        source.save(new_session(id="other"))

        report = copy_sessions(source, target)

        assert [place for place, _ in target.fill_history("again")] == [2]
        assert content(target) == content(source)
    assert report.complete


def test_a_digest_tells_every_difference(path: Path) -> None:
    """A digest is that of the content: the same amount written otherwise gives the same, another last digit another."""
    with SessionRepository(path) as repository:
        for name, fields in {"a": {"cash": "1E+3"}, "b": {"cash": "1000.0"}, "c": {"cash": "1000.1"}}.items():
            with repository.atomic():
                session = new_session(id="one", **fields)
                session.version = 1
                session.updated_at = session.created_at
                repository.restore(session)
                found = digest(repository, "one")
                repository.delete("one")
            assert found is not None, name
            DIGESTS[name] = found
        assert digest(repository, "nobody") is None

    assert DIGESTS["a"] == DIGESTS["b"] != DIGESTS["c"]


DIGESTS: dict[str, str] = {}


FILLS = "paper_trading_fills"
POINTS = "paper_trading_equity"


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("paper_trading_sessions", "UPDATE paper_trading_sessions SET name = 'another'"),
        ("paper_trading_sessions", "UPDATE paper_trading_sessions SET cash = '1'"),
        (FILLS, f"DELETE FROM {FILLS} WHERE sequence = 2"),
        (FILLS, f"DELETE FROM {FILLS} WHERE sequence = 1"),
        (FILLS, f"UPDATE {FILLS} SET sequence = 9 - sequence"),
        (POINTS, f"DELETE FROM {POINTS} WHERE sequence = 2"),
        (POINTS, f"UPDATE {POINTS} SET equity = '7'"),
        (POINTS, f"INSERT INTO {POINTS} SELECT session_id, 3, at, cash, equity, checksum FROM {POINTS} LIMIT 1"),
    ],
    ids=["name", "cash", "last fill lost", "first fill lost", "fills moved", "point lost", "point", "point more"],
)
def test_a_copy_that_is_not_the_same_is_an_error(path: Path, tmp_path: Path, table: str, change: str) -> None:
    """What the target gives back is compared with the source, the equity curve too; a wrong copy does not stay."""
    session = new_session(id="one")
    for number in range(2):
        session.apply_fill(new_fill(number))
        session.mark({"AAPL": number + 1}, at=moment(number))
    with SessionRepository(path) as source, SessionRepository(tmp_path / "other.db") as target:
        source.save(session)
        target.open()
        last = "" if table == "paper_trading_sessions" else "WHEN NEW.sequence = 2"
        with closing(sqlite3.connect(tmp_path / "other.db")) as connection, connection:
            connection.execute(f"CREATE TRIGGER wrong AFTER INSERT ON {table} {last} BEGIN {change}; END")

        with pytest.raises(StorageError, match="session 'one' is not the same at the target, and was not stored there"):
            copy_sessions(source, target)

        assert target.count() == 0


def test_what_is_there_is_compared_to_its_last_point(path: Path, tmp_path: Path) -> None:
    """A session that differs in nothing but its equity curve, or a fill, is not taken for present."""
    with SessionRepository(path) as source, SessionRepository(tmp_path / "other.db") as target:
        for name in ("points", "fills", "same"):
            session = new_session(id=name)
            for number in range(2):
                session.apply_fill(new_fill(number))
                session.mark({"AAPL": 1}, at=moment(number))
            source.save(session)
            stored = source.get_by_id(name)
            assert stored is not None
            fills, points = list(source.fill_history(name)), list(source.equity_history(name))
            target.restore(
                stored,
                fills[1:] if name == "fills" else fills,
                points[:1] if name == "points" else points,
            )

        report = copy_sessions(source, target)

    assert (sorted(report.differing), report.present) == (["fills", "points"], ["same"])


def test_a_session_is_copied_as_it_is_at_one_moment(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What others save at the source while one session is copied is not in the copy, neither whole nor in part."""
    transfer = bulk.transfer

    with (
        SessionRepository(path) as source,
        SessionRepository(tmp_path / "other.db") as target,
        SessionRepository(path) as other,
    ):
        session = new_session(id="one")
        session.apply_fill(new_fill(1))
        session.mark({"AAPL": 1}, at=moment(1))
        source.save(session)
        before = content(source)

        def late(*args: Any) -> None:
            theirs = other.get_by_id("one")
            assert theirs is not None
            theirs.apply_fill(new_fill(2))
            theirs.mark({"AAPL": 2}, at=moment(2))
            other.save(theirs)
            transfer(*args)

        monkeypatch.setattr(bulk, "transfer", late)
        report = copy_sessions(source, target)

        assert report.copied == ["one"]
        assert content(target) == before
        assert len(source.get_fills("one")) == 2
