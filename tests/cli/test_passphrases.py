"""An encrypted database on the command line: the passphrase comes from a file, the environment, a pipe or a person."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from paper_repo import SessionRepository
from paper_repo.maintenance.files import encrypt
from tests.cli.conftest import DEMO, Run

pytest.importorskip("sqlcipher3", reason="the extra 'encryption' is not installed")

PASSPHRASE = "correct horse; \N{SNOWMAN} battery"
COMMANDS = [
    ["list"],
    ["list", "--json"],
    ["show", DEMO],
    ["fills", DEMO],
    ["equity", DEMO],
    ["status"],
    ["info"],
    ["export", "-o", "out.jsonl"],
    ["rename", DEMO, "new"],
    ["delete", DEMO, "--yes"],
    ["prune", "--status", "failed", "--yes"],
    ["backup", "copy.db"],
    ["restore", "yesterday.db", "--yes"],
    ["check"],
    ["compact"],
    ["salvage", "saved.db"],
    ["copy", "plain.db"],
    ["decrypt", "plain.db"],
    ["import", "in.jsonl", "--replace"],
]
"""Every command that opens a database; `encrypt` reads a plain one, and `demo` has a test of its own."""


SOURCES = ("file", "environment", "pipe")


@pytest.fixture(scope="module")
def template(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database, encrypted."""
    path = tmp_path_factory.mktemp("secret") / "secret.db"
    encrypt(filled, path, PASSPHRASE)
    return path


@pytest.fixture
def secret(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it in the working folder, with a backup, an archive and a file with the passphrase beside it."""
    monkeypatch.chdir(tmp_path)
    for name in ("secret.db", "yesterday.db"):
        shutil.copy(template, tmp_path / name)
    (tmp_path / "passphrase").write_text(f"{PASSPHRASE}\r\nand nothing else\n", encoding="utf-8")
    return tmp_path / "secret.db"


def arguments_on(secret: Path, command: list[str], run: Run) -> list[str]:
    """The command on the encrypted database, with what it reads."""
    if command[0] == "import":
        run("export", "-o", "in.jsonl", "--db", str(secret), "--passphrase-file", "passphrase")
    return [*command, "--db", str(secret)]


@pytest.mark.parametrize(
    ("command", "source"),
    [(each, SOURCES[number % 3]) for number, each in enumerate(COMMANDS)] + [(["list"], each) for each in SOURCES[1:]],
    ids=str,
)
def test_every_command_takes_a_passphrase(run: Run, secret: Path, command: list[str], source: str) -> None:
    """From each of the places in turn, and shows it nowhere."""
    arguments = arguments_on(secret, command, run)
    if source == "file":
        result = run(*arguments, "--passphrase-file", "passphrase")
    elif source == "environment":
        result = run(*arguments, env={"PAPER_REPO_PASSPHRASE": PASSPHRASE})
    else:
        result = run(*arguments, input=f"{PASSPHRASE}\n")

    assert result.exit_code == 0, result.output
    assert "horse" not in result.output


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_without_a_passphrase_or_with_a_wrong_one_nothing_is_done(run: Run, secret: Path, command: list[str]) -> None:
    """One line says so, and quotes nothing of it."""
    arguments = arguments_on(secret, command, run)
    before = secret.read_bytes()

    for result in (run(*arguments), run(*arguments, input="wrong battery\n")):
        assert result.exit_code in (1, 2), result.output
        assert result.stderr.count("\n") == 1
        assert "wrong battery" not in result.output
    assert secret.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfehorse\n", b"ho\0rse\n"])
def test_a_file_without_a_passphrase_is_a_usage_error(run: Run, secret: Path, content: bytes) -> None:
    """Empty, not UTF-8 or with a NUL: the file is named, its content is not."""
    Path("passphrase").write_bytes(content)

    result = run("list", "--db", str(secret), "--passphrase-file", "passphrase")

    assert result.exit_code == 2
    assert "horse" not in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_file_that_does_not_exist(run: Run, secret: Path) -> None:
    """It is told, with the code for what is not found."""
    assert run("list", "--db", str(secret), "--passphrase-file", "none").exit_code == 3


def test_a_passphrase_of_bytes_that_are_no_text(secret: Path) -> None:
    """In the environment as in a pipe: one line that does not quote it."""
    for environment, given in (({b"PAPER_REPO_PASSPHRASE": b"\xffhorse"}, b""), ({}, b"\xffhorse\n")):
        done = subprocess.run(
            [sys.executable, "-m", "paper_repo", "list", "--db", str(secret)],
            env={**os.environb, **environment},
            input=given,
            capture_output=True,
            check=False,
        )

        assert done.returncode in (1, 2)
        assert done.stderr.count(b"\n") == 1
        assert b"horse" not in done.stderr


def test_copying_between_encrypted_databases(run: Run, secret: Path) -> None:
    """Each has its own passphrase."""
    Path("other").write_text("another one\n")

    result = run(
        *("copy", "target.db", "--db", str(secret)),
        *("--passphrase-file", "passphrase", "--target-passphrase-file", "other"),
    )

    assert result.exit_code == 0, result.output
    with SessionRepository("target.db", passphrase="another one") as repository:
        assert repository.count() == 5


def test_a_plain_database_never_reads_standard_input(run: Run, database: Path) -> None:
    """What is piped into a command is not its passphrase, unless the file needs one."""
    result = run("import", "-", input=run("export").stdout_bytes + b"")

    assert "stored already" in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="a terminal of one's own making is POSIX's")
@pytest.mark.parametrize("typed", [f"{PASSPHRASE}\n".encode(), b"\x03", b"\x04"], ids=["typed", "Ctrl-C", "Ctrl-D"])
def test_a_person_is_asked_at_a_terminal(secret: Path, typed: bytes) -> None:
    """The passphrase is not echoed; Ctrl-C is 130; without one the database is not opened."""
    keyboard, terminal = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "PAPER_REPO_PASSPHRASE"}
    with subprocess.Popen(
        [sys.executable, "-c", CONTROLLED, "list", "--db", str(secret)],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=environment,
        start_new_session=True,
    ) as running:
        os.close(terminal)
        shown = b""
        while not shown.endswith(b"Passphrase: "):
            shown += os.read(keyboard, 1000)
        os.write(keyboard, typed)
        with suppress(OSError):  # which is how a terminal ends
            while more := os.read(keyboard, 1000):
                shown += more
    os.close(keyboard)

    assert b"horse" not in shown
    assert b"Traceback" not in shown
    assert running.returncode == {b"\x03": 130, b"\x04": 1}.get(typed, 0)
    assert (b"Moving-average" in shown) == (running.returncode == 0)


CONTROLLED = """
import fcntl, signal, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that Ctrl-C reaches this process
signal.signal(signal.SIGINT, signal.default_int_handler)
from paper_repo.cli import main
main()
"""


@pytest.mark.parametrize("source", SOURCES)
def test_a_demo_in_an_encrypted_file(run: Run, secret: Path, source: str) -> None:
    """All processes that trade get it, by no argument; the file stays encrypted and has one session more."""
    with SessionRepository(secret, passphrase=PASSPHRASE) as repository:
        before = repository.count()
    if source == "file":
        result = run("demo", "--db", str(secret), "--passphrase-file", "passphrase")
    elif source == "environment":
        result = run("demo", "--db", str(secret), env={"PAPER_REPO_PASSPHRASE": PASSPHRASE})
    else:
        result = run("demo", "--db", str(secret), input=f"{PASSPHRASE}\n")

    assert result.exit_code == 0, result.output
    assert "all equal" in result.output
    assert "horse" not in result.output
    with SessionRepository(secret, passphrase=PASSPHRASE) as repository:
        assert repository.count() == before + 1


def test_a_demo_in_a_new_encrypted_file(run: Run, secret: Path) -> None:
    """A passphrase that is given makes it an encrypted one."""
    result = run("demo", "--db", "new.db", "--passphrase-file", "passphrase")

    assert result.exit_code == 0, result.output
    assert not secret.with_name("new.db").read_bytes().startswith(b"SQLite")
    with SessionRepository("new.db", passphrase=PASSPHRASE) as repository:
        assert repository.count() == 1


def test_a_demo_with_a_wrong_passphrase_shows_nothing(run: Run, secret: Path) -> None:
    """It is refused before anything begins."""
    before = secret.read_bytes()

    result = run("demo", "--db", str(secret), env={"PAPER_REPO_PASSPHRASE": "wrong battery"})

    assert (result.exit_code, result.stdout) == (1, "")
    assert "battery" not in result.output
    assert secret.read_bytes() == before
