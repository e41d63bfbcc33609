"""The command line as a whole: help, version, exit codes, terminals, completion, a missing extra."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import shlex
import struct
import subprocess
import sys
import termios
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import paper_repo
from paper_repo import (
    BusyError,
    ConflictError,
    InvalidSessionError,
    SessionNotFoundError,
    SessionRepository,
    StorageError,
)
from paper_repo.cli.app import COMMANDS as ENTRIES
from paper_repo.cli.exit_codes import MEANINGS, CommandError, exit_code
from tests.builders import new_fill, new_session
from tests.cli.conftest import DEMO, Command, Run

COMMANDS = [
    "list",
    "show",
    "status",
    "watch",
    "compare",
    "report",
    "trades",
    "positions",
    "orders",
    "fills",
    "cash",
    "equity",
    "info",
    "export",
    "import",
    "rename",
    "delete",
    "prune",
    "backup",
    "restore",
    "check",
    "compact",
    "salvage",
    "copy",
    "encrypt",
    "decrypt",
    "demo",
]


def on_terminal(
    *arguments: str, width: int = 80, module: str | None = "paper_repo", **variables: str
) -> tuple[int, str]:
    """Exit code and everything shown of a command that runs on a terminal of this width."""
    screen, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    with subprocess.Popen(
        [sys.executable, *(["-m", module] if module else []), *arguments],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=environment | {"TERM": "xterm-256color"} | variables,
    ) as process:
        os.close(terminal)
        shown = b"".join(iter(lambda: _read(screen), b""))
    os.close(screen)
    return process.returncode, shown.decode()


def _read(screen: int) -> bytes:
    try:
        return os.read(screen, 1 << 16)
    except OSError:  # on Linux the end of a terminal is an error
        return b""


def plain(shown: str) -> str:
    """What was shown without its colours."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).replace("\r\n", "\n")


class TestHelp:
    """`--help` and `--version`."""

    def test_the_version_is_the_packages(self, run: Run) -> None:
        """One line, for a report of a problem."""
        assert run("--version").stdout == f"paper-repo {paper_repo.__version__}\n"

    def test_the_help_names_every_command_and_exit_code(self, run: Run) -> None:
        """A new user finds everything from there."""
        output = " ".join(run("--help", width=200).stdout.split())

        assert all(f" {command} " in output for command in COMMANDS)
        assert all(f"{code} {meaning}" in output for code, meaning in MEANINGS.items())

    def test_without_arguments_the_help_is_shown(self, run: Run) -> None:
        """A new user need not know how to ask for it."""
        assert "Look at paper-trading sessions" in run().output

    @pytest.mark.parametrize("name", COMMANDS)
    def test_every_command_has_a_help_with_an_example(self, run: Run, name: str) -> None:
        """What it does, and how it is called."""
        output = run(name, "--help", width=200).stdout

        assert not re.search(r"<(bool|str|path|float|int|list)\b", output)
        assert "Examples" in output
        assert ENTRIES[name].examples
        assert all(f"$ {example}" in output for example in ENTRIES[name].examples)

    @pytest.mark.parametrize(
        "example",
        [example for name in COMMANDS if name not in ("demo", "watch") for example in ENTRIES[name].examples],
        ids=str,
    )
    def test_every_example_works(
        self, run: Run, database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, example: str
    ) -> None:
        """As it stands in the help, on a database with a session of that id."""
        monkeypatch.chdir(tmp_path)
        with SessionRepository(database) as repository:
            repository.save_many(new_session(id=each, status="STOPPED") for each in ("9f2c1b0a", "41d07e55"))
            repository.backup(tmp_path / "sessions-yesterday.db")
        environment = {}
        if " import " in example:
            run("export", "--output", "backup.jsonl")
            (tmp_path / "trades.csv").write_text("time,symbol,side,qty,price\n2024-01-02 10:00,IBM,buy,3,100.5\n")
            environment = {"PAPER_REPO_DB": str(tmp_path / "new.db")}
        (tmp_path / "passphrase.txt").write_text("example\n")
        if " decrypt " in example:
            run("encrypt", "secret.db", "--passphrase-file", "passphrase.txt")
            environment = {"PAPER_REPO_DB": str(tmp_path / "secret.db")}

        arguments = shlex.split(example.partition(" > ")[0])[1:]
        result = run(*arguments, env=environment)

        assert result.exit_code == 0, result.output


class TestExitCodes:
    """What a script can tell from the exit code, from a real process."""

    @pytest.mark.parametrize(
        ("arguments", "code"),
        [
            (["list"], 0),
            (["show", DEMO], 0),
            (["lst"], 2),
            (["list", "--colour"], 2),
            (["show"], 2),
            (["show", "run"], 2),
            (["show", "nobody"], 3),
            (["list", "--db", "/nowhere/at/all.db"], 3),
            (["list", "--db", "/"], 1),
            (["rename", "run-1", "x"], 4),
            (["delete", "odd"], 2),
        ],
    )
    def test_exit_code_and_complaint(self, command: Command, arguments: list[str], code: int) -> None:
        """A failure says why on standard error, in words and without a traceback."""
        done = command(*arguments)

        assert done.returncode == code
        assert bool(done.stderr) == bool(code)
        assert "Traceback" not in done.stderr

    @pytest.mark.parametrize(("typed", "near"), [("lst", "list"), ("exprot", "export"), ("restor", "restore")])
    def test_a_slip_of_the_finger_suggests_a_command(self, run: Run, typed: str, near: str) -> None:
        """The nearest one is named."""
        assert f"did you mean {near}" in run(typed).stderr

    def test_a_conflict_with_another_program(self, run: Run, database: Path) -> None:
        """An archive that holds what is there already ends with 4."""
        archive = run("export").stdout_bytes

        assert run("import", "-", input=archive).exit_code == 4

    def test_a_locked_database_is_a_conflict_in_words(
        self, run: Run, database: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """When another program writes for longer than the busy timeout, the message says so."""
        monkeypatch.setattr("paper_repo.cli.database.SessionRepository", _impatient)

        with SessionRepository(database) as repository, repository.atomic():
            result = run("delete", "odd", "--yes")

        assert result.exit_code == 4
        assert "another writer held it" in result.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SessionNotFoundError("x"), 3),
        (ConflictError("x", expected=1, actual=2), 4),
        (BusyError("x"), 4),
        (StorageError("x"), 1),
        (InvalidSessionError({"cash": ["x"]}), 1),
        (OSError("x"), 1),
        (CommandError("x", 2), 2),
        (CommandError("x"), 1),
    ],
    ids=lambda each: type(each).__name__,
)
def test_each_error_has_its_exit_code(error: Exception, code: int) -> None:
    """As the help says."""
    assert exit_code(error) == code


def _impatient(path: Path, **options: Any) -> SessionRepository:
    return SessionRepository(path, busy_timeout=0.05, **options)


class TestTerminal:
    """What a person sees on a real terminal."""

    @pytest.mark.parametrize(
        ("arguments", "width"),
        [(["list"], 80), (["show", DEMO], 80), (["show", DEMO], 120), (["trades", DEMO], 60), (["orders", DEMO], 80)],
    )
    def test_lines_fit_the_terminal(self, database: Path, arguments: list[str], width: int) -> None:
        """The terminal's own width counts."""
        code, shown = on_terminal(*arguments, "--db", str(database), width=width)

        assert code == 0
        assert max(map(len, plain(shown).splitlines())) <= width

    def test_gains_are_green_and_losses_red(self, database: Path) -> None:
        """And both have signs, for whoever does not see the colours."""
        shown = on_terminal("show", DEMO, "--db", str(database))[1]

        assert re.search(r"\x1b\[32m▲ \+116,262\.06", shown)
        assert re.search(r"\x1b\[31m-6,403\.85", shown)

    def test_colours_can_be_turned_off(self, database: Path) -> None:
        """By the usual variable."""
        shown = on_terminal("list", "--db", str(database), NO_COLOR="1")[1]

        assert "\x1b[3" not in shown

    def test_an_escape_sequence_in_a_name_does_not_reach_the_terminal(self, database: Path) -> None:
        """The name that would clear the screen does not."""
        shown = on_terminal("list", "--db", str(database))[1]

        assert "\x1b[2J" not in shown
        assert r"\x1b[2J" in shown

    def test_a_progress_bar_is_for_terminals_only(self, database: Path, command: Command) -> None:
        """On a terminal it is shown while a long history is read, and taken away; elsewhere there is nothing of it."""
        with SessionRepository(database) as repository:
            session = new_session(id="long")
            for number in range(5000):
                session.record_fill(new_fill(number))
            repository.save(session)

        code, shown = on_terminal("show", "long", "--db", str(database))
        done = command("show", "long")

        assert code == 0
        assert "reading the history" in shown
        assert (done.returncode, done.stderr) == (0, "")
        assert "reading" not in done.stdout

    def test_a_progress_bar_reaches_its_end(self, database: Path, tmp_path: Path) -> None:
        """Each step says how much is done in all, out of how much there is."""
        steps = [(done, 40) for done in (10, 20, 40)]
        program = (
            "from paper_repo.cli.terminal import progress_to\n"
            f"with progress_to('working') as step:\n    for done, total in {steps}: step(done, total)\n"
        )

        shown = plain(on_terminal("-c", program, module=None)[1])

        assert re.findall(r"(\d+)%", shown)[-1] == "100"

    def test_backing_up_shows_its_progress(self, database: Path, tmp_path: Path) -> None:
        """On a terminal, to the end."""
        code, shown = on_terminal("backup", str(tmp_path / "new.db"), "--db", str(database))

        assert code == 0
        assert "backing up" in shown
        assert "100%" in plain(shown)


class TestCompletion:
    """Completion in a shell."""

    def _completed(self, command: Command, words: str) -> list[str]:
        variables = {
            "_PAPER_REPO_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split(" ")) - 1),
        }
        done = command(env=os.environ | variables)
        assert done.stderr == ""
        return done.stdout.split()

    def test_commands_are_completed(self, command: Command) -> None:
        """From their first letters."""
        assert self._completed(command, "paper-repo ex") == ["export"]

    @pytest.mark.parametrize(
        ("words", "found"),
        [
            ("wat", ["watch"]),
            ("trades 1", [DEMO]),
            ("compare run-1 run-2", ["run-2"]),
            ("fills x --tz Europe/Berl", ["Europe/Berlin"]),
            ("orders x --status partially", ["PARTIALLY_FILLED"]),
            ("export --format cash", ["cash-flows"]),
            ("watch --sort since", ["since_opened"]),
        ],
    )
    def test_choices_are_completed(self, command: Command, words: str, found: list[str]) -> None:
        """Zones, statuses and kinds, as commands and ids are."""
        assert self._completed(command, f"paper-repo {words}") == found

    @pytest.mark.parametrize(
        ("words", "found"), [("show 1", [DEMO]), ("fills run-", ["run-1", "run-2"]), ("show x", [])]
    )
    def test_ids_are_completed(self, command: Command, words: str, found: list[str]) -> None:
        """From the database that the variable names."""
        assert self._completed(command, f"paper-repo {words}") == found

    def test_ids_are_completed_from_the_database_of_the_line(self, command: Command, tmp_path: Path) -> None:
        """--db counts when it was typed before."""
        with SessionRepository(tmp_path / "other.db") as repository:
            repository.save(new_session(id="other"))

        assert self._completed(command, f"paper-repo show --db {tmp_path / 'other.db'} o") == ["other"]

    def test_without_a_database_nothing_is_completed(self, command: Command, tmp_path: Path) -> None:
        """And nothing is complained about or created."""
        missing = tmp_path / "missing.db"

        assert self._completed(command, f"paper-repo show --db {missing} o") == []
        assert not missing.exists()

    def test_the_shells_script_can_be_shown(self, command: Command) -> None:
        """It is for the command by its name, in the shell that asks."""
        done = command(
            "--show-completion", "bash", env=os.environ | {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
        )

        assert "paper-repo" in done.stdout
        assert "_PAPER_REPO_COMPLETE=complete_bash" in done.stdout


@pytest.mark.parametrize(
    ("package", "arguments", "extra"),
    [
        ("psycopg", ["list", "--db", "postgresql://localhost/x"], "postgres"),
        ("psycopg", ["copy", "postgresql://localhost/x"], "postgres"),
        ("psycopg", ["info", "--db", "cockroachdb://localhost/x"], "postgres"),
        ("sqlcipher3", ["encrypt", "new.db"], "encryption"),
        ("sqlcipher3", ["list"], "encryption"),
        ("sqlcipher3", ["decrypt", "new.db"], "encryption"),
    ],
)
def test_a_missing_extra_is_one_line_with_the_pip_command(
    database: Path, tmp_path: Path, package: str, arguments: list[str], extra: str
) -> None:
    """Whatever the command; nothing is written."""
    program = f"import sys; sys.modules[{package!r}] = None; from paper_repo.cli import main; main()"

    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=os.environ
        | {"PAPER_REPO_DB": str(database), "PAPER_REPO_PASSPHRASE": "correct horse" if package == "sqlcipher3" else ""},
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.startswith("paper-repo: ")
    assert done.stderr.endswith(f"pip install 'paper_repo[{extra}]'\n")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "new.db").exists()


class TestWithoutTheExtra:
    """A Python that has only what the library itself needs."""

    @pytest.fixture
    def bare(self, tmp_path: Path) -> dict[str, str]:
        """The environment of a Python with nothing but paper_repo, peewee, marshmallow and anyio."""
        folder = tmp_path / "packages"
        folder.mkdir()
        for name in (
            "paper_repo",
            "peewee",
            "playhouse",
            "marshmallow",
            "anyio",
            "idna",
            "sniffio",
            "typing_extensions",
        ):
            spec = find_spec(name)
            if spec is not None and spec.origin is not None:
                origin = Path(spec.origin)
                place = origin.parent if spec.submodule_search_locations else origin
                (folder / place.name).symlink_to(place)
        return {**os.environ, "PYTHONPATH": str(folder)}

    def _python(self, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-S", *arguments], env=environment, capture_output=True, encoding="utf-8", check=False
        )

    def test_the_command_says_what_to_install(self, bare: dict[str, str]) -> None:
        """One line, no traceback, exit code 1."""
        done = self._python(bare, "-m", "paper_repo", "list")

        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            "paper-repo: the command line needs typer, rich, platformdirs: pip install 'paper_repo[cli]'\n"
        )

    def test_a_program_gets_an_import_error(self, bare: dict[str, str]) -> None:
        """It names the way out too."""
        done = self._python(bare, "-c", "import paper_repo.cli; paper_repo.cli.require_extra()")

        assert done.stderr.endswith(
            "ImportError: the command line needs typer, rich, platformdirs: pip install 'paper_repo[cli]'\n"
        )

    def test_the_demos_parts_work(self, bare: dict[str, str]) -> None:
        """Market, strategy, archive and the whole demo need no extra."""
        program = (
            "import pathlib, sys, tempfile\n"
            "import paper_repo.maintenance.archive\n"
            "from paper_repo.demo.run import run\n"
            "folder = pathlib.Path(tempfile.mkdtemp())\n"
            "*_, end = run(folder / 'a.db', folder / 'b.db')\n"
            "print(end.passed, 'typer' in sys.modules, 'rich' in sys.modules)\n"
        )
        environment = bare | {"PYTHONPATH": bare["PYTHONPATH"], "PYTHONNOUSERSITE": "1"}

        done = self._python(environment, "-c", program)

        assert (done.stdout, done.stderr) == ("True False False\n", "")


@pytest.mark.parametrize("arguments", [["list"], ["show", DEMO], ["status"], ["trades", DEMO], ["orders", DEMO]])
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_unicode_gets_signs_that_it_has(
    command: Command, arguments: list[str], encoding: str
) -> None:
    """Ours are replaced by others of the same width, and nothing is a question mark but what a name holds."""
    done = command(*arguments, env=os.environ | {"PYTHONIOENCODING": encoding, "COLUMNS": "80"}, encoding=encoding)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii()
    assert "?" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
