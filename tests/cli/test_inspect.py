"""The commands that look at a database."""

from __future__ import annotations

import os
import re
import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from paper_repo import SessionRepository, SessionStatus
from paper_repo.serialization import schemas
from tests.builders import moment, new_fill, new_session
from tests.cli.conftest import DEMO, Command, Run, document


def rows_of(output: str) -> list[list[str]]:
    """The rows of a printed table, below its heading, as their words."""
    lines = output.splitlines()
    rule = next(number for number, line in enumerate(lines) if line.startswith("───"))
    return [line.split() for line in lines[rule + 1 :]]


class TestList:
    """`paper-repo list`."""

    def test_sessions_come_newest_first(self, run: Run) -> None:
        """One a row, with shortened ids where they are long."""
        result = run("list")

        assert result.exit_code == 0
        assert [row[0] for row in rows_of(result.stdout)] == ["new", "odd", "run-2", "run-1", "10e31289"]

    def test_the_demo_is_shown_with_its_figures(self, run: Run) -> None:
        """Amounts have separators and two places, gains a sign."""
        row = rows_of(run("list").stdout)[-1]

        assert row[1:10] == [
            *["Moving-average", "crossover", "ma-crossover", "■", "STOPPED"],
            *["1,116,262.06", "USD", "+116,262.06", "+11.63"],
        ]

    def test_the_currency_stands_in_the_heading_when_all_have_the_same(self, run: Run) -> None:
        """Otherwise it stands with every amount."""
        assert "equity USD" in run("list", "--status", "running").stdout
        assert "10,000.00 EUR" in run("list").stdout

    @pytest.mark.parametrize("width", [80, 100, 120, 200])
    def test_a_list_fits_its_terminal(self, run: Run, width: int) -> None:
        """No line is longer; only names are shortened, never numbers or ids."""
        result = run("list", width=width)

        assert max(map(len, result.stdout.splitlines())) <= width
        for whole in ("1,116,262.06 USD", "+116,262.06", "+11.63 %", "10e31289", "■ STOPPED"):
            assert whole in result.stdout

    @pytest.mark.parametrize("width", [60, 70, 80, 200])
    @pytest.mark.parametrize("arguments", [["list"], ["show", DEMO], ["fills", DEMO], ["equity", DEMO], ["status"]])
    def test_a_narrow_terminal_loses_columns_rather_than_digits(
        self, run: Run, arguments: list[str], width: int
    ) -> None:
        """Nothing is wider than the terminal, and no number is cut."""
        output = run(*arguments, width=width).stdout

        assert max(map(len, output.splitlines())) <= width
        assert not re.search(r"\d…|…\d", output)

    def test_a_wide_terminal_shows_more(self, run: Run) -> None:
        """The strategy, open positions and fills need room."""
        assert "strategy" in run("list", width=120).stdout
        assert "strategy" not in run("list", width=80).stdout

    @pytest.mark.parametrize("there", [["sessions.db"], ["demo.db"], ["sessions.db", "demo.db"]])
    def test_a_database_in_this_folder_is_offered(
        self, run: Run, database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: list[str]
    ) -> None:
        """Where nothing was named, and there is none in the data folder; what is offered works."""
        folder = tmp_path / "folder"
        folder.mkdir()
        for name in there:
            shutil.copy(database, folder / name)
        monkeypatch.chdir(folder)
        home = {"PAPER_REPO_DB": None, "HOME": str(tmp_path / "home"), "XDG_DATA_HOME": str(tmp_path / "home")}

        refused = run("list", env=home)
        offered = run("list", "--db", there[0], env=home)

        assert (refused.exit_code, refused.stderr.count("\n")) == (3, 1)
        assert f"there is {' and '.join(there)} in this folder: add --db {there[0]}, or set PAPER_REPO_DB" in (
            refused.stderr
        )
        assert offered.exit_code == 0

    def test_where_a_database_was_named_no_other_is_offered(
        self, run: Run, database: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It was meant, and is not there."""
        monkeypatch.chdir(database.parent)

        assert "in this folder" not in run("list", "--db", "missing.db").stderr

    def test_what_a_terminal_would_obey_is_only_shown(self, run: Run) -> None:
        """An escape sequence or markup in a name does nothing."""
        output = run("list").stdout

        assert "\x1b" not in output
        assert r"[red]\x1b[2Jodd\n" in output

    @pytest.mark.parametrize(
        ("arguments", "ids"),
        [
            (["--status", "running"], ["run-2", "run-1"]),
            (["--status", "RUNNING", "--status", "failed"], ["odd", "run-2", "run-1"]),
            (["--strategy", "ma-crossover"], [DEMO]),
            (["--symbol", "GOOG"], [DEMO]),
            (["--created-from", "2026-01-05T14:32"], ["new one", "odd", "run-2"]),
            (["--created-to", "2026-01-03"], [DEMO]),
            (["--created-from", "2026-01-05T16:32+02:00", "--created-to", "2026-01-05T14:33:00Z"], ["run-2"]),
            (["--limit", "2"], ["new one", "odd"]),
            (["--reverse", "--limit", "1"], [DEMO]),
            (["--order-by", "name"], ["new one", DEMO, "run-1", "run-2", "odd"]),
            (["--order-by", "net_pnl", "--limit", "1"], [DEMO]),
            (["--order-by", "equity", "--reverse", "--limit", "1"], ["new one"]),
            (["--symbol", "TSLA"], []),
        ],
    )
    def test_filters_and_order(self, run: Run, arguments: list[str], ids: list[str]) -> None:
        """They choose what is listed, and how; times are UTC unless they say otherwise."""
        found = document(run("list", "--json", *arguments))["sessions"]

        assert [each["id"] for each in found] == ids

    def test_a_time_may_be_how_long_ago(self, run: Run) -> None:
        """90d is ninety days before now, whenever that is."""
        assert document(run("list", "--json", "--created-from", "1m"))["sessions"] == []
        assert len(document(run("list", "--json", "--created-to", "12h"))["sessions"]) == 5

    @pytest.mark.parametrize("time", ["yesterday", "2026-13-01", "9999999999d", "999999d", ""])
    def test_another_time_is_a_usage_error(self, run: Run, time: str) -> None:
        """The message shows what a time looks like, or why this one is none."""
        result = run("list", "--created-from", time)

        assert result.exit_code == 2
        assert "--created-from" in result.stderr

    def test_the_document_has_exact_amounts_and_stable_keys(self, run: Run) -> None:
        """Amounts are text with all their digits, times ISO text."""
        (found,) = document(run("list", "--json", "--symbol", "GOOG"))["sessions"]

        assert found["equity"] == "1116262.0580"
        assert found["created_at"] == "2026-01-02T00:00:00.000000+00:00"
        assert found["symbols"] == ["AAPL", "GOOG", "IBM", "MSFT"]
        assert list(found) == [
            *["id", "name", "strategy_name", "status", "symbols", "base_currency", "initial_cash", "equity", "net_pnl"],
            *["open_positions", "fill_count", "created_at", "started_at", "stopped_at", "updated_at", "version"],
            "total_return",
        ]

    def test_a_long_list_says_what_it_leaves_out(self, run: Run, database: Path) -> None:
        """A table has fifty rows unless more are asked for; a document has all."""
        with SessionRepository(database) as repository:
            repository.save_many(new_session() for _ in range(60))

        assert "50 of 65 sessions; --limit 0 shows all" in run("list").stdout
        assert len(rows_of(run("list", "--limit", "0").stdout)) == 65
        assert len(document(run("list", "--json"))["sessions"]) == 65

    def test_ids_that_begin_alike_are_shown_as_far_as_they_differ(self, run: Run, database: Path) -> None:
        """A shown id always names one session."""
        with SessionRepository(database) as repository:
            for each in "xy":
                repository.save(new_session(id=f"aaaaaaaaaa{each}-some-more-text", created_at=moment(60)))

        ids = [row[0] for row in rows_of(run("list", "--limit", "2").stdout)[:2]]

        assert sorted(ids) == ["aaaaaaaaaax-", "aaaaaaaaaay-"]

    def test_an_empty_list_says_so(self, run: Run) -> None:
        """A person sees that there is nothing, not an empty table."""
        assert run("list", "--symbol", "TSLA").stdout == "no sessions\n"


class TestShow:
    """`paper-repo show`."""

    def test_a_page_has_everything(self, run: Run) -> None:
        """What it is worth, a chart, the performance, positions and resting orders."""
        output = run("show", DEMO).stdout

        for part in (
            *["Moving-average crossover  ■ STOPPED", DEMO, "1,116,262.06 USD", "▲ +116,262.06 (+11.63 %)"],
            *["┤", "2012-03-01", "Sharpe ratio", "1.78", "-5.27 % (2012-06-01 to 2012-07-25)", "24, 58.3 % won"],
            *["4 open positions", "short", "665.2000", "5 resting orders", "sell limit", "28.61"],
        ):
            assert part in output

    @pytest.mark.parametrize("width", [80, 120])
    def test_a_page_fits_its_terminal(self, run: Run, width: int) -> None:
        """At both widths nothing is cut off."""
        output = run("show", DEMO, width=width).stdout

        assert max(map(len, output.splitlines())) <= width
        assert "…" not in output

    def test_a_page_without_history_is_short(self, run: Run) -> None:
        """A session that never traded has dashes, and no empty tables or charts."""
        output = run("show", "run-1").stdout

        assert "▶ RUNNING" in output
        assert "┤" not in output
        assert "positions" not in output
        assert "–" in output

    def test_a_failure_is_told(self, run: Run) -> None:
        """The error stands under the name, made harmless."""
        output = run("show", "odd").stdout

        assert r"margin \x1b[1mcall" in output
        assert "\x1b" not in output

    def test_the_document_has_every_field(self, run: Run, database: Path) -> None:
        """The session as the schemas describe it, what it is worth, and its performance."""
        found = document(run("show", DEMO, "--json"))

        with SessionRepository(database) as repository:
            session = repository.get_by_id(DEMO)
        assert session is not None
        assert found["session"] == schemas.dump(session)
        assert found["worth"] == {
            "equity": "1116262.0580",
            "market_value": str(session.market_value),
            "unrealized_pnl": str(session.unrealized_pnl),
            "net_pnl": str(session.net_pnl),
        }
        assert found["performance"]["trades"] == 24
        assert found["performance"]["drawdown_trough_at"] == "2012-07-25T21:00:00.000000+00:00"

    def test_ratios_follow_the_options(self, run: Run) -> None:
        """Periods a year and the risk-free rate change the Sharpe ratio."""
        usual = document(run("show", DEMO, "--json"))["performance"]["sharpe_ratio"]
        weekly = document(run("show", DEMO, "--json", "--periods-per-year", "52"))["performance"]["sharpe_ratio"]
        risky = document(run("show", DEMO, "--json", "--risk-free-rate", "0.05"))["performance"]["sharpe_ratio"]

        assert weekly == pytest.approx(usual * (52 / 252) ** 0.5)
        assert risky < usual

    @pytest.mark.parametrize("option", [["--periods-per-year", "0"], ["--risk-free-rate", "-1"]])
    def test_ratios_that_make_no_sense_are_usage_errors(self, run: Run, option: list[str]) -> None:
        """No traceback, but what is allowed."""
        assert run("show", DEMO, *option).exit_code == 2

    def test_amounts_beyond_any_screen_are_shown(self, run: Run, database: Path) -> None:
        """A session may hold amounts that no float holds; its page is drawn all the same."""
        huge = new_session(id="huge", initial_cash="1E+900")
        huge.mark({}, at=moment(1))
        huge.cash -= 1
        huge.mark({}, at=moment(2))
        with SessionRepository(database) as repository:
            repository.save(huge)

        assert "1.000000E+900" in run("show", "huge").stdout


class TestSmallAmounts:
    """An account in BTC, whose gains and fees are far below a cent."""

    @pytest.fixture
    def bitcoin(self, database: Path) -> None:
        """It began with half a BTC and has gained 0.00012345."""
        session = new_session(id="btc", initial_cash="0.5", base_currency="BTC", status="RUNNING")
        session.mark({}, at=moment(1))
        session.cash += Decimal("0.00012345")
        session.realized_pnl = Decimal("0.00013023")
        session.fees_paid = Decimal("0.00000678")
        session.mark({}, at=moment(2))
        with SessionRepository(database) as repository:
            repository.save(session)

    @pytest.mark.usefixtures("bitcoin")
    @pytest.mark.parametrize(
        ("arguments", "parts"),
        [
            (["list", "--status", "running"], ["0.50012345", "+0.00012345"]),
            (["show", "btc"], ["0.50012345 BTC", "+0.00012345", "0.00000678", "0.50000000 ┤"]),
            (["status"], ["0.50012345", "+0.00012345"]),
            (["equity", "btc"], ["0.50012345", "+0.00012345"]),
        ],
    )
    def test_gains_and_fees_are_not_shown_as_nothing(self, run: Run, arguments: list[str], parts: list[str]) -> None:
        """Amounts have the places that they need."""
        output = run(*arguments).stdout

        assert all(part in output for part in parts), output

    @pytest.mark.usefixtures("bitcoin")
    def test_other_accounts_keep_two_places(self, run: Run) -> None:
        """Each session has its own."""
        assert "1,116,262.06 USD" in run("list").stdout


class TestIds:
    """How sessions are named on the command line."""

    def test_the_beginning_is_enough(self, run: Run) -> None:
        """As long as it names one session only."""
        assert document(run("show", "10", "--json"))["session"]["id"] == DEMO

    def test_a_beginning_of_several_is_a_usage_error(self, run: Run) -> None:
        """The candidates are named."""
        result = run("show", "run")

        assert result.exit_code == 2
        assert "'run' is the beginning of several ids: run-1, run-2" in result.stderr

    def test_a_whole_id_is_no_beginning(self, run: Run, database: Path) -> None:
        """An id that is also the beginning of another names itself."""
        with SessionRepository(database) as repository:
            repository.save(new_session(id="run-11"))

        assert document(run("show", "run-1", "--json"))["session"]["id"] == "run-1"

    @pytest.mark.parametrize(
        ("typed", "near"), [("rum-1", "run-1"), ("10e31298", DEMO), ("moving", DEMO), ("Runner 2", "run-2")]
    )
    def test_a_wrong_id_suggests_near_ones(self, run: Run, typed: str, near: str) -> None:
        """A slip of the finger, or the name, is enough to be shown the id."""
        result = run("show", typed)

        assert result.exit_code == 3
        assert f"there is no session {typed!r}; did you mean " in result.stderr
        assert near in result.stderr

    @pytest.mark.parametrize("typed", ["zzzzzz", "", "%", "*"])
    def test_an_id_like_no_other_suggests_the_list(self, run: Run, typed: str) -> None:
        """Nothing is guessed, and nothing is a wildcard."""
        result = run("show", typed)

        assert result.exit_code == 3
        assert "paper-repo list shows what there is" in result.stderr


class TestFills:
    """`paper-repo fills`."""

    def test_the_latest_are_shown(self, run: Run) -> None:
        """In the order in which they were recorded, with their places, and how many there are."""
        output = run("fills", DEMO, "--limit", "3").stdout

        assert [row[0] for row in rows_of(output)[:3]] == ["94", "95", "96"]
        assert "the latest 3 of 96 fills; --limit 0 shows all" in output

    def test_a_row_has_the_fill(self, run: Run) -> None:
        """When, what, at which price and fee, and for which order."""
        row = rows_of(run("fills", DEMO, "--limit", "1").stdout)[0]

        assert row == ["96", "2013-01-23", "14:30:00", "MSFT", "buy", "255", "27.20", "1.275", "entry-0133"]

    @pytest.mark.parametrize(
        ("arguments", "number"),
        [([], 96), (["--limit", "10"], 10), (["--symbol", "AAPL"], 11), (["--since", "2013-01-01"], 4)],
    )
    def test_the_document_has_what_was_asked_for(self, run: Run, arguments: list[str], number: int) -> None:
        """All without a limit; amounts exact."""
        found = document(run("fills", DEMO, "--json", *arguments))

        assert found["session_id"] == DEMO
        assert len(found["fills"]) == number
        assert all(set(fill) >= {"sequence", "id", "price", "executed_at", "order_id"} for fill in found["fills"])

    def test_symbol_and_time_go_together_with_a_limit(self, run: Run) -> None:
        """The latest that match are chosen."""
        every = document(run("fills", DEMO, "--json", "--symbol", "IBM", "--until", "2012-10-01"))["fills"]

        some = document(run("fills", DEMO, "--json", "--symbol", "IBM", "--until", "2012-10-01", "-n", "2"))["fills"]

        assert some == every[-2:]
        assert {fill["symbol"] for fill in every} == {"IBM"}
        assert max(fill["executed_at"] for fill in every) < "2012-10-01"

    def test_no_fills_are_told(self, run: Run) -> None:
        """In words for people, as an empty list for programs."""
        assert run("fills", "run-1").stdout == "no fills\n"
        assert document(run("fills", "run-1", "--json")) == {"session_id": "run-1", "fills": []}

    def test_unusual_fills_are_shown(self, run: Run, database: Path) -> None:
        """Small quantities keep their digits, rebates their sign, and markup in an id is only shown."""
        session = new_session(id="small")
        session.record_fill(new_fill(1, quantity="0.00000123", price="65000.5", fee="-0.25", order_id="[bold]o"))
        with SessionRepository(database) as repository:
            repository.save(session)

        (row,) = rows_of(run("fills", "small").stdout)

        assert row[-4:] == ["0.00000123", "65,000.50", "-0.25", "[bold]o"]


class TestEquity:
    """`paper-repo equity`."""

    def test_a_chart_and_a_thinned_table(self, run: Run) -> None:
        """Peaks and troughs are among the points shown, and the rest is announced."""
        output = run("equity", DEMO, "--points", "8").stdout

        assert "┤" in output
        assert "985,890.04" in output
        assert "1,116,262.06" in output
        assert "7 of 252 points" in output

    def test_the_document_has_every_point(self, run: Run) -> None:
        """Unless fewer are asked for."""
        assert len(document(run("equity", DEMO, "--json"))["points"]) == 252
        assert len(document(run("equity", DEMO, "--json", "--points", "20"))["points"]) <= 20

    def test_times_choose(self, run: Run) -> None:
        """From the first included to the second excluded."""
        found = document(run("equity", DEMO, "--json", "--since", "2012-03-02", "--until", "2012-03-06"))["points"]

        assert [point["at"][:10] for point in found] == ["2012-03-02", "2012-03-05"]

    def test_a_session_without_points(self, run: Run) -> None:
        """No chart, no table, and words that say so."""
        assert run("equity", "run-1").stdout == "no equity points\n"
        assert document(run("equity", "run-1", "--json"))["points"] == []
        assert document(run("equity", "run-1", "--json", "--points", "5"))["points"] == []

    def test_without_braille_asterisks_draw(self, command: Command) -> None:
        """Where only ASCII can be written the chart is drawn with it, and nothing fails."""
        done = command("equity", DEMO, env=os.environ | {"PYTHONIOENCODING": "ascii"})

        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.isascii()
        assert "***" in done.stdout

    def test_fewer_than_four_points_make_no_chart(self, run: Run) -> None:
        """It is a usage error."""
        assert run("equity", DEMO, "--points", "3").exit_code == 2


class TestStatus:
    """`paper-repo status`."""

    def test_running_sessions_would_be_resumed(self, run: Run) -> None:
        """They are listed, and how many others there are."""
        output = run("status").stdout

        assert "2 sessions would resume after a restart" in output
        assert "Runner 1" in output
        assert "Runner 2" in output
        assert "besides: 1 CREATED, 1 STOPPED, 1 FAILED" in output

    def test_nothing_to_resume(self, run: Run, database: Path) -> None:
        """It is said in words."""
        with SessionRepository(database) as repository:
            repository.delete_many(status=SessionStatus.RUNNING)

        assert run("status").stdout.startswith(
            "no session is RUNNING\na program that asks for one of the others by its id can still resume it\n1 CREATED"
        )

    def test_the_document_has_the_sessions_and_the_counts(self, run: Run) -> None:
        """Every status is counted, those without a session too."""
        found = document(run("status", "--json"))

        assert [each["session"]["id"] for each in found["active"]] == ["run-1", "run-2"]
        assert found["counts"] == {"CREATED": 1, "RUNNING": 2, "PAUSED": 0, "STOPPED": 1, "FAILED": 1}


class TestInfo:
    """`paper-repo info`."""

    def test_versions_file_settings_and_counts(self, run: Run, database: Path) -> None:
        """What a report of a problem needs."""
        output = run("info").stdout

        for part in ("paper_repo", "peewee", str(database), "journal_mode  ", "wal", "equity points"):
            assert part in output

    def test_the_document(self, run: Run, database: Path) -> None:
        """The same for programs."""
        found = document(run("info", "--json"))

        assert found["versions"]["paper_repo"] == "0.1.0"
        assert found["database"]["database"] == str(database)
        assert found["database"]["exists"]
        assert (found["database"]["sessions"], found["database"]["fills"]) == (5, 96)
        assert found["database"]["by_status"]["RUNNING"] == 2

    def test_without_a_database_it_tells_where_it_would_be(self, run: Run, tmp_path: Path) -> None:
        """Looking does not create it."""
        missing = tmp_path / "missing.db"

        output = run("info", "--db", str(missing)).stdout

        assert "does not exist yet" in output
        assert document(run("info", "--db", str(missing), "--json"))["database"]["exists"] is False
        assert not missing.exists()


class TestDatabase:
    """Which database is looked at."""

    @pytest.mark.parametrize(
        "arguments",
        [
            ["list"],
            ["show", "x"],
            ["fills", "x"],
            ["equity", "x"],
            ["status"],
            ["export"],
            ["delete", "x"],
            ["prune", "--symbol", "X"],
            ["rename", "x", "y"],
        ],
    )
    def test_a_file_that_is_not_there_is_not_created(self, run: Run, tmp_path: Path, arguments: list[str]) -> None:
        """The message names it and the ways out."""
        missing = tmp_path / "missing.db"

        result = run(*arguments, "--db", str(missing))

        assert result.exit_code == 3
        assert f"there is no database at {missing}; name one with --db or PAPER_REPO_DB" in result.stderr
        assert not missing.exists()

    def test_the_option_comes_before_the_variable(self, run: Run, tmp_path: Path) -> None:
        """--db names another file than PAPER_REPO_DB."""
        with SessionRepository(tmp_path / "other.db") as other:
            other.save(new_session(id="other"))

        found = document(run("list", "--json", "--db", str(tmp_path / "other.db")))["sessions"]

        assert [each["id"] for each in found] == ["other"]

    def test_without_either_it_is_the_users_data_folder(self, run: Run, tmp_path: Path) -> None:
        """As the system's conventions have it; reading creates neither file nor folder."""
        result = run("list", env={"PAPER_REPO_DB": None, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "d")})

        assert result.exit_code == 3
        assert os.path.join("paper_repo", "sessions.db") in result.stderr  # noqa: PTH118 - a part of a message
        assert not (tmp_path / "d").exists()

    @pytest.mark.parametrize(
        ("content", "complaint"),
        [(b"hello, this is no database at all", "not an SQLite database"), (None, "this is a folder")],
    )
    def test_another_file_is_refused_untouched(
        self, run: Run, tmp_path: Path, content: bytes | None, complaint: str
    ) -> None:
        """The library's own message, and exit code 1."""
        path = tmp_path / "thing"
        if content is None:
            path.mkdir()
        else:
            path.write_bytes(content)

        result = run("list", "--db", str(path))

        assert result.exit_code == 1
        assert complaint in result.stderr
        assert content is None or path.read_bytes() == content
