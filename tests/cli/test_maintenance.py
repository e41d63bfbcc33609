"""The commands that keep a database safe."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest

from paper_repo import SessionRepository
from tests.cli.conftest import Run


def test_backup_and_restore(run: Run, database: Path, tmp_path: Path) -> None:
    """A backup restores what was deleted since; what was there before is kept, and its name is told."""
    copy = tmp_path / "copy.db"

    assert run("backup", str(copy)).exit_code == 0
    with SessionRepository(database) as repository:
        count = repository.count()
        repository.delete_many()
    asked = run("restore", str(copy))
    restored = run("restore", str(copy), "--yes")

    assert (asked.exit_code, restored.exit_code) == (2, 0)
    assert "nothing was restored: this command needs a terminal to ask" in asked.output
    assert "sessions.db.replaced-" in restored.output.replace("\n", "") or ".replaced." in restored.output
    with SessionRepository(database) as repository:
        assert repository.count() == count
    assert run("backup", str(copy)).exit_code == 4
    assert run("backup", str(copy), "--overwrite").exit_code == 0
    assert run("restore", str(tmp_path / "missing.db")).exit_code == 3


def test_what_another_program_has_open_is_not_restored(run: Run, database: Path, tmp_path: Path) -> None:
    """It is in use, which has an exit code of its own."""
    copy = tmp_path / "copy.db"
    assert run("backup", str(copy)).exit_code == 0
    program = (
        "import sys; from paper_repo import SessionRepository\n"
        "with SessionRepository(sys.argv[1]) as repository: print(repository.count(), flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"5\n"
        refused = run("restore", str(copy), "--yes")
        other.communicate()

    assert refused.exit_code == 4
    assert "another program has it open" in refused.stderr.replace("\n", " ")


def test_check_tells_what_is_wrong(run: Run, database: Path) -> None:
    """A sound database exits with 0, a damaged one with 1 and the session's id, for people and for programs."""
    assert run("check").exit_code == 0
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE paper_trading_sessions SET cash = '1' WHERE id = 'odd'")

    told, document = run("check"), run("check", "--json")

    assert (told.exit_code, document.exit_code) == (1, 1)
    assert "problem: session 'odd'" in told.output
    assert [each["session_id"] for each in json.loads(document.stdout)["problems"]] == ["odd"]


def test_salvage_says_what_is_doubtful(run: Run, database: Path, tmp_path: Path) -> None:
    """What was changed is saved with a word of doubt."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE paper_trading_sessions SET cash = '1' WHERE id = 'odd'")

    told = run("salvage", str(tmp_path / "new.db"))

    assert told.exit_code == 0
    assert "doubtful: session" in told.output
    assert "5 sessions" in told.output


def test_copy_exits_with_a_conflict_where_something_differs(run: Run, database: Path, tmp_path: Path) -> None:
    """Copying twice copies nothing new; a session that differs is named, and the exit code says so."""
    other = tmp_path / "other.db"

    assert "5 sessions copied, 0 already there" in run("copy", str(other)).output
    assert "0 sessions copied, 5 already there" in run("copy", str(other)).output
    with SessionRepository(database) as repository:
        session = repository.get_by_id("odd")
        assert session is not None
        repository.save(session)
    differs = run("copy", str(other))

    assert differs.exit_code == 4
    assert "differs: odd" in differs.output


def test_salvage_fails_where_something_is_lost(run: Run, database: Path, tmp_path: Path) -> None:
    """What cannot be saved is told, and the exit code says so; what can be is in the new file all the same."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE paper_trading_sessions SET cash = 'much' WHERE id = 'odd'")

    told = run("salvage", str(tmp_path / "new.db"))

    assert told.exit_code == 1
    assert "lost: session: session 'odd'" in told.output
    assert "4 sessions" in told.output


@pytest.mark.parametrize("source", ["file", "environment", "pipe"])
def test_encrypting_and_decrypting(run: Run, database: Path, tmp_path: Path, source: str) -> None:
    """The passphrase comes from a file, the environment or another program, and is never shown."""
    pytest.importorskip("sqlcipher3", reason="the extra 'encryption' is not installed")
    secret, plain, file = tmp_path / "secret.db", tmp_path / "plain.db", tmp_path / "passphrase"
    file.write_text("correct horse\nand nothing else\n")
    option = ["--passphrase-file", str(file)] if source == "file" else []
    environment = {"PAPER_REPO_PASSPHRASE": "correct horse"} if source == "environment" else {}
    asked = "correct horse\n" if source == "pipe" else None

    encrypted = run("encrypt", str(secret), *option, env=environment, input=asked)
    listed = run("list", "--db", str(secret), env={"PAPER_REPO_PASSPHRASE": "correct horse"})
    refused = run("list", "--db", str(secret), env={"PAPER_REPO_PASSPHRASE": "wrong battery"})
    decrypted = run("decrypt", str(plain), "--db", str(secret), *option, env=environment, input=asked)

    assert [each.exit_code for each in (encrypted, listed, refused, decrypted)] == [0, 0, 1, 0]
    assert "passphrase is wrong" in refused.output.replace("\n", " ")
    assert "horse" not in encrypted.output + listed.output + refused.output + decrypted.output
    assert "battery" not in refused.output
    with SessionRepository(plain) as repository:
        assert repository.count() == 5


def test_a_file_keeps_the_journal_that_the_environment_says(run: Run, database: Path, tmp_path: Path) -> None:
    """Commands leave a file that is used with a rollback journal as it is, if they are told; they know two journals."""
    backup = tmp_path / "backup.db"
    with SessionRepository(database, journal="rollback") as repository:
        repository.backup(backup)
    chosen = {"PAPER_REPO_JOURNAL": "rollback"}

    for command in (["list"], ["compact"], ["check"], ["restore", str(backup), "--yes"], ["list"]):
        assert run(*command, env=chosen).exit_code == 0
        assert database.read_bytes()[18:20] == b"\x01\x01"  # https://www.sqlite.org/fileformat.html: a rollback journal
    wrong = run("list", env={"PAPER_REPO_JOURNAL": "wall"})

    assert wrong.exit_code == 2
    assert "PAPER_REPO_JOURNAL is one of wal, rollback, not 'wall'" in wrong.output.replace("\n", " ")


@pytest.mark.skipif(sys.platform == "win32", reason="a terminal of one's own making is POSIX's")
def test_a_passphrase_typed_at_a_terminal_is_not_echoed(database: Path, tmp_path: Path) -> None:
    """At a real terminal the passphrase is asked for twice, and never shown."""
    pytest.importorskip("sqlcipher3", reason="the extra 'encryption' is not installed")
    import pty

    person, terminal = pty.openpty()
    program = [sys.executable, "-m", "paper_repo", "encrypt", str(tmp_path / "secret.db"), "--db", str(database)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("PAPER_REPO_PASSPHRASE", None)
    with subprocess.Popen(
        program, stdin=terminal, stdout=terminal, stderr=terminal, env=environment, start_new_session=True
    ) as running:
        os.close(terminal)
        shown = b""
        for question in (b"Passphrase: ", b"confirmation: "):
            while not shown.endswith(question):
                shown += os.read(person, 1000)
            os.write(person, b"correct horse\n")
        with suppress(OSError):  # which is how a terminal ends
            while more := os.read(person, 1000):
                shown += more
        assert running.wait() == 0, shown
    os.close(person)

    assert b"encrypted, with 5 sessions" in b" ".join(shown.split())
    assert b"horse" not in shown
    with SessionRepository(tmp_path / "secret.db", passphrase="correct horse") as repository:
        assert repository.count() == 5


def test_files_only(run: Run, tmp_path: Path) -> None:
    """What is done to whole files refuses a server's URL and a file that is not there."""
    assert run("compact", "--db", "postgresql://localhost/x").exit_code == 2
    assert run("compact", "--db", str(tmp_path / "missing.db")).exit_code == 3
