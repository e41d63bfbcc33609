"""Export and import on the command line."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from paper_repo import BusyError, SessionRepository
from paper_repo.storage.tables import LATER_FILL_COLUMNS
from tests.builders import moment, new_fill, new_session
from tests.cli.conftest import DEMO, Run, document
from tests.processes.running import unmeasured

BY_CTRL_C = (130, -signal.SIGINT)
"""A shell tells both as 130. Python ends by the signal itself if it came while some source text was being run."""


@pytest.fixture
def archive(run: Run, tmp_path: Path) -> Path:
    """An archive of the database."""
    path = tmp_path / "backup.jsonl"
    assert run("export", "--output", str(path)).exit_code == 0
    return path


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Where a new database may be created."""
    return tmp_path / "elsewhere.db"


class TestExport:
    """`paper-repo export`."""

    def test_it_says_how_much_it_wrote(self, run: Run, tmp_path: Path) -> None:
        """To standard error, so that standard output stays the archive's."""
        result = run("export", "-o", str(tmp_path / "a.jsonl"))

        assert result.stderr == "exported 5 sessions, 96 fills, 252 equity points\n"
        assert result.stdout == ""

    def test_standard_output_is_the_archive(self, run: Run, archive: Path) -> None:
        """The same bytes as in a file."""
        assert run("export").stdout_bytes == archive.read_bytes()

    def test_ids_and_filters_choose(self, run: Run) -> None:
        """Ids may be shortened, and one that is named twice is written once."""
        by_id = run("export", "run-2", "10e", "run-2").stdout.splitlines()
        by_status = run("export", "--status", "running").stdout.splitlines()

        assert [json.loads(line)["id"] for line in by_id if '"type":"session"' in line] == ["run-2", DEMO]
        assert json.loads(by_status[-1])["sessions"] == 2

    def test_ids_and_filters_do_not_go_together(self, run: Run) -> None:
        """It is a usage error."""
        assert run("export", "run-1", "--status", "running").exit_code == 2

    def test_a_file_that_is_there_is_not_overwritten(self, run: Run, database: Path) -> None:
        """Unless that is asked for: the database itself might have been named."""
        before = database.read_bytes()

        result = run("export", "-o", str(database))

        assert result.exit_code == 4
        assert "never overwritten" in result.stderr
        assert database.read_bytes() == before

    def test_overwrite_replaces_a_file(self, run: Run, archive: Path) -> None:
        """The old content is gone."""
        whole = archive.read_bytes()
        archive.write_text("old")

        assert run("export", "-o", str(archive), "--overwrite").exit_code == 0
        assert archive.read_bytes() == whole

    def test_an_archive_can_be_read_by_its_owner_only(self, archive: Path) -> None:
        """As the database is."""
        assert archive.stat().st_mode & 0o777 == 0o600

    def test_an_export_that_fails_leaves_no_file(self, run: Run, database: Path, tmp_path: Path) -> None:
        """A record that cannot be read ends it; neither the file nor an unfinished one stays."""
        with sqlite3.connect(database) as connection:
            connection.execute("UPDATE paper_trading_fills SET price = 'much' WHERE sequence = 50")
        connection.close()
        folder = tmp_path / "out"
        folder.mkdir()

        result = run("export", "-o", str(folder / "a.jsonl"))

        assert result.exit_code == 1
        assert "price" in result.stderr
        assert list(folder.iterdir()) == []

    def test_a_folder_that_is_not_there_is_an_error(self, run: Run, tmp_path: Path) -> None:
        """The message names it."""
        result = run("export", "-o", str(tmp_path / "no" / "a.jsonl"))

        assert result.exit_code == 1
        assert "does not exist; create it first" in result.stderr

    def test_fills_as_csv(self, run: Run, database: Path) -> None:
        """One row a fill with exact amounts, the session's id first; what is null is empty."""
        with SessionRepository(database) as repository:
            session = new_session(id='comma, "quote"', created_at=moment(90))
            session.record_fill(new_fill(1, price="100.10"))
            repository.save(session)

        rows = list(csv.DictReader(io.StringIO(run("export", "--format", "fills").stdout)))

        assert len(rows) == 97
        assert rows[0]["session_id"] == DEMO
        assert rows[-1] == {
            "session_id": 'comma, "quote"',
            "sequence": "1",
            "id": "fill-1",
            "symbol": "AAPL",
            "side": "BUY",
            "quantity": "1",
            "price": "100.10",
            "fee": "0.5",
            "executed_at": "2026-01-05T14:31:00.000000+00:00",
            "order_id": "",
            **dict.fromkeys(LATER_FILL_COLUMNS, ""),
        }

    def test_equity_as_csv(self, run: Run, tmp_path: Path) -> None:
        """One row a point, of the sessions that were named."""
        path = tmp_path / "equity.csv"

        assert run("export", DEMO, "--format", "equity", "-o", str(path)).exit_code == 0

        rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
        assert rows[0] == ["session_id", "at", "cash", "equity"]
        assert rows[1] == [DEMO, "2012-03-01T14:30:00.000000+00:00", "1000000", "1000000"]
        assert len(rows) == 253

    def test_trades_orders_and_cash_flows_as_csv(self, run: Run, account: str) -> None:
        """One row each, with the keys of the documents; what has parts is JSON text."""
        for form, name, key in (
            ("trades", "trades", "net_pnl"),
            ("orders", "orders", "id"),
            ("cash-flows", "cash", "id"),
        ):
            rows = list(csv.DictReader(io.StringIO(run("export", account, "--format", form).stdout)))
            found = document(run(name, account, "--json"))
            items = [each for each in list(found.values())[-1] if each.get("type") not in ("split", "symbol_change")]

            assert [row[key] for row in rows] == [each[key] for each in items]
            assert {each["session_id"] for each in rows} == {account}
            assert set(rows[0]) - {"session_id"} == set(items[0]) - ({"type"} if name == "cash" else set())

        assert rows[0]["metadata"] == '{"by":"wire"}'
        assert rows[-1]["amount"] == "-1"

    @pytest.mark.parametrize(
        ("form", "told"),
        [("fills", "exported 96 fills of 1 session"), ("equity", "exported 252 equity points of 1 session"),
         ("trades", "exported 24 trades of 1 session"), ("cash-flows", "exported 0 cash flows of 1 session")],
    )  # fmt: skip
    def test_a_table_says_how_much_it_wrote(self, run: Run, tmp_path: Path, form: str, told: str) -> None:
        """As an archive does, where it is in nobody's way."""
        result = run("export", DEMO, "--format", form, "-o", str(tmp_path / "t.csv"))

        assert (result.exit_code, result.stdout) == (0, "")
        assert result.stderr.replace("\n", " ").strip() == told

    def test_excel_is_told_the_encoding(self, run: Run, tmp_path: Path) -> None:
        """By the bytes it looks for; the rest is the same."""
        path = tmp_path / "fills.csv"
        plain = run("export", DEMO, "--format", "fills").stdout_bytes

        assert run("export", DEMO, "--format", "fills", "--excel", "-o", str(path)).exit_code == 0

        assert path.read_bytes() == b"\xef\xbb\xbf" + plain

    @pytest.mark.parametrize("option", ["--excel", "--exact-text"])
    def test_what_is_for_tables_is_refused_for_an_archive(self, run: Run, option: str) -> None:
        """Before anything is written."""
        result = run("export", option)

        assert (result.exit_code, result.stdout) == (2, "")
        assert "--format: fills, equity, trades, orders, cash-flows" in result.stderr

    @pytest.mark.parametrize("name", ["trades.csv", "T.CSV", "sessions.xlsx", "all.tsv"])
    def test_the_ending_of_a_table_asks_which_one(self, run: Run, tmp_path: Path, name: str) -> None:
        """A file that is opened in a spreadsheet is no archive by accident, but may be one on purpose."""
        result = run("export", "--output", str(tmp_path / name))

        assert (result.exit_code, result.stdout) == (2, "")
        assert f"{name} has the ending of a table; choose which one with --format: fills, equity" in result.stderr
        assert not (tmp_path / name).exists()
        assert run("export", "--output", str(tmp_path / name), "--format", "archive").exit_code == 0
        assert (tmp_path / name).read_bytes().startswith(b"{")


class TestImport:
    """`paper-repo import`."""

    def test_export_import_export_gives_the_same_bytes(self, run: Run, archive: Path, elsewhere: Path) -> None:
        """Into a database that is created by it."""
        result = run("import", str(archive), "--db", str(elsewhere))

        assert (result.exit_code, result.stderr) == (0, "imported 5 sessions\n")
        assert run("export", "--db", str(elsewhere)).stdout_bytes == archive.read_bytes()

    def test_standard_input_is_read(self, run: Run, archive: Path, elsewhere: Path) -> None:
        """A hyphen stands for it."""
        result = run("import", "-", "--db", str(elsewhere), input=archive.read_bytes())

        assert result.exit_code == 0
        assert len(document(run("list", "--json", "--db", str(elsewhere)))["sessions"]) == 5

    @pytest.mark.parametrize("place", ["~/sessions.db", ":memory:"])
    def test_what_is_no_path_is_a_usage_error(
        self, run: Run, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
    ) -> None:
        """A new database is refused where any repository would refuse it, and no file of that name is made."""
        monkeypatch.chdir(tmp_path)
        before = set(tmp_path.iterdir())

        result = run("import", str(archive), "--db", place)

        assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
        assert set(tmp_path.iterdir()) == before

    def test_a_new_data_folder_is_its_owners_alone(self, run: Run, archive: Path, tmp_path: Path) -> None:
        """Without --db the folder is made when it is needed, with mode 0700."""
        home = {"PAPER_REPO_DB": None, "HOME": str(tmp_path / "home"), "XDG_DATA_HOME": str(tmp_path / "home" / "data")}

        assert run("import", str(archive), env=home).exit_code == 0

        folder = tmp_path / "home" / "data" / "paper_repo"
        assert folder.stat().st_mode & 0o777 == 0o700
        assert (folder / "sessions.db").stat().st_mode & 0o777 == 0o600

    def test_a_conflict_is_refused_with_the_ways_out(self, run: Run, archive: Path) -> None:
        """The session, the line and both options are named, and nothing is imported."""
        result = run("import", str(archive))

        assert result.exit_code == 4
        assert f"session '{DEMO}' is stored already, at version 1. It is in line 2 of the archive" in result.stderr
        assert "--skip" in result.stderr
        assert "--replace" in result.stderr

    def test_skip_and_replace(self, run: Run, archive: Path, database: Path) -> None:
        """What was stored stays, or is replaced; it is counted either way."""
        run("rename", "odd", "changed")

        skipped = run("import", "--skip", str(archive))
        kept = document(run("show", "odd", "--json"))["session"]["name"]
        replaced = run("import", "--replace", str(archive))

        assert skipped.stderr == "imported 0 sessions, 5 skipped\n"
        assert kept == "changed"
        assert replaced.stderr == "imported 0 sessions, 5 replaced\n"
        assert run("export").stdout_bytes == archive.read_bytes()

    def test_skip_and_replace_exclude_each_other(self, run: Run, archive: Path) -> None:
        """It is a usage error."""
        assert run("import", "--skip", "--replace", str(archive)).exit_code == 2

    def test_a_wrong_line_is_named(self, run: Run, archive: Path, elsewhere: Path) -> None:
        """Nothing of the archive is stored, and no new database, or anything else, is left behind."""
        archive.write_bytes(archive.read_bytes().replace(b'"price":"', b'"price":"x', 1))
        before = sorted(elsewhere.parent.iterdir())

        result = run("import", str(archive), "--db", str(elsewhere))

        assert result.exit_code == 1
        assert result.stderr.startswith("paper-repo: line 3: price: 'x")
        assert sorted(elsewhere.parent.iterdir()) == before

    def test_a_file_that_is_not_there(self, run: Run, elsewhere: Path, tmp_path: Path) -> None:
        """It is told, and no database is created."""
        result = run("import", str(tmp_path / "none.jsonl"), "--db", str(elsewhere))

        assert result.exit_code == 3
        assert not elsewhere.exists()


class TestInterruption:
    """Ctrl-C while it works, sent to a real process."""

    def test_an_import_that_is_interrupted_stores_nothing(self, archive: Path, elsewhere: Path) -> None:
        """It was in its transaction; the exit code is 130, there is no traceback, and the file is sound."""
        lines = archive.read_bytes().splitlines(keepends=True)
        command = [sys.executable, "-m", "paper_repo", "import", "-", "--db", str(elsewhere)]
        with SessionRepository(elsewhere, busy_timeout=0) as repository:
            repository.save(new_session(id="before"))
            with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=unmeasured()) as process:
                assert process.stdin is not None
                process.stdin.write(b"".join(lines[:100]))
                process.stdin.flush()
                _wait_until_writing(repository)

                process.send_signal(signal.SIGINT)
                stderr = process.communicate()[1]

            assert stderr == b"interrupted\n"
            assert process.returncode in BY_CTRL_C
            assert [each.id for each in repository.get_all()] == ["before"]
        connection = sqlite3.connect(elsewhere)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()

    def test_an_export_that_is_interrupted_ends_at_once(self, database: Path) -> None:
        """Its reader has read one line and no more; the exit code is 130."""
        with SessionRepository(database) as repository:
            long = new_session(id="long")
            for number in range(3000):
                long.record_fill(new_fill(number))
            repository.save(long)
        command = [sys.executable, "-m", "paper_repo", "export", "--db", str(database)]

        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=unmeasured()) as process:
            assert process.stdout is not None
            process.stdout.readline()
            process.send_signal(signal.SIGINT)
            stderr = process.communicate()[1]

        assert process.returncode in BY_CTRL_C
        assert b"Traceback" not in stderr

    def test_an_export_whose_reader_has_gone_ends_without_a_traceback(self, database: Path) -> None:
        """As with `| head`: the archive is not whole, so the exit code is 1."""
        assert _into_a_closed_pipe("export", "--db", str(database)) == (1, "")


def _wait_until_writing(repository: SessionRepository) -> None:
    """Return when somebody else holds the database's write lock."""
    while True:
        try:
            with repository.atomic():
                pass
        except BusyError:
            return


def _into_a_closed_pipe(*arguments: str) -> tuple[int, str]:
    """Exit code and complaints of a command whose output nobody reads."""
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "paper_repo", *arguments],
            stdout=write,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            check=False,
        )
    finally:
        os.close(write)
    return done.returncode, done.stderr


@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"], ["show", DEMO], ["fills", DEMO, "-n", "0"]])
def test_a_pipe_that_is_closed_early_is_no_traceback(database: Path, arguments: list[str]) -> None:
    """Every reading command ends quietly with exit code 1 when its reader has gone."""
    assert _into_a_closed_pipe(*arguments, "--db", str(database)) == (1, "")


def test_a_file_of_another_program_is_told_how(run: Run, tmp_path: Path) -> None:
    """Who takes a table of trades for an archive learns which option reads it."""
    table = tmp_path / "trades.csv"
    table.write_text("time,symbol,side,quantity,price\n")

    result = run("import", str(table))

    assert result.exit_code == 1
    assert "name it with --from, such as --from csv" in " ".join(result.stderr.split())
