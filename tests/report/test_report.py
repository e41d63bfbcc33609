"""The report as a file: what it holds, and that nothing of it can do harm."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from paper_repo import (
    AsyncSessionRepository,
    CashFlow,
    Fill,
    PaperTradingSession,
    SessionRepository,
    StorageError,
    Strategy,
)
from paper_repo.core.repository import internals_of
from paper_repo.report import write_report
from tests.report.examples import EVIL, account_session, demo_session, evil_session, walk


class Page(HTMLParser):
    """What a browser's parser would make of the file."""

    VOID = frozenset(["meta", "link", "img", "br", "hr", "input"])

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)

    @property
    def text(self) -> str:
        """All that is to be read."""
        return " ".join(text for tag, texts in self.texts.items() if tag not in ("script", "style") for text in texts)


@pytest.fixture
def repository(path: Path) -> Iterator[SessionRepository]:
    """A repository with the demo's session, a hostile one, one that has done nothing, and two more."""
    with SessionRepository(path, durability="normal") as repository:
        empty = PaperTradingSession(id="empty", strategy=Strategy("s"), initial_cash=1000)
        repository.save_many([demo_session(), evil_session(), empty, walk(1), walk(2)])
        yield repository


def report(repository: SessionRepository, *ids: str) -> Page:
    """The report on these sessions, parsed."""
    target = Path(internals_of(repository).storage.name).with_name("report.html")
    write_report(repository, ids, target, overwrite=True)
    return Page(target.read_text(encoding="utf-8"))


ALL = ("demo", EVIL, "empty", "walk-1", "walk-2")


@pytest.mark.parametrize("ids", [("demo",), (EVIL,), ("empty",), ALL], ids=["demo", "evil", "empty", "all"])
def test_only_its_own_scripts_and_styles_may_run(repository: SessionRepository, ids: tuple[str, ...]) -> None:
    """The policy in the file names its one script and its one style sheet by their hashes, and nothing else."""
    page = report(repository, *ids)

    (policy,) = [attrs["content"] for tag, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    source = Path(internals_of(repository).storage.name).with_name("report.html").read_text(encoding="utf-8")
    (script,) = re.findall(r"<script>(.*?)</script>", source, flags=re.DOTALL)
    (style,) = re.findall(r"<style>(.*?)</style>", source, flags=re.DOTALL)
    assert policy == (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    assert source.index("Content-Security-Policy") < source.index("<title>") < source.index("<style>")


@pytest.mark.parametrize("ids", [(EVIL,), ALL], ids=["evil", "all"])
def test_a_strangers_text_is_text(repository: SessionRepository, ids: tuple[str, ...]) -> None:
    """Whatever names and ids hold, no tag and no attribute comes from them, and nothing that cannot be seen."""
    page = report(repository, *ids)
    harmless = report(repository, "demo", "walk-1")

    known = {tag for tag, _ in harmless.tags} | {"p", "details"}
    assert {tag for tag, _ in page.tags} <= known
    attributes = {name for _, attrs in page.tags for name in attrs}
    assert not any(name.startswith("on") or name in ("style", "src", "srcset") for name in attributes)
    assert {attrs["href"] for tag, attrs in page.tags if "href" in attrs and tag != "link"} <= {
        f"#session-{number}" for number in range(len(ids))
    }
    source = Path(internals_of(repository).storage.name).with_name("report.html").read_text(encoding="utf-8")
    assert not {character for character in source if not character.isprintable()} - {"\n"}
    assert "<script>document.title='PWNED'" in page.text
    assert r"\u202e\x00\x1b]0;x\x07" in page.text


def test_a_session_is_shown(repository: SessionRepository) -> None:
    """Figures, monthly returns, drawdowns, trades, positions and orders are there."""
    page = report(repository, "demo")

    for part in (
        *["Moving-average crossover", "1,116,262.06", "+116,262.06", "+11.63 %", "-5.27 %", "1.78", "58.3 %"],
        *["Monthly returns", "2012", "-3.0", "Deepest drawdowns", "2012-09-14", "Closed trades", "+14,275.79"],
        *["Open positions", "short", "665.2000", "Open orders", "sell limit", "28.61"],
    ):
        assert part in page.text


def test_an_account_is_shown(repository: SessionRepository) -> None:
    """Cash flows and closed orders, the newest first; what was paid in or out is named beside what it began with."""
    repository.save(account_session())

    page = report(repository, "account")

    for part in (
        *["USD", ", began with 10,000.00, 3,000.00 paid in since", "fees 1.00, income +234.60", "Cash flows"],
        *["+5,000.00", "-2,000.00", "deposit", "withdrawal", "dividend", "-6.90", "Closed orders", "cancelled"],
    ):
        assert part in page.text
    kinds = [text for text in page.texts["td"] if text in ("deposit", "withdrawal", "dividend", "tax")]
    assert kinds[:3] == ["withdrawal", "tax", "dividend"]
    assert kinds.count("deposit") == 1


def test_money_that_was_paid_in_is_no_growth(repository: SessionRepository) -> None:
    """The charts of several sessions leave it out, as the returns beside them do."""
    session = account_session()
    repository.save(session)

    page = report(repository, "account", "walk-1")

    growth = json.loads(next(text for text in page.texts["script"] if text.startswith("{")))["lines"][0]
    assert growth["name"] == session.name
    assert growth["v"][-1] == pytest.approx(repository.get_performance(session.id).total_return)
    assert max(growth["v"]) < 0.1 < float(session.net_deposits / session.initial_cash)
    assert "Deposits" in page.text
    assert "Deposits" not in report(repository, "walk-2", "walk-1").text


def test_nothing_is_shown_as_nothing(repository: SessionRepository) -> None:
    """A session that has done nothing has a page, too."""
    page = report(repository, "empty")

    assert "There is no equity curve yet" in page.text
    assert "Closed trades" not in page.texts.get("h3", [])
    assert "figure" not in {tag for tag, _ in page.tags}


def test_several_together(repository: SessionRepository) -> None:
    """Several sessions have a table side by side, one chart of their growth, and each its own part."""
    page = report(repository, "walk-1", "empty", "walk-2")

    assert "3 paper-trading sessions" in page.text
    assert [tag for tag, _ in page.tags].count("details") == 3
    identities = [str(attrs["id"]) for _, attrs in page.tags if "id" in attrs]
    assert len(identities) == len(set(identities))
    assert {"growth", "drawdown", "session-0", "session-1", "session-2", "equity-0", "equity-2"} <= set(identities)


def test_several_of_which_none_has_a_return(repository: SessionRepository) -> None:
    """Two that have done nothing, and accounts that began with nothing but a deposit."""
    start = datetime(2025, 1, 1, tzinfo=UTC)
    for name in ("new", "paid-in"):
        session = PaperTradingSession(id=name, strategy=Strategy("s"), symbols=["A"], initial_cash=0)
        if name == "paid-in":
            session.start(start)
            session.apply_cash_flow(CashFlow("d", "DEPOSIT", 100, start))
            session.mark({}, at=start)
        repository.save(session)

    for ids in (("new", "empty"), ("new", "paid-in"), ("paid-in", "new", "empty")):
        page = report(repository, *ids)
        assert "None of them has a return" in page.text
        assert [tag for tag, _ in page.tags].count("details") == len(ids)
    assert "None of them has a return" not in report(repository, "paid-in", "walk-1").text


@pytest.mark.parametrize(
    ("began_with", "came"),
    [("100", "1E+400"), ("100", "1E-400"), ("1E-400", "1"), ("100", "1E+305"), ("1E+400", "1E+400")],
)
def test_amounts_that_no_float_holds(repository: SessionRepository, began_with: str, came: str) -> None:
    """Are drawn at the edge, whichever way they went; a ratio of them is not known."""
    start = datetime(2025, 1, 1, tzinfo=UTC)
    for name, sign in (("rich", ""), ("poor", "-")):
        session = PaperTradingSession(id=name, strategy=Strategy("s"), symbols=["A"], initial_cash=began_with)
        session.start(start)
        session.mark({}, at=start)
        session.apply_cash_flow(CashFlow("d", "DIVIDEND", f"{sign}{came}", start + timedelta(days=1)))
        session.apply_fill(Fill("f", "A", "BUY", 1, came, 0, start + timedelta(days=2)))
        session.mark({"A": came}, at=start + timedelta(days=40))
        repository.save(session)

    for ids in (("rich",), ("poor",), ("rich", "poor", "walk-1")):
        page = report(repository, *ids)
        for text in (each for each in page.texts["script"] if each.startswith("{")):
            data = json.loads(text)
            assert all(data["low"] <= value <= data["high"] for line in data["lines"] for value in line["v"])
        assert not re.search(r"\b(inf|nan)\b", page.text)
        assert "–" not in page.texts["span"]  # every line of a chart has its number


@pytest.mark.parametrize(("ids", "since_start"), [(("walk-1", "walk-2"), False), (("demo", "walk-1"), True)])
def test_sessions_of_different_times(repository: SessionRepository, ids: tuple[str, ...], since_start: bool) -> None:
    """Sessions that lie far apart in time are drawn over each other by days since their start."""
    page = report(repository, *ids)

    data = json.loads(next(text for text in page.texts["script"] if text.startswith("{")))
    assert data["since"] is since_start
    assert all((line["t"][0] == 0) is since_start for line in data["lines"])
    assert ("day 0" in page.text) is since_start


def test_an_id_counts_once(repository: SessionRepository) -> None:
    """An id may be given alone, and one given twice is shown once."""
    target = Path(internals_of(repository).storage.name).with_name("one.html")

    write_report(repository, "demo", target)
    write_report(repository, ["demo", "demo"], target, overwrite=True)

    assert "<h1><bdi>Moving-average crossover</bdi></h1>" in target.read_text(encoding="utf-8")


def test_from_the_facade(repository: SessionRepository, path: Path, tmp_path: Path) -> None:
    """The async facade is reported on as well, in a thread of the caller's."""
    facade = AsyncSessionRepository(SessionRepository(path))

    write_report(facade, "demo", tmp_path / "report.html")

    facade.core.close()
    assert (tmp_path / "report.html").exists()


def test_the_file_is_the_owners(repository: SessionRepository, tmp_path: Path) -> None:
    """It can be read by its owner alone; what is there is replaced only when that is asked for."""
    target = tmp_path / "report.html"
    write_report(repository, "demo", target)

    with pytest.raises(StorageError, match="there is such a file already"):
        write_report(repository, "empty", target)

    assert "Moving-average" in target.read_text(encoding="utf-8")
    assert sys.platform == "win32" or stat.S_IMODE(target.stat().st_mode) == 0o600
    write_report(repository, "empty", target, overwrite=True)
    assert "Moving-average" not in target.read_text(encoding="utf-8")


def test_nothing_is_left_after_an_error(repository: SessionRepository, tmp_path: Path) -> None:
    """When a session is not there, no file is either; a report on nothing is refused."""
    with pytest.raises(LookupError):
        write_report(repository, ["demo", "nobody"], tmp_path / "report.html")
    with pytest.raises(ValueError, match="at least one session"):
        write_report(repository, [], tmp_path / "report.html")

    assert not list(tmp_path.glob("*.html*"))


def test_no_extra_is_needed(tmp_path: Path) -> None:
    """A report needs nothing but what the library itself needs."""
    program = "import sys, paper_repo.report; print(*{each.split('.')[0] for each in sys.modules})"

    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)

    assert {"pyarrow", "pandas", "rich", "typer"}.isdisjoint(done.stdout.split())


def _hash(source: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
