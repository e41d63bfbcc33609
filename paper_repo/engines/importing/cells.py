"""Numbers and times in the cells of a file; where one cannot be read, the error names its row and column."""

from __future__ import annotations

from collections.abc import Mapping

from paper_repo.engines.importing.amounts import NumberReader
from paper_repo.engines.importing.records import Draft
from paper_repo.engines.importing.times import TimeReader


def number_in(draft: Draft, reader: NumberReader, cells: Mapping[str, str], row: int, column: str) -> str | None:
    """The number in a column of a row, as plain text; None where there is none.

    Raises:
        SourceFileError: it is no number.
    """
    cell = cells.get(column, "")
    try:
        found = reader.read(cell)
    except ValueError as error:
        raise draft.wrong(f"{cell[:60]!r} {error}", row=row, column=column) from None
    return None if found is None else found.text


def time_in(draft: Draft, reader: TimeReader, cell: str, row: int, column: str, *, fill_id: str | None = None) -> int:
    """The time in a cell, in microseconds since 1970 in UTC.

    Raises:
        SourceFileError: it is no time, or its zone is not known.
    """
    try:
        return reader.read(cell)
    except (ValueError, OverflowError) as error:
        raise draft.wrong(f"{cell[:60]!r} {error}", row=row or None, column=column, fill_id=fill_id) from None
