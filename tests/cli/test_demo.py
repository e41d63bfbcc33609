"""`paper-repo demo`, as a user runs it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from paper_repo import SessionRepository, SessionStatus
from paper_repo.cli.app import app
from paper_repo.demo.run import Event, Killed, run
from tests.cli.conftest import Command
from tests.cli.test_app import on_terminal, plain
from tests.cli.test_export_import import BY_CTRL_C
from tests.processes.running import unmeasured


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """One demo that keeps its file."""
    path = tmp_path_factory.mktemp("demo") / "demo.db"
    command = [sys.executable, "-m", "paper_repo", "demo", "--db", str(path)]
    return path, subprocess.run(command, capture_output=True, encoding="utf-8", check=False)


def test_it_kills_resumes_compares_and_shows(told: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    """Plain lines without a terminal: both processes at work, the kill, the comparison, the session, where it lies."""
    path, done = told

    assert (done.returncode, done.stderr) == (0, "")
    for part in (
        *["killed with SIGKILL, in the middle of trading, after it had saved day 125", "asks for get_active()"],
        *["= cash ", "= positions ", "= fills ", "= equity curve ", "all equal: nothing was lost"],
        *["1,116,262.06 USD", "▲ +116,262.06 (+11.63 %)", "4 open positions", "5 resting orders", "┤"],
        f"The session is kept in {path}",
    ):
        assert " ".join(part.split()) in " ".join(done.stdout.split())  # a long path may begin a line of its own
    assert len(set(re.findall(r"\(pid (\d+)\)", done.stdout))) == 3


def test_the_database_is_kept_where_it_was_asked_for(
    told: tuple[Path, subprocess.CompletedProcess[str]], command: Command
) -> None:
    """The session in it is the one that was shown, and can be looked at with the command that was named."""
    path, done = told

    named = re.search(r"paper-repo (show \S+ --db .+)", done.stdout)

    with SessionRepository(path) as repository:
        (session,) = repository.get_all()
    assert session.status is SessionStatus.STOPPED
    assert named is not None
    assert session.id in command(*shlex.split(named[1])).stdout


def test_without_a_place_nothing_is_left(command: Command, tmp_path: Path, database: Path) -> None:
    """The folder is removed, which is said; the user's own database, which the variable names, is not touched."""
    before = database.read_bytes()
    (tmp_path / "t").mkdir()

    done = command("demo", env=os.environ | {"TMPDIR": str(tmp_path / "t"), "PAPER_REPO_DB": str(database)})

    assert "it has been removed" in done.stdout
    assert list((tmp_path / "t").iterdir()) == []
    assert database.read_bytes() == before


def test_what_is_kept_can_be_tried(command: Command, tmp_path: Path) -> None:
    """`--keep` leaves the session in this folder and names three commands, each of which works."""
    done = command("demo", "--keep", cwd=tmp_path)

    commands = re.findall(r"^   paper-repo (.+)$", done.stdout, flags=re.MULTILINE)

    assert [each.split()[0] for each in commands] == ["list", "show", "report"]
    for each in commands:
        assert command(*shlex.split(each), cwd=tmp_path).returncode == 0
    assert {each.name for each in tmp_path.iterdir()} >= {"demo.db", "report.html"}


def test_a_second_demo_in_the_same_file_is_another_session(
    told: tuple[Path, subprocess.CompletedProcess[str]], command: Command, tmp_path: Path
) -> None:
    """It finds its own session, not the other's."""
    shutil.copy(told[0], tmp_path / "demo.db")

    assert command("demo", "--db", str(tmp_path / "demo.db")).returncode == 0

    with SessionRepository(tmp_path / "demo.db") as repository:
        assert repository.count(status="STOPPED") == 2


def test_on_a_terminal_it_shows_bars(tmp_path: Path) -> None:
    """The days go by on a bar, and everything fits."""
    code, shown = on_terminal("demo")

    assert code == 0
    assert "━" * 24 + " 251 of 251  2013-03-01  1,116,262.06  96 fills" in plain(shown)
    assert max(map(len, re.split(r"[\r\n]+", plain(shown)))) <= 80
    assert "all equal" in shown


def test_a_file_of_another_program_is_refused_before_anything_begins(command: Command, tmp_path: Path) -> None:
    """With the library's message, and the file untouched."""
    path = tmp_path / "notes.txt"
    path.write_text("my notes")

    done = command("demo", "--db", str(path))

    assert done.returncode == 1
    assert done.stdout == ""
    assert "not an SQLite database" in done.stderr
    assert path.read_text() == "my notes"


def _meddled_with(path: Path, meddle: Callable[[], None]) -> Callable[..., Iterator[Event]]:
    """The demo, with something done to its file while no process has it open."""

    def meddled_with(*arguments: Any) -> Iterator[Event]:
        for event in run(*arguments):
            if isinstance(event, Killed):
                meddle()
            yield event

    return meddled_with


def test_a_difference_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the resumed run is not the uninterrupted one, that is shown, and the exit code is 1."""
    path = tmp_path / "demo.db"

    def meddle() -> None:
        with SessionRepository(path) as repository:
            (session,) = repository.get_active()
            session.fees_paid += 1
            repository.save(session)

    monkeypatch.setattr("paper_repo.cli.commands.demo.run", _meddled_with(path, meddle))
    result = CliRunner().invoke(app, ["demo", "--db", str(path)])

    assert result.exit_code == 1
    assert "≠ fees" in result.stdout
    assert "NOT EQUAL" in result.stdout
    assert "differs from the uninterrupted one" in result.stderr


def test_a_process_that_fails_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the new process cannot go on, because its file is damaged, the demo says so with exit code 1."""
    path = tmp_path / "demo.db"
    monkeypatch.setattr(
        "paper_repo.cli.commands.demo.run", _meddled_with(path, lambda: path.write_bytes(b"damaged" * 1000))
    )

    result = CliRunner().invoke(app, ["demo", "--db", str(path)])

    assert result.exit_code == 1
    assert "the process that traded ended too early, with exit code 1" in result.stderr


def test_ctrl_c_ends_it_and_its_processes(tmp_path: Path) -> None:
    """Exit code 130; the process that traded is gone, and what it had saved can be read."""
    path = tmp_path / "demo.db"
    command = [sys.executable, "-m", "paper_repo", "demo", "--db", str(path), "--speed", "50"]

    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", env=unmeasured()
    ) as process:
        assert process.stdout is not None
        worker = next(int(found[1]) for line in process.stdout if (found := re.search(r"pid (\d+)", line)))
        process.send_signal(signal.SIGINT)
        stderr = process.communicate()[1]

    assert stderr == "interrupted\n"
    assert process.returncode in BY_CTRL_C
    assert not Path(f"/proc/{worker}").exists()
    with SessionRepository(path) as repository:
        (session,) = repository.get_active()
        assert session.state["days"] < 251
