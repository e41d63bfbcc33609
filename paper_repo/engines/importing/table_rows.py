"""What tables with a fill a row and tables with a round trip a row have in common: how their columns are found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from paper_repo.engines.importing.amounts import NumberReader
from paper_repo.engines.importing.headings import Headings
from paper_repo.engines.importing.meanings import Vocabulary
from paper_repo.engines.importing.proportions import Proportion
from paper_repo.engines.importing.records import Draft
from paper_repo.engines.importing.tables import Table
from paper_repo.engines.importing.times import TimeReader, is_clock, is_day


def is_number(cell: str) -> bool:
    """Whether a cell begins or ends as a number does."""
    return any(each.isdigit() for each in cell) and not cell[:1].isalpha()


class TimeColumns(NamedTuple):
    """Where a time stands: in one column, or its time of day in another."""

    day: int
    clock: int | None = None


@dataclass
class Rows:
    """What fills and round trips have in common."""

    table: Table
    numbers: NumberReader = field(init=False)
    times: TimeReader = field(init=False)
    proportions: dict[str, Proportion] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.draft: Draft = self.table.draft
        self.headings: Headings = self.table.headings
        self.words: Vocabulary = Vocabulary(self.draft.options.words)

    def column(self, name: str, *without: int | None) -> int:
        """The column of a field that has to be there."""
        found = self.headings.column(name, *without)
        if found is None:
            have = ", ".join(each for each in self.headings.names if each)
            raise self.draft.wrong(
                f"no column is known to be the {name.replace('_', ' ')}; name it: columns={{{name!r}: ...}} "
                f"(--map {name}=COLUMN). There are: {have}"
            )
        return found

    def symbol_column(self) -> int | None:
        """The column of symbols; None where the caller says the symbol."""
        found = self.headings.column("symbol")
        if found is None and self.draft.options.symbol is None:
            raise self.draft.wrong(
                "no column is known to be the symbol; say what was traded: symbol='BTCUSDT' (--symbol BTCUSDT), or "
                "name the column: columns={'symbol': ...} (--map symbol=COLUMN)"
            )
        return found

    def optional(self, name: str, *without: int | None) -> int | None:
        """The column of a field that may be there, if it has numbers."""
        return next(iter(self.numeric(name, *without)), None)

    def numeric(self, name: str, *without: int | None) -> list[int]:
        """The columns that may hold a field and have numbers, or that the caller has named."""
        candidates, is_named = self.headings.candidates(name), name in self.headings.mapped
        return [each for each in candidates if is_named or (each not in without and self.table.filled(each, is_number))]

    def _numeric(self, name: str, *without: int | None) -> int:
        """The column of a field that has to be there: the likeliest that has numbers."""
        found = self.optional(name, *without)
        return self.column(name, *without) if found is None else found

    def _filled(self, name: str, test: Callable[[str], bool]) -> int:
        """The likeliest column of a field that has to be there, of whose cells most pass a test."""
        found = next((each for each in self.headings.candidates(name) if self.table.filled(each, test)), None)
        return self.column(name) if found is None else found

    def time_columns(self, name: str, test: Callable[[str], bool]) -> TimeColumns:
        """Where the time of this field stands, of which most cells pass a test."""
        names = self.headings.names
        if name in self.headings.clocks:
            day, clock = self.headings.mapped[name], self.headings.clocks[name]
            return TimeColumns(clock, day) if self.table.filled(day, is_clock) else TimeColumns(day, clock)
        found = TimeColumns(self._filled(name, test))
        if not self.table.filled(found.day, is_day):
            return found
        found = found._replace(clock=self._clock_beside(name, found.day))
        if found.clock is None:
            self.draft.notes.append(f"{names[found.day]!r} has no time of day; midnight was taken")
        else:
            self.draft.notes.append(
                f"the time of a row is that of {names[found.day]!r} and {names[found.clock]!r} together"
            )
        return found

    def _clock_beside(self, name: str, day: int) -> int | None:
        """The column with the time of day: of the same field, else the next one, one called so, the only one."""
        headings = self.headings
        if "clock" in headings.mapped:
            return headings.mapped["clock"]
        clocks = [each for each in range(len(headings.names)) if each != day and self.table.filled(each, is_clock)]
        likely = [*headings.candidates(name), day + 1, *headings.candidates("clock")]
        found = next((each for each in likely if each in clocks), None)
        return clocks[0] if found is None and len(clocks) == 1 else found

    def note_unread(self, used: Iterable[int | None]) -> None:
        """Name the columns that are read neither as a field nor for a comparison."""
        read = set(used)
        self.draft.unread_columns = [
            name for index, name in enumerate(self.headings.names) if name and index not in read
        ]

    def currency_in(self, *columns: int | None) -> str | None:
        """The currency that the headings of these columns name."""
        return next((self.headings.currencies[each] for each in columns if each in self.headings.currencies), None)

    def text_in(self, row: Sequence[str], index: int | None) -> str | None:
        """What stands in a column of a row; None where nothing does."""
        return None if index is None else row[index].strip() or None

    def finish(self) -> None:
        """Note what the totals of the rows imply, and which words were named in vain."""
        self.draft.notes += self.words.notes
        for symbol, each in self.proportions.items():
            multiplier = each.multiplier
            if multiplier is not None and symbol not in self.draft.options.multipliers:
                self.draft.implied_multipliers[symbol] = multiplier
