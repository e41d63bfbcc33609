"""The manual, built as its readers see it."""

from __future__ import annotations

import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest

import paper_repo
from paper_repo.cli.app import COMMANDS

for _name in ("sphinx", "furo", "myst_parser"):
    pytest.importorskip(_name, reason=f"{_name} is not installed: pip install '.[docs]'")

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def manual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the pages, built without a warning."""
    folder = tmp_path_factory.mktemp("manual")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-d", str(folder / "doctrees")]
    done = subprocess.run(
        [*command, str(ROOT / "docs"), str(folder / "html")], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "html"


def test_every_page_is_there(manual: Path) -> None:
    """Each page of docs/ is built, with a title and a way to it."""
    for page in (ROOT / "docs").rglob("*.md"):
        assert (manual / page.relative_to(ROOT / "docs").with_suffix(".html")).exists()


def test_every_public_name_is_documented(manual: Path) -> None:
    """The reference has an entry for everything that `import paper_repo` gives."""
    pages = "".join(page.read_text(encoding="utf-8") for page in (manual / "api").glob("*.html"))

    assert [name for name in paper_repo.__all__ if f'id="paper_repo.{name}"' not in pages] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_own_help(manual: Path, name: str) -> None:
    """The reference has what `--help` of the command prints, word for word."""
    page = unescape(re.sub(r"<[^>]+>", "", (manual / "command-line.html").read_text(encoding="utf-8")))
    command = [sys.executable, "-m", "paper_repo", name, "--help"]
    settings = {"COLUMNS": "88", "TERMINAL_WIDTH": "88", "NO_COLOR": "1", "PATH": "", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(command, env=settings, capture_output=True, encoding="utf-8", check=True)

    said = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    assert [line for line in said if line not in page] == []


def test_it_can_be_searched_and_read_at_night(manual: Path) -> None:
    """There is an index for the search, and a switch for the dark."""
    assert "Search.setIndex" in (manual / "searchindex.js").read_text(encoding="utf-8")
    assert "theme-toggle" in (manual / "index.html").read_text(encoding="utf-8")


def test_it_needs_no_network(manual: Path) -> None:
    """No page loads a script, a style sheet, a font or a picture from elsewhere."""
    for page in manual.rglob("*.html"):
        loaded = re.findall(r"<(?:script|img|link)\b[^>]*?(?:src|href)=\"(https?:[^\"]+)", page.read_text("utf-8"))
        assert loaded == [], page.name


def test_models_find_every_page(manual: Path) -> None:
    """llms.txt lists every page with a sentence, and a link to its source as text."""
    lines = (manual / "llms.txt").read_text(encoding="utf-8").splitlines()
    entries = [re.fullmatch(r"- \[(.+?)\]\((\S+)\): (.*)", line) for line in lines if line.startswith("- ")]

    assert lines[0] == f"# paper_repo {paper_repo.__version__}"
    assert {entry[2] for entry in entries if entry} == {
        f"_sources/{page.relative_to(ROOT / 'docs')}.txt" for page in (ROOT / "docs").rglob("*.md")
    }
    assert all(entry and (manual / entry[2]).exists() and entry[3] for entry in entries)
