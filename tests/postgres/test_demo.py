"""The demo on a server, and the command line's `--db` with a URL."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from paper_repo import SessionRepository
from paper_repo.demo.run import Compared, run
from tests.builders import new_fill, new_session
from tests.processes.running import unmeasured


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


def test_what_is_saved_on_a_server_is_followed(url: str) -> None:
    """`paper-repo watch` prints a line for each session that runs, and one for each that another program saves."""
    session = new_session(id="followed")
    session.start()
    with SessionRepository(url) as repository:
        repository.save(session)
        command = [sys.executable, "-m", "paper_repo", "watch", "--json", "--db", url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=unmeasured()) as process:
            assert process.stdout is not None
            opened = json.loads(process.stdout.readline())
            session.apply_fill(new_fill(1))
            repository.save(session)
            saved = json.loads(process.stdout.readline())
            process.kill()

    assert [each["event"] for each in (opened, saved)] == ["opened", "saved"]
    assert (opened["last_fill"], saved["last_fill"]["id"]) == (None, "fill-1")
