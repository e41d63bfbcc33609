"""The rows of HTML documents, beside what Python's own parser makes of them."""

from __future__ import annotations

from contextlib import suppress
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from paper_repo import SourceFileError
from paper_repo.engines.importing import html_rows as module
from paper_repo.engines.importing.html_rows import html_rows


class Reference(HTMLParser):
    """The rows by Python's own parser."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.row: list[str] | None = None
        self.cell: str | None = None
        self.span = 1

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.end_row()
            self.row = []
        elif tag in ("td", "th"):
            self.end_cell()
            given = dict(attrs)
            if self.row is not None and "hidden" not in (given.get("class") or "").split():
                self.cell, self.span = "", int(given.get("colspan") or 1)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self.end_cell()
        elif tag in ("tr", "table"):
            self.end_row()

    def handle_data(self, data: str) -> None:
        if self.cell is not None:
            self.cell += data

    def end_cell(self) -> None:
        if self.cell is not None and self.row is not None:
            self.row += [" ".join(self.cell.split()), *[""] * (self.span - 1)]
        self.cell = None

    def end_row(self) -> None:
        self.end_cell()
        if self.row:
            self.rows.append(self.row)
        self.row = None


TAGS = [
    "<table>",
    "</table>",
    "<tr>",
    "<TR align='right' bgcolor=\"#F7F7F7\">",
    "</tr>",
    "<td>",
    "</td>",
    "</TD >",
    "<th>",
]
CELLS = [
    "</th>",
    '<td class="hidden" colspan="8">',
    "<td class='msp hidden'>",
    "<td colspan=3>",
    '<td title="a > b">',
    "<td nowrap>",
    "<td\ncolspan = '2' >",
]
ROWS = [
    "<tr align=right><td> 1  2</td><TD nowrap align=left>x</TD>\n<td></td></tr>",
    "<td>1</td>",
    "<td>2<b>3</b></td></tr>",
]
OTHERS = [
    "<b>",
    "</b>",
    "<br>",
    "<br/>",
    "<img src='a'>",
    "<!-- <td>no</td> -->",
    "<!DOCTYPE html>",
    "<tablet>",
    "</p>",
]
TEXTS = [
    "1 000.00",
    "x",
    " ",
    "\n",
    "&amp;",
    "&lt;td&gt;",
    "&nbsp;",
    "&#1057;",
    "a &amp b",
    "1 < 2",
    "1 > 2",
    '"',
    "'",
    "счет",
]


def rows_of(path: Path, text: str) -> list[list[str]]:
    """The rows of a document."""
    path.write_text(f"<html>{text}", encoding="utf-8")
    return list(html_rows(path))


@given(
    st.lists(st.sampled_from([*TAGS, *CELLS, *ROWS, *OTHERS, *TEXTS]), max_size=40).map("".join),
    st.sampled_from([7, 64, 1 << 16]),
)
@example("<tr><td>1 < 2<td>3</tr>", 7)
def test_they_are_those_of_pythons_own_parser(tmp_path_factory: pytest.TempPathFactory, text: str, chunk: int) -> None:
    """Wherever a chunk ends."""
    reference = Reference()
    reference.feed(text)
    reference.close()
    reference.end_row()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK", chunk)
        assert rows_of(tmp_path_factory.getbasetemp() / "rows.html", text) == reference.rows


def test_scripts_and_styles_are_no_text(tmp_path: Path) -> None:
    """Whatever is in them."""
    text = "<style>td > b {}</style><tr><td>1<script>if (a < b) '<td>2</td>'</SCRIPT>3</td></tr>"
    assert rows_of(tmp_path / "rows.html", text) == [["13"]]


@pytest.mark.parametrize(
    "part",
    [
        "<",
        "<a",
        "<!--",
        "<a '",
        '<a "',
        "<td",
        "</",
        "<script>",
        "&",
        "<a '\"",
        "<!-- -->",
        "<td title='",
        "<tr><td>1</td>",
    ],
)
def test_no_document_takes_long(part: str, tmp_path: Path) -> None:
    """A megabyte of beginnings without an end is read, or refused, in linear time."""
    with suppress(SourceFileError):
        rows_of(tmp_path / "rows.html", "<tr>" + part * ((5 << 20) // len(part)))
