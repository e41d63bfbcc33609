"""The demo on a server, and the command line's `--db` with a URL."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from paper_repo import SessionRepository
from paper_repo.demo.run import Compared, run
from tests.builders import new_fill, new_session


def test_it_ends_as_on_a_file_to_the_last_digit(url: str, tmp_path: Path) -> None:
    """Killed half-way and resumed on a server, it ends with the books of the uninterrupted run on a file."""
    *_, last = run(url, tmp_path / "uninterrupted.db")

    assert isinstance(last, Compared)
    assert last.passed, last.checks
    with SessionRepository(url) as ours, SessionRepository(tmp_path / "uninterrupted.db") as other:
        (mine,), (theirs,) = ours.get_all(), other.get_all()
        assert str(mine.equity) == str(theirs.equity)
        assert ours.get_fills(mine.id) == other.get_fills(theirs.id)


def test_the_command_line_takes_a_url(url: str) -> None:
    """`--db` with the URL of a server works, and shows no password."""
    secret = url.replace("postgres@", "postgres:hush@")

    done = subprocess.run(
        [sys.executable, "-m", "paper_repo", "list", "--json", "--db", secret],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"sessions": []}
    assert "hush" not in done.stdout + done.stderr


def test_sessions_are_copied_to_a_server(url: str, path: Path) -> None:
    """`paper-repo copy` brings every session of a file with its history to a server."""
    session = new_session()
    session.record_fill(new_fill(1))
    with SessionRepository(path) as repository:
        repository.save(session)

    done = subprocess.run(
        [sys.executable, "-m", "paper_repo", "copy", "--db", str(path), url],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    with SessionRepository(url) as repository:
        assert repository.get_by_id(session.id) == session
        assert len(repository.get_fills(session.id)) == 1
