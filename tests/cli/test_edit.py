"""Renaming, deleting and pruning on the command line."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from paper_repo import BusyError, SessionRepository
from tests.builders import new_session
from tests.cli.conftest import DEMO, Run, document


def ids(run: Run) -> list[str]:
    """What is in the database, oldest first."""
    return [each["id"] for each in document(run("list", "--json", "--reverse"))["sessions"]]


class TestRename:
    """`paper-repo rename`."""

    def test_a_session_gets_another_name(self, run: Run, database: Path) -> None:
        """Everything else stays, and the version counts the change."""
        result = run("rename", "10e", "Crossover, spring")

        assert result.stdout == "renamed 'Moving-average crossover' to 'Crossover, spring'\n"
        with SessionRepository(database) as repository:
            session = repository.get_by_id(DEMO)
        assert session is not None
        assert (session.name, session.version, session.fill_count) == ("Crossover, spring", 2, 96)

    @pytest.mark.parametrize("status", ["RUNNING", "PAUSED"])
    def test_one_that_may_be_trading_is_left_alone(self, run: Run, database: Path, status: str) -> None:
        """The program that trades it would lose its next save; --force is for when there is none."""
        with SessionRepository(database) as repository:
            repository.save(new_session(id="trading", status=status))

        refused = run("rename", "trading", "new")
        forced = run("rename", "trading", "new", "--force")

        assert refused.exit_code == 4
        assert f"is {status}, and a program that trades it could not save it afterwards" in refused.stderr
        assert forced.exit_code == 0

    def test_one_that_is_not_there(self, run: Run) -> None:
        """Exit code 3."""
        assert run("rename", "nobody", "new").exit_code == 3


class TestDelete:
    """`paper-repo delete`."""

    def test_sessions_go_with_their_history(self, run: Run) -> None:
        """Those that were named, each once, and no other."""
        result = run("delete", "10e", "odd", DEMO, "--yes")

        assert result.exit_code == 0
        assert result.stdout.endswith("deleted 2 sessions\n")
        assert ids(run) == ["run-1", "run-2", "new one"]
        assert document(run("info", "--json"))["database"]["fills"] == 0

    def test_a_failure_half_way_deletes_nothing(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        """The sessions that were deleted before it are back."""
        delete, asked = SessionRepository.delete, []

        def failing(repository: SessionRepository, session_id: str) -> bool:
            asked.append(session_id)
            if len(asked) == 2:
                raise BusyError("another writer held it")
            return delete(repository, session_id)

        monkeypatch.setattr(SessionRepository, "delete", failing)
        result = run("delete", "odd", "run-1", "--yes")

        assert (result.exit_code, asked) == (4, ["odd", "run-1"])
        assert len(ids(run)) == 5

    def test_one_wrong_id_and_nothing_is_deleted(self, run: Run) -> None:
        """All of them or none."""
        result = run("delete", "odd", "nobody", "--yes")

        assert result.exit_code == 3
        assert len(ids(run)) == 5

    def test_without_anybody_to_ask_nothing_is_deleted(self, run: Run) -> None:
        """A script must say --yes."""
        result = run("delete", "odd", input="y\n")

        assert result.exit_code == 2
        assert "use --yes" in result.stderr
        assert len(ids(run)) == 5

    @pytest.mark.parametrize(
        ("answer", "code", "left"), [(b"y\n", 0, 4), (b"n\n", 1, 5), (b"\n", 1, 5), (b"\x04", 1, 5)]
    )
    def test_a_person_is_asked(self, run: Run, database: Path, answer: bytes, code: int, left: int) -> None:
        """Only a yes is a yes; the end of the input is none."""
        keyboard, terminal = pty.openpty()
        os.write(keyboard, answer)

        done = subprocess.run(
            [sys.executable, "-m", "paper_repo", "delete", "odd", "--db", str(database)],
            stdin=terminal,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

        os.close(keyboard)
        os.close(terminal)
        assert "Delete 1 session with the whole history?" in done.stderr
        assert (done.returncode, len(ids(run))) == (code, left)
        assert "Traceback" not in done.stderr


class TestPrune:
    """`paper-repo prune`."""

    def test_only_what_has_ended_goes(self, run: Run) -> None:
        """STOPPED and FAILED sessions, unless another status is asked for."""
        result = run("prune", "--created-to", "2030-01-01", "--yes")

        assert result.stdout.endswith("deleted 2 sessions\n")
        assert ids(run) == ["run-1", "run-2", "new one"]

    def test_filters_choose(self, run: Run) -> None:
        """By status, strategy, symbol and time."""
        assert run("prune", "--symbol", "GOOG", "--yes").stdout.endswith("deleted 1 session\n")
        assert run("prune", "--status", "created", "--yes").stdout.endswith("deleted 1 session\n")
        assert ids(run) == ["run-1", "run-2", "odd"]

    def test_a_dry_run_shows_and_keeps(self, run: Run) -> None:
        """What would go is listed."""
        result = run("prune", "--created-to", "1m", "--dry-run")

        assert "10e31289" in result.stdout
        assert result.stdout.endswith("would delete 2 sessions\n")
        assert len(ids(run)) == 5

    def test_without_a_condition_it_is_refused(self, run: Run) -> None:
        """Nobody deletes everything by a forgotten option."""
        result = run("prune", "--yes")

        assert result.exit_code == 2
        assert "say which sessions" in result.stderr
        assert len(ids(run)) == 5

    def test_without_anybody_to_ask_nothing_is_deleted(self, run: Run) -> None:
        """A script must say --yes."""
        assert run("prune", "--created-to", "1m").exit_code == 2
        assert len(ids(run)) == 5

    def test_nothing_to_delete_is_told(self, run: Run) -> None:
        """And it is no error."""
        result = run("prune", "--created-to", "2000-01-01", "--yes")

        assert (result.exit_code, result.stdout) == (0, "no session to delete\n")

    def test_a_long_list_is_shortened(self, run: Run, database: Path) -> None:
        """The first twenty are shown, and how many more there are."""
        with SessionRepository(database) as repository:
            template = repository.get_by_id("odd")
            assert template is not None
            for number in range(24):
                template.id, template.version = f"odd {number}", 0
                repository.save(template)

        assert "… and 6 more" in run("prune", "--created-to", "1m", "--dry-run").stdout
