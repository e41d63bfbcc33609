"""Hostile text in every field, through every command: nothing of it reaches a terminal, and no command fails of it."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import os
import subprocess
from pathlib import Path

import pytest

from paper_repo import (
    CashFlow,
    EquityPoint,
    Fill,
    Order,
    PaperTradingSession,
    SessionRepository,
    Split,
    Strategy,
)
from tests.builders import moment
from tests.cli.conftest import Command, Run

HOSTILE = "=[/x][link=http://e.vil]a[/link]\x1b[2J\x9b31m\x1b]8;;http://e.vil\x07\u202eb\r\n\tc\x7f"
"""Markup that closes nothing, links, escape sequences of one byte and of two, a bidi override, line ends, a formula."""

FORBIDDEN = [*map(chr, range(32)), *map(chr, range(0x7F, 0xA0)), "\u202e", "\u2066"]
INTO = ["show", "fills", "equity", "trades", "orders", "positions", "cash"]
LOOKING = ["list", "status", "info", "check", *INTO]


def hostile_session(session_id: str, status: str = "RUNNING") -> PaperTradingSession:
    """A session whose every text is hostile."""
    session = PaperTradingSession(
        id=session_id,
        name=HOSTILE,
        strategy=Strategy(HOSTILE, version=HOSTILE),
        symbols=[HOSTILE],
        base_currency=HOSTILE,
        initial_cash=1000,
        created_at=moment(0),
        state={HOSTILE: HOSTILE},
        metadata={HOSTILE: HOSTILE},
    )
    session.start(at=moment(0))
    session.apply_fill(Fill(HOSTILE, HOSTILE, "BUY", "1", price="10", order_id=HOSTILE, executed_at=moment(1)))
    session.apply_fill(
        Fill(
            f"3{HOSTILE}",
            HOSTILE,
            "SELL",
            "0.5",
            price="10",
            fee="0",
            executed_at=moment(1),
            metadata={HOSTILE: HOSTILE},
        )
    )
    session.apply_fill(
        Fill(f"4{HOSTILE}", HOSTILE, "BUY", "1", price="10", position_id=HOSTILE, fee="0", executed_at=moment(1))
    )
    session.apply_fill(
        Fill(f"5{HOSTILE}", HOSTILE, "SELL", "1", price="11", position_id=HOSTILE, fee="0", executed_at=moment(1))
    )
    order = Order(
        *(f"2{HOSTILE}", HOSTILE, "BUY", "LIMIT", "1"),
        limit_price="5",
        oco_group=HOSTILE,
        position_id=HOSTILE,
        created_at=moment(1),
    )
    session.place_order(order)
    session.place_order(dataclasses.replace(order, id=f"6{HOSTILE}", parent_id=order.id, oco_group=None))
    session.place_order(dataclasses.replace(order, id=f"7{HOSTILE}", oco_group=None))
    session.cancel_order(f"7{HOSTILE}", at=moment(1))
    session.update_rates({f"8{HOSTILE}": 2})
    session.apply_cash_flow(CashFlow(HOSTILE, "DIVIDEND", 1, moment(1), currency=f"8{HOSTILE}", symbol=HOSTILE))
    session.apply_split(Split(f"9{HOSTILE}", HOSTILE, 2, moment(1)))
    session.record_equity(EquityPoint(at=moment(1), cash=990, equity=1001))
    session.record_equity(EquityPoint(at=moment(2), cash=990, equity=1002))
    if status == "FAILED":
        session.fail(HOSTILE)
    return session


@pytest.fixture
def hostile(database: Path) -> Path:
    """A database with two hostile sessions besides the others."""
    with SessionRepository(database) as repository:
        repository.save(hostile_session(f"h{HOSTILE}"))
        repository.save(hostile_session(f"f{HOSTILE}", "FAILED"))
    return database


def harmless(shown: str) -> bool:
    """Whether a terminal would only show it."""
    return not any(each in shown.replace("\n", "") for each in FORBIDDEN)


@pytest.mark.parametrize("name", LOOKING)
@pytest.mark.parametrize("width", [None, 60, 80, 200])
def test_what_is_looked_at_is_only_shown(run: Run, hostile: Path, name: str, width: int | None) -> None:
    """As tables, at any width, of a session that runs and of one that has failed."""
    for beginning in ["h", "f"] if name in INTO else [""]:
        result = run(*filter(None, [name, beginning]), width=width)

        assert result.exit_code in (0, 1 if name == "check" else 0), result.output
        assert harmless(result.output)
        if name in ("list", "show", "fills", "status"):
            assert "[/x]" in result.output or width == 60


@pytest.mark.parametrize("name", LOOKING)
def test_documents_hold_the_exact_text_in_ascii(run: Run, hostile: Path, name: str) -> None:
    """A program gets the text as it is stored; a terminal gets nothing to obey."""
    arguments = [name, "h", "--json"] if name in INTO else [name, "--json"]

    result = run(*arguments)

    assert harmless(result.output)
    found = json.dumps(json.loads(result.stdout))
    assert json.dumps(HOSTILE)[1:-1] in found or name in ("info", "check")


@pytest.mark.parametrize("width", [None, 60, 200])
def test_a_comparison_is_only_shown(run: Run, hostile: Path, width: int | None) -> None:
    """Of names, ids, symbols and currencies, in tables and in sentences."""
    for result in (run("compare", "h", "run-1", width=width), run("compare", "run-1", "h", width=width)):
        assert result.exit_code == 0
        assert harmless(result.output)
        assert "[/x]" in result.output
    assert harmless(run("compare", "h", "f", "--json").output)


def test_changes_are_told_harmlessly(run: Run, hostile: Path, tmp_path: Path) -> None:
    """Renaming, pruning, deleting, exporting, importing, copying and restoring quote names, ids and paths."""
    folder = tmp_path / "f\x1b[2J\u202e\n"
    folder.mkdir()
    done = [
        run("rename", "f", HOSTILE),
        run("rename", "h", "x"),
        run("prune", "--strategy", HOSTILE, "--dry-run"),
        run("export", "-o", str(folder / "a.jsonl")),
        run("export", "-o", str(folder / "a.jsonl")),
        run("import", str(folder / "a.jsonl")),
        run("import", str(folder / "none.jsonl")),
        run("import", "--db", str(folder / "new.db"), str(folder / "a.jsonl")),
        run("backup", str(folder / "b.db")),
        run("backup", str(folder / "b.db")),
        run("restore", str(folder / "b.db")),
        run("restore", str(folder / "b.db"), "--yes"),
        run("restore", str(folder / "none.db"), "--yes"),
        run("copy", str(folder / "c.db")),
        run("salvage", str(folder / "s.db")),
        run("salvage", str(folder / "none" / "s.db")),
        run("compact", "--db", str(folder / "none.db")),
        run("info", "--db", str(folder / "none.db")),
        run("list", "--db", str(folder / "none.db")),
        run("list", "--db", str(folder)),
        run("delete", "h", "--yes"),
    ]

    assert [each.exit_code for each in done] == [0, 4, 0, 0, 4, 4, 3, 0, 0, 4, 2, 0, 3, 0, 0, 1, 3, 0, 3, 1, 0]
    assert all(harmless(each.output) for each in done)


@pytest.mark.parametrize(
    "arguments",
    [
        [HOSTILE],
        [f"--{HOSTILE}"],
        ["list", f"--{HOSTILE}"],
        ["list", "--status", HOSTILE],
        ["list", "--order-by", HOSTILE],
        ["list", "--limit", HOSTILE],
        ["list", "--created-from", HOSTILE],
        ["list", "--db", f"{HOSTILE}://user:pass@host/x"],
        ["list", "--passphrase-file", HOSTILE],
        ["show", HOSTILE],
        ["show", "x", "--periods-per-year", HOSTILE],
        ["export", "--format", HOSTILE],
        ["show", "h", HOSTILE],
    ],
)
def test_a_wrong_argument_is_quoted_harmlessly_in_one_line(run: Run, hostile: Path, arguments: list[str]) -> None:
    """On standard error, with a documented exit code."""
    result = run(*arguments)

    assert result.exit_code in (2, 3)
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert harmless(result.stderr)


@pytest.mark.parametrize(
    "line",
    [
        json.dumps({HOSTILE: 1}),
        json.dumps({"type": HOSTILE}),
        json.dumps({"type": "session", HOSTILE: HOSTILE}),
        '{"a": ' + "9" * 3_000_000,
        '"' + "x" * 3_000_000 + '"',
        "\x1b[2J",
    ],
)
def test_an_archive_is_refused_harmlessly_in_one_short_line(run: Run, tmp_path: Path, line: str) -> None:
    """Whatever its keys, types and values, and however long."""
    head = json.dumps({"format": "paper_repo archive", "version": 1})

    result = run("import", "-", "--db", str(tmp_path / "new.db"), input=f"{head}\n{line}\n")

    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert len(result.stderr) < 2000
    assert harmless(result.stderr)


class TestCsv:
    """CSV for people, who open it with a spreadsheet."""

    def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(self, run: Run, hostile: Path) -> None:
        """In every column of text; amounts that are negative stay numbers."""
        with SessionRepository(hostile) as repository:
            session = PaperTradingSession(id="=id", strategy=Strategy("x"), initial_cash=1, created_at=moment(99))
            session.record_fill(
                Fill("+f", "@s", "BUY", "1", price="1", fee="-0.5", order_id="-o", executed_at=moment(1))
            )
            session.record_equity(EquityPoint(at=moment(1), cash="-3", equity="-2"))
            repository.save(session)

        fills = list(csv.DictReader(io.StringIO(run("export", "=id", "-f", "fills").stdout)))
        exact = list(csv.DictReader(io.StringIO(run("export", "=id", "-f", "fills", "--exact-text").stdout)))
        points = list(csv.DictReader(io.StringIO(run("export", "=id", "-f", "equity").stdout)))

        text = ("session_id", "id", "symbol", "order_id")
        assert [fills[0][each] for each in text] == ["'=id", "'+f", "'@s", "'-o"]
        assert [exact[0][each] for each in text] == ["=id", "+f", "@s", "-o"]
        assert fills[0]["fee"] == "-0.5"
        assert (points[0]["cash"], points[0]["equity"]) == ("-3", "-2")

    def test_every_row_can_be_read_back(self, run: Run, hostile: Path) -> None:
        """Without the apostrophe in front it is what was stored."""
        written = run("export", "h", "-f", "fills").stdout_bytes.decode()
        rows = list(csv.DictReader(io.StringIO(written, newline="")))

        assert rows[0]["id"].removeprefix("'") == HOSTILE


class TestCompletion:
    """Ids on the line that a person is about to run."""

    def _completed(self, command: Command, shell: str, words: str) -> str:
        variables = {"_PAPER_REPO_COMPLETE": f"complete_{shell}"}
        variables |= {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1)}
        variables |= {"_TYPER_COMPLETE_ARGS": words, "_TYPER_COMPLETE_WORD_TO_COMPLETE": words.split(" ")[-1]}
        variables |= {"_TYPER_COMPLETE_FISH_ACTION": "get-args"}
        done = command(env=os.environ | variables)
        assert done.stderr == ""
        return str(done.stdout)

    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
    def test_a_hostile_id_is_not_offered(self, command: Command, hostile: Path, shell: str) -> None:
        """It would run, or change the terminal, when the line is shown or run."""
        shown = self._completed(command, shell, "paper-repo show h")

        assert harmless(shown)
        assert "e.vil" not in shown

    def test_what_bash_inserts_is_one_word(self, command: Command, database: Path, tmp_path: Path) -> None:
        """Bash runs the completed line without running the id."""
        harm = tmp_path / "harm"
        with SessionRepository(database) as repository:
            repository.save(PaperTradingSession(id=f"x; touch {harm}", strategy=Strategy("x"), initial_cash=1))

        word = self._completed(command, "bash", "paper-repo show x").strip()
        said = subprocess.run(["bash", "-c", f"printf %s {word}"], capture_output=True, check=True).stdout.decode()

        assert said == f"x; touch {harm}"
        assert not harm.exists()
