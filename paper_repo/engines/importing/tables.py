"""A table of a text file: its headings, and the formats of its numbers and times, found out before it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, tzinfo
from itertools import islice
from pathlib import Path

from paper_repo.engines.importing.amounts import Number, NumberEvidence, NumberReader
from paper_repo.engines.importing.headings import Headings
from paper_repo.engines.importing.records import Draft
from paper_repo.engines.importing.text_files import TextFile
from paper_repo.engines.importing.times import DateEvidence, TimeReader, together, zone_named
from paper_repo.errors import SourceFileError

LAST_ROW_OF_HEADINGS = 100
SAMPLE_ROWS = 300


class Table:
    """The rows of a text file below its headings.

    Raises:
        SourceFileError: no row of headings was found.
    """

    def __init__(
        self,
        path: Path,
        draft: Draft,
        *,
        is_heading: Callable[[Headings], bool] | None = None,
        may_be_named: bool = False,
    ) -> None:
        self.draft = draft
        self.text: TextFile = TextFile(path)
        self._may_be_named = may_be_named  # its columns, by the caller
        self._is_heading = is_heading or (lambda headings: headings.fields >= 3)
        start, headings = self._find_headings(draft.options.columns)
        self.start: int = start
        self.headings: Headings = headings
        self._raw_headings = [each.strip() for each in self.headings.names]
        self.sample: list[list[str]] = [row for _, row in islice(self.rows(), SAMPLE_ROWS)]

    def _find_headings(self, mapping: Mapping[str, str]) -> tuple[int, Headings]:
        first: list[str] | None = None
        problem: ValueError | None = None
        for line, row in islice(self.text.rows(), LAST_ROW_OF_HEADINGS):
            cells = [cell for cell in row if cell.strip()]
            if len(cells) < 2:
                continue
            first = first or row
            try:
                headings = Headings(row, mapping)
            except ValueError as error:
                problem = problem or error
                continue
            if self._is_heading(headings) or len(mapping) >= 3:
                return line, headings
        if problem is not None:
            raise self.draft.wrong(str(problem))
        told = f"; its first row has: {', '.join(first)[:500]}" if first else ""
        way_out = "Name the columns: columns={'price': 'Preis'} (--map price=Preis), and so for the others"
        raise self.draft.wrong(
            f"no row has headings of trades (time, symbol, side, quantity, price){told}"
            f"{f'. {way_out}' if self._may_be_named else ''}"
        )

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Each row below the headings, with its line; blank ones and repeated headings are passed over."""
        width = len(self.headings.names)
        for line, row in self.text.rows():
            if line <= self.start:
                continue
            if len(row) < width:
                row += [""] * (width - len(row))
            yield line, row

    def is_left_out(self, row: Sequence[str]) -> str | None:
        """Why a row is none of the table, if so."""
        if not any(cell and not cell.isspace() for cell in row):
            return "blank row"
        if [cell.strip().lstrip("\ufeff") for cell in row[: len(self._raw_headings)]] == self._raw_headings:
            return "headings, repeated"
        return None

    def filled(self, index: int | None, test: Callable[[str], bool]) -> bool:
        """Whether most cells of a column in the first rows pass a test."""
        if index is None:
            return False
        cells = [row[index].strip() for row in self.sample if index < len(row) and row[index].strip()]
        return bool(cells) and sum(map(test, cells)) * 2 > len(cells)

    def formats(
        self,
        numbers: Sequence[int],
        times: Sequence[int],
        zone: tzinfo | None = None,
        watch: Callable[[list[str]], object] | None = None,
    ) -> tuple[NumberReader, TimeReader]:
        """Readers of the numbers and times in these columns, after a look at every row, which `watch` sees too.

        Raises:
            SourceFileError: the file contradicts itself, or does not tell what it means.
        """
        evidence, dates = NumberEvidence(), DateEvidence()
        is_price = evidence.add
        for line, row in self.rows():
            for index in numbers:
                cell = row[index]
                if cell:
                    is_price(cell, line)
            if watch is not None:
                watch(row)
            for index in times:
                if row[index]:
                    dates.add(row[index], line)
        options = self.draft.options
        reader = NumberReader(evidence.decide(self.draft.file, self.text.delimiter, options.decimal_sign))
        chosen = zone_named(options.timezone) or zone
        return reader, TimeReader(self.draft, chosen, dates.decide(self.draft.file, options.date_order))

    def zone_in(self, index: int) -> tzinfo | None:
        """The zone that the heading of a column names."""
        name = self.headings.names[index].casefold()
        return UTC if "utc" in name or "gmt" in name.split() or "(gmt)" in name else None

    def number(
        self, reader: NumberReader, row: Sequence[str], line: int, index: int | None, units: tuple[str, ...] = ()
    ) -> Number | None:
        """The number in a column of a row; None where there is none.

        Raises:
            SourceFileError: it is no number.
        """
        if index is None:
            return None
        try:
            return reader.read(row[index], units)
        except ValueError as error:
            raise self._wrong(row, line, index, f"{_shown(row[index])} {error}") from None

    def time(self, reader: TimeReader, row: Sequence[str], line: int, index: int, clock: int | None = None) -> int:
        """The time in a column of a row.

        Raises:
            SourceFileError: it is no time, or its zone is not known.
        """
        cell = row[index] if clock is None else together(row[index], row[clock])
        try:
            return reader.read(cell)
        except (ValueError, OverflowError) as error:
            raise self._wrong(row, line, index, f"{_shown(cell)} {error}") from None

    def _wrong(self, row: Sequence[str], line: int, index: int, problem: str) -> SourceFileError:
        ids = self.headings.candidates("id") or self.headings.candidates("order_id")
        fill_id = row[ids[0]].strip()[:60] if ids else None
        other = ", or name another column with columns={...} (--map FIELD=COLUMN)" if self._may_be_named else ""
        return self.draft.wrong(
            f"{problem}; correct the cell{other}",
            row=line,
            column=self.headings.names[index],
            fill_id=fill_id or None,
        )


def _shown(cell: str) -> str:
    return repr(cell if len(cell) <= 60 else f"{cell[:57]}...")
