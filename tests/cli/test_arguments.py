"""Wrong and extreme arguments, closed streams and Ctrl-C, in real processes: one line and the documented exit code."""

from __future__ import annotations

import os
import pty
import random
import signal
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from paper_repo import EquityPoint, Fill, PaperTradingSession, SessionRepository, Strategy
from tests.builders import moment
from tests.cli.conftest import DEMO, Command, Run, document
from tests.facade.seeds import ROUNDS
from tests.processes.running import unmeasured

EVERY = int(os.environ.get(ROUNDS, "1")) > 1
"""Whether all modules are tried, and not some."""
MANY = 1_000_000
HUGE = str(10**30)
LAST = datetime.max.replace(tzinfo=UTC)
FIRST = datetime.min.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "arguments",
    [
        ["list", "--limit", HUGE],
        ["list", "--limit", "-1"],
        ["list", "--limit", "?"],
        ["list", "-n", "1e3"],
        ["fills", DEMO, "--limit", HUGE],
        ["equity", DEMO, "--points", HUGE],
        ["show", DEMO, "--periods-per-year", "inf"],
        ["show", DEMO, "--periods-per-year", "nan"],
        ["show", DEMO, "--periods-per-year", "1e400"],
        ["show", DEMO, "--periods-per-year", "1e300"],
        ["show", DEMO, "--risk-free-rate", "inf"],
        ["show", DEMO, "--risk-free-rate", "nan"],
        ["show", DEMO, "--risk-free-rate", "1e300"],
        ["demo", "--speed", "nan"],
        ["demo", "--speed", "inf"],
        ["list", "--created-from", "9999-12-31T23:59:59-12:00"],
        ["list", "--created-to", "0001-01-01T00:00+12:00"],
        ["list", "--created-to", "10000-01-01"],
        ["prune", "--created-to", "9" * 5000 + "d"],
        ["fills", DEMO, "--since", "999999d"],
        ["equity", DEMO, "--until", "?"],
        ["list", "--db", "nonsense://x"],
        ["list", "--db", "postgresql://"],
        ["list", "--db", "://"],
        ["list", "--status", "?"],
        ["show"],
        ["show", ""],
        ["show", DEMO, "more"],
        ["?"],
        [""],
        ["--nothing"],
        ["list", "--db"],
    ],
    ids=lambda arguments: " ".join(arguments)[:60],
)
def test_a_wrong_argument_is_one_line_and_a_usage_error(command: Command, arguments: list[str]) -> None:
    """On standard error, without a traceback or a frame around it."""
    done = command(*arguments)

    assert done.returncode == (3 if arguments == ["show", ""] else 2), done.stderr
    assert done.stderr.startswith("paper-repo: ")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["show", b"\xff"],
        ["delete", b"\xff", "--yes"],
        ["export", b"\xff"],
        ["rename", DEMO, b"\xff"],
        ["report", b"\xff", "--output", "report.html"],
        ["compare", DEMO, b"\xff"],
        ["list", "--strategy", b"\xff"],
        ["fills", DEMO, "--symbol", b"\xff"],
        ["list", "--created-from", b"\xff"],
        ["list", "--order-by", b"\xff"],
        [b"\xff"],
    ],
    ids=str,
)
def test_text_that_is_not_utf_8_is_a_usage_error(database: Path, arguments: list[str | bytes]) -> None:
    """Nothing that is stored can be meant by it."""
    done = subprocess.run(
        [sys.executable, "-m", "paper_repo", *arguments],
        env=os.environ | {"PAPER_REPO_DB": str(database)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )

    assert done.returncode == 2
    assert done.stderr.startswith("paper-repo: ")
    assert done.stderr.count("\n") == 1


def test_a_file_whose_name_is_not_utf_8_can_be_used(command: Command, database: Path, tmp_path: Path) -> None:
    """A path is any bytes."""
    name = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.db")

    assert command("backup", name).returncode == 0
    assert command("list", "--db", name).returncode == 0
    assert command("list", "--db", f"{name}x").returncode == 3


def test_a_password_in_an_address_is_not_shown(command: Command) -> None:
    """However the address is misread."""
    for url in (
        "postgresql://u:[horse]@h/d",
        "postgresql://u:ho/rse@h/d",
        "postgresql://u:horse?x@h/d",
        "postgresql://u:ho:rse@h:x/d",
        "nonsense://u:horse@h/d",
    ):
        done = command("list", "--db", url)

        assert done.returncode == 2, done.stderr
        assert "horse" not in done.stderr
        assert "rse" not in done.stderr


@pytest.mark.parametrize("at", [FIRST, LAST])
def test_the_first_and_the_last_time_are_shown(run: Run, database: Path, at: datetime) -> None:
    """A session of the year 1 or 9999 has its page, its chart and its tables."""
    session = PaperTradingSession(id="edge", strategy=Strategy("x"), initial_cash=10, created_at=at)
    session.record_fill(Fill("f", "X", "BUY", 1, price=1, executed_at=at))
    session.record_equity(EquityPoint(at=at, cash=1, equity=1))
    session.record_equity(EquityPoint(at=at, cash=1, equity=2))
    with SessionRepository(database) as repository:
        repository.save(session)

    for arguments in (["show", "edge"], ["fills", "edge"], ["equity", "edge"], ["list"], ["equity", "edge", "--json"]):
        result = run(*arguments)

        assert result.exit_code == 0
        assert at.strftime("%m-%d") in result.stdout or arguments == ["list"]
    assert document(run("list", "--json", "--created-from", at.isoformat()))["sessions"]


def test_json_has_no_infinity(run: Run, database: Path) -> None:
    """What no JSON number says is null: a return and ratios beyond any float."""
    session = PaperTradingSession(id="wild", strategy=Strategy("x"), initial_cash="1E-400", created_at=moment(0))
    for minute, cash in enumerate(("1E-400", "1E+400", "1E-400")):
        session.cash = Decimal(cash)
        session.mark({}, at=moment(minute))
    session.realized_pnl = Decimal("1E+400")
    with SessionRepository(database) as repository:
        repository.save(session)

    for arguments in (["show", "wild"], ["list"], ["status"], ["equity", "wild"], ["fills", "wild"], ["info"]):
        text = run(*arguments, "--json").stdout

        assert "Infinity" not in text
        assert "NaN" not in text
        assert run(*arguments).exit_code == 0
    (listed,) = [each for each in document(run("list", "--json"))["sessions"] if each["id"] == "wild"]
    assert listed["total_return"] is None


class TestStreams:
    """Standard streams that are closed, full or nobody's."""

    def _sh(self, database: Path, line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", line.replace("paper-repo", f"{sys.executable} -m paper_repo")],
            env=os.environ | {"PAPER_REPO_DB": str(database)},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    @pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&-", ">&- 2>&- <&-"])
    def test_a_backup_is_made_whatever_is_closed(self, database: Path, tmp_path: Path, closed: str) -> None:
        """And no part of it is written into the database, whose descriptor would be that of standard output."""
        done = self._sh(database, f"paper-repo backup {tmp_path}/new.db {closed}")

        assert done.returncode == 0, done.stderr
        for path in (database, tmp_path / "new.db"):
            with SessionRepository(path) as repository:
                assert repository.check().ok
                assert repository.count() == 5

    @pytest.mark.parametrize(
        "name", ["list", "list --json", f"show {DEMO}", "info", "check --json", "export", "status"]
    )
    def test_an_answer_that_nobody_can_get_is_a_failure(self, database: Path, name: str) -> None:
        """In words."""
        done = self._sh(database, f"paper-repo {name} >&-")

        assert (done.returncode, done.stderr) == (
            1,
            "paper-repo: standard output is closed, so there is nowhere to write the answer\n",
        )

    def test_what_was_done_is_done_without_anybody_to_tell(self, database: Path) -> None:
        """Renaming and deleting work, and exit with 0."""
        assert self._sh(database, "paper-repo rename odd new >&- 2>&-").returncode == 0
        assert self._sh(database, "paper-repo delete odd --yes >&- 2>&-").returncode == 0
        with SessionRepository(database) as repository:
            assert repository.count() == 4

    def test_a_failure_without_standard_error_has_its_exit_code(self, database: Path) -> None:
        """Nothing is written anywhere else."""
        done = self._sh(database, "paper-repo show nobody 2>&-")

        assert (done.returncode, done.stdout, done.stderr) == (3, "", "")

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
    @pytest.mark.parametrize("name", ["list", "list --json", "export", f"fills {DEMO}"])
    def test_a_full_disk_is_told_once(self, database: Path, name: str) -> None:
        """One line, and no second complaint when the process ends."""
        done = self._sh(database, f"paper-repo {name} > /dev/full")

        assert done.returncode == 1
        assert "No space left on device" in done.stderr
        assert "Traceback" not in done.stderr
        assert "Exception ignored" not in done.stderr


class TestInterruption:
    """Ctrl-C at any time is 130."""

    def test_at_a_question(self, database: Path) -> None:
        """Nothing is deleted, and there is one line."""
        keyboard, terminal = pty.openpty()
        with subprocess.Popen(
            [sys.executable, "-m", "paper_repo", "delete", "odd", "--db", str(database)],
            stdin=terminal,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=unmeasured(),
        ) as process:
            assert process.stderr is not None
            shown = b""
            while not shown.endswith(b"]:"):
                shown += os.read(process.stderr.fileno(), 1000) or pytest.fail(f"no question: {shown!r}")
            process.send_signal(signal.SIGINT)
            rest = process.communicate()[1]
        os.close(keyboard)
        os.close(terminal)

        assert process.returncode == 130
        assert rest.split() == [b"interrupted"]
        with SessionRepository(database) as repository:
            assert repository.exists("odd")

    def test_while_modules_are_loaded(self, database: Path) -> None:
        """At any one of the modules that the command loads, from the package itself on."""
        program = (
            "import sys, signal\n"
            "class Finder:\n"
            "    left = int(sys.argv.pop(1))\n"
            "    def find_spec(self, name, path=None, target=None):\n"
            "        Finder.left -= name == 'paper_repo' or 'paper_repo' in sys.modules\n"
            "        if not Finder.left: signal.raise_signal(signal.SIGINT)\n"
            "sys.meta_path.insert(0, Finder())\n"
            "from _paper_repo_command import main\n"
            "try: main()\n"
            "finally: print(Finder.left, file=sys.stderr)\n"
        )

        def run(number: int) -> tuple[int, str, str]:
            command = [sys.executable, "-c", program, str(number), "list", "--db", str(database)]
            done = subprocess.run(command, capture_output=True, encoding="utf-8", env=unmeasured(), check=False)
            return done.returncode, done.stdout, done.stderr

        modules = MANY - int(run(MANY)[2])
        numbers = range(1, modules + 1)
        for number in numbers if EVERY else sorted({1, *random.Random(5).sample(numbers, 12)}):
            code, shown, told = run(number)
            assert (code, shown) == (130, ""), number
            assert told.splitlines()[0] == "interrupted", number
            assert len(told.splitlines()) == 2, number
