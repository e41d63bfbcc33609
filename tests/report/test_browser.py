"""The report in a real browser: it draws, answers to pointer and keyboard, prints, and runs nobody else's script."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from paper_repo import PaperTradingSession, SessionRepository, Strategy
from paper_repo.report import write_report
from tests.report.browser import PROGRAM, Tab, browser
from tests.report.examples import EVIL, account_session, demo_session, evil_session, walk

pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason=f"there is no Chromium at {PROGRAM}")

SCREENSHOTS = os.environ.get("SCREENSHOTS")
"""A folder for pictures of all pages, for people to look at."""

NAMES = ("demo", "evil", "empty", "account", "together")


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    """A page in a browser, for all tests."""
    with browser(tmp_path_factory.mktemp("profile")) as tab:
        yield tab


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the reports."""
    folder = tmp_path_factory.mktemp("reports")
    with SessionRepository(folder / "s.db", durability="normal") as repository:
        empty = PaperTradingSession(id="empty", strategy=Strategy("s"), initial_cash=1000)
        walks = [walk(number) for number in range(17)]
        repository.save_many([demo_session(), evil_session(), account_session(), empty, *walks])
        together = ["demo", EVIL, "account", *(each.id for each in walks)]
        for name, ids in zip(NAMES, (["demo"], [EVIL], ["empty"], ["account"], together), strict=True):
            write_report(repository, ids, folder / f"{name}.html")
    return folder


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", NAMES)
def test_every_page_opens(tab: Tab, reports: Path, name: str, width: int, dark: bool) -> None:
    """On a phone and a desktop, light and dark: no complaint, no request, no stranger's script, nothing too wide."""
    tab.open(reports / f"{name}.html", width=width, dark=dark)

    assert tab.problems() == []
    assert tab.run("window.pwned === undefined && !document.title.startsWith('PWNED')")
    assert tab.run("document.documentElement.scrollWidth") <= width
    paper = tab.run("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(20, 23, 28)" if dark else "rgb(255, 255, 255)")
    if SCREENSHOTS:
        tab.screenshot(Path(SCREENSHOTS) / f"report-{name}-{width}-{'dark' if dark else 'light'}.png")


def test_a_script_that_got_in_would_not_run(tab: Tab, reports: Path, tmp_path: Path) -> None:
    """Even if text became markup, the policy in the file keeps its scripts, handlers and styles from running."""
    hole = "<script>window.pwned=1</script><img src=x onerror='window.pwned=1'><b id=b style='color:red'>b</b>"
    page = tmp_path / "hole.html"
    page.write_text((reports / "demo.html").read_text().replace("<main>", f"<main>{hole}"))

    tab.open(page, width=1280)

    assert tab.run("window.pwned === undefined")
    assert tab.run("getComputedStyle(document.getElementById('b')).color") != "rgb(255, 0, 0)"
    assert tab.run("document.documentElement.classList.contains('scripted')")
    assert len([each for each in tab.problems() if "Content Security Policy" in str(each)]) >= 3


def test_points_are_read_out(tab: Tab, reports: Path) -> None:
    """The pointer and the arrow keys read points out, in text that a screen reader announces."""
    tab.open(reports / "demo.html", width=1280)
    box = tab.run("(b => [b.left, b.top, b.width, b.height])(document.querySelector('.plot').getBoundingClientRect())")

    tab.call("Input.dispatchMouseEvent", type="mouseMoved", x=box[0] + box[2] - 1, y=box[1] + 20)
    by_pointer = tab.run("document.querySelector('output').textContent")
    tab.run("document.querySelector('.plot').focus()")
    tab.press("Home")
    first = tab.run("document.querySelector('output').textContent")
    tab.press("ArrowRight")
    second = tab.run("document.querySelector('output').textContent")

    assert by_pointer == "2013-03-01 21:00 UTC: 1,116,262.06"
    assert first == "2012-03-01 14:30 UTC: 1,000,000.00"
    assert second.startswith("2012-03-01 21:00 UTC")
    assert tab.run("document.querySelector('output').getAttribute('aria-live')") == "polite"


def test_a_drawdown_is_shown(tab: Tab, reports: Path) -> None:
    """The button of a drawdown marks its time in both charts, and takes the mark away again; by keyboard, too."""
    tab.open(reports / "demo.html", width=1280)
    marked = "[...document.querySelectorAll('.range')].map(each => Number(each.getAttribute('width')))"

    tab.run("document.querySelector('button[data-from]').focus()")
    tab.call("Input.dispatchKeyEvent", type="keyDown", key="Enter", code="Enter", text="\r", windowsVirtualKeyCode=13)
    widths = tab.run(marked)
    tab.run("document.querySelector('button[data-from]').click()")

    assert len(widths) == 2
    assert all(200 < each < 350 for each in widths)
    assert tab.run(marked) == [0, 0]


def test_a_session_is_picked(tab: Tab, reports: Path) -> None:
    """Of several sessions one can be picked from the legend: its lines stand out, and its points are read out."""
    tab.open(reports / "together.html", width=1280)

    tab.run("document.querySelectorAll('.legend button')[3].click(); document.querySelector('.plot').focus()")
    tab.press("End")

    assert tab.run("[...document.querySelectorAll('.plot .line.on')].map(each => each.dataset.line)") == ["3", "3"]
    assert "Day 299.0: Walk 0 " in tab.run("document.querySelector('output').textContent")
    assert tab.run("document.querySelectorAll('.legend button[aria-pressed=true]').length") == 1


def test_the_order_of_the_keyboard(tab: Tab, reports: Path) -> None:
    """Everything that can be worked with has the focus in turn, and a name."""
    tab.open(reports / "demo.html", width=1280)

    names = tab.run(
        "[...document.querySelectorAll('[tabindex], button, a[href], summary')]"
        ".map(each => each.getAttribute('aria-label') || each.textContent)"
    )

    assert len(names) >= 10
    assert all(names)


def test_printed_on_two_pages(tab: Tab, reports: Path, tmp_path: Path) -> None:
    """The demo's year prints to two pages, dark screen or not."""
    tab.open(reports / "demo.html", width=1280, dark=True)

    tab.pdf(tmp_path / "report.pdf")

    assert len(re.findall(rb"/Type\s*/Page\b", (tmp_path / "report.pdf").read_bytes())) == 2
