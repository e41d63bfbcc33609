"""What README.md and the pages of docs/ show, tried as a reader would."""

from __future__ import annotations

import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
NAMES = ("README.md", "CONTRIBUTING.md", "GUARANTEES.md", "SECURITY.md")
PAGES = [*(ROOT / name for name in NAMES), *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"```python\n(?P<code>.*?)```\n(?:\n```text\n(?P<output>.*?)```)?", flags=re.DOTALL)
CONTENTS = re.compile(r"```\{toctree\}\n(?::\w+:\n)*\n?(.*?)```", flags=re.DOTALL)
LINK = re.compile(r"\]\((?!https?://)([^)#]*)(?:#([^)]*))?\)")


class Example(NamedTuple):
    """A block of Python on a page, with the output that stands below it."""

    name: str
    code: str
    output: str | None


EXAMPLES = [
    Example(f"{page.parent.name}-{page.stem}-{number}", match["code"], match["output"])
    for page in PAGES
    for number, match in enumerate(BLOCK.finditer(page.read_text()), 1)
    if page.stem != "results"  # its blocks build on each other: tests/test_results_page.py
    and page.stem not in ("backtesting", "backtrader")  # so do these, on real prices: tests/engines/test_pages.py
    and "class Test" not in match["code"]  # these run in tests/contract/test_published.py
    and "paper_repo.desktop" not in match["code"]  # these show windows: tests/desktop/test_docs.py
]


def run(code: str, folder: Path) -> str:
    """What a program prints that runs in this folder, without a warning."""
    program = folder / "example.py"
    program.write_text(code)
    command = [sys.executable, "-W", "error", str(program)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_examples_run_twice(example: Example, tmp_path: Path) -> None:
    """Every example runs in an empty folder, and again in what it has left there.

    It prints what the page says: the same both times, or what the page shows of both runs, one after the other.
    """
    first, second = run(example.code, tmp_path), run(example.code, tmp_path)

    if example.output is not None:
        assert example.output in (first + second, first)
        assert example.output != first or second == first


def test_extras_that_pages_name_exist() -> None:
    """Whatever is to be installed with `pip install '.[...]'`, and every extra that the README lists, is there."""
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    named = set(re.findall(r"extras are (.*?)\.", (ROOT / "README.md").read_text(), re.DOTALL)[0].split("`")[1::2])
    for page in PAGES:
        for several in re.findall(r"(?:\bpaper_repo|'\.)\[([a-z,]+)\]", page.read_text()):
            named.update(several.split(","))

    assert "desktop" in named
    assert named <= set(setup["options.extras_require"])


def test_the_readme_is_short() -> None:
    """It is read in two minutes."""
    assert len((ROOT / "README.md").read_text().split()) <= 700


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every file that a page links to is there, and every heading."""
    for target, heading in LINK.findall(page.read_text()):
        file = (page.parent / target) if target else page
        assert file.exists(), target
        assert not heading or heading in headings(file), heading


def test_the_readme_leads_to_every_page() -> None:
    """Every page of docs/ is linked to from the README, or from a page that is, or stands in its list of contents."""
    reached, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop().resolve()
        if page not in reached and page.suffix == ".md":
            reached.add(page)
            waiting += [page.parent / target for target, _ in LINK.findall(page.read_text()) if target]
            waiting += contents(page)

    assert set(PAGES) <= reached


def contents(page: Path) -> list[Path]:
    """The pages in the list of contents of a page."""
    listed = [entry for block in CONTENTS.findall(page.read_text()) for entry in block.split()]
    return [found for entry in listed for found in page.parent.glob(f"{entry}.md")]


def headings(page: Path) -> set[str]:
    """The names by which the headings of a page are linked to."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
