"""Copying between a file and a server, there and back, with a SIGKILL in the middle: all of it, once, and equal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from paper_repo import SessionRepository
from paper_repo.maintenance.copy import copy_sessions, digest
from tests.builders import moment, new_fill, new_session

ROOT = Path(__file__).parents[2]

KILLED = """
import os, signal, sys
from paper_repo import SessionRepository
from paper_repo.maintenance.copy import copy_sessions

def kill(done, total):
    if done == 3:
        os.kill(os.getpid(), signal.SIGKILL)

with SessionRepository(sys.argv[1]) as source, SessionRepository(sys.argv[2]) as target:
    copy_sessions(source, target, progress=kill)
"""


def fill(path: Path) -> None:
    """Fill a file with sessions whose amounts, texts and order of keys databases keep in different ways."""
    with SessionRepository(path) as repository:
        for number in range(6):
            session = new_session(
                id=f"session-{number}",
                name='"quoted" \N{SNOWMAN} \\ \n',
                initial_cash="1E+3",
                state={"z": 0.1 + 0.2, "a": [10**40, None, {"\N{EURO SIGN}": "-0"}]},
            )
            session.start(at=moment(0))
            for each in range(20):
                session.apply_fill(new_fill(each, price="100.2500", fee="-0.0" if each % 2 else "1E-7"))
                session.mark({"AAPL": f"{100 + each}.10"}, at=moment(each))
            repository.save(session)
            session.name += " again"
            repository.save(session)


def digests(repository: SessionRepository) -> dict[str, str | None]:
    """The digest of every session."""
    return {each: digest(repository, each) for each in repository.find_ids("", limit=None)}


def killed(source: object, target: object) -> int:
    """The end of a process that copies and is killed in the middle."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, "-c", KILLED, str(source), str(target)], env=environment, check=False
    ).returncode


def test_there_and_back_each_killed_in_the_middle(path: Path, tmp_path: Path, url: str) -> None:
    """Both ways go on where they were killed, and every digest is the same at all three places."""
    fill(path)
    back = tmp_path / "back.db"

    assert killed(path, url) == -signal.SIGKILL
    with SessionRepository(path) as file, SessionRepository(url) as server:
        there = copy_sessions(file, server)
    assert killed(url, back) == -signal.SIGKILL
    with SessionRepository(url) as server, SessionRepository(back) as again, SessionRepository(path) as file:
        here = copy_sessions(server, again)

        expected = digests(file)
        assert digests(server) == digests(again) == expected
        assert again.check().problems == server.check().problems == []
        assert [each.version for each in again.get_all()] == [2] * 6
    for report in (there, here):
        assert (len(report.present), len(report.copied), report.complete) == (3, 3, True)
    assert len(set(expected.values())) == 6


def test_what_a_server_cannot_keep_is_told_and_the_others_are_copied(path: Path, url: str) -> None:
    """A session with a text that PostgreSQL cannot hold is named with the reason; nothing of it is stored there."""
    with SessionRepository(path) as file, SessionRepository(url) as server:
        file.save_many([new_session(id="a sound one"), new_session(id="b", name="a\0b"), new_session(id="c")])

        report = copy_sessions(file, server)

        assert report.copied == ["a sound one", "c"] == server.find_ids("")
        assert list(report.refused) == ["b"]
        assert "NUL" in report.refused["b"]
        assert not report.complete
