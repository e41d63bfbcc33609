"""The pages of the manual, read as they are on a code host, where nothing is built."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
DIRECTIVE = re.compile(
    r"(?P<before>[^\n]*\n\n?)?^```\{(?P<name>[\w-]+)\}[^\n]*\n(?P<text>.*?)^```", re.DOTALL | re.MULTILINE
)


@pytest.mark.parametrize("page", PAGES, ids=[str(each.relative_to(DOCS)) for each in PAGES])
def test_no_block_is_empty(page: Path) -> None:
    """Where the manual puts something in, the page says what, and where else to find it."""
    for block in DIRECTIVE.finditer(page.read_text(encoding="utf-8")):
        if block["name"] == "include":
            continue
        told = block["text"].strip()
        assert told, block[0]
        assert block["name"] == "toctree" or "The built manual" in told, block[0]


@pytest.mark.parametrize("page", ["guarantees.md", "changes.md"])
def test_a_page_that_is_another_one_names_it(page: str) -> None:
    """With a link, in a line that the manual leaves out."""
    text = (DOCS / page).read_text(encoding="utf-8")

    for included in re.findall(r"```\{include\} (\S+)", text):
        link = next(line for line in text.splitlines() if line.startswith("% ") and f"]({included})" in line)
        assert (DOCS / included).exists(), link
