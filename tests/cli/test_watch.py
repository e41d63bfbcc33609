"""`paper-repo watch`: a live table in a real terminal, and lines for a pipe, while other processes save."""

from __future__ import annotations

import io
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from paper_repo import SessionRepository
from paper_repo.cli.commands import watch
from paper_repo.cli.following import Following, Sorting, gain_of
from paper_repo.cli.keys import WaitForKey
from paper_repo.cli.live_page import KEYS, View, live_page
from paper_repo.cli.terminal import SafeConsole
from paper_repo.cli.zones import UTC_ZONE
from tests.builders import new_session
from tests.cli.conftest import Run
from tests.cli.screen import PATIENCE, Screen, plain, screen_of
from tests.processes.running import unmeasured

TRADE = """
import sys
from paper_repo import Fill, SessionRepository
database, session_id, number, price = sys.argv[1:]
with SessionRepository(database) as repository:
    session = repository.get_by_id(session_id)
    session.apply_fill(Fill(number, "IBM", "BUY", 10, price))
    session.mark({"IBM": 105})
    repository.save(session)
"""


def python(program: str, *arguments: str) -> None:
    """Run a program in a process of its own, to its end."""
    subprocess.run([sys.executable, "-c", program, *arguments], check=True, env=unmeasured())


def trade(database: Path, session_id: str, number: str, price: str) -> None:
    """Another process buys ten shares, which gain what 105 is more than the price, and saves."""
    python(TRADE, str(database), session_id, number, price)


LEFT = "\x1b[?1049l"
"""What takes a terminal back to what was on it before."""


class TestTerminal:
    """What a person sees and types."""

    @pytest.fixture
    def screen(self, request: pytest.FixtureRequest, database: Path) -> Iterator[Screen]:
        """The live table of the database, once it is there; its parameter says whether it will be interrupted."""
        interrupted = getattr(request, "param", False)
        with screen_of("watch", "--db", str(database), width=120, interrupted=interrupted) as screen:
            self.before = screen.modes()
            screen.wait_for(r"q\]uit")
            yield screen

    def _ended(self, screen: Screen, code: int) -> str:
        """All that was shown at the end; the terminal is as it was before."""
        shown = screen.rest()
        assert screen.process.returncode == code
        assert LEFT in shown
        assert "\x1b[?25h" in shown  # the cursor is back
        assert screen.modes() == self.before
        assert "Traceback" not in shown
        return plain(shown.rpartition(LEFT)[2])

    def test_what_another_process_saves_is_shown(self, screen: Screen, database: Path) -> None:
        """Fills, P&L since the watch was opened, and in the end what was last seen stays on the screen."""
        trade(database, "run-1", "f-1", "100")
        screen.wait_for(r"Runner 1 .*\+50\.00 +\+50\.00.*buy 10 IBM at 100\.00")
        trade(database, "run-1", "f-2", "101")
        screen.wait_for(r"\+90\.00 +\+90\.00.*buy 10 IBM at 101\.00")

        screen.press("q")

        left = self._ended(screen, 0)
        assert "2 RUNNING" in left
        assert "+90.00 USD" in left
        assert "[q]uit" not in left

    @pytest.mark.parametrize("screen", [True], indirect=True, ids=["interrupted"])
    def test_ctrl_c_ends_it_in_order(self, screen: Screen) -> None:
        """With the exit code of an interruption, and the last state on the screen."""
        screen.press("\x03")

        assert "Runner 2" in self._ended(screen, 130)

    @pytest.mark.parametrize("screen", [True], indirect=True, ids=["interrupted"])
    def test_a_request_to_end_leaves_the_terminal_in_order(self, screen: Screen) -> None:
        """As `kill` sends it."""
        screen.process.send_signal(signal.SIGTERM)

        self._ended(screen, 143)

    def test_keys_sort_the_rows(self, screen: Screen, database: Path) -> None:
        """By the gain since it was opened, and the other way round; other keys do nothing."""
        trade(database, "run-2", "f-1", "100")
        screen.wait_for(r"(?s)Runner 1.*Runner 2.*\+50\.00")

        screen.press("o")
        screen.wait_for(r"(?s)Runner 2.*Runner 1")
        screen.press("r")
        screen.wait_for(r"(?s)Runner 1.*Runner 2")
        screen.press("x\x1b[A")
        screen.press("q")

        assert re.search(r"(?s)Runner 1.*Runner 2", self._ended(screen, 0))

    def test_sessions_come_and_go(self, screen: Screen, database: Path) -> None:
        """A new one gains from nothing, one that has stopped is still shown, a deleted one is not."""
        with SessionRepository(database) as repository:
            new = new_session(id="new", name="Newcomer")
            new.start()
            repository.save(new)
            screen.wait_for("Newcomer")
            stopped = repository.get_by_id("run-1")
            assert stopped is not None
            stopped.stop()
            repository.save(stopped)
            screen.wait_for("Runner 1 .*STOPPED")
            repository.delete("run-2")
            screen.wait_for(r"2 RUNNING|1 RUNNING, 1 STOPPED")

        screen.press("q")

        assert "Runner 2" not in self._ended(screen, 0)

    def test_it_follows_the_size_of_the_window(self, screen: Screen) -> None:
        """What is narrower loses columns, and never the sessions."""
        screen.resize(60, 10)
        screen.wait_for(r"Runner 1")
        screen.wait_for(r"sort, r reverse, q quit")
        screen.press("q")

        assert max(map(len, self._ended(screen, 0).splitlines())) <= 60


def test_more_than_fits_is_counted(database: Path) -> None:
    """The rows at the top are shown, and how many more there are; all are printed at the end."""
    with SessionRepository(database) as repository:
        for number in range(40):
            session = new_session(id=f"many-{number:02}", name=f"Many {number:02}")
            session.start()
            repository.save(session)

    with screen_of("watch", "--db", str(database), height=12) as screen:
        screen.wait_for(r"and 36 more")
        screen.press("q")

        assert all(f"Many {number:02}" in screen.rest() for number in range(40))


def test_a_hostile_name_is_only_shown(database: Path) -> None:
    """In the live table too."""
    with SessionRepository(database) as repository:
        session = new_session(id="h", name="\x1b]0;owned\x07[/x]\u202e")
        session.start()
        repository.save(session)

    with screen_of("watch", "--db", str(database), width=160) as screen:
        found = screen.wait_for(r"owned.*")
        screen.press("q")
        shown = screen.rest()

    assert r"\x07[/x]\u202e" in found[0]
    assert "\x1b]0;" not in shown
    assert "\u202e" not in shown


@pytest.mark.parametrize("arguments", [[], ["--sort", "equity"]])
def test_without_a_terminal_there_is_no_live_table(run: Run, arguments: list[str]) -> None:
    """It says what to do instead."""
    result = run("watch", *arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert "--json" in result.stderr


class TestLines:
    """`--json`, for a pipe."""

    @pytest.fixture
    def lines(self, database: Path) -> Iterator[tuple[subprocess.Popen[str], Iterator[dict[str, Any]]]]:
        """The process, and the documents that it prints."""
        command = [sys.executable, "-m", "paper_repo", "watch", "--json", "--db", str(database)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with subprocess.Popen(command, **pipes, encoding="utf-8", env=unmeasured()) as process:  # type: ignore[call-overload]
            assert process.stdout is not None
            yield process, map(json.loads, process.stdout)
            process.kill()

    def test_each_change_is_a_line(
        self, lines: tuple[subprocess.Popen[str], Iterator[dict[str, Any]]], database: Path
    ) -> None:
        """First what is there, then what is saved, deleted or stopped; all lines have the same keys."""
        process, documents = lines
        opened = [next(documents) for _ in range(2)]
        trade(database, "run-1", "f-1", "100")
        saved = next(documents)
        with SessionRepository(database) as repository:
            repository.delete("run-2")
        deleted = next(documents)
        process.send_signal(signal.SIGINT)

        assert process.wait() == 130
        assert process.stderr is not None
        assert process.stderr.read() == "interrupted\n"
        assert [(each["event"], each["session_id"]) for each in [*opened, saved, deleted]] == [
            *(("opened", "run-1"), ("opened", "run-2"), ("saved", "run-1"), ("deleted", "run-2"))
        ]
        assert saved["pnl_since_opened"] == "50"
        assert (saved["last_fill"]["price"], saved["last_fill"]["sequence"]) == ("100", 1)
        assert len({tuple(each) for each in [*opened, saved, deleted]}) == 1


def test_it_ends_when_nobody_reads_any_more(database: Path) -> None:
    """As the first command of a pipe whose second one has ended; what was not asked for makes no line until then."""
    command = [sys.executable, "-m", "paper_repo", "watch", "--json", "--status", "running", "--db", str(database)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            opened = [json.loads(process.stdout.readline())["session_id"] for _ in range(2)]
            with SessionRepository(database) as repository:
                repository.save(new_session(id="created"))
            trade(database, "run-1", "f-1", "99")
            saved = json.loads(process.stdout.readline())["session_id"]
            process.stdout.close()
            trade(database, "run-1", "f-2", "100")

            assert (process.wait(PATIENCE), process.stderr.read()) == (1, b"")
            assert (opened, saved) == (["run-1", "run-2"], "run-1")
        finally:
            process.kill()


class TestFollowing:
    """Which sessions are followed, and in which order."""

    def test_a_session_that_no_longer_matches_leaves(self, database: Path) -> None:
        """Where a status was asked for."""
        with SessionRepository(database) as repository, repository.watch(timeout=0) as changes:
            following = Following(repository, {"status": ["RUNNING"]})
            session = repository.get_by_id("run-1")
            assert session is not None
            session.pause()
            repository.save(session)

            assert [following.take(each) for each in changes] == [None]
            assert list(following.rows) == ["run-2"]

    @pytest.mark.parametrize("by", Sorting)
    def test_every_order_can_be_turned(self, database: Path, by: Sorting) -> None:
        """Rows without a fill have their place too."""
        with SessionRepository(database) as repository:
            following = Following(repository, {"status": None})
            rows = following.sorted(by, reverse=False)

            assert {each.summary.id for each in rows} == {"run-1", "run-2"}
            assert {each.summary.id for each in following.sorted(by, reverse=True)} == {"run-1", "run-2"}

    def test_every_order_has_its_key(self) -> None:
        """And the first press of one sorts in its natural direction."""
        assert set(KEYS.values()) == set(Sorting)
        assert View(Sorting.NAME, reverse=True).after("e") == View(Sorting.EQUITY)
        assert View(Sorting.NAME).after("?") == View(Sorting.NAME)


def test_currencies_are_not_added_up(database: Path) -> None:
    """Where not all have one, the headline has no sum, and the rows no common unit."""
    with SessionRepository(database) as repository:
        euro = new_session(id="euro", base_currency="EUR")
        euro.start()
        repository.save(euro)
        following = Following(repository, {"status": None})
    shown = drawn(following)

    assert gain_of(following.rows.values()) is None
    assert "3 RUNNING" in shown
    assert "USD" not in shown.splitlines()[0]


@pytest.mark.parametrize(("ending", "told"), [(KeyboardInterrupt, True), (EOFError, False)])
def test_the_last_state_stays_where_somebody_is_left_to_see_it(
    database: Path, monkeypatch: pytest.MonkeyPatch, ending: type[BaseException], told: bool
) -> None:
    """After an interruption, which goes on; but not after the terminal has gone."""

    @contextmanager
    def keys() -> Iterator[WaitForKey]:
        def wait(seconds: float) -> str:
            raise ending

        yield wait

    monkeypatch.setattr(watch, "single_keys", keys)
    file = io.StringIO()
    console = SafeConsole(file=file, force_terminal=True, width=100, height=20)
    before = signal.getsignal(signal.SIGTERM)
    with SessionRepository(database) as repository, pytest.raises(KeyboardInterrupt) if told else nullcontext():
        watch._follow(repository, {"status": None}, console, Sorting.NAME, UTC_ZONE)

    assert ("Runner 1" in file.getvalue().rpartition(LEFT)[2]) is told
    assert signal.getsignal(signal.SIGTERM) == before


def drawn(following: Following) -> str:
    """The page as it is left on the screen."""
    file = io.StringIO()
    SafeConsole(file=file, width=100).print(live_page(following, View(Sorting.NAME), UTC_ZONE, None, 100))
    return file.getvalue()
