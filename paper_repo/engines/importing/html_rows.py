"""The rows of the tables of an HTML document, one after the other, whatever encoding it is in.

A report has a million cells, which `html.parser` would take minutes for: here is only what rows and cells need.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

from paper_repo.engines.importing.files import open_source
from paper_repo.engines.importing.text_files import encoding_of
from paper_repo.errors import SourceFileError

CHUNK = 1 << 16
LONGEST_CELL = 10_000
LONGEST_TAG = 1 << 20
MOST_COLUMNS = 1000

_TAG = re.compile(r"""<(/?)([a-z!?][^\s<>/"']*+)((?:[^<>"']|"[^"]*+"|'[^']*+')*+)>""", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""([^\s=/]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"']+)))?""")
_PLAIN = re.compile(r"(?:\s*+<td(?: nowrap| align=\w++)*+>[^<&]{0,200}+</td>)++\s*+</tr>", re.IGNORECASE)
"""The rest of a row as nearly all are, of which the cells need no look at each tag."""
_CELLS = re.compile(r">([^<]*)</td>", re.IGNORECASE)
_ENDS = {
    "!--": re.compile("-->"),
    "script": re.compile("</script", re.IGNORECASE),
    "style": re.compile("</style", re.IGNORECASE),
}
"""Where ends what has neither tags nor text in it."""


def html_rows(path: Path) -> Iterator[list[str]]:
    """The cells of each row; a cell that spans several columns is followed by empty ones.

    Raises:
        SourceFileError: it is no text, or no document that a program would write.
    """
    with open_source(path) as file:
        start = file.read(CHUNK)
        encoding = encoding_of(start)
        decode = codecs.getincrementaldecoder(encoding)(errors="replace").decode
        parser = _Rows(path)
        chunk = start
        while chunk:
            text = decode(chunk)
            if "\0" in text:
                raise SourceFileError("it has NUL characters, so it is not HTML", file=str(path))
            parser.feed(text)
            if len(parser.rest) > LONGEST_TAG:
                raise SourceFileError("it has an unclosed tag or text, so it is not a report", file=str(path))
            yield from parser.taken()
            chunk = file.read(CHUNK)
        parser.close()
        yield from parser.taken()


class _Rows:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._done: list[list[str]] = []
        self._row: list[str] | None = None
        self._cell: list[str] | None = None
        self._length = 0
        self._span = 1
        self.rest: str = ""
        """What ends in the middle of a tag or a text."""

    def taken(self) -> list[list[str]]:
        """The rows that are complete."""
        done, self._done = self._done, []
        return done

    def feed(self, text: str) -> None:
        """Read on."""
        text, place, after = self.rest + text, 0, 0
        while (place := text.find("<", place)) >= 0:
            end = self._tag_at(text, place, after)
            if end is None:
                break
            if end:
                after = place = end
            else:
                place += 1  # it is text
        self.rest = text[after:]

    def close(self) -> None:
        """The document ends."""
        self._add(self.rest)
        self._end_row()

    def _tag_at(self, text: str, place: int, after: int) -> int | None:
        """Read the text after the last tag, and the tag at this place; where that ends. 0: no tag; None: not yet."""
        if text.startswith("<!--", place):
            name, end, found = "!--", place + 4, None
        else:
            found = _TAG.match(text, place)
            if found is None:
                return 0 if text.find(">", place) >= 0 else None
            name, end = found[2].lower(), found.end()
        if name in _ENDS and (found is None or not found[1]):
            last = _ENDS[name].search(text, end)
            if last is None:
                return None
            end = last.end() if name == "!--" else last.start()
        if self._cell is not None and after < place:
            self._add(text[after:place])
        if found is not None:
            self._tag(name, bool(found[1]), found[3])
        plain = _PLAIN.match(text, end) if name == "tr" and self._row is not None else None
        if plain is None:
            return end
        self._row = [" ".join(cell.split()) for cell in _CELLS.findall(plain[0])]
        self._require_few(len(self._row))
        self._end_row()
        return plain.end()

    def _tag(self, name: str, is_end: bool, attributes: str) -> None:
        if name in ("td", "th"):
            self._end_cell()
            if not is_end and self._row is not None:
                self._begin_cell(attributes)
        elif name == "tr":
            self._end_row()
            if not is_end:
                self._row = []
        elif name == "table" and is_end:
            self._end_row()

    def _begin_cell(self, attributes: str) -> None:
        span = "1"
        if attributes:
            given = {each[1].lower(): each[2] or each[3] or each[4] or "" for each in _ATTRIBUTE.finditer(attributes)}
            if "hidden" in unescape(given.get("class", "")).split():
                return
            span = unescape(given.get("colspan", "1")).strip() or "1"
        self._span = min(int(span), MOST_COLUMNS) if span.isascii() and span.isdigit() and len(span) < 6 else 1
        self._cell, self._length = [], 0

    def _add(self, text: str) -> None:
        if self._cell is None:
            return
        text = unescape(text) if "&" in text else text
        self._length += len(text)
        if self._length > LONGEST_CELL:
            raise SourceFileError(f"a cell has more than {LONGEST_CELL:,} characters", file=str(self._path))
        self._cell.append(text)

    def _end_cell(self) -> None:
        if self._cell is not None and self._row is not None:
            self._require_few(len(self._row) + self._span)
            self._row.append(" ".join("".join(self._cell).split()))
            self._row += [""] * (self._span - 1)
        self._cell = None

    def _require_few(self, cells: int) -> None:
        if cells > MOST_COLUMNS:
            raise SourceFileError(f"a row has more than {MOST_COLUMNS:,} cells", file=str(self._path))

    def _end_row(self) -> None:
        self._end_cell()
        if self._row:
            self._done.append(self._row)
        self._row = None
