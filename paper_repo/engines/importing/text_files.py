"""Delimited text: its encoding and its delimiter are found out, then it is read row by row."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path

from paper_repo.engines.importing.files import open_source
from paper_repo.errors import SourceFileError

SAMPLE = 1 << 16
LONGEST_LINE = 1 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def encoding_of(sample: bytes) -> str:
    """The encoding of a text that begins so."""
    for mark, name in _MARKS:
        if sample.startswith(mark):
            return name
    if len(sample) >= 4 and sample[1::2].count(0) > len(sample) // 4:
        return "utf-16-le"
    if len(sample) >= 4 and sample[::2].count(0) > len(sample) // 4:
        return "utf-16-be"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


class TextFile:
    """A file of delimited text.

    Raises:
        SourceFileError: it is no text, or has no rows.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with open_source(path) as file:
            sample = file.read(SAMPLE)
        self.encoding: str = encoding_of(sample)
        text = codecs.getincrementaldecoder(self.encoding)(errors="replace").decode(sample)
        if "\0" in text:
            raise SourceFileError("it has NUL characters, so it is not text; export it as CSV", file=str(path))
        self.delimiter: str = _delimiter_of(text)

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Each row, with the number of its last line."""
        with open_source(self.path) as binary:
            text = io.TextIOWrapper(binary, encoding=self.encoding, newline="")
            reader = csv.reader(self._lines(text.readline), delimiter=self.delimiter)
            try:
                for row in reader:
                    yield reader.line_num, row
            except csv.Error as error:
                raise SourceFileError(
                    f"it cannot be read from here on ({error}); a quotation mark may not be closed",
                    file=str(self.path),
                    row=reader.line_num,
                ) from error
            except UnicodeDecodeError as error:
                raise SourceFileError(
                    f"it is not {self.encoding} text after this row; save it as UTF-8",
                    file=str(self.path),
                    row=reader.line_num,
                ) from error

    def _lines(self, read: Callable[[int], str]) -> Iterator[str]:
        number = 0
        while line := read(LONGEST_LINE):
            number += 1
            if len(line) >= LONGEST_LINE:
                raise SourceFileError(
                    f"the line is longer than {LONGEST_LINE:,} characters", file=str(self.path), row=number
                )
            if "\0" in line:
                raise SourceFileError("the line has NUL characters", file=str(self.path), row=number)
            yield line


def _delimiter_of(text: str) -> str:
    """The delimiter by which the first lines fall into the most columns, and most of them into as many."""
    lines = [line for line in text.splitlines()[:60] if line.strip()]
    best, most = ",", 0.0
    for delimiter in (",", ";", "\t", "|"):
        try:
            counts = [len(row) for row in csv.reader(lines, delimiter=delimiter)]
        except csv.Error:
            continue
        width = max(counts, default=1)
        score = sum(count for count in counts if count > 1) if width > 1 else 0
        steady = max((counts.count(each) for each in set(counts) if each > 1), default=0)
        if score * steady > most:
            best, most = delimiter, score * steady
    return best
