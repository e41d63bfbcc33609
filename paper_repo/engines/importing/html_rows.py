"""The rows of the tables of an HTML document, one after the other, whatever encoding it is in."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from paper_repo.engines.importing.files import open_source
from paper_repo.engines.importing.text_files import encoding_of
from paper_repo.errors import SourceFileError

CHUNK = 1 << 16
LONGEST_CELL = 10_000
LONGEST_TAG = 1 << 20
MOST_COLUMNS = 1000


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
                raise SourceFileError("it has NUL characters, so it is no HTML", file=str(path))
            parser.feed(text)
            if len(parser.rawdata) > LONGEST_TAG:
                raise SourceFileError("it has a tag that does not end, so it is no report", file=str(path))
            yield from parser.taken()
            chunk = file.read(CHUNK)
        parser.close()
        yield from parser.taken()


class _Rows(HTMLParser):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._done: list[list[str]] = []
        self._row: list[str] | None = None
        self._cell: list[str] | None = None
        self._length = 0
        self._span = 1

    def taken(self) -> list[list[str]]:
        """The rows that are complete."""
        done, self._done = self._done, []
        return done

    def close(self) -> None:
        """The document ends."""
        super().close()
        self._end_row()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A row or a cell begins."""
        if tag == "tr":
            self._end_row()
            self._row = []
        elif tag in ("td", "th") and self._row is not None:
            self._end_cell()
            given = dict(attrs)
            if "hidden" in (given.get("class") or "").split():
                return
            span = (given.get("colspan") or "1").strip()
            self._span = min(int(span), MOST_COLUMNS) if span.isascii() and span.isdigit() and len(span) < 6 else 1
            self._cell, self._length = [], 0

    def handle_endtag(self, tag: str) -> None:
        """A row or a cell ends."""
        if tag in ("td", "th"):
            self._end_cell()
        elif tag in ("tr", "table"):
            self._end_row()

    def handle_data(self, data: str) -> None:
        """Text."""
        if self._cell is None:
            return
        self._length += len(data)
        if self._length > LONGEST_CELL:
            raise SourceFileError(f"a cell has more than {LONGEST_CELL:,} characters", file=str(self._path))
        self._cell.append(data)

    def _end_cell(self) -> None:
        if self._cell is not None and self._row is not None:
            if len(self._row) + self._span > MOST_COLUMNS:
                raise SourceFileError(f"a row has more than {MOST_COLUMNS:,} cells", file=str(self._path))
            self._row.append(" ".join("".join(self._cell).split()))
            self._row += [""] * (self._span - 1)
        self._cell = None

    def _end_row(self) -> None:
        self._end_cell()
        if self._row:
            self._done.append(self._row)
        self._row = None
